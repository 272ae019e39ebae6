"""Whether a delivery was signed by Stripe."""

import json
import re
import time
from collections.abc import Callable
from typing import Any

import stripe

from services.errors import BadRequest

TOLERANCE = 300  # seconds, in both directions; the SDK checks the past only


def signed_event(
    body: bytes, header: str, secret: str, *, now: Callable[[], float] = time.time
) -> dict[str, Any]:
    """Return the event of a delivery whose signature is right (docs.stripe.com/webhooks/signature).

    Args:
        body: the raw bytes, as they arrived.
        header: the Stripe-Signature header.
        secret: the endpoint's signing secret.
        now: seconds since 1970.

    Raises:
        BadRequest: the signature, the JSON or the text encoding is wrong.
    """
    try:
        # The SDK's way to construct an event does the same, and then makes objects of it, which takes long.
        stripe.WebhookSignature.verify_header(body, header, secret, TOLERANCE)
        data: dict[str, Any] = json.loads(body.decode())
        stamps = [int(stamp) for stamp in re.findall(r'(?:^|,)\s*t=(\d+)', header)]
    except (
        stripe.SignatureVerificationError,
        ValueError,
        RecursionError,
        LookupError,
        TypeError,
        AttributeError,
    ) as error:
        raise BadRequest('This is not a delivery signed by Stripe.') from error
    if any(stamp > now() + TOLERANCE for stamp in stamps):
        raise BadRequest('This delivery is dated in the future.')
    return data
