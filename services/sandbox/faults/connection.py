"""Drop the connection of a request without a response.

ASGI does not expose the socket. It is found among the open files of the process by the peer address in the
scope, and shut down below the server: the client sees the end of the stream under any server and middleware.
"""

import asyncio
import contextlib
import os
import socket
import stat
import struct
from pathlib import Path

from starlette.responses import Response
from starlette.types import Receive, Scope, Send


async def drop(scope: Scope, receive: Receive, send: Send | None = None) -> None:
    """Drop the connection; outer middleware still gets a response, which the client never sees."""
    _shut_down(scope)
    await wait_for_disconnect(receive, 1.0)
    if send is not None:
        await Response(status_code=499)(scope, receive, send)


async def wait_for_disconnect(receive: Receive, seconds: float) -> None:
    """Wait until the client has disconnected, at most `seconds`."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while (await receive())['type'] != 'http.disconnect':
                pass


def _shut_down(scope: Scope) -> None:
    peer = tuple(scope.get('client') or ())
    for name in [path.name for path in Path('/dev/fd').iterdir()]:
        with contextlib.suppress(OSError, ValueError):
            if not stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                continue
            found = socket.socket(fileno=os.dup(int(name)))
            with found:
                if found.family in (socket.AF_INET, socket.AF_INET6) and found.getpeername()[:2] == peer:
                    found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
                    found.shutdown(socket.SHUT_RDWR)
