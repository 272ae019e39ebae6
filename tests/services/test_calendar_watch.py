"""The calendar is checked before somebody pays: what is wrong is said once, loudly, and in /readyz."""

import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from services.settings import parse_settings
from services.shop import Shop, build
from tests.sandbox_client import SandboxClient


def said(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    """Return level and text of each line about the calendar."""
    return [
        (record.levelno, record.getMessage())
        for record in caplog.records
        if record.name == 'services.reconciler.calendar_watch'
    ]


async def calendar_part(endpoints: httpx.AsyncClient) -> str:
    """Return what /readyz says of the calendar; it never makes the shop unready."""
    answer = await endpoints.get('/readyz')
    assert answer.status_code == 200
    return str(answer.json()['parts']['calendar'])


async def test_a_right_calendar_is_ready(
    shop: Shop, endpoints: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Before the first check the part says so; nothing is logged about what is right."""
    assert 'not been checked yet' in await calendar_part(endpoints)
    with caplog.at_level(logging.INFO):
        assert await shop.calendar_watch.check() is None
    assert await calendar_part(endpoints) == 'ok'
    assert said(caplog) == []


@pytest.mark.parametrize(
    ('action', 'change', 'words'),
    [
        ('calendar', {'active': False}, 'switched off'),
        ('calendar', {'deleted': True}, 'was deleted'),
        ('calendar', {'is_paid': True}, 'pay twice'),
        ('calendar', {'minutes': 240}, '240 minutes, and 60 are sold'),
        ('calendar', {'duration_options': [30, 60]}, '30 minutes, and 60 are sold'),
        ('calendly-token', {'revoked': True}, 'refuses CALENDLY_TOKEN'),
        ('calendly-token', {'missing_scopes': ['event_types:read']}, 'lacks the scope event_types:read'),
    ],
)
async def test_what_is_wrong_is_said_when_it_begins_and_when_it_is_over(
    shop: Shop,
    endpoints: httpx.AsyncClient,
    sandbox: SandboxClient,
    caplog: pytest.LogCaptureFixture,
    action: str,
    change: dict[str, Any],
    words: str,
) -> None:
    """One error line however often it is seen, the remedy in it, and one line at the end."""
    sandbox.act(action, **change)
    for _ in range(3):
        problem = await shop.calendar_watch.check()
        assert problem is not None
        assert words in problem.problem
    assert words in await calendar_part(endpoints)
    assert [level for level, _ in said(caplog)] == [logging.ERROR]
    assert 'Calendly > ' in said(caplog)[0][1] or 'README' in said(caplog)[0][1]
    sandbox.reset()
    with caplog.at_level(logging.INFO):
        assert await shop.calendar_watch.check() is None
    assert said(caplog)[-1] == (logging.INFO, 'the calendar is all right again')
    assert await calendar_part(endpoints) == 'ok'


@pytest.mark.parametrize('fault', [{'do': 'fail', 'status': 500}, {'do': 'reset'}, {'do': 'truncate'}])
async def test_a_silent_calendly_is_a_warning(
    shop: Shop, sandbox: SandboxClient, caplog: pytest.LogCaptureFixture, fault: dict[str, Any]
) -> None:
    """An outage there is nothing that the operator can mend here."""
    sandbox.fault('GET /users/me', times=None, **fault)
    for _ in range(2):
        problem = await shop.calendar_watch.check()
        assert problem is not None
        assert not problem.certain
    assert [level for level, _ in said(caplog)] == [logging.WARNING]


async def test_a_link_that_cannot_be_made_is_said(shop: Shop, sandbox: SandboxClient) -> None:
    """The right to make links shows only when one is made; after that it is part of the check."""
    sandbox.act('calendly-token', missing_scopes=['shares:write', 'scheduling_links:write'])
    assert await shop.calendar_watch.check() is None
    with pytest.raises(Exception, match='403'):
        await shop.scheduling.make_link()
    problem = await shop.calendar_watch.check()
    assert problem is not None
    assert 'lacks the scope scheduling_links:write' in problem.problem
    sandbox.reset()
    assert '/d/' in (await shop.scheduling.make_link()).url
    assert await shop.calendar_watch.check() is None


async def test_a_link_that_calendly_refuses_to_make_is_said(shop: Shop, sandbox: SandboxClient) -> None:
    """Such as for an event type of a kind that has no single-use links."""
    for path in ('/shares', '/scheduling_links'):
        sandbox.fault(f'POST {path}', 'fail', status=400, times=None)
    with pytest.raises(Exception, match='400'):
        await shop.scheduling.make_link()
    problem = await shop.calendar_watch.check()
    assert problem is not None
    assert problem.certain
    assert 'refuses a request' in problem.problem


@pytest.mark.parametrize('pooling_type', ['round_robin', 'collective'])
async def test_an_event_type_of_the_organization_is_found(
    shop: Shop, sandbox: SandboxClient, pooling_type: str
) -> None:
    """It is not listed under the user; links are made all the same, and bookings are read there."""
    sandbox.act('calendar', team=True, pooling_type=pooling_type)
    assert await shop.calendar_watch.check() is None
    assert '/d/' in (await shop.scheduling.make_link()).url
    assert shop.scheduling.event_type


async def test_a_token_that_may_not_read_the_organization_is_no_error_by_itself(
    shop: Shop, sandbox: SandboxClient
) -> None:
    """An event type of the user needs no organization; one that is found nowhere is named."""
    sandbox.act('calendly-token', admin=False)
    assert await shop.calendar_watch.check() is None
    sandbox.act('calendar', team=True)
    problem = await shop.calendar_watch.check()
    assert problem is not None
    assert 'no event type of this Calendly account' in problem.problem
    assert 'admin of the organization' in problem.remedy


@pytest.fixture
async def public(settings_env: dict[str, str]) -> AsyncIterator[Shop]:
    """A shop without a token."""
    shop = build(parse_settings(settings_env | {'CALENDLY_TOKEN': ''}))
    await shop.open()
    yield shop
    await shop.close()


async def test_without_a_token_the_page_must_exist(public: Shop, sandbox: SandboxClient) -> None:
    """A 404 is wrong; what is refused to machines or fails for a moment says nothing."""
    assert await public.calendar_watch.check() is None
    sandbox.act('calendar', active=False)
    problem = await public.calendar_watch.check()
    assert problem is not None
    assert problem.certain
    assert 'no event type at CALENDLY_LINK' in problem.problem
    sandbox.reset()
    for status in (403, 503):
        sandbox.fault('GET /sam-sandbox/coaching', 'html', status=status)
        assert await public.calendar_watch.check() is None


async def test_a_typo_in_the_link_is_seen_with_a_token_too(
    settings_env: dict[str, str], sandbox: SandboxClient
) -> None:
    """The account does not have it, and neither does the web."""
    shop = build(parse_settings(settings_env | {'CALENDLY_LINK': f'{sandbox.calendly_link}x'}))
    problem = await shop.calendar_watch.check()
    assert problem is not None
    assert 'there is no event type at CALENDLY_LINK: Calendly answers 404' in problem.problem
    await shop.close()


async def test_the_token_is_not_sent_to_the_public_page(
    settings_env: dict[str, str], sandbox: SandboxClient
) -> None:
    """The page is public, and may lead elsewhere."""
    shop = build(parse_settings(settings_env))
    assert 'authorization' not in shop.scheduling._public_page.http.headers
    await shop.close()
