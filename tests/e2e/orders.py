"""Orders in every state, made by HTTP requests to the shop and the sandbox, without a browser."""

import html
import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx

from tests.e2e import journey
from tests.processes import Server, wait_until
from tests.sandbox_client import PROMPT, SandboxClient

METADATA = {
    'order_id': 'another',
    'reference': 'K7QM-2XPA',
    'token': 'a-token-that-nobody-guesses',
    'booking_key': 'a-key',
    'offer': 'cp-coaching',
    'title': 'Coaching session',
    'minutes': '60',
    'sessions': '1',
    'amount': '14999',
    'currency': 'usd',
}
CALENDAR = re.compile(r'<iframe[^>]* src="([^"]+)"')


class OrderMaker:
    """Makes one order, of a customer of its own: the shop keeps the orders of other tests."""

    def __init__(self, shop: Server, sandbox: SandboxClient) -> None:
        self._shop, self._sandbox = shop, sandbox
        self.name = f'Pat {uuid4().hex[:8]}'
        self.email = f'{self.name.replace(" ", ".").lower()}@example.com'
        self._browser = httpx.Client(base_url=shop.url, trust_env=False, timeout=20, limits=PROMPT)
        self._session = journey.session_at(self._browser.post('/checkout').headers['location'])

    def make(self, state: str) -> str:
        """Bring the order into a state of STATES; returns the URL of its page."""
        STATES[state](self)
        response = self._browser.get(f'/success?session_id={self._session}')
        return self._shop.url + response.headers['location']

    def act(self, action: str, **what: Any) -> dict[str, Any]:
        """Run an action of the sandbox on the order's checkout session."""
        return self._sandbox.act(action, session=self._session, **what)

    def pay(self, **how: str) -> None:
        """Pay on the payment page."""
        self._sandbox.pay(self._session, email=self.email, name=self.name, **how)

    def book(self) -> str:
        """Pay, and book the first free time; returns the id of the booking."""
        self.pay()
        order = self._browser.get(f'/success?session_id={self._session}').headers['location']
        found = CALENDAR.search(self._browser.get(order).text)
        assert found, 'no calendar on the page of a paid order'
        invitee = self._sandbox.book(html.unescape(found[1]))
        wait_until(lambda: self._is_booked(order), seconds=15, why='the order has its booking')
        return str(invitee['uri'])

    def cancel(self, by: str = 'invitee') -> None:
        """Pay and book; then the invitee or the host cancels, with a long note."""
        self._sandbox.act('cancel', invitee=self.book(), by=by, reason='Something came up. ' * 20)

    def move(self) -> None:
        """Pay, book, and move the booking."""
        self._sandbox.act('reschedule', invitee=self.book())

    def book_without_link(self) -> None:
        """Pay, and book a meeting whose link to join is not made yet."""
        self._sandbox.act('calendar', link_status='processing')
        self.book()

    def refund_after_booking(self) -> None:
        """Pay and book; then the payment is refunded."""
        self.book()
        self.act('refund')

    def pay_while_calendly_is_down(self) -> None:
        """Pay while Calendly fails."""
        for path in ('POST /shares', 'GET /users/me'):
            self._sandbox.fault(path, 'fail', status=500, times=None)
        self.pay()

    def pay_another_price(self) -> None:
        """Pay a checkout session whose metadata has another amount."""
        metadata = METADATA | {
            'domain': self._shop.url,
            'price_id': self._sandbox.settings['STRIPE_PRICE_ID'],
        }
        self._session = self._open_session({f'metadata[{name}]': value for name, value in metadata.items()})
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


def _pay_then(action: str, **what: Any) -> Callable[[OrderMaker], None]:
    def make(order: OrderMaker) -> None:
        order.pay()
        order.act(action, **what)

    return make


def _pay_by_bank(order: OrderMaker) -> None:
    order.pay(method='bank')


def _bank_debit_fails(order: OrderMaker) -> None:
    _pay_by_bank(order)
    order.act('settle', success=False)


def _lose_dispute(order: OrderMaker) -> None:
    _pay_then('dispute')(order)
    order.act('dispute', status='lost')


STATES: dict[str, Callable[[OrderMaker], Any]] = {
    'open': lambda order: None,
    'processing': _pay_by_bank,
    'paid': OrderMaker.pay,
    'paid, without calendar': OrderMaker.pay_while_calendly_is_down,
    'booked': OrderMaker.book,
    'booked, link follows': OrderMaker.book_without_link,
    'moved': OrderMaker.move,
    'canceled': OrderMaker.cancel,
    'canceled by the host': lambda order: order.cancel('host'),
    'refunded, still booked': OrderMaker.refund_after_booking,
    'partly refunded': _pay_then('refund', amount=5000),
    'refunded': _pay_then('refund'),
    'disputed': _pay_then('dispute'),
    'lost': _lose_dispute,
    'failed': _bank_debit_fails,
    'expired': lambda order: order.act('expire'),
    'mismatch': OrderMaker.pay_another_price,
}
