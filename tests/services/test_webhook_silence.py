"""Deliveries of Stripe that do not arrive are noticed: the reconciler finds the events in its list."""

from datetime import timedelta

import httpx

from services.check import Level, list_refused
from services.ledger import Source
from services.scheduling import CalendarProblem
from services.settings import parse_settings
from services.shop import Shop, build
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


async def test_a_wrong_secret_is_told_at_once_until_a_delivery_is_accepted(
    shop: Shop, endpoints: httpx.AsyncClient
) -> None:
    """Only what could be the vendor's counts: a stranger's request has no signature, or an old one."""
    body, secret = event_of('cs_test_1'), shop.settings.stripe_webhook_secret[0]
    forged = signed(body, 'whsec_other')['Stripe-Signature']
    old = signed(body, 'whsec_other', at=0)['Stripe-Signature']
    for header in ('', 'nonsense', old, forged[:-1], forged.replace('v1=', 'v1=é')):
        await endpoints.post(
            '/webhooks/stripe', content=body, headers={b'Stripe-Signature': header.encode('latin-1')}
        )
        assert await problem(shop) == ''
    await endpoints.post('/webhooks/stripe', content=body, headers={'Stripe-Signature': forged})
    ready = await endpoints.get('/readyz')
    assert 'STRIPE_WEBHOOK_SECRET is not the secret of this endpoint' in await problem(shop)
    assert ready.json()['parts']['webhooks'] == await problem(shop)
    assert [each.part for each in await shop.problems() if 'STRIPE_WEBHOOK_SECRET' in each.text] == [
        'webhooks'
    ]
    assert not any(check.critical for check in await shop.health() if check.name == 'webhooks')
    await endpoints.post('/webhooks/stripe', content=body, headers={'Stripe-Signature': old})
    said = await problem(shop)
    assert said != ''
    assert [each.level for each in await shop.check() if each.text == said] == [Level.WRONG]
    await endpoints.post('/webhooks/stripe', content=body, headers=signed(body, secret))
    assert await problem(shop) == ''


async def test_a_wrong_signing_key_of_calendly_is_told(shop: Shop, endpoints: httpx.AsyncClient) -> None:
    """The same for the deliveries of Calendly, whose signature has another header."""

    async def deliver(key: str) -> None:
        signature = signed(b'{}', key)['Stripe-Signature']
        headers = {'Calendly-Webhook-Signature': signature}
        await endpoints.post('/webhooks/calendly', content=b'{}', headers=headers)

    def told() -> set[Source]:
        return shop.refusals.wrong_secrets

    await deliver('another key')
    assert told() == {Source.CALENDLY}
    shop.booking_reader.problem = None
    shop.booking_reader.was_read = True
    shop.subscription_watch.problem = CalendarProblem(
        'disabled', 'which Calendly does for refused deliveries'
    )
    (check,) = (check for check in await shop.health() if check.name == 'bookings')
    assert 'CALENDLY_WEBHOOK_SIGNING_KEY is not the key' in check.problem
    assert (bool(check.remedy), check.critical) == (True, False)
    said = [each for each in await shop.check() if each.text == check.problem]
    assert [(each.part, each.level) for each in said] == [('calendly', Level.WRONG)]
    await deliver(shop.settings.calendly_webhook_signing_key[0])
    assert told() == set()


async def test_a_shop_that_was_started_without_a_secret_is_told(
    shop: Shop, settings_env: dict[str, str]
) -> None:
    """It has no endpoint; the settings have the secret since."""
    without = build(parse_settings(settings_env | {'STRIPE_WEBHOOK_SECRET': ''}))
    await without.ledger.open()
    parts = {check.name: check.problem for check in await without.health()}
    (finding,) = list_refused(shop.settings, parts)
    assert (finding.part, finding.level) == ('stripe webhook', Level.WRONG)
    assert 'the running shop was started without STRIPE_WEBHOOK_SECRET' in finding.text
    assert list_refused(without.settings, parts) == []
    assert list_refused(shop.settings, {}) == []
    await without.close()
