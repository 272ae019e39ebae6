"""The operator in the crash test: a browser that is signed in to the admin and sends its forms."""

import re

import httpx

from services.orders import Order
from tests.crash.shop import Shop

PASSWORD = 'correct horse battery staple'
TIMEOUT = 20.0  # seconds
TOKEN = re.compile(r'name="token" value="([0-9a-f]+)"')


class Operator:
    """Signs in once; the sign-in outlives the process of the shop, and so does a form that is open."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._domain = shop.url  # the shop may listen on its other port later
        self._http = httpx.Client(timeout=TIMEOUT, trust_env=False)
        self._token = ''

    def sign_in(self) -> None:
        """Type the password and read the token that every form holds, unless that was done before."""
        if self._token:
            return
        answer = self._post('/admin/login', {'password': PASSWORD})
        assert answer.status_code == 303, f'{answer.status_code} {answer.text[:500]}'
        found = TOKEN.search(self._http.get(f'{self._shop.url}/admin').text)
        assert found, 'no form on the first page'
        self._token = found[1]

    def refund(self, order: Order) -> str:
        """Send the form of a full refund, and once more each time that this is called; returns the result."""
        fields = {'token': self._token, 'form': f'form-{order.id}', 'left': str(order.paid.amount)}
        fields |= {'reason': 'requested_by_customer', 'cancel': 'yes'}
        answer = self._post(f'/admin/orders/{order.reference}/refund', fields)
        assert answer.status_code == 303, f'{answer.status_code} {answer.text[:500]}'
        return str(answer.headers['location']).rpartition('=')[2]

    def _post(self, path: str, fields: dict[str, str]) -> httpx.Response:
        return self._http.post(f'{self._shop.url}{path}', data=fields, headers={'Origin': self._domain})
