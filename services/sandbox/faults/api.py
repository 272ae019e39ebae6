"""The faults as JSON, for tests: rules, actions, the state and the log of requests."""

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
from services.sandbox.state import Event, SandboxState
from services.sandbox.stripe import views as stripe_views

Action = Callable[[SandboxState, Json], Awaitable[Json]]
PROBLEMS = (Misuse, StripeProblem, bookings.Taken, ValueError, KeyError, TypeError)

ACTIONS: dict[str, Action] = {
    action.__name__.replace('_', '-'): action for action in (*actions.ACTIONS, *booking_actions.ACTIONS)
}


async def act(request: Request) -> Response:
    """`POST /actions/<action>`."""
    state: SandboxState = request.app.state.sandbox
    action = ACTIONS.get(request.path_params['action'])
    if action is None:
        return JSONResponse({'error': f'faults: {", ".join(ACTIONS)}'}, 404)
    try:
        return JSONResponse(await action(state, json.loads(await request.body() or b'{}')))
    except PROBLEMS as problem:
        return JSONResponse({'error': str(problem)}, 400)


async def rules(request: Request) -> Response:
    """`GET`, `POST` and `DELETE /faults`: the rules."""
    faults = request.app.state.sandbox.faults
    try:
        if request.method == 'POST':
            faults.add(json.loads(await request.body())['next'])
        elif request.method == 'DELETE':
            faults.clear()
    except (ValueError, KeyError, TypeError) as problem:
        return JSONResponse({'error': str(problem)}, 400)
    return JSONResponse({'next': [rule.view() for rule in faults.rules]})


async def state(request: Request) -> Response:
    """`GET /state`: everything, for assertions."""
    return JSONResponse(dump(request.app.state.sandbox))


def dump(state: SandboxState) -> Json:
    """All sessions, payments, events, deliveries, bookings and mails."""
    book = state.calendar
    return {
        'now': state.now().isoformat(),
        'sessions': [stripe_views.session(state, item) for item in state.sessions.values()],
        **{f'{kind}s': list(table.values()) for kind, table in state.tables.items()},
        'events': [_event(item) for item in state.events.values()],
        'deliveries': [item.view() for item in state.webhooks.log],
        'links': [{'id': item.id, 'used': item.used} for item in book.links.values()],
        'invitees': [calendly_views.invitee(book, item) for item in book.invitees.values()],
        'outbox': [{'to': item.to, 'subject': item.subject, 'text': item.text} for item in book.outbox],
    }  # fmt: skip


async def requests(request: Request) -> Response:
    """`GET /requests`: what was asked of the sandbox; `DELETE` empties the log."""
    log = request.app.state.sandbox.requests
    if request.method == 'DELETE':
        log.clear()
    return JSONResponse({'requests': list(log)})


ROUTES = [
    Route('/faults', rules, methods=['GET', 'POST', 'DELETE']),
    Route('/state', state, methods=['GET']),
    Route('/requests', requests, methods=['GET', 'DELETE']),
    Route('/actions/{action}', act, methods=['POST']),
]


def _event(item: Event) -> Json:
    """An event and the ids of what it is about."""
    thing = json.loads(item.data)
    about = {name: thing.get(name) for name in ('id', 'payment_intent')}
    return {'id': item.id, 'type': item.type, 'object': about}
