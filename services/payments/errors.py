"""The table of what can go wrong at Stripe: try again now, try again later, or report to the operator."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import stripe

from services.errors import PaymentBusy, PaymentRefused, PaymentsUnavailable, PaymentUnreachable, ShopError
from services.logs import mask_secrets
from services.payments.permissions import named_permission

TABLE: tuple[tuple[type[stripe.StripeError], type[ShopError]], ...] = (
    (stripe.APIConnectionError, PaymentUnreachable),
    (stripe.RateLimitError, PaymentBusy),
    (stripe.IdempotencyError, PaymentBusy),
    (stripe.AuthenticationError, PaymentsUnavailable),
    (stripe.PermissionError, PaymentsUnavailable),
    (stripe.InvalidRequestError, PaymentsUnavailable),
    (stripe.APIError, PaymentBusy),
)


def without_body(error: stripe.StripeError) -> stripe.StripeError:
    """Return an error without the answer as it came: the SDK quotes one that it cannot read.

    Such an answer may hold a secret, for instance that of an endpoint which was just made.
    """
    if error.http_status is None or error.error is not None:
        return error
    return stripe.APIError(
        'the answer cannot be read', http_status=error.http_status, headers=dict(error.headers or {})
    )


def as_shop_error(error: stripe.StripeError) -> ShopError:
    """Find the shop's word for an error of the SDK; one that is not in the table is our own surprise.

    Args:
        error: as `without_body` returns it.
    """
    for vendor, ours in TABLE:
        if isinstance(error, vendor):
            cause = _cause(error)
            if error.http_status == 404:  # also where something in between answers without Stripe's envelope
                return PaymentsUnavailable(cause)
            return ours(cause, retry_after=_retry_after(error))
    return ShopError(_cause(error))


def _cause(error: stripe.StripeError) -> str:
    """Say what happened, for the operator and the log."""
    if isinstance(error, stripe.APIConnectionError):
        cause = error.__cause__
        why = f': {cause}' if isinstance(cause, httpx.ConnectError) else ''  # others may quote what came
        return f'no connection ({type(cause or error).__name__}{why})'
    details = [f'status {error.http_status}'] if error.http_status else []
    details += [f'request {error.request_id}'] if error.request_id else []
    return f'{_said(error)} ({", ".join(details)})' if details else _said(error)


def _said(error: stripe.StripeError) -> str:
    """Return Stripe's own words, in one line."""
    return ' '.join(mask_secrets(error.user_message or type(error).__name__).split())


def _retry_after(error: stripe.StripeError) -> int | None:
    """Read the seconds that Stripe asks us to wait, within reason."""
    seconds = {name.lower(): value for name, value in (error.headers or {}).items()}.get('retry-after', '')
    return min(int(seconds), 3600) if seconds.isascii() and seconds.isdecimal() else None


def means_missing(error: ShopError) -> bool:
    """Whether Stripe said that the object does not exist in this account and mode."""
    cause = error.__cause__
    # In Stripe's own words: a page of some proxy in between says nothing of the object.
    return isinstance(cause, stripe.InvalidRequestError) and cause.http_status == 404


def refuses_key(error: ShopError) -> bool:
    """Whether Stripe does not know the key, or does not accept it any more."""
    return isinstance(error.__cause__, stripe.AuthenticationError)


@contextmanager
def refusals() -> Iterator[None]:
    """Tell refusals from what may succeed later.

    A refusal is Stripe's own answer that the request cannot be carried out, or that the key has no right to.
    An unknown or revoked key is none: it says nothing of the request.

    Raises:
        PaymentRefused: trying the same again does not help.
        ShopError: any other failure.
    """
    try:
        yield
    except ShopError as error:
        if refusal := _as_refusal(error):
            raise refusal from error.__cause__
        raise


def _as_refusal(error: ShopError) -> PaymentRefused | None:
    cause = error.__cause__
    if isinstance(cause, stripe.PermissionError):
        words = f'the Stripe key lacks the permission {named_permission(cause)}'
        return PaymentRefused(words, reason='permission')
    if isinstance(cause, (stripe.InvalidRequestError, stripe.CardError)):
        return PaymentRefused(f'Stripe refuses: {_said(cause)}', reason=cause.code or '')
    return None


def was_answered(error: ShopError) -> bool:
    """Whether Stripe itself has answered 5xx: the same idempotency key would repeat that answer for a day.

    An answer without Stripe's request id comes from something in between, and the request may still go on.
    """
    cause = error.__cause__
    if not isinstance(cause, stripe.APIError):
        return False
    return (cause.http_status or 0) >= 500 and bool(cause.request_id)
