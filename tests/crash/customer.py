"""A customer in the crash test: one browser that talks plain HTTP to the shop."""

import re
import secrets
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.crash.shop import Shop
from tests.processes import wait_until
from tests.sandbox_client import SandboxClient

TIMEOUT = 20.0  # seconds
PRESSES = 4


class Customer:
    """Presses the button, pays on each payment page, returns, and opens the order page."""

    def __init__(self, shop: Shop, sandbox: SandboxClient) -> None:
        self._shop = shop
        self._sandbox = sandbox
        self._http = httpx.Client(timeout=TIMEOUT, trust_env=False, verify=False)
        self._email = f'{secrets.token_hex(6)}@example.com'
        self.sessions: list[str] = []  # every checkout session this browser was sent to
        self.paid: list[str] = []
        self.order_path = ''

    def close(self) -> None:
        """Close the browser."""
        self._http.close()

    def open_landing(self) -> None:
        """Open the landing page, which sets the browser's cookie."""
        self._http.get(self._shop.url).raise_for_status()

    def press(self, *, again: bool = False) -> str:
        """Press the button; returns the error code, or '' if it led to a payment page.

        Args:
            again: whether the customer confirms a second purchase.
        """
        response = self._http.post(f'{self._shop.url}/checkout', data={'again': '1'} if again else {})
        assert response.status_code == 303, f'{response.status_code} {response.text[:500]}'
        target = urlsplit(response.headers['location'])
        if codes := parse_qs(target.query).get('alert'):
            return codes[0]
        session = target.path.rpartition('/')[2]
        assert session.startswith('cs_'), target.path
        if session not in self.sessions:
            self.sessions.append(session)
        return ''

    def press_until_open(self) -> None:
        """Press until there is a payment page or a payment, a few times at most."""
        for _ in range(PRESSES):
            code = self.press()
            if code in ('', 'already_paid'):
                return
        raise AssertionError(f'still {code} after {PRESSES} presses')

    def pay(self, method: str = 'card') -> None:
        """Pay on every payment page this browser was sent to and has not paid on, the newest first."""
        for session in reversed(self.sessions):
            if session in self.paid:
                continue
            outcome = self._sandbox.pay(session, method=method, email=self._email)['outcome']
            assert outcome in ('paid', 'processing', 'refused'), outcome
            if outcome != 'refused':
                self.paid.append(session)

    def return_from_stripe(self) -> None:
        """Follow the link from the payment page back to the order page."""
        response = self._http.get(f'{self._shop.url}/success?session_id={self.paid[-1]}')
        assert response.status_code == 303, f'{response.status_code} {response.text[:500]}'
        self.order_path = response.headers['location']
        assert re.fullmatch(r'/order/[\w-]+', self.order_path), self.order_path

    def wait_for_calendar(self) -> None:
        """Reload the order page until it shows the calendar."""
        wait_until(self._sees_calendar, seconds=TIMEOUT, why='the calendar is shown')

    def _sees_calendar(self) -> bool:
        page = self._http.get(f'{self._shop.url}{self.order_path}').raise_for_status()
        return 'utm_content=' in page.text
