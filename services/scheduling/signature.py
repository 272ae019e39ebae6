"""Whether a delivery was signed by Calendly."""

import hashlib
import hmac
import time
from collections.abc import Callable
from datetime import timedelta

from services.errors import BadRequest
from services.scheduling.bookings import BookingUpdate, read_update

REPLAY_WINDOW = timedelta(minutes=3)


def signed_update(
    body: bytes, header: str, key: str, *, now: Callable[[], float] = time.time
) -> tuple[str, str, BookingUpdate]:
    """Return id, kind and content of a delivery that Calendly signed.

    Args:
        body: the raw bytes, as they arrived.
        header: the Calendly-Webhook-Signature header, ``t=…,v1=…`` over ``t.body``.
        key: the subscription's signing key.
        now: seconds since 1970.

    Raises:
        BadRequest: the signature is wrong or too old, or the body is not such a delivery.
    """
    _check_signature(body, header, key, now())
    return read_update(body)


def _check_signature(body: bytes, header: str, key: str, now: float) -> None:
    parts = [part.partition('=') for part in header.split(',')]
    stamp = next((value for name, _, value in parts if name.strip() == 't'), '')
    right = hmac.new(key.encode(), stamp.encode() + b'.' + body, hashlib.sha256).hexdigest()
    given = [value.strip() for name, _, value in parts if name.strip() == 'v1']
    if not any(hmac.compare_digest(value.encode(), right.encode()) for value in given):
        raise BadRequest('This is not a delivery signed by Calendly.')
    if not stamp.isdecimal() or abs(now - int(stamp)) > REPLAY_WINDOW.total_seconds():
        raise BadRequest('This delivery is too old, or its clock is wrong.')
