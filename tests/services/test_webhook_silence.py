"""Deliveries of Stripe that do not arrive are noticed: the reconciler finds the events in its list."""

from datetime import timedelta

import httpx

from services.ledger import Source
from services.shop import Shop
from tests.factories import event_of, signed
from tests.services.conftest import Clock, Customer, on_both_databases

pytestmark = on_both_databases
NOT_YET, LATER = timedelta(hours=2), timedelta(hours=4)


async def problem(shop: Shop) -> str:
    """Return what the check of the webhooks says."""
    (check,) = (check for check in await shop.health() if check.name == 'webhooks')
    assert bool(check.remedy) is bool(check.problem)
    return check.problem


async def test_silence_is_a_problem_after_some_hours(
    shop: Shop, customer: Customer, clock: Clock, endpoints: httpx.AsyncClient
) -> None:
    """A payment that was found in the list makes one, until a delivery comes."""
    assert await problem(shop) == ''
    session_id = await customer.start()
    customer.sandbox.pay(session_id)
    while await shop.reconciler.round():
        pass
    missed = (await shop.ledger.deliveries.arrivals(Source.STRIPE)).missed
    assert missed
    clock.ahead = NOT_YET
    assert await problem(shop) == ''
    clock.ahead = LATER
    said = f'Stripe does not deliver: {len(missed)} events were found in its list instead, none ever came'
    assert await problem(shop) == said
    body = event_of(session_id)
    headers = signed(body, shop.settings.stripe_webhook_secret[0])
    assert (await endpoints.post('/webhooks/stripe', content=body, headers=headers)).status_code == 200
    assert await problem(shop) == ''


async def test_what_is_delivered_late_counts_as_delivered(
    shop: Shop, customer: Customer, clock: Clock, endpoints: httpx.AsyncClient
) -> None:
    """An event that the reconciler found first, and that came after all, was not missed."""
    session_id = await customer.start()
    customer.sandbox.pay(session_id)
    while await shop.reconciler.round():
        pass
    for event in customer.sandbox.state()['events']:
        body = event_of(session_id, event['type'], id=event['id'])
        headers = signed(body, shop.settings.stripe_webhook_secret[0])
        assert (await endpoints.post('/webhooks/stripe', content=body, headers=headers)).status_code == 200
    clock.ahead = LATER
    arrivals = await shop.ledger.deliveries.arrivals(Source.STRIPE)
    assert (arrivals.missed, await problem(shop)) == ((), '')
    assert arrivals.last_at is not None
