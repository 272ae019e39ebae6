"""Plain forms: reading one, and the field for an e-mail address."""

from urllib.parse import parse_qsl

from fastapi import Request
from markupsafe import Markup

from services.endpoints.request_body import read_body
from services.errors import BadRequest, UnsupportedType
from ui.components.builder import h, join

MAX_BODY = 2000  # bytes; the longest form has some four hundred
MAX_FIELDS = 9
BODY_TIMEOUT = 5.0  # seconds for the whole body
FORM = 'application/x-www-form-urlencoded'
NOT_OUR_FORM = 'Please go back to the start and press the button there.'


async def read_form(
    request: Request, *, limit: int = MAX_BODY, fields: int = MAX_FIELDS, keeps_empty: bool = False
) -> dict[str, str]:
    """Read a form; fields that were left empty are missing.

    Args:
        request: the request, its body not read yet.
        limit: how many bytes the body may have.
        fields: how many fields it may have.
        keeps_empty: whether fields that were left empty are in the result.

    Raises:
        ShopError: it is not one a browser would send from our pages.
    """
    content_type = request.headers.get('content-type', FORM).partition(';')[0].strip().lower()
    if content_type != FORM:
        raise UnsupportedType
    body = await read_body(request, limit, timeout=BODY_TIMEOUT)
    try:
        if not body:
            return {}
        pairs = parse_qsl(
            body.decode('ascii'),
            strict_parsing=True,
            max_num_fields=fields,
            keep_blank_values=keeps_empty,
        )
        return dict(pairs)
    except ValueError as error:
        raise BadRequest(NOT_OUR_FORM) from error


def email_field(label: str = 'E-mail address', *, wrong: str = '') -> Markup:
    """Build a field for an e-mail address, with its label.

    Args:
        label: what it is for.
        wrong: the id of the words that say what is wrong with what was typed.
    """
    field = h(
        'input',
        type='email',
        name='email',
        id='email',
        autocomplete='email',
        maxlength='254',
        spellcheck='false',
        required=True,
        autofocus=bool(wrong),
        aria_invalid='true' if wrong else None,
        aria_describedby=wrong or None,
    )
    return join(h('label', label, for_='email'), field)
