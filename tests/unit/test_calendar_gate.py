"""The calendar gate: which orders show their calendar, and the reason why others do not."""

from dataclasses import replace

import pytest

from services.booking.gate import calendar_gate
from services.orders import CalendarGate, Environment, Facts
from tests.factories import PAID, an_order

HERE = Environment('test', 'acct_1')


@pytest.mark.parametrize(
    ('facts', 'gate'),
    [
        (Facts('open', 'unpaid'), CalendarGate.PAYMENT),
        (replace(PAID, payment_status='unpaid'), CalendarGate.PAYMENT),
        (replace(PAID, mismatch='amount'), CalendarGate.PAYMENT),
        (replace(PAID, amount_refunded=15000), CalendarGate.PAYMENT),
        (replace(PAID, amount_lost=15000), CalendarGate.PAYMENT),
        (replace(PAID, under_review=True), CalendarGate.PAYMENT),
        (replace(PAID, amount_lost=3000), CalendarGate.OPEN),
        (PAID, CalendarGate.OPEN),
        (replace(PAID, amount_refunded=5000), CalendarGate.OPEN),
        (replace(PAID, amount_disputed=15000), CalendarGate.OPEN),
    ],
)
def test_only_a_paid_order_shows_its_calendar(facts: Facts, gate: CalendarGate) -> None:
    """A partial refund or an undecided dispute leaves it open."""
    assert calendar_gate(an_order(facts=facts, environment=HERE), environment=HERE, selling=True) is gate


@pytest.mark.parametrize(
    ('environment', 'selling', 'gate'),
    [
        (HERE, True, CalendarGate.OPEN),
        (Environment('test'), True, CalendarGate.OPEN),
        (Environment('live', 'acct_1'), True, CalendarGate.ENVIRONMENT),
        (Environment('test', 'acct_2'), True, CalendarGate.ENVIRONMENT),
        (HERE, False, CalendarGate.TEST),
        (Environment('live', 'acct_1'), False, CalendarGate.ENVIRONMENT),
    ],
)
def test_a_paid_order_shows_its_calendar_only_where_the_shop_sells(
    environment: Environment, selling: bool, gate: CalendarGate
) -> None:
    """The order must be of the shop's environment, and payments there must earn a time."""
    order = an_order(facts=PAID, environment=environment)
    assert calendar_gate(order, environment=HERE, selling=selling) is gate


def test_an_unpaid_order_is_always_refused_for_its_payment() -> None:
    """The reason is the payment, wherever the order was sold."""
    order = an_order(environment=Environment('live'))
    assert calendar_gate(order, environment=HERE, selling=False) is CalendarGate.PAYMENT


@pytest.mark.parametrize(('opens', 'gate'), [(True, CalendarGate.OPEN), (False, CalendarGate.DUPLICATE)])
def test_a_second_payment_opens_its_calendar_unless_the_operator_says_no(
    opens: bool, gate: CalendarGate
) -> None:
    """Other orders are not affected."""
    for duplicate_of, expected in (('ABCD-2346', gate), ('', CalendarGate.OPEN)):
        order = an_order(facts=PAID, environment=HERE, duplicate_of=duplicate_of)
        found = calendar_gate(order, environment=HERE, selling=True, duplicates_open=opens)
        assert found is expected
