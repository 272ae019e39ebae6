"""Test data: orders, payment sessions, bookings and signed Stripe events, valid until a test changes them."""

import hashlib
import hmac
import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from services.money import Money
from services.orders import (
    Booking,
    BookingState,
    Environment,
    Facts,
    Order,
    PaymentSession,
    Purchase,
    metadata_of,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SHOP = 'https://coach.example'
PAID = Facts('complete', 'paid', 15000, 15000, seen_currency='usd')
A_PURCHASE = Purchase('session', 'Coaching session', 60, 1, 'price_1', Money(15000, 'usd'))
CREATE = 'POST /v1/checkout/sessions'
"""The request with which the shop opens a checkout session."""


def an_order(**changes: object) -> Order:
    """Return an order of 150 dollars that is not paid yet."""
    order = Order(
        id='o1',
        version=1,
        reference='ABCD-2345',
        token='token',
        booking_key='key',
        environment=Environment('test'),
        domain=SHOP,
        purchase=A_PURCHASE,
        created_at=NOON,
        session_expires_at=NOON + timedelta(hours=3),
    )
    return replace(order, **changes)  # type: ignore[arg-type]


def a_session(facts: Facts = PAID, **changes: object) -> PaymentSession:
    """Return the checkout session of that order, as read from Stripe."""
    session = PaymentSession('cs_test_1', None, 'payment', False, NOON, facts, metadata_of(an_order()))
    return replace(session, **changes)  # type: ignore[arg-type]


def a_booking(**changes: object) -> Booking:
    """Return an active booking of one hour."""
    booking = Booking('invitee-1', BookingState.ACTIVE, NOON, NOON + timedelta(hours=1))
    return replace(booking, **changes)  # type: ignore[arg-type]


def event_of(session_id: str | None, kind: str = 'checkout.session.completed', **changes: Any) -> bytes:
    """Return the body of a Stripe event that names a checkout session."""
    event = {'id': f'evt_{kind}_{session_id}', 'object': 'event', 'type': kind}
    return json.dumps(event | {'data': {'object': {'id': session_id}}} | changes).encode()


def signed(body: bytes, secret: str, *, at: float | None = None) -> dict[str, str]:
    """Return the header with which Stripe signs a body.

    Args:
        body: what is sent.
        secret: the signing secret of the endpoint.
        at: when it is signed, in seconds since 1970; now, if not given.
    """
    stamp = int(time.time() if at is None else at)
    mac = hmac.new(secret.encode(), f'{stamp}.'.encode() + body, hashlib.sha256).hexdigest()
    return {'Stripe-Signature': f't={stamp},v1={mac}'}


_TOMORROW = datetime.now(UTC).replace(hour=18, minute=0, second=0, microsecond=0) + timedelta(days=1)
BOOKING = a_booking(
    invitee_id='https://api.calendly.com/scheduled_events/1/invitees/2',
    start=_TOMORROW,
    end=_TOMORROW + timedelta(hours=1),
    timezone='Asia/Tokyo',
    place='https://meet.example/room',
    reschedule_url='https://calendly.com/reschedulings/2',
    cancel_url='https://calendly.com/cancellations/2',
)
"""A booking that lies ahead, with all that Calendly says of one."""
