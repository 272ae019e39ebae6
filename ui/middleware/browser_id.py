"""The only cookie of customers: a random value that joins the tabs of one browser to one open order.

It is strictly necessary, so no banner asks for it. For thirty days it leads the browser back to the orders
that were paid in it (decision 86), so it is made of 192 random bits, and no script can read it.
"""

import re
import secrets
from http.cookies import CookieError, SimpleCookie

from fastapi import Request
from nicegui import Client
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.routes import route_of

NAME = 'paidslot_browser'
MAX_AGE = 30 * 24 * 60 * 60  # seconds


class BrowserIdMiddleware:
    """ASGI middleware: puts the browser's value into ``request.state.browser_id`` and sets the cookie.

    ``request.state.browser_is_known`` says whether the browser brought the value back.
    """

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self._app = app
        self._secure = secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its browser's id; the routes that need it set the cookie."""
        if scope['type'] == 'lifespan':
            await self._app(scope, receive, send)
            return
        returned = browser_id_in(scope)
        browser_id = returned or new_browser_id()
        scope.setdefault('state', {}).update(browser_id=browser_id, browser_is_known=bool(returned))

        async def send_with_cookie(message: Message) -> None:
            if message['type'] == 'http.response.start':
                MutableHeaders(scope=message).append('set-cookie', cookie(browser_id, secure=self._secure))
            await send(message)

        sets_cookie = scope['type'] == 'http' and route_of(scope['path']).sets_cookie
        await self._app(scope, receive, send_with_cookie if sets_cookie else send)


def new_browser_id() -> str:
    """Make the value of a browser that has none yet."""
    return secrets.token_urlsafe(24)


def cookie(value: str, *, secure: bool) -> str:
    """Write the header that sets the cookie."""
    flags = '; Secure' if secure else ''
    return f'{NAME}={value}; Max-Age={MAX_AGE}; Path=/; HttpOnly; SameSite=Lax{flags}'


def browser_id_in(scope: Scope) -> str:
    """Return the value that a request's cookie holds; '' when there is none that we could have made."""
    return _parse(Headers(scope=scope).get('cookie', ''))


def is_new(request: Request) -> bool:
    """Whether a browser has no cookie of ours yet: nobody can have paid in it."""
    return not browser_id_in(request.scope)


def browser_id_of(client: Client) -> str:
    """Return what joins this page to its browser: the cookie, or the tab where cookies are refused.

    The websocket's handshake brings back the cookie that was set with the page, if the browser accepts it.
    """
    return _returned(client) or client.tab_id or str(client.request.state.browser_id)


def is_known(client: Client) -> bool:
    """Whether this page's browser brought back the cookie: it loads pages and keeps what they set."""
    return bool(_returned(client))


def _returned(client: Client) -> str:
    return _parse((client.environ or {}).get('HTTP_COOKIE', ''))


def _parse(cookies: str) -> str:
    try:
        morsel = SimpleCookie(cookies).get(NAME)
    except CookieError:
        return ''
    value = morsel.value if morsel else ''
    return value if re.fullmatch(r'[A-Za-z0-9_-]{32}', value) else ''
