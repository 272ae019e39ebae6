"""Reading the plain forms of our pages."""

from urllib.parse import parse_qsl

from fastapi import Request

from services.endpoints.request_body import read_body
from services.errors import BadRequest, UnsupportedType

MAX_BODY = 2000  # bytes; the longest form has some four hundred
BODY_TIMEOUT = 5.0  # seconds for the whole body
FORM = 'application/x-www-form-urlencoded'
NOT_OUR_FORM = 'Please go back to the start and press the button there.'


async def read_form(request: Request) -> dict[str, str]:
    """Read a form.

    Raises:
        ShopError: it is not one a browser would send from our pages.
    """
    content_type = request.headers.get('content-type', FORM).partition(';')[0].strip().lower()
    if content_type != FORM:
        raise UnsupportedType
    body = await read_body(request, MAX_BODY, timeout=BODY_TIMEOUT)
    try:
        return dict(parse_qsl(body.decode('ascii'), strict_parsing=True, max_num_fields=9)) if body else {}
    except ValueError as error:
        raise BadRequest(NOT_OUR_FORM) from error
