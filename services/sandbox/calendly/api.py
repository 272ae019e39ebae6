"""Calendly's API v2: user, event type, free times, single-use links, events and invitees."""

from datetime import timedelta

from starlette.requests import Request

from services.sandbox.calendly import bookings, no_shows, resources, shares, webhook_subscriptions
from services.sandbox.calendly.calendar import Booking
from services.sandbox.calendly.endpoint import check_owner, collection, parse_time, route
from services.sandbox.calendly.errors import CalendlyError, invalid_argument
from services.sandbox.faults.middleware import API_ROOTS
from services.sandbox.state import SandboxState
from services.sandbox.types import Json

MAX_RANGE = timedelta(days=31)
MAX_REASON = 10_000
MAX_MINUTES = 720


def me(state: SandboxState, request: Request, _: Json) -> tuple[Json, int]:
    """`GET /users/me` and `GET /users/{uuid}`."""
    if request.path_params.get('uuid', state.calendar.user) != state.calendar.user:
        raise CalendlyError(404)
    return {'resource': resources.user(state.calendar)}, 200


def event_types(state: SandboxState, request: Request, _: Json) -> tuple[Json, int]:
    """`GET /event_types`."""
    check_owner(state, request)
    active = request.query_params.get('active')
    made = list(state.calendar.made_event_types.values())
    hidden = state.calendar.team and 'organization' not in request.query_params
    found = [*([] if hidden else [resources.event_type(state.calendar)]), *made]
    shown = [item for item in found if active is None or (active == 'true') == item['active']]
    return collection(state, request, shown)


def create_event_type(state: SandboxState, _: Request, body: Json) -> tuple[Json, int]:
    """`POST /event_types`: one-on-one only; whether it is secret, and its slug, cannot be chosen."""
    calendar, name, minutes = state.calendar, body.get('name'), body.get('duration', 30)
    if body.get('owner') != resources.user_uri(calendar):
        raise invalid_argument('owner', 'owner is unknown; it is the URI of a user')
    if not isinstance(name, str) or not name.strip():
        raise invalid_argument('name', 'name must be filled')
    if not isinstance(minutes, int) or not 1 <= minutes <= MAX_MINUTES:
        raise invalid_argument('duration', f'must be between 1 and {MAX_MINUTES}')
    made = resources.made_event_type(calendar, name, minutes, active=bool(body.get('active', False)))
    calendar.made_event_types[made['uri'].rpartition('/')[2]] = made
    return {'resource': made}, 201


def event_type(state: SandboxState, request: Request, _: Json) -> tuple[Json, int]:
    """`GET /event_types/{uuid}`."""
    key = request.path_params['uuid']
    if key in state.calendar.made_event_types:
        return {'resource': state.calendar.made_event_types[key]}, 200
    if key != state.calendar.event_type:
        raise CalendlyError(404)
    return {'resource': resources.event_type(state.calendar)}, 200


def available_times(state: SandboxState, request: Request, _: Json) -> tuple[Json, int]:
    """`GET /event_type_available_times`: at most 31 days, strictly in the future."""
    query = request.query_params
    for name in ('event_type', 'start_time', 'end_time'):
        if name not in query:
            raise invalid_argument(name, f'{name} must be present')
    key = resources.find_event_type(state.calendar, query['event_type'])
    if key is None:
        raise CalendlyError(404)
    start, end = parse_time(query['start_time'], 'start_time'), parse_time(query['end_time'], 'end_time')
    if start <= state.now():
        raise invalid_argument('start_time', 'start_time must be in the future')
    if end <= start:
        raise invalid_argument('end_time', 'end_time must be after start_time')
    if end > start + MAX_RANGE:
        raise invalid_argument('end_time', f'date range can be no greater than {MAX_RANGE.days} days')
    of = state.calendar.made_event_types.get(key) or resources.event_type(state.calendar)
    times = [
        {
            'status': 'available', 'invitees_remaining': 1, 'start_time': resources.timestamp(time),
            'scheduling_url': f'{of["scheduling_url"]}/{time:%Y-%m-%dT%H:%M:%SZ}',
        }
        for time in (state.calendar.free(start, end) if key or state.calendar.bookable else [])
    ]  # fmt: skip
    return {'collection': times}, 200


def scheduling_links(state: SandboxState, _: Request, body: Json) -> tuple[Json, int]:
    """`POST /scheduling_links`: a link for one booking."""
    key = resources.find_event_type(state.calendar, body.get('owner'))
    expected = {'max_event_count': 1, 'owner_type': 'EventType'}
    for name, value in expected.items():
        if body.get(name) != value:
            raise invalid_argument(name, f'{name} must be {value}')
    if key is None:
        raise invalid_argument('owner', 'owner is unknown; it is the URI of an event type')
    return {'resource': resources.scheduling_link(state.calendar, state.calendar.new_link(key))}, 201


def scheduled_events(state: SandboxState, request: Request, _: Json) -> tuple[Json, int]:
    """`GET /scheduled_events` by user or organization, with filters; a team's meetings are a colleague's."""
    check_owner(state, request)
    query = request.query_params
    hidden = state.calendar.team and 'organization' not in query
    bounds = {
        name: parse_time(query[name], name) for name in ('min_start_time', 'max_start_time') if name in query
    }
    email = query.get('invitee_email', '').lower()

    def matches(item: Booking) -> bool:
        return (
            (not email or item.email.lower() == email)
            and query.get('status') in (None, item.status)
            and bounds.get('min_start_time', item.start)
            <= item.start
            <= bounds.get('max_start_time', item.start)
        )

    backwards = query.get('sort', '').endswith(':desc')
    found = sorted(
        filter(matches, () if hidden else state.calendar.bookings.values()),
        key=lambda item: item.start,
        reverse=backwards,
    )
    return collection(state, request, (resources.scheduled_event(state.calendar, item) for item in found))


def _get_booking(state: SandboxState, request: Request) -> Booking:
    found = state.calendar.bookings.get(request.path_params['uuid'])
    if found is None:
        raise CalendlyError(404)
    return found


def scheduled_event(state: SandboxState, request: Request, _: Json) -> tuple[Json, int]:
    """`GET /scheduled_events/{uuid}`."""
    return {'resource': resources.scheduled_event(state.calendar, _get_booking(state, request))}, 200


def invitees(state: SandboxState, request: Request, _: Json) -> tuple[Json, int]:
    """`GET /scheduled_events/{uuid}/invitees`."""
    item = _get_booking(state, request)
    email = request.query_params.get('email', item.email).lower()
    shown = email == item.email.lower() and request.query_params.get('status') in (None, item.status)
    return collection(state, request, [resources.invitee(state.calendar, item)] if shown else [])


def invitee(state: SandboxState, request: Request, _: Json) -> tuple[Json, int]:
    """`GET /scheduled_events/{uuid}/invitees/{invitee}`."""
    item = _get_booking(state, request)
    if request.path_params['invitee'] != item.invitee:
        raise CalendlyError(404)
    return {'resource': resources.invitee(state.calendar, item)}, 200


def cancellation(state: SandboxState, request: Request, body: Json) -> tuple[Json, int]:
    """`POST /scheduled_events/{uuid}/cancellation`, as the host."""
    item, reason = _get_booking(state, request), body.get('reason')
    if reason is not None and (not isinstance(reason, str) or len(reason) > MAX_REASON):
        raise invalid_argument('reason', f'must be a text of at most {MAX_REASON} characters')
    if not state.calendar.may_cancel:
        raise CalendlyError(403, 'You are not allowed to cancel this event')
    if item.status != 'active':
        raise CalendlyError(403, 'Event is already canceled')
    if item.start <= state.now():
        raise CalendlyError(403, 'Event in the past')
    bookings.cancel(state, item, state.config.host, 'host', reason or '')
    return {'resource': item.cancellation}, 201


def unknown(state: SandboxState, request: Request, body: Json) -> tuple[Json, int]:
    """Any other call: Calendly documents none."""
    raise CalendlyError(404)


METHODS = ('GET', 'POST', 'PUT', 'PATCH', 'DELETE')
UNKNOWN = [
    route(f'/{root}{rest}', unknown, method)
    for root in API_ROOTS['calendly']
    for rest in ('', '/{rest:path}')
    for method in METHODS
]

ROUTES = [
    route('/users/me', me, scope='users:read'),
    route('/users/{uuid}', me, scope='users:read'),
    route('/event_types', event_types, scope='event_types:read'),
    route('/event_types', create_event_type, 'POST', scope='event_types:write'),
    route('/event_types/{uuid}', event_type, scope='event_types:read'),
    route('/event_type_available_times', available_times, scope='availability:read'),
    route('/scheduling_links', scheduling_links, 'POST', scope='scheduling_links:write'),
    route('/scheduled_events', scheduled_events, scope='scheduled_events:read'),
    route('/scheduled_events/{uuid}', scheduled_event, scope='scheduled_events:read'),
    route('/scheduled_events/{uuid}/invitees', invitees, scope='scheduled_events:read'),
    route('/scheduled_events/{uuid}/invitees/{invitee}', invitee, scope='scheduled_events:read'),
    route('/scheduled_events/{uuid}/cancellation', cancellation, 'POST', scope='scheduled_events:write'),
    *no_shows.ROUTES,
    *shares.ROUTES,
    *webhook_subscriptions.ROUTES,
    *UNKNOWN,
]
