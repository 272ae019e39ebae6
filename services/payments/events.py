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
WARNINGS = 'radar/early_fraud_warnings'
"""No permission of a restricted key is known to allow reading these."""
RELEVANT = SESSION_EVENTS | PAYMENT_EVENTS
"""What the endpoint at Stripe must subscribe to; README lists the same (a test compares them)."""
PATHS = {
    'charge': 'charges',
    'refund': 'refunds',
    'dispute': 'disputes',
    'radar.early_fraud_warning': WARNINGS,
    'review': 'reviews',
}
"""Where Stripe's API has the objects of `PAYMENT_EVENTS`, below /v1."""
THIN = 'v2.core.event'
EVENT_ID = re.compile(r'[\x21-\x7e]{1,255}')
OBJECT_ID = re.compile(r'[\w-]{1,255}', re.ASCII)


def kind_of(event: Mapping[str, Any]) -> str:
    """Return the type of an event; a thin event's has ``v1.`` in front of the same name.

    Raises:
        BadRequest: it is no event.
    """
    kind = event.get('type')
    if not isinstance(kind, str):
        raise BadRequest('This is not an event.')
    return kind.removeprefix('v1.')


def named_by(event: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return an event's id and type, and what it is about.

    That is the id of the session, or the id of the payment. Where the event does not name the payment, it is
    the path of the object that does, such as ``charges/ch_1``; '' where the event is about nothing of ours.

    Args:
        event: a snapshot (docs.stripe.com/api/events/object) or a thin event
            (docs.stripe.com/api/v2/core/events/object), of a kind in `RELEVANT`.

    Raises:
        BadRequest: it is no event.
    """
    event_id, kind = event.get('id'), kind_of(event)
    about = event.get('related_object')
    if event.get('object') != THIN:
        data = event.get('data')
        about = data.get('object') if isinstance(data, Mapping) else None
        if not isinstance(about, Mapping):
            raise BadRequest('This is not an event.')
    if not isinstance(event_id, str) or not EVENT_ID.fullmatch(event_id):
        raise BadRequest('This is not an event.')
    if not isinstance(about, Mapping):
        return event_id, kind, ''
    return event_id, kind, _id(about) if kind in SESSION_EVENTS else _payment(about)


def _payment(about: Mapping[str, Any]) -> str:
    """Return the payment that an object belongs to, or the path of the object that tells it."""
    if payment := _id(about, 'payment_intent'):
        return payment
    if charge := _id(about, 'charge'):
        return f'{PATHS["charge"]}/{charge}'
    path, object_id = PATHS.get(str(about.get('object') or about.get('type'))), _id(about)
    return f'{path}/{object_id}' if path and object_id else ''


def _id(about: Mapping[str, Any], name: str = 'id') -> str:
    """Return an id from an object, '' where there is none.

    Raises:
        BadRequest: it is no id. It becomes part of a URL at Stripe, where anything else would be another URL.
    """
    value = about.get(name) or ''
    if isinstance(value, Mapping):  # expanded
        value = value.get('id') or ''
    if not isinstance(value, str) or (value and not OBJECT_ID.fullmatch(value)):
        raise BadRequest('This is no object of Stripe.')
    return value
