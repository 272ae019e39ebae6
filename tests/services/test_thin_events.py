"""Thin and snapshot events of Stripe, of every type and shape: answered, and nothing happens twice."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from services.orders import State
from services.settings import parse_settings
from services.shop import build
from tests.contract.openapi import STRIPE
from tests.factories import signed
from tests.sandbox_client import SandboxClient
from tests.services.conftest import Customer, client_at, fulfilled, on_both_databases

pytestmark = on_both_databases


@pytest.fixture
def http(sandbox: SandboxClient) -> Iterator[httpx.Client]:
    """Return a client of the sandbox's Stripe API."""
    headers = {'Authorization': f'Bearer {sandbox.settings["STRIPE_SECRET_KEY"]}'}
    with httpx.Client(base_url=sandbox.base, headers=headers, trust_env=False) as client:
        yield client


@pytest.fixture
def secret(settings_env: dict[str, str]) -> str:
    """The signing secret of the endpoint."""
    return settings_env['STRIPE_WEBHOOK_SECRET']


async def deliver(endpoints: httpx.AsyncClient, event: dict[str, Any], secret: str) -> httpx.Response:
    """Deliver an event, signed."""
    body = json.dumps(event).encode()
    return await endpoints.post('/webhooks/stripe', content=body, headers=signed(body, secret))


def events_of(sandbox: SandboxClient, kind: str) -> list[str]:
    """Return the ids of the sandbox's events of a type."""
    return [event['id'] for event in sandbox.state()['events'] if event['type'] == kind]


def thin(sandbox: SandboxClient, kind: str) -> dict[str, Any]:
    """Return the last event of a type as Stripe sends it thin."""
    return sandbox.act('thin-event', event=events_of(sandbox, kind)[-1])


def snapshot(http: httpx.Client, sandbox: SandboxClient, kind: str) -> dict[str, Any]:
    """Return the last event of a type as Stripe sends it whole."""
    found: dict[str, Any] = http.get(f'/stripe/v1/events/{events_of(sandbox, kind)[-1]}').json()
    return found


async def test_a_thin_event_about_a_session_marks_the_order_paid(
    endpoints: httpx.AsyncClient, customer: Customer, secret: str
) -> None:
    """A thin event names the session in `related_object`, and has no `data`."""
    order = await customer.buy()
    event = thin(customer.sandbox, 'checkout.session.completed')
    assert event['type'] == 'v1.checkout.session.completed'
    assert 'data' not in event
    answer = await deliver(endpoints, event, secret)
    assert (answer.status_code, answer.text) == (200, 'thank you')
    assert (await customer.order_of(order.session_id or '')).state is State.PAID


@pytest.mark.parametrize(
    ('kind', 'action', 'state'),
    [
        ('charge.refunded', {'action': 'refund'}, State.REFUNDED),
        ('refund.created', {'action': 'refund'}, State.REFUNDED),
        ('charge.dispute.created', {'action': 'dispute'}, State.DISPUTED),
        ('charge.dispute.funds_withdrawn', {'action': 'dispute'}, State.DISPUTED),
    ],
)
async def test_a_thin_event_about_money_finds_its_payment(
    endpoints: httpx.AsyncClient, customer: Customer, secret: str, kind: str, action: Any, state: State
) -> None:
    """The charge, refund or dispute is named by its id only, and is read for the payment."""
    paid = await fulfilled(customer, await customer.buy())
    customer.sandbox.act(action['action'], session=paid.session_id)
    answer = await deliver(endpoints, thin(customer.sandbox, kind), secret)
    assert (answer.status_code, answer.text) == (200, 'thank you')
    assert (await customer.order_of(paid.session_id or '')).state is state


async def test_a_refund_that_fails_is_known_from_its_old_event_alone(
    endpoints: httpx.AsyncClient, customer: Customer, http: httpx.Client, secret: str
) -> None:
    """`charge.refund.updated` is about a refund, also where nothing else tells that it failed."""
    paid = await fulfilled(customer, await customer.buy())
    refund = customer.sandbox.act('refund', session=paid.session_id)
    assert (await fulfilled(customer, paid)).state is State.REFUNDED
    customer.sandbox.act('fail-refund', refund=refund['id'])
    for event in (
        snapshot(http, customer.sandbox, 'charge.refund.updated'),
        thin(customer.sandbox, 'charge.refund.updated'),
    ):
        assert (await deliver(endpoints, event, secret)).text == 'thank you'
        assert (await customer.order_of(paid.session_id or '')).state is State.PAID


async def test_snapshot_and_thin_of_one_payment_move_the_order_once(
    endpoints: httpx.AsyncClient, customer: Customer, http: httpx.Client, secret: str
) -> None:
    """Both may arrive at the same moment, and again; the journal has one line about the payment."""
    order = await customer.buy()
    kind = 'checkout.session.completed'
    both = (snapshot(http, customer.sandbox, kind), thin(customer.sandbox, kind))
    answers = await asyncio.gather(*(deliver(endpoints, event, secret) for event in both * 2))
    assert [answer.status_code for answer in answers] == [200] * 4
    lines = [line.line for line in await customer.shop.ledger.journal.lines(order.id)]
    assert len([line for line in lines if '→ paid' in line]) == 1
    assert len(lines) == 3


@pytest.mark.parametrize('payment', [{}, {'payment_intent': None}])
@pytest.mark.parametrize(
    ('kind', 'name'),
    [
        ('radar.early_fraud_warning.created', 'radar.early_fraud_warning'),
        ('radar.early_fraud_warning.updated', 'radar.early_fraud_warning'),
        ('review.opened', 'review'),
        ('review.closed', 'review'),
        ('charge.dispute.updated', 'dispute'),
        ('charge.dispute.funds_reinstated', 'dispute'),
        ('refund.updated', 'refund'),
    ],
)
async def test_an_object_that_names_only_its_charge_finds_the_payment(
    endpoints: httpx.AsyncClient,
    customer: Customer,
    secret: str,
    kind: str,
    name: str,
    payment: dict[str, None],
) -> None:
    """A warning, a review or an old shape may have no `payment_intent`; the charge has it."""
    order = await customer.buy()
    (charge,) = customer.sandbox.state()['charges']
    about = {'id': 'obj_1', 'object': name, 'charge': charge['id']} | payment
    event = {'id': 'evt_1', 'object': 'event', 'type': kind, 'data': {'object': about}}
    answer = await deliver(endpoints, event, secret)
    assert (answer.status_code, answer.text) == (200, 'thank you')
    assert (await customer.order_of(order.session_id or '')).state is State.PAID


async def test_a_warning_that_may_not_be_read_is_found_in_the_list_of_events(
    endpoints: httpx.AsyncClient, customer: Customer, secret: str
) -> None:
    """A restricted key may be refused the warning of a thin event: it is not tried again and again."""
    order = await fulfilled(customer, await customer.buy())
    customer.sandbox.act('warn', session=order.session_id)
    customer.sandbox.fault('GET /v1/radar/*', 'fail', status=403, times=None)
    event = thin(customer.sandbox, 'radar.early_fraud_warning.created')
    for text in ('thank you', 'known already'):
        answer = await deliver(endpoints, event, secret)
        assert (answer.status_code, answer.text) == (200, text)
    assert customer.shop.payments.missing.rows() == []
    assert not (await customer.order_of(order.session_id or '')).fraud_warning
    await customer.shop.reconciler.round()
    assert (await customer.order_of(order.session_id or '')).fraud_warning


@pytest.mark.parametrize(
    'path',
    ['charges/ch_1', 'refunds/re_1', 'disputes/dp_1', 'radar/early_fraud_warnings/issfr_1', 'reviews/prv_1'],
)
async def test_what_this_account_does_not_have_is_left_alone(customer: Customer, path: str) -> None:
    """An object of another account or mode names no payment, and is not tried again."""
    assert await customer.shop.payments.find_payment_of(path) is None


async def test_a_payment_that_stripe_does_not_know_is_left_alone(
    endpoints: httpx.AsyncClient, customer: Customer, secret: str
) -> None:
    """With a test and a live endpoint at one URL, half of the payments are of the other mode."""
    customer.sandbox.fault('GET /v1/checkout/sessions', 'fail', status=404)
    about = {'id': 're_1', 'object': 'refund', 'payment_intent': 'pi_other'}
    event = {'id': 'evt_1', 'object': 'event', 'type': 'refund.created', 'data': {'object': about}}
    for text in ('thank you', 'known already'):
        answer = await deliver(endpoints, event, secret)
        assert (answer.status_code, answer.text) == (200, text)


async def test_a_ping_is_answered(endpoints: httpx.AsyncClient, customer: Customer, secret: str) -> None:
    """The ping of an event destination is about nothing of ours."""
    related = {'id': 'ed_1', 'type': 'v2.core.event_destination', 'url': '/v2/core/event_destinations/ed_1'}
    event = {'id': 'evt_1', 'object': 'v2.core.event', 'type': 'v2.core.event_destination.ping'}
    answer = await deliver(endpoints, event | {'livemode': False, 'related_object': related}, secret)
    assert (answer.status_code, answer.text) == (200, 'not for this shop')
    await _nothing_is_stored(customer)


def all_types() -> list[str]:
    """Return every event type in Stripe's description."""
    post = STRIPE.spec['paths']['/v1/webhook_endpoints']['post']
    form = post['requestBody']['content']['application/x-www-form-urlencoded']['schema']
    kinds: list[str] = form['properties']['enabled_events']['items']['enum']
    return [kind for kind in kinds if kind != '*']


OLD_SHAPES: tuple[Any, ...] = (
    {'id': 'obj_1', 'object': 'charge', 'payment_intent': None},
    {'id': 'obj_1', 'object': 'charge', 'amount': 100},
    {'id': 'obj_1', 'object': 'checkout.session', 'payment_intent': None},
    {'id': 'obj_1', 'object': 'refund', 'charge': 'ch_unknown'},
    {'id': 'obj_1', 'object': 'dispute', 'charge': {'id': 'ch_unknown'}},
    {'object': 'balance', 'available': []},
    {},
)


@pytest.mark.parametrize('shape', range(len(OLD_SHAPES)))
async def test_every_type_of_event_is_answered_200(
    endpoints: httpx.AsyncClient, customer: Customer, secret: str, shape: int
) -> None:
    """An endpoint may subscribe to all types, with objects of any API version: Stripe must not give up."""
    kinds = all_types()
    assert len(kinds) > 200
    refused = []
    for number, kind in enumerate(kinds):
        about = OLD_SHAPES[shape]
        whole = {'id': f'evt_{number}', 'object': 'event', 'type': kind, 'data': {'object': about}}
        related = {'id': about.get('id', 'obj_1'), 'type': about.get('object'), 'url': '/v1/x'}
        bare = {'id': f'evt_65{number}', 'object': 'v2.core.event', 'type': f'v1.{kind}'}
        variants = (whole, bare | {'related_object': related}, bare | {'related_object': None}, bare)
        for event in variants:
            answer = await deliver(endpoints, event, secret)
            if answer.status_code != 200:
                refused.append((kind, answer.text))
    assert refused == []
    assert await customer.shop.ledger.deliveries.claim(limit=50) == ()


async def test_two_secrets_are_accepted_at_once(
    customer: Customer, settings_env: dict[str, str], sandbox: SandboxClient
) -> None:
    """While a secret is replaced, or with a test and a live endpoint at one URL, either is right."""
    order = await customer.buy()
    both = settings_env | {'STRIPE_WEBHOOK_SECRET': f' whsec_new, {settings_env["STRIPE_WEBHOOK_SECRET"]} ,'}
    shop = build(parse_settings(both))
    event = thin(sandbox, 'checkout.session.completed')
    async with client_at(shop) as client:
        for secret in ('whsec_new', settings_env['STRIPE_WEBHOOK_SECRET']):
            assert (await deliver(client, event, secret)).status_code == 200
        assert (await deliver(client, event, 'whsec_other')).status_code == 400
    await shop.close()
    assert (await customer.order_of(order.session_id or '')).state is State.PAID


async def test_a_slash_at_the_end_of_the_url_is_served(
    endpoints: httpx.AsyncClient, customer: Customer, secret: str
) -> None:
    """An endpoint typed with a slash is no silent 404: a sender follows no redirect."""
    order = await customer.buy()
    body = json.dumps(thin(customer.sandbox, 'checkout.session.completed')).encode()
    answer = await endpoints.post('/webhooks/stripe/', content=body, headers=signed(body, secret))
    assert answer.status_code == 200
    assert (await customer.order_of(order.session_id or '')).state is State.PAID


async def _nothing_is_stored(customer: Customer) -> None:
    with customer.shop.ledger.store.engine.connect() as connection:
        count = connection.exec_driver_sql('SELECT count(*) FROM deliveries').scalar_one()
    assert count == 0
