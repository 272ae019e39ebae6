"""How long pages take to build, recorded by the template of their path, so that no token is recorded."""

import time
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.middleware.early_flush import is_page


class TimingMiddleware:
    """ASGI middleware that times every NiceGUI page, from the request to the first byte of the response."""

    def __init__(self, app: ASGIApp, *, record: Callable[[str, float], object]) -> None:
        """Wrap an application.

        Args:
            app: what builds the pages.
            record: called with the template of the path and the seconds it took.
        """
        self._app = app
        self._record = record

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and time its response."""
        if scope['type'] != 'http':
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()

        async def send_and_record(message: Message) -> None:
            await send(message)
            if message['type'] != 'http.response.start' or message['status'] != 200:
                return
            if is_page(message) and 'route' in scope:
                self._record(scope['route'].path, time.perf_counter() - began)

        await self._app(scope, receive, send_and_record)
