"""An order in one sentence, in every state."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.admin.sentence import sentence
from services.ledger.history import SentMail
from services.ledger.records import MailState
from services.ledger.search import Booked
from services.orders import BookingState, Facts, MailKind, Order, State
from tests.factories import PAID, a_booking, an_order

ZONE = ZoneInfo('America/New_York')
PAID_AT = datetime(2026, 12, 4, 3, tzinfo=UTC)  # in New York it is still the third
NOW = PAID_AT + timedelta(days=2)
START = datetime(2026, 12, 8, 15, tzinfo=UTC)
MEETING = a_booking(start=START, end=START + timedelta(hours=1))
COMPLETE = replace(PAID, payment_status='unpaid')


def order_with(facts: Facts = PAID, **changes: Any) -> Order:
    """An order that was completed."""
    return an_order(**{'facts': facts, 'created_at': PAID_AT, 'completed_at': PAID_AT} | changes)


def mail(kind: MailKind, state: MailState = MailState.SENT, *, days: int = 1) -> SentMail:
    """A mail that was finished some days after the payment."""
    at = PAID_AT + timedelta(days=days)
    return SentMail(f'o1.{kind}', kind, '', state, at, at, 1, '')


def of(
    order: Order,
    *bookings: Any,
    mails: tuple[SentMail, ...] = (),
    booked: Booked | None = None,
    now: datetime = NOW,
) -> str:
    """The sentence."""
    return sentence(order, bookings, mails, booked=booked, zone=ZONE, now=now)


STATES = {
    State.OPEN: (an_order(created_at=PAID_AT), 'Not paid yet: $150, opened on 3 Dec'),
    State.PROCESSING: (
        order_with(COMPLETE),
        '$150 ordered on 3 Dec, the payment is being processed',
    ),
    State.AWAITING_CUSTOMER: (
        order_with(replace(COMPLETE, awaits_customer=True)),
        '$150 ordered on 3 Dec, the customer still has to pay it',
    ),
    State.PAID: (order_with(), 'Paid $150 on 3 Dec'),
    State.UNDER_REVIEW: (
        order_with(replace(PAID, under_review=True)),
        'Paid $150 on 3 Dec, under review at Stripe',
    ),
    State.EXPIRED: (
        an_order(created_at=PAID_AT, facts=Facts('expired')),
        'Never paid: $150, opened on 3 Dec',
    ),
    State.FAILED: (
        order_with(replace(COMPLETE, payment_failed=True)),
        'The payment of $150 on 3 Dec failed',
    ),
    State.PARTLY_REFUNDED: (
        order_with(replace(PAID, amount_refunded=5000, amount_lost=2550)),
        'Paid $150 on 3 Dec, $50 refunded, $25.50 lost in a dispute',
    ),
    State.REFUNDED: (
        order_with(replace(PAID, amount_refunded=15000)),
        'Paid $150 on 3 Dec, refunded in full',
    ),
    State.DISPUTED: (
        order_with(replace(PAID, amount_disputed=15000, dispute_due_at=PAID_AT + timedelta(days=9))),
        'Paid $150 on 3 Dec, disputed, to be answered by 12 Dec',
    ),
    State.LOST: (order_with(replace(PAID, amount_lost=15000)), 'Paid $150 on 3 Dec, lost in a dispute'),
    State.MISMATCH: (
        order_with(replace(PAID, mismatch='the currency is eur')),
        'Paid $150 on 3 Dec, but the payment does not match: the currency is eur',
    ),
}


@pytest.mark.parametrize('state', State)
def test_each_state_has_its_words(state: State) -> None:
    """Each state is said with the amount and the day in the zone of the shop."""
    order, words = STATES[state]
    assert order.state is state
    assert of(order) == words


def test_the_example_of_the_issue() -> None:
    """Payment, meeting and last mail are one sentence."""
    mails = (mail(MailKind.PAID, days=0), mail(MailKind.REMINDER))
    words = 'Paid $150 on 3 Dec, booked for Tue 8 Dec 10:00, reminder sent'
    assert of(order_with(), MEETING, mails=mails, booked=Booked.YES) == words


def test_what_a_meeting_is() -> None:
    """A meeting is to come, was, was missed or is canceled."""
    after = START + timedelta(days=1)
    canceled = replace(MEETING, state=BookingState.CANCELED)
    assert of(order_with(), MEETING, now=after).endswith('met on Tue 8 Dec 10:00')
    missed = replace(MEETING, no_show=True)
    assert of(order_with(), missed, now=after).endswith('did not come on Tue 8 Dec 10:00')
    assert of(order_with(), canceled, booked=Booked.NO).endswith('meeting canceled, not booked')
    assert of(order_with(), booked=Booked.NO).endswith('3 Dec, not booked')
    assert of(order_with(), booked=Booked.UNKNOWN).endswith('not known whether it is booked')
    assert of(order_with(), MEETING, replace(MEETING, invitee_id='2')).endswith('10:00 and 1 more')
    refunded, _ = STATES[State.REFUNDED]
    assert of(refunded, MEETING) == 'Paid $150 on 3 Dec, refunded in full, still booked for Tue 8 Dec 10:00'
    assert of(refunded, canceled) == 'Paid $150 on 3 Dec, refunded in full, meeting canceled'


def test_what_became_of_the_last_mail() -> None:
    """The mail that was finished last is said, with what became of it; one that waits is not."""
    refused = mail(MailKind.PAID, MailState.REFUSED)
    assert of(order_with(), mails=(refused,)) == 'Paid $150 on 3 Dec, link refused'
    waiting = mail(MailKind.REMINDER, MailState.WANTED)
    assert of(order_with(), mails=(waiting,)) == 'Paid $150 on 3 Dec'


def test_what_is_wrong_is_said() -> None:
    """A repetition and a fraud warning stand behind the payment; another year is written out."""
    order = order_with(duplicate_of='WXYZ-2345', fraud_warning=True)
    words = 'Paid $150 on 3 Dec, the card issuer reports fraud, seems to repeat WXYZ-2345'
    assert of(order) == words
    assert of(order_with(), now=NOW + timedelta(days=365)) == 'Paid $150 on 3 Dec 2026'
