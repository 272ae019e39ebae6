"""The Calendly sandbox's webhook subscriptions; part of the paid plans."""

from starlette.requests import Request
from starlette.routing import Route

from services.sandbox.calendly import api, bookings, views
from services.sandbox.calendly.calendar import Subscription
from services.sandbox.problems import CalendlyProblem, Json, invalid_argument
from services.sandbox.state import SandboxState


def _paid(state: SandboxState) -> None:
    if not state.config.calendly_paid_plan:
        raise CalendlyProblem(403, 'Please upgrade your Calendly account to Standard')


def create(state: SandboxState, _: Request, body: Json) -> tuple[Json, int]:
    """`POST /webhook_subscriptions`."""
    _paid(state)
    expected = {'organization': views.organization_uri(state.calendar)}
    if body.get('scope') == 'user':
        expected['user'] = views.user_uri(state.calendar)
    for name, value in expected.items():
        if body.get(name) != value:
            raise invalid_argument(name, f'{name} is unknown')
    if body.get('scope') not in ('user', 'organization'):
        raise invalid_argument('scope', 'must be user or organization')
    wanted = body.get('events')
    if not isinstance(wanted, list) or not wanted or not set(wanted) <= set(bookings.EVENTS):
        raise invalid_argument('events', 'must be a list of known events')
    url = str(body.get('url', ''))
    if not url.startswith(('http://', 'https://')):
        raise invalid_argument('url', 'must be a valid URL')
    if any(item.url == url for item in state.calendar.subscriptions.values()):
        raise CalendlyProblem(409, 'Hook with this url already exists')
    made = bookings.subscribe(state, url, wanted, body['scope'], str(body.get('signing_key', '')))
    return {'resource': views.subscription(state.calendar, made)}, 201


def listing(state: SandboxState, request: Request, _: Json) -> tuple[Json, int]:
    """`GET /webhook_subscriptions`."""
    _paid(state)
    query = request.query_params
    if query.get('scope') not in ('user', 'organization'):
        raise invalid_argument('scope', 'must be user or organization')
    if query.get('organization') != views.organization_uri(state.calendar):
        raise CalendlyProblem(403)
    found = [item for item in state.calendar.subscriptions.values() if item.scope == query['scope']]
    return api.collection(state, request, (views.subscription(state.calendar, item) for item in found))


def _find(state: SandboxState, request: Request) -> Subscription:
    _paid(state)
    found = state.calendar.subscriptions.get(request.path_params['uuid'])
    if found is None:
        raise CalendlyProblem(404)
    return found


def read(state: SandboxState, request: Request, _: Json) -> tuple[Json, int]:
    """`GET /webhook_subscriptions/{uuid}`."""
    return {'resource': views.subscription(state.calendar, _find(state, request))}, 200


def delete(state: SandboxState, request: Request, _: Json) -> tuple[Json, int]:
    """`DELETE /webhook_subscriptions/{uuid}`."""
    del state.calendar.subscriptions[_find(state, request).id]
    return {}, 204


def _route(path: str, work: api.Work, method: str = 'GET') -> Route:
    return Route(path, api.endpoint(work), methods=[method])


ROUTES = [
    _route('/users/me', api.me),
    _route('/users/{uuid}', api.me),
    _route('/event_types', api.event_types),
    _route('/event_types/{uuid}', api.event_type),
    _route('/event_type_available_times', api.available_times),
    _route('/scheduling_links', api.scheduling_links, 'POST'),
    _route('/scheduled_events', api.scheduled_events),
    _route('/scheduled_events/{uuid}', api.scheduled_event),
    _route('/scheduled_events/{uuid}/invitees', api.invitees),
    _route('/scheduled_events/{uuid}/invitees/{invitee}', api.invitee),
    _route('/scheduled_events/{uuid}/cancellation', api.cancellation, 'POST'),
    _route('/webhook_subscriptions', create, 'POST'),
    _route('/webhook_subscriptions', listing),
    _route('/webhook_subscriptions/{uuid}', read),
    _route('/webhook_subscriptions/{uuid}', delete, 'DELETE'),
]
