"""When a customer can be forgotten, and that every column of the ledger is known to be personal or not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import String

from services.database import schema
from services.ledger.forgetting import FREE_TEXT
from services.orders import BookingState, Facts, Order
from services.orders.forgotten import ERASED_BOOKING, PERSONAL_COLUMNS, PERSONAL_FACTS, months_after, obstacle
from tests.factories import NOON, PAID, a_booking, an_order

PAID_ORDER = an_order(facts=PAID, completed_at=NOON)
IMPERSONAL = {
    'orders': 'id state reference '
    'token booking_key environment account domain offer title price_id currency claim '
    'session_id session_url calendar_url calendar_share duplicate_of session_status payment_status '
    'seen_currency dispute_status open_disputes payment_id receipt_number mismatch',
    'bookings': 'invitee_id order_id environment state canceled_by replaces',
    'deliveries': 'source event_id kind payload because',
    'mails': 'id kind order_id recipient state',
    'alerts': 'id kind order_id mail_id',
    'unmatched_bookings': 'invitee_id reason order_id event_type state email name',
    'effects': 'kind order_id target state',
    'list_cursors': 'name after',
    'journal': 'order_id because actor',
    'sign_ins': 'id client_ip',
    'admin_journal': 'actor',
    'attention': 'key cause order_id state actor',
    'switches': 'name text actor',
    'rehearsals': 'id actor hops problem',
    'settings': 'kind name value',
    'instance': 'id',
    'site_versions': 'state toml file_digest actor',
}
"""Columns that name no customer, or that `Forgetting` erases by name: look there before you add one."""


def test_every_text_of_the_ledger_is_known_to_be_personal_or_not() -> None:
    """Whoever adds a column must decide whether a customer's data can be in it."""
    personal = {'orders': {*PERSONAL_FACTS, *PERSONAL_COLUMNS}, 'bookings': set(ERASED_BOOKING)}
    for table in schema.metadata.sorted_tables:
        texts = {column.name for column in table.c if isinstance(column.type, String)}
        known = set(IMPERSONAL[table.name].split()) | personal.get(table.name, set())
        assert texts - known - FREE_TEXT == set(), table.name


@pytest.mark.parametrize(
    ('order', 'why'),
    [
        (an_order(), 'it can still be paid'),
        (replace(PAID_ORDER, facts=replace(PAID, payment_status='unpaid')), 'its payment is under way'),
        (replace(PAID_ORDER, facts=replace(PAID, under_review=True)), 'its payment is under review'),
        (
            replace(PAID_ORDER, facts=replace(PAID, amount_disputed=15_000)),
            'a dispute is open, and the evidence names the customer',
        ),
        (PAID_ORDER, 'its data are kept until 2028-05-23'),
        (
            replace(PAID_ORDER, facts=replace(PAID, amount_refunded=15_000)),
            'its data are kept until 2028-05-23',
        ),
        (an_order(facts=Facts('expired', 'unpaid')), ''),
        (an_order(voided_at=NOON), ''),
        (replace(PAID_ORDER, facts=Facts('complete', 'no_payment_required', 15_000, 0)), ''),
    ],
)
def test_what_stands_against_it(order: Order, why: str) -> None:
    """The retention is for what was paid; what is not over yet is never erased."""
    assert obstacle(order, [], keep_months=18, now=NOON + timedelta(days=2)) == why


def test_meetings_count() -> None:
    """A coming one must take place first, and the retention begins when the last one is over."""
    ended = a_booking(start=NOON + timedelta(days=40), end=NOON + timedelta(days=40, hours=1))
    now = NOON + timedelta(days=39)
    assert obstacle(PAID_ORDER, [ended], keep_months=0, now=now).startswith('the meeting of 2027-01-02')
    canceled = replace(ended, state=BookingState.CANCELED)
    assert obstacle(PAID_ORDER, [canceled], keep_months=0, now=now) == ''
    later = NOON + timedelta(days=50)
    assert obstacle(PAID_ORDER, [ended], keep_months=1, now=later) == 'its data are kept until 2027-02-02'
    assert obstacle(PAID_ORDER, [ended], keep_months=1, now=later + timedelta(days=30)) == ''


@pytest.mark.parametrize(
    ('day', 'months', 'then'),
    [('2026-11-23', 0, '2026-11-23'), ('2026-11-30', 3, '2027-02-28'), ('2026-12-31', 14, '2028-02-29')],
)
def test_months_end_on_a_day_that_exists(day: str, months: int, then: str) -> None:
    """The last day of a short month stands for the days that it does not have."""
    time = datetime.fromisoformat(day).replace(tzinfo=UTC)
    assert f'{months_after(time, months):%Y-%m-%d}' == then
