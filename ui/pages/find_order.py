"""The page "I already paid": type the e-mail address, get the links of its orders by mail.

It is a plain document with a plain form, so it works in every browser, and its bytes are the same for
everybody. It never shows what was typed, nor anything about orders.
"""

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from markupsafe import Markup
from nicegui import app

from services.errors import InvalidEmail, ShopError, TooManyRequests
from services.shop import Shop
from ui.components.builder import h, join
from ui.components.documents import plain_page
from ui.components.layout import contact_sentence
from ui.pages.errors import UNEXPECTED, alert, alert_for, refused
from ui.pages.forms import NOT_OUR_FORM, email_field, read_form

TITLE = 'Find your order'
SENT_TITLE = 'Look into your mailbox'
SENT = '/find?sent=1'
SENT_WORDS = (
    'If there is an order with that e-mail address, a mail with its link is on the way. That can take a few'
    ' minutes. Please look into the spam folder as well.'
)
NOTHING_CAME = (
    'Nothing came? You may have paid with another address. Some banks and wallets pass on one of their own.'
)
HOW = 'Type the e-mail address you paid with. We send the link of your order to it.'
SAME_BROWSER = 'In the browser you paid in, the start page links to your order for 30 days.'
REFERENCE = (
    'Tell us the e-mail address you paid with, or the reference of your order: eight letters and digits such'
    ' as K7QM-2XPA. It is on the page of your order, and beside the payment on the receipt from Stripe.'
)
TOO_OFTEN = 'That was a little too often. Please try again in a minute.'
NO_STORE = {'Cache-Control': 'no-store', 'X-Robots-Tag': 'noindex'}
ERROR = 'email-error'  # the id of the words about a wrong address


def register(shop: Shop) -> None:
    """Register /find."""

    @app.api_route('/find', methods=['GET', 'HEAD'])
    def find(sent: str = '') -> Response:
        return _page(shop, SENT_TITLE, _sent(shop)) if sent and shop.sends_mail else _start(shop)

    @app.post('/find')
    async def send_links(request: Request) -> Response:
        if not shop.sends_mail:
            return RedirectResponse('/find', 303, headers=NO_STORE)
        try:
            form = await read_form(request)
        except ShopError as error:
            return refused(shop, error.status, NOT_OUR_FORM)
        try:
            await shop.find_orders.request_links(
                form.get('email', ''),
                client_ip=request.client.host if request.client else '',
                known_browser=request.state.browser_is_known,
            )
        except InvalidEmail as error:
            return _start(shop, alert_for(error, shop.site.contact), status=error.status)
        except TooManyRequests as error:
            return _start(shop, alert(TOO_OFTEN), status=error.status, retry_after=error.retry_after)
        except ShopError as error:
            return _start(shop, alert(UNEXPECTED, shop.site.contact, error.id), status=error.status)
        return RedirectResponse(SENT, 303, headers=NO_STORE)


def _page(
    shop: Shop, title: str, body: Markup, *, status: int = 200, retry_after: int | None = None
) -> Response:
    headers = NO_STORE | ({'Retry-After': str(retry_after)} if retry_after else {})
    body = h('div', h('h1', title), body, class_='prose')
    return plain_page(shop, title, body, status=status, headers=headers, listed=False)


def _start(
    shop: Shop, problem: Markup | None = None, *, status: int = 200, retry_after: int | None = None
) -> Response:
    """The page with the form; without a mail server, with the contact in its place."""
    body = _form(shop, problem) if shop.sends_mail else _without_mail(shop)
    return _page(shop, TITLE, body, status=status, retry_after=retry_after)


def _form(shop: Shop, problem: Markup | None) -> Markup:
    form = h(
        'form',
        h('div', problem, class_='alert', role='alert', id=ERROR) if problem else None,
        email_field(wrong=ERROR if problem else ''),
        h('button', 'Send me the link', type='submit', class_='cta'),
        method='post',
        action='/find',
        class_='pay',
    )
    return join(
        h('p', HOW),
        form,
        h('p', SAME_BROWSER, class_='quiet'),
        h(
            'section',
            h('h2', 'No access to that mailbox?'),
            h('p', REFERENCE),
            contact_sentence(shop.site.contact),
        ),
    )


def _without_mail(shop: Shop) -> Markup:
    return join(
        h('p', f'If you have paid, your payment is safe. {SAME_BROWSER}'),
        h('p', 'In every other browser: ask us, and we send you the link of your order.'),
        contact_sentence(shop.site.contact),
        h('p', REFERENCE),
        h('p', shop.site.contact.hours, class_='quiet'),
    )


def _sent(shop: Shop) -> Markup:
    return join(
        h('p', SENT_WORDS),
        h(
            'section',
            h('p', NOTHING_CAME),
            h('p', h('a', 'Try another address', href='/find'), class_='links'),
        ),
        h('section', h('h2', 'Still nothing?'), h('p', REFERENCE), contact_sentence(shop.site.contact)),
    )
