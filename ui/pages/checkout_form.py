"""The pay button as a plain form: POST /checkout, for browsers without script or before it is there."""

import asyncio
import re
from urllib.parse import parse_qsl, urlencode

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from nicegui import app
from starlette.requests import ClientDisconnect

from services.errors import AlreadyPaid, BadRequest, BodyTooLarge, BodyTooSlow, ShopError, UnsupportedType
from services.money import Money
from services.shop import Shop
from ui.components.elements import address_of
from ui.pages.errors import refused

LONGEST = 2000  # bytes; the form itself has some forty
PATIENCE = 5.0  # seconds for the whole body
FORM = 'application/x-www-form-urlencoded'
SHOWN = r'(\d{1,12})-([a-z]{3})'
ODD = 'Please go back to the start and press the button there.'


def register(shop: Shop) -> None:
    """Register the form's address; opening it by hand leads to the start."""

    @app.post('/checkout')
    async def checkout(request: Request) -> Response:
        try:
            form = await _read(request)
        except ShopError as error:
            return refused(shop, error.status, ODD)
        try:
            session = await shop.checkout.start(
                browser_id=request.state.browser_id,
                because='form',
                client=address_of(request),
                shown=_shown(form.get('shown', '')),
                again=form.get('again') == '1',
            )
        except ShopError as error:
            return RedirectResponse(_back_with(error), 303)
        return RedirectResponse(str(session.url), 303)

    @app.api_route('/checkout', methods=['GET', 'HEAD'])
    def nothing_here() -> Response:
        return RedirectResponse('/', 303)


async def _read(request: Request) -> dict[str, str]:
    """Read the form.

    Raises:
        ShopError: it is not one a browser would send from our page.
    """
    kind = request.headers.get('content-type', FORM).partition(';')[0].strip().lower()
    if kind != FORM:
        raise UnsupportedType
    body = await _body(request)
    try:
        form = dict(parse_qsl(body.decode('ascii'), strict_parsing=True, max_num_fields=9)) if body else {}
    except ValueError as error:
        raise BadRequest(ODD) from error
    if not re.fullmatch(f'({SHOWN})?', form.get('shown', '')):
        raise BadRequest(ODD)
    return form


async def _body(request: Request) -> bytes:
    body = b''
    try:
        async with asyncio.timeout(PATIENCE):
            async for part in request.stream():
                body += part
                if len(body) > LONGEST:
                    raise BodyTooLarge
    except (TimeoutError, ClientDisconnect) as error:
        raise BodyTooSlow from error
    return body


def _shown(value: str) -> Money | None:
    found = re.fullmatch(SHOWN, value)
    return Money(int(found[1]), found[2]) if found else None


def _back_with(error: ShopError) -> str:
    """The landing page's address that makes it show the alert; it carries codes, never words."""
    query = {'trouble': error.code, 'error': error.id}
    if isinstance(error, AlreadyPaid):
        query['again'] = '1'
    return f'/?{urlencode(query)}'
