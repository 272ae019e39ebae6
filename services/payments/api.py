"""Requests to Stripe's API: bounded in time, their failures translated once, missing permissions recorded."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import stripe

from services.errors import PaymentUnreachable
from services.payments.clock import DatedClient, StripeClock
from services.payments.errors import as_shop_error, without_body
from services.payments.permissions import MissingPermissions, needed_to_read

API_VERSION = '2026-10-28.endive'
DEADLINE = timedelta(seconds=8)  # for one request to Stripe, its retries included
TIMEOUT = httpx.Timeout(6, connect=2.5)
# The SDK would keep an id of this machine in the home directory and send it along.
stripe.enable_telemetry = False
RETRIES = 2  # with the same idempotency key; the SDK waits half a second and more in between


class StripeApi:
    """Sends every request of this shop to Stripe's API.

    Answers are plain data: making the SDK's objects of one takes longer than the request.
    """

    def __init__(self, secret_key: str, *, base: str, on_request: Callable[[str, float], object]) -> None:
        """Make it; nothing is requested yet.

        Args:
            secret_key: a secret or restricted key.
            base: another address of the API, or '' for Stripe's own.
            on_request: called after each request with 'ok' or the code of the error, and the seconds it took.
        """
        self.clock = StripeClock()
        self.missing = MissingPermissions()
        # Plain http (the sandbox) has no certificate, and reading all trusted ones takes long.
        secure = not base.startswith('http://')
        self._http = DatedClient(self.clock, timeout=TIMEOUT, verify_ssl_certs=secure)
        self._stripe = stripe.StripeClient(
            secret_key,
            base_addresses={'api': base} if base else None,
            http_client=self._http,
            max_network_retries=RETRIES,
            # Otherwise an update of the SDK would change what Stripe sends.
            stripe_version=API_VERSION,
        )
        self._on_request = on_request

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close_async()  # type: ignore[no-untyped-call]

    async def read(self, path: str, **params: Any) -> dict[str, Any]:
        """Read what a running shop needs; a permission for it that is missing is reported.

        Raises:
            ShopError: Stripe does not answer, or refuses.
        """
        return await self._send('get', path, params, permission=needed_to_read(path))

    async def read_in_set_up(self, path: str, **params: Any) -> dict[str, Any]:
        """Read what only the set-up needs; a running shop does not report its permission as missing.

        Raises:
            ShopError: Stripe does not answer, or refuses.
        """
        return await self._send('get', path, params)

    async def post(
        self, path: str, *, idempotency_key: str | None, permission: str = '', **params: Any
    ) -> dict[str, Any]:
        """Change something at Stripe.

        Args:
            path: of the request.
            idempotency_key: the same for a repetition of one request; None where a repetition does no harm:
                then the SDK makes one, for its own retries.
            permission: what it needs, '' for what only the operator's buttons need: that is not reported.
            params: what is sent.

        Raises:
            ShopError: Stripe does not answer, or refuses.
        """
        params['idempotency_key'] = idempotency_key
        return await self._send('post', path, params, permission=permission)

    async def delete(self, path: str) -> None:
        """Delete what is at a path.

        Raises:
            ShopError: Stripe does not answer, or refuses.
        """
        await self._send('delete', path, {})

    async def _send(
        self, method: str, path: str, params: Mapping[str, Any], *, permission: str = ''
    ) -> dict[str, Any]:
        async with self._request(permission):
            answer = await self._stripe.raw_request_async(method, path, **params)
        data: dict[str, Any] = answer.data
        return data

    @asynccontextmanager
    async def _request(self, permission: str) -> AsyncIterator[None]:
        """Bound a request to Stripe in time, translate its failures, and learn what the key may do."""
        begun, outcome = time.monotonic(), 'broken_off'
        try:
            async with asyncio.timeout(DEADLINE.total_seconds()):
                yield
            outcome = 'ok'
            self.missing.granted(permission)
        except TimeoutError as error:
            outcome = PaymentUnreachable.code
            raise PaymentUnreachable(f'no answer within {DEADLINE.total_seconds():.0f} s') from error
        except stripe.StripeError as refusal:
            cause = without_body(refusal)
            self.missing.record(cause, permission)
            failure = as_shop_error(cause)
            outcome = failure.code
            raise failure from cause
        finally:
            self._on_request(outcome, time.monotonic() - begun)
