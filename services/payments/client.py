"""The client of Stripe: checkout sessions with their payments, and what else this shop does there."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlsplit

from services.errors import PaymentsUnavailable
from services.money import Money
from services.orders import Environment, Order, PaymentSession
from services.payments.api import StripeApi
from services.payments.errors import means_missing, refuses_key
from services.payments.events import WARNINGS
from services.payments.evidence import DisputeEvidence
from services.payments.listing import Listing
from services.payments.permissions import is_forbidden
from services.payments.prices import Prices
from services.payments.probes import Probes
from services.payments.refunds import Refunds
from services.payments.rehearsal import PaymentRehearsal
from services.payments.session_params import CheckoutPage, session_params
from services.payments.translate import price_from, session_from
from services.payments.webhook_endpoints import WebhookEndpoints

SESSIONS = '/v1/checkout/sessions'
SESSION_WRITE = 'checkout_session_write'
EXPAND = ['payment_intent.latest_charge']
NO_SESSION = 'cs_test_none'
TRIED = tuple(
    f'/v1/{name}'
    for name in ('prices', 'checkout/sessions', 'payment_intents', 'charges', 'disputes', 'reviews', 'events')
)


class Payments:
    """Stripe, as far as this shop needs it."""

    def __init__(
        self,
        secret_key: str,
        *,
        api_base: str,
        domain: str,
        hosts: frozenset[str],
        mode: str,
        page: Callable[[], CheckoutPage],
        on_request: Callable[[str, float], object],
    ) -> None:
        """Make a client; nothing is requested yet.

        Args:
            secret_key: a secret or restricted key.
            api_base: another address of the API, or '' for Stripe's own.
            domain: the shop's public address, where customers come back to.
            hosts: host names a customer may be sent to.
            mode: the mode the key belongs to: demo, test or live.
            page: returns what the shop decides about Stripe's page.
            on_request: called after each request with 'ok' or the code of the error, and the seconds it took.
        """
        self._api = StripeApi(secret_key, base=api_base, on_request=on_request)
        self._domain = domain
        self._hosts = hosts
        self._page = page
        self._is_sandbox = bool(api_base)
        self.environment = Environment(mode)
        self.clock = self._api.clock
        self.missing = self._api.missing
        self.listing = Listing(self._api, skew=lambda: self.clock.skew)
        self.refunds = Refunds(self._api)
        self.probes = Probes(self._api, page=page, params=self._session_params)
        self.evidence = DisputeEvidence(self._api)
        self.prices = Prices(self._api)
        self.endpoints = WebhookEndpoints(self._api)
        self.rehearsal = PaymentRehearsal(
            self._api, params_of=lambda order: self._session_params(order, self._page())
        )
        self._expand: dict[str, Any] = {'expand': EXPAND}

    async def close(self) -> None:
        """Close the connections to Stripe."""
        await self._api.close()

    async def learn_account(self) -> None:
        """Find out which account the key belongs to; a restricted key may not be allowed to."""
        self.environment = Environment(self.environment.mode, (await self._api.read('/v1/account'))['id'])

    async def try_permissions(self) -> None:
        """Request a little of everything that the shop needs; `missing` then names what the key may not do.

        Raises:
            ShopError: Stripe refuses the key, or does not answer.
        """
        # To expire a session that does not exist proves the permission: without it the key is refused before.
        tries = [*(self._api.read(path, limit=1) for path in TRIED), self.expire_session(NO_SESSION)]
        for error in await asyncio.gather(*tries, return_exceptions=True):
            says_nothing_of_the_key = isinstance(error, PaymentsUnavailable) and not refuses_key(error)
            if isinstance(error, BaseException) and not says_nothing_of_the_key:
                raise error

    async def read_price(self, price_id: str) -> Money:
        """Read what a price costs.

        Raises:
            PaymentsUnavailable: the price does not exist, is inactive, recurring or has no fixed amount.
        """
        return price_from(await self._api.read(f'/v1/prices/{quote(price_id, safe="")}'))

    async def open_session(self, order: Order) -> PaymentSession:
        """Open the checkout session of an order's current attempt.

        The idempotency key is the order's id and attempt: a second request gives the same session
        (docs.stripe.com/api/idempotent_requests).

        Args:
            order: the order, already committed.

        Raises:
            ShopError: Stripe refuses, cannot be reached or answers something that must not be followed.
        """
        answer = await self._api.post(
            SESSIONS,
            idempotency_key=f'{order.id}-{order.attempt}',
            permission=SESSION_WRITE,
            **self._session_params(order, self._page()),
        )
        session = session_from(answer, hosts=self._hosts)
        self._check_url(session.url)
        return session

    async def expire_session(self, session_id: str) -> None:
        """Close an open session, so that nobody can pay it any more.

        Raises:
            ShopError: Stripe does not answer, or the session is not open.
        """
        path = f'{SESSIONS}/{quote(session_id, safe="")}/expire'
        await self._api.post(path, idempotency_key=None, permission=SESSION_WRITE)

    async def read_session(self, session_id: str) -> PaymentSession | None:
        """Read a session as it is now; None when this account does not have it."""
        path = f'{SESSIONS}/{quote(session_id, safe="")}'
        try:
            session = await self._find(path, **self._expand)
        except PaymentsUnavailable as error:
            if not self._expand or not is_forbidden(error):
                raise
            # Each expanded object needs a permission of its own; without it Stripe refuses the whole request.
            self._expand = {}
            return await self.read_session(session_id)
        return session_from(await self._with_payment(session), hosts=self._hosts) if session else None

    async def find_session_of(self, payment_id: str) -> str | None:
        """Find the session that a payment came from; None when there is none in this account."""
        answer = await self._find(SESSIONS, payment_intent=payment_id, limit=1)
        return answer['data'][0]['id'] if answer and answer['data'] else None

    async def find_payment_of(self, name: str) -> str | None:
        """Find the payment that an event is about; None when there is none in this account.

        Args:
            name: the payment's id, or the path of an object that tells it, as `named_by` returns it.
        """
        if '/' not in name:
            return name
        try:
            about = await self._find(f'/v1/{name}') or {}
        except PaymentsUnavailable as error:
            if name.startswith(WARNINGS) and is_forbidden(error):
                return None  # the list of events has the same warning with its payment
            raise
        payment, charge = about.get('payment_intent'), about.get('charge')
        return await self.find_payment_of(f'charges/{charge}') if charge and not payment else payment

    async def _with_payment(self, data: dict[str, Any]) -> dict[str, Any]:
        """Add payment, charge, refunds, disputes, review and invoice to a complete session."""
        if data.get('status') != 'complete' or not data.get('payment_intent'):
            return data
        intent = await self._whole(data['payment_intent'], '/v1/payment_intents')
        charge = await self._whole(intent.get('latest_charge'), '/v1/charges')
        if charge.get('disputed'):
            charge |= {'disputes': await self._list('/v1/disputes', charge)}
        if charge.get('amount_refunded'):
            charge |= {'all_refunds': await self._list('/v1/refunds', charge)}
        review = await self._whole(intent.get('review') or charge.get('review'), '/v1/reviews')
        return data | {
            'payment_intent': intent | {'latest_charge': charge, 'open_review': review},
            'invoice': await self._whole(data.get('invoice'), '/v1/invoices'),
        }

    async def _whole(self, item: Any, where: str) -> dict[str, Any]:
        """Return an object that Stripe sent along or only named; one that the key may not read is marked."""
        if not isinstance(item, str):
            return dict(item or {})
        try:
            return await self._api.read(f'{where}/{item}')
        except PaymentsUnavailable as error:
            if is_forbidden(error) or means_missing(error):
                return {'id': item, 'unread': True}
            raise

    async def _list(self, path: str, charge: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        """Return the refunds or disputes of a charge; None if the key may not read them."""
        try:
            items: list[dict[str, Any]] = (await self._api.read(path, charge=charge['id'], limit=100))['data']
        except PaymentsUnavailable as error:
            if is_forbidden(error):
                return None
            raise
        return items

    async def _find(self, path: str, **params: Any) -> dict[str, Any] | None:
        """Read something as plain data; None when it, or what the parameters name, is not in this account."""
        try:
            return await self._api.read(path, **params)
        except PaymentsUnavailable as error:
            if means_missing(error):
                return None
            raise

    def _session_params(self, order: Order, page: CheckoutPage) -> dict[str, Any]:
        return session_params(order, domain=self._domain, page=page, skew=self._whole_hours_of_skew())

    def _whole_hours_of_skew(self) -> timedelta:
        """Return what to add to a time of ours for Stripe; the same for each request of one attempt."""
        return timedelta(hours=round(self.clock.skew / timedelta(hours=1)))

    def _check_url(self, url: str | None) -> None:
        parts = urlsplit(url or '')
        secure = parts.scheme == 'https' or (self._is_sandbox and parts.scheme == 'http')
        if not secure or parts.hostname not in self._hosts:
            raise PaymentsUnavailable(f'the payment page is at an unexpected host: {parts.hostname}')
