"""Calendar links: the address at which a paid order picks its time."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

from cachetools import TTLCache

from services.booking.gate import calendar_gate
from services.booking.recorder import BookingRecorder
from services.errors import CalendarRefused, CalendarUnavailable, ShopError, reported
from services.ledger import Effect, Ledger
from services.orders import BookingState, CalendarGate, Cause, Order
from services.payments import Payments
from services.scheduling import Scheduling, ShareStatus, SingleUseLink

log = logging.getLogger(__name__)

TRIES_BEFORE_PUBLIC_LINK = 3  # to make a link of the order's own
LINK_LIFETIME = timedelta(days=85)  # Calendly's links may expire after ninety days
SHARE_IS_NEW = timedelta(minutes=5)  # for so long after it was made its status is not read
SHARES_CHECKED = 10_000, 300  # shares whose status is known, and for how many seconds
COUNTED_TRIES = 10_000, 300  # orders whose tries are counted, seconds


class CalendarLinks:
    """Makes one link for each order and keeps it."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        payments: Payments,
        scheduling: Scheduling,
        recorder: BookingRecorder,
        clock: Callable[[], datetime],
        selling: bool,
        duplicates_open: bool,
        learns_of_bookings: bool,
    ) -> None:
        """Make it; nothing is requested yet.

        Args:
            ledger: stores the links.
            payments: knows the environment the shop sells in.
            scheduling: makes links.
            recorder: looks up bookings that the ledger does not know.
            clock: the present time in UTC.
            selling: whether a payment earns a time here.
            duplicates_open: whether a second payment of the same customer opens its calendar too.
            learns_of_bookings: whether Calendly delivers bookings to this shop.
        """
        self._ledger = ledger
        self._payments = payments
        self._scheduling = scheduling
        self._recorder = recorder
        self._clock = clock
        self._selling = selling
        self._duplicates_open = duplicates_open
        self._learns_of_bookings = learns_of_bookings
        self._is_failing = False  # whether the last order that waited got the public address
        self._tries: TTLCache[str, int] = TTLCache(*COUNTED_TRIES)
        self._checked: TTLCache[str, bool] = TTLCache(*SHARES_CHECKED, timer=lambda: clock().timestamp())
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def gate(self, order: Order) -> CalendarGate:
        """Return whether an order shows its calendar, and if not, why."""
        return calendar_gate(
            order,
            environment=self._payments.environment,
            selling=self._selling,
            duplicates_open=self._duplicates_open,
        )

    def has_waited(self, order: Order) -> bool:
        """Count a try to show the calendar of an order, on any page; True once there were enough."""
        self._tries[order.id] = self._tries.get(order.id, 0) + 1
        return self._tries[order.id] >= TRIES_BEFORE_PUBLIC_LINK

    async def url(self, order: Order, *, fallback: bool = False) -> str | None:
        """Return the address to embed for a verified order, or None while there is none to give.

        For an order that was adopted or restored, bookings that the ledger does not know are looked up first.
        If one of them is active there is no address.

        Args:
            order: the order as read from the ledger.
            fallback: return the public address if a link of the order's own cannot be made: whoever has paid
                must be able to book even while Calendly's API is down.
        """
        if self.gate(order) is not CalendarGate.OPEN:
            return None
        if not self._scheduling.makes_links:
            return self._scheduling.url_for(order)
        try:
            with reported('making a calendar link'):
                if order.bookings_unknown and await self._is_booked(order, may_wait=not fallback):
                    return None
                link = await self._link_of(order)
                return self._scheduling.url_for(order, link) if link else None
        except ShopError as error:
            return self._public_url(order, error) if fallback else None

    async def is_reachable(self) -> bool:
        """Whether a calendar can be expected to load; Calendly's page is asked only while its API fails."""
        return not self._is_failing or await self._scheduling.public_page_answers()

    def _public_url(self, order: Order, error: ShopError) -> str:
        """Return the public address, and say loudly that customers get it: it books any number of times."""
        if not self._is_failing:
            self._is_failing = True
            log.error(
                'order %s and the next ones get the public calendar link: no own link can be made: %s',
                order.reference,
                error,
            )
        return self._scheduling.url_for(order)

    async def _is_booked(self, order: Order, *, may_wait: bool) -> bool:
        """Look up the bookings of an order at Calendly; returns whether one of them is active.

        Raises:
            CalendarUnavailable: Calendly does not answer, and the customer can wait.
        """
        try:
            await self._recorder.look_up(order)
        except CalendarUnavailable as error:
            if may_wait:
                raise
            log.warning('order %s may be booked already, and Calendly is silent: %s', order.reference, error)
        return any(booking.state is BookingState.ACTIVE for booking in await self._recorder.bookings(order))

    async def _link_of(self, order: Order) -> str | None:
        """Return the order's single-use link, making one if it has none; the ledger keeps the first.

        None for an order that was closed meanwhile.
        """
        # Two tabs of one browser must not make two links, of which one is deleted again.
        async with self._locks.setdefault(order.id, asyncio.Lock()):
            made: tuple[SingleUseLink, Effect] | None = None
            while current := await self._ledger.orders.find(id=order.id):
                if self.gate(current) is not CalendarGate.OPEN:
                    await self._give_back(current, made)
                    return None
                if current.calendar_url and await self._is_usable(current):
                    await self._give_back(current, made)
                    return current.calendar_url
                made = made or await self._make(current)
                link, intent = made
                expired = '; the earlier one has expired' if current.calendar_url else ''
                moved = await self._ledger.orders.move(
                    current,
                    because=Cause.PAGE,
                    line=f'calendar link made{expired}',
                    ends=intent,
                    calendar_url=link.url,
                    calendar_url_at=self._clock(),
                    calendar_share=link.share or None,
                    bookings_unknown=False,
                )
                if moved:
                    return moved.calendar_url
            raise CalendarUnavailable('the order is gone')

    async def _make(self, order: Order) -> tuple[SingleUseLink, Effect]:
        """Make a link; before it is requested the ledger knows that it will be."""
        intent = await self._ledger.effects.begin_link(order)
        try:
            link = await self._scheduling.make_link()
        except CalendarRefused:
            await self._ledger.effects.cancel_link(intent)
            raise
        self._log_recovery()
        return link, intent

    async def _give_back(self, order: Order, made: tuple[SingleUseLink, Effect] | None) -> None:
        """Have a link deleted that was made and is not kept; nobody has seen it."""
        if made is None:
            return
        link, intent = made
        await self._ledger.effects.give_back(intent, link.share)
        log.info('order %s: a second calendar link was made, and is not used', order.reference)

    async def _is_usable(self, order: Order) -> bool:
        """Whether an order's link can still be booked, or was used for a meeting.

        The status of a share is read at Calendly: not while it is new, and not each time. Where it cannot be
        read, and for a link of the other kind, its age decides.
        """
        share, made_at = order.calendar_share, order.calendar_url_at
        if not share or made_at is None:
            return not await self._may_have_expired(order)
        if share in self._checked or self._clock() - made_at < SHARE_IS_NEW:
            return True
        try:
            status = await self._scheduling.read_share_status(share, made_at=made_at)
        except CalendarUnavailable as error:
            log.warning('order %s: the status of its calendar link is not known: %s', order.reference, error)
            return not await self._may_have_expired(order)
        usable = status is ShareStatus.ACTIVE or (
            status is not ShareStatus.EXPIRED and await self._was_used(order, status)
        )
        if usable:
            self._checked[share] = True
        return usable

    async def _was_used(self, order: Order, status: ShareStatus) -> bool:
        """Look up the bookings of an order whose link was booked, or is not listed any more.

        Returns:
            Whether the link stays: there is a meeting, or it was booked and nothing is known of the meeting.
        """
        try:
            await self._recorder.look_up(order)
        except CalendarUnavailable as error:
            log.warning('order %s keeps its calendar link: %s', order.reference, error)
            return True
        bookings = await self._recorder.bookings(order)
        if any(booking.state is BookingState.ACTIVE for booking in bookings):
            return True
        if status is ShareStatus.BOOKED and not bookings:
            log.warning('order %s: its calendar link was booked, but no meeting has its key', order.reference)
            return True
        return False

    async def _may_have_expired(self, order: Order) -> bool:
        """Whether an order's link is old and unused; where Calendly delivers no bookings it is asked."""
        made = order.calendar_url_at
        if made is None or self._clock() - made < LINK_LIFETIME:
            return False
        if not self._learns_of_bookings:
            try:
                await self._recorder.look_up(order)
            except CalendarUnavailable as error:
                log.warning('order %s keeps its old calendar link: %s', order.reference, error)
                return False
        return not any(
            booking.state is BookingState.ACTIVE for booking in await self._recorder.bookings(order)
        )

    def _log_recovery(self) -> None:
        if self._is_failing:
            self._is_failing = False
            log.info('calendar links can be made again')
