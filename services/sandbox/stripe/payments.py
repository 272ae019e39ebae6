"""Payments on the hosted page: paid, declined, waiting for authentication, or settled later by a bank."""

import asyncio
import contextlib
from dataclasses import dataclass, field

from services.sandbox.state import Event, SandboxState, Session, new_id
from services.sandbox.stripe import cards, disputes, events, fraud, invoices, objects, payment_objects
from services.sandbox.types import Json

PENDING = ('processing', 'requires_action')  # the states of an intent whose money is on its way


@dataclass(frozen=True)
class Payment:
    """The customer's input; `method` is `card`, `bank`, or `instructions` to pay later by a transfer."""

    email: str
    name: str
    method: str = 'card'
    card: str = '4242424242424242'
    expiry: str = '12/34'
    cvc: str = '123'
    account: str = cards.BANK_PAYS
    address: Json = field(default_factory=dict)
    phone: str | None = None
    business_name: str | None = None
    tax_id: str | None = None


@dataclass(frozen=True)
class Outcome:
    """The result; `kind` is `paid`, `processing`, `authenticate`, `declined` or `refused`."""

    kind: str
    message: str = ''
    field: str = ''
    redirect: str | None = None


async def pay(state: SandboxState, session: Session, payment: Payment) -> Outcome:
    """Pay for an open session, as the hosted page does."""
    if session.status != 'open':
        return Outcome('refused', 'This checkout session is no longer open.')
    number = cards.digits(payment.card)
    if payment.method == 'card' and session.total > 0:
        problem = cards.find_problem(number, payment.expiry, payment.cvc, state.now())
        if problem:
            return Outcome('refused', problem[1], problem[0])
    _set_payer(state, session, payment)
    if session.total == 0:
        return await _finish(state, session, 'no_payment_required')
    if payment.method in ('bank', 'instructions'):
        return await _start_slow_payment(state, session, payment)
    rule = state.faults.take('pay')
    behaviour = cards.behaviour(number)
    if rule is None and behaviour.does == 'authenticate':
        return _require_authentication(state, session, payment)
    decline = (rule.code or 'generic_decline') if rule else behaviour.decline
    return await _charge(state, session, payment, decline, then=behaviour.does)


async def authenticate(state: SandboxState, session: Session, complete: bool) -> Outcome:
    """Continue after the authentication at the customer's bank."""
    payment, session.pending_payment = session.pending_payment, None
    if session.status != 'open' or not isinstance(payment, Payment):
        return Outcome('refused', 'There is nothing to authenticate.')
    behaviour = cards.behaviour(cards.digits(payment.card))
    return await _charge(state, session, payment, behaviour.decline if complete else 'authentication_failed')


def _set_payer(state: SandboxState, session: Session, payment: Payment) -> None:
    """Record who pays, and add the tax for their address."""
    params = session.params
    session.payer = {
        'email': params.get('customer_email') or payment.email, 'name': payment.name,
        'phone': payment.phone, 'address': objects.NO_ADDRESS | payment.address,
        'business_name': payment.business_name,
        'tax_ids': [{'type': 'us_ein', 'value': payment.tax_id}] if payment.tax_id else [],
    }  # fmt: skip
    if session.adds_tax:
        _add_tax(state, session)


def _add_tax(state: SandboxState, session: Session) -> None:
    """Add the tax: on top of the price, inside it, or half of each."""
    base, rate = session.subtotal - session.discount, state.tax.percent
    inside = base - round(base * 100 / (100 + rate))
    match state.tax.behavior:
        case 'inclusive':
            session.tax = session.tax_inside = inside
        case 'mixed':
            session.tax_inside = inside // 2
            session.tax = session.tax_inside + round(base * rate / 200)
        case _:
            session.tax, session.tax_inside = round(base * rate / 100), 0
    session.taxed = True


def _get_or_create_intent(state: SandboxState, session: Session) -> Json:
    if session.intent is None:
        intent = state.add(session, payment_objects.intent(state, session))
        session.intent = intent['id']
        state.session_of_intent[intent['id']] = session.id
        events.record(state, 'payment_intent.created', intent)
    intent = state.tables['payment_intent'][session.intent]
    intent['amount'] = session.total
    return intent


def _require_authentication(state: SandboxState, session: Session, payment: Payment) -> Outcome:
    session.pending_payment = payment
    page = f'{state.config.stripe_api}/pay/{session.id}/authenticate'
    intent = _get_or_create_intent(state, session)
    intent['status'] = 'requires_action'
    intent['next_action'] = {'type': 'redirect_to_url', 'redirect_to_url': {'return_url': None, 'url': page}}
    events.record(state, 'payment_intent.requires_action', intent)
    return Outcome('authenticate', redirect=page)


async def _charge(
    state: SandboxState, session: Session, payment: Payment, decline: str | None, then: str = ''
) -> Outcome:
    intent = _get_or_create_intent(state, session)
    number = cards.digits(payment.card)
    paid_by = cards.details('card', number, payment.expiry)
    charge = state.add(session, payment_objects.charge(state, session, paid_by, 'pending'))
    intent |= {'latest_charge': charge['id'], 'next_action': None}
    if decline:
        return mark_declined(state, intent, charge, decline)
    mark_paid(state, intent, charge)
    if then == 'review':
        fraud.open_review(state, charge)
    outcome = await _finish(state, session, 'paid')
    if then == 'dispute':
        disputes.open_dispute(state, charge, 'fraudulent')
    if then == 'warn':
        fraud.warn(state, charge)
    return outcome


def mark_declined(state: SandboxState, intent: Json, charge: Json, decline: str) -> Outcome:
    """Mark a charge and its intent as declined; `decline` is Stripe's decline code."""
    code, message = cards.DECLINES.get(decline, ('card_declined', 'Your card was declined.'))
    payment_objects.mark_failed(charge, code, message, decline)
    intent |= {
        'status': 'requires_payment_method', 'payment_method': None,
        'last_payment_error': payment_objects.payment_error(charge, code, message, decline),
    }  # fmt: skip
    events.record(state, 'charge.failed', charge)
    events.record(state, 'payment_intent.payment_failed', intent)
    return Outcome('declined', message, 'card')


def mark_paid(state: SandboxState, intent: Json, charge: Json) -> None:
    """Mark a charge and its intent as paid."""
    payment_objects.mark_succeeded(charge)
    intent |= {
        'amount_received': charge['amount'], 'status': 'succeeded',
        'payment_method': charge['payment_method'], 'last_payment_error': None, 'processing': None,
        'next_action': None,
    }  # fmt: skip
    events.record(state, 'charge.succeeded', charge)
    events.record(state, 'payment_intent.succeeded', intent)


async def _start_slow_payment(state: SandboxState, session: Session, payment: Payment) -> Outcome:
    """Start a payment whose money arrives later: a bank debit, or one that the customer still has to make."""
    kind = objects.BANKS.get(session.currency)
    if kind is None or kind not in objects.offered_methods(session):
        return Outcome('refused', f'No bank method takes {session.currency.upper()}.', 'method')
    intent = _get_or_create_intent(state, session)
    paid_by = cards.details(kind, cards.digits(payment.account), '')
    charge = state.add(session, payment_objects.charge(state, session, paid_by, 'pending'))
    intent |= {
        'latest_charge': charge['id'],
        'status': 'processing',
        'payment_method': charge['payment_method'],
    }
    if payment.method == 'instructions':
        intent |= {'status': 'requires_action', 'next_action': payment_objects.instructions(state, session)}
    if state.config.bank_settles_after is not None:
        session.settles_at = state.now().timestamp() + state.config.bank_settles_after
    session.pending_payment = payment
    state.pending_bank_payments.add(session.id)
    events.record(state, f'payment_intent.{intent["status"]}', intent)
    events.record(state, 'charge.pending', charge)
    outcome = await _finish(state, session, 'unpaid')
    return Outcome('processing', redirect=outcome.redirect)


async def _finish(state: SandboxState, session: Session, payment_status: str) -> Outcome:
    """Complete the session; redirect once the webhook was answered, or after a time limit, as Stripe does."""
    session.status, session.payment_status = 'complete', payment_status
    if objects.makes_customer(session):
        session.customer = new_id('cus_', 14)
    if payment_status == 'paid':
        invoices.make_invoice(state, session)
    state.close_session(session)
    event = events.record(state, 'checkout.session.completed', objects.session(state, session))
    await _wait_for_webhook(state, event)
    target = str(session.params['success_url']).replace('{CHECKOUT_SESSION_ID}', session.id)
    return Outcome('paid', redirect=target)


async def _wait_for_webhook(state: SandboxState, event: Event) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(state.config.redirect_timeout):
            for delivery in event.deliveries:
                await delivery.attempted.wait()


def settle_bank_payment(state: SandboxState, session: Session, success: bool) -> None:
    """Let a pending bank payment succeed or fail; one that has failed is over."""
    intent = state.tables['payment_intent'].get(session.intent or '')
    if intent is None or session.status != 'complete' or intent['status'] not in PENDING:
        raise ValueError('this session has no pending bank payment')
    session.settles_at = session.pending_payment = None
    state.pending_bank_payments.discard(session.id)
    charge = state.tables['charge'][intent['latest_charge']]
    if success:
        mark_paid(state, intent, charge)
        session.payment_status = 'paid'
        invoices.make_invoice(state, session)
    else:
        mark_declined(state, intent, charge, 'insufficient_funds')
    kind = 'async_payment_succeeded' if success else 'async_payment_failed'
    events.record(state, f'checkout.session.{kind}', objects.session(state, session))


def settle_due(state: SandboxState) -> None:
    """Settle the bank payments that are due; Stripe's failing test account fails."""
    now = state.now().timestamp()
    for session in [state.sessions[key] for key in state.pending_bank_payments]:
        if session.settles_at is not None and session.settles_at <= now:
            payment = session.pending_payment
            fails = isinstance(payment, Payment) and cards.digits(payment.account) == cards.BANK_FAILS
            settle_bank_payment(state, session, success=not fails)


def apply_code(state: SandboxState, session: Session, code: str) -> bool:
    """Apply a promotion code; return False if it is unknown or not allowed."""
    percent = state.config.promotion_codes.get(code.strip().upper())
    if percent is None or not session.params.get('allow_promotion_codes'):
        return False
    session.discount = round(session.subtotal * percent / 100)
    session.promotion = new_id('promo_1')
    return True
