"""What a customer, a bank and Stripe's dashboard can do, one function each: `POST /actions/<name>`."""

from datetime import timedelta

from services.sandbox.calendly import bookings
from services.sandbox.faults.middleware import sweep
from services.sandbox.problems import Json
from services.sandbox.seed import fill
from services.sandbox.state import SandboxState, Session
from services.sandbox.stripe import checkout, paying, refunds, views


class Misuse(Exception):
    """A fault was pulled the wrong way."""


def session_of(state: SandboxState, body: Json) -> Session:
    """The session named in a body, by its id or by its payment's intent."""
    key = body.get('session') or state.session_of.get(str(body.get('payment_intent')))
    if key not in state.sessions:
        raise Misuse(f'no session {key}')
    return state.sessions[str(key)]


def charge_of(state: SandboxState, body: Json) -> Json:
    """The last charge of the session named in a body."""
    intent = session_of(state, body).intent
    if intent is None:
        raise Misuse('this session has no payment')
    return state.tables['charge'][state.tables['payment_intent'][intent]['latest_charge']]


async def pay(state: SandboxState, body: Json) -> Json:
    """`{session, card, email, name, method, code?, authenticate?}`: be the customer on the payment page."""
    session = session_of(state, body)
    if body.get('code') and not paying.apply_code(state, session, body['code']):
        raise Misuse('this code is invalid')
    if 'authenticate' in body and session.attempt is not None:
        outcome = await paying.authenticate(state, session, bool(body['authenticate']))
    else:
        names = ('email', 'name', 'method', 'card', 'expiry', 'cvc', 'account', 'address', 'phone')
        payer = {'email': 'pat@example.com', 'name': 'Pat Payer'}
        given = {name: body[name] for name in names if name in body}
        outcome = await paying.pay(state, session, paying.Payment(**(payer | given)))
    return {'outcome': outcome.kind, 'message': outcome.message, 'redirect': outcome.redirect}


async def expire(state: SandboxState, body: Json) -> Json:
    """`{session}`: expire it now."""
    session = session_of(state, body)
    checkout.expire(state, session)
    return views.session(state, session)


async def settle(state: SandboxState, body: Json) -> Json:
    """`{session, success}`: end a slow payment."""
    session = session_of(state, body)
    paying.settle_bank(state, session, bool(body.get('success', True)))
    return views.session(state, session)


async def refund(state: SandboxState, body: Json) -> Json:
    """`{session, amount?, failed?}`: refund at Stripe's dashboard; `failed` lets it come back."""
    charge = charge_of(state, body)
    wanted = {'amount': body['amount']} if 'amount' in body else {}
    made = refunds.refund(state, {'charge': charge['id'], **wanted})
    return refunds.fail_refund(state, made) if body.get('failed') else made


async def fail_refund(state: SandboxState, body: Json) -> Json:
    """`{refund}`: a refund that went out comes back."""
    if body.get('refund') not in state.tables['refund']:
        raise Misuse('no such refund')
    return refunds.fail_refund(state, state.tables['refund'][body['refund']])


async def dispute(state: SandboxState, body: Json) -> Json:
    """`{session, status: open|won|lost}`: open a dispute, or end the open one."""
    charge, status = charge_of(state, body), body.get('status', 'open')
    if status == 'open':
        return refunds.open_dispute(state, charge, body.get('reason', 'fraudulent'))
    found = [item for item in state.tables['dispute'].values() if item['charge'] == charge['id']]
    if status not in ('won', 'lost') or not found:
        raise Misuse('status is open, won or lost, and only an open dispute can end')
    return refunds.close_dispute(state, found[-1], status)


async def price(state: SandboxState, body: Json) -> Json:
    """`{price?, active?, amount?, currency?, recurring?, name?}`: change a price, or make one."""
    key = body.get('price', state.config.price)
    config = state.config
    item = state.prices.get(key)
    if item is None:
        item = checkout.put_price(
            state, key, config.amount, config.currency, body.get('name', config.product)
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


async def key(state: SandboxState, body: Json) -> Json:
    """`{revoked?, missing_rights?}`: what the API keys can still do."""
    state.revoked = bool(body.get('revoked', state.revoked))
    state.missing_rights = set(body.get('missing_rights', state.missing_rights))
    return {'revoked': state.revoked, 'missing_rights': sorted(state.missing_rights)}


async def clock(state: SandboxState, body: Json) -> Json:
    """`{ahead}`: move the sandbox's clock so many seconds forward."""
    state.ahead += timedelta(seconds=body.get('ahead', 0))
    sweep(state)
    return {'now': state.now().isoformat()}


async def release(state: SandboxState, body: Json) -> Json:
    """`{backwards?}`: deliver the held webhooks."""
    return {'released': state.webhooks.release(bool(body.get('backwards')))}


async def resend(state: SandboxState, body: Json) -> Json:
    """`{event}`: deliver an event once more, as Stripe's dashboard can."""
    deliveries = [delivery for delivery in state.webhooks.log if delivery.id == body.get('event')]
    if not deliveries:
        raise Misuse('no such delivery')
    state.webhooks.again(deliveries[0])
    return deliveries[0].view()


async def webhooks(state: SandboxState, body: Json) -> Json:
    """`{stripe?, calendly?}`: where webhooks go; null stops them."""
    if 'stripe' in body:
        state.stripe_webhook = body['stripe']
    if 'calendly' in body:
        state.calendar.subscriptions.clear()
        if body['calendly']:
            events, signing = list(bookings.EVENTS), state.config.calendly_signing_key
            bookings.subscribe(state, body['calendly'], events, 'user', signing)
    urls = [item.url for item in state.calendar.subscriptions.values()]
    return {'stripe': state.stripe_webhook, 'calendly': urls}


async def reset(state: SandboxState, body: Json) -> Json:
    """`{}`: forget everything and start afresh."""
    await state.close()
    state.empty()
    fill(state)
    return {}


ACTIONS = (
    pay, expire, settle, refund, fail_refund, dispute, price, key, clock, release, resend, webhooks, reset,
)  # fmt: skip
