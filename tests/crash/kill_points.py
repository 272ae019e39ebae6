"""Kill points inside a shop under test: before and after each commit, each outside request and each mail.

The product does not know about them. They are wrapped around the one method that commits and around the one
HTTP transport and the one client of the mail server.
"""

import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import httpx
from sqlalchemy import Connection

from services.ledger import Store
from services.mail import MailClient, Result
from services.reconciler import Reconciler

T = TypeVar('T')

TRACE, KILL_AT = 'trace', 'kill-at'
ROUND_BEGINS, ROUND_ENDS, MORE = 'round begins', 'round ends', ', more to do'
MAIL_MARKED = 'mail marked'
MAIL_CLAIMED = 'mail: after commit: claim'
MAIL_BEGINS = 'mail: before it is sent'
MAIL_ACCEPTED = 'mail: after the server accepted it'
ENTRY_POINTS = {
    'ui.pages.checkout_form': 'button',
    'ui.pages.success': 'return',
    'ui.pages.order': 'order page',
    'ui.admin.access': 'admin',
    'services.endpoints.webhooks': 'webhook',
    'services.reconciler.reconciler': 'reconciler',
    'services.messages.sender': 'mail',
    'services.reconciler.effects': 'effects',
    'services.reconciler.booking_reader': 'booking reader',
    'services.catalog': 'price',
    'services.shop.shop': 'start',
}
COMMITS = {
    'add': 'order added',
    'record': 'delivery recorded',
    'mark_handled': 'delivery handled',
    'finish': MAIL_MARKED,
}
IDS = (
    (re.compile(r'\b(cs|pi|ch|re|price|evt)_\w+'), r'\1_…'),
    (re.compile(r'; seems paid twice: see .*'), ''),  # customers of a test share a few cards
    (re.compile(r'\b[2-9A-Z]{4}-[2-9A-Z]{4}\b'), '…'),
    (re.compile(r'\b\d{4,} (?=usd)'), '… '),
    (re.compile(r'^(\w+ )/(stripe|calendly)/'), r'\1/'),
    (re.compile(r'/[0-9a-f]{8}-[0-9a-f-]{27}'), '/…'),
)


class KillPoints:
    """Writes each point that the shop passes to a trace, and kills the process at the chosen one."""

    def __init__(self, folder: Path) -> None:
        """Open the trace.

        Args:
            folder: holds the trace and, while one is chosen, the file with the name of the point to die at.
        """
        self._trace = os.open(folder / TRACE, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._kill_at = folder / KILL_AT

    def record(self, line: str) -> None:
        """Append a line to the trace; the kernel has it when this returns."""
        os.write(self._trace, f'{line}\n'.encode())

    def reach(self, name: str) -> None:
        """Record a point, and kill this process if the point is the chosen one."""
        self.record(name)
        if self._kill_at.exists() and self._kill_at.read_text() == name:
            os.kill(os.getpid(), signal.SIGKILL)


def install(points: KillPoints) -> None:
    """Put the kill points into this process."""
    _around_commits(points)
    _around_requests(points)
    _around_mails(points)
    _around_rounds(points)


def _around_commits(points: KillPoints) -> None:
    write = Store.write

    async def traced(self: Store, work: Callable[[Connection], T]) -> T:
        entry_point, commit = _entry_point(), _commit()

        def before_commit(connection: Connection) -> T:
            result = work(connection)
            points.reach(f'{entry_point}: before commit: {commit}')
            return result

        result = await write(self, before_commit)
        points.reach(f'{entry_point}: after commit: {commit}')
        return result

    Store.write = traced  # type: ignore[method-assign]


def _around_requests(points: KillPoints) -> None:
    send = httpx.AsyncHTTPTransport.handle_async_request

    async def traced(self: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        entry_point, line = _entry_point(), _without_ids(f'{request.method} {request.url.path}')
        points.reach(f'{entry_point}: before request: {line}')
        response = await send(self, request)
        points.reach(f'{entry_point}: after response: {line}')
        return response

    httpx.AsyncHTTPTransport.handle_async_request = traced  # type: ignore[method-assign]


def _around_mails(points: KillPoints) -> None:
    send = MailClient.send

    async def traced(self: MailClient, mail: EmailMessage, *, to: str) -> Result:
        points.reach(MAIL_BEGINS)
        result = await send(self, mail, to=to)
        points.reach(MAIL_ACCEPTED)
        return result

    MailClient.send = traced  # type: ignore[method-assign]


def _around_rounds(points: KillPoints) -> None:
    run_round = Reconciler.round

    async def traced(self: Reconciler) -> bool:
        points.record(ROUND_BEGINS)
        more = await run_round(self)
        points.record(ROUND_ENDS + MORE * more)
        return more

    Reconciler.round = traced  # type: ignore[method-assign]


def _entry_point() -> str:
    """Return where the work began: the outermost of our functions that awaits what happens now."""
    for frame in reversed(list(_frames())):
        if entry_point := ENTRY_POINTS.get(frame.f_globals['__name__']):
            return entry_point
    return 'elsewhere'


def _commit() -> str:
    """Return what is about to be committed: the journal's line if there is one, else the ledger's method."""
    frame = next(each for each in _frames() if each.f_globals['__name__'].startswith('services.ledger'))
    local: dict[str, Any] = frame.f_locals
    if line := local.get('line'):
        return _without_ids(line)
    name = frame.f_code.co_name
    kind = local['delivery'].kind if 'delivery' in local else ''
    return ' '.join(filter(None, (COMMITS.get(name, name.replace('_', ' ')), kind)))


def _frames() -> Iterator[FrameType]:
    """Yield the frames that wait for the caller's caller, nearest first."""
    frame: FrameType | None = sys._getframe(2)
    while frame:
        yield frame
        frame = frame.f_back


def _without_ids(text: str) -> str:
    for pattern, replacement in IDS:
        text = pattern.sub(replacement, text)
    return text
