"""The operator's browser in tests: it signs in, and posts forms as a browser sends them."""

import re
from http.cookies import SimpleCookie
from typing import Any

from httpx import ASGITransport, AsyncClient, Response
from nicegui import core

PASSWORD = 'correct horse battery staple'
ORIGIN = 'http://localhost:3000'
TOKEN = re.compile(r'name="token" value="([0-9a-f]{64})"')


class Operator:
    """A browser of the operator: a cookie, if it has signed in, and the forms it may send."""

    def __init__(self, *, cookie: str = '') -> None:
        """Make it; it is not signed in.

        Args:
            cookie: the value of the sign-in cookie it has.
        """
        self.cookie = cookie

    async def sign_in(self, password: str = PASSWORD, *, next: str = '') -> Response:
        """Type the password."""
        answer = await self.send('POST', '/admin/login', data={'password': password, 'next': next})
        set_cookie = SimpleCookie(answer.headers.get('set-cookie', ''))
        if 'paidslot_admin' in set_cookie:
            self.cookie = set_cookie['paidslot_admin'].value
        return answer

    async def get(self, path: str) -> Response:
        """Open a page."""
        return await self.send('GET', path)

    async def form_token(self) -> str:
        """Read the token that every form of this sign-in holds."""
        found = TOKEN.search((await self.get('/admin')).text)
        assert found, 'no form on the first page'
        return found[1]

    async def post(self, path: str, **fields: str) -> Response:
        """Post a form of one of the admin's pages."""
        return await self.send('POST', path, data={'token': await self.form_token(), **fields})

    async def send(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **body: Any
    ) -> Response:
        """Send a request with this browser's cookie, and no other.

        Args:
            method: the HTTP method.
            path: where to.
            headers: what the browser says about the page that a form was on; by default that it is ours.
            body: ``data`` or ``content``, as httpx takes them.
        """
        if headers is None:
            headers = {} if method in ('GET', 'HEAD') else {'origin': ORIGIN}
        if self.cookie:
            headers = {**headers, 'cookie': f'paidslot_admin={self.cookie}'}
        transport = ASGITransport(core.app, raise_app_exceptions=False)
        async with AsyncClient(transport=transport, base_url='http://test') as http:
            return await http.request(method, path, headers=headers, **body)
