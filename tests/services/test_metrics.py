"""The metrics: correct, separate for each shop, without data of single orders, and for the operator alone."""

from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI

from services.inbox import Outcome
from services.ledger import MailState, UnmatchedReason
from services.metrics import MAILS, UNMATCHED
from services.orders import Cause
from services.settings import parse_settings
from services.shop import Shop, build
from tests.factories import event_of, signed
from tests.sandbox_client import SandboxClient
from tests.services.conftest import Clock, Customer, fulfilled
from tests.services.mailing import send_all

HERE = ('127.0.0.1', 5400)


async def read(shop: Shop, client: tuple[str, int] = HERE, **headers: str) -> httpx.Response:
    """Request a shop's metrics from an IP address and port."""
    app = FastAPI()
    for router in shop.routers():
        app.include_router(router)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app, client=client)) as prometheus:
        return await prometheus.get('http://shop/metrics', headers=headers)


def value_of(text: str, series: str) -> float:
    """Return the value of one series."""
    (line,) = [line for line in text.splitlines() if line.startswith(f'{series} ')]
    return float(line.split()[-1])


async def test_a_payment_is_counted_at_each_step(
    customer: Customer, endpoints: httpx.AsyncClient, settings_env: dict[str, str]
) -> None:
    """The delivery, its repetition, an unsigned one, requests to Stripe and the paid order are counted."""
    order = await customer.buy()
    body = event_of(order.session_id)
    headers = signed(body, settings_env['STRIPE_WEBHOOK_SECRET'])
    for sent in (headers, headers, {}):
        await endpoints.post('/webhooks/stripe', content=body, headers=sent)
    text = (await read(customer.shop)).text
    counted = {
        outcome: value_of(text, f'paidslot_deliveries_total{{outcome="{outcome}",source="stripe"}}')
        for outcome in Outcome
    }
    assert counted == {
        Outcome.HANDLED: 1,
        Outcome.KNOWN: 1,
        Outcome.FOREIGN: 0,
        Outcome.REFUSED: 1,
        Outcome.KEPT: 0,
        Outcome.FAILED: 0,
    }
    assert value_of(text, 'paidslot_delivery_seconds_count{source="stripe"}') == 3
    assert value_of(text, 'paidslot_orders_moved_total{state="paid"}') == 1
    assert value_of(text, 'paidslot_stripe_seconds_count{outcome="ok"}') > 0


async def test_a_failed_delivery_is_counted(
    customer: Customer, endpoints: httpx.AsyncClient, settings_env: dict[str, str]
) -> None:
    """The delivery and the request to Stripe that failed are counted with their outcomes."""
    order = await customer.buy()
    body = event_of(order.session_id)
    customer.sandbox.fault('GET /v1/checkout/sessions/*', 'fail', status=500, times=None)
    headers = signed(body, settings_env['STRIPE_WEBHOOK_SECRET'])
    await endpoints.post('/webhooks/stripe', content=body, headers=headers)
    text = (await read(customer.shop)).text
    assert value_of(text, 'paidslot_deliveries_total{outcome="failed",source="stripe"}') == 1
    assert value_of(text, 'paidslot_stripe_seconds_count{outcome="payment_busy"}') == 1


async def test_the_metrics_hold_no_data_of_a_single_order(customer: Customer) -> None:
    """No id, token, name or e-mail is among the labels."""
    order = await customer.buy()
    paid = await customer.shop.fulfilment.fulfil(order.session_id or '', because=Cause.RETURN)
    assert paid
    secrets = {paid.id, paid.token, paid.reference, paid.booking_key, paid.session_id, paid.facts.email}
    text = customer.shop.metrics.text().decode()
    assert {secret for secret in secrets if not secret or secret in text} == set()


async def test_each_shop_counts_for_itself(shop: Shop, settings_env: dict[str, str]) -> None:
    """Two shops in one process do not share counters."""
    shop.metrics.repaired('order')
    other = build(parse_settings(settings_env))
    assert 'paidslot_repairs_total{kind="order"} 1.0' in shop.metrics.text().decode()
    assert 'paidslot_repairs_total{' not in other.metrics.text().decode()
    await other.close()


@pytest.mark.parametrize(
    ('client', 'headers', 'status'),
    [
        ('127.0.0.1', {}, 200),
        ('::1', {}, 200),
        ('::ffff:127.0.0.1', {}, 200),
        ('10.1.2.3', {}, 200),
        ('10.2.2.3', {}, 404),
        ('8.8.8.8', {}, 404),
        ('no address', {}, 404),
        ('127.0.0.1', {'X-Forwarded-For': '127.0.0.1'}, 404),
        ('10.1.2.3', {'Forwarded': 'for=127.0.0.1'}, 404),
        ('10.1.2.3', {'X-Real-IP': '10.1.2.3'}, 404),
    ],
)
async def test_only_the_operators_networks_can_read_the_metrics(
    settings_env: dict[str, str], client: str, headers: dict[str, str], status: int
) -> None:
    """This machine and the trusted networks can read them, but no request that came through a proxy."""
    shop = build(parse_settings(settings_env | {'TRUSTED_PROXIES': '10.1.0.0/16'}))
    answer = await read(shop, (client, 5400), **headers)
    assert answer.status_code == status
    assert ('paidslot' in answer.text) == (status == 200)
    await shop.close()


def test_every_reason_of_an_unmatched_booking_is_a_kind() -> None:
    """The words of the metric are the words of the ledger."""
    assert {reason.value for reason in UnmatchedReason} == set(UNMATCHED)


def test_every_end_of_a_mail_is_an_outcome() -> None:
    """The words of the metric are the words of the ledger."""
    ends = {state.value for state in MailState} - {MailState.WANTED, MailState.SENDING}
    assert ends == set(MAILS) - {'queued', 'put off'}


class TestMails:
    """A shop that sends mail."""

    @pytest.fixture
    def settings_env(self, settings_env: dict[str, str], sandbox: SandboxClient) -> dict[str, str]:
        """Return the settings of a shop that mails to the sandbox."""
        return settings_env | sandbox.mail_settings

    async def test_mails_are_counted_by_kind_and_outcome(
        self, customer: Customer, sandbox: SandboxClient, clock: Clock
    ) -> None:
        """Written down once, put off, sent once; refused, dropped and given up; alerts in their mail."""

        def counted(kind: str) -> dict[str, float]:
            text = customer.shop.metrics.text().decode()
            series = f'paidslot_mails_total{{kind="{kind}",outcome="%s"}}'
            return {word: found for word in MAILS if (found := value_of(text, series % word))}

        assert counted('paid') == {}
        sandbox.fault('mail *', 'fail', status=451)
        order = await fulfilled(customer, await customer.buy())
        assert counted('paid') == counted('reminder') == {'queued': 1}
        await send_all(customer.shop)
        assert counted('paid') == {'queued': 1, 'put off': 1}
        clock.ahead = timedelta(minutes=6)
        await send_all(customer.shop)
        await fulfilled(customer, order)
        assert counted('paid') == {'queued': 1, 'put off': 1, 'sent': 1}
        sandbox.act('refund', session=order.session_id)
        sandbox.fault('mail *', 'fail', status=550)
        await fulfilled(customer, order)
        await send_all(customer.shop)
        assert counted('refunded') == {'queued': 1, 'refused': 1}
        assert counted('alerts') == {'queued': 1}
        await customer.shop.ledger.mails.send_links('nobody@example.com')
        await send_all(customer.shop)
        assert counted('links') == {'queued': 1, 'dropped': 1}
        clock.ahead = timedelta(days=5)
        await send_all(customer.shop)
        assert counted('reminder') == {'queued': 1, 'given up': 1}
        assert counted('alerts') == {'queued': 2, 'given up': 1}  # the second tells of the reminder

    async def test_a_move_that_comes_second_counts_no_mail(
        self, customer: Customer, sandbox: SandboxClient
    ) -> None:
        """Nothing was written down."""
        order = await customer.buy()
        paid = await fulfilled(customer, order)
        moved = await customer.shop.ledger.orders.move(
            order, because=Cause.WEBHOOK, line='late', facts=paid.facts
        )
        assert moved is None
        text = customer.shop.metrics.text().decode()
        assert value_of(text, 'paidslot_mails_total{kind="paid",outcome="queued"}') == 1
