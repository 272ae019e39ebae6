"""URLs of orders as mail programs, messengers and link checkers ask for them.

What such programs add to a link is removed by a redirect. A HEAD request is answered from the ledger: no page
is built, and Stripe is not asked.
"""

import re
from urllib.parse import unquote

from fastapi import Response
from fastapi.responses import RedirectResponse
from nicegui import app
from starlette.convertors import Convertor, register_url_convertor

from services.shop import Shop
from ui.pages.errors import not_found

PRIVATE = {'Cache-Control': 'no-store', 'X-Robots-Tag': 'noindex'}
SESSION_ID = r'cs_[A-Za-z0-9_-]{1,250}'
TOKEN, LEAST = '[A-Za-z0-9_-]', 20  # a character of one; how many it has at least
FILE, INVOICE = 'session.ics', 'invoice'
ADDED = ' \t\r\n/.,;:!?*~|\\()[]{}<>"\'`“”«»…'
"""What stands around links in texts, and is taken for a part of them."""


class WithAdditions(Convertor[str]):
    """The rest of a path below /order that is not exactly that of an order, its calendar file or invoice."""

    regex = rf'(?!{TOKEN}+(?:/{re.escape(FILE)}|/{INVOICE})?\Z)[\s\S]+'

    def convert(self, value: str) -> str:
        """Return the text as it is."""
        return value

    def to_string(self, value: str) -> str:
        """Return the text as it is."""
        return value


def register(shop: Shop) -> None:
    """Register the answers to HEAD, and to URLs with additions; before the pages themselves."""
    register_url_convertor('with_additions', WithAdditions())

    @app.api_route('/order/{rest:with_additions}', methods=['GET', 'HEAD'])
    async def with_additions(rest: str) -> Response:
        path = exact(rest)
        if path and await shop.fulfilment.find(path.removesuffix(f'/{FILE}')):
            return RedirectResponse(f'/order/{path}', 303, headers=PRIVATE)
        return not_found(shop, order=True)

    # Under the path of the page itself NiceGUI would remove it.
    @app.head('/order/{exact_token}')
    async def order_exists(exact_token: str) -> Response:
        return _answer(exists=await shop.fulfilment.find(exact_token) is not None)

    @app.head('/order/{token}/invoice')
    async def invoice_exists(token: str) -> Response:
        order = await shop.fulfilment.find(token)
        return _answer(exists=bool(order and order.facts.invoice_url))

    @app.head('/success')
    async def session_exists(session_id: str = '') -> Response:
        if not re.fullmatch(SESSION_ID, without_additions(session_id)):
            return Response(status_code=400, media_type='text/html', headers=PRIVATE)
        return _answer(exists=True)


def exact(rest: str) -> str:
    """Return the exact path below /order that a path with additions stands for; '' if there is none.

    Args:
        rest: the path below /order, decoded once, as the server does.
    """
    for _ in range(2):  # links that are passed on are encoded again
        rest = unquote(rest)
    token = re.search(f'{TOKEN}{{{LEAST},}}', rest) or re.search(f'{TOKEN}+', rest)
    if token is None:
        return ''
    is_file = rest[token.end() :].startswith(f'/{FILE}')
    return f'{token[0]}/{FILE}' if is_file else token[0]


def without_additions(text: str) -> str:
    """Return the last value of a URL without what was added to its end."""
    return unquote(text).rstrip(ADDED)


def _answer(*, exists: bool) -> Response:
    return Response(status_code=200 if exists else 404, media_type='text/html', headers=PRIVATE)
