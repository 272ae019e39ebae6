"""Browsers that stay connected: each has a page, and a websocket as NiceGUI's script opens it."""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from websockets.asyncio.client import ClientConnection, connect

CLIENT_ID = re.compile(rb"'client_id': '([\w-]+)'")
WEBSOCKET = (
    '{url}/_nicegui_ws/socket.io/?EIO=4&transport=websocket&client_id={client}&next_message_id=0'
    '&implicit_handshake=true&document_id={document}&tab_id={tab}'
)
OPEN, PING, PONG, CONNECT, CONNECTED = '0', '2', '3', '40', '40'
"""Packets or their beginning (socket.io/docs/v4/engine-io-protocol and …/socket-io-protocol)."""
MAX_CONNECTING = 20  # websockets opened at the same time
TIMEOUT = 30.0  # seconds to open one of them


@asynccontextmanager
async def connected(url: str, pages: list[bytes]) -> AsyncIterator[None]:
    """Keep a websocket open for each of these pages for as long as the block lasts.

    Args:
        url: of the server.
        pages: as the server sent them; each can be connected once.

    Raises:
        RuntimeError: a page is not one of NiceGUI's, or the server refuses its websocket.
    """
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        connecting = asyncio.Semaphore(MAX_CONNECTING)

        async def open_one(page: bytes) -> ClientConnection:
            async with connecting, asyncio.timeout(TIMEOUT):
                return await stack.enter_async_context(open_page(url, page))

        websockets = await asyncio.gather(*map(open_one, pages))
        tasks = [group.create_task(_answer_pings(websocket)) for websocket in websockets]
        yield
        for task in tasks:
            task.cancel()


@asynccontextmanager
async def open_page(url: str, page: bytes) -> AsyncIterator[ClientConnection]:
    """Connect one page, as NiceGUI's script does.

    Args:
        url: of the server.
        page: as the server sent it.

    Raises:
        RuntimeError: the page is not one of NiceGUI's, or the server refuses its websocket.
    """
    found = CLIENT_ID.search(page)
    if found is None:
        raise RuntimeError('a page without a client id of NiceGUI')
    address = WEBSOCKET.format(
        url=url.replace('http', 'ws', 1), client=found[1].decode(), document=uuid.uuid4(), tab=uuid.uuid4()
    )
    async with connect(address, compression=None, ping_interval=None, max_size=None, proxy=None) as websocket:
        for sent, answer in (('', OPEN), (CONNECT, CONNECTED)):
            if sent:
                await websocket.send(sent)
            received = str(await websocket.recv())
            if not received.startswith(answer):
                raise RuntimeError(f'the server refuses a websocket: {received[:80]}')
        yield websocket


async def _answer_pings(websocket: ClientConnection) -> None:
    async for message in websocket:
        if message == PING:
            await websocket.send(PONG)
