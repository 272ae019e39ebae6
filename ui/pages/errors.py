"""When something goes wrong: errors become words here, and nowhere else, on every page and for every endpoint."""

import logging
import re
import secrets

from fastapi import Request
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import HTMLResponse, Response
from jinja2.ext import Extension
from markupsafe import Markup
from nicegui import app, ui
from nicegui.client import templates
from nicegui.translations import translations
from starlette.exceptions import HTTPException

from services import errors
from services.errors import ShopError
from services.shop import Shop
from services.site import Contact
from ui.components.builder import h, join
from ui.components.elements import Static, chrome, plain_page, reach

log = logging.getLogger(__name__)

IN_ALERTS = {
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
    )
}
"""What the plain form may come back with; nothing else in an address ever becomes words."""
BROKEN = 'Something went wrong on our side'
WRONG_WAY = 'This address does not take that kind of request.'
ERROR_ID = r'[0-9a-f]{8}'
FOR_MACHINES = ('/api/', '/webhooks/', '/healthz', '/readyz', '/metrics', '/_nicegui')
LOST = {
    'connection_lost': 'No connection',
    'trying_to_reconnect': 'Nothing is lost. This page reconnects by itself.',
    'message_too_long': 'That was too much at once',
    'message_too_long_body': 'Please try again with less.',
}


class Announced(Extension):
    """Lets a screen reader say what NiceGUI shows in a corner, such as that the connection is lost."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """Return the source of a template in which these notices are alerts."""
        notice = 'class="nicegui-error-popup"'
        return source.replace(notice, f'{notice} role="alert"')


def register(shop: Shop) -> None:
    """Take over what NiceGUI and FastAPI say when a page is missing or breaks."""
    translations['en-US'].update(LOST)
    templates.env.add_extension(Announced)

    async def missing(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 404
        if request.url.path.startswith(FOR_MACHINES) and isinstance(error, HTTPException):
            return await http_exception_handler(request, error)
        answer = not_found(shop) if status == 404 else refused(shop, status)
        answer.headers.update(getattr(error, 'headers', None) or {})  # such as Allow
        return answer

    async def broken(request: Request, error: Exception) -> Response:
        return plain_page(shop, BROKEN, apology(shop.site.contact, incident(error)), status=500)

    def broken_page(error: Exception) -> None:
        with chrome(shop):
            Static(apology(shop.site.contact, incident(error))).classes('wrap sheet')
        ui.context.client.title = f'{BROKEN} · {shop.site.business.name}'

    for status in (404, 405):
        app.add_exception_handler(status, missing)
    app.add_exception_handler(Exception, broken)
    app.on_page_exception(broken_page)


def alert(words: str, contact: Contact | None = None, error_id: str = '') -> Markup:
    """What an alert says: the words, how to reach somebody, and the id that is in the log too."""
    help_ = reach(contact) if contact else None
    number = h('p', f'Error {error_id}', class_='id') if error_id else None
    return join(h('p', words), help_, number)


def alert_for(error: ShopError, contact: Contact) -> Markup:
    """Turn an error into an alert."""
    shown_id = error.id if error.level > logging.INFO else ''
    return alert(error.words, contact if error.with_contact else None, shown_id)


def alert_by_code(code: str, error_id: str, contact: Contact) -> Markup:
    """Turn what stands in an address into an alert; an unknown code into nothing."""
    if (kind := IN_ALERTS.get(code)) is None:
        return Markup('')
    known_id = error_id if re.fullmatch(ERROR_ID, error_id) and kind.level > logging.INFO else ''
    return alert(kind.words, contact if kind.with_contact else None, known_id)


def incident(error: Exception) -> str:
    """The id of an unexpected error, the same each time; it is noted on the error, so that the log has it."""
    if isinstance(error, ShopError):
        return error.id
    notes = ' '.join(getattr(error, '__notes__', []))
    if found := re.search(rf'\[error ({ERROR_ID})]', notes):
        return found[1]
    error_id = secrets.token_hex(4)
    error.add_note(f'[error {error_id}]')
    return error_id


def apology(contact: Contact, error_id: str) -> Markup:
    """What a page says that broke; whether somebody has paid is not known here."""
    return join(
        h('h1', BROKEN),
        h('p', 'Please try again in a moment. ', errors.AFTER_STRIPE.partition('; this page')[0] + '.'),
        reach(contact),
        h('p', f'Error {error_id}', class_='quiet'),
        h('p', h('a', 'Back to the start', href='/', class_='cta')),
    )


def not_found(shop: Shop) -> HTMLResponse:
    """The page for an address that leads nowhere."""
    body = join(
        h('h1', 'This page does not exist'),
        h('p', 'The address may be incomplete. If you have paid, your payment is safe: we will find it.'),
        reach(shop.site.contact),
        h('p', h('a', 'Back to the start', href='/', class_='cta')),
    )
    return plain_page(shop, 'Not found', body, status=404)


def refused(shop: Shop, status: int, words: str = WRONG_WAY) -> HTMLResponse:
    """The page for a request that does not have the form it should have."""
    body = join(
        h('h1', 'That did not work'),
        h('p', words),
        h('p', h('a', 'Back to the start', href='/', class_='cta')),
    )
    return plain_page(shop, 'That did not work', body, status=status)
