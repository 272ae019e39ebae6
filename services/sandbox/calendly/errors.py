"""Calendly's errors: status, title, message and details in Calendly's JSON."""

from services.sandbox.types import Json

# status -> (title, message): https://developer.calendly.com/api-docs
FAILURES: dict[int, tuple[str, str]] = {
    400: ('Invalid Argument', 'The supplied parameters are invalid.'),
    401: ('Unauthenticated', 'The access token is invalid'),
    403: ('Permission Denied', 'You do not have permission to access this resource.'),
    404: ('Resource Not Found', 'The server could not find the requested resource.'),
    429: ('Too Many Requests', 'You have exceeded your rate limit.'),
    500: ('Internal Server Error', 'The server encountered an unexpected condition.'),
}


class CalendlyError(Exception):
    """An API error with its HTTP status and JSON body."""

    def __init__(self, status: int, message: str | None = None, details: list[Json] | None = None) -> None:
        title, usual = FAILURES.get(status, FAILURES[500])
        super().__init__(message or usual)
        self.status = status
        self.body: Json = {'title': title, 'message': message or usual}
        if details:
            self.body['details'] = details


def insufficient_scope(scope: str) -> CalendlyError:
    """Return the 403 error of a token without a scope."""
    error = CalendlyError(403)
    error.body = {
        'title': 'Insufficient scope',
        'message': "This operation requires the scopes listed in the 'required_scopes' array.",
        'required_scopes': [scope],
    }
    return error


def invalid_argument(parameter: str, message: str) -> CalendlyError:
    """Return the 400 error for one bad parameter."""
    return CalendlyError(400, details=[{'parameter': parameter, 'message': message}])
