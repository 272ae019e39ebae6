"""Arbitrary requests to the endpoints: no unexpected error, no secret, and no row written on a refusal."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.shop import Shop
from tests.fuzzing import (
    BODIES,
    HEADER_TEXT,
    HEADERS,
    SCALARS,
    VALUES,
    fuzz_settings,
    json_bytes,
    leaks_in,
    mutations_of,
    secrets_of,
    signature,
)
from tests.sandbox_client import SandboxClient
from tests.services.conftest import Customer

JSON_ENDPOINT = '/api/create-checkout-session'
TABLES = ('orders', 'deliveries', 'bookings', 'journal')
OFFERS = (
    st.fixed_dictionaries({}, optional={'offer': SCALARS | st.just('cp-coaching'), 'price': SCALARS}) | VALUES
)
SESSION_KINDS = ('completed', 'expired', 'async_payment_succeeded', 'async_payment_failed')
COMPLETED = 'checkout.session.completed'
SESSION_IDS = st.sampled_from(
    ['', '.', '..', 'cs_' + 'a' * 5000, 'cs_test_a/../b', 'cs_test_a?b#c', 'cs_test_\x00']
)
URLS = st.sampled_from(
    ['javascript:alert(1)', 'https://[', 'https://calendly.com/\ud800', 'https://\u2100.com']
)
TIMES = st.one_of(
    st.datetimes().map(lambda time: time.isoformat() + 'Z'),
    st.sampled_from(
        ['0001-01-01T00:00:00+23:59', '9999-12-31T23:59:59-23:59', '2026-02-30T00:00:00Z', '2026-W01']
    ),
)


def events(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    """Generate events that are almost right."""
    session = {'id': 'cs_test_unknown', 'object': 'checkout.session', 'metadata': {}}
    event = {'id': 'evt_1', 'object': 'event', 'type': f'checkout.session.{kind}', 'livemode': False}
    return mutations_of(event | {'data': {'object': session}}, SESSION_IDS | VALUES)


def invitees(booking_key: str) -> st.SearchStrategy[dict[str, Any]]:
    """Generate Calendly deliveries that are almost right, for an order in the ledger."""
    payload = {
        'uri': 'https://api.calendly.com/scheduled_events/E/invitees/I',
        'status': 'active',
        'scheduled_event': {
            'start_time': '2026-12-01T15:00:00Z',
            'end_time': '2026-12-01T16:00:00Z',
            'location': {'type': 'google_conference', 'join_url': 'https://meet.example/1'},
        },
        'tracking': {'utm_content': booking_key},
        'timezone': 'America/New_York',
        'email': 'pat@example.com',
        'name': 'Pat Payer',
        'text_reminder_number': '+1 202-555-0143',
        'reschedule_url': 'https://calendly.com/reschedulings/1',
        'cancel_url': 'https://calendly.com/cancellations/1',
        'old_invitee': None,
        'rescheduled': False,
    }
    event = {'event': 'invitee.created', 'created_at': '2026-11-23T12:00:00Z', 'payload': payload}
    return mutations_of(event, URLS | TIMES | VALUES)


class CheckedEndpoints:
    """Posts to the endpoints, and checks the response and the rows of the ledger."""

    def __init__(self, client: httpx.AsyncClient, shop: Shop, secrets: tuple[str, ...]) -> None:
        self._client = client
        self._shop = shop
        self._secrets = secrets

    async def post(
        self, path: str, body: bytes, headers: dict[str, bytes], *, allowed: tuple[int, ...] = ()
    ) -> httpx.Response:
        """Post a body and check the response.

        Args:
            path: the endpoint.
            body: the bytes to post.
            headers: the headers to send.
            allowed: status codes of 500 and more that are expected.
        """
        before = await self.row_counts()
        raw_headers = {name.encode(): value for name, value in headers.items()}
        answer = await self._client.post(path, content=body, headers=raw_headers)
        assert answer.status_code < 500 or answer.status_code in allowed, answer.text
        assert not leaks_in(answer.text, self._secrets)
        if 400 <= answer.status_code < 500:
            assert await self.row_counts() == before
        return answer

    async def row_counts(self) -> list[int]:
        """Return the number of rows of each table."""
        counts = ', '.join(f'(SELECT count(*) FROM {table})' for table in TABLES)
        with self._shop.ledger.store.engine.connect() as connection:
            return list((connection.exec_driver_sql(f'SELECT {counts}')).one())


@pytest.fixture
def checked(endpoints: httpx.AsyncClient, shop: Shop, settings_env: dict[str, str]) -> CheckedEndpoints:
    """Return the endpoints of a shop on the sandbox, with checks."""
    return CheckedEndpoints(endpoints, shop, secrets_of(settings_env))


@pytest.fixture
async def booking_key(customer: Customer) -> str:
    """Return the booking key of a paid order."""
    return (await customer.buy()).booking_key


@fuzz_settings()
@given(body=BODIES, headers=HEADERS)
async def test_arbitrary_requests_to_the_json_endpoint(
    checked: CheckedEndpoints, body: bytes, headers: dict[str, bytes]
) -> None:
    """Every response is JSON, with a URL to pay at or with an error message."""
    answer = await checked.post(JSON_ENDPOINT, body, headers)
    content = answer.json()
    assert set(content) == {'id', 'url'} if answer.status_code == 200 else content['error']['message']


@fuzz_settings()
@given(offer=OFFERS)
async def test_arbitrary_json_to_the_json_endpoint(
    checked: CheckedEndpoints, shop: Shop, offer: object
) -> None:
    """Only the offer for sale, or no offer, opens a session."""
    answer = await checked.post(JSON_ENDPOINT, json_bytes(offer), {'content-type': b'application/json'})
    right = answer.status_code == 200
    assert right == (offer in ({}, {'offer': shop.catalog.get().slug})) or answer.status_code == 429


@fuzz_settings(0.25)
@given(body=BODIES, headers=HEADERS, status=st.sampled_from([401, 403, 404, 429]))
async def test_arbitrary_requests_to_the_json_endpoint_while_stripe_refuses(
    checked: CheckedEndpoints, sandbox: SandboxClient, body: bytes, headers: dict[str, bytes], status: int
) -> None:
    """A refusal by Stripe is answered 503 with an error message, and no session is opened."""
    sandbox.fault('* /v1/*', 'fail', status=status, times=None)
    answer = await checked.post(JSON_ENDPOINT, body, headers, allowed=(503,))
    sandbox.clear_faults()
    assert answer.json()['error']['message']
    assert sandbox.state()['sessions'] == []


@fuzz_settings()
@given(endpoint=st.sampled_from(['stripe', 'calendly']), body=BODIES, headers=HEADERS, header=HEADER_TEXT)
async def test_arbitrary_unsigned_requests_to_the_webhooks(
    checked: CheckedEndpoints, endpoint: str, body: bytes, headers: dict[str, bytes], header: str
) -> None:
    """An unsigned request is refused with a 4xx."""
    headers |= {'stripe-signature': header.encode('latin-1'), 'calendly-webhook-signature': b't=1,v1=2'}
    answer = await checked.post(f'/webhooks/{endpoint}', body, headers)
    assert answer.status_code in (400, 413, 415)


@fuzz_settings()
@given(
    endpoint=st.sampled_from(['stripe', 'calendly']),
    body=BODIES,
    tail=st.sampled_from(['', ',v1=', ',t=', ', t=' + '9' * 5000, ',v1=\xe9']),
)
@example(endpoint='stripe', body=b'{}', tail=', t=' + '9' * 5000)
async def test_arbitrary_signed_bodies_to_the_webhooks(
    checked: CheckedEndpoints, settings_env: dict[str, str], endpoint: str, body: bytes, tail: str
) -> None:
    """A signed body that is no delivery is refused with a 4xx, whatever else is in the header."""
    name, header = _signing(endpoint)
    headers = {header: signature(body, settings_env[name], tail=tail)}
    answer = await checked.post(f'/webhooks/{endpoint}', body, headers)
    assert answer.status_code in (200, 400, 413)


@fuzz_settings()
@given(event=st.sampled_from(SESSION_KINDS).flatmap(events))
@example(event={'id': '\ud800', 'type': COMPLETED, 'data': {'object': {'id': 'cs_test_1'}}})
@example(event={'id': 'evt_1', 'type': COMPLETED, 'data': {'object': {'id': '.'}}})
async def test_arbitrary_signed_events_of_stripe(
    checked: CheckedEndpoints, shop: Shop, settings_env: dict[str, str], event: dict[str, Any]
) -> None:
    """A signed event of any form is answered; one that names no session of ours makes no order."""
    body = json.dumps(event).encode()
    headers = {'stripe-signature': signature(body, settings_env['STRIPE_WEBHOOK_SECRET'])}
    await checked.post('/webhooks/stripe', body, headers)
    orders, *_ = await checked.row_counts()
    assert orders == 0


@fuzz_settings()
@given(data=st.data())
async def test_arbitrary_signed_invitees_of_calendly(
    checked: CheckedEndpoints, settings_env: dict[str, str], booking_key: str, data: st.DataObject
) -> None:
    """A signed delivery that is almost right is accepted or refused, also for an order in the ledger."""
    body = json.dumps(data.draw(invitees(booking_key))).encode()
    headers = {'calendly-webhook-signature': signature(body, settings_env['CALENDLY_WEBHOOK_SIGNING_KEY'])}
    await checked.post('/webhooks/calendly', body, headers)
    orders, *_ = await checked.row_counts()
    assert orders == 1


def _signing(endpoint: str) -> tuple[str, str]:
    """Return the setting with an endpoint's secret, and the header with the signature."""
    if endpoint == 'stripe':
        return 'STRIPE_WEBHOOK_SECRET', 'stripe-signature'
    return 'CALENDLY_WEBHOOK_SIGNING_KEY', 'calendly-webhook-signature'
