"""Stripe's lists, a page at a time: what happened, and which sessions were completed."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.errors import BadRequest
from services.payments.events import RELEVANT, SESSION_EVENTS, named_by

PAGE = 100  # entries; Stripe gives no more at once


@dataclass(frozen=True)
class ListEntry:
    """One entry of a list: its id, the kind of event, what it is about, and which shop's it says it is.

    ``shop`` is '' where the entry does not tell.
    """

    id: str
    kind: str
    about: str
    shop: str = ''


@dataclass(frozen=True)
class Page:
    """A stretch of a list, newest first; ``last`` is where the next page goes on, '' at the end."""

    entries: tuple[ListEntry, ...]
    last: str


class Listing:
    """What happened at Stripe, whether or not we were told."""

    def __init__(self, read: Callable[..., Awaitable[dict[str, Any]]]) -> None:
        self._read = read

    async def events(self, *, since: datetime, until: datetime, after: str) -> Page:
        """Read relevant events that were made between two moments, whatever became of their delivery.

        Args:
            since: the earliest moment, in UTC; Stripe keeps events for thirty days.
            until: the latest moment, in UTC.
            after: the ``last`` of the page before, '' for the first.

        Raises:
            ShopError: Stripe does not answer, or the key has no right to read events.
        """
        stretch = _stretch(since, until, after)
        return _page(await self._read('/v1/events', types=sorted(RELEVANT), **stretch), _of_event)

    async def completed_sessions(self, *, since: datetime, until: datetime, after: str) -> Page:
        """Read sessions that were opened between two moments and have been completed; arguments as above."""
        stretch = _stretch(since, until, after)
        return _page(await self._read('/v1/checkout/sessions', status='complete', **stretch), _of_session)


def _stretch(since: datetime, until: datetime, after: str) -> dict[str, Any]:
    created = {'gte': int(since.timestamp()), 'lte': int(until.timestamp())}
    return {'limit': PAGE, 'created': created} | ({'starting_after': after} if after else {})


def _page(answer: dict[str, Any], entry: Callable[[dict[str, Any]], ListEntry]) -> Page:
    data = answer['data']
    return Page(tuple(map(entry, data)), data[-1]['id'] if answer.get('has_more') and data else '')


def _of_event(event: dict[str, Any]) -> ListEntry:
    try:
        event_id, kind, about = named_by(event)
    except BadRequest:  # nothing of ours has such a form
        return ListEntry(str(event.get('id')), '', '')
    metadata = event['data']['object'].get('metadata') if kind in SESSION_EVENTS else None
    return ListEntry(event_id, kind, about, _shop(metadata))


def _of_session(session: dict[str, Any]) -> ListEntry:
    kind = 'checkout.session.completed'
    return ListEntry(session['id'], kind, session['id'], _shop(session.get('metadata')))


def _shop(metadata: Any) -> str:
    """Say whose a session is: a session without our metadata is nobody's."""
    return str((metadata or {}).get('shop') or 'nobody') if metadata is not None else ''
