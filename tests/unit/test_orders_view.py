"""The view of the list of orders and its URL."""

from datetime import UTC, date, datetime
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis.strategies import booleans, builds, dates, datetimes, dictionaries, none, sampled_from, text

from services.admin.orders_view import MODES, OrdersView, cursor_of, position_from
from services.ledger.search import Booked, Position, SortKey
from services.orders import State, plain_text

NAMES = ('q', 'state', 'booked', 'sort', 'order', 'from', 'to', 'environment', 'after', 'before')
TEXTS = text(max_size=40).map(plain_text).map(str.strip)
POSITIONS = builds(Position, datetimes(timezones=sampled_from([UTC])), text('abc123', min_size=1))
CURSORS = POSITIONS.map(cursor_of)
VIEWS = builds(
    OrdersView,
    text=TEXTS,
    state=none() | sampled_from(State),
    booked=none() | sampled_from(Booked),
    sort=sampled_from(SortKey),
    oldest_first=booleans(),
    since=none() | dates(),
    until=none() | dates(),
    mode=sampled_from(('', *MODES)),
    after=CURSORS,
)


@given(VIEWS)
def test_a_view_survives_its_url(view: OrdersView) -> None:
    """What a URL carries is the view that was written into it."""
    assert OrdersView.from_query(dict(parse_qsl(view.to_query(), keep_blank_values=True))) == view


@given(dictionaries(sampled_from(NAMES), text(max_size=60)))
def test_no_query_is_an_error(query: dict[str, str]) -> None:
    """Whatever a URL says, it is a view, and that view survives its own URL."""
    view = OrdersView.from_query(query)
    assert OrdersView.from_query(dict(parse_qsl(view.to_query(), keep_blank_values=True))) == view


@pytest.mark.parametrize(
    'query',
    [
        {'state': 'sold'},
        {'booked': 'perhaps'},
        {'sort': 'amount'},
        {'order': 'newest'},
        {'from': '2026-02-30', 'to': 'today'},
        {'environment': 'production'},
        {'after': 'x', 'before': 'AAAA'},
        {'after': cursor_of(Position(datetime(2026, 1, 1, tzinfo=UTC), ' '))[:-2]},
        {'q': '  \x00\n '},
        {'unknown': '1'},
    ],
)
def test_a_bad_value_is_the_default(query: dict[str, str]) -> None:
    """A value that cannot be read is left out."""
    assert OrdersView.from_query(query) == OrdersView()


def test_a_url_is_short_and_readable() -> None:
    """Only what is set is in the URL."""
    assert OrdersView().to_query() == ''
    view = OrdersView(text='ann@x.test', booked=Booked.NO, since=date(2026, 11, 1))
    assert view.to_query() == 'q=ann%40x.test&booked=no&from=2026-11-01'


def test_a_filter_begins_at_the_start() -> None:
    """Another filter forgets the page that somebody was on."""
    view = OrdersView(after=cursor_of(Position(datetime(2026, 1, 1, tzinfo=UTC), 'o1')))
    assert view.changed(state=State.PAID) == OrdersView(state=State.PAID)


def test_of_two_cursors_the_first_holds() -> None:
    """A page begins after a place or ends before one, not both."""
    cursor = cursor_of(Position(datetime(2026, 1, 1, tzinfo=UTC), 'o1'))
    assert OrdersView.from_query({'after': cursor, 'before': cursor}) == OrdersView(after=cursor)


@given(POSITIONS)
def test_a_cursor_is_read_as_it_was_written(position: Position) -> None:
    """A cursor holds the time to the microsecond, and the id."""
    assert position_from(cursor_of(position)) == position
