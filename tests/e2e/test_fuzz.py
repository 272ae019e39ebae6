"""Arbitrary requests to the pages: never an internal error, and no traceback in the log."""

import json
import re
import socket
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.e2e.conftest import shop_server
from tests.fuzzing import BODIES, HEADERS, TEXTS, fuzz_settings, leaks_in, secrets_of, signature
from tests.processes import Server, free_port
from tests.sandbox_client import SandboxClient

TIMEOUT = 20  # seconds
# What follows a percent sign need not be a character, nor a number.
ESCAPES = st.text('%0123456789abcdefABCDEF/.;?&=+cs_', max_size=60)
PATHS = TEXTS.map(lambda text: quote(text, safe='/', errors='replace')) | ESCAPES
SESSION_IDS = st.one_of(
    st.from_regex(r'cs_[A-Za-z0-9_]{1,250}', fullmatch=True), TEXTS, st.just('{CHECKOUT_SESSION_ID}')
)
NAMES = st.sampled_from(['alert', 'error', 'again', 'back', 'client_id', 'page']) | TEXTS
CODES = st.sampled_from(['internal', 'already_paid', 'payments_unavailable', '1']) | TEXTS
QUERIES = st.lists(st.tuples(NAMES, CODES), max_size=5).map(lambda pairs: urlencode(pairs, errors='replace'))
SHOWN = st.sampled_from(['15000-usd', '14000-usd', '999999999999-xxx', '15000-', '\u0663-usd', '']) | TEXTS
FORMS = st.dictionaries(st.sampled_from(['shown', 'again']) | TEXTS, SHOWN, max_size=4).map(
    lambda form: urlencode(form, errors='replace').encode()
)
HEADS = st.sampled_from(
    [b'GET / HTTP/1.1\r\n', b'POST /checkout HTTP/1.1\r\n', b'GET /order/\xff HTTP/1.0\r\n', b'']
)
TAILS = st.sampled_from(
    [
        b'\r\n\r\n',
        b'Host: \xff\r\n\r\n',
        b'Content-Length: 99\r\n\r\nshown=',
        b'Content-Length: ' + b'9' * 5000 + b'\r\n\r\n',
        b'Transfer-Encoding: chunked\r\n\r\nfff\r\nshown',
        b'Cookie: ' + b'a' * 70_000,
    ]
)
EDGES = st.sampled_from(['0001-01-01T00:00:00Z', '9999-12-31T23:59:59Z', '1900-01-01T00:00:00-12:00'])
TIMES = EDGES | st.datetimes().map(lambda time: time.isoformat() + 'Z')
ZONES = st.sampled_from(['America/New_York', 'Factory', 'America', 'zone.tab', '/etc/passwd', '..', 'UTC+99'])
PLACES = st.sampled_from(['javascript:alert(1)', 'https://', 'https://meet.example/"><script>'])


@dataclass(frozen=True)
class CheckedShop:
    """A shop's process, with checks of its responses, its log and its ledger."""

    server: Server
    http: httpx.Client
    ledger: Path
    secrets: tuple[str, ...]

    def request(self, method: str, target: str, **how: Any) -> httpx.Response:
        """Send a request for exactly this target, and check what holds for every response."""
        before = self.orders()
        answer = self.http.request(method, '/', extensions={'target': target.encode('ascii')}, **how)
        assert answer.status_code < 500, answer.text
        assert not leaks_in(answer.text, self.secrets)
        if answer.status_code >= 400:
            assert self.orders() == before
        return answer

    def orders(self) -> int:
        """Return the number of orders."""
        with sqlite3.connect(self.ledger) as connection:
            return int(connection.execute('SELECT count(*) FROM orders').fetchone()[0])


@pytest.fixture(scope='module')
def running_checked_shop(
    running_sandbox: tuple[SandboxClient, int],
    servers: list[Server],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[CheckedShop]:
    """Run one shop for all of these tests."""
    sandbox, _ = running_sandbox
    folder = tmp_path_factory.mktemp('fuzzed')
    server = shop_server('fuzzed', sandbox, free_port(), folder, {})
    servers.append(server)
    server.start()
    with httpx.Client(base_url=server.url, timeout=TIMEOUT, trust_env=False) as http:
        yield CheckedShop(server, http, folder / 'shop.db', secrets_of(sandbox.settings))
    server.stop()


@pytest.fixture
def checked_shop(running_checked_shop: CheckedShop, sandbox: SandboxClient) -> Iterator[CheckedShop]:
    """Return the shop; afterwards, check that it is healthy and has logged no traceback."""
    before = running_checked_shop.server.log().count('Traceback')
    running_checked_shop.http.cookies.clear()
    yield running_checked_shop
    assert running_checked_shop.request('GET', '/healthz').text == 'ok'
    assert running_checked_shop.server.log().count('Traceback') == before


@fuzz_settings(0.5)
@given(session_id=SESSION_IDS)
def test_any_session_id(checked_shop: CheckedShop, session_id: str) -> None:
    """An invented id is refused or not found; after many of them Stripe is not asked any more."""
    query = urlencode({'session_id': session_id}, errors='replace')
    assert checked_shop.request('GET', f'/success?{query}').status_code in (400, 404, 429)


@fuzz_settings(0.5)
@given(path=PATHS)
def test_any_order_url(checked_shop: CheckedShop, path: str) -> None:
    """An invented URL of an order page is not found."""
    assert checked_shop.request('GET', f'/order/{path}').status_code in (307, 404)


@fuzz_settings(0.5)
@given(body=FORMS | BODIES, headers=HEADERS)
def test_any_form(checked_shop: CheckedShop, body: bytes, headers: dict[str, bytes]) -> None:
    """Whatever is posted to the form's URL is refused, or answered with 303."""
    answer = checked_shop.request('POST', '/checkout', content=body, headers=headers)
    assert answer.status_code in (303, 400, 413, 415)


@fuzz_settings(0.2)
@given(query=QUERIES | ESCAPES)
def test_any_query_of_the_landing_page(checked_shop: CheckedShop, query: str) -> None:
    """The landing page opens with any query."""
    assert checked_shop.request('GET', f'/?{query}').status_code == 200


@fuzz_settings(0.3)
@given(head=HEADS, middle=st.binary(max_size=80), tail=TAILS)
def test_any_bytes_on_the_wire(checked_shop: CheckedShop, head: bytes, middle: bytes, tail: bytes) -> None:
    """Bytes that are not a complete request get no more than a refusal."""
    server = urlsplit(checked_shop.server.url)
    with socket.create_connection((server.hostname, server.port or 0), timeout=TIMEOUT) as wire:
        wire.sendall(head + middle + tail)
        wire.shutdown(socket.SHUT_WR)
        response = wire.recv(65_536)
    assert not response.startswith(b'HTTP/1.1 5')
    assert not leaks_in(response.decode('latin-1'), checked_shop.secrets)


@fuzz_settings(0.3)
@given(
    start=TIMES,
    end=TIMES,
    zone=ZONES | TEXTS,
    place=PLACES | TEXTS,
    link=PLACES | TEXTS,
    name=TEXTS,
)
@example(
    start='2026-12-01T15:00:00Z',
    end='0001-01-01T00:00:00Z',
    zone='America/New_York',
    place='https://meet.example/1',
    link='https://calendly.com/1',
    name='Pat',
)
def test_any_booking_on_the_order_page(
    checked_shop: CheckedShop,
    order: tuple[str, str],
    sandbox: SandboxClient,
    start: str,
    end: str,
    **odd: str,
) -> None:
    """Whatever a signed delivery says about a booking, the order page and its calendar file can be opened."""
    path, booking_key = order
    payload = {
        'uri': 'https://api.calendly.com/scheduled_events/E/invitees/I',
        'status': 'active',
        'scheduled_event': {'start_time': start, 'end_time': end, 'location': {'location': odd['place']}},
        'tracking': {'utm_content': booking_key},
        'timezone': odd['zone'],
        'name': odd['name'],
        'reschedule_url': odd['link'],
        'cancel_url': odd['link'],
    }
    event = {'event': 'invitee.created', 'created_at': f'{start} {end}', 'payload': payload}
    body = json.dumps(event).encode()
    signed = signature(body, sandbox.settings['CALENDLY_WEBHOOK_SIGNING_KEY'])
    checked_shop.request(
        'POST', '/webhooks/calendly', content=body, headers={'calendly-webhook-signature': signed}
    )
    page = checked_shop.request('GET', path)
    assert page.status_code == 200
    assert not re.search(r'href\W+javascript:', page.text)
    assert '"><script>' not in page.text
    assert checked_shop.request('GET', f'{path}/session.ics').status_code in (200, 404)


@pytest.fixture
def order(checked_shop: CheckedShop, sandbox: SandboxClient) -> tuple[str, str]:
    """Return the path of a paid order, and the key that its bookings carry."""
    session_id = (
        checked_shop.request('POST', '/checkout').headers['location'].rpartition('/')[2].partition('#')[0]
    )
    sandbox.pay(session_id)
    path = checked_shop.request('GET', f'/success?session_id={session_id}').headers['location']
    # A request of an earlier test may still open another session.
    (session,) = [each for each in sandbox.state()['sessions'] if each['id'] == session_id]
    return path, session['metadata']['booking_key']
