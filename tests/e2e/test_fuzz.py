"""Arbitrary requests at the endpoints for people: a calm page each time, and no traceback in the log."""

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
from tests.fuzzing import BODIES, HEADERS, TEXTS, leaks_in, secrets_of, signature, thrown
from tests.processes import Server, free_port
from tests.sandbox_client import SandboxClient

PATIENCE = 20  # seconds
# What stands behind a percent sign need not be a character, nor even a number.
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
MOMENTS = EDGES | st.datetimes().map(lambda moment: moment.isoformat() + 'Z')
ZONES = st.sampled_from(['America/New_York', 'Factory', 'America', 'zone.tab', '/etc/passwd', '..', 'UTC+99'])
PLACES = st.sampled_from(['javascript:alert(1)', 'https://', 'https://meet.example/"><script>'])


@dataclass(frozen=True)
class Watched:
    """A shop's process with a watch on it: what it answers, logs and holds."""

    server: Server
    http: httpx.Client
    ledger: Path
    secrets: tuple[str, ...]

    def ask(self, method: str, target: str, **how: Any) -> httpx.Response:
        """Send a request for exactly this target, and check what every answer must be."""
        before = self.orders()
        answer = self.http.request(method, '/', extensions={'target': target.encode('ascii')}, **how)
        assert answer.status_code < 500, answer.text
        assert not leaks_in(answer.text, self.secrets)
        if answer.status_code >= 400:
            assert self.orders() == before
        return answer

    def orders(self) -> int:
        """How many orders there are."""
        with sqlite3.connect(self.ledger) as connection:
            return int(connection.execute('SELECT count(*) FROM orders').fetchone()[0])


@pytest.fixture(scope='module')
def running_watched(
    running_sandbox: tuple[SandboxClient, int],
    servers: list[Server],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Watched]:
    """Run one shop for all of these tests."""
    sandbox, _ = running_sandbox
    folder = tmp_path_factory.mktemp('fuzzed')
    server = shop_server('fuzzed', sandbox, free_port(), folder, {})
    servers.append(server)
    server.start()
    with httpx.Client(base_url=server.url, timeout=PATIENCE, trust_env=False) as http:
        yield Watched(server, http, folder / 'shop.db', secrets_of(sandbox.settings))
    server.stop()


@pytest.fixture
def watched(running_watched: Watched, sandbox: SandboxClient) -> Iterator[Watched]:
    """Hand out the shop; afterwards it is well, and nothing that was sent has made it stumble."""
    before = running_watched.server.log().count('Traceback')
    running_watched.http.cookies.clear()
    yield running_watched
    assert running_watched.ask('GET', '/healthz').text == 'ok'
    assert running_watched.server.log().count('Traceback') == before


@thrown(0.5)
@given(session_id=SESSION_IDS)
def test_any_session_id(watched: Watched, session_id: str) -> None:
    """An invented id is refused or not found, and after many of them nobody is asked any more."""
    query = urlencode({'session_id': session_id}, errors='replace')
    assert watched.ask('GET', f'/success?{query}').status_code in (400, 404, 429)


@thrown(0.5)
@given(path=PATHS)
def test_any_order_address(watched: Watched, path: str) -> None:
    """An invented address of an order leads nowhere."""
    assert watched.ask('GET', f'/order/{path}').status_code in (307, 404)


@thrown(0.5)
@given(body=FORMS | BODIES, headers=HEADERS)
def test_any_form(watched: Watched, body: bytes, headers: dict[str, bytes]) -> None:
    """Whatever is posted to the form's address is refused, or answered with 303."""
    answer = watched.ask('POST', '/checkout', content=body, headers=headers)
    assert answer.status_code in (303, 400, 413, 415)


@thrown(0.2)
@given(query=QUERIES | ESCAPES)
def test_any_query_of_the_landing_page(watched: Watched, query: str) -> None:
    """The landing page opens, whatever stands behind its address."""
    assert watched.ask('GET', f'/?{query}').status_code == 200


@thrown(0.3)
@given(head=HEADS, middle=st.binary(max_size=80), tail=TAILS)
def test_any_bytes_on_the_wire(watched: Watched, head: bytes, middle: bytes, tail: bytes) -> None:
    """What is no request, or ends in the middle of one, gets no more than a refusal."""
    address = urlsplit(watched.server.url)
    with socket.create_connection((address.hostname, address.port or 0), timeout=PATIENCE) as wire:
        wire.sendall(head + middle + tail)
        wire.shutdown(socket.SHUT_WR)
        told = wire.recv(65_536)
    assert not told.startswith(b'HTTP/1.1 5')
    assert not leaks_in(told.decode('latin-1'), watched.secrets)


@thrown(0.3)
@given(
    start=MOMENTS,
    end=MOMENTS,
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
def test_any_meeting_on_the_order_page(
    watched: Watched, order: tuple[str, str], sandbox: SandboxClient, start: str, end: str, **odd: str
) -> None:
    """Whatever a signed delivery says of a meeting, the order's page and its calendar file can be opened."""
    address, booking_key = order
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
    watched.ask('POST', '/webhooks/calendly', content=body, headers={'calendly-webhook-signature': signed})
    page = watched.ask('GET', address)
    assert page.status_code == 200
    assert not re.search(r'href\W+javascript:', page.text)
    assert '"><script>' not in page.text
    assert watched.ask('GET', f'{address}/session.ics').status_code in (200, 404)


@pytest.fixture
def order(watched: Watched, sandbox: SandboxClient) -> tuple[str, str]:
    """The page of a paid order, and the key that its bookings carry."""
    session_id = watched.ask('POST', '/checkout').headers['location'].rpartition('/')[2].partition('#')[0]
    sandbox.pay(session_id)
    address = watched.ask('GET', f'/success?session_id={session_id}').headers['location']
    (session,) = sandbox.state()['sessions']
    return address, session['metadata']['booking_key']
