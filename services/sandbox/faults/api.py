"""The levers as JSON, for tests: rules, verbs, the state and the log of requests."""

import json
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.sandbox.calendly import bookings
from services.sandbox.calendly import views as calendly_views
from services.sandbox.faults import actions, booking_actions
from services.sandbox.faults.actions import Misuse
from services.sandbox.problems import Json, StripeProblem
from services.sandbox.state import Event, World
from services.sandbox.stripe import views as stripe_views

Verb = Callable[[World, Json], Awaitable[Json]]
PROBLEMS = (Misuse, StripeProblem, bookings.Taken, ValueError, KeyError, TypeError)

VERBS: dict[str, Verb] = {
    verb.__name__.replace('_', '-'): verb for verb in (*actions.VERBS, *booking_actions.VERBS)
}


async def act(request: Request) -> Response:
    """`POST /levers/<verb>`."""
    world: World = request.app.state.world
    verb = VERBS.get(request.path_params['verb'])
    if verb is None:
        return JSONResponse({'error': f'levers: {", ".join(VERBS)}'}, 404)
    try:
        return JSONResponse(await verb(world, json.loads(await request.body() or b'{}')))
    except PROBLEMS as problem:
        return JSONResponse({'error': str(problem)}, 400)


async def rules(request: Request) -> Response:
    """`GET`, `POST` and `DELETE /levers`: the rules."""
    levers = request.app.state.world.levers
    try:
        if request.method == 'POST':
            levers.add(json.loads(await request.body())['next'])
        elif request.method == 'DELETE':
            levers.clear()
    except (ValueError, KeyError, TypeError) as problem:
        return JSONResponse({'error': str(problem)}, 400)
    return JSONResponse({'next': [rule.view() for rule in levers.rules]})


async def state(request: Request) -> Response:
    """`GET /levers/state`: everything, for assertions."""
    return JSONResponse(dump(request.app.state.world))


def dump(world: World) -> Json:
    """All sessions, payments, events, deliveries, bookings and mails."""
    book = world.calendar
    return {
        'now': world.now().isoformat(),
        'sessions': [stripe_views.session(world, item) for item in world.sessions.values()],
        **{f'{kind}s': list(table.values()) for kind, table in world.tables.items()},
        'events': [_event(item) for item in world.events.values()],
        'deliveries': [item.view() for item in world.courier.log],
        'links': [{'id': item.id, 'used': item.used} for item in book.links.values()],
        'invitees': [calendly_views.invitee(book, item) for item in book.invitees.values()],
        'outbox': [{'to': item.to, 'subject': item.subject, 'text': item.text} for item in book.outbox],
    }  # fmt: skip


async def requests(request: Request) -> Response:
    """`GET /levers/requests`: what was asked of the twins; `DELETE` empties the log."""
    log = request.app.state.world.requests
    if request.method == 'DELETE':
        log.clear()
    return JSONResponse({'requests': list(log)})


ROUTES = [
    Route('/levers', rules, methods=['GET', 'POST', 'DELETE']),
    Route('/levers/state', state, methods=['GET']),
    Route('/levers/requests', requests, methods=['GET', 'DELETE']),
    Route('/levers/{verb}', act, methods=['POST']),
]


def _event(item: Event) -> Json:
    """An event and the ids of what it is about."""
    thing = json.loads(item.data)
    about = {name: thing.get(name) for name in ('id', 'payment_intent')}
    return {'id': item.id, 'type': item.type, 'object': about}
