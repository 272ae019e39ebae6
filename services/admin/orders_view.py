"""A view of the orders: what is searched, filtered and sorted, as the query string of a URL and back."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlencode

from services.ledger.search import Booked, Position, SortKey
from services.orders import State, plain_text

LONGEST_TEXT = 254
ALL = 'all'
MODES = ('demo', 'test', 'live', ALL)


@dataclass(frozen=True)
class OrdersView:
    """What the list of orders shows.

    Attributes:
        text: what is searched for, '' for everything.
        state: only orders in this state.
        booked: only orders of which this is known.
        sort: the time that the list is sorted by, and that ``since`` and ``until`` limit.
        oldest_first: whether it begins with the oldest.
        since: the first day of the period, in the zone of the shop.
        until: its last day.
        mode: '' for the configured environment, else demo, test, live or all.
        after: where the page begins, '' for the start of the list.
        before: where the page ends, when somebody pages backwards.
    """

    text: str = ''
    state: State | None = None
    booked: Booked | None = None
    sort: SortKey = SortKey.CREATED
    oldest_first: bool = False
    since: date | None = None
    until: date | None = None
    mode: str = ''
    after: str = ''
    before: str = ''

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> 'OrdersView':
        """Read a view from the parameters of a URL; a value that cannot be read is left out.

        Args:
            query: the parameters: q, state, booked, sort, order, from, to, environment, after, before.
        """
        after, before = query.get('after', ''), query.get('before', '')
        return cls(
            text=plain_text(query.get('q'), limit=LONGEST_TEXT).strip(),
            state=_member(State, query.get('state')),
            booked=_member(Booked, query.get('booked')),
            sort=_member(SortKey, query.get('sort')) or SortKey.CREATED,
            oldest_first=query.get('order') == 'oldest',
            since=_day(query.get('from')),
            until=_day(query.get('to')),
            mode=mode if (mode := query.get('environment', '')) in MODES else '',
            after=after if position_from(after) else '',
            before=before if position_from(before) and not position_from(after) else '',
        )

    def to_query(self) -> str:
        """Write the view as a query string without the question mark; what is not set is left out."""
        return urlencode(dict(self.pairs()))

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Return the parameters of the URL, as the hidden fields of a form want them."""
        values = {
            'q': self.text,
            'state': self.state or '',
            'booked': self.booked or '',
            'sort': '' if self.sort is SortKey.CREATED else self.sort,
            'order': 'oldest' if self.oldest_first else '',
            'from': self.since.isoformat() if self.since else '',
            'to': self.until.isoformat() if self.until else '',
            'environment': self.mode,
            'after': self.after,
            'before': self.before,
        }
        return tuple((name, str(value)) for name, value in values.items() if value)

    def changed(self, **changes: Any) -> 'OrdersView':
        """Return another view that begins at its start, for the links of filters and columns."""
        return replace(self, **{'after': '', 'before': ''} | changes)


def position_from(cursor: str) -> Position | None:
    """Read a cursor; None if it is none of ours."""
    try:
        text = urlsafe_b64decode(cursor.encode()).decode()
        moment, separator, order_id = text.partition('~')
        at = datetime.fromisoformat(moment)
    except ValueError:
        return None
    if not (separator and order_id.isprintable() and order_id and at.tzinfo):
        return None
    return Position(at.astimezone(UTC), order_id)


def cursor_of(position: Position) -> str:
    """Write a position as a cursor."""
    text = f'{position.at.isoformat()}~{position.order_id}'
    return urlsafe_b64encode(text.encode()).decode()


def _member(kind: Any, value: str | None) -> Any:
    return next((member for member in kind if member == value), None)


def _day(value: str | None) -> date | None:
    try:
        return date.fromisoformat(value or '')
    except ValueError:
        return None
