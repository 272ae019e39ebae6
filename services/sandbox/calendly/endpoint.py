"""What all of Calendly's endpoints share: limit, token, JSON body, faults, error responses and list pages."""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.sandbox.calendly import resources
from services.sandbox.calendly.errors import FAILURES, CalendlyError, insufficient_scope, invalid_argument
from services.sandbox.calendly.rate_limit import REMAINING, RESET
from services.sandbox.faults.middleware import delay, fault
from services.sandbox.state import SandboxState, state_of
from services.sandbox.types import Json

Handler = Callable[[SandboxState, Request, Json], tuple[Json, int]]


def route(path: str, handler: Handler, method: str = 'GET', *, scope: str = '') -> Route:
    """Return a route that checks limit, token and scope, applies faults and sends errors as JSON."""

    async def handle(request: Request) -> Response:
        state = state_of(request)
        within, headers = state.calendly_limit.take(state.now()), state.calendly_limit.headers(state.now())
        try:
            if not within:
                raise CalendlyError(429)
            _check_token(state, request, scope)
            await delay(request)
            _raise_fault(request)
            body, status = handler(state, request, await _read_json(request))
            if status == 204:
                return Response(status_code=204, headers=headers)
            return JSONResponse(body, status, headers)
        except CalendlyError as error:
            rule = fault(request, 'fail')
            if rule and rule.retry_after is not None:
                headers |= {'Retry-After': str(rule.retry_after), RESET: str(rule.retry_after)}
            if error.status == 429:
                headers[REMAINING] = '0'
            return JSONResponse(error.body, error.status, headers)

    return Route(path, handle, methods=[method])


def _check_token(state: SandboxState, request: Request, scope: str) -> None:
    right = request.headers.get('authorization') == f'Bearer {state.config.calendly_token}'
    if not right or state.calendar.token_revoked:
        raise CalendlyError(401)
    check_scope(state, scope)


def check_scope(state: SandboxState, scope: str) -> None:
    """Raise if the token lacks a scope."""
    if state.calendar.lacks(scope):
        raise insufficient_scope(scope)


def _raise_fault(request: Request) -> None:
    rule = fault(request, 'fail')
    if rule:
        message = FAILURES.get(rule.status, FAILURES[500])[1]
        raise CalendlyError(rule.status, rule.message or message)


async def _read_json(request: Request) -> Json:
    if request.method not in ('POST', 'PATCH'):
        return {}
    try:
        body = json.loads(await request.body() or b'{}')
    except ValueError:
        raise CalendlyError(400, 'The request body is not valid JSON.') from None
    if not isinstance(body, dict):
        raise CalendlyError(400)
    return body


def parse_time(text: str, name: str) -> datetime:
    """Parse a time of the query; without an offset it is UTC."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise invalid_argument(name, f'{name} is not a valid date') from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def check_owner(state: SandboxState, request: Request) -> None:
    """Raise unless a list is requested for the host or the host's organization."""
    user, organization = (request.query_params.get(name) for name in ('user', 'organization'))
    if not (user or organization):
        raise invalid_argument('user', 'user or organization must be given')
    if user not in (None, resources.user_uri(state.calendar)):
        raise CalendlyError(403)
    if organization not in (None, resources.organization_uri(state.calendar)):
        raise CalendlyError(403, 'This user is not in your organization')
    if organization and not user and not state.calendar.admin:
        raise CalendlyError(403, 'You do not have permission')


def collection(state: SandboxState, request: Request, items: Iterable[Json]) -> tuple[Json, int]:
    """Return one page of a list, with Calendly's pagination."""
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
