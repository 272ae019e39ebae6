"""The one cookie: a random value that joins the tabs of one browser to one open order.

It opens no page and shows nothing; it lasts 24 hours and is strictly necessary, so no banner asks for it.
"""

import re
import secrets
from http.cookies import CookieError, SimpleCookie

from fastapi import Request
from nicegui import Client
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NAME = 'paidslot_browser'
LIFETIME = 24 * 60 * 60  # seconds
PAGES = ('/', '/checkout')


class BrowserIdMiddleware:
    """ASGI middleware: puts the browser's value into ``request.state.browser_id`` and sets the cookie."""

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self._app = app
        self._secure = secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, knowing whose it is."""
        if scope['type'] != 'http':
            await self._app(scope, receive, send)
            return
        browser_id = value_in(Headers(scope=scope).get('cookie', '')) or new_value()
        scope.setdefault('state', {})['browser_id'] = browser_id

        async def send_with_cookie(message: Message) -> None:
            if message['type'] == 'http.response.start' and scope['path'] in PAGES:
                MutableHeaders(scope=message).append('set-cookie', cookie(browser_id, secure=self._secure))
            await send(message)

        await self._app(scope, receive, send_with_cookie)


def new_value() -> str:
    """Make the value of a browser that has none yet."""
    return secrets.token_urlsafe(24)


def cookie(value: str, *, secure: bool) -> str:
    """Write the header that sets the cookie."""
    return f'{NAME}={value}; Max-Age={LIFETIME}; Path=/; HttpOnly; SameSite=Lax' + (
        '; Secure' if secure else ''
    )


def value_in(cookies: str) -> str:
    """Return the browser's value from a Cookie header, '' when there is none that we could have made."""
    try:
        morsel = SimpleCookie(cookies).get(NAME)
    except CookieError:
        return ''
    value = morsel.value if morsel else ''
    return value if re.fullmatch(r'[A-Za-z0-9_-]{32}', value) else ''


def is_new(request: Request) -> bool:
    """Whether a page is asked for by a browser that we gave nothing yet: nobody can have paid in it."""
    return not value_in(request.headers.get('cookie', ''))


def browser_id_of(client: Client) -> str:
    """Return what joins this page to its browser: the cookie, or the tab where cookies are refused.

    The cookie that was set with the page comes back with the websocket's handshake, if it comes back at all.
    """
    environ = client.environ or {}
    returned = value_in(environ.get('HTTP_COOKIE', ''))
    return returned or client.tab_id or str(client.request.state.browser_id)
