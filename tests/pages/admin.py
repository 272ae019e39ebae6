"""The operator's browser in tests: it signs in, and posts forms as a browser sends them."""

import re
from http.cookies import SimpleCookie

from httpx import AsyncClient, Response

PASSWORD = 'correct horse battery staple'
ORIGIN = 'http://localhost:3000'
TOKEN = re.compile(r'name="token" value="([0-9a-f]{64})"')


class Operator:
    """A browser of the operator: a cookie, if it has signed in, and the forms it may send."""

    def __init__(self, http: AsyncClient, *, cookie: str = '') -> None:
        """Make it; it is not signed in.

        Args:
            http: a connection that keeps no cookies of its own.
            cookie: the value of the sign-in cookie it has.
        """
        self._http = http
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
        self, method: str, path: str, *, data: dict[str, str] | None = None, origin: str | None = ORIGIN
    ) -> Response:
        """Send a request as this browser does.

        Args:
            method: the HTTP method.
            path: where to.
            data: the fields of a form.
            origin: what the browser says about the page that the form was on; None says nothing.
        """
        headers = {'cookie': f'paidslot_admin={self.cookie}'} if self.cookie else {}
        if origin is not None and method != 'GET':
            headers['origin'] = origin
        return await self._http.request(method, path, data=data, headers=headers)
