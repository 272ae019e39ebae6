"""Calendly: token, scopes, event type, free times and the webhook subscription."""

import asyncio
from datetime import UTC, datetime

from services.availability import PERIOD, SOON
from services.check.finding import Finding, Level, ok, warning, wrong
from services.errors import CalendarRefused, CalendarUnavailable
from services.health import NO_BOOKINGS
from services.scheduling import NOTHING_FREE, SCOPES, CalendarProblem, Scheduling, problem_of_error
from services.settings import Settings
from services.site import Site

PART = 'calendly'
NEEDED = frozenset({'event_types:read', 'scheduling_links:write', 'scheduled_events:read'})
SCOPES_REMEDY = (
    'Calendly > Integrations > API and webhooks > Personal access tokens: make a token with the scopes that '
    'README lists, set CALENDLY_TOKEN and restart.'
)
PUBLIC_LINK = 'CALENDLY_TOKEN is not set: every customer gets the public link, which can be passed on'

PUBLIC_EVENT_TYPE = 'anybody can book the event type of CALENDLY_LINK on your page at Calendly without paying'
LIST_IT_NOWHERE = (
    'Make it secret in Calendly > Event types: your page does not list it then. Its links go on working.'
)


async def check_calendly(settings: Settings, texts: Site, scheduling: Scheduling) -> list[Finding]:
    """Check that what is sold can be booked, and that bookings come to be known."""
    minutes = texts.offer.minutes
    problem = await scheduling.check(minutes)
    if not settings.calendly_token:
        found = [_of(problem)] if problem else [ok(PART, 'the page behind CALENDLY_LINK exists')]
        found.append(warning(PART, PUBLIC_LINK, SCOPES_REMEDY))
        if not settings.calendly_webhook_signing_key:
            found.append(warning(PART, *NO_BOOKINGS))
        return found
    try:
        me = await scheduling.scopes.whose_token()
    except CalendarUnavailable as error:
        return [_of(problem_of_error(error))]
    found = [ok(PART, f'Calendly accepts the token of {me}')]
    lacking = await _lacking_scopes(settings, scheduling)
    found += map(_of_scope, lacking) if lacking else [ok(PART, 'the token has each scope that the shop uses')]
    if problem is None:
        found.append(
            ok(PART, f'the event type is on, takes no payment of its own and lasts {minutes} minutes')
        )
        if scheduling.is_public:
            found.append(warning(PART, PUBLIC_EVENT_TYPE, LIST_IT_NOWHERE))
        found += await _free_times(scheduling)
    elif not (problem.refused and 'event_types:read' in lacking):
        found.append(_of(problem))
    if settings.calendly_webhook_signing_key:
        found += await _subscription(scheduling)
    return found


def _of(problem: CalendarProblem) -> Finding:
    level = Level.WRONG if problem != NOTHING_FREE else Level.WARNING
    return Finding(PART, level, problem.problem, problem.remedy)


async def _lacking_scopes(settings: Settings, scheduling: Scheduling) -> list[str]:
    """Return the scopes that the token lacks."""
    wanted = [scope for scope in SCOPES if scope != 'webhooks:read' or settings.calendly_webhook_signing_key]
    answers = await asyncio.gather(*(scheduling.scopes.lacks(scope) for scope in wanted))
    return [scope for scope, lacks in zip(wanted, answers, strict=True) if lacks]


def _of_scope(scope: str) -> Finding:
    make = wrong if scope in NEEDED else warning
    return make(PART, f'the token lacks the scope {scope}: the shop cannot {SCOPES[scope]}', SCOPES_REMEDY)


async def _free_times(scheduling: Scheduling) -> list[Finding]:
    now = datetime.now(UTC)
    try:
        times = await scheduling.read_free_times(now + SOON, now + PERIOD)
    except CalendarRefused:
        return []  # the scope is named already
    except CalendarUnavailable as error:
        return [_of(problem_of_error(error))]
    if not times:
        return [_of(NOTHING_FREE)]
    count = '1 time is' if len(times) == 1 else f'{len(times)} times are'
    first = f'{times[0]:%Y-%m-%d %H:%M} UTC'
    return [ok(PART, f'{count} free in the next {PERIOD.days} days, the first {first}')]


async def _subscription(scheduling: Scheduling) -> list[Finding]:
    try:
        problem = await scheduling.check_subscription()
    except CalendarRefused:
        return []  # the scope is named already
    except CalendarUnavailable as error:
        return [_of(problem_of_error(error))]
    if problem is None:
        return [ok(PART, 'the webhook subscription is active and delivers bookings to this shop')]
    return [warning(PART, problem.problem, problem.remedy)]
