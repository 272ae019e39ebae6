"""The webhook endpoints refuse unsigned deliveries, process each one once, and answer 500 on failure."""

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


class StripeSender:
    """Sends deliveries as Stripe does."""

    def __init__(self, endpoints: httpx.AsyncClient, secret: str) -> None:
        self.endpoints = endpoints
        self.secret = secret

    async def deliver(self, body: bytes, **headers: str) -> httpx.Response:
        """Deliver a body, signed unless another header is given."""
        headers = headers or signed(body, self.secret)
        return await self.endpoints.post('/webhooks/stripe', content=body, headers=headers)


@pytest.fixture
def stripe(endpoints: httpx.AsyncClient, settings_env: dict[str, str]) -> StripeSender:
    """Return a sender with the right secret."""
    return StripeSender(endpoints, settings_env['STRIPE_WEBHOOK_SECRET'])


async def test_a_delivery_makes_the_order_paid_and_is_marked_handled(
    stripe: StripeSender, customer: Customer
) -> None:
    """One delivery is one move; its repetition is answered without a request to Stripe."""
    order = await customer.buy()
    body = event_of(order.session_id)
    assert (await stripe.deliver(body)).status_code == 200
    assert (await customer.order_of(order.session_id or '')).state is State.PAID
    requests = len(customer.sandbox.requests())
    assert (await stripe.deliver(body)).status_code == 200
    assert len(customer.sandbox.requests()) == requests
    assert len(await customer.shop.ledger.journal.lines(order.id)) == 3


@pytest.mark.parametrize('kind', ['completed', 'expired', 'async_payment_succeeded', 'async_payment_failed'])
async def test_the_content_of_an_event_is_not_believed(
    stripe: StripeSender, customer: Customer, kind: str
) -> None:
    """Whatever an event says, the order becomes what is read at Stripe."""
    order = await customer.order_of(await customer.start())
    body = event_of(order.session_id, f'checkout.session.{kind}')
    assert (await stripe.deliver(body)).status_code == 200
    assert (await customer.order_of(order.session_id or '')).state is State.OPEN


async def test_a_failed_delivery_keeps_its_error_and_is_processed_when_it_is_repeated(
    stripe: StripeSender, customer: Customer
) -> None:
    """While Stripe's API fails the response is 500; a later delivery of the same event succeeds."""
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
async def test_an_unsigned_delivery_is_refused_and_not_recorded(
    stripe: StripeSender, customer: Customer, headers: dict[str, Any]
) -> None:
    """A missing, malformed or wrong signature is answered 400."""
    answer = await stripe.endpoints.post('/webhooks/stripe', content=event_of('cs_test_1'), headers=headers)
    assert answer.status_code == 400
    assert await _recorded(customer) == 0


async def test_the_reason_of_a_refusal_is_logged(
    stripe: StripeSender, customer: Customer, caplog: pytest.LogCaptureFixture
) -> None:
    """The operator can see a wrong secret or a wrong clock in the log."""
    body = event_of('cs_test_1')
    await stripe.deliver(body, **signed(body, 'whsec_another'))
    await stripe.deliver(body, **signed(body, stripe.secret, at=time.time() - 900))
    first, second = (record.getMessage() for record in caplog.records if 'refused' in record.getMessage())
    assert 'the secret is wrong' in first
    assert 'dated 900 s ago: a clock is off' in second
    assert 'whsec' not in caplog.text


async def test_an_old_delivery_is_refused(stripe: StripeSender, customer: Customer) -> None:
    """A right signature that is older than five minutes may be a replay."""
    body = event_of('cs_test_1')
    answer = await stripe.deliver(body, **signed(body, stripe.secret, at=time.time() - 301))
    assert answer.status_code == 400
    assert await _recorded(customer) == 0


async def test_a_delivery_from_the_future_is_refused(stripe: StripeSender, customer: Customer) -> None:
    """A right signature dated more than five minutes ahead could be replayed for a long time."""
    body = event_of('cs_test_1')
    answer = await stripe.deliver(body, **signed(body, stripe.secret, at=time.time() + 330))
    assert answer.status_code == 400
    assert await _recorded(customer) == 0


async def test_one_right_signature_of_several_is_enough(stripe: StripeSender, customer: Customer) -> None:
    """While a secret is rotated, Stripe signs with both secrets."""
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
async def test_a_signed_body_that_is_no_event_is_refused_and_not_recorded(
    stripe: StripeSender, customer: Customer, body: bytes
) -> None:
    """Bad JSON, bad UTF-8 and other JSON than an event are answered 400."""
    assert (await stripe.deliver(body)).status_code == 400
    assert await _recorded(customer) == 0


async def test_a_body_that_is_too_large_is_refused(stripe: StripeSender) -> None:
    """A body of 300 kB, far longer than any delivery, is answered 413."""
    body = event_of('cs_test_1', padding='x' * 300_000)
    assert (await stripe.deliver(body)).status_code == 413


@pytest.mark.parametrize('kind', ['invoice.paid', 'charge.succeeded', 'unknown.kind'])
async def test_an_event_that_no_shop_needs_is_acknowledged_and_not_recorded(
    stripe: StripeSender, customer: Customer, kind: str
) -> None:
    """It is answered 200, so that Stripe does not repeat it."""
    assert (await stripe.deliver(event_of('in_1', kind))).status_code == 200
    assert await _recorded(customer) == 0


async def test_a_foreign_session_is_acknowledged_and_makes_no_order(
    stripe: StripeSender, customer: Customer
) -> None:
    """Stripe does not know the session in this account; its delivery is marked handled."""
    assert (await stripe.deliver(event_of('cs_test_foreign'))).status_code == 200
    assert (await stripe.deliver(event_of('cs_test_foreign'))).text == 'known already'
    assert await customer.shop.ledger.orders.find(session_id='cs_test_foreign') is None


async def test_without_a_secret_there_is_no_endpoint(
    settings_env: dict[str, str], sandbox: SandboxClient
) -> None:
    """Without the signing secrets the shop has no webhook routes."""
    shop = build(
        parse_settings(settings_env | {'STRIPE_WEBHOOK_SECRET': '', 'CALENDLY_WEBHOOK_SIGNING_KEY': ''})
    )
    paths = {getattr(route, 'path', '') for router in shop.routers() for route in router.routes}
    assert paths == {'/api/create-checkout-session', '/healthz', '/healthz/seen', '/readyz', '/metrics'}
    await shop.close()


async def test_a_booking_is_recorded_at_its_order(
    endpoints: httpx.AsyncClient, customer: Customer, settings_env: dict[str, str]
) -> None:
    """A signed Calendly delivery with the booking key adds the booking to the order, once."""
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
    unsigned = await endpoints.post('/webhooks/calendly', content=body, headers=signed(body, 'x'))
    assert unsigned.status_code == 400


async def _recorded(customer: Customer) -> int:
    with customer.shop.ledger.store.engine.connect() as connection:
        return int((connection.exec_driver_sql('SELECT count(*) FROM deliveries')).scalar_one())
