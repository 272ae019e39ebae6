"""What a session read at Stripe changes about its order: decided here without I/O, applied by Fulfilment."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from services.money import Money
from services.orders import DISPUTE_FACTS, SESSION_LIFETIME, Facts, Order, PaymentSession, State, mismatch_of
from services.orders.forgotten import facts_of

SIGNED = ('receipt_url', 'invoice_url')


@dataclass(frozen=True)
class Decision:
    """The fields of the order to change, the journal line, and what the operator must check."""

    changes: dict[str, Any] = field(default_factory=dict)
    line: str = ''
    alarm: str = ''


def decide(order: Order, session: PaymentSession, *, now: datetime) -> Decision:
    """Decide what to write down after a session was read.

    Args:
        order: the order as it was before the reading.
        session: the session as Stripe returns it now.
        now: the present time in UTC.

    Returns:
        Without changes when the session says nothing new. With a line but without changes when a second
        session of a completed order was completed as well.
    """
    another = order.session_id not in (None, session.id)
    if another and session.facts.session_status != 'complete':
        return Decision()  # its address was lost on the way to us, and nobody used it
    if order.session_id != session.id and order.completed_at:
        line = f'another session of this order is {session.facts.payment_status}: check it at Stripe'
        return Decision(line=line, alarm=line)
    changes = _changes(order, session, now)
    if not changes:
        return Decision(line=f'{order.state}: checked')
    mismatch = changes['facts'].mismatch
    alarm = f'the payment does not match: {mismatch}' if mismatch else ''
    return Decision(changes, _line(order, changes), alarm)


def _changes(order: Order, session: PaymentSession, now: datetime) -> dict[str, Any]:
    facts = facts_of(order, _with_known(session, order))
    complete = facts.session_status == 'complete'
    if complete:
        # What was found right once stays right (decision 40).
        found_right = order.completed_at and order.session_id == session.id and not order.facts.mismatch
        facts = replace(facts, mismatch='' if found_right else mismatch_of(order, session))
    after = replace(order, facts=facts).state
    being_filled_in = order.state is after is State.OPEN
    if order.session_id == session.id and (_same(facts, order.facts) or being_filled_in):
        return {}
    changes: dict[str, Any] = {'facts': facts, 'session_id': session.id, 'session_url': session.url}
    if complete and not order.completed_at:
        # An order that is seen late, after an outage or a restore, was completed by then at the latest.
        changes['completed_at'] = min(now, session.created_at + SESSION_LIFETIME)
    if after is not State.OPEN:
        changes['claim'] = None
    return changes | _after_refund(order, facts, now)


def _after_refund(order: Order, facts: Facts, now: datetime) -> dict[str, Any]:
    """Return what changes with the refunded amount: only a refund that has failed makes it less."""
    if facts.amount_refunded < order.facts.amount_refunded:
        return {'refund_failed_at': now, 'keeps_meetings': False}
    is_back = order.refund_failed_at and facts.amount_refunded > order.facts.amount_refunded
    return {'refund_failed_at': None} if is_back else {}


def _with_known(session: PaymentSession, order: Order) -> Facts:
    """Return the facts of a session; what could not be read stays as the order knows it (decision 62)."""
    known = order.facts
    if not order.completed_at or order.session_id != session.id:
        return session.facts
    kept = session.unread if known.dispute_status else session.unread - DISPUTE_FACTS
    return replace(session.facts, **{name: getattr(known, name) for name in kept})


def _same(facts: Facts, known: Facts) -> bool:
    """Whether facts say nothing new; Stripe may sign one address anew for each reading."""
    signed = {name: getattr(known, name) for name in SIGNED}
    is_first = any(getattr(facts, name) and not address for name, address in signed.items())
    return not is_first and replace(facts, **signed) == known


def _line(order: Order, changes: dict[str, Any]) -> str:
    after = replace(order, **changes).state
    line = f'{order.state} → {after}' if after is not order.state else f'{after}: details updated'
    facts = changes['facts']
    if changes.get('refund_failed_at'):
        missing = Money(order.facts.amount_refunded - facts.amount_refunded, facts.seen_currency)
        line += f'; a refund of {missing} has failed'
    return f'{line} ({facts.mismatch})' if facts.mismatch else line
