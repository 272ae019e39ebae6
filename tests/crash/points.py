"""Fault points, inside a shop under test: before and after each commit and each question to the outside.

The product knows nothing of them: they are put around the one function that commits, and around the one
transport that asks.
"""

import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import httpx
from sqlalchemy import Connection

from services.ledger import Store
from services.reconciler import Reconciler

T = TypeVar('T')

TRACE, DEADLY = 'trace', 'deadly'
ROUND_BEGINS, ROUND_ENDS, MORE = 'round begins', 'round ends', ', more to do'
ENDPOINTS = {
    'ui.pages.checkout_form': 'button',
    'ui.pages.order': 'order page',
    'services.endpoints.webhooks': 'webhook',
    'services.reconciler.reconciler': 'reconciler',
    'services.catalog': 'price',
    'services.shop': 'start',
}
COMMITS = {'add': 'order written down', 'note': 'delivery noted', 'settle': 'delivery settled'}
IDS = (
    (re.compile(r'\b(cs|pi|ch|price|evt)_\w+'), r'\1_…'),
    (re.compile(r'; seems paid twice: see .*'), ''),  # customers of a test share a few cards
    (re.compile(r'\b[2-9A-Z]{4}-[2-9A-Z]{4}\b'), '…'),
    (re.compile(r'\b\d{4,} (?=usd)'), '… '),
    (re.compile(r'^(\w+ )/(stripe|calendly)/'), r'\1/'),
)


class Points:
    """What a shop under test passes: each point is written down, and at the deadly one the process dies."""

    def __init__(self, folder: Path) -> None:
        """Make them.

        Args:
            folder: holds the trace, and the name of the deadly point while there is one.
        """
        self._trace = os.open(folder / TRACE, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._deadly = folder / DEADLY

    def tell(self, what: str) -> None:
        """Write down what happens; it is with the kernel when this returns."""
        os.write(self._trace, f'{what}\n'.encode())

    def reach(self, name: str) -> None:
        """Pass a point, or do not."""
        self.tell(name)
        if self._deadly.exists() and self._deadly.read_text() == name:
            os.kill(os.getpid(), signal.SIGKILL)


def install(points: Points) -> None:
    """Put the points into this process."""
    _around_commits(points)
    _around_questions(points)
    _around_rounds(points)


def _around_commits(points: Points) -> None:
    write = Store.write

    async def watched(self: Store, work: Callable[[Connection], T]) -> T:
        endpoint, what = _endpoint(), _commit()

        def to_the_end(connection: Connection) -> T:
            result = work(connection)
            points.reach(f'{endpoint}: before commit: {what}')
            return result

        result = await write(self, to_the_end)
        points.reach(f'{endpoint}: after commit: {what}')
        return result

    Store.write = watched  # type: ignore[method-assign]


def _around_questions(points: Points) -> None:
    ask = httpx.AsyncHTTPTransport.handle_async_request

    async def watched(self: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        endpoint, what = _endpoint(), _without_ids(f'{request.method} {request.url.path}')
        points.reach(f'{endpoint}: before asking: {what}')
        answer = await ask(self, request)
        points.reach(f'{endpoint}: after asking: {what}')
        return answer

    httpx.AsyncHTTPTransport.handle_async_request = watched  # type: ignore[method-assign]


def _around_rounds(points: Points) -> None:
    go_round = Reconciler.round

    async def watched(self: Reconciler) -> bool:
        points.tell(ROUND_BEGINS)
        more = await go_round(self)
        points.tell(ROUND_ENDS + MORE * more)
        return more

    Reconciler.round = watched  # type: ignore[method-assign]


def _endpoint() -> str:
    """Say at which endpoint it began: the outermost function of ours that awaits what happens now."""
    for frame in reversed(list(_frames())):
        if endpoint := ENDPOINTS.get(frame.f_globals['__name__']):
            return 'return' if frame.f_code.co_name == 'success' else endpoint
    return 'elsewhere'


def _commit() -> str:
    """Say what is about to be committed, in the words of the journal where it has a line."""
    frame = next(each for each in _frames() if each.f_globals['__name__'].startswith('services.ledger'))
    local: dict[str, Any] = frame.f_locals
    if line := local.get('line'):
        return _without_ids(line)
    name = frame.f_code.co_name
    kind = local['delivery'].kind if 'delivery' in local else ''
    return ' '.join(filter(None, (COMMITS.get(name, name.replace('_', ' ')), kind)))


def _frames() -> Iterator[FrameType]:
    """The functions that wait for the caller's caller, nearest first."""
    frame: FrameType | None = sys._getframe(2)
    while frame:
        yield frame
        frame = frame.f_back


def _without_ids(text: str) -> str:
    for pattern, replacement in IDS:
        text = pattern.sub(replacement, text)
    return text
