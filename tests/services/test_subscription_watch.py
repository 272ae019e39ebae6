"""The webhook subscription at Calendly: where a signing key says that there should be one, it is checked."""

import logging
from typing import Any

import pytest

from services.orders import Order
from services.shop import Shop
from tests.sandbox_client import SandboxClient
from tests.services.conftest import on_both_databases
from tests.services.reading import asked, bookings_part, calendar_of, states, told, until

pytestmark = on_both_databases


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        ({'deleted': True}, 'no webhook subscription at Calendly names http://localhost:3000/webhooks/'),
        ({'disabled': True}, 'is disabled'),
        ({'failing': True}, 'has failed to deliver bookings'),
    ],
)
async def test_a_subscription_that_delivers_nothing_is_said_once(
    shop: Shop,
    sandbox: SandboxClient,
    caplog: pytest.LogCaptureFixture,
    change: dict[str, Any],
    words: str,
) -> None:
    """One warning however often it is seen, /readyz says it, and it costs nobody a booking."""
    sandbox.send_webhooks_to(shop.settings.domain)
    await shop.booking_reader.read()
    shop.booking_reader.was_read = True
    assert await shop.subscription_watch.check()
    assert await bookings_part(shop) == 'ok'
    sandbox.act('subscriptions', **change)
    for _ in range(2):
        await shop.subscription_watch.check()
    assert words in await bookings_part(shop)
    assert [r.levelname for r in caplog.records if words in r.getMessage()] == ['WARNING']
    sandbox.reset()
    sandbox.send_webhooks_to(f'{shop.settings.domain}')
    await shop.subscription_watch.check()
    assert await bookings_part(shop) == 'ok'


@pytest.mark.parametrize('delivered', [True, False])
async def test_a_booking_that_no_delivery_told_of_has_it_checked(
    shop: Shop, sandbox: SandboxClient, paid: Order, delivered: bool
) -> None:
    """At once: a subscription that was disabled since the last check is said long before the next."""
    sandbox.send_webhooks_to(shop.settings.domain)
    url = await calendar_of(shop, paid)
    await shop.booking_reader.read()
    shop.booking_reader.was_read = True
    shop.subscription_watch.start()
    await until(lambda: asked(sandbox, 'GET /webhook_subscriptions') == 1)
    sandbox.act('subscriptions', disabled=True)
    booked = sandbox.book(url)
    if delivered:
        await told(shop, sandbox, booked)
    await shop.booking_reader.read()
    assert await states(shop, paid) == {booked['uri']: 'active'}
    if delivered:
        assert not shop.subscription_watch._is_doubtful.is_set()
    else:
        await until(lambda: shop.subscription_watch.problem)
        assert 'is disabled' in await bookings_part(shop)
    await shop.subscription_watch.stop()


async def test_what_is_known_to_be_wrong_is_not_checked_with_each_booking(
    shop: Shop, sandbox: SandboxClient
) -> None:
    """Each check costs requests, of which Calendly allows fifty a minute."""
    await shop.subscription_watch.check()
    assert shop.subscription_watch.problem
    shop.subscription_watch.check_at_once()
    assert not shop.subscription_watch._is_doubtful.is_set()


async def test_a_subscription_without_cancellations_is_said(shop: Shop, sandbox: SandboxClient) -> None:
    """The operator chose the events when it was made."""
    url = f'{shop.settings.domain}/webhooks/calendly'
    sandbox.act('webhooks', calendly=url, calendly_events=['invitee.created'])
    await shop.subscription_watch.check()
    assert shop.subscription_watch.problem
    assert 'leaves out invitee.canceled' in shop.subscription_watch.problem.problem


async def test_without_the_scope_it_is_not_known(
    shop: Shop, sandbox: SandboxClient, caplog: pytest.LogCaptureFixture
) -> None:
    """That is no problem by itself, and said once."""
    sandbox.act('calendly-token', missing_scopes=['webhooks:read'])
    with caplog.at_level(logging.INFO):
        for _ in range(2):
            assert await shop.subscription_watch.check()
    assert shop.subscription_watch.problem is None
    said = [record.levelname for record in caplog.records if 'is not known' in record.getMessage()]
    assert said == ['INFO']
