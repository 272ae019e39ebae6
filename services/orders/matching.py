"""Whether a payment is the one an order asked for, and how an order is rebuilt from its metadata."""

import re

from services.money import Money
from services.orders.model import (
    SESSION_LIFETIME,
    Environment,
    Order,
    PaymentSession,
    PriceAdjustments,
    Purchase,
)
from services.orders.text import plain_text
from services.settings.urls import normalised

# What our own metadata look like. Anything else is not ours, and may not fit into the ledger.
FORMS = {
    'order_id': r'[\w-]{1,64}',
    'reference': r'[\w-]{1,16}',
    'token': r'[\w-]{1,64}',
    'booking_key': r'[\w-]{1,64}',
    'offer': r'[\w-]{1,64}',
    'title': r'[^\x00-\x1f]{1,500}',
    'minutes': r'\d{1,4}',
    'sessions': r'\d{1,3}',
    'price_id': r'[\w-]{1,255}',
    'amount': r'\d{1,15}',
    'currency': r'[a-z]{3}',
}


def mismatch_of(order: Order, session: PaymentSession) -> str:
    """Say in a few words why a session's payment is not the one this order asked for; '' when it is.

    Args:
        order: the order as committed before a session was requested from Stripe.
        session: the session as Stripe returns it now.
    """
    facts, price = session.facts, order.purchase.price
    # A tax may be on top of the prices, inside them, or in part: the total lies between.
    least = (facts.amount_subtotal or 0) - facts.amount_discount
    most = least + facts.amount_tax
    checks = {
        'mode': session.mode != 'payment',
        'environment': session.livemode != (order.environment.mode == 'live'),
        'currency': facts.seen_currency != price.currency,
        'amount': facts.amount_subtotal != price.amount,
        'total': facts.amount_total is None or not least <= facts.amount_total <= most,
        'discount': bool(facts.amount_discount) and not order.allowed.discounts,
        'tax': bool(facts.amount_tax) and not order.allowed.taxes,
    }
    return ', '.join(name for name, is_wrong in checks.items() if is_wrong)


def is_same_shop(one: str, other: str) -> bool:
    """Compare two domains; the spelling does not matter, as in metadata of an earlier version."""
    return one == other or (bool(normalised(one)) and normalised(one) == normalised(other))


def metadata_of(order: Order) -> dict[str, str]:
    """Return all that is needed to rebuild the order if the ledger is lost.

    Stripe takes at most 50 keys and 500 characters a value (docs.stripe.com/api/metadata).
    """
    purchase = order.purchase
    return {
        'domain': order.domain,
        'order_id': order.id,
        'reference': order.reference,
        'token': order.token,
        'booking_key': order.booking_key,
        'offer': purchase.offer,
        'title': purchase.title,
        'minutes': str(purchase.minutes),
        'sessions': str(purchase.sessions),
        'price_id': purchase.price_id,
        'amount': str(purchase.price.amount),
        'currency': purchase.price.currency,
        'discounts': 'allowed' if order.allowed.discounts else 'no',
        'taxes': 'allowed' if order.allowed.taxes else 'no',
    }


def order_from(session: PaymentSession, *, domain: str, environment: Environment) -> Order | None:
    """Rebuild an order from the metadata of its session; None when it is not one of this shop.

    Args:
        session: a session read from Stripe.
        domain: this shop's address; sessions of another shop on the same account are not ours.
        environment: the environment the session was read in.
    """
    data = session.metadata
    formed = all(re.fullmatch(form, str(data.get(name, '')), re.ASCII) for name, form in FORMS.items())
    if not is_same_shop(str(data.get('domain', '')), domain) or not formed:
        return None
    return Order(
        id=data['order_id'],
        version=1,
        reference=data['reference'],
        token=data['token'],
        booking_key=data['booking_key'],
        environment=environment,
        domain=domain,
        purchase=Purchase(
            offer=data['offer'],
            title=plain_text(data['title']),
            minutes=int(data['minutes']),
            sessions=int(data['sessions']),
            price_id=data['price_id'],
            price=Money(int(data['amount']), data['currency']),
        ),
        # A session that does not say what was allowed gets the benefit of the doubt.
        allowed=PriceAdjustments(data.get('discounts') != 'no', data.get('taxes') != 'no'),
        created_at=session.created_at,
        session_expires_at=session.created_at + SESSION_LIFETIME,
        session_id=session.id,
        bookings_unknown=True,
    )
