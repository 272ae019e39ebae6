"""Whether a payment is the one an order asked for, and how an order is written again from Stripe."""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from services.money import Money
from services.orders.model import MAYBE_SPENT, SESSION_LIFETIME, Environment, Order, PaymentSession, State

# What our own metadata look like; anything else is not ours, and perhaps nothing that a ledger can hold.
FORMS = {
    'order': r'[\w-]{1,64}',
    'reference': r'[\w-]{1,16}',
    'token': r'[\w-]{1,64}',
    'booking_key': r'[\w-]{1,64}',
    'offer': r'[\w-]{1,64}',
    'price': r'[\w-]{1,255}',
    'amount': r'\d{1,15}',
    'currency': r'[a-z]{3}',
}


@dataclass(frozen=True)
class PriceAdjustments:
    """What the settings allow on top of the price."""

    discounts: bool = False
    taxes: bool = False


def mismatch_of(order: Order, session: PaymentSession, *, allowed: PriceAdjustments) -> str:
    """Say in a few words why a session's payment is not the one this order asked for; '' when it is.

    Args:
        order: the order as written down before Stripe was asked for a session.
        session: what Stripe says now.
        allowed: whether discounts and taxes may exist.
    """
    facts, expected = session.facts, order.expected
    total = (facts.amount_subtotal or 0) - facts.amount_discount + facts.amount_tax
    complaints = {
        'mode': session.mode != 'payment',
        'environment': session.livemode != (order.environment.mode == 'live'),
        'currency': facts.seen_currency != expected.currency,
        'amount': facts.amount_subtotal != expected.amount,
        'total': facts.amount_total != total,
        'discount': bool(facts.amount_discount) and not allowed.discounts,
        'tax': bool(facts.amount_tax) and not allowed.taxes,
    }
    return ', '.join(name for name, wrong in complaints.items() if wrong)


def metadata_of(order: Order) -> dict[str, str]:
    """All that is needed to write the order down again should the ledger be lost (DESIGN rule 7)."""
    return {
        'shop': order.shop,
        'order': order.id,
        'reference': order.reference,
        'token': order.token,
        'booking_key': order.booking_key,
        'offer': order.offer,
        'price': order.price_id,
        'amount': str(order.expected.amount),
        'currency': order.expected.currency,
    }


def order_from(session: PaymentSession, *, shop: str, environment: Environment) -> Order | None:
    """Write an order again from the metadata of its session; None when it is not one of this shop.

    Args:
        session: a session read from Stripe.
        shop: this shop's address; sessions of another shop on the same account are not ours.
        environment: the environment the session was read in.
    """
    data = session.metadata
    formed = all(re.fullmatch(form, str(data.get(name, '')), re.ASCII) for name, form in FORMS.items())
    if data.get('shop') != shop or not formed:
        return None
    return Order(
        id=data['order'],
        version=1,
        reference=data['reference'],
        token=data['token'],
        booking_key=data['booking_key'],
        environment=environment,
        shop=shop,
        offer=data['offer'],
        price_id=data['price'],
        expected=Money(int(data['amount']), data['currency']),
        created_at=session.created_at,
        session_expires_at=session.created_at + SESSION_LIFETIME,
        session_id=session.id,
        calendar_url=MAYBE_SPENT,
    )


def changes_after(
    order: Order, session: PaymentSession, *, allowed: PriceAdjustments, now: datetime
) -> dict[str, Any]:
    """Work out what is to be written down after a session was read; nothing when it says nothing new.

    Args:
        order: the order as it was before the reading.
        session: what Stripe says.
        allowed: whether discounts and taxes may exist.
        now: the present time in UTC.
    """
    facts = session.facts
    complete = facts.session_status == 'complete'
    if complete:
        # What was found right stays right when the operator ends discounts or taxes afterwards.
        found_right = order.completed_at and order.session_id == session.id and not order.facts.mismatch
        facts = replace(facts, mismatch='' if found_right else mismatch_of(order, session, allowed=allowed))
    after = replace(order, facts=facts).state
    being_filled_in = order.state is after is State.OPEN
    if order.session_id == session.id and (facts == order.facts or being_filled_in):
        return {}
    changes: dict[str, Any] = {'facts': facts, 'session_id': session.id, 'session_url': session.url}
    if complete and not order.completed_at:
        # Seen late, after an outage or in a ledger written again, it was completed by then at the latest.
        changes['completed_at'] = min(now, session.created_at + SESSION_LIFETIME)
    if after is not State.OPEN:
        changes['claim'] = None
    return changes


def line_of(order: Order, changes: dict[str, Any]) -> str:
    """Write what changes do to an order as a line for its journal."""
    after = replace(order, **changes).state
    line = f'{order.state} → {after}' if after is not order.state else f'{after}: details updated'
    mismatch = changes['facts'].mismatch
    return f'{line} ({mismatch})' if mismatch else line
