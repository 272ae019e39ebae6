"""The pay button as a plain form: POST /checkout, for browsers without script or before it has loaded."""

import re
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from nicegui import app

from services.errors import AlreadyPaid, BadRequest, ShopError
from services.money import Money
from services.orders import Cause
from services.shop import Shop
from ui.pages.errors import refused
from ui.pages.forms import NOT_OUR_FORM, read_form

SHOWN = r'(\d{1,12})-([a-z]{3})'


def register(shop: Shop) -> None:
    """Register /checkout; opened by hand it redirects to the landing page."""

    @app.post('/checkout')
    async def checkout(request: Request) -> Response:
        try:
            form = await _read_form(request)
        except ShopError as error:
            return refused(shop, error.status, NOT_OUR_FORM)
        try:
            session = await shop.checkout.start(
                browser_id=request.state.browser_id,
                because=Cause.FORM,
                client_ip=request.client.host if request.client else '',
                known_browser=request.state.browser_is_known,
                shown=_price(form.get('shown', '')),
                again=form.get('again') == '1',
            )
        except ShopError as error:
            return RedirectResponse(_landing_with_alert(error), 303)
        return RedirectResponse(str(session.url), 303)

    @app.api_route('/checkout', methods=['GET', 'HEAD'])
    def to_landing() -> Response:
        return RedirectResponse('/', 303)


async def _read_form(request: Request) -> dict[str, str]:
    """Read the form.

    Raises:
        ShopError: it is not one a browser would send from our page.
    """
    form = await read_form(request)
    if not re.fullmatch(f'({SHOWN})?', form.get('shown', '')):
        raise BadRequest(NOT_OUR_FORM)
    return form


def _price(shown: str) -> Money | None:
    found = re.fullmatch(SHOWN, shown)
    return Money(int(found[1]), found[2]) if found else None


def _landing_with_alert(error: ShopError) -> str:
    """The landing page's URL that shows the alert; it carries codes, never words."""
    query = {'alert': error.code, 'error': error.id}
    if isinstance(error, AlreadyPaid):
        query['again'] = '1'
    return f'/?{urlencode(query)}'
