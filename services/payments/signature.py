"""Whether a delivery was signed by Stripe."""

import json
import re
import time
from collections.abc import Callable, Sequence
from typing import Any

import stripe

from services.errors import BadRequest, NotSigned, WrongClock, WrongSecret

TOLERANCE = 300  # seconds, in both directions; the SDK checks the past only
FORM = re.compile(r't=\d+(?:,v\d=[0-9a-f]{64})+')
WORDS = 'This is not a delivery signed by Stripe.'


def signed_event(
    body: bytes, header: str, secrets: Sequence[str], *, now: Callable[[], float] = time.time
) -> dict[str, Any]:
    """Return the event of a delivery whose signature is right (docs.stripe.com/webhooks/signature).

    The event is a snapshot or a thin one: both have the same header.

    Args:
        body: the raw bytes, as they arrived.
        header: the Stripe-Signature header.
        secrets: the signing secrets in use; one that matches is enough.
        now: seconds since 1970.

    Raises:
        NotSigned: the signature is missing, wrong or of another time.
        BadRequest: the signature is right, but the body is no JSON object.
    """
    stamp = _stamp(header)
    if stamp is None or 'v1=' not in header:
        raise NotSigned(WORDS)
    age = int(now()) - stamp
    is_fresh = abs(age) <= TOLERANCE
    if not any(_is_right(body, header, secret) for secret in secrets):
        raise WrongSecret(WORDS, is_plausible=is_fresh and FORM.fullmatch(header) is not None)
    if not is_fresh:
        raise WrongClock('This delivery is too old, or its clock is wrong.', age=age)
    try:
        data = json.loads(body.decode())
    except (ValueError, RecursionError) as error:
        raise BadRequest('This is not JSON.') from error
    if not isinstance(data, dict):
        raise BadRequest('This is not an event.')
    return data


def _is_right(body: bytes, header: str, secret: str) -> bool:
    """Whether a signature matches a secret; the time is not checked, so that a wrong clock can be named."""
    try:
        # The SDK's way to construct an event does the same, and then makes objects of it, which takes long.
        stripe.WebhookSignature.verify_header(body, header, secret)
    except (stripe.SignatureVerificationError, UnicodeDecodeError, TypeError):
        return False
    return True


def _stamp(header: str) -> int | None:
    """Read the time of a signature as the SDK does, which signs it as a number; None when there is none."""
    try:
        return int(next(part.split('=')[1] for part in header.split(',') if part.startswith('t=')))
    except (ValueError, StopIteration):
        return None
