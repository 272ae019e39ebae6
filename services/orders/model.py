"""The order: the facts seen of it, and the state that follows from them.

Facts are stored, states are derived: nobody sets a state, ``state`` reads it off the facts.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.money import Money

PAID_STATUSES = ('paid', 'no_payment_required')
SESSION_LIFETIME = timedelta(hours=3)
CLAIM_LIFETIME = timedelta(hours=24)
ATTACH_DEADLINE = timedelta(minutes=5)


class Cause(enum.StrEnum):
    """Who caused a change."""

    BUTTON = 'button'
    FORM = 'form'
    API = 'api'
    PAGE = 'page'
    WEBHOOK = 'webhook'
    RETURN = 'return'
    RECONCILER = 'reconciler'
    OPERATOR = 'operator'
    RESTORE = 'restore'


class State(enum.StrEnum):
    """What an order is, in the words the operator reads."""

    OPEN = 'open'
    PROCESSING = 'processing'
    AWAITING_CUSTOMER = 'awaiting customer'
    PAID = 'paid'
    UNDER_REVIEW = 'under review'
    EXPIRED = 'expired'
    FAILED = 'failed'
    PARTLY_REFUNDED = 'partly refunded'
    REFUNDED = 'refunded'
    DISPUTED = 'disputed'
    LOST = 'lost'
    MISMATCH = 'mismatch'


CALENDAR_STATES = frozenset({State.PAID, State.PARTLY_REFUNDED, State.DISPUTED})
MONEY_BACK_STATES = frozenset({State.REFUNDED, State.LOST})
LINK_ENDS = MONEY_BACK_STATES | {State.EXPIRED, State.FAILED}
"""The states in which an unused calendar link is deleted."""
DISPUTE_FACTS = frozenset(
    {'amount_disputed', 'amount_lost', 'dispute_status', 'dispute_due_at', 'open_disputes'}
)
WAITING_STATES = frozenset({State.OPEN, State.PROCESSING, State.AWAITING_CUSTOMER, State.UNDER_REVIEW})


class BookingState(enum.StrEnum):
    """Whether a meeting takes place."""

    ACTIVE = 'active'
    CANCELED = 'canceled'


class Canceler(enum.StrEnum):
    """Who canceled a meeting, in Calendly's words; unknown where it does not say."""

    UNKNOWN = ''
    HOST = 'host'
    INVITEE = 'invitee'


class CalendarGate(enum.StrEnum):
    """Whether an order shows its calendar, and if not, why."""

    OPEN = 'open'
    PAYMENT = 'payment'
    ENVIRONMENT = 'environment'
    TEST = 'test'
    DUPLICATE = 'duplicate'


class Return(enum.Enum):
    """What is known when a customer comes back without having finished."""

    NOTHING = 'nothing was started here'
    NOT_CHARGED = 'no charge was made'
    PAID = 'a payment was made'
    UNKNOWN = 'not known yet'


@dataclass(frozen=True)
class Environment:
    """Where an order was sold: mode (demo, test or live), and the Stripe account where it is known."""

    mode: str
    account: str = ''

    def same_as(self, other: 'Environment') -> bool:
        """Compare two environments; an unknown account equals every account."""
        same_account = not self.account or not other.account or self.account == other.account
        return self.mode == other.mode and same_account


@dataclass(frozen=True)
class Purchase:
    """What the customer was offered when the order was opened; later changes of the site do not reach it.

    ``offer`` is the slug, ``minutes`` the length of one session, ``sessions`` how many were bought.
    """

    offer: str
    title: str
    minutes: int
    sessions: int
    price_id: str
    price: Money


@dataclass(frozen=True)
class PriceAdjustments:
    """What may change the total of an order: discounts and taxes, as allowed when it was opened."""

    discounts: bool = False
    taxes: bool = False


@dataclass(frozen=True)
class Facts:
    """What was seen at Stripe of one checkout session; amounts in minor units, times in UTC.

    ``receipt_url`` is Stripe's page with the receipt. Stripe gives a receipt its ``receipt_number`` when it
    sends it by e-mail; until then, and in test mode always, there is none. ``invoice_url`` is Stripe's page
    with the invoice, as it was when it was first read: Stripe lets such an address expire.

    ``amount_disputed`` is what open disputes ask for, ``amount_lost`` what decided ones took;
    ``dispute_due_at`` is until when the first open one must be answered, ``open_disputes`` are the ids of the
    open ones, with commas in between. A customer who still has to pay needs the voucher: Stripe's page with
    the instructions, and until when.
    """

    session_status: str = ''
    payment_status: str = ''
    amount_subtotal: int | None = None
    amount_total: int | None = None
    amount_discount: int = 0
    amount_tax: int = 0
    seen_currency: str = ''
    payment_failed: bool = False
    amount_refunded: int = 0
    amount_disputed: int = 0
    amount_lost: int = 0
    dispute_status: str = ''
    dispute_due_at: datetime | None = None
    open_disputes: str = ''
    under_review: bool = False
    awaits_customer: bool = False
    voucher_url: str = ''
    voucher_expires_at: datetime | None = None
    terms_accepted: bool = False
    payment_id: str = ''
    card_fingerprint: str = ''
    card_last4: str = ''
    email: str = ''
    name: str = ''
    phone: str = ''
    receipt_url: str = ''
    receipt_number: str = ''
    invoice_url: str = ''
    mismatch: str = ''


@dataclass(frozen=True)
class PaymentSession:
    """One checkout session as Stripe returns it; ``metadata`` is what we sent along.

    ``unread`` names the facts that Stripe did not let us read: they are not known to be nothing.
    """

    id: str
    url: str | None
    mode: str
    livemode: bool
    created_at: datetime
    facts: Facts
    metadata: Mapping[str, str] = field(default_factory=dict)
    adds_tax: bool = False
    unread: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Booking:
    """One meeting in the calendar that belongs to an order; times in UTC.

    ``link_follows`` says that it takes place online and that Calendly has not made the link to join it yet.
    ``canceled_by`` and ``cancel_reason`` are what Calendly says of a cancellation. ``replaces`` is the
    invitee id of the meeting that was moved here. ``no_show`` says that the coach marked the customer as
    absent.
    """

    invitee_id: str
    state: BookingState
    start: datetime
    end: datetime
    timezone: str = ''
    email: str = ''
    name: str = ''
    phone: str = ''
    place: str = ''
    link_follows: bool = False
    reschedule_url: str = ''
    cancel_url: str = ''
    canceled_by: Canceler = Canceler.UNKNOWN
    cancel_reason: str = ''
    replaces: str = ''
    no_show: bool = False


@dataclass(frozen=True)
class Order:
    """One intention to buy: what was offered to whom, every outside id it met, and the facts seen.

    ``token`` opens its page, ``booking_key`` attaches a booking, ``claim`` joins the tabs of one browser
    while the order is open. ``version`` counts the moves. ``duplicate_of`` is the reference of an earlier
    payment that this one seems to repeat; ``duplicate_decided`` says that the operator has decided it, so
    that it is not looked for again. ``fraud_warning`` says that the card issuer reported fraud.
    ``refund_failed_at`` is when money that was on its way back was seen not to have arrived, until another
    refund does; ``keeps_meetings`` says that the operator gives the money back and lets the meetings take
    place.
    ``contact_email`` is the address as the customer has corrected it, and when; Stripe's stays in the facts.
    ``forgotten_at`` says when the data of the customer were erased: nothing brings them back.
    ``calendar_share`` is Calendly's name of the calendar link where it can be deleted.
    ``bookings_unknown`` marks an order that was adopted or
    restored: it may have been booked without the ledger knowing.
    """

    id: str
    version: int
    reference: str
    token: str
    booking_key: str
    environment: Environment
    domain: str
    purchase: Purchase
    created_at: datetime
    session_expires_at: datetime
    allowed: PriceAdjustments = PriceAdjustments()
    attempt: int = 1
    browser_hash: str = ''
    claim: str | None = None
    session_id: str | None = None
    session_url: str | None = None
    calendar_url: str | None = None
    calendar_url_at: datetime | None = None
    calendar_share: str | None = None
    bookings_unknown: bool = False
    voided_at: datetime | None = None
    completed_at: datetime | None = None
    duplicate_of: str = ''
    duplicate_decided: bool = False
    contact_email: str = ''
    contact_email_at: datetime | None = None
    fraud_warning: bool = False
    forgotten_at: datetime | None = None
    refund_failed_at: datetime | None = None
    keeps_meetings: bool = False
    facts: Facts = Facts()

    @property
    def state(self) -> State:
        """The state that follows from the facts."""
        return state(self)

    @property
    def opens_calendar(self) -> bool:
        """Whether the payment of this order opens the calendar."""
        return self.state in CALENDAR_STATES

    @property
    def email(self) -> str:
        """The address to write to: the corrected one, else the one that Stripe knows."""
        return self.contact_email or self.facts.email

    @property
    def paid(self) -> Money:
        """What was charged, once it is known; before that, the price."""
        total = self.facts.amount_total
        return self.purchase.price if total is None else Money(total, self.facts.seen_currency)


def state(order: Order) -> State:
    """Derive the state shown from the facts; the one place that knows what outranks what."""
    facts = order.facts
    if facts.mismatch:
        return _after_mismatch(facts)
    if facts.session_status == 'complete' and facts.payment_status in PAID_STATUSES:
        return _after_payment(facts)
    if facts.session_status == 'complete':
        return _before_payment(facts)
    if facts.session_status == 'expired' or order.voided_at:
        return State.EXPIRED
    return State.OPEN


def _before_payment(facts: Facts) -> State:
    if facts.payment_failed:
        return State.FAILED
    return State.AWAITING_CUSTOMER if facts.awaits_customer else State.PROCESSING


def _after_mismatch(facts: Facts) -> State:
    """A wrong payment waits for the operator until the money is back; it never opens a calendar."""
    if facts.payment_status not in PAID_STATUSES:
        return State.FAILED if facts.payment_failed else State.MISMATCH
    after = _after_payment(facts)
    return after if after in MONEY_BACK_STATES else State.MISMATCH


def _after_payment(facts: Facts) -> State:
    """Decide by the money that moved back, not by the word for a dispute (decision 62)."""
    total, back = facts.amount_total or 0, facts.amount_refunded + facts.amount_lost
    if facts.amount_refunded and facts.amount_refunded >= total:
        return State.REFUNDED
    if back and back >= total:
        return State.LOST
    if facts.under_review:  # first: an inquiry by the cardholder must not open what the review holds back
        return State.UNDER_REVIEW
    if facts.amount_disputed:
        return State.DISPUTED
    return State.PARTLY_REFUNDED if back else State.PAID
