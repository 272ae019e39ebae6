"""The check: each broken set-up is told by its own line, and a healthy one by none."""

import asyncio
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import Any

import httpx
import pytest

import main as program
from services.check import Finding, Level, check, has_wrong
from services.check.certificate import check_end
from services.check.database import check_database
from services.check.domain import check_redirect
from services.check.mail import check_mail_server
from services.check.proof import Side, prove
from services.check.stripe_webhook import check_stripe_webhook
from services.commands import check as command
from services.database import file_system
from services.ledger import Delivery, Ledger, Source, connect
from services.orders import Cause
from services.payments import build_payments
from services.settings import parse_settings
from services.shop import Shop
from services.site import load
from services.site.examples import MADE_UP
from tests.conftest import CreateTables
from tests.contract.calendly import check_logged
from tests.https_proxy import HttpsProxy, ProxySetup
from tests.processes import ROOT, Server, free_port, wait_until
from tests.sandbox_client import SandboxClient
from tests.services.broken_set_ups import (
    OK,
    RESTRICTED,
    ROWS,
    WARNING,
    WRONG,
    Place,
    Row,
    deliver,
    destination,
)
from tests.services.conftest import Clock, NewDatabase, on_both_databases


@pytest.fixture
def settings(running_sandbox: SandboxClient, sandbox: SandboxClient, tmp_path: Path) -> dict[str, str]:
    """Return settings with which nothing is wrong, but that no shop runs."""
    texts = (ROOT / 'site.toml').read_text(encoding='utf-8')
    real = MADE_UP.sub(lambda found: found[0].replace('example', 'coach').replace('555', '867'), texts)
    (tmp_path / 'site.toml').write_text(real, encoding='utf-8')
    return {
        **running_sandbox.settings,
        **running_sandbox.mail_settings,
        'DOMAIN': 'http://localhost:3000',
        'DATABASE_URL': f'sqlite:///{tmp_path}/shop.db',
        'SITE_FILE': str(tmp_path / 'site.toml'),
        'ADMIN_PASSWORD': 'a long password',
        'ENV_FILE': os.devnull,
    }


@pytest.fixture
def place(settings: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """Run a shop, and the proxy in front of it."""
    port = free_port()
    proxy = HttpsProxy(tmp_path, port)
    ours = {'DOMAIN': proxy.url, 'HOST': '127.0.0.1', 'PORT': str(port)}
    monkeypatch.setenv('SSL_CERT_FILE', str(proxy.authority))
    settings = settings | ours | {'SSL_CERT_FILE': str(proxy.authority)}
    server = Server(
        'shop', [str(ROOT / 'main.py')], port=port, health='/healthz', folder=tmp_path, environment=settings
    )
    with proxy.running():
        server.start()
        wait_until(
            lambda: 'not been read yet' not in httpx.get(f'{server.url}/readyz').text,
            seconds=30,
            why='the shop has read the bookings',
        )
        yield Place(proxy, settings)
        server.stop()


def make_healthy(sandbox: SandboxClient, place: Place) -> None:
    """Reset the sandbox, register the webhooks of the shop there, and set the proxy up rightly.

    The last delivery to the shop is one that it accepts.
    """
    assert check_logged(sandbox.requests()) == []
    sandbox.reset()
    sandbox.send_webhooks_to(place.proxy.url)
    deliver(place)
    place.proxy.setup = ProxySetup()


def told(found: tuple[Finding, ...]) -> list[Finding]:
    """Return the findings that are not ok."""
    return [each for each in found if each.level is not Level.OK]


async def test_a_healthy_set_up_is_silent_and_each_broken_one_has_a_line_of_its_own(
    sandbox: SandboxClient,
    place: Place,
    create_tables: CreateTables,
    tmp_path: Path,
    subtests: pytest.Subtests,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One shop for all of them; nothing stays open at Stripe, and no order is made."""
    make_healthy(sandbox, place)
    with subtests.test('healthy'):
        await check_healthy(sandbox, place)
    for name, row in ROWS.items():
        make_healthy(sandbox, place)
        with subtests.test(name):
            await check_row(sandbox, place, row)
    make_healthy(sandbox, place)
    with subtests.test('another database'):
        other = f'sqlite:///{tmp_path}/other.db'
        create_tables(other)
        (finding,) = told(await check({**place.settings, 'DATABASE_URL': other}))
        assert (finding.part, finding.level) == ('domain', WRONG)
        assert 'has another database than this one' in finding.text
    with subtests.test('a time at the end of what Calendly tells'):
        last = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(days=30, hours=12)
        sandbox.act('free-times', starts=[last.isoformat()])
        found = await check(place.settings)
        expected = f'1 time is free in the next 31 days, the first {last:%Y-%m-%d %H:%M} UTC'
        assert (told(found), [each.text for each in found if 'free in the' in each.text]) == ([], [expected])
        make_healthy(sandbox, place)
    with subtests.test('exit code'):
        assert await asyncio.to_thread(command.run, place.settings, as_json=False, mail_to='') == 0
        lines = capsys.readouterr().out.splitlines()
        signs = {line[2:9].strip() for line in lines if line.startswith('  ')}
        assert (signs, lines[-1]) == ({'ok', 'note', ''}, 'Nothing is wrong.')
    with sqlite3.connect(tmp_path / 'shop.db') as database:
        assert database.execute('SELECT count(*) FROM orders').fetchone() == (0,)


async def check_healthy(sandbox: SandboxClient, place: Place) -> None:
    """Each part says that it is all right; a restricted key and thin events are healthy too."""
    shown: list[Finding] = []
    found = await check(place.settings, on_finding=shown.append)
    assert (told(found), shown) == ([], list(found))
    parts = (
        'settings, site, database, stripe key, price, payment page, stripe webhook, clock, calendly, domain'
    )
    assert {each.part for each in found} == {*parts.split(', '), 'mail', 'look yourself'}
    destination(payload='thin')(sandbox, place)
    sandbox.act('tax', by_default=True)
    found = await check({**place.settings, 'STRIPE_SECRET_KEY': RESTRICTED})
    assert told(found) == []
    texts = ' '.join(each.text for each in found)
    assert 'event destination with thin events' in texts
    assert 'no tax is added (AUTOMATIC_TAX=0)' in texts


async def check_row(sandbox: SandboxClient, place: Place, row: Row) -> None:
    """Nothing but this is told, and each line has a remedy."""
    row.act(sandbox, place)
    place.proxy.setup = row.proxy
    smtp = place.settings['SMTP_URL'].rpartition(':')[2]
    changed = {key: value.replace('{smtp}', smtp) for key, value in row.settings.items()}
    found = await check({**place.settings, **changed})
    assert len(told(found)) == len(row.lines), told(found)
    of_domain = [index for index, each in enumerate(found) if each.part == 'domain']
    assert not of_domain or of_domain[-1] - of_domain[0] == len(of_domain) - 1
    # Parts are told as they are done.
    findings, lines = sorted(told(found), key=lambda each: each.part), sorted(row.lines, key=itemgetter(0))
    for finding, (part, level, phrase) in zip(findings, lines, strict=True):
        assert (finding.part, finding.level) == (part, level)
        assert phrase in finding.text
        assert finding.remedy
    assert has_wrong(found) is any(level is WRONG for _, level, _ in row.lines)
    assert {session['status'] for session in sandbox.state()['sessions']} <= {'expired'}


async def test_a_live_key_is_sent_to_no_other_address(
    settings: dict[str, str], sandbox: SandboxClient
) -> None:
    """The check ends with the settings, before any request."""
    live = {'STRIPE_SECRET_KEY': 'sk_live_abc', 'STRIPE_PUBLISHABLE_KEY': ''}
    found = await check(settings | live | {'DOMAIN': 'https://coach.test'})
    assert any('STRIPE_API_BASE must not be set together with a live' in each.text for each in told(found))
    assert sandbox.requests() == []


async def test_a_mail_is_sent_on_request(sandbox: SandboxClient, settings: dict[str, str]) -> None:
    """One mail, and only with an address; a refused recipient is told in the server's words."""
    parsed = parse_settings(settings)
    texts = load(parsed.site_file)
    assert [each.level for each in await check_mail_server(parsed, texts)] == [OK]
    assert sandbox.mails() == []
    found = await check_mail_server(parsed, texts, mail_to='me@coach.test')
    assert [each.level for each in found] == [OK, OK]
    sent = [(mail['to'], mail['subject']) for mail in sandbox.mails()]
    assert sent == [('me@coach.test', 'A test mail of your shop')]
    sandbox.fault('mail *', 'fail', status=550, message='No such mailbox')
    _, finding = await check_mail_server(parsed, texts, mail_to='nobody@coach.test')
    assert (finding.level, 'No such mailbox' in finding.text) == (WRONG, True)
    without = parse_settings(settings | {'SMTP_URL': ''})
    (finding,) = await check_mail_server(without, texts, mail_to='me@coach.test')
    assert (finding.level, len(sandbox.mails())) == (WRONG, 1)


async def test_a_database_that_cannot_be_used_is_told(
    settings: dict[str, str], tmp_path: Path, create_tables: CreateTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None yet, of another version, damaged, on a network file system, on a full disk."""
    file = tmp_path / 'shop.db'
    parsed = parse_settings(settings)

    async def find(**options: Any) -> list[tuple[Level, str]]:
        found, ledger = await check_database(parsed, **options)
        if ledger:
            await ledger.close()
        return [(each.level, each.text) for each in told(tuple(found))]

    assert await find() == [(WARNING, f'there is no database at {file} yet')]
    assert not file.exists()
    create_tables(parsed.database_url)
    assert await find() == []
    ((level, text),) = await find(free_bytes=lambda _: 2**20)
    assert (level, text) == (WRONG, f'the disk is nearly full: 1 MB are free at {tmp_path}')
    ((level, text),) = await find(free_bytes=lambda _: 2**29)
    assert (level, text) == (WARNING, f'the disk will soon be full: 512 MB are free at {tmp_path}')
    mounts = tmp_path / 'mountinfo'
    mounts.write_text(f'1 0 0:1 / {tmp_path} rw - nfs4 server:/ rw\n', encoding='utf-8')
    with monkeypatch.context() as patch:
        patch.setattr(file_system, 'MOUNTS', mounts)
        ((level, text),) = await find()
        assert (level, 'is on a network or shared file system (nfs4)' in text) == (WARNING, True)
    with sqlite3.connect(file) as database:
        database.execute("UPDATE alembic_version SET version_num = '0999'")
    ((level, text),) = await find()
    assert (level, 'not a ledger of this version' in text) == (WRONG, True)
    file.write_bytes(b'no database at all' * 100)
    ((level, text),) = await find()
    assert (level, 'is damaged or is no database' in text) == (WRONG, True)


async def test_a_part_that_fails_does_not_stop_the_others(
    sandbox: SandboxClient, settings: dict[str, str], tmp_path: Path, create_tables: CreateTables
) -> None:
    """An error that nobody foresaw is a finding of its part; a request that fails takes no line away."""
    create_tables(settings['DATABASE_URL'])
    with sqlite3.connect(tmp_path / 'shop.db') as database:
        database.execute('DROP TABLE instance')
    sandbox.send_webhooks_to(settings['DOMAIN'])
    sandbox.fault('GET /v1/webhook_endpoints', 'fail', status=500, times=None)
    found = await check(settings)
    (domain,) = [each for each in told(found) if each.part == 'domain']
    assert 'this check itself failed' in domain.text
    (stripe,) = [each for each in told(found) if each is not domain]
    assert (stripe.part, 'Stripe does not answer' in stripe.text) == ('stripe', True)
    assert {'stripe key', 'price', 'calendly', 'mail', 'clock'} < {each.part for each in found}


@on_both_databases
async def test_a_database_in_use_is_all_right(settings: dict[str, str], new_database: NewDatabase) -> None:
    """The check writes nothing that stays, and finds the id of the database."""
    url = new_database()
    ledger = Ledger(connect(url), Clock())
    await ledger.open()
    found, checked = await check_database(parse_settings(settings | {'DATABASE_URL': url}))
    assert told(tuple(found)) == []
    assert checked is not None
    assert await checked.instance() == await ledger.instance() != ''
    await checked.close()
    await ledger.close()


async def test_missing_deliveries_are_told(sandbox: SandboxClient, settings: dict[str, str]) -> None:
    """What had to be found in Stripe's list for hours was not delivered; the last delivery is named."""
    sandbox.send_webhooks_to(settings['DOMAIN'])
    parsed = parse_settings(settings)
    ledger = Ledger(connect(parsed.database_url), clock := Clock())
    await ledger.open()
    payments = build_payments(parsed, lambda: load(parsed.site_file))
    arrived, missed = (Delivery(Source.STRIPE, name, 'review.opened', 'pi_1') for name in ('evt_1', 'evt_2'))
    await ledger.deliveries.record(arrived)
    await ledger.deliveries.mark_handled(arrived)
    found = await check_stripe_webhook(parsed, payments, ledger)
    assert (told(tuple(found)), 'the last delivery came on' in found[-1].text) == ([], True)
    sandbox.act('key', missing_permissions=['webhook_read'])
    restricted = build_payments(replace(parsed, stripe_secret_key=RESTRICTED), lambda: load(parsed.site_file))
    finding, _ = await check_stripe_webhook(parsed, restricted, ledger)
    assert (finding.level, 'deliveries arrive, so it has one' in finding.text) == (OK, True)
    await restricted.close()
    clock.ahead += timedelta(hours=1)
    await ledger.deliveries.record(missed, because=Cause.RECONCILER)
    await ledger.deliveries.mark_handled(missed)
    clock.ahead += timedelta(hours=4)
    (finding,) = told(tuple(await check_stripe_webhook(parsed, payments, ledger)))
    assert (finding.level, 'Stripe does not deliver: 1 events' in finding.text) == (WARNING, True)
    await payments.close()
    await ledger.close()


async def test_only_who_proves_to_know_the_id_of_the_database_is_told_how_a_request_arrives(
    shop: Shop, endpoints: httpx.AsyncClient
) -> None:
    """Everybody else gets the answer of a page that does not exist; the shop proves the same, otherwise."""
    instance = await shop.ledger.instance()

    def headers(proof: str, nonce: str = 'n') -> dict[bytes, bytes]:
        return {b'Paidslot-Nonce': nonce.encode(), b'Paidslot-Proof': proof.encode()}

    asks, answers = (prove(instance, 'n', side) for side in Side)
    for proof in ('', instance, 'é', asks[:-1], answers, prove('', 'n', Side.CHECK)):
        assert (await endpoints.get('/healthz/seen', headers=headers(proof))).status_code == 404
    assert (await endpoints.get('/healthz/seen', headers=headers(asks, 'another'))).status_code == 404
    given = headers(asks) | {b'X-Forwarded-For': b'198.51.100.9'}
    answer = await endpoints.get('/healthz/seen', headers=given)
    assert answer.json() == {
        'proof': answers,
        'scheme': 'http',
        'client_ip': '127.0.0.1',
        'forwarded_for': '198.51.100.9',
    }
    assert answer.headers['cache-control'] == 'no-store'


async def test_there_is_one_check_at_a_time(shop: Shop, sandbox: SandboxClient) -> None:
    """A second press gets the result of the first; a later one makes a new check."""

    def trials() -> int:
        return len(sandbox.state()['sessions'])

    first, second = await asyncio.gather(shop.check(), shop.check())
    assert (first is second, trials()) == (True, 1)
    assert await shop.check() is not first
    assert trials() == 2


@pytest.mark.parametrize(
    ('begins', 'days', 'left', 'warns'),
    [
        ('Nov  1 00:00:00 2026 GMT', 90, 13, True),
        ('Nov  1 00:00:00 2026 GMT', 90, 15, False),
        ('Nov  1 00:00:00 2026 GMT', 365, 15, False),
        ('Nov  1 00:00:00 2026 GMT', 6, 0.5, True),
        ('Nov  1 00:00:00 2026 GMT', 6, 2, False),
    ],
)
def test_a_certificate_that_ends_soon_is_told(begins: str, days: int, left: float, warns: bool) -> None:
    """Also one that lives for six days only, but not as soon as it was made."""
    ends = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(days=days)
    certificate = {'notBefore': begins, 'notAfter': f'{ends:%b %d %H:%M:%S %Y} GMT'}
    found = check_end(certificate, 'domain', now=ends - timedelta(days=left))
    assert [each.level for each in found] == ([WARNING] if warns else [])
    assert check_end({}, 'domain', now=ends) == []


@pytest.mark.parametrize(
    ('answer', 'level', 'phrase'),
    [
        (b'301 Moved\r\nLocation: https://coach.test/', OK, 'http leads to https'),
        (b'200 OK', WRONG, 'pages are answered by plain http as well (status 200)'),
        (b'302 Found\r\nLocation: http://www.coach.test/', WRONG, 'http leads to another address by http'),
        (b'302 Found\r\nLocation: /robots', WRONG, 'http leads to another address by http'),
        *(
            (f'{status} No'.encode(), WARNING, f'http is answered with an error (status {status})')
            for status in (301, 403, 404, 421, 502)
        ),
        (b'', WARNING, 'nobody answers http'),
    ],
)
async def test_http_must_lead_to_https(answer: bytes, level: Level, phrase: str) -> None:
    """Customers type the name alone."""

    async def handle(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if answer:
            writer.write(b'HTTP/1.1 ' + answer + b'\r\nContent-Length: 0\r\n\r\n')
        writer.close()

    server = await asyncio.start_server(handle, '127.0.0.1', 0)
    port = server.sockets[0].getsockname()[1]
    async with server, httpx.AsyncClient() as http:
        (finding,) = await check_redirect(f'http://127.0.0.1:{port}/robots.txt', http)
    assert (finding.level, phrase in finding.text) == (level, True)


def test_a_check_that_is_stopped_does_not_say_that_all_is_well(
    settings: dict[str, str], tmp_path: Path
) -> None:
    """Stopped while the mail server does not answer: it ends, with the exit code of something wrong."""
    with socket.create_server(('127.0.0.1', 0)) as silent:
        silent.settimeout(60)
        url = f'smtp://127.0.0.1:{silent.getsockname()[1]}?starttls=0'
        command = [sys.executable, str(ROOT / 'main.py'), 'check']
        environment = {**settings, 'PATH': os.environ['PATH'], 'SMTP_URL': url}
        process = subprocess.Popen(
            command,
            cwd=tmp_path,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        connection, _ = silent.accept()
        with connection:
            connection.sendall(b'220 silent\r\n')
            assert connection.recv(100).startswith(b'EHLO')
            process.terminate()
            _, words = process.communicate(timeout=60)
    assert (process.returncode, 'Stopped before its end.' in words.splitlines()) == (1, True)


def test_the_exit_code_is_one_where_anything_is_wrong(
    settings: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The document holds each finding with its remedy; two would mean that the command cannot run."""
    for name, value in (settings | {'STRIPE_PRICE_ID': 'prod_1'}).items():
        monkeypatch.setenv(name, value)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as ended:
        program.main(['check', '--json'])
    signal.signal(signal.SIGTERM, before)
    document = json.loads(capsys.readouterr().out)
    assert (ended.value.code, document['ok']) == (1, False)
    first = document['findings'][0]
    assert (first['part'], first['level']) == ('settings', 'wrong')
    assert first['text'] == 'STRIPE_PRICE_ID does not look right (it seems to be a product id)'
    assert first['remedy'].startswith('Where to find it: Stripe Dashboard > Product catalog')
