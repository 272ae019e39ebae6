"""The rehearsal with test keys: what documented calls allow, told hop by hop; nothing is left behind."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy import select

from services.commands.refused import CommandRefused
from services.commands.rehearse import rehearse_at_vendors, settings_with_test_keys
from services.database import schema
from services.orders import Cause
from services.rehearsal import Hop, Outcome, VendorLife
from services.settings import parse_settings
from services.shop import Shop
from tests.contract.openapi import check_request
from tests.processes import free_port, wait_until
from tests.sandbox_client import SandboxClient

SHORT, LONG = 0.5, 20.0  # seconds that a delivery is waited for which must not arrive, or must
RESTRICTED = 'rk_test_sandboxNoMoneyMoves00000002'
ALWAYS: dict[str, Any] = {'times': None}
PRICE = 'Stripe accepts the key and has the price'
SESSION = 'A session is opened at Stripe'
READ = 'The session is read back'
EXPIRED = 'The session is expired'
DELIVERED = 'The webhook of its end arrives'
PAID = 'A payment with a test card succeeds'
REFUNDED = 'The payment is refunded'
CALENDAR = 'Calendly has the event type'
FREE = 'The free times are read'
LINK = 'A link that books once is made'
DELETED = 'The link is deleted'
CLOSED = 'All that was made is closed again'
NEVER = {
    'The session is paid': 'no documented call',
    'A time is booked, moved and canceled': 'your real calendar',
}
SESSIONS = '/v1/checkout/sessions'


@pytest.fixture
def settings_env(settings_env: dict[str, str], sandbox: SandboxClient) -> dict[str, str]:
    """Return the settings of a shop that the sandbox can reach; its webhooks go there."""
    domain = f'http://127.0.0.1:{free_port()}'
    sandbox.send_webhooks_to(domain)
    return settings_env | {'DOMAIN': domain, 'STRIPE_SECRET_KEY': RESTRICTED}


@pytest.fixture
async def listening(shop: Shop) -> AsyncIterator[Shop]:
    """The shop, whose endpoints are answered at its address."""
    app = FastAPI()
    for router in shop.routers():
        app.include_router(router)
    port = int(shop.settings.domain.rpartition(':')[2])
    server = uvicorn.Server(uvicorn.Config(app, host='127.0.0.1', port=port, log_config=None))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
        await asyncio.sleep(0)
    yield shop
    server.should_exit = True
    await serving


def life_of(shop: Shop, *, timeout: float = LONG, **changes: str) -> VendorLife:
    """Return a rehearsal of a shop, with some settings changed."""
    return VendorLife(
        replace(shop.settings, **changes),  # type: ignore[arg-type]
        shop.site.offer,
        payments=shop.payments,
        scheduling=shop.scheduling,
        ledger=shop.ledger,
        clock=lambda: shop.ledger.journal._clock(),
        delivery_timeout=timeout,
    )


def told(hops: list[Hop], outcome: Outcome) -> dict[str, str]:
    """Return the reasons of the hops with one outcome."""
    return {hop.name: hop.why for hop in hops if hop.outcome is outcome}


def left(sandbox: SandboxClient) -> list[str]:
    """Return what a rehearsal has left at the vendors."""
    state = sandbox.state()
    refunded = {item['payment_intent'] for item in state['refunds']}
    paid = [item['id'] for item in state['payment_intents'] if item['status'] == 'succeeded']
    return (
        [item['id'] for item in state['sessions'] if item['status'] == 'open']
        + [item for item in paid if item not in refunded]
        + [item['uri'] for item in state['shares'] if item['status'] == 'active']
    )


async def test_everything_that_is_possible_is_ok(listening: Shop, sandbox: SandboxClient) -> None:
    """Two hops are not possible and say so; nothing is left, and Stripe describes each request."""
    hops: list[Hop] = []
    await rehearse_at_vendors(listening.settings, on_hop=hops.append)
    assert told(hops, Outcome.FAILED) == {}
    impossible = told(hops, Outcome.NOT_POSSIBLE)
    assert list(impossible) == list(NEVER)
    assert all(words in impossible[name] for name, words in NEVER.items())
    state = sandbox.state()
    assert [len(state[kind]) for kind in ('sessions', 'payment_intents', 'refunds')] == [1, 1, 1]
    assert left(sandbox) == []
    requests = [item for item in sandbox.requests() if item['vendor'] == 'stripe']
    assert [problem for item in requests for problem in _problems(item)] == []


async def test_the_running_shop_takes_nothing_of_it_for_an_order(
    listening: Shop, sandbox: SandboxClient
) -> None:
    """Its deliveries are handled, and neither the return page nor the reconciler adopts its session."""
    await life_of(listening).walk(on_hop=id)
    session = sandbox.state()['sessions'][0]['id']
    assert await listening.fulfilment.fulfil(session, because=Cause.RETURN) is None
    await listening.reconciler.round()
    assert await listening.ledger.orders.find(session_id=session) is None
    assert await listening.ledger.store.read(select(schema.orders)) == []
    deliveries = [item for item in sandbox.state()['deliveries'] if item['vendor'] == 'stripe']
    assert {item['type'] for item in deliveries} >= {'checkout.session.expired', 'charge.refunded'}
    assert {tuple(item['statuses']) for item in deliveries} == {(200,)}
    assert await listening.ledger.deliveries.claim(limit=10) == ()


@dataclass(frozen=True)
class Row:
    """What is staged, which hops fail and which are not possible, and what is left at the vendors."""

    failing: dict[str, str] = field(default_factory=dict)
    impossible: dict[str, str] = field(default_factory=dict)
    faults: tuple[tuple[str, str, dict[str, Any]], ...] = ()
    acts: tuple[tuple[str, dict[str, Any]], ...] = ()
    settings: dict[str, str] = field(default_factory=dict)
    left: int = 0


NEEDS_SESSION = dict.fromkeys((READ, EXPIRED, DELIVERED), f'it needs "{SESSION}"')
NEEDS_CALENDAR = dict.fromkeys((FREE, LINK, DELETED), f'it needs "{CALENDAR}"')
ROWS = {
    'keys revoked': Row(
        {PRICE: 'Expired API Key', CALENDAR: 'Calendly refuses CALENDLY_TOKEN'},
        dict.fromkeys((SESSION, READ, EXPIRED, DELIVERED, PAID), f'it needs "{PRICE}"')
        | {REFUNDED: f'it needs "{PAID}"'}
        | NEEDS_CALENDAR,
        acts=(('key', {'revoked': True}), ('calendly-token', {'revoked': True})),
    ),
    'session': Row({SESSION: 'Invalid'}, NEEDS_SESSION, ((f'POST {SESSIONS}', 'fail', {'status': 400}),)),
    'answer lost': Row(
        {SESSION: 'no connection'}, NEEDS_SESSION, ((f'POST {SESSIONS}', 'lose', {'times': 3}),)
    ),
    'read, and no free times': Row(
        {READ: 'unknown error'},
        {FREE: 'lacks the scope availability:read'},
        faults=((f'GET {SESSIONS}/*', 'fail', {'times': 3}),),
        acts=(('calendly-token', {'missing_scopes': 'availability:read'}),),
    ),
    'expiry, and a team': Row(
        {EXPIRED: 'Invalid'},
        {DELIVERED: f'it needs "{EXPIRED}"', LINK: 'of a team', DELETED: f'it needs "{LINK}"'},
        ((f'POST {SESSIONS}/*/expire', 'fail', {'status': 400}),),
        acts=(('calendar', {'pooling_type': 'round_robin'}),),
    ),
    'delivery lost, never refunded': Row(
        {DELIVERED: 'an endpoint has not taken it yet', REFUNDED: 'Invalid', CLOSED: 'the payment is left'},
        faults=(
            ('webhook checkout.session.expired', 'hold', {}),
            ('POST /v1/refunds', 'fail', ALWAYS | {'status': 400}),
        ),
        left=1,
    ),
    'no endpoint, may not refund': Row(
        {DELIVERED: 'waits for no endpoint to take it'},
        {REFUNDED: 'Charges and Refunds: Write'},
        acts=(
            ('webhooks', {'stripe': None, 'calendly': None}),
            ('key', {'missing_permissions': ['charge_write']}),
        ),
        left=1,
    ),
    'thin events, may not pay': Row(
        impossible={PAID: 'PaymentIntents: Write', REFUNDED: f'it needs "{PAID}"'},
        acts=(
            ('webhooks', {'stripe_payload': 'thin'}),
            ('key', {'missing_permissions': ['payment_intent_write']}),
        ),
    ),
    'neither secret nor token': Row(
        impossible={
            DELIVERED: 'STRIPE_WEBHOOK_SECRET is not set',
            CALENDAR: 'CALENDLY_TOKEN is not set',
            **NEEDS_CALENDAR,
        },
        settings={'stripe_webhook_secret': '', 'calendly_token': ''},
    ),
    'declined, and no link': Row(
        {PAID: 'declined', LINK: 'Calendly does not answer'},
        {REFUNDED: f'it needs "{PAID}"', DELETED: f'it needs "{LINK}"'},
        (('POST /v1/payment_intents', 'fail', {'status': 402}), ('POST /shares', 'fail', {})),
    ),
    'refunded and deleted at the second try': Row(
        {REFUNDED: 'Invalid', DELETED: 'Calendly does not answer'},
        faults=(('POST /v1/refunds', 'fail', {'status': 400}), ('DELETE /shares/*', 'fail', {})),
    ),
}


@pytest.mark.parametrize('name', ROWS)
async def test_each_hop_that_does_not_work_is_told(
    listening: Shop, sandbox: SandboxClient, name: str
) -> None:
    """Exactly the hops fail that something reaches, in words; what was made is closed all the same."""
    row = ROWS[name]
    for match, do, how in row.faults:
        sandbox.fault(match, do, **how)
    for action, params in row.acts:
        sandbox.act(action, **params)
    timeout = SHORT if DELIVERED in row.failing else LONG
    hops = await life_of(listening, timeout=timeout, **row.settings).walk(on_hop=id)
    failed, impossible = told(hops, Outcome.FAILED), told(hops, Outcome.NOT_POSSIBLE)
    assert list(failed) == list(row.failing), failed
    assert impossible.keys() == row.impossible.keys() | NEVER.keys()
    for hop in hops:
        assert (row.failing | row.impossible).get(hop.name, '') in hop.why
        assert 'sk_test' not in hop.why
    assert len(left(sandbox)) == row.left


async def test_a_delivery_about_another_session_is_not_taken_for_ours(
    listening: Shop, sandbox: SandboxClient
) -> None:
    """Also where the events are thin, whose ids the list of events does not have."""
    sandbox.act('webhooks', stripe_payload='thin')
    for _ in range(2):  # the second one finds the delivery of the first
        assert told(await life_of(listening).walk(on_hop=id), Outcome.FAILED) == {}
    sandbox.fault('webhook *checkout.session.expired', 'hold')
    hops = await life_of(listening, timeout=SHORT).walk(on_hop=id)
    assert list(told(hops, Outcome.FAILED)) == [DELIVERED]


async def test_an_event_that_is_not_listed_is_not_said_to_be_sent(
    listening: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it was sent is not known then; the patch only lets the list be read before it has the event."""

    async def read_too_early(*_: object) -> None:
        return None

    monkeypatch.setattr(listening.payments.rehearsal, 'find_expiry', read_too_early)
    hops = await life_of(listening, timeout=SHORT).walk(on_hop=id)
    assert told(hops, Outcome.FAILED)[DELIVERED].startswith('Stripe does not list the event yet')


@pytest.mark.parametrize('held', ['POST /v1/payment_intents', 'DELETE /shares/*', f'POST {SESSIONS}'])
async def test_what_is_stopped_in_the_middle_leaves_nothing(
    listening: Shop, sandbox: SandboxClient, held: str
) -> None:
    """Ctrl-C while a vendor is silent: what was made by then is closed before the end."""
    sandbox.fault(held, 'hang', seconds=30)
    hops: list[Hop] = []
    walking = asyncio.create_task(life_of(listening).walk(on_hop=hops.append))

    def is_held() -> bool:
        seen = (f'{request["method"]} {request["path"]}' for request in sandbox.requests())
        return any(held.split('*')[0] in each for each in seen)

    await asyncio.to_thread(wait_until, is_held, seconds=10, why='the request that is not answered')
    walking.cancel()
    with suppress(asyncio.CancelledError):
        await walking
    assert (hops[-1].name, hops[-1].outcome) == (CLOSED, Outcome.OK)
    assert left(sandbox) == []


def test_live_keys_are_refused(settings_env: dict[str, str]) -> None:
    """Neither the command nor what it runs touches a live account."""
    live = settings_env | {
        'STRIPE_SECRET_KEY': 'sk_live_x',
        'DOMAIN': 'https://coach.example',
        'STRIPE_PUBLISHABLE_KEY': '',
        'STRIPE_API_BASE': '',
        'CALENDLY_API_BASE': '',
        'CALENDLY_LINK': 'https://calendly.com/you/session',
    }
    with pytest.raises(CommandRefused, match='live key'):
        settings_with_test_keys(live)
    settings: Any = parse_settings(live)
    nothing: Any = None
    with pytest.raises(ValueError, match='live keys'):
        VendorLife(settings, nothing, payments=nothing, scheduling=nothing, ledger=nothing, clock=nothing)


def _problems(request: dict[str, Any]) -> list[str]:
    return check_request(request['method'], request['path'], request['params'])
