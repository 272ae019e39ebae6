"""The table of what can go wrong at Stripe: try again now, try again later, or report to the operator."""

import stripe

from services.errors import PaymentBusy, PaymentsUnavailable, PaymentUnreachable, ShopError
from services.logs import mask_secrets

TABLE: tuple[tuple[type[stripe.StripeError], type[ShopError]], ...] = (
    (stripe.APIConnectionError, PaymentUnreachable),
    (stripe.RateLimitError, PaymentBusy),
    (stripe.IdempotencyError, PaymentBusy),
    (stripe.AuthenticationError, PaymentsUnavailable),
    (stripe.PermissionError, PaymentsUnavailable),
    (stripe.InvalidRequestError, PaymentsUnavailable),
    (stripe.APIError, PaymentBusy),
)


def as_shop_error(error: stripe.StripeError) -> ShopError:
    """Find the shop's word for an error of the SDK; one that is not in the table is our own surprise."""
    for vendor, ours in TABLE:
        if isinstance(error, vendor):
            said = ' '.join(mask_secrets(str(error)).split())
            cause = f'{type(error).__name__} {error.http_status or ""} {said}'
            if error.http_status == 404:  # also where something in between answers without Stripe's envelope
                return PaymentsUnavailable(cause)
            return ours(cause, retry_after=_retry_after(error))
    return ShopError(mask_secrets(str(error)))


def _retry_after(error: stripe.StripeError) -> int | None:
    """Read the seconds that Stripe asks us to wait, within reason."""
    seconds = {name.lower(): value for name, value in (error.headers or {}).items()}.get('retry-after', '')
    return min(int(seconds), 3600) if seconds.isascii() and seconds.isdecimal() else None


def means_missing(error: ShopError) -> bool:
    """Whether Stripe said that the object does not exist in this account and mode."""
    cause = error.__cause__
    # In Stripe's own words: a page of some proxy in between says nothing of the object.
    return isinstance(cause, stripe.InvalidRequestError) and cause.http_status == 404
