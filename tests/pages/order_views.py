"""What the page of an order shows in a state, with meetings."""

import re
from dataclasses import replace
from datetime import timedelta

from services.orders import Booking, BookingState, CalendarGate, Facts, State
from services.site import load
from tests.factories import NOON, PAID, SHOP, a_booking, an_order
from tests.processes import ROOT
from ui.pages.order_states import OrderData, View, view

SITE = load(ROOT / 'site.toml')
PAID_BY_PAT = replace(PAID, email='<pat>@example.com')
FACTS = {
    State.OPEN: Facts(),
    State.PROCESSING: replace(PAID_BY_PAT, payment_status='unpaid'),
    State.AWAITING_CUSTOMER: replace(
        PAID_BY_PAT,
        payment_status='unpaid',
        awaits_customer=True,
        voucher_url='https://payments.stripe.com/voucher/1',
        voucher_expires_at=NOON,
    ),
    State.UNDER_REVIEW: replace(PAID_BY_PAT, under_review=True),
    State.PAID: PAID_BY_PAT,
    State.EXPIRED: Facts(session_status='expired'),
    State.FAILED: replace(PAID_BY_PAT, payment_status='unpaid', payment_failed=True),
    State.PARTLY_REFUNDED: replace(PAID_BY_PAT, amount_refunded=5000),
    State.REFUNDED: replace(PAID_BY_PAT, amount_refunded=15000),
    State.DISPUTED: replace(PAID_BY_PAT, amount_disputed=15000),
    State.LOST: replace(PAID_BY_PAT, amount_lost=15000),
    State.MISMATCH: replace(PAID_BY_PAT, mismatch='amount'),
}
BOOKING = a_booking(
    start=NOON + timedelta(days=2), end=NOON + timedelta(days=2, hours=1), timezone='America/Denver'
)
OVER = replace(BOOKING, start=NOON - timedelta(hours=2), end=NOON - timedelta(hours=1))
CANCELED = replace(BOOKING, state=BookingState.CANCELED)
MOVED = (replace(CANCELED, invitee_id='old'), replace(BOOKING, replaces='old'))


def order_data(state: State, *bookings: Booking, gate: CalendarGate = CalendarGate.OPEN) -> OrderData:
    """An order in a state, with its meetings."""
    order = an_order(reference='K7QM-2XPA', facts=FACTS[state])
    assert order.state is state
    return OrderData(order, bookings, gate, NOON, domain=SHOP)


def view_of(state: State, *bookings: Booking, gate: CalendarGate = CalendarGate.OPEN) -> View:
    """What the page shows of it."""
    return view(order_data(state, *bookings, gate=gate), SITE)


def heading(shown: View) -> str:
    """The heading of the page."""
    (found,) = re.findall('<h1[^>]*>(.*?)</h1>', shown.state)
    return str(found)
