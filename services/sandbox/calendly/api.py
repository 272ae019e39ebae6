"""The Calendly sandbox's API v2: user, event type, free times, links, events, invitees, subscriptions."""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.sandbox.calendly import bookings, views
from services.sandbox.calendly.calendar import Booking
from services.sandbox.faults.middleware import fault, pause
from services.sandbox.problems import CALENDLY_FAILURES, CalendlyProblem, Json, invalid_argument
from services.sandbox.state import SandboxState

Work = Callable[[SandboxState, Request, Json], tuple[Json, int]]


def endpoint(work: Work) -> Callable[[Request], Any]:
    """Wrap a handler with the token check, the faults and the error body."""

    async def handle(request: Request) -> Response:
        state: SandboxState = request.app.state.sandbox
        try:
            _check_token(state, request)
            await pause(request)
            _fail(request)
            body, status = work(state, request, await _json(request))
            return JSONResponse(body, status) if status != 204 else Response(status_code=204)
        except CalendlyProblem as problem:
            rule = fault(request, 'fail')
            wait = {'Retry-After': str(rule.retry_after)} if rule and rule.retry_after is not None else None
            return JSONResponse(problem.body, problem.status, wait)

    return handle


def _check_token(state: SandboxState, request: Request) -> None:
    if request.headers.get('authorization') != f'Bearer {state.config.calendly_token}':
        raise CalendlyProblem(401)


def _fail(request: Request) -> None:
    rule = fault(request, 'fail')
    if rule:
        words = CALENDLY_FAILURES.get(rule.status, CALENDLY_FAILURES[500])[1]
        raise CalendlyProblem(rule.status, rule.message or words)


async def _json(request: Request) -> Json:
    if request.method != 'POST':
        return {}
    try:
        body = json.loads(await request.body() or b'{}')
    except ValueError:
        raise CalendlyProblem(400, 'The request body is not valid JSON.') from None
    if not isinstance(body, dict):
        raise CalendlyProblem(400)
    return body


def _moment(text: str, name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise invalid_argument(name, f'{name} is not a valid date') from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def me(state: SandboxState, request: Request, _: Json) -> tuple[Json, int]:
    """`GET /users/me` and `GET /users/{uuid}`."""
    if request.path_params.get('uuid', state.calendar.user) != state.calendar.user:
        raise CalendlyProblem(404)
    return {'resource': views.user(state.calendar)}, 200


def _owned(state: SandboxState, request: Request) -> None:
    """Lists are asked for by user or organization; a stranger's is refused."""
    user, organization = (request.query_params.get(name) for name in ('user', 'organization'))
    if not (user or organization):
        raise invalid_argument('user', 'user or organization must be given')
    if user not in (None, views.user_uri(state.calendar)):
        raise CalendlyProblem(403)
    if organization not in (None, views.organization_uri(state.calendar)):
        raise CalendlyProblem(403)


def collection(state: SandboxState, request: Request, items: Iterable[Json]) -> tuple[Json, int]:
    """One page of a list, with Calendly's pagination."""
    query, found = request.query_params, list(items)
    count, token = query.get('count', '20'), query.get('page_token', '0')
    if not count.isdecimal() or not 1 <= int(count) <= 100:
        raise invalid_argument('count', 'must be between 1 and 100')
    if not token.isdecimal():
        raise invalid_argument('page_token', 'is invalid')
    start, end = int(token), int(token) + int(count)
    following = str(end) if end < len(found) else None
    previous = str(max(0, start - int(count))) if start else None
    base = state.config.calendly_api + request.url.path.rpartition('/calendly')[2]
    links = {
        name: f'{base}?{request.url.include_query_params(page_token=value).query}' if value else None
        for name, value in (('next_page', following), ('previous_page', previous))
    }
    page = {
        'count': len(found[start:end]),
        **links,
        'next_page_token': following,
        'previous_page_token': previous,
    }
    return {'collection': found[start:end], 'pagination': page}, 200


def event_types(state: SandboxState, request: Request, _: Json) -> tuple[Json, int]:
    """`GET /event_types`."""
    _owned(state, request)
    wanted = request.query_params.get('active')
    resource = views.event_type(state.calendar)
    shown = wanted is None or (wanted == 'true') == resource['active']
    return collection(state, request, [resource] if shown else [])


def event_type(state: SandboxState, request: Request, _: Json) -> tuple[Json, int]:
    """`GET /event_types/{uuid}`."""
    if request.path_params['uuid'] != state.calendar.event_type:
        raise CalendlyProblem(404)
    return {'resource': views.event_type(state.calendar)}, 200


def available_times(state: SandboxState, request: Request, _: Json) -> tuple[Json, int]:
    """`GET /event_type_available_times`: at most seven days, in the future."""
    query = request.query_params
    for name in ('event_type', 'start_time', 'end_time'):
        if name not in query:
            raise invalid_argument(name, f'{name} must be present')
    if query['event_type'] != views.uri(state.calendar, 'event_types', state.calendar.event_type):
        raise CalendlyProblem(404)
    start, end = _moment(query['start_time'], 'start_time'), _moment(query['end_time'], 'end_time')
    if start < state.now():
        raise invalid_argument('start_time', 'start_time must be in the future')
    if not start < end <= start + timedelta(days=7):
        raise invalid_argument('end_time', 'date range must be between 0 and 7 days')
    link = state.config.calendly_link
    times = [
        {
            'status': 'available', 'invitees_remaining': 1, 'start_time': views.stamp(moment),
            'scheduling_url': f'{link}/{moment:%Y-%m-%dT%H:%M:%SZ}',
        }
        for moment in (state.calendar.free(start, end) if state.calendar.active else [])
    ]  # fmt: skip
    return {'collection': times}, 200


def scheduling_links(state: SandboxState, _: Request, body: Json) -> tuple[Json, int]:
    """`POST /scheduling_links`: a link for one booking."""
    owner = views.uri(state.calendar, 'event_types', state.calendar.event_type)
    expected = {'max_event_count': 1, 'owner_type': 'EventType'}
    for name, value in expected.items():
        if body.get(name) != value:
            raise invalid_argument(name, f'{name} must be {value}')
    if body.get('owner') != owner:
        raise invalid_argument('owner', 'owner is unknown; it is the API address of an event type')
    link = state.calendar.new_link()
    address = f'{state.config.calendly_api}/d/{link.id}/{state.config.event_slug}'
    return {'resource': {'booking_url': address, 'owner': owner, 'owner_type': 'EventType'}}, 201


def scheduled_events(state: SandboxState, request: Request, _: Json) -> tuple[Json, int]:
    """`GET /scheduled_events` by user, with filters."""
    _owned(state, request)
    query = request.query_params
    bounds = {
        name: _moment(query[name], name) for name in ('min_start_time', 'max_start_time') if name in query
    }
    mail = query.get('invitee_email', '').lower()

    def fits(item: Booking) -> bool:
        return (
            (not mail or item.email.lower() == mail)
            and query.get('status') in (None, item.status)
            and bounds.get('min_start_time', item.start)
            <= item.start
            <= bounds.get('max_start_time', item.start)
        )

    backwards = query.get('sort', '').endswith(':desc')
    found = sorted(
        filter(fits, state.calendar.bookings.values()), key=lambda item: item.start, reverse=backwards
    )
    return collection(state, request, (views.scheduled_event(state.calendar, item) for item in found))


def _booking(state: SandboxState, request: Request) -> Booking:
    found = state.calendar.bookings.get(request.path_params['uuid'])
    if found is None:
        raise CalendlyProblem(404)
    return found


def scheduled_event(state: SandboxState, request: Request, _: Json) -> tuple[Json, int]:
    """`GET /scheduled_events/{uuid}`."""
    return {'resource': views.scheduled_event(state.calendar, _booking(state, request))}, 200


def invitees(state: SandboxState, request: Request, _: Json) -> tuple[Json, int]:
    """`GET /scheduled_events/{uuid}/invitees`."""
    item = _booking(state, request)
    mail = request.query_params.get('email', item.email).lower()
    shown = mail == item.email.lower() and request.query_params.get('status') in (None, item.status)
    return collection(state, request, [views.invitee(state.calendar, item)] if shown else [])


def invitee(state: SandboxState, request: Request, _: Json) -> tuple[Json, int]:
    """`GET /scheduled_events/{uuid}/invitees/{invitee}`."""
    item = _booking(state, request)
    if request.path_params['invitee'] != item.invitee:
        raise CalendlyProblem(404)
    return {'resource': views.invitee(state.calendar, item)}, 200


def cancellation(state: SandboxState, request: Request, body: Json) -> tuple[Json, int]:
    """`POST /scheduled_events/{uuid}/cancellation`."""
    item = _booking(state, request)
    try:
        bookings.cancel(state, item, state.config.host, 'host', str(body.get('reason', '')))
    except bookings.Taken:
        raise CalendlyProblem(403, 'Event in the past or already canceled') from None
    return {'resource': item.cancellation}, 201
