"""How long our pages take to build, told by the template of their address, so that no token is told."""

import time
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.middleware.early_flush import is_page


class TimingMiddleware:
    """ASGI middleware: from the request to the first byte of every page of ours."""

    def __init__(self, app: ASGIApp, *, told: Callable[[str, float], object]) -> None:
        """Wrap an application.

        Args:
            app: what builds the pages.
            told: called with the template of the address and the seconds it took.
        """
        self._app = app
        self._told = told

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and look at the clock."""
        if scope['type'] != 'http':
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()

        async def send_and_tell(message: Message) -> None:
            await send(message)
            if message['type'] != 'http.response.start' or message['status'] != 200:
                return
            if is_page(message) and 'route' in scope:
                self._told(scope['route'].path, time.perf_counter() - begun)

        await self._app(scope, receive, send_and_tell)
