"""The decision of Fulfilment: what a session read at Stripe changes about its order."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.fulfilment.decision import Decision, decide
from services.orders import DISPUTE_FACTS, SESSION_LIFETIME, Facts, Order, PaymentSession
from tests.factories import NOON, PAID, a_session, an_order

NOW = NOON + timedelta(minutes=10)
UNPAID = Facts('open', 'unpaid', 15000, 15000, seen_currency='usd')
EXPIRED = replace(UNPAID, session_status='expired')
PROCESSING = replace(PAID, payment_status='unpaid')
WRONG_AMOUNT = replace(PAID, amount_subtotal=14000, amount_total=14000)

NEW_ORDER = an_order(claim='browser:session')
OPEN_ORDER = replace(NEW_ORDER, session_id='cs_test_1', facts=UNPAID)
PAID_ORDER = replace(OPEN_ORDER, claim=None, facts=PAID, completed_at=NOON)
ANOTHER = 'another session of this order is paid: check it at Stripe'


@pytest.mark.parametrize(
    ('order', 'session', 'decision'),
    [
        pytest.param(OPEN_ORDER, a_session(UNPAID, id='cs_test_2'), Decision(), id='second session is open'),
        pytest.param(
            PAID_ORDER, a_session(EXPIRED, id='cs_test_2'), Decision(), id='second session is unused'
        ),
        pytest.param(
            PAID_ORDER,
            a_session(PAID, id='cs_test_2'),
            Decision(line=ANOTHER, alarm=ANOTHER),
            id='second session is completed as well',
        ),
        pytest.param(OPEN_ORDER, a_session(UNPAID), Decision(line='open: checked'), id='open as before'),
        pytest.param(
            OPEN_ORDER,
            a_session(replace(UNPAID, email='pat@example.com')),
            Decision(line='open: checked'),
            id='the customer fills in the form',
        ),
        pytest.param(PAID_ORDER, a_session(PAID), Decision(line='paid: checked'), id='paid as before'),
    ],
)
def test_a_session_without_news_changes_nothing(
    order: Order, session: PaymentSession, decision: Decision
) -> None:
    """Only a second completed session of a completed order is shown to the operator."""
    assert decide(order, session, now=NOW) == decision


SESSION = {'session_id': 'cs_test_1', 'session_url': None}
COMPLETED = SESSION | {'completed_at': NOW, 'claim': None}
MISMATCH = replace(WRONG_AMOUNT, mismatch='amount')
REFUNDED = replace(PAID, amount_refunded=15000)


@pytest.mark.parametrize(
    ('order', 'facts', 'changes', 'line'),
    [
        pytest.param(NEW_ORDER, UNPAID, SESSION, 'open: details updated', id='session is attached'),
        pytest.param(NEW_ORDER, PAID, COMPLETED, 'open → paid', id='session is attached and paid'),
        pytest.param(OPEN_ORDER, PAID, COMPLETED, 'open → paid', id='paid'),
        pytest.param(OPEN_ORDER, PROCESSING, COMPLETED, 'open → processing', id='bank payment begun'),
        pytest.param(OPEN_ORDER, EXPIRED, SESSION | {'claim': None}, 'open → expired', id='expired'),
        pytest.param(
            replace(PAID_ORDER, facts=PROCESSING),
            PAID,
            SESSION | {'claim': None},
            'processing → paid',
            id='bank payment succeeded',
        ),
        pytest.param(PAID_ORDER, REFUNDED, SESSION | {'claim': None}, 'paid → refunded', id='refunded'),
        pytest.param(
            PAID_ORDER,
            replace(PAID, name='Pat'),
            SESSION | {'claim': None},
            'paid: details updated',
            id='new details',
        ),
    ],
)
def test_new_facts_are_written_down(order: Order, facts: Facts, changes: dict[str, Any], line: str) -> None:
    """The time of completion is set once; an order that is not open any more has no claim."""
    assert decide(order, a_session(facts), now=NOW) == Decision(changes | {'facts': facts}, line)


def test_a_first_completion_that_does_not_match_is_an_alarm() -> None:
    """The order is completed as a mismatch, and the operator is told why."""
    assert decide(OPEN_ORDER, a_session(WRONG_AMOUNT), now=NOW) == Decision(
        COMPLETED | {'facts': MISMATCH},
        'open → mismatch (amount)',
        'the payment does not match: amount',
    )


def test_a_mismatch_is_compared_again_at_each_reading() -> None:
    """Only a payment that matched once is not compared again."""
    order = replace(PAID_ORDER, facts=MISMATCH)
    assert decide(order, a_session(PAID), now=NOW).line == 'mismatch → paid'
    assert decide(order, a_session(WRONG_AMOUNT), now=NOW) == Decision(line='mismatch: checked')
    assert decide(PAID_ORDER, a_session(WRONG_AMOUNT), now=NOW).changes['facts'] == WRONG_AMOUNT


def test_a_completed_second_session_of_an_open_order_replaces_the_first() -> None:
    """The customer paid it, so the order follows this session from now on."""
    decision = decide(OPEN_ORDER, a_session(PAID, id='cs_test_2'), now=NOW)
    assert decision == Decision(COMPLETED | {'session_id': 'cs_test_2', 'facts': PAID}, 'open → paid')


@pytest.mark.parametrize(
    ('known', 'seen'),
    [
        (replace(PAID, dispute_status='lost', amount_lost=15000), replace(PAID, amount_disputed=15000)),
        (replace(PAID, dispute_status='won'), replace(PAID, dispute_status='unknown', amount_disputed=15000)),
    ],
)
def test_a_dispute_that_cannot_be_read_stays_as_it_is_known(known: Facts, seen: Facts) -> None:
    """Only where none is known yet the charge's word for it counts, and for a new order."""
    session = a_session(seen, unread=DISPUTE_FACTS)
    assert decide(replace(PAID_ORDER, facts=known), session, now=NOW).changes == {}
    assert decide(PAID_ORDER, session, now=NOW).changes['facts'] == seen
    assert decide(OPEN_ORDER, session, now=NOW).changes['facts'] == seen


@pytest.mark.parametrize(
    ('age', 'completed_after'),
    [
        (timedelta(minutes=1), timedelta(minutes=1)),
        (SESSION_LIFETIME, SESSION_LIFETIME),
        (timedelta(days=10), SESSION_LIFETIME),
    ],
)
def test_a_late_completion_is_dated_at_the_end_of_the_session(
    age: timedelta, completed_after: timedelta
) -> None:
    """A session cannot be completed after its lifetime, however late it is read."""
    decision = decide(OPEN_ORDER, a_session(PAID), now=NOON + age)
    assert decision.changes['completed_at'] == NOON + completed_after
