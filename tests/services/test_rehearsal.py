"""The rehearsal against the sandbox: each hop that does not work is told, and nothing is left behind."""

import json
import os
import tempfile
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.commands import rehearse
from services.ledger import Ledger, VersionState, connect
from services.rehearsal import Hop, OrderLife, Outcome, has_failed
from tests.conftest import CreateTables
from tests.factories import NOON
from tests.processes import ROOT, Server, free_port, run_program, wait_until
from tests.sandbox_client import SandboxClient

PASSWORD = 'correct horse battery staple'
SHORT, LONG = 0.3, 20.0  # seconds that a hop waits which must fail, or must not
ALWAYS: dict[str, Any] = {'times': None}
Fault = tuple[str, str, dict[str, Any]]


@dataclass(frozen=True)
class Row:
    """Which hops must fail, with words that each line must hold, and the faults that make them fail."""

    failing: dict[str, str]
    faults: tuple[Fault, ...] = ()
    free_times: int | None = None
    later: dict[str, Fault] = field(default_factory=dict)  # faults that are injected after a hop


STARTED = 'The shop starts'
PRICE = 'The start page shows the price'
SESSION = 'A session is opened at Stripe'
PAY = 'A test card pays it'
PAYMENT_DELIVERED = 'The webhook of the payment arrives'
PAID = 'The page of the order says that it is paid'
LINK = 'The order gets its calendar link'
PAID_MAIL = 'The mail with the link of the order arrives'
BOOKED = 'A time is booked'
BOOKING_DELIVERED = 'The webhook of the booking arrives'
MEETING = 'The order has the meeting'
MOVED = 'The meeting is moved'
SIGNED_IN = 'The operator signs in'
CANCELED = 'The operator cancels the meeting'
REFUNDED = 'The operator refunds the payment'
REFUND_KNOWN = 'The page of the order says that it is refunded'
REFUND_MAIL = 'The mail about the refund arrives'
NAMES = (
    *(STARTED, PRICE, SESSION, PAY, PAYMENT_DELIVERED, PAID, LINK, PAID_MAIL, BOOKED, BOOKING_DELIVERED),
    *(MEETING, MOVED, SIGNED_IN, CANCELED, REFUNDED, REFUND_KNOWN, REFUND_MAIL),
)
SESSION_UNREADABLE: Fault = ('GET /v1/checkout/sessions/*', 'fail', ALWAYS)
ROWS = {
    'no session': Row({SESSION: 'Please try again'}, (('POST /v1/checkout/sessions', 'fail', ALWAYS),)),
    'declined': Row({PAY: 'declined: Your card was declined.'}, (('pay', 'decline', {}),)),
    'unreadable': Row({PAYMENT_DELIVERED: 'answered 500', PAID: 'it says: '}, (SESSION_UNREADABLE,)),
    'no link': Row(
        {LINK: 'no calendar of its own'},
        (('POST /shares', 'fail', ALWAYS), ('POST /scheduling_links', 'fail', ALWAYS)),
    ),
    'nothing free': Row({BOOKED: 'No time is free'}, free_times=0),
    'booking lost, refund not seen': Row(
        {
            BOOKING_DELIVERED: 'lost on the way',
            MEETING: 'does not have it',
            MOVED: 'does not have it',
            CANCELED: 'no form for cancel-booking',
            REFUND_KNOWN: 'it says: ',
            REFUND_MAIL: 'the mail server has not got it',
        },
        (('webhook invitee.created', 'lose', {}), ('GET /scheduled_events*', 'fail', ALWAYS)),
        later={CANCELED: SESSION_UNREADABLE},
    ),
    'what others do not depend on': Row(
        {
            PAYMENT_DELIVERED: 'lost on the way',
            PAID_MAIL: 'the mail server has not got it',
            MOVED: 'No time is free',
            CANCELED: 'still takes place',
            REFUNDED: 'has not gone back',
        },
        (
            ('webhook checkout.session.completed', 'lose', {}),
            ('mail rehearsal*', 'fail', {'status': 550}),
            ('POST /scheduled_events/*/cancellation', 'fail', ALWAYS | {'status': 403}),
            ('POST /v1/refunds', 'fail', ALWAYS | {'status': 400}),
        ),
        free_times=1,
    ),
}


async def walk(
    shop: str, sandbox: str, *, failing: Collection[str], on_hop: Callable[[Hop], object] = id
) -> list[Hop]:
    """Walk an order's life; only hops that must fail do not wait long."""
    ended = 0

    def count(hop: Hop) -> None:
        nonlocal ended
        ended += 1
        on_hop(hop)

    def timeout() -> float:
        return SHORT if NAMES[ended] in failing else LONG

    async with httpx.AsyncClient(trust_env=False, timeout=20, verify=not shop.startswith('http://')) as http:
        life = OrderLife(http, shop=shop, sandbox=sandbox, password=PASSWORD, timeout=timeout)
        return await life.walk(on_hop=count)


def failed(hops: list[Hop]) -> list[str]:
    """Return the names of the hops that failed."""
    return [hop.name for hop in hops if hop.outcome is Outcome.FAILED]


@pytest.fixture(scope='module')
def shop_process(
    running_sandbox: SandboxClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """Run one shop for all tests of this module; it has not been able to read its price yet."""
    running_sandbox.reset()
    running_sandbox.fault('GET /v1/prices/*', 'fail', times=None)
    folder, port = tmp_path_factory.mktemp('shop'), free_port()
    url = f'http://127.0.0.1:{port}'
    environment = running_sandbox.settings | running_sandbox.mail_settings
    environment |= {
        'DOMAIN': url,
        'HOST': '127.0.0.1',
        'DATABASE_URL': f'sqlite:///{folder}/shop.db',
        'SITE_FILE': str(ROOT / 'site.toml'),
        'ADMIN_PASSWORD': PASSWORD,
    }
    arguments = [str(ROOT / 'main.py'), 'serve']
    server = Server('shop', arguments, port=port, health='/healthz', folder=folder, environment=environment)
    server.start()
    yield server
    server.stop()


async def test_a_price_that_cannot_be_read_is_told(
    shop_process: Server, running_sandbox: SandboxClient
) -> None:
    """The hop has failed, and those that need it were not tried."""
    hops = await walk(shop_process.url, running_sandbox.base, failing=[PRICE])
    assert failed(hops) == [PRICE]
    assert 'the price cannot be read' in hops[1].why
    assert {hop.outcome for hop in hops[2:]} == {Outcome.NOT_POSSIBLE}
    assert {hop.why for hop in hops[2:]} == {f'it needs "{PRICE}"'}


async def test_a_shop_that_is_down_is_told() -> None:
    """Where nothing answers the first hop says so, and no other is tried."""
    hops = await walk(f'http://127.0.0.1:{free_port()}', 'http://127.0.0.1:1', failing=[STARTED])
    assert failed(hops) == [STARTED]
    assert 'nothing answers' in hops[0].why


@pytest.mark.parametrize('name', ROWS)
async def test_each_hop_that_does_not_work_is_told(
    shop_process: Server, sandbox: SandboxClient, name: str
) -> None:
    """Exactly the hops fail that a fault reaches, each with its reason and its time."""
    row = ROWS[name]
    sandbox.send_webhooks_to(shop_process.url)
    for match, do, how in row.faults:
        sandbox.fault(match, do, **how)
    if row.free_times is not None:
        sandbox.act('free-times', count=row.free_times)

    def is_answered() -> bool:
        sent = [
            each for each in sandbox.state()['deliveries'] if each['type'] == 'checkout.session.completed'
        ]
        return any(each['statuses'] for each in sent)

    def on_hop(hop: Hop) -> None:
        if hop.name in row.later:
            match, do, how = row.later[hop.name]
            sandbox.fault(match, do, **how)
        if hop.name == PAY and 'answered' in row.failing.get(PAYMENT_DELIVERED, ''):
            wait_until(is_answered, seconds=LONG, why='the delivery is answered')

    hops = await walk(shop_process.url, sandbox.base, failing=row.failing, on_hop=on_hop)
    assert failed(hops) == list(row.failing)
    assert [hop.name for hop in hops] == list(NAMES)
    for hop in hops:
        assert row.failing.get(hop.name, '') in hop.why
        assert hop.outcome is not Outcome.OK or (hop.why == '' and hop.milliseconds >= 0)
    assert has_failed(hops)


def test_the_command_rehearses_this_shop_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without any account every hop is ok, with the texts and minutes of the operator; the exit code is 0."""
    folder = tmp_path / 'temporary'
    folder.mkdir()
    words = (ROOT / 'site.toml').read_text(encoding='utf-8')
    assert 'minutes = 60' in words
    (tmp_path / 'site.toml').write_text(words.replace('minutes = 60', 'minutes = 45'), encoding='utf-8')
    monkeypatch.setattr(tempfile, 'tempdir', str(folder))
    environment = {
        'PATH': os.environ['PATH'],
        'ENV_FILE': os.devnull,
        'TMPDIR': str(folder),
        'DATABASE_URL': f'sqlite:///{tmp_path}/orders.db',
        'STRIPE_SECRET_KEY': 'sk_live_mustNotBeUsed',
        'SITE_FILE': str(tmp_path / 'site.toml'),
    }
    code, lines = run_program(environment, tmp_path, 'rehearse', '--json')
    result = json.loads(lines[-1])
    assert [hop['outcome'] for hop in result['hops']] == ['ok'] * 17
    assert (code, result['ok'], len(lines)) == (0, True, 1)
    assert {path.name for path in tmp_path.iterdir()} == {'temporary', 'site.toml'}
    assert list(folder.iterdir()) == []


async def test_the_published_texts_are_rehearsed(tmp_path: Path, create_tables: CreateTables) -> None:
    """What was published is copied, in its order, and no draft; without a database none is made."""
    files = [tmp_path / name for name in ('shop.db', 'rehearsal.db', 'none.db')]
    urls = [f'sqlite:///{file}' for file in files]
    create_tables(urls[0])
    shop, copy = (Ledger(connect(url), lambda: NOON) for url in urls[:2])
    states = (VersionState.PUBLISHED, VersionState.PUBLISHED, VersionState.DRAFT)
    for seen, state in enumerate(states):
        assert await shop.site_versions.add(seen, state, f'version {seen + 1}', file_digest='d', actor='a')
    await shop.close()
    await rehearse.copy_texts(urls[2], urls[1])
    await rehearse.copy_texts(urls[0], urls[1])
    await copy.open()
    assert [each.toml for each in await copy.site_versions.published(limit=9)] == ['version 2', 'version 1']
    await copy.close()
    assert [path.exists() for path in files] == [True, True, False]


def test_a_rehearsal_that_is_stopped_has_failed(
    settings_env: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C leaves exit code 1 and no folder, and no line claims anything."""
    before = set(Path(tempfile.gettempdir()).glob('paidslot-rehearsal-*'))

    def start(*_args: object, **_options: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as stop:
        rehearse.run(settings_env, start=start)
    assert stop.value.code == 1
    assert ' ok' not in capsys.readouterr().out
    assert set(Path(tempfile.gettempdir()).glob('paidslot-rehearsal-*')) <= before
