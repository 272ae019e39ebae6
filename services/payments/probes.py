"""What a check asks Stripe: what the key may do, and whether a sale would be taken."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import stripe

from services.errors import PaymentRefused, PaymentsUnavailable, ShopError
from services.orders import Order
from services.payments.api import StripeApi
from services.payments.errors import refusals
from services.payments.permissions import is_forbidden
from services.payments.session_params import SLOW_METHODS, CheckoutPage

UNKNOWN = 'paidslot_check'
"""The end of ids that no object has: Stripe answers "No such …", or that a right is missing."""
READS: Mapping[str, str] = {
    'payment_intent_read': f'/v1/payment_intents/pi_{UNKNOWN}',
    'charge_read': f'/v1/charges/ch_{UNKNOWN}',
    'dispute_read': f'/v1/disputes/dp_{UNKNOWN}',
    'review_read': f'/v1/reviews/prv_{UNKNOWN}',
    'event_read': f'/v1/events/evt_{UNKNOWN}',
    'invoice_read': f'/v1/invoices/in_{UNKNOWN}',
}
WRITES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    'checkout_session_write': (f'/v1/checkout/sessions/cs_test_{UNKNOWN}/expire', {}),
    'charge_write': ('/v1/refunds', {'payment_intent': f'pi_{UNKNOWN}', 'amount': 100}),
    'dispute_write': (f'/v1/disputes/dp_{UNKNOWN}', {'submit': False}),
}
MISSING = 'resource_missing'  # Stripe's code of "No such …"
OURS = ('metadata', 'payment_intent_data', 'client_reference_id')
"""Parameters that make a session one of an order."""


@dataclass(frozen=True)
class SessionTrial:
    """What became of a session that was opened only to be closed.

    Attributes:
        refusal: Stripe's words, '' when it took the session.
        option: what Stripe takes it without: ``terms``, ``taxes`` or ``invoices``; '' where that is not one.
        slow_methods: the offered payment methods whose money arrives days later.
        adds_tax: whether Stripe would add tax.
    """

    refusal: str = ''
    option: str = ''
    slow_methods: tuple[str, ...] = ()
    adds_tax: bool = False


class Probes:
    """Requests that prove something and change nothing, or undo what they change."""

    def __init__(
        self,
        api: StripeApi,
        *,
        page: Callable[[], CheckoutPage],
        params: Callable[[Order, CheckoutPage], dict[str, Any]],
    ) -> None:
        """Make it; nothing is requested yet.

        Args:
            api: sends the requests.
            page: returns what the shop decides about Stripe's page.
            params: makes the parameters of an order's session.
        """
        self._api = api
        self._page = page
        self._params = params

    async def charges_enabled(self) -> bool | None:
        """Whether the account may take payments; None if it cannot be read, as with most restricted keys.

        Raises:
            ShopError: Stripe does not answer, or does not accept the key.
        """
        try:
            return bool((await self._api.read_in_set_up('/v1/account')).get('charges_enabled', True))
        except PaymentsUnavailable as error:
            if isinstance(error.__cause__, stripe.AuthenticationError):
                raise
            return None

    async def has_permission(self, slug: str) -> bool | None:
        """Whether the key has a permission; None where Stripe's answer does not say it.

        Raises:
            ShopError: Stripe does not answer, or does not accept the key.
        """
        try:
            if slug in WRITES:
                path, params = WRITES[slug]
                await self._api.post(path, idempotency_key=None, **params)
            else:
                await self._api.read_in_set_up(READS[slug])
        except PaymentsUnavailable as error:
            if is_forbidden(error):
                return False
            if not isinstance(error.__cause__, stripe.InvalidRequestError):
                raise
            return True if error.__cause__.code == MISSING else None
        return None

    async def try_session(self, order: Order) -> SessionTrial:
        """Open a session as this order would get, without its metadata, and close it at once.

        Where Stripe refuses it, find out which option it refuses.

        Args:
            order: one that is not in the ledger.

        Raises:
            ShopError: Stripe does not answer, or does not accept the key.
        """
        page = self._page()
        try:
            return await self._open_and_close(order, page)
        except PaymentRefused as refusal:
            words = str(refusal)
        without_taxes = replace(order, allowed=replace(order.allowed, taxes=False))
        others = {
            'terms': (page.terms_consent, order, replace(page, terms_consent=False)),
            'taxes': (order.allowed.taxes, without_taxes, page),
            'invoices': (page.invoices, order, replace(page, invoices=False)),
        }
        for option, (is_on, changed, changed_page) in others.items():
            if is_on and await self._is_taken(changed, changed_page):
                return SessionTrial(words, option)
        return SessionTrial(words)

    async def _is_taken(self, order: Order, page: CheckoutPage) -> bool:
        try:
            await self._open_and_close(order, page)
        except PaymentRefused:
            return False
        return True

    async def _open_and_close(self, order: Order, page: CheckoutPage) -> SessionTrial:
        """Return what the session would be like.

        Raises:
            PaymentRefused: Stripe does not take the session.
        """
        params = {name: value for name, value in self._params(order, page).items() if name not in OURS}
        with refusals():
            opened = await self._api.post('/v1/checkout/sessions', idempotency_key=None, **params)
        path = f'/v1/checkout/sessions/{opened["id"]}/expire'
        with suppress(ShopError):  # it then ends by itself; nobody knows its address
            await self._api.post(path, idempotency_key=None)
        methods = opened.get('payment_method_types') or ()
        return SessionTrial(
            slow_methods=tuple(name for name in methods if name in SLOW_METHODS),
            adds_tax=bool((opened.get('automatic_tax') or {}).get('enabled')),
        )
