"""The check of requests to Calendly, and every request that the shop sends to Calendly."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from services.orders import Cause
from services.scheduling import CancelResult, SingleUseLink
from services.settings import parse_settings
from services.shop import build
from tests.contract.calendly import CALENDLY, check_logged, check_request, scopes
from tests.processes import ROOT
from tests.sandbox_client import SandboxClient

USER = ('user', 'https://api.calendly.com/users/1')
EVENT_TYPE = 'https://api.calendly.com/event_types/1'
LINK = {'max_event_count': 1, 'owner': EVENT_TYPE, 'owner_type': 'EventType'}
TIMES = [
    ('event_type', EVENT_TYPE), ('start_time', '2026-12-03T10:00:00Z'),
    ('end_time', '2026-12-10T10:00:00.000000Z'),
]  # fmt: skip


@pytest.mark.parametrize(
    ('method', 'path', 'query', 'body'),
    [
        ('GET', '/users/me', [], None), ('GET', '/scheduled_events/1/invitees/2', [], None),
        ('GET', '/event_types', [USER, ('count', '100')], None),
        ('GET', '/event_type_available_times', TIMES, None), ('POST', '/scheduling_links', [], LINK),
        ('POST', '/shares', [], {'event_type': EVENT_TYPE}), ('DELETE', '/shares/1', [], None),
        ('PATCH', '/shares/1', [], {'name': None}), ('POST', '/scheduled_events/1/cancellation', [], None),
    ],
)  # fmt: skip
def test_a_valid_request_passes(method: str, path: str, query: list[tuple[str, str]], body: Any) -> None:
    """Requests as documented have nothing wrong, and name the scope that they need."""
    assert check_request(method, path, query, body) == []
    assert len(scopes(method, path)) == 1


@pytest.mark.parametrize(
    ('method', 'path', 'query', 'body', 'problem'),
    [
        ('GET', '/shares/1', [], None, 'GET /shares/1 is not described'),
        ('GET', '/event_types', [USER, ('kind', 'solo')], None, 'kind: unknown parameter'),
        ('GET', '/event_types', [('active', 'true')], None, 'one of user, organization: missing'),
        ('GET', '/event_types', [USER, ('active', 'yes')], None, 'active: (top): '),
        ('GET', '/event_types', [USER, ('count', '101')], None, 'count: (top): 101 is greater than'),
        ('GET', '/event_types', [USER, USER], None, 'user: sent 2 times'),
        ('GET', '/event_type_available_times', TIMES[:2], None, 'end_time: missing'),
        ('GET', '/users/me', [], {}, 'a body, where none is described'),
        ('POST', '/scheduling_links', [], LINK | {'max_event_count': 2}, 'max_event_count: 2 is not one of'),
        ('POST', '/shares', [], {'event_type': EVENT_TYPE, 'flavour': 1}, '(top): Additional properties'),
        ('POST', '/shares', [], {}, "(top): 'event_type' is a required property"),
    ],
)  # fmt: skip
def test_each_mistake_is_reported(
    method: str, path: str, query: list[tuple[str, str]], body: Any, problem: str
) -> None:
    """Each kind of mistake is found, and only it."""
    (found,) = check_request(method, path, query, body)
    assert problem in found


async def link_without_shares(settings_env: dict[str, str]) -> SingleUseLink:
    """Make a link of a shop whose token may not make shares."""
    shop = build(parse_settings(settings_env))
    link = await shop.scheduling.make_link()
    assert link.share == ''
    await shop.close()
    return link


async def test_a_purchase_and_a_booking_send_only_described_requests(
    sandbox: SandboxClient, settings_env: dict[str, str]
) -> None:
    """From the start to the booking that is found again; the README names each scope that is needed."""
    shop = build(parse_settings(settings_env))
    await shop.open()
    await shop.warm_up()
    session = await shop.checkout.start(browser_id='v', because=Cause.BUTTON)
    await asyncio.to_thread(sandbox.pay, session.id)
    order = await shop.fulfilment.fulfil(session.id, because=Cause.WEBHOOK)
    assert order is not None
    share, unused = await shop.scheduling.make_link(), await shop.scheduling.make_link()
    sandbox.act('calendly-token', missing_scopes=['shares:write'])
    link = await link_without_shares(settings_env)
    sandbox.act('calendly-token', missing_scopes=[])
    assert await shop.scheduling.read_share_status(share.share, made_at=datetime.now(UTC)) == 'active'
    assert await shop.scheduling.delete_share(unused.share) == ''
    invitee = await asyncio.to_thread(sandbox.book, shop.scheduling.url_for(order, link.url))
    since = datetime(2026, 1, 1, tzinfo=UTC)
    assert len(await shop.scheduling.find_bookings(order.booking_key, since=since)) == 1
    assert await shop.scheduling.read_booking(invitee['uri']) is not None
    assert await shop.scheduling.check(minutes=60) is None
    answer = await shop.scheduling.cancel(invitee['uri'], reason='The payment for this session was returned.')
    assert answer.result is CancelResult.CANCELED
    await shop.close()
    sent = [each for each in sandbox.requests() if each['vendor'] == 'calendly' and each['authorized']]
    assert check_logged(sent) == []
    needed = {scope for each in sent for scope in scopes(each['method'], each['path'])}
    assert needed >= {'users:read', 'event_types:read', 'scheduled_events:read', 'scheduled_events:write'}
    assert needed >= {'scheduling_links:write', 'shares:read', 'shares:write'}
    readme = (ROOT / 'README.md').read_text(encoding='utf-8')
    assert [scope for scope in sorted(needed) if f'`{scope}`' not in readme] == []


async def test_the_set_up_sends_only_described_requests(
    sandbox: SandboxClient, settings_env: dict[str, str]
) -> None:
    """Event types are listed, one is made, and a subscription is made, found and deleted."""
    shop = build(parse_settings(settings_env))
    types, subscriptions = shop.scheduling.event_types, shop.scheduling.subscriptions
    made = await types.make('An hour', 60)
    assert [each.link for each in await types.read_all()] == [sandbox.calendly_link, made.link]
    assert await subscriptions.find() == []
    await subscriptions.try_to_write()
    subscription = await subscriptions.make('a key')
    assert (await subscriptions.find(), await subscriptions.check()) == ([subscription], None)
    await subscriptions.delete(subscription.uri)
    await subscriptions.delete(subscription.uri)
    assert await subscriptions.find() == []
    await shop.close()
    sent = [each for each in sandbox.requests() if each['vendor'] == 'calendly' and each['authorized']]
    assert check_logged(sent) == []
    needed = {scope for each in sent for scope in scopes(each['method'], each['path'])}
    assert needed >= {'event_types:write', 'webhooks:write'}
    readme = (ROOT / 'README.md').read_text(encoding='utf-8')
    assert [scope for scope in sorted(needed) if f'`{scope}`' not in readme] == []


def test_the_log_tells_what_is_not_described(sandbox: SandboxClient) -> None:
    """A request with the token is checked wherever it goes; the pages are asked without it."""
    logged = {'vendor': 'calendly', 'authorized': True, 'method': 'GET', 'query': [], 'json': None}
    assert check_logged([logged | {'path': '/invitees'}]) == ['GET /invitees: GET /invitees is not described']
    assert check_logged([logged | {'path': '/sam/coaching', 'authorized': False}]) == []


def test_every_reference_of_the_description_exists() -> None:
    """Each schema that is named is defined, and each defined one is used."""
    text = repr(CALENDLY.spec)
    named = {name for name in CALENDLY.schemas if f"'#/components/schemas/{name}'" in text}
    assert set(CALENDLY.schemas) - named == {'InviteeDelivery', 'EventTypeDelivery'}
    for name in CALENDLY.schemas:
        CALENDLY.validator({'$ref': f'#/components/schemas/{name}'}).check_schema(CALENDLY.schemas[name])
