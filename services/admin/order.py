"""One order: everything that its page shows, in one value."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from services.admin.sentence import sentence
from services.ledger import JournalLine, Ledger, UnmatchedBooking
from services.ledger.history import KnownEffect, NamingDelivery, RelatedOrder, SentMail, ToldAlert
from services.ledger.search import Booked, booked_of
from services.orders import Booking, BookingState, Order
from services.payments import dashboard_url

__all__ = [
    'DetailsReader',
    'KnownEffect',
    'NamingDelivery',
    'OrderDetails',
    'RelatedOrder',
    'SentMail',
    'ToldAlert',
]

CALENDLY = 'https://calendly.com/app/scheduled_events/user/me'
"""The coach's list of meetings: Calendly documents no address of a single one."""


@dataclass(frozen=True)
class OrderDetails:
    """Everything about one order.

    Attributes:
        order: as it is now.
        sentence: what it is, in one sentence.
        booked: whether a time is booked; None where the order opens no calendar.
        bookings: its meetings, the earliest first, with canceled ones.
        timeline: its journal, the oldest line first.
        mails: its mails.
        alerts: what the operator was told about it.
        effects: what is to be done elsewhere or was, the newest first.
        unmatched: meetings of this order that it did not pay for in this form.
        attachable: unmatched meetings of no order with this customer's e-mail or name.
        deliveries: those that name it and failed.
        related: other orders of the same customer, and the one that this one repeats.
        stripe_url: the payment in Stripe's Dashboard, '' where there is none.
        calendly_url: the coach's list of meetings, '' where the order has none.
        customer_url: the page that the customer sees.
        zone: the name of the shop's time zone.
    """

    order: Order
    sentence: str
    booked: Booked | None
    bookings: tuple[Booking, ...]
    timeline: tuple[JournalLine, ...]
    mails: tuple[SentMail, ...]
    alerts: tuple[ToldAlert, ...]
    effects: tuple[KnownEffect, ...]
    unmatched: tuple[UnmatchedBooking, ...]
    attachable: tuple[UnmatchedBooking, ...]
    deliveries: tuple[NamingDelivery, ...]
    related: tuple[RelatedOrder, ...]
    stripe_url: str
    calendly_url: str
    customer_url: str
    zone: str


class DetailsReader:
    """Reads all that is known about one order."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        zone: Callable[[], tzinfo],
        domain: str,
        bookings_known: Callable[[], bool],
        clock: Callable[[], datetime],
    ) -> None:
        """Make it.

        Args:
            ledger: where it is read.
            zone: returns the time zone of the shop.
            domain: the shop's address.
            bookings_known: whether the shop learns of bookings.
            clock: the present time in UTC.
        """
        self._ledger = ledger
        self._zone = zone
        self._domain = domain
        self._bookings_known = bookings_known
        self._clock = clock

    async def find(self, reference: str) -> OrderDetails | None:
        """Return an order of any environment with all that is known about it; None if there is none.

        Args:
            reference: of the order.
        """
        order = await self._ledger.orders.find(reference=reference)
        if order is None:
            return None
        history, bookings = self._ledger.history, await self._ledger.bookings.of(order.id)
        mails = await history.mails(order)
        active = sum(booking.state is BookingState.ACTIVE for booking in bookings)
        known = self._bookings_known() and not order.bookings_unknown
        booked = booked_of(order.state, active, known=known)
        return OrderDetails(
            order=order,
            sentence=sentence(order, bookings, mails, booked=booked, zone=self._zone(), now=self._clock()),
            booked=booked,
            bookings=bookings,
            timeline=await self._ledger.journal.lines(order.id),
            mails=mails,
            alerts=await history.alerts(order),
            effects=await history.effects(order),
            unmatched=await history.unmatched(order),
            attachable=await history.attachable(order),
            deliveries=await history.deliveries(order),
            related=await history.related(order),
            stripe_url=dashboard_url(order.facts.payment_id, order.environment.mode),
            calendly_url=CALENDLY if bookings else '',
            customer_url=f'{self._domain}/order/{order.token}',
            zone=str(self._zone()),
        )
