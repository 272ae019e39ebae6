"""Which of Stripe's events matter, and the one thing that is taken from them: what they are about."""

import re
from collections.abc import Mapping
from typing import Any

from services.errors import BadRequest

SESSION_EVENTS = frozenset(
    f'checkout.session.{name}'
    for name in ('completed', 'expired', 'async_payment_succeeded', 'async_payment_failed')
)
PAYMENT_EVENTS = frozenset(
    {'charge.refunded', 'charge.refund.updated', 'refund.created', 'refund.updated', 'refund.failed'}
    | {f'charge.dispute.{name}' for name in ('created', 'updated', 'closed')}
    | {f'charge.dispute.funds_{name}' for name in ('withdrawn', 'reinstated')}
    | {'radar.early_fraud_warning.created', 'radar.early_fraud_warning.updated'}
    | {'review.opened', 'review.closed'}
)
WARNING_EVENTS = frozenset({'radar.early_fraud_warning.created', 'radar.early_fraud_warning.updated'})
RELEVANT = SESSION_EVENTS | PAYMENT_EVENTS
EVENT_ID = re.compile(r'[\x21-\x7e]{1,255}')
OBJECT_ID = re.compile(r'[\w-]{1,255}', re.ASCII)


def named_by(event: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return an event's id and type, and the id of the session or else of the payment it is about.

    Args:
        event: the event as Stripe wrote it (docs.stripe.com/api/events/object).

    Raises:
        BadRequest: it is no event.
    """
    try:
        event_id, kind, about = event['id'], event['type'], event['data']['object']
        named = about.get('payment_intent' if kind in PAYMENT_EVENTS else 'id') or ''
    except (KeyError, TypeError, AttributeError) as error:
        raise BadRequest('This is not an event.') from error
    known = all(isinstance(part, str) for part in (event_id, kind, named))
    if not known or not EVENT_ID.fullmatch(event_id):
        raise BadRequest('This is not an event.')
    # An id becomes part of an address at Stripe; anything else in it would be another address.
    if named and kind in RELEVANT and not OBJECT_ID.fullmatch(named):
        raise BadRequest('This is no object of Stripe.')
    return event_id, kind, named
