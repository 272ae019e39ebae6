"""A customer of the crash test: one browser that speaks plain HTTP to whatever shop is there."""

import re
import secrets
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.crash.shops import Shop
from tests.processes import wait_until
from tests.sandbox_client import SandboxClient

PATIENCE = 20.0  # seconds
TRIES = 4


class Customer:
    """Presses, pays whatever page is offered, comes back, and looks at the page of the order."""

    def __init__(self, shop: Shop, sandbox: SandboxClient) -> None:
        self._shop = shop
        self._sandbox = sandbox
        self._http = httpx.Client(timeout=PATIENCE, trust_env=False, verify=False)
        self._email = f'{secrets.token_hex(6)}@example.com'
        self.sessions: list[str] = []  # that this browser was ever sent to
        self.paid: list[str] = []
        self.address = ''  # of the order's page

    def leave(self) -> None:
        """Close the browser."""
        self._http.close()

    def arrive(self) -> None:
        """Open the landing page; the browser gets its cookie."""
        self._http.get(self._shop.url).raise_for_status()

    def press(self, *, again: bool = False) -> str:
        """Press the button; returns the word of trouble, or '' for a payment page.

        Args:
            again: the customer knows of a payment that was made, and wants another one.
        """
        answer = self._http.post(f'{self._shop.url}/checkout', data={'again': '1'} if again else {})
        assert answer.status_code == 303, f'{answer.status_code} {answer.text[:500]}'
        target = urlsplit(answer.headers['location'])
        if alert := parse_qs(target.query).get('alert'):
            return alert[0]
        session = target.path.rpartition('/')[2]
        assert session.startswith('cs_'), target.path
        if session not in self.sessions:
            self.sessions.append(session)
        return ''

    def press_until_open(self) -> None:
        """Press as often as a patient person does; at the end there is a payment page, or a payment."""
        for _ in range(TRIES):
            trouble = self.press()
            if trouble in ('', 'already_paid'):
                return
        raise AssertionError(f'{TRIES} presses, and still {trouble}')

    def pay(self, method: str = 'card') -> None:
        """Pay on every payment page this browser was ever sent to, the newest first."""
        for session in reversed(self.sessions):
            if session in self.paid:
                continue
            outcome = self._sandbox.pay(session, method=method, email=self._email)['outcome']
            assert outcome in ('paid', 'processing', 'refused'), outcome
            if outcome != 'refused':
                self.paid.append(session)

    def come_back(self) -> None:
        """Follow Stripe's way back to the page of the order."""
        answer = self._http.get(f'{self._shop.url}/success?session_id={self.paid[-1]}')
        assert answer.status_code == 303, f'{answer.status_code} {answer.text[:500]}'
        self.address = answer.headers['location']
        assert re.fullmatch(r'/order/[\w-]+', self.address), self.address

    def read(self) -> str:
        """Read the page of the order."""
        return self._http.get(f'{self._shop.url}{self.address}').raise_for_status().text

    def wait_for_calendar(self) -> None:
        """Look again and again until the calendar is there."""
        wait_until(lambda: 'utm_content=' in self.read(), seconds=PATIENCE, why='the calendar is shown')
