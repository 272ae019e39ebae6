"""Errors in words: alerts on pages, and the pages for a missing URL, a bad request and an error of ours."""

import logging
import re
import secrets

from fastapi import Request
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import HTMLResponse, Response
from markupsafe import Markup
from nicegui import app, ui
from nicegui.translations import translations
from starlette.exceptions import HTTPException

from services import errors
from services.errors import ShopError
from services.shop import Shop
from services.site import Contact
from ui.components.builder import h, join
from ui.components.documents import plain_page
from ui.components.elements import Static
from ui.components.layout import contact_sentence, find_link, page_layout
from ui.routes import route_of

ALERTS = {
    kind.code: kind
    for kind in (
        errors.OurFault,
        errors.PaymentUnreachable,
        errors.PaymentBusy,
        errors.PaymentUnclear,
        errors.PaymentsUnavailable,
        errors.PriceChanged,
        errors.AlreadyPaid,
        errors.UnknownOffer,
        errors.TooManyRequests,
        errors.SalesPaused,
        errors.NothingFree,
    )
}
"""The codes that a URL may name; any other code shows nothing."""
OUR_FAULT = 'Something went wrong on our side'
UNEXPECTED = 'Something went wrong on our side. Please try again in a moment.'
IF_PAID = (
    'If you have paid, your payment is safe: in the browser you paid in, the start page links to your order'
    ' for 30 days, and with the e-mail address you paid with you can find it everywhere.'
)
WRONG_METHOD = 'This address does not take that kind of request.'
ERROR_ID = r'[0-9a-f]{8}'
CONNECTION_WORDS = {
    'connection_lost': 'No connection',
    'trying_to_reconnect': 'This page stays as it is and tries to connect. If that takes minutes, reload it.',
    'message_too_long': 'That was too much at once',
    'message_too_long_body': 'Please try again with less.',
}


def register(shop: Shop) -> None:
    """Replace the error pages and the connection notices of NiceGUI and FastAPI."""
    translations['en-US'].update(CONNECTION_WORDS)

    async def http_error(request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException) and route_of(request.url.path).for_programs:
            return await http_exception_handler(request, error)
        status = error.status_code if isinstance(error, HTTPException) else 404
        order = route_of(request.url.path).secret_url
        response = not_found(shop, order=order) if status == 404 else refused(shop, status)
        response.headers.update(getattr(error, 'headers', None) or {})  # such as Allow
        return response

    async def uncaught(request: Request, error: Exception) -> Response:
        return plain_page(shop, OUR_FAULT, apology(shop.site.contact, error_id_of(error)), status=500)

    def uncaught_in_page(error: Exception) -> None:
        with page_layout(shop):
            Static(apology(shop.site.contact, error_id_of(error))).classes('wrap sheet')
        ui.context.client.title = f'{OUR_FAULT} · {shop.site.business.name}'

    for status in (404, 405):
        app.add_exception_handler(status, http_error)
    app.add_exception_handler(Exception, uncaught)
    app.on_page_exception(uncaught_in_page)


def alert(words: str, contact: Contact | None = None, error_id: str = '') -> Markup:
    """Build the content of an alert: the words, the contact, and the id that is in the log too."""
    help_ = contact_sentence(contact) if contact else None
    number = h('p', f'Error {error_id}', class_='id') if error_id else None
    return join(h('p', words), help_, number)


def alert_for(error: ShopError, contact: Contact) -> Markup:
    """Build the alert for an error."""
    shown_id = error.id if error.level > logging.INFO else ''
    return alert(error.words, contact if error.with_contact else None, shown_id)


def alert_by_code(code: str, error_id: str, contact: Contact) -> Markup:
    """Build the alert for a code and an id from a URL; an unknown code gives an empty one."""
    if (kind := ALERTS.get(code)) is None:
        return Markup('')
    known_id = error_id if re.fullmatch(ERROR_ID, error_id) and kind.level > logging.INFO else ''
    return alert(kind.words, contact if kind.with_contact else None, known_id)


def error_id_of(error: Exception) -> str:
    """The id of an error; an unexpected one gets an id, noted on it, so that the log shows it too."""
    if isinstance(error, ShopError):
        return error.id
    notes = ' '.join(getattr(error, '__notes__', []))
    if found := re.search(rf'\[error ({ERROR_ID})]', notes):
        return found[1]
    error_id = secrets.token_hex(4)
    error.add_note(f'[error {error_id}]')
    return error_id


def apology(contact: Contact, error_id: str) -> Markup:
    """The content of a page after an error of ours; it cannot know whether somebody has paid."""
    return join(
        h('h1', OUR_FAULT),
        h('p', 'Please try again in a moment. ', errors.AFTER_STRIPE.partition('; this page')[0] + '.'),
        contact_sentence(contact),
        h('p', f'Error {error_id}', class_='quiet'),
        *_ways_on(),
    )


def not_found(shop: Shop, *, order: bool = False) -> HTMLResponse:
    """The page for a URL that does not exist.

    Args:
        shop: whose page it is.
        order: the URL is one of an order, as far as it goes: whoever asks for it may have paid.
    """
    body = join(
        h('h1', 'This page does not exist'),
        h('p', 'The address may be incomplete.', f' {IF_PAID}' if order else ''),
        contact_sentence(shop.site.contact),
        *_ways_on(),
    )
    headers = {'Cache-Control': 'no-store'} if order else None
    return plain_page(shop, 'Not found', body, status=404, headers=headers)


def refused(shop: Shop, status: int, words: str = WRONG_METHOD) -> HTMLResponse:
    """The page for a malformed request."""
    body = join(h('h1', 'That did not work'), h('p', words), *_ways_on())
    return plain_page(shop, 'That did not work', body, status=status)


def _ways_on() -> tuple[Markup, Markup]:
    return h('p', h('a', 'Back to the start', href='/', class_='cta')), h('p', find_link(), class_='links')
