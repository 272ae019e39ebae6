"""The webhook endpoints: signed or refused, worked once, and the sender comes back when it failed."""

import json
import time
from typing import Any

import httpx
import pytest

from services.orders import Cause, State
from services.settings import parse_settings
from services.shop import build
from tests.factories import event_of, signed
from tests.sandbox_client import SandboxClient
from tests.services.conftest import Customer, on_both_databases

pytestmark = on_both_databases


class Stripe:
    """Stripe at the endpoint."""

    def __init__(self, endpoints: httpx.AsyncClient, secret: str) -> None:
        self.endpoints = endpoints
        self.secret = secret

    async def deliver(self, body: bytes, **headers: str) -> httpx.Response:
        """Deliver a body, signed unless another header is given."""
        told = headers or signed(body, self.secret)
        return await self.endpoints.post('/webhooks/stripe', content=body, headers=told)


@pytest.fixture
def stripe(endpoints: httpx.AsyncClient, settings_env: dict[str, str]) -> Stripe:
    """Stripe, with the right secret."""
    return Stripe(endpoints, settings_env['STRIPE_WEBHOOK_SECRET'])


async def test_a_delivery_marks_the_order_paid_and_is_settled(stripe: Stripe, customer: Customer) -> None:
    """One delivery is one move; the same again is answered at once and asks nobody."""
    order = await customer.buy()
    body = event_of(order.session_id)
    assert (await stripe.deliver(body)).status_code == 200
    assert (await customer.order_of(order.session_id or '')).state is State.PAID
    asked = len(customer.sandbox.requests())
    assert (await stripe.deliver(body)).status_code == 200
    assert len(customer.sandbox.requests()) == asked
    assert len(await customer.shop.ledger.journal.lines(order.id)) == 3


@pytest.mark.parametrize('kind', ['completed', 'expired', 'async_payment_succeeded', 'async_payment_failed'])
async def test_the_event_is_a_doorbell_only(stripe: Stripe, customer: Customer, kind: str) -> None:
    """Whatever an event claims, what is written down is what Stripe says when asked."""
    order = await customer.order_of(await customer.start())
    body = event_of(order.session_id, f'checkout.session.{kind}')
    assert (await stripe.deliver(body)).status_code == 200
    assert (await customer.order_of(order.session_id or '')).state is State.OPEN


async def test_a_failed_delivery_keeps_its_error_and_is_worked_when_it_comes_again(
    stripe: Stripe, customer: Customer
) -> None:
    """While Stripe's API is down the answer is 500; the next delivery of the same event heals."""
    order = await customer.buy()
    body = event_of(order.session_id)
    customer.sandbox.fault('GET /v1/checkout/sessions/*', 'fail', status=500, times=None)
    refused = await stripe.deliver(body)
    assert refused.status_code == 500
    assert 'payment' not in refused.text
    with customer.shop.ledger.store.engine.connect() as connection:
        row = (connection.exec_driver_sql('SELECT handled_at, error FROM deliveries')).one()
    assert row.handled_at is None
    assert row.error.startswith('payment_busy [error ')
    customer.sandbox.clear_faults()
    assert (await stripe.deliver(body)).status_code == 200
    assert (await customer.order_of(order.session_id or '')).state is State.PAID


@pytest.mark.parametrize(
    'headers',
    [
        {},
        {'Stripe-Signature': ''},
        {'Stripe-Signature': 't=1,v1=abc'},
        {'Stripe-Signature': 'v1=abc'},
        {'Stripe-Signature': 't=abc,v1=abc'},
        {'Stripe-Signature': b't=1,v1=\xc3\xa9'},
        signed(event_of('cs_test_1'), 'whsec_another'),
        signed(event_of('cs_test_1'), 'whsec_another', at=0),
    ],
)
async def test_what_is_not_signed_is_refused_and_not_stored(
    stripe: Stripe, customer: Customer, headers: dict[str, Any]
) -> None:
    """A missing, broken or forged signature is a 400 and leaves nothing."""
    answer = await stripe.endpoints.post('/webhooks/stripe', content=event_of('cs_test_1'), headers=headers)
    assert answer.status_code == 400
    assert await _stored(customer) == 0


async def test_a_refusal_tells_the_operator_why(
    stripe: Stripe, customer: Customer, caplog: pytest.LogCaptureFixture
) -> None:
    """A wrong secret or a wrong clock is seen in the log, not days later in a mail of Stripe's."""
    body = event_of('cs_test_1')
    await stripe.deliver(body, **signed(body, 'whsec_another'))
    await stripe.deliver(body, **signed(body, stripe.secret, at=time.time() - 900))
    first, second = (record.getMessage() for record in caplog.records if 'refused' in record.getMessage())
    assert 'No signatures found' in first
    assert 'tolerance' in second
    assert 'whsec' not in caplog.text


async def test_an_old_delivery_is_refused(stripe: Stripe, customer: Customer) -> None:
    """A right signature from more than five minutes ago is a replay."""
    body = event_of('cs_test_1')
    answer = await stripe.deliver(body, **signed(body, stripe.secret, at=time.time() - 301))
    assert answer.status_code == 400
    assert await _stored(customer) == 0


async def test_a_delivery_from_the_future_is_refused(stripe: Stripe, customer: Customer) -> None:
    """A right signature dated more than five minutes ahead is kept for a replay, so it is refused."""
    body = event_of('cs_test_1')
    answer = await stripe.deliver(body, **signed(body, stripe.secret, at=time.time() + 330))
    assert answer.status_code == 400
    assert await _stored(customer) == 0


async def test_one_right_signature_of_several_is_enough(stripe: Stripe, customer: Customer) -> None:
    """While the secret is rotated Stripe signs with both."""
    order = await customer.buy()
    body = event_of(order.session_id)
    header = signed(body, stripe.secret)['Stripe-Signature'].replace(',', f',v1={"0" * 64},', 1)
    assert (await stripe.deliver(body, **{'Stripe-Signature': header})).status_code == 200
    assert (await customer.order_of(order.session_id or '')).state is State.PAID


@pytest.mark.parametrize(
    'body',
    [
        b'',
        b'{',
        b'\xff\xfe',
        b'[]',
        b'null',
        b'"text"',
        b'{}',
        b'{"id": 1, "type": 2}',
        event_of(None, data=None),
        event_of(None, data={'object': 'cs_test_1'}),
        event_of('x', id=None),
        b'[' * 50_000,
    ],
)
async def test_signed_nonsense_is_refused_and_not_stored(
    stripe: Stripe, customer: Customer, body: bytes
) -> None:
    """Bad JSON, bad UTF-8 and what is no event are a 400."""
    assert (await stripe.deliver(body)).status_code == 400
    assert await _stored(customer) == 0


async def test_a_huge_body_is_refused_unread(stripe: Stripe) -> None:
    """Nothing longer than a delivery ever is gets in."""
    body = event_of('cs_test_1', padding='x' * 300_000)
    assert (await stripe.deliver(body)).status_code == 413


@pytest.mark.parametrize('kind', ['invoice.paid', 'charge.succeeded', 'unheard.of'])
async def test_other_events_are_none_of_our_business(stripe: Stripe, customer: Customer, kind: str) -> None:
    """An event that no shop needs is answered 200 and not noted."""
    assert (await stripe.deliver(event_of('in_1', kind))).status_code == 200
    assert await _stored(customer) == 0


async def test_a_foreign_session_is_answered_and_left_alone(stripe: Stripe, customer: Customer) -> None:
    """A session that Stripe does not know in this account makes no order."""
    assert (await stripe.deliver(event_of('cs_test_foreign'))).status_code == 200
    assert (await stripe.deliver(event_of('cs_test_foreign'))).text == 'known already'
    assert await customer.shop.ledger.orders.find(session_id='cs_test_foreign') is None


async def test_without_a_secret_there_is_no_endpoint(
    settings_env: dict[str, str], sandbox: SandboxClient
) -> None:
    """An unsigned endpoint does not exist."""
    shop = build(
        parse_settings(settings_env | {'STRIPE_WEBHOOK_SECRET': '', 'CALENDLY_WEBHOOK_SIGNING_KEY': ''})
    )
    paths = {getattr(route, 'path', '') for endpoint in shop.routers() for route in endpoint.routes}
    assert paths == {'/api/create-checkout-session', '/healthz', '/readyz', '/metrics'}
    await shop.close()


async def test_a_booking_is_written_down_at_its_order(
    endpoints: httpx.AsyncClient, customer: Customer, settings_env: dict[str, str]
) -> None:
    """A signed delivery of Calendly that carries the booking key attaches the meeting, once."""
    order = await customer.buy()
    paid = await customer.shop.fulfilment.fulfil(order.session_id or '', because=Cause.RETURN)
    assert paid is not None
    payload = {
        'uri': 'https://api.calendly.com/scheduled_events/E/invitees/I',
        'status': 'active',
        'scheduled_event': {'start_time': '2026-12-01T15:00:00Z', 'end_time': '2026-12-01T16:00:00Z'},
        'tracking': {'utm_content': paid.booking_key},
    }
    event = {'event': 'invitee.created', 'created_at': '2026-11-23T12:00:00Z', 'payload': payload}
    body = json.dumps(event).encode()
    header = signed(body, settings_env['CALENDLY_WEBHOOK_SIGNING_KEY'])['Stripe-Signature']
    for text in ('thank you', 'known already'):
        answer = await endpoints.post(
            '/webhooks/calendly', content=body, headers={'Calendly-Webhook-Signature': header}
        )
        assert (answer.status_code, answer.text) == (200, text)
    (booking,) = await customer.shop.bookings.bookings(paid)
    assert booking.start.isoformat() == '2026-12-01T15:00:00+00:00'
    stranger = await endpoints.post('/webhooks/calendly', content=body, headers=signed(body, 'x'))
    assert stranger.status_code == 400


async def _stored(customer: Customer) -> int:
    with customer.shop.ledger.store.engine.connect() as connection:
        return int((connection.exec_driver_sql('SELECT count(*) FROM deliveries')).scalar_one())
