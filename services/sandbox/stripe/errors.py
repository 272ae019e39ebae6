"""Stripe's errors: status, type, code and message in Stripe's envelope."""

from typing import Any

from services.sandbox.types import Json

# status -> (type, code, message): https://docs.stripe.com/api/errors
FAILURES: dict[int, tuple[str, str | None, str]] = {
    400: ('invalid_request_error', None, 'Invalid request.'),
    401: ('invalid_request_error', None, 'Invalid API Key provided: sk_test_*********************7dc'),
    402: ('card_error', 'card_declined', 'Your card was declined.'),
    403: ('invalid_request_error', None, 'The provided key does not have the required permissions.'),
    404: ('invalid_request_error', 'resource_missing', 'No such object.'),
    409: ('idempotency_error', 'idempotency_key_in_use', 'There is currently another in-progress request.'),
    429: ('invalid_request_error', 'rate_limit', 'Request rate limit exceeded.'),
    500: ('api_error', None, 'An unknown error occurred.'),
}


class StripeError(Exception):
    """An API error with its HTTP status and Stripe's error object."""

    def __init__(
        self, message: str, *, status: int = 400, kind: str = 'invalid_request_error',
        code: str | None = None, param: str | None = None, **more: Any,
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.status = status
        self.error: Json = {'message': message, 'type': kind, **more}
        if code:
            page = code.replace('_', '-')
            self.error |= {'code': code, 'doc_url': f'https://stripe.com/docs/error-codes/{page}'}
        if param:
            self.error['param'] = param


def not_found(kind: str, object_id: str, param: str, status: int = 404) -> StripeError:
    """Return the error for an unknown id."""
    return StripeError(f"No such {kind}: '{object_id}'", status=status, code='resource_missing', param=param)
