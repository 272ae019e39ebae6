"""Orders in every state, made by plain requests to the shop and to the sandbox; no browser is needed."""

import html
import re
from collections.abc import Callable
from typing import Any

import httpx

from tests.e2e import journey
from tests.processes import Server, wait_until
from tests.sandbox_client import PROMPT, SandboxClient

METADATA = {
    'order': 'another',
    'reference': 'K7QM-2XPA',
    'token': 'a-token-that-nobody-guesses',
    'booking_key': 'a-key',
    'offer': 'cp-coaching',
    'amount': '14999',
    'currency': 'usd',
}
CALENDAR = re.compile(r'<iframe[^>]* src="([^"]+)"')


class Maker:
    """Makes one order; its page is at ``path``."""

    def __init__(self, shop: Server, sandbox: SandboxClient) -> None:
        self._shop, self._sandbox = shop, sandbox
        self._browser = httpx.Client(base_url=shop.url, trust_env=False, timeout=20, limits=PROMPT)
        self._session = journey.session_at(self._browser.post('/checkout').headers['location'])

    def make(self, state: str) -> str:
        """Bring the order into a state of STATES; returns the address of its page."""
        STATES[state](self)
        arrived = self._browser.get(f'/success?session_id={self._session}')
        return self._shop.url + arrived.headers['location']

    def act(self, verb: str, **what: Any) -> dict[str, Any]:
        """Let something happen to the order's session at Stripe."""
        return self._sandbox.act(verb, session=self._session, **what)

    def pay(self, **how: str) -> None:
        """Pay as a customer does."""
        self._sandbox.pay(self._session, email=journey.EMAIL, name=journey.NAME, **how)

    def book(self) -> str:
        """Pay, and book the first free time; returns the id of the booking."""
        self.pay()
        order = self._browser.get(f'/success?session_id={self._session}').headers['location']
        found = CALENDAR.search(self._browser.get(order).text)
        assert found, 'no calendar on the page of a paid order'
        invitee = self._sandbox.book(html.unescape(found[1]))
        wait_until(lambda: self._is_booked(order), seconds=15, why='the order knows its meeting')
        return str(invitee['uri'])

    def cancel(self) -> None:
        """Book, and cancel the meeting."""
        self._sandbox.act('cancel', invitee=self.book())

    def lose_the_calendar(self) -> None:
        """Pay while Calendly does not answer."""
        for address in ('* /scheduling_links', 'GET /users/me'):
            self._sandbox.fault(address, 'fail', status=500, times=None)
        self.pay()

    def pay_another_price(self) -> None:
        """Let a payment arrive that is not what its order asked for."""
        told = METADATA | {'shop': self._shop.url, 'price': self._sandbox.settings['STRIPE_PRICE_ID']}
        self._session = self._open_session({f'metadata[{name}]': value for name, value in told.items()})
        self.pay()

    def _open_session(self, metadata: dict[str, str]) -> str:
        settings = self._sandbox.settings
        answer = httpx.post(
            f'{settings["STRIPE_API_BASE"]}/v1/checkout/sessions',
            headers={'Authorization': f'Bearer {settings["STRIPE_SECRET_KEY"]}'},
            data={
                'mode': 'payment',
                'line_items[0][price]': settings['STRIPE_PRICE_ID'],
                'line_items[0][quantity]': '1',
                'success_url': f'{self._shop.url}/success?session_id={{CHECKOUT_SESSION_ID}}',
                **metadata,
            },
            trust_env=False,
        )
        return str(answer.json()['id'])

    def _is_booked(self, order: str) -> bool:
        return self._browser.get(f'{order}/session.ics').is_success


def _paid_then(verb: str, **what: Any) -> Callable[[Maker], None]:
    def happens(order: Maker) -> None:
        order.pay()
        order.act(verb, **what)

    return happens


def _by_bank(order: Maker) -> None:
    order.pay(method='bank')


def _bank_refuses(order: Maker) -> None:
    _by_bank(order)
    order.act('settle', success=False)


def _charged_back(order: Maker) -> None:
    _paid_then('dispute')(order)
    order.act('dispute', status='lost')


STATES: dict[str, Callable[[Maker], Any]] = {
    'open': lambda order: None,
    'processing': _by_bank,
    'paid': Maker.pay,
    'paid, without calendar': Maker.lose_the_calendar,
    'booked': Maker.book,
    'canceled': Maker.cancel,
    'partly refunded': _paid_then('refund', amount=5000),
    'refunded': _paid_then('refund'),
    'disputed': _paid_then('dispute'),
    'lost': _charged_back,
    'failed': _bank_refuses,
    'expired': lambda order: order.act('expire'),
    'mismatch': Maker.pay_another_price,
}
