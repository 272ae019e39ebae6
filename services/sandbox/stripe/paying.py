"""What happens when the customer presses pay: paid, declined, to be authenticated, or slow."""

import asyncio
import contextlib
from dataclasses import dataclass, field

from services.sandbox.problems import Json
from services.sandbox.state import Event, Session, World, new_id
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


async def pay(world: World, session: Session, payment: Payment) -> Outcome:
    """Take a payment for an open session, exactly as the hosted page does."""
    if session.status != 'open':
        return Outcome('refused', 'This checkout session is no longer open.')
    number = cards.digits(payment.card)
    asked = payment.method == 'card' and session.total > 0
    wrong = cards.refusal(number, payment.expiry, payment.cvc, world.now()) if asked else None
    if wrong:
        return Outcome('refused', wrong[1], wrong[0])
    _introduce(world, session, payment)
    if session.total == 0:
        return await _finish(world, session, 'no_payment_required')
    if payment.method == 'bank':
        return await _slow(world, session, payment)
    rule = world.levers.take('pay')
    behaviour = cards.behaviour(number)
    if rule is None and behaviour.does == 'authenticate':
        return _ask(world, session, payment)
    decline = (rule.code or 'generic_decline') if rule else behaviour.decline
    return await _charge(world, session, payment, decline, disputed=behaviour.does == 'dispute')


async def authenticate(world: World, session: Session, complete: bool) -> Outcome:
    """Go on after the customer's bank asked who they are."""
    payment, session.attempt = session.attempt, None
    if session.status != 'open' or not isinstance(payment, Payment):
        return Outcome('refused', 'There is nothing to authenticate.')
    behaviour = cards.behaviour(cards.digits(payment.card))
    return await _charge(world, session, payment, behaviour.decline if complete else 'authentication_failed')


def _introduce(world: World, session: Session, payment: Payment) -> None:
    """Note who pays, and work out the tax their address brings."""
    wish = session.params
    session.payer = {
        'email': wish.get('customer_email') or payment.email, 'name': payment.name,
        'phone': payment.phone, 'address': views.NO_ADDRESS | payment.address,
    }  # fmt: skip
    if wish.get('automatic_tax', {}).get('enabled'):
        session.tax = round((session.subtotal - session.discount) * world.config.tax_percent / 100)
        session.taxed = True


def _intent(world: World, session: Session) -> Json:
    table = world.tables['payment_intent']
    if session.intent is None:
        made = world.add(session, payment_views.intent(world, session))
        session.intent = made['id']
        world.session_of[made['id']] = session.id
        events.record(world, 'payment_intent.created', made)
    intent = table[str(session.intent)]
    intent['amount'] = session.total
    return intent


def _ask(world: World, session: Session, payment: Payment) -> Outcome:
    session.attempt = payment
    page = f'{world.config.stripe_api}/pay/{session.id}/authenticate'
    intent = _intent(world, session)
    intent['status'] = 'requires_action'
    intent['next_action'] = {'type': 'redirect_to_url', 'redirect_to_url': {'return_url': None, 'url': page}}
    events.record(world, 'payment_intent.requires_action', intent)
    return Outcome('authenticate', redirect=page)


async def _charge(
    world: World, session: Session, payment: Payment, decline: str | None, disputed: bool = False
) -> Outcome:
    intent = _intent(world, session)
    number = cards.digits(payment.card)
    paid_by = cards.details('card', number, payment.expiry)
    charge = world.add(session, payment_views.charge(world, session, paid_by, 'pending'))
    intent |= {'latest_charge': charge['id'], 'next_action': None}
    if decline:
        return _decline(world, intent, charge, decline)
    received(world, intent, charge)
    outcome = await _finish(world, session, 'paid')
    if disputed:
        refunds.open_dispute(world, charge, 'fraudulent')
    return outcome


def _decline(world: World, intent: Json, charge: Json, decline: str) -> Outcome:
    code, words = cards.DECLINES.get(decline, ('card_declined', 'Your card was declined.'))
    payment_views.failed(charge, code, words, decline)
    intent |= {
        'status': 'requires_payment_method', 'payment_method': None,
        'last_payment_error': payment_views.payment_error(charge, code, words, decline),
    }  # fmt: skip
    events.record(world, 'charge.failed', charge)
    events.record(world, 'payment_intent.payment_failed', intent)
    return Outcome('declined', words, 'card')


def received(world: World, intent: Json, charge: Json) -> None:
    """The money of a charge arrived."""
    payment_views.succeeded(charge)
    intent |= {
        'amount_received': charge['amount'], 'status': 'succeeded',
        'payment_method': charge['payment_method'],
        'last_payment_error': None, 'processing': None,
    }  # fmt: skip
    events.record(world, 'charge.succeeded', charge)
    events.record(world, 'payment_intent.succeeded', intent)


async def _slow(world: World, session: Session, payment: Payment) -> Outcome:
    kind = views.BANKS.get(session.currency)
    if kind is None:
        return Outcome('refused', f'No bank method takes {session.currency.upper()}.', 'method')
    intent = _intent(world, session)
    paid_by = cards.details(kind, cards.digits(payment.account), '')
    charge = world.add(session, payment_views.charge(world, session, paid_by, 'pending'))
    intent |= {
        'latest_charge': charge['id'],
        'status': 'processing',
        'payment_method': charge['payment_method'],
    }
    if world.config.bank_settles_after is not None:
        session.settles_at = world.now().timestamp() + world.config.bank_settles_after
    session.attempt = payment
    world.slow.add(session.id)
    events.record(world, 'payment_intent.processing', intent)
    events.record(world, 'charge.pending', charge)
    outcome = await _finish(world, session, 'unpaid')
    return Outcome('processing', redirect=outcome.redirect)


async def _finish(world: World, session: Session, payment_status: str) -> Outcome:
    """Complete the session; the way back opens when the webhook was answered, or after a while."""
    session.status, session.payment_status = 'complete', payment_status
    world.settle(session)
    event = events.record(world, 'checkout.session.completed', views.session(world, session))
    await _answered(world, event)
    target = str(session.params['success_url']).replace('{CHECKOUT_SESSION_ID}', session.id)
    return Outcome('paid', redirect=target)


async def _answered(world: World, event: Event) -> None:
    if event.parcel is not None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(event.parcel.tried.wait(), world.config.redirect_wait)


def settle_bank(world: World, session: Session, success: bool) -> None:
    """A slow payment ends, well or badly."""
    if session.intent is None or session.status != 'complete' or session.payment_status != 'unpaid':
        raise ValueError('this session has no slow payment under way')
    session.settles_at = session.attempt = None
    world.slow.discard(session.id)
    intent = world.tables['payment_intent'][session.intent]
    charge = world.tables['charge'][intent['latest_charge']]
    if success:
        received(world, intent, charge)
        session.payment_status = 'paid'
    else:
        _decline(world, intent, charge, 'insufficient_funds')
    kind = 'async_payment_succeeded' if success else 'async_payment_failed'
    events.record(world, f'checkout.session.{kind}', views.session(world, session))


def sweep(world: World) -> None:
    """End the slow payments that are due; the documented failing account number fails."""
    now = world.now().timestamp()
    for session in [world.sessions[key] for key in world.slow]:
        if session.settles_at is not None and session.settles_at <= now:
            payment = session.attempt
            fails = isinstance(payment, Payment) and cards.digits(payment.account) == cards.BANK_FAILS
            settle_bank(world, session, success=not fails)


def apply_code(world: World, session: Session, code: str) -> bool:
    """Apply a promotion code; False when there is none of that name."""
    percent = world.config.promotion_codes.get(code.strip().upper())
    if percent is None or not session.params.get('allow_promotion_codes'):
        return False
    session.discount = round(session.subtotal * percent / 100)
    session.promotion = new_id('promo_1')
    return True
