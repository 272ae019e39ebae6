"""What happens when the customer presses pay: paid, declined, to be authenticated, or slow."""

import asyncio
import contextlib
from dataclasses import dataclass, field

from services.sandbox.problems import Json
from services.sandbox.state import Event, SandboxState, Session, new_id
from services.sandbox.stripe import cards, events, payment_views, refunds, views


@dataclass(frozen=True)
class Payment:
    """What the customer filled in; `method` is `card` or `bank`."""

    email: str
    name: str
    method: str = 'card'
    card: str = '4242424242424242'
    expiry: str = '12/34'
    cvc: str = '123'
    account: str = cards.BANK_PAYS
    address: Json = field(default_factory=dict)
    phone: str | None = None


@dataclass(frozen=True)
class Outcome:
    """How an attempt went: `paid`, `processing`, `authenticate`, `declined` or `refused`."""

    kind: str
    message: str = ''
    field: str = ''
    redirect: str | None = None


async def pay(state: SandboxState, session: Session, payment: Payment) -> Outcome:
    """Take a payment for an open session, exactly as the hosted page does."""
    if session.status != 'open':
        return Outcome('refused', 'This checkout session is no longer open.')
    number = cards.digits(payment.card)
    asked = payment.method == 'card' and session.total > 0
    wrong = cards.refusal(number, payment.expiry, payment.cvc, state.now()) if asked else None
    if wrong:
        return Outcome('refused', wrong[1], wrong[0])
    _introduce(state, session, payment)
    if session.total == 0:
        return await _finish(state, session, 'no_payment_required')
    if payment.method == 'bank':
        return await _slow(state, session, payment)
    rule = state.faults.take('pay')
    behaviour = cards.behaviour(number)
    if rule is None and behaviour.does == 'authenticate':
        return _ask(state, session, payment)
    decline = (rule.code or 'generic_decline') if rule else behaviour.decline
    return await _charge(state, session, payment, decline, disputed=behaviour.does == 'dispute')


async def authenticate(state: SandboxState, session: Session, complete: bool) -> Outcome:
    """Go on after the customer's bank asked who they are."""
    payment, session.attempt = session.attempt, None
    if session.status != 'open' or not isinstance(payment, Payment):
        return Outcome('refused', 'There is nothing to authenticate.')
    behaviour = cards.behaviour(cards.digits(payment.card))
    return await _charge(state, session, payment, behaviour.decline if complete else 'authentication_failed')


def _introduce(state: SandboxState, session: Session, payment: Payment) -> None:
    """Note who pays, and work out the tax their address brings."""
    wish = session.params
    session.payer = {
        'email': wish.get('customer_email') or payment.email, 'name': payment.name,
        'phone': payment.phone, 'address': views.NO_ADDRESS | payment.address,
    }  # fmt: skip
    if wish.get('automatic_tax', {}).get('enabled'):
        session.tax = round((session.subtotal - session.discount) * state.config.tax_percent / 100)
        session.taxed = True


def _intent(state: SandboxState, session: Session) -> Json:
    table = state.tables['payment_intent']
    if session.intent is None:
        made = state.add(session, payment_views.intent(state, session))
        session.intent = made['id']
        state.session_of[made['id']] = session.id
        events.record(state, 'payment_intent.created', made)
    intent = table[str(session.intent)]
    intent['amount'] = session.total
    return intent


def _ask(state: SandboxState, session: Session, payment: Payment) -> Outcome:
    session.attempt = payment
    page = f'{state.config.stripe_api}/pay/{session.id}/authenticate'
    intent = _intent(state, session)
    intent['status'] = 'requires_action'
    intent['next_action'] = {'type': 'redirect_to_url', 'redirect_to_url': {'return_url': None, 'url': page}}
    events.record(state, 'payment_intent.requires_action', intent)
    return Outcome('authenticate', redirect=page)


async def _charge(
    state: SandboxState, session: Session, payment: Payment, decline: str | None, disputed: bool = False
) -> Outcome:
    intent = _intent(state, session)
    number = cards.digits(payment.card)
    paid_by = cards.details('card', number, payment.expiry)
    charge = state.add(session, payment_views.charge(state, session, paid_by, 'pending'))
    intent |= {'latest_charge': charge['id'], 'next_action': None}
    if decline:
        return _decline(state, intent, charge, decline)
    received(state, intent, charge)
    outcome = await _finish(state, session, 'paid')
    if disputed:
        refunds.open_dispute(state, charge, 'fraudulent')
    return outcome


def _decline(state: SandboxState, intent: Json, charge: Json, decline: str) -> Outcome:
    code, words = cards.DECLINES.get(decline, ('card_declined', 'Your card was declined.'))
    payment_views.failed(charge, code, words, decline)
    intent |= {
        'status': 'requires_payment_method', 'payment_method': None,
        'last_payment_error': payment_views.payment_error(charge, code, words, decline),
    }  # fmt: skip
    events.record(state, 'charge.failed', charge)
    events.record(state, 'payment_intent.payment_failed', intent)
    return Outcome('declined', words, 'card')


def received(state: SandboxState, intent: Json, charge: Json) -> None:
    """The money of a charge arrived."""
    payment_views.succeeded(charge)
    intent |= {
        'amount_received': charge['amount'], 'status': 'succeeded',
        'payment_method': charge['payment_method'],
        'last_payment_error': None, 'processing': None,
    }  # fmt: skip
    events.record(state, 'charge.succeeded', charge)
    events.record(state, 'payment_intent.succeeded', intent)


async def _slow(state: SandboxState, session: Session, payment: Payment) -> Outcome:
    kind = views.BANKS.get(session.currency)
    if kind is None:
        return Outcome('refused', f'No bank method takes {session.currency.upper()}.', 'method')
    intent = _intent(state, session)
    paid_by = cards.details(kind, cards.digits(payment.account), '')
    charge = state.add(session, payment_views.charge(state, session, paid_by, 'pending'))
    intent |= {
        'latest_charge': charge['id'],
        'status': 'processing',
        'payment_method': charge['payment_method'],
    }
    if state.config.bank_settles_after is not None:
        session.settles_at = state.now().timestamp() + state.config.bank_settles_after
    session.attempt = payment
    state.slow.add(session.id)
    events.record(state, 'payment_intent.processing', intent)
    events.record(state, 'charge.pending', charge)
    outcome = await _finish(state, session, 'unpaid')
    return Outcome('processing', redirect=outcome.redirect)


async def _finish(state: SandboxState, session: Session, payment_status: str) -> Outcome:
    """Complete the session; the way back opens when the webhook was answered, or after a while."""
    session.status, session.payment_status = 'complete', payment_status
    state.settle(session)
    event = events.record(state, 'checkout.session.completed', views.session(state, session))
    await _answered(state, event)
    target = str(session.params['success_url']).replace('{CHECKOUT_SESSION_ID}', session.id)
    return Outcome('paid', redirect=target)


async def _answered(state: SandboxState, event: Event) -> None:
    if event.delivery is not None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(event.delivery.tried.wait(), state.config.redirect_wait)


def settle_bank(state: SandboxState, session: Session, success: bool) -> None:
    """A slow payment ends, well or badly."""
    if session.intent is None or session.status != 'complete' or session.payment_status != 'unpaid':
        raise ValueError('this session has no slow payment under way')
    session.settles_at = session.attempt = None
    state.slow.discard(session.id)
    intent = state.tables['payment_intent'][session.intent]
    charge = state.tables['charge'][intent['latest_charge']]
    if success:
        received(state, intent, charge)
        session.payment_status = 'paid'
    else:
        _decline(state, intent, charge, 'insufficient_funds')
    kind = 'async_payment_succeeded' if success else 'async_payment_failed'
    events.record(state, f'checkout.session.{kind}', views.session(state, session))


def sweep(state: SandboxState) -> None:
    """End the slow payments that are due; the documented failing account number fails."""
    now = state.now().timestamp()
    for session in [state.sessions[key] for key in state.slow]:
        if session.settles_at is not None and session.settles_at <= now:
            payment = session.attempt
            fails = isinstance(payment, Payment) and cards.digits(payment.account) == cards.BANK_FAILS
            settle_bank(state, session, success=not fails)


def apply_code(state: SandboxState, session: Session, code: str) -> bool:
    """Apply a promotion code; False when there is none of that name."""
    percent = state.config.promotion_codes.get(code.strip().upper())
    if percent is None or not session.params.get('allow_promotion_codes'):
        return False
    session.discount = round(session.subtotal * percent / 100)
    session.promotion = new_id('promo_1')
    return True
