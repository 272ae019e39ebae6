"""The return from Stripe: from the session's id in the URL to the page of its order."""

import re

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from nicegui import app

from services.errors import AFTER_STRIPE, ShopError
from services.shop import Shop
from ui.components.builder import h, join
from ui.components.documents import plain_page
from ui.components.layout import contact_sentence, find_link
from ui.pages.errors import not_found, refused
from ui.pages.order_urls import PRIVATE, SESSION_ID, without_additions


def register(shop: Shop) -> None:
    """Register /success."""

    @app.get('/success')
    async def success(request: Request) -> Response:
        session_id = without_additions(request.query_params.get('session_id', ''))
        if not re.fullmatch(SESSION_ID, session_id):
            return refused(shop, 400, 'This address is not complete. If you have paid, your payment is safe.')
        client_ip = request.client.host if request.client else ''
        try:
            order = await shop.fulfilment.arrive(
                session_id, client_ip=client_ip, known_browser=request.state.browser_is_known
            )
        except ShopError as error:
            return _still_checking(shop, error, url=f'/success?session_id={session_id}')
        return (
            RedirectResponse(f'/order/{order.token}', 303, headers=PRIVATE)
            if order
            else not_found(shop, order=True)
        )


def _still_checking(shop: Shop, error: ShopError, *, url: str) -> Response:
    """The page for a session that we do not know while Stripe does not answer; it reloads by itself."""
    body = join(
        h('h1', 'Checking your payment…'),
        h('p', AFTER_STRIPE),
        h('p', h('a', 'Check now', href=url, class_='cta')),
        contact_sentence(shop.site.contact),
        h('p', f'Error {error.id}', class_='quiet'),
        h('p', find_link(), class_='links'),
    )
    seconds = str(error.retry_after or 5)
    headers = PRIVATE | {'Retry-After': seconds, 'Refresh': seconds}
    return plain_page(shop, 'Checking your payment', body, status=error.status, headers=headers)
