"""The JSON API that controls the sandbox: fault rules, actions, the state and the request log."""

import json
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.sandbox.calendly import bookings, resources
from services.sandbox.calendly.rate_limit import ReceivedCalls
from services.sandbox.control import calendly_actions, sandbox_actions, stripe_actions
from services.sandbox.state import Event, SandboxState, state_of
from services.sandbox.stripe import objects
from services.sandbox.stripe.errors import StripeError
from services.sandbox.types import Json

Action = Callable[[SandboxState, Json], Awaitable[Json]]
ACTION_ERRORS = (StripeError, bookings.NotAvailable, ValueError, KeyError, TypeError)

ACTIONS: dict[str, Action] = {
    action.__name__.replace('_', '-'): action
    for action in (*stripe_actions.ACTIONS, *calendly_actions.ACTIONS, *sandbox_actions.ACTIONS)
}


async def act(request: Request) -> Response:
    """`POST /actions/<name>`: do something that happens outside the shop."""
    action = ACTIONS.get(request.path_params['action'])
    if action is None:
        return JSONResponse({'error': f'known actions: {", ".join(ACTIONS)}'}, 404)
    try:
        return JSONResponse(await action(state_of(request), json.loads(await request.body() or b'{}')))
    except ACTION_ERRORS as error:
        return JSONResponse({'error': str(error)}, 400)


async def rules(request: Request) -> Response:
    """`GET`, `POST` and `DELETE /faults`: list, add and delete fault rules."""
    faults = state_of(request).faults
    try:
        if request.method == 'POST':
            faults.add(json.loads(await request.body())['next'])
        elif request.method == 'DELETE':
            faults.clear()
    except (ValueError, KeyError, TypeError) as error:
        return JSONResponse({'error': str(error)}, 400)
    return JSONResponse({'next': [rule.view() for rule in faults.rules]})


async def show_state(request: Request) -> Response:
    """`GET /state`: return everything, for assertions."""
    return JSONResponse(dump(state_of(request)))


def dump(state: SandboxState) -> Json:
    """Return all sessions, payments, events, deliveries, bookings and mails as JSON."""
    calendar = state.calendar
    return {
        'now': state.now().isoformat(),
        'sessions': [objects.session(state, item) for item in state.sessions.values()],
        **{f'{kind}s': list(table.values()) for kind, table in state.tables.items()},
        'events': [_event(item) for item in state.events.values()],
        'deliveries': [item.view() for item in state.webhooks.log],
        'links': [{'id': item.id, 'used': item.used} for item in calendar.links.values()],
        'shares': [resources.share(calendar, item) for item in calendar.shares.values()],
        'invitees': [resources.invitee(calendar, item) for item in calendar.invitees.values()],
        'subscriptions': [
            resources.subscription(calendar, item) for item in calendar.subscriptions.values()
        ],
        'webhook_secrets': state.webhook_secrets
        | {
            resources.subscription(calendar, item)['uri']: item.signing_key
            for item in calendar.subscriptions.values()
        },
        'mails': [item.view() for item in state.mailbox.mails],
        'outbox': [{'to': item.to, 'subject': item.subject, 'text': item.text} for item in calendar.outbox],
    }  # fmt: skip


async def requests(request: Request) -> Response:
    """`GET /requests`: return the request log; `DELETE` clears it."""
    log = state_of(request).requests
    if request.method == 'DELETE':
        log.clear()
    return JSONResponse({'requests': list(log)})


async def calls(request: Request) -> Response:
    """`GET /calls`: count the calls of Calendly's API that were received; `DELETE` begins anew."""
    state = state_of(request)
    if request.method == 'DELETE':
        state.calendly_calls = ReceivedCalls()
    limit = {'plan': state.calendly_limit.plan, 'limit': state.calendly_limit.limit}
    return JSONResponse(state.calendly_calls.view() | limit)


ROUTES = [
    Route('/calls', calls, methods=['GET', 'DELETE']),
    Route('/faults', rules, methods=['GET', 'POST', 'DELETE']),
    Route('/state', show_state, methods=['GET']),
    Route('/requests', requests, methods=['GET', 'DELETE']),
    Route('/actions/{action}', act, methods=['POST']),
]


def _event(item: Event) -> Json:
    """Return an event with the ids of its object."""
    data = json.loads(item.data)
    ids = {name: data.get(name) for name in ('id', 'payment_intent')}
    return {'id': item.id, 'type': item.type, 'object': ids}
