"""Customers whose browsers stay connected: a page each, and a websocket as NiceGUI's script opens it."""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from websockets.asyncio.client import ClientConnection, connect

CLIENT = re.compile(rb"'client_id': '([\w-]+)'")
SOCKET = (
    '{url}/_nicegui_ws/socket.io/?EIO=4&transport=websocket&client_id={client}&next_message_id=0'
    '&implicit_handshake=true&document_id={document}&tab_id={tab}'
)
OPEN, PING, PONG, CONNECT, CONNECTED = '0', '2', '3', '40', '40'
"""What a packet begins with (socket.io/docs/v4/engine-io-protocol and .../socket-io-protocol)."""
AT_ONCE = 20  # customers who connect at the same time
PATIENCE = 30.0  # seconds for one of them


@asynccontextmanager
async def connected(url: str, pages: list[bytes]) -> AsyncIterator[None]:
    """Keep a customer connected on each of these pages for as long as the block lasts.

    Args:
        url: of the server.
        pages: as the server gave them; each can be connected once.

    Raises:
        RuntimeError: a page is none of NiceGUI's, or the server refuses its connection.
    """
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as answering:
        turn = asyncio.Semaphore(AT_ONCE)

        async def arrive(page: bytes) -> ClientConnection:
            async with turn, asyncio.timeout(PATIENCE):
                return await stack.enter_async_context(await _open(url, page))

        sockets = await asyncio.gather(*map(arrive, pages))
        tasks = [answering.create_task(_answer(socket)) for socket in sockets]
        yield
        for task in tasks:
            task.cancel()


async def _open(url: str, page: bytes) -> connect:
    found = CLIENT.search(page)
    if found is None:
        raise RuntimeError('a page without a client of NiceGUI')
    address = SOCKET.format(
        url=url.replace('http', 'ws', 1), client=found[1].decode(), document=uuid.uuid4(), tab=uuid.uuid4()
    )
    return connect(address, compression=None, ping_interval=None, max_size=None, proxy=None)


async def _answer(socket: ClientConnection) -> None:
    """Say that one is still there, whenever the server asks."""
    async for message in socket:
        if message == PING:
            await socket.send(PONG)
