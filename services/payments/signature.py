"""Whether a delivery was signed by Stripe."""

from typing import Any

import stripe

from services.errors import BadRequest


def signed_event(body: bytes, header: str, secret: str) -> dict[str, Any]:
    """Return the event of a delivery whose signature is right (docs.stripe.com/webhooks/signature).

    Args:
        body: the raw bytes, as they arrived.
        header: the Stripe-Signature header.
        secret: the endpoint's signing secret.

    Raises:
        BadRequest: the signature, the JSON or the text encoding is wrong.
    """
    try:
        event: stripe.Event = stripe.Webhook.construct_event(body, header, secret)
        return event.to_dict()
    except (
        stripe.SignatureVerificationError,
        ValueError,
        RecursionError,
        LookupError,
        TypeError,
        AttributeError,
    ) as error:
        raise BadRequest('This is not a delivery signed by Stripe.') from error
