"""Stripe's lists, a page at a time: events, and completed sessions."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.errors import BadRequest
from services.payments.api import StripeApi
from services.payments.events import RELEVANT, SESSION_EVENTS, named_by

PAGE = 100  # entries; Stripe gives no more at once


@dataclass(frozen=True)
class ListEntry:
    """One entry of a list: its id, the kind of event, the object it is about, and the shop it belongs to.

    ``domain`` is '' where the entry does not say it.
    """

    id: str
    kind: str
    object_id: str
    domain: str = ''


@dataclass(frozen=True)
class ListPage:
    """One page of a list, newest first; ``last`` is where the next page begins, '' at the end."""

    entries: tuple[ListEntry, ...]
    last: str


class Listing:
    """What happened at Stripe, whether or not it was delivered."""

    def __init__(self, api: StripeApi, *, skew: Callable[[], timedelta]) -> None:
        """Make it; nothing is requested yet.

        Args:
            api: sends the requests.
            skew: how far Stripe's clock is ahead of ours; the times given below are ours.
        """
        self._api = api
        self._skew = skew

    async def events(self, *, since: datetime, until: datetime, after: str) -> ListPage:
        """Read relevant events that were made between two times, whatever became of their delivery.

        Args:
            since: the earliest time, in UTC; Stripe keeps events for thirty days.
            until: the latest time, in UTC.
            after: the ``last`` of the page before, '' for the first.

        Raises:
            ShopError: Stripe does not answer, or the key has no right to read events.
        """
        range_ = self._range(since, until, after)
        return _page(await self._api.read('/v1/events', types=sorted(RELEVANT), **range_), _of_event)

    async def completed_sessions(self, *, since: datetime, until: datetime, after: str) -> ListPage:
        """Read sessions that were opened between two times and have been completed; arguments as above."""
        range_ = self._range(since, until, after)
        return _page(await self._api.read('/v1/checkout/sessions', status='complete', **range_), _of_session)

    def _range(self, since: datetime, until: datetime, after: str) -> dict[str, Any]:
        skew = self._skew()
        late = 1 if skew else 0  # the skew is known to a second
        created = {'gte': int((since + skew).timestamp()), 'lte': int((until + skew).timestamp()) + late}
        return {'limit': PAGE, 'created': created} | ({'starting_after': after} if after else {})


def _page(answer: dict[str, Any], entry: Callable[[dict[str, Any]], ListEntry]) -> ListPage:
    data = answer['data']
    return ListPage(tuple(map(entry, data)), data[-1]['id'] if answer.get('has_more') and data else '')


def _of_event(event: dict[str, Any]) -> ListEntry:
    try:
        event_id, kind, object_id = named_by(event)
    except BadRequest:  # nothing of ours has such a form
        return ListEntry(str(event.get('id')), '', '')
    metadata = event['data']['object'].get('metadata') if kind in SESSION_EVENTS else None
    return ListEntry(event_id, kind, object_id, _domain(metadata))


def _of_session(session: dict[str, Any]) -> ListEntry:
    kind = 'checkout.session.completed'
    return ListEntry(session['id'], kind, session['id'], _domain(session.get('metadata')))


def _domain(metadata: Any) -> str:
    """Return the shop that a session belongs to; one without our metadata belongs to nobody."""
    return str((metadata or {}).get('domain') or 'nobody') if metadata is not None else ''
