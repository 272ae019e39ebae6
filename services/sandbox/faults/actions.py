"""What a customer, a bank and Stripe's dashboard can do, one function each: `POST /levers/<name>`."""

from datetime import timedelta

from services.sandbox.calendly import bookings
from services.sandbox.faults.middleware import sweep
from services.sandbox.problems import Json
from services.sandbox.seed import fill
from services.sandbox.state import Session, World
from services.sandbox.stripe import checkout, paying, refunds, views


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
    return views.session(world, session)


async def settle(world: World, body: Json) -> Json:
    """`{session, success}`: end a slow payment."""
    session = session_of(world, body)
    paying.settle_bank(world, session, bool(body.get('success', True)))
    return views.session(world, session)


async def refund(world: World, body: Json) -> Json:
    """`{session, amount?, failed?}`: refund at Stripe's dashboard; `failed` lets it come back."""
    charge = charge_of(world, body)
    wanted = {'amount': body['amount']} if 'amount' in body else {}
    made = refunds.refund(world, {'charge': charge['id'], **wanted})
    return refunds.fail_refund(world, made) if body.get('failed') else made


async def fail_refund(world: World, body: Json) -> Json:
    """`{refund}`: a refund that went out comes back."""
    if body.get('refund') not in world.tables['refund']:
        raise Misuse('no such refund')
    return refunds.fail_refund(world, world.tables['refund'][body['refund']])


async def dispute(world: World, body: Json) -> Json:
    """`{session, status: open|won|lost}`: open a dispute, or end the open one."""
    charge, status = charge_of(world, body), body.get('status', 'open')
    if status == 'open':
        return refunds.open_dispute(world, charge, body.get('reason', 'fraudulent'))
    found = [item for item in world.tables['dispute'].values() if item['charge'] == charge['id']]
    if status not in ('won', 'lost') or not found:
        raise Misuse('status is open, won or lost, and only an open dispute can end')
    return refunds.close_dispute(world, found[-1], status)


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
            events, signing = list(bookings.EVENTS), world.config.calendly_signing_key
            bookings.subscribe(world, body['calendly'], events, 'user', signing)
    urls = [item.url for item in world.calendar.subscriptions.values()]
    return {'stripe': world.stripe_webhook, 'calendly': urls}


async def reset(world: World, body: Json) -> Json:
    """`{}`: forget everything and start afresh."""
    await world.close()
    world.empty()
    fill(world)
    return {}


VERBS = (
    pay, expire, settle, refund, fail_refund, dispute, price, key, clock, release, resend, webhooks, reset,
)  # fmt: skip
