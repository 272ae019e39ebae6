"""The part of an order's life that can be walked at Stripe's own test mode and at the operator's Calendly.

No order is written. What is made there is closed again, whatever happens in between.
"""

import secrets
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from services.errors import CalendarRefused, CalendarUnavailable, PaymentRefused, ShopError
from services.ledger import Ledger, Source
from services.money import Money
from services.orders import Order, PaymentSession, PriceAdjustments, Purchase, new_reference
from services.payments import Payments, RehearsalEvent
from services.rehearsal.hops import NEEDS, Hop, HopFailed, HopNotPossible, Part, Step, until, walk
from services.scheduling import Scheduling, SingleUseLink, problem_of_error
from services.settings import Settings
from services.settings.urls import is_public
from services.site import Product

EXPIRED = 'checkout.session.expired'
DELIVERY_TIMEOUT = 25.0  # seconds; Stripe mostly delivers within five
OPEN_FOR = timedelta(minutes=40)  # Stripe wants thirty at least; one that is lost closes by itself then
SOON, DAYS = timedelta(minutes=5), timedelta(days=7)
SKEW = timedelta(minutes=1)
PRICE = 'Stripe accepts the key and has the price'
CLOSED = 'All that was made is closed again'
NOT_PAYABLE = 'Stripe has no documented call that pays a session; the simulated part pays one'
NOT_BOOKABLE = 'it would stand in your real calendar; the simulated part books one'
NOT_REACHABLE = 'Stripe cannot reach {}: set DOMAIN to the public address of the shop'
NO_DELIVERIES = 'STRIPE_WEBHOOK_SECRET is not set, so the shop takes no deliveries and asks Stripe instead'
NOT_LISTED = 'Stripe does not list the event yet, so it may still come: rehearse again in a minute'
PENDING = (
    'an endpoint has not taken it yet, and this shop has not got it: check that the shop runs at {} with '
    'this database, and that STRIPE_WEBHOOK_SECRET is the secret of the endpoint for it'
)
NOT_PENDING = (
    'Stripe waits for no endpoint to take it, and this shop has not got it: check that an endpoint has the '
    'URL {}/webhooks/stripe and the event '
    + EXPIRED
    + ', and that no other shop or database is behind that URL'
)


class VendorLife:
    """What documented calls allow with test keys; each method below `walk` is a hop."""

    def __init__(
        self,
        settings: Settings,
        offer: Product,
        *,
        payments: Payments,
        scheduling: Scheduling,
        ledger: Ledger,
        clock: Callable[[], datetime],
        delivery_timeout: float = DELIVERY_TIMEOUT,
    ) -> None:
        """Make it; nothing is requested yet.

        Args:
            settings: the operator's, with test keys.
            offer: what the shop sells.
            payments: Stripe.
            scheduling: Calendly.
            ledger: where the running shop records deliveries; it is only read.
            clock: the present time in UTC.
            delivery_timeout: how many seconds a delivery is waited for.

        Raises:
            ValueError: the keys are live.
        """
        if settings.mode == 'live':
            raise ValueError('a rehearsal is never made with live keys')
        self._settings = settings
        self._offer = offer
        self._payments = payments
        self._scheduling = scheduling
        self._ledger = ledger
        self._clock = clock
        self._delivery_timeout = delivery_timeout
        self._id = uuid.uuid4().hex
        self._begun = clock()
        self._price = Money(0, 'usd')
        self._order: Order | None = None
        self._session: PaymentSession | None = None
        self._payment = ''
        self._link: SingleUseLink | None = None
        self._open: dict[str, Callable[[], Awaitable[object]]] = {}  # what is to be closed, and how

    async def walk(self, *, on_hop: Callable[[Hop], object]) -> list[Hop]:
        """Take every hop that is possible, then close what is still open.

        Args:
            on_hop: called with each hop as it ends.
        """
        sequences = (
            (
                Step(PRICE, self._read_price, others_depend=True),
                Step('A session is opened at Stripe', self._open_session, others_depend=True),
                Step('The session is read back', self._read_session),
                Step('The session is expired', self._expire, others_depend=True),
                Step('The webhook of its end arrives', self._is_delivered),
            ),
            (
                Step('A payment with a test card succeeds', self._pay, others_depend=True),
                Step('The payment is refunded', self._refund),
            ),
            (Step('The session is paid', lambda: _not_possible(NOT_PAYABLE)),),
            (
                Step('Calendly has the event type', self._check_calendar, others_depend=True),
                Step('The free times are read', self._read_free_times),
                Step('A link that books once is made', self._make_link, others_depend=True),
                Step('The link is deleted', self._delete_link),
            ),
            (Step('A time is booked, moved and canceled', lambda: _not_possible(NOT_BOOKABLE)),),
        )
        hops: list[Hop] = []
        try:
            for steps in sequences:
                hops += await walk(Part.TEST_KEYS, steps, on_hop=on_hop)
        finally:  # also after Ctrl-C
            hops += await walk(Part.TEST_KEYS, [Step(CLOSED, self._close)], on_hop=on_hop)
        return hops

    async def _read_price(self) -> None:
        self._price = await self._payments.read_price(self._settings.stripe_price_id)

    async def _open_session(self) -> None:
        order = self._order = self._new_order()
        self._open['session'] = self._expire_whatever_was_opened
        try:
            self._session = await self._payments.rehearsal.open_session(order)
        except PaymentRefused:
            del self._open['session']
            raise

    async def _read_session(self) -> None:
        session = await self._payments.read_session(self._opened.id)
        if session is None:
            raise HopFailed('Stripe does not have it')
        facts = session.facts
        seen = Money(facts.amount_subtotal or 0, facts.seen_currency)
        if facts.session_status != 'open' or seen != self._price:
            raise HopFailed(f'it is {facts.session_status} and costs {seen}, not {self._price}')

    async def _expire(self) -> None:
        await self._payments.expire_session(self._opened.id)
        del self._open['session']
        session = await self._payments.read_session(self._opened.id)
        if session is None or session.facts.session_status != 'expired':
            raise HopFailed('Stripe does not say that it has expired')

    async def _is_delivered(self) -> None:
        domain = self._settings.domain
        if not self._settings.stripe_webhook_secret:
            raise HopNotPossible(NO_DELIVERIES)
        event: RehearsalEvent | None = None

        async def has_arrived() -> bool:
            nonlocal event
            since = self._begun - SKEW
            arrived = await self._ledger.deliveries.received_since(Source.STRIPE, EXPIRED, since)
            event = await self._payments.rehearsal.find_expiry(self._opened, since)
            if event is None:
                return False
            if event.id in arrived or self._opened.id in arrived.values():
                return True
            # A thin event has an id that the list does not have, and no payload once it was handled. One is
            # about our session when there are more of them than events about other sessions.
            thin = [name for name, about in arrived.items() if not about and name not in event.others]
            return len(thin) > len(event.others)

        def why() -> str:
            if event is None:
                return NOT_LISTED
            return (PENDING if event.is_pending else NOT_PENDING).format(domain)

        try:
            await until(has_arrived, seconds=self._delivery_timeout, why=why)
        except HopFailed as failure:
            if not is_public(domain) and not self._settings.stripe_api_base:
                raise HopNotPossible(NOT_REACHABLE.format(domain)) from failure
            raise

    async def _pay(self) -> None:
        if not self._price.amount:
            raise HopNotPossible(NEEDS.format(PRICE))
        self._open['payment'] = self._refund_whatever_was_paid
        try:
            self._payment, status = await self._payments.rehearsal.pay(self._id, self._price)
        except PaymentRefused as refusal:
            del self._open['payment']
            if refusal.reason == 'permission':
                raise HopNotPossible(f'{refusal}; the shop itself does not need it') from refusal
            raise
        if status != 'succeeded':
            raise HopFailed(f'Stripe says that the payment is {status}')

    async def _refund(self) -> None:
        try:
            status = await self._payments.rehearsal.refund(self._id, self._payment)
        except PaymentRefused as refusal:
            if refusal.reason == 'permission':
                del self._open['payment']
                raise HopNotPossible(
                    f'{refusal}; the refund of the admin needs it. The test payment stays as it is'
                ) from refusal
            raise
        del self._open['payment']
        if status not in ('succeeded', 'pending'):
            raise HopFailed(f'Stripe says that the refund has {status}')

    async def _check_calendar(self) -> None:
        if not self._settings.calendly_token:
            raise HopNotPossible('CALENDLY_TOKEN is not set')
        if problem := await self._scheduling.check(self._offer.minutes):
            raise HopFailed(f'{problem.problem}. {problem.remedy}')

    async def _read_free_times(self) -> None:
        now = self._clock()
        with _calendar_words():
            try:
                await self._scheduling.read_free_times(now + SOON, now + DAYS)
            except CalendarRefused as refusal:
                raise HopNotPossible(f'{refusal}; the start page does not show free times then') from refusal

    async def _make_link(self) -> None:
        if not self._scheduling.links_can_be_deleted:
            raise HopNotPossible(
                'Calendly cannot delete the links of an event type of a team, so none is made'
            )
        with _calendar_words():
            self._link = link = await self._scheduling.make_link()
        if link.share:
            self._open['link'] = lambda: self._scheduling.delete_share(link.share)

    async def _delete_link(self) -> None:
        if self._link is None or not self._link.share:
            raise HopNotPossible('Calendly made a kind of link that cannot be deleted; nobody has it')
        with _calendar_words():
            problem = await self._scheduling.delete_share(self._link.share)
        if problem:
            raise HopFailed(problem)
        del self._open['link']

    async def _close(self) -> None:
        """Close what is still open, in the reverse order; what cannot be closed is named."""
        left = []
        for name, close in reversed(self._open.items()):
            try:
                problem = await close()
            except ShopError as error:
                problem = str(error)
            if problem:
                left.append(f'the {name} is left: {problem}')
        if left:
            raise HopFailed('; '.join(left))

    async def _expire_whatever_was_opened(self) -> None:
        """Expire the session, also one whose opening was not answered: its key gives the same one again."""
        assert self._order is not None
        session = self._session or await self._payments.rehearsal.open_session(self._order)
        await self._payments.expire_session(session.id)

    async def _refund_whatever_was_paid(self) -> None:
        payment = self._payment or (await self._payments.rehearsal.pay(self._id, self._price))[0]
        await self._payments.rehearsal.refund(self._id, payment)

    @property
    def _opened(self) -> PaymentSession:
        assert self._session is not None
        return self._session

    def _new_order(self) -> Order:
        """Make the order that a session is opened for; it is in no ledger, and its ids lead nowhere."""
        offer, now = self._offer, self._clock()
        return Order(
            id=self._id,
            version=1,
            reference=new_reference(),
            token=secrets.token_urlsafe(24),
            booking_key=secrets.token_urlsafe(18),
            environment=self._payments.environment,
            domain=self._settings.domain,
            purchase=Purchase(
                offer.slug, offer.name, offer.minutes, 1, self._settings.stripe_price_id, self._price
            ),
            allowed=PriceAdjustments(self._settings.promotion_codes, self._settings.automatic_tax),
            created_at=now,
            session_expires_at=now + OPEN_FOR,
        )


@contextmanager
def _calendar_words() -> Iterator[None]:
    """Say what an error of Calendly means, and what helps."""
    try:
        yield
    except CalendarUnavailable as error:
        problem = problem_of_error(error)
        raise HopFailed(f'{problem.problem}. {problem.remedy}') from error


async def _not_possible(why: str) -> None:
    raise HopNotPossible(why)
