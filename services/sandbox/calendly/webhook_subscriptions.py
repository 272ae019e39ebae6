"""Calendly's webhook subscriptions, which every plan has (https://developer.calendly.com/api-docs)."""

from starlette.requests import Request

from services.sandbox.calendly import bookings, other_events, resources
from services.sandbox.calendly.calendar import Subscription
from services.sandbox.calendly.endpoint import check_scope, collection, route
from services.sandbox.calendly.errors import CalendlyError, invalid_argument
from services.sandbox.state import SandboxState
from services.sandbox.types import Json


def create(state: SandboxState, _: Request, body: Json) -> tuple[Json, int]:
    """`POST /webhook_subscriptions`."""
    expected = {'organization': resources.organization_uri(state.calendar)}
    if body.get('scope') == 'user':
        expected['user'] = resources.user_uri(state.calendar)
    for name, value in expected.items():
        if body.get(name) != value:
            raise invalid_argument(name, f'{name} is unknown')
    if body.get('scope') not in ('user', 'organization'):
        raise invalid_argument('scope', 'must be user or organization')
    events = body.get('events')
    if not isinstance(events, list) or not events:
        raise invalid_argument('events', 'must be a list of known events')
    if not all(other_events.can_subscribe(str(kind), body['scope']) for kind in events):
        raise invalid_argument('events', 'must be a list of known events')
    for kind in events:
        check_scope(state, other_events.scope_to_read(kind))
    url = str(body.get('url', ''))
    if not url.startswith(('http://', 'https://')):
        raise invalid_argument('url', 'must be a valid URL')
    if any(item.url == url for item in state.calendar.subscriptions.values()):
        raise CalendlyError(409, 'Hook with this url already exists')
    created = bookings.subscribe(state, url, events, body['scope'], str(body.get('signing_key', '')))
    return {'resource': resources.subscription(state.calendar, created)}, 201


def listing(state: SandboxState, request: Request, _: Json) -> tuple[Json, int]:
    """`GET /webhook_subscriptions`: `organization` and `scope` are required, and `user` for that scope."""
    query = request.query_params
    if query.get('scope') not in ('user', 'organization'):
        raise invalid_argument('scope', 'must be user or organization')
    for name in ('organization', *(['user'] if query['scope'] == 'user' else [])):
        if name not in query:
            raise invalid_argument(name, f'{name} must be present')
    if query.get('user', resources.user_uri(state.calendar)) != resources.user_uri(state.calendar):
        raise CalendlyError(403)
    if query['organization'] != resources.organization_uri(state.calendar):
        raise CalendlyError(403)
    found = [item for item in state.calendar.subscriptions.values() if item.scope == query['scope']]
    return collection(state, request, (resources.subscription(state.calendar, item) for item in found))


def _get(state: SandboxState, request: Request) -> Subscription:
    found = state.calendar.subscriptions.get(request.path_params['uuid'])
    if found is None:
        raise CalendlyError(404)
    return found


def read(state: SandboxState, request: Request, _: Json) -> tuple[Json, int]:
    """`GET /webhook_subscriptions/{uuid}`."""
    return {'resource': resources.subscription(state.calendar, _get(state, request))}, 200


def delete(state: SandboxState, request: Request, _: Json) -> tuple[Json, int]:
    """`DELETE /webhook_subscriptions/{uuid}`."""
    del state.calendar.subscriptions[_get(state, request).id]
    return {}, 204


ROUTES = [
    route('/webhook_subscriptions', create, 'POST', scope='webhooks:write'),
    route('/webhook_subscriptions', listing, scope='webhooks:read'),
    route('/webhook_subscriptions/{uuid}', read, scope='webhooks:read'),
    route('/webhook_subscriptions/{uuid}', delete, 'DELETE', scope='webhooks:write'),
]
