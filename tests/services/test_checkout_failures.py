"""Checkout failures: each has its words for the customer, and the next click works."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from services import errors, fuse
from services.orders import Cause, State
from services.settings import parse_settings
from services.shop import Shop, build
from tests.factories import CREATE
from tests.sandbox_client import SandboxClient
from tests.services.conftest import Customer, on_both_databases, session_ids

pytestmark = on_both_databases


@pytest.mark.usefixtures('stopped_limits')
async def test_a_client_that_opens_too_many_sessions_is_refused(shop: Shop, sandbox: SandboxClient) -> None:
    """A client that tries cards must wait; other clients are not affected."""

    async def open_many() -> None:
        for number in range(100):
            await shop.checkout.start(browser_id=f'v{number}', because=Cause.API, client_ip='203.0.113.7')

    with pytest.raises(errors.TooManyRequests) as caught:
        await open_many()
    assert 0 < (caught.value.retry_after or 0) <= 60
    assert len(session_ids(sandbox)) == 30
    assert (await shop.checkout.start(browser_id='other', because=Cause.API, client_ip='203.0.113.8')).url


async def test_machines_cannot_use_up_what_is_for_browsers(
    shop: Shop, sandbox: SandboxClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Forty addresses press as fast as they can; a browser that came back with its cookie still buys."""
    caplog.set_level('INFO')
    starts = [
        shop.checkout.start(browser_id=f'v{number}', because=Cause.API, client_ip=f'198.51.{number % 40}.7')
        for number in range(200)
    ]
    results = await asyncio.gather(*starts, return_exceptions=True)
    refused = [result for result in results if isinstance(result, errors.TooManyRequests)]
    assert len(refused) == 80
    assert len([line for line in caplog.messages if 'too many' in line.replace('_', ' ')]) == 1
    session = await shop.checkout.start(
        browser_id='real', because=Cause.BUTTON, client_ip='203.0.113.9', known_browser=True
    )
    assert session.url
    assert 'paidslot_requests_refused_total 80.0' in shop.metrics.text().decode()


async def test_card_testing_pauses_sales_and_the_operator_is_told(
    shop: Shop,
    endpoints: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Words with "call us", one error line, a metric and a part of the health check."""
    monkeypatch.setattr(fuse, 'SESSIONS', 3)
    monkeypatch.setattr(fuse, 'TIME_TO_PAY', 0)
    assert (await endpoints.get('/readyz')).json()['parts']['sales'] == 'ok'
    for number in range(3):
        await shop.checkout.start(browser_id=f'v{number}', because=Cause.API)
    answer = await endpoints.post('/api/create-checkout-session')
    assert answer.status_code == 503
    assert answer.json()['error']['code'] == 'sales_paused'
    assert 'call us' in answer.json()['error']['message']
    assert [record.levelname for record in caplog.records if 'paused' in record.getMessage()] == ['ERROR']
    assert 'paidslot_sales_paused 1.0' in shop.metrics.text().decode()
    health = await endpoints.get('/readyz')
    assert health.status_code == 200
    assert 'paused' in health.json()['parts']['sales']


async def test_retry_after_of_stripe_is_passed_on(customer: Customer) -> None:
    """When Stripe says how long to wait, the error says it too."""
    await customer.shop.catalog.price()
    customer.sandbox.fault(CREATE, 'fail', status=429, retry_after=7, times=None)
    with pytest.raises(errors.PaymentBusy) as caught:
        await customer.start()
    assert caught.value.retry_after == 7


@pytest.mark.parametrize(
    ('fault', 'error'),
    [
        ({'do': 'reset'}, errors.PaymentUnreachable),
        ({'do': 'cut'}, errors.PaymentUnreachable),
        ({'do': 'fail', 'status': 500}, errors.PaymentBusy),
        ({'do': 'fail', 'status': 429}, errors.PaymentBusy),
        ({'do': 'html', 'status': 502}, errors.PaymentBusy),
        ({'do': 'truncate'}, errors.PaymentBusy),
        ({'do': 'fail', 'status': 401}, errors.PaymentsUnavailable),
        ({'do': 'fail', 'status': 403}, errors.PaymentsUnavailable),
    ],
)
async def test_each_failure_of_stripe_has_its_words(
    customer: Customer, fault: dict[str, Any], error: type[errors.ShopError]
) -> None:
    """The customer reads that nothing was charged, and the next click works."""
    await customer.shop.catalog.price()
    customer.sandbox.fault(CREATE, times=None, **fault)
    with pytest.raises(error) as caught:
        await customer.start()
    assert type(caught.value) is error
    assert 'You have not been charged' in caught.value.words
    customer.sandbox.clear_faults()
    assert await customer.start() in session_ids(customer.sandbox)


async def test_a_new_attempt_has_a_new_idempotency_key(customer: Customer) -> None:
    """Stripe replays the first response to a key, even an error, so the next click sends another key."""
    await customer.shop.catalog.price()
    customer.sandbox.fault(CREATE, 'fail', status=500, times=None)
    with pytest.raises(errors.PaymentBusy):
        await customer.start()
    customer.sandbox.clear_faults()
    order = await customer.order_of(await customer.start())
    keys = {request['idempotency_key'] for request in customer.sandbox.requests(CREATE)}
    assert keys == {f'{order.id}-1', f'{order.id}-2'}


async def test_a_lost_response_leads_to_no_second_session(customer: Customer) -> None:
    """When a session was created but the response lost, the retry with the same key returns that session."""
    await customer.shop.catalog.price()
    customer.sandbox.fault(CREATE, 'lose', times=1)
    session_id = await customer.start()
    assert session_ids(customer.sandbox) == [session_id]


@pytest.mark.parametrize('change', [{'active': False}, {'recurring': True}])
async def test_a_price_that_cannot_be_sold_is_an_error_of_the_setup(
    customer: Customer, change: dict[str, bool]
) -> None:
    """An inactive or recurring price opens no session; the customer reads that payments are not available."""
    customer.sandbox.act('price', **change)
    with pytest.raises(errors.PaymentsUnavailable):
        await customer.start()
    assert session_ids(customer.sandbox) == []


async def test_a_price_that_does_not_exist_is_an_error_of_the_setup(
    settings_env: dict[str, str], sandbox: SandboxClient
) -> None:
    """With a wrong STRIPE_PRICE_ID the customer reads that payments are not available."""
    shop = build(parse_settings(settings_env | {'STRIPE_PRICE_ID': 'price_nowhere'}))
    await shop.open()
    with pytest.raises(errors.PaymentsUnavailable):
        await shop.checkout.start(browser_id='v', because=Cause.BUTTON)
    await shop.close()


async def test_nobody_is_sent_to_an_unexpected_host(
    shop: Shop, settings_env: dict[str, str], sandbox: SandboxClient
) -> None:
    """A payment page that is neither at Stripe nor in the sandbox is refused."""
    shop.payments._hosts = frozenset({'checkout.stripe.com'})
    with pytest.raises(errors.PaymentsUnavailable):
        await shop.checkout.start(browser_id='v', because=Cause.BUTTON)


async def test_an_unexpected_error_has_words_and_an_id(
    customer: Customer, caplog: pytest.LogCaptureFixture
) -> None:
    """When the ledger fails, the customer reads an error whose id is in the log."""
    await customer.shop.catalog.price()
    with customer.shop.ledger.store.engine.begin() as connection:
        connection.exec_driver_sql('DROP TABLE journal')
    with pytest.raises(errors.OurFault) as caught:
        await customer.start()
    assert caught.value.id in caplog.text
    assert session_ids(customer.sandbox) == []


async def test_an_order_without_a_session_is_voided_after_its_deadline(customer: Customer) -> None:
    """A later click does not continue an order whose process died before Stripe answered."""
    await customer.shop.catalog.price()
    customer.sandbox.fault(CREATE, 'fail', status=500, times=None)
    with pytest.raises(errors.PaymentBusy):
        await customer.start()
    customer.sandbox.clear_faults()
    now = customer.shop.checkout._clock
    customer.shop.checkout._clock = lambda: now() + timedelta(minutes=10)
    order = await customer.order_of(await customer.start())
    assert order.attempt == 1
    order_ids = [request['idempotency_key'].split('-')[0] for request in customer.sandbox.requests(CREATE)]
    first = await customer.shop.ledger.orders.find(id=order_ids[0])
    assert first is not None
    assert first.state is State.EXPIRED
    assert replace(first, voided_at=None).state is State.OPEN
