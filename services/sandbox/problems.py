"""The refusals of both services: status, machine code and words, in the vendors' own shapes."""

from typing import Any

Json = dict[str, Any]

# status -> (type, code, message): https://docs.stripe.com/api/errors
STRIPE_FAILURES: dict[int, tuple[str, str | None, str]] = {
    400: ('invalid_request_error', None, 'Invalid request.'),
    401: ('invalid_request_error', None, 'Invalid API Key provided: sk_test_*********************7dc'),
    402: ('card_error', 'card_declined', 'Your card was declined.'),
    403: ('invalid_request_error', None, 'The provided key does not have the required permissions.'),
    404: ('invalid_request_error', 'resource_missing', 'No such object.'),
    409: ('idempotency_error', 'idempotency_key_in_use', 'There is currently another in-progress request.'),
    429: ('invalid_request_error', 'rate_limit', 'Request rate limit exceeded.'),
    500: ('api_error', None, 'An unknown error occurred.'),
}

# status -> (title, message): https://developer.calendly.com/api-docs
CALENDLY_FAILURES: dict[int, tuple[str, str]] = {
    400: ('Invalid Argument', 'The supplied parameters are invalid.'),
    401: ('Unauthenticated', 'The access token is invalid'),
    403: ('Permission Denied', 'You do not have permission to access this resource.'),
    404: ('Resource Not Found', 'The server could not find the requested resource.'),
    429: ('Too Many Requests', 'You have exceeded your rate limit.'),
    500: ('Internal Server Error', 'The server encountered an unexpected condition.'),
}


class StripeProblem(Exception):
    """A refusal of the Stripe sandbox; it knows its status and its envelope."""

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


class CalendlyProblem(Exception):
    """A refusal of the Calendly sandbox; it knows its status and its body."""

    def __init__(self, status: int, message: str | None = None, details: list[Json] | None = None) -> None:
        title, usual = CALENDLY_FAILURES.get(status, CALENDLY_FAILURES[500])
        super().__init__(message or usual)
        self.status = status
        self.body: Json = {'title': title, 'message': message or usual}
        if details:
            self.body['details'] = details


def missing(kind: str, wanted: str, param: str, status: int = 404) -> StripeProblem:
    """The answer for an id nobody knows."""
    return StripeProblem(f"No such {kind}: '{wanted}'", status=status, code='resource_missing', param=param)


def invalid_argument(parameter: str, message: str) -> CalendlyProblem:
    """Calendly's 400 for one bad parameter."""
    return CalendlyProblem(400, details=[{'parameter': parameter, 'message': message}])
