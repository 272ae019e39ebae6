"""Calendly's shares: single-use links of a one-on-one event type that can be listed, changed and deleted.

https://developer.calendly.com/api-docs/calendly-api/shares; of the settings, `duration` and the period change
what can be booked.
"""

from datetime import date

from starlette.requests import Request

from services.sandbox.calendly import resources
from services.sandbox.calendly.calendar import Link
from services.sandbox.calendly.endpoint import collection, parse_time, route
from services.sandbox.calendly.errors import CalendlyError, invalid_argument
from services.sandbox.state import SandboxState
from services.sandbox.types import Json

PERIODS = ('available_moving', 'moving', 'fixed', 'unlimited')
MAX_NAME = 55
MAX_MINUTES = 720
MAX_OPTIONS = 4
SETTINGS = (
    'name', 'duration', 'duration_options', 'period_type', 'start_date', 'end_date', 'max_booking_time',
    'hide_location', 'location_configurations', 'availability_rule',
)  # fmt: skip
"""What a share can change; anything else in a body is ignored, as Calendly does."""


def create(state: SandboxState, _: Request, body: Json) -> tuple[Json, int]:
    """`POST /shares`: only for one-on-one event types."""
    calendar = state.calendar
    if not body.get('event_type'):
        raise invalid_argument('event_type', 'event_type must be present')
    key = resources.find_event_type(calendar, body['event_type'])
    if key is None or not (key or calendar.bookable):
        raise CalendlyError(404)
    if not (key or calendar.one_on_one):
        raise invalid_argument('event_type', 'must be a one-on-one event type')
    settings = {name: body[name] for name in SETTINGS if name in body}
    _check(settings | {'duration_options': settings.get('duration_options') or calendar.duration_options})
    return {'resource': resources.share(calendar, calendar.new_share(settings, key))}, 201


def listing(state: SandboxState, request: Request, _: Json) -> tuple[Json, int]:
    """`GET /shares` of the token's own user; newest first."""
    query, calendar = request.query_params, state.calendar
    if 'user' not in query:
        raise invalid_argument('user', 'user must be present')
    if query['user'] != resources.user_uri(calendar):
        raise CalendlyError(403)
    sort = query.get('sort', 'created_at:desc')
    if sort not in ('created_at:asc', 'created_at:desc'):
        raise invalid_argument('sort', 'must be created_at:asc or created_at:desc')
    after, before = (
        parse_time(query[name], name) if name in query else None
        for name in ('min_created_at', 'max_created_at')
    )
    key = resources.find_event_type(calendar, query['event_type']) if 'event_type' in query else None
    found = [
        link
        for link in calendar.shares.values()
        if ('event_type' not in query or link.event_type == key)
        and (after is None or link.created >= after)
        and (before is None or link.created < before)
    ]
    if sort.endswith('desc'):
        found.reverse()
    return collection(state, request, (resources.share(calendar, link) for link in found))


def _get_unbooked(state: SandboxState, request: Request) -> Link:
    link = state.calendar.shares.get(request.path_params['uuid'])
    if link is None:
        raise CalendlyError(404)
    if link.used:
        raise invalid_argument('uuid', 'the share has been booked')
    return link


def update(state: SandboxState, request: Request, body: Json) -> tuple[Json, int]:
    """`PATCH /shares/{uuid}` of an active one: what is null goes back to the event type's value."""
    calendar, link = state.calendar, _get_unbooked(state, request)
    if calendar.has_expired(link):
        raise invalid_argument('uuid', 'the share has expired')
    changed = link.settings | {name: body[name] for name in SETTINGS if name in body}
    settings = {name: value for name, value in changed.items() if value is not None}
    _check(settings | {'duration_options': settings.get('duration_options') or calendar.duration_options})
    link.settings = settings
    return {'resource': resources.share(calendar, link)}, 200


def delete(state: SandboxState, request: Request, _: Json) -> tuple[Json, int]:
    """`DELETE /shares/{uuid}` of one that is not booked; its page has no times from then on."""
    state.calendar.delete_share(_get_unbooked(state, request))
    return {}, 204


def _check(settings: Json) -> None:
    """Check the settings of a share as Calendly documents them."""
    if len(settings.get('name') or '') > MAX_NAME:
        raise invalid_argument('name', f'must have at most {MAX_NAME} characters')
    options = settings.get('duration_options') or []
    if len(options) > MAX_OPTIONS or not all(_is_length(option) for option in options):
        raise invalid_argument('duration_options', f'must be up to {MAX_OPTIONS} lengths in minutes')
    length = settings.get('duration')
    if length is not None and (not _is_length(length) or (options and length not in options)):
        raise invalid_argument('duration', 'must be one of the duration options')
    period = settings.get('period_type')
    if period not in (None, *PERIODS):
        raise invalid_argument('period_type', f'must be one of {", ".join(PERIODS)}')
    needed = {'fixed': ('start_date', 'end_date'), 'moving': ('max_booking_time',)}
    for name in needed.get(str(period).removeprefix('available_'), ()):
        if settings.get(name) is None:
            raise invalid_argument(name, f'{name} must be present')
    for name in ('start_date', 'end_date'):
        if settings.get(name) is not None:
            _check_date(name, str(settings[name]))


def _is_length(value: object) -> bool:
    return isinstance(value, int) and 1 <= value <= MAX_MINUTES


def _check_date(name: str, text: str) -> None:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise invalid_argument(name, 'must be a date') from None


ROUTES = [
    route('/shares', create, 'POST', scope='shares:write'),
    route('/shares', listing, scope='shares:read'),
    route('/shares/{uuid}', update, 'PATCH', scope='shares:write'),
    route('/shares/{uuid}', delete, 'DELETE', scope='shares:write'),
]
