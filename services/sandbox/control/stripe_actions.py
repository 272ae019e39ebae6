"""What customers, banks and the operator do at Stripe; each function is `POST /actions/<name>`."""

from dataclasses import asdict, fields

from services.sandbox.state import SandboxState, Session
from services.sandbox.stripe import (
    checkout,
    disputes,
    event_destinations,
    events,
    fraud,
    objects,
    payments,
    refunds,
)
from services.sandbox.types import Json


def get_session(state: SandboxState, body: Json) -> Session:
    """Return the session that a body names by its id or its payment intent."""
    key = body.get('session') or state.session_of_intent.get(str(body.get('payment_intent')))
    if key not in state.sessions:
        raise ValueError(f'no session {key}')
    return state.sessions[str(key)]


def get_charge(state: SandboxState, body: Json) -> Json:
    """Return the latest charge of the session that a body names."""
    intent = get_session(state, body).intent
    if intent is None:
        raise ValueError('this session has no payment')
    return state.tables['charge'][state.tables['payment_intent'][intent]['latest_charge']]


async def pay(state: SandboxState, body: Json) -> Json:
    """`{session, card?, email?, name?, method?, code?, authenticate?}`: pay on the payment page."""
    session = get_session(state, body)
    if body.get('code') and not payments.apply_code(state, session, body['code']):
        raise ValueError('this code is invalid')
    if 'authenticate' in body and session.pending_payment is not None:
        outcome = await payments.authenticate(state, session, bool(body['authenticate']))
    else:
        names = ('email', 'name', 'method', 'card', 'expiry', 'cvc', 'account', 'address', 'phone',
                 'business_name', 'tax_id')  # fmt: skip
        payer = {'email': 'pat@example.com', 'name': 'Pat Payer'}
        values = {name: body[name] for name in names if name in body}
        outcome = await payments.pay(state, session, payments.Payment(**(payer | values)))
    return {'outcome': outcome.kind, 'message': outcome.message, 'redirect': outcome.redirect}


async def expire(state: SandboxState, body: Json) -> Json:
    """`{session}`: expire a session."""
    session = get_session(state, body)
    checkout.expire(state, session)
    return objects.session(state, session)


async def settle(state: SandboxState, body: Json) -> Json:
    """`{session, success?}`: let a bank payment succeed or fail."""
    session = get_session(state, body)
    payments.settle_bank_payment(state, session, bool(body.get('success', True)))
    return objects.session(state, session)


async def refund(state: SandboxState, body: Json) -> Json:
    """`{session, amount?, failed?}`: refund in Stripe's dashboard; with `failed` the bank returns it."""
    charge = get_charge(state, body)
    amount = {'amount': body['amount']} if 'amount' in body else {}
    item = refunds.create_refund(state, {'charge': charge['id'], **amount})
    return refunds.fail_refund(state, item) if body.get('failed') else item


async def fail_refund(state: SandboxState, body: Json) -> Json:
    """`{refund, only_old_event?}`: let a refund fail; `charge.refund.updated` alone may report it."""
    if body.get('refund') not in state.tables['refund']:
        raise ValueError('no such refund')
    refund = state.tables['refund'][body['refund']]
    return refunds.fail_refund(state, refund, only_old_event=bool(body.get('only_old_event')))


async def send_receipt(state: SandboxState, body: Json) -> Json:
    """`{session}`: e-mail the receipt, as Stripe does if the dashboard says so, and never in test mode."""
    charge = get_charge(state, body)
    charge |= {'receipt_number': '1234-5678', 'receipt_email': charge['billing_details']['email']}
    events.record(state, 'charge.updated', charge)
    return charge


async def dispute(state: SandboxState, body: Json) -> Json:
    """`{session, status?, amount?, reason?}`: open a dispute (`open`, `inquiry`), appeal it, or close it."""
    charge, status = get_charge(state, body), body.get('status', 'open')
    if status in ('open', 'inquiry'):
        reason, amount = body.get('reason', 'fraudulent'), body.get('amount')
        return disputes.open_dispute(state, charge, reason, amount, inquiry=status == 'inquiry')
    found = [item for item in state.tables['dispute'].values() if item['charge'] == charge['id']]
    if status not in ('appeal', *disputes.CLOSED) or not found:
        raise ValueError('status is open, inquiry, appeal, won, lost, prevented or warning_closed')
    if status == 'appeal':
        return disputes.appeal(state, found[-1])
    return disputes.close_dispute(state, found[-1], status)


async def review(state: SandboxState, body: Json) -> Json:
    """`{session, reason?}`: put a payment under review, or close its review (`approved`, …)."""
    charge = get_charge(state, body)
    if 'reason' not in body:
        return fraud.open_review(state, charge)
    found = [item for item in state.tables['review'].values() if item['charge'] == charge['id']]
    if not found:
        raise ValueError('this payment has no review')
    return fraud.close_review(state, found[-1], body['reason'])


async def warn(state: SandboxState, body: Json) -> Json:
    """`{session}`: let the card issuer report fraud."""
    return fraud.warn(state, get_charge(state, body))


async def tax(state: SandboxState, body: Json) -> Json:
    """`{by_default?, behavior?, percent?}`: change the account's tax settings."""
    for name in ('by_default', 'behavior', 'percent'):
        setattr(state.tax, name, body.get(name, getattr(state.tax, name)))
    return {'by_default': state.tax.by_default, 'behavior': state.tax.behavior, 'percent': state.tax.percent}


async def dashboard(state: SandboxState, body: Json) -> Json:
    """`{terms_url?, tax_office?, charges_enabled?}`: fill in the dashboard, or leave something out."""
    for item in fields(state.dashboard):
        setattr(state.dashboard, item.name, bool(body.get(item.name, getattr(state.dashboard, item.name))))
    return asdict(state.dashboard)


async def event_destination(state: SandboxState, body: Json) -> Json:
    """`{url, events?, payload?: snapshot|thin, enabled?}`: make an event destination in the dashboard."""
    events_, payload = body.get('events', list(state.config.stripe_events)), body.get('payload', 'snapshot')
    if payload not in ('snapshot', 'thin'):
        raise ValueError('payload is snapshot or thin')
    is_enabled = bool(body.get('enabled', True))
    return event_destinations.create(state, body['url'], events_, payload, is_enabled=is_enabled)


async def price(state: SandboxState, body: Json) -> Json:
    """`{price?, active?, amount?, currency?, recurring?, name?}`: change or create a price."""
    key = body.get('price', state.config.price)
    config = state.config
    item = state.prices.get(key)
    if item is None:
        item = checkout.create_price(
            state, key, config.amount, config.currency, body.get('name', config.product)
        )
    if 'amount' in body:
        item |= {'unit_amount': body['amount'], 'unit_amount_decimal': str(body['amount'])}
    item |= {name: body[name] for name in ('active', 'currency') if name in body}
    if 'recurring' in body:
        monthly = {'interval': 'month', 'interval_count': 1, 'meter': None, 'usage_type': 'licensed'}
        recurring = bool(body['recurring'])
        item |= {
            'type': 'recurring' if recurring else 'one_time',
            'recurring': monthly if recurring else None,
        }
    return item


async def key(state: SandboxState, body: Json) -> Json:
    """`{revoked?, missing_permissions?}`: revoke the keys, or take permissions from the restricted key."""
    state.key_revoked = bool(body.get('revoked', state.key_revoked))
    state.missing_permissions = set(body.get('missing_permissions', state.missing_permissions))
    return {'revoked': state.key_revoked, 'missing_permissions': sorted(state.missing_permissions)}


ACTIONS = (
    pay, expire, settle, refund, fail_refund, send_receipt, dispute, review, warn, tax, dashboard,
    event_destination, price, key,
)  # fmt: skip
