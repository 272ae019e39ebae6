"""The levers as JSON, for tests: rules, and one verb for each thing a customer, a bank or a host can do."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.sandbox import calendly_views, checkout, paying, reception, returns, stripe_views
from services.sandbox.calendly_pages import invitee_of
from services.sandbox.faults import sweep
from services.sandbox.problems import Json, StripeProblem
from services.sandbox.seed import fill
from services.sandbox.world import Session, World

Verb = Callable[[World, Json], Awaitable[Json]]


class Misuse(Exception):
    """A lever was pulled the wrong way."""


def session_of(world: World, body: Json) -> Session:
    """The session named in a body, by its id or by its payment's intent."""
    key = body.get('session') or world.session_of.get(str(body.get('payment_intent')))
    if key not in world.sessions:
        raise Misuse(f'no session {key}')
    return world.sessions[str(key)]


def charge_of(world: World, body: Json) -> Json:
    """The last charge of the session named in a body."""
    intent = session_of(world, body).intent
    if intent is None:
        raise Misuse('this session has no payment')
    return world.tables['charge'][world.tables['payment_intent'][intent]['latest_charge']]


async def pay(world: World, body: Json) -> Json:
    """`{session, card, email, name, method, code?, authenticate?}`: be the customer on the payment page."""
    session = session_of(world, body)
    if body.get('code') and not paying.apply_code(world, session, body['code']):
        raise Misuse('this code is invalid')
    if 'authenticate' in body and session.attempt is not None:
        outcome = await paying.authenticate(world, session, bool(body['authenticate']))
    else:
        names = ('email', 'name', 'method', 'card', 'expiry', 'cvc', 'account', 'address', 'phone')
        payer = {'email': 'pat@example.com', 'name': 'Pat Payer'}
        given = {name: body[name] for name in names if name in body}
        outcome = await paying.pay(world, session, paying.Payment(**(payer | given)))
    return {'outcome': outcome.kind, 'message': outcome.message, 'redirect': outcome.redirect}


async def expire(world: World, body: Json) -> Json:
    """`{session}`: expire it now."""
    session = session_of(world, body)
    checkout.expire(world, session)
    return stripe_views.session(world, session)


async def settle(world: World, body: Json) -> Json:
    """`{session, success}`: end a slow payment."""
    session = session_of(world, body)
    paying.settle_bank(world, session, bool(body.get('success', True)))
    return stripe_views.session(world, session)


async def refund(world: World, body: Json) -> Json:
    """`{session, amount?, failed?}`: refund at Stripe's dashboard; `failed` lets it come back."""
    charge = charge_of(world, body)
    wanted = {'amount': body['amount']} if 'amount' in body else {}
    made = returns.refund(world, {'charge': charge['id'], **wanted})
    return returns.fail_refund(world, made) if body.get('failed') else made


async def fail_refund(world: World, body: Json) -> Json:
    """`{refund}`: a refund that went out comes back."""
    if body.get('refund') not in world.tables['refund']:
        raise Misuse('no such refund')
    return returns.fail_refund(world, world.tables['refund'][body['refund']])


async def dispute(world: World, body: Json) -> Json:
    """`{session, status: open|won|lost}`: open a dispute, or end the open one."""
    charge, status = charge_of(world, body), body.get('status', 'open')
    if status == 'open':
        return returns.open_dispute(world, charge, body.get('reason', 'fraudulent'))
    found = [item for item in world.tables['dispute'].values() if item['charge'] == charge['id']]
    if status not in ('won', 'lost') or not found:
        raise Misuse('status is open, won or lost, and only an open dispute can end')
    return returns.close_dispute(world, found[-1], status)


async def price(world: World, body: Json) -> Json:
    """`{price?, active?, amount?, currency?, recurring?, name?}`: change a price, or make one."""
    key = body.get('price', world.config.price)
    config = world.config
    item = world.prices.get(key)
    if item is None:
        item = checkout.put_price(
            world, key, config.amount, config.currency, body.get('name', config.product)
        )
    if 'amount' in body:
        item |= {'unit_amount': body['amount'], 'unit_amount_decimal': str(body['amount'])}
    item |= {name: body[name] for name in ('active', 'currency') if name in body}
    if 'recurring' in body:
        monthly = {'interval': 'month', 'interval_count': 1, 'meter': None, 'usage_type': 'licensed'}
        item |= (
            {'type': 'recurring', 'recurring': monthly}
            if body['recurring']
            else {'type': 'one_time', 'recurring': None}
        )
    return item


async def key(world: World, body: Json) -> Json:
    """`{revoked?, missing_rights?}`: what the API keys can still do."""
    world.revoked = bool(body.get('revoked', world.revoked))
    world.missing_rights = set(body.get('missing_rights', world.missing_rights))
    return {'revoked': world.revoked, 'missing_rights': sorted(world.missing_rights)}


async def clock(world: World, body: Json) -> Json:
    """`{ahead}`: move the sandbox's clock so many seconds forward."""
    world.ahead += timedelta(seconds=body.get('ahead', 0))
    sweep(world)
    return {'now': world.now().isoformat()}


async def release(world: World, body: Json) -> Json:
    """`{backwards?}`: deliver the held webhooks."""
    return {'released': world.courier.release(bool(body.get('backwards')))}


async def resend(world: World, body: Json) -> Json:
    """`{event}`: deliver an event once more, as Stripe's dashboard can."""
    parcels = [parcel for parcel in world.courier.log if parcel.id == body.get('event')]
    if not parcels:
        raise Misuse('no such delivery')
    world.courier.again(parcels[0])
    return parcels[0].view()


async def webhooks(world: World, body: Json) -> Json:
    """`{stripe?, calendly?}`: where webhooks go; null stops them."""
    if 'stripe' in body:
        world.stripe_webhook = body['stripe']
    if 'calendly' in body:
        world.calendar.subscriptions.clear()
        if body['calendly']:
            events, signing = list(reception.EVENTS), world.config.calendly_signing_key
            reception.subscribe(world, body['calendly'], events, 'user', signing)
    urls = [item.url for item in world.calendar.subscriptions.values()]
    return {'stripe': world.stripe_webhook, 'calendly': urls}


async def calendar(world: World, body: Json) -> Json:
    """`{active?, secret?, framed?, redirect?}`: the event type's switches."""
    for name in ('active', 'secret', 'framed', 'redirect'):
        if name in body:
            setattr(world.calendar, name, body[name])
    return {name: getattr(world.calendar, name) for name in ('active', 'secret', 'framed', 'redirect')}


async def book(world: World, body: Json) -> Json:
    """`{url, name?, email?, phone?, start?}`: be the invitee on a booking page, with its prefilled values."""
    parts = urlsplit(body['url'])
    link = None
    if '/d/' in parts.path:
        link = world.calendar.links.get(parts.path.split('/d/')[1].split('/')[0])
        if link is None:
            raise Misuse('no such link')
    filled = dict(parse_qsl(parts.query)) | {
        name: body[name] for name in ('name', 'email', 'timezone') if name in body
    }
    if 'phone' in body:
        filled['a1'] = body['phone']
    start = _start(world, body)
    return calendly_views.invitee(world.calendar, reception.book(world, start, invitee_of(filled), link))


def _start(world: World, body: Json) -> datetime:
    if 'start' in body:
        return datetime.fromisoformat(body['start']).astimezone(UTC)
    return world.calendar.free(world.now(), world.now() + timedelta(days=14))[0]


def _booked(world: World, body: Json) -> Any:
    found = world.calendar.invitees.get(str(body.get('invitee', '')).rpartition('/')[2])
    if found is None:
        raise Misuse('no such invitee')
    return found


async def cancel(world: World, body: Json) -> Json:
    """`{invitee, by?: invitee|host, reason?}`: cancel a booking."""
    item, kind = _booked(world, body), body.get('by', 'invitee')
    reception.cancel(
        world, item, world.config.host if kind == 'host' else item.name, kind, body.get('reason', '')
    )
    return calendly_views.invitee(world.calendar, item)


async def reschedule(world: World, body: Json) -> Json:
    """`{invitee, start?}`: move a booking."""
    made = reception.reschedule(world, _booked(world, body), _start(world, body))
    return calendly_views.invitee(world.calendar, made)


async def reset(world: World, body: Json) -> Json:
    """`{}`: forget everything and start afresh."""
    await world.close()
    world.empty()
    fill(world)
    return {}


VERBS: dict[str, Verb] = {
    verb.__name__.replace('_', '-'): verb
    for verb in (
        pay, expire, settle, refund, fail_refund, dispute, price, key, clock, release, resend, webhooks,
        calendar,
        book, cancel, reschedule, reset,
    )
}  # fmt: skip


async def act(request: Request) -> Response:
    """`POST /levers/<verb>`."""
    world: World = request.app.state.world
    verb = VERBS.get(request.path_params['verb'])
    if verb is None:
        return JSONResponse({'error': f'levers: {", ".join(VERBS)}'}, 404)
    try:
        return JSONResponse(await verb(world, json.loads(await request.body() or b'{}')))
    except (Misuse, StripeProblem, reception.Taken, ValueError, KeyError, TypeError) as problem:
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
        'events': [{'id': item.id, 'type': item.type} for item in world.events.values()],
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
