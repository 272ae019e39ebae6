"""The schedule: when an order is compared with Stripe again."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orders import ATTACH_DEADLINE, Facts, attach_deadline, next_check
from tests.factories import NOON, PAID, an_order

UNPAID = Facts('open', 'unpaid')
PROCESSING = replace(PAID, payment_status='unpaid')
FAILED = replace(PROCESSING, payment_failed=True)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ('facts', 'age', 'pause'),
    [
        (UNPAID, MINUTE, MINUTE),
        (UNPAID, HOUR, 15 * MINUTE),
        (UNPAID, 10 * HOUR, 30 * MINUTE),
        (UNPAID, 400 * DAY, 30 * MINUTE),
        (PROCESSING, MINUTE, MINUTE),
        (PROCESSING, 8 * HOUR, 2 * HOUR),
        (PROCESSING, 10 * DAY, 6 * HOUR),
        (PROCESSING, 181 * DAY, None),
        (FAILED, MINUTE, 10 * MINUTE),
        (FAILED, 8 * HOUR, 2 * HOUR),
        (FAILED, 25 * HOUR, None),
        (PAID, MINUTE, 10 * MINUTE),
        (PAID, 4 * DAY, DAY),
        (PAID, 100 * DAY, 7 * DAY),
        (PAID, 181 * DAY, None),
        (replace(PAID, mismatch='amount'), 4 * DAY, DAY),
        (Facts('expired', 'unpaid'), MINUTE, None),
    ],
)
def test_the_pause_grows_with_the_age_of_the_order(
    facts: Facts, age: timedelta, pause: timedelta | None
) -> None:
    """The pause is a quarter of the age, within the limits of the state; None means no further check."""
    completed_at = NOON if facts.session_status == 'complete' else None
    order = an_order(session_id='cs_test_1', facts=facts, completed_at=completed_at)
    assert next_check(order, NOON + age) == (None if pause is None else NOON + age + pause)


def test_the_age_of_a_completed_order_counts_from_its_completion() -> None:
    """Between the opening and the payment of an order hours may pass."""
    order = an_order(session_id='cs_test_1', facts=PAID, completed_at=NOON + 2 * HOUR)
    assert next_check(order, NOON + 6 * HOUR) == NOON + 7 * HOUR


def test_an_order_without_a_session_is_due_at_its_deadline() -> None:
    """A new attempt moves the deadline; a voided order is not checked any more."""
    order = an_order()
    assert next_check(order, NOON) == attach_deadline(order) == NOON + ATTACH_DEADLINE
    again = replace(order, session_expires_at=order.session_expires_at + HOUR)
    assert next_check(again, NOON) == NOON + HOUR + ATTACH_DEADLINE
    assert next_check(replace(order, voided_at=NOON), NOON) is None


@given(
    facts=st.sampled_from([UNPAID, PROCESSING, FAILED, PAID, replace(PAID, amount_refunded=1)]),
    age=st.timedeltas(timedelta(0), timedelta(days=1000)),
)
def test_a_next_check_is_always_in_the_future(facts: Facts, age: timedelta) -> None:
    """An order that was just checked is not due at once."""
    following = next_check(an_order(session_id='cs_test_1', facts=facts), NOON + age)
    assert following is None or MINUTE <= following - (NOON + age) <= 7 * DAY
