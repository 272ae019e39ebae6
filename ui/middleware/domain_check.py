"""A middleware that says once that DOMAIN was left at this machine while customers come from the internet."""

import logging

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from services.settings.urls import is_public

log = logging.getLogger(__name__)


class DomainCheckMiddleware:
    """Compares the Host header with DOMAIN: Stripe sends customers back to DOMAIN after they have paid."""

    def __init__(self, app: ASGIApp, *, domain: str) -> None:
        """Make it.

        Args:
            app: what it wraps.
            domain: the shop's address, as the operator set it.
        """
        self._app = app
        self._domain = domain
        self._may_be_wrong = not is_public(domain)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if self._may_be_wrong and scope['type'] == 'http':
            host = Headers(scope=scope).get('host', '')
            if is_public(f'http://{host}'):
                self._may_be_wrong = False  # once is enough
                log.warning(
                    'somebody came to %.80s, but DOMAIN is %s: customers who have paid would be sent there. '
                    'Set DOMAIN to the URL that customers type',
                    host,
                    self._domain,
                )
        await self._app(scope, receive, send)
