"""The order: the facts seen of it, and the state that follows from them.

Facts are stored, states are derived: nobody sets a state, ``state`` reads it off the facts.
"""

import enum
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from services.money import Money

PAID_STATUSES = ('paid', 'no_payment_required')
SESSION_LIFETIME = timedelta(hours=3)
CLAIM_LIFETIME = timedelta(hours=24)
ATTACH_DEADLINE = timedelta(minutes=5)
# Without letters and digits that are mistaken for one another when read out on the phone.
REFERENCE_ALPHABET = '23456789ABCDEFGHJKMNPQRSTVWXYZ'


class State(enum.StrEnum):
    """What an order is, in the words the operator reads."""

    OPEN = 'open'
    PROCESSING = 'processing'
    PAID = 'paid'
    EXPIRED = 'expired'
    FAILED = 'failed'
    PARTLY_REFUNDED = 'partly refunded'
    REFUNDED = 'refunded'
    DISPUTED = 'disputed'
    LOST = 'lost'
    MISMATCH = 'mismatch'


CALENDAR_STATES = frozenset({State.PAID, State.PARTLY_REFUNDED, State.DISPUTED})
WAITING_STATES = frozenset({State.OPEN, State.PROCESSING})


class Return(enum.Enum):
    """What is known when a customer comes back without having finished."""

    NOTHING = 'nothing was started here'
    NOT_CHARGED = 'no charge was made'
    PAID = 'a payment was made'
    UNKNOWN = 'not known yet'


@dataclass(frozen=True)
class World:
    """Where an order was sold: demo, test or live, and the Stripe account where it is known."""

    kind: str
    account: str = ''

    def same_as(self, other: 'World') -> bool:
        """Whether both are one world; an account that is not known contradicts nothing."""
        same_account = not self.account or not other.account or self.account == other.account
        return self.kind == other.kind and same_account


@dataclass(frozen=True)
class Facts:
    """What was seen at Stripe of one checkout session; amounts in minor units, times in UTC."""

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
    dispute_status: str = ''
    payment_id: str = ''
    email: str = ''
    name: str = ''
    mismatch: str = ''


@dataclass(frozen=True)
class PaymentSession:
    """One checkout session as Stripe tells it, translated; ``metadata`` is what we once sent along."""

    id: str
    url: str | None
    mode: str
    livemode: bool
    created_at: datetime
    facts: Facts
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Booking:
    """One meeting in the calendar that belongs to an order; times in UTC."""

    invitee_id: str
    state: str
    start: datetime
    end: datetime
    timezone: str = ''
    email: str = ''
    name: str = ''
    phone: str = ''
    place: str = ''
    reschedule_url: str = ''
    cancel_url: str = ''
    replaces: str = ''


@dataclass(frozen=True)
class Order:
    """One intention to buy: what was offered to whom, every outside id it met, and the facts seen.

    ``token`` opens its page, ``booking_key`` attaches a booking, ``claim`` joins the tabs of one browser
    while the order is open. ``version`` counts the moves.
    """

    id: str
    version: int
    reference: str
    token: str
    booking_key: str
    world: World
    shop: str
    offer: str
    price_id: str
    expected: Money
    created_at: datetime
    session_expires_at: datetime
    attempt: int = 1
    visitor: str = ''
    claim: str | None = None
    session_id: str | None = None
    session_url: str | None = None
    calendar_url: str | None = None
    voided_at: datetime | None = None
    completed_at: datetime | None = None
    facts: Facts = Facts()

    @property
    def state(self) -> State:
        """What the facts amount to."""
        return state(self)

    @property
    def opens_calendar(self) -> bool:
        """Whether this order has earned its slot (the world it was sold in is judged elsewhere)."""
        return self.state in CALENDAR_STATES

    @property
    def paid(self) -> Money:
        """What was charged, once it is known; before that, what is expected."""
        total = self.facts.amount_total
        return self.expected if total is None else Money(total, self.facts.seen_currency)


def state(order: Order) -> State:
    """Derive the state shown from the facts; the one place that knows what outranks what."""
    facts = order.facts
    if facts.mismatch:
        return State.MISMATCH
    if facts.session_status == 'complete' and facts.payment_status in PAID_STATUSES:
        return _after_payment(facts)
    if facts.session_status == 'complete':
        return State.FAILED if facts.payment_failed else State.PROCESSING
    if facts.session_status == 'expired' or order.voided_at:
        return State.EXPIRED
    return State.OPEN


def _after_payment(facts: Facts) -> State:
    if facts.dispute_status == 'lost':
        return State.LOST
    if facts.dispute_status and facts.dispute_status not in ('won', 'warning_closed'):
        return State.DISPUTED
    if facts.amount_refunded and facts.amount_refunded >= (facts.amount_total or 0):
        return State.REFUNDED
    return State.PARTLY_REFUNDED if facts.amount_refunded else State.PAID


def mismatch_of(order: Order, session: PaymentSession, *, extras: 'Extras') -> str:
    """Say in a few words why a session's payment is not the one this order asked for; '' when it is.

    Args:
        order: the order as written down before Stripe was asked for a session.
        session: what Stripe says now.
        extras: whether discounts and taxes may exist.
    """
    facts, expected = session.facts, order.expected
    total = (facts.amount_subtotal or 0) - facts.amount_discount + facts.amount_tax
    complaints = {
        'mode': session.mode != 'payment',
        'world': session.livemode != (order.world.kind == 'live'),
        'currency': facts.seen_currency != expected.currency,
        'amount': facts.amount_subtotal != expected.amount,
        'total': facts.amount_total != total,
        'discount': bool(facts.amount_discount) and not extras.discounts,
        'tax': bool(facts.amount_tax) and not extras.taxes,
    }
    return ', '.join(name for name, wrong in complaints.items() if wrong)


@dataclass(frozen=True)
class Extras:
    """What the settings allow on top of the price."""

    discounts: bool = False
    taxes: bool = False


def metadata_of(order: Order) -> dict[str, str]:
    """All that is needed to write the order down again should the ledger be lost (DESIGN rule 7)."""
    return {
        'shop': order.shop,
        'order': order.id,
        'reference': order.reference,
        'token': order.token,
        'booking_key': order.booking_key,
        'offer': order.offer,
        'price': order.price_id,
        'amount': str(order.expected.amount),
        'currency': order.expected.currency,
    }


def order_from(session: PaymentSession, *, shop: str, world: World) -> Order | None:
    """Write an order again from the metadata of its session; None when it is not one of this shop.

    Args:
        session: a session read from Stripe.
        shop: this shop's address; sessions of another shop on the same account are not ours.
        world: the world the session was read in.
    """
    data: dict[str, Any] = dict(session.metadata)
    if data.get('shop') != shop or not str(data.get('amount', '')).isdecimal():
        return None
    try:
        return Order(
            id=data['order'],
            version=1,
            reference=data['reference'],
            token=data['token'],
            booking_key=data['booking_key'],
            world=world,
            shop=shop,
            offer=data['offer'],
            price_id=data['price'],
            expected=Money(int(data['amount']), data['currency']),
            created_at=session.created_at,
            session_expires_at=session.created_at + SESSION_LIFETIME,
            session_id=session.id,
        )
    except KeyError:
        return None


def plain_text(value: object, *, limit: int = 500) -> str:
    """Keep what people write from a text of outside: no control characters, no halves of characters."""
    text = str(value or '')
    return ''.join(letter for letter in text if unicodedata.category(letter) not in ('Cc', 'Cs'))[:limit]


def new_reference() -> str:
    """Make a short public reference that can be read out on the phone."""
    letters = [secrets.choice(REFERENCE_ALPHABET) for _ in range(8)]
    return f'{"".join(letters[:4])}-{"".join(letters[4:])}'
