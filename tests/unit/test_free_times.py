"""The words about free times: the zone by its name on both sides of a clock change, and right counts."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ui.pages.free_times import and_more, written

NEW_YORK, TOKYO = ZoneInfo('America/New_York'), ZoneInfo('Asia/Tokyo')
TUESDAY = datetime(2026, 12, 1, 15, tzinfo=UTC)  # 10:00 in New York
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ('time', 'when', 'zone_name'),
    [
        (datetime(2026, 10, 31, 14, tzinfo=UTC), 'Sat, Oct 31, 10:00 AM', 'Eastern Daylight Time'),
        (datetime(2026, 11, 1, 5, 30, tzinfo=UTC), 'Sun, Nov 1, 1:30 AM', 'Eastern Daylight Time'),
        (datetime(2026, 11, 1, 6, 30, tzinfo=UTC), 'Sun, Nov 1, 1:30 AM', 'Eastern Standard Time'),
        (datetime(2026, 11, 2, 15, tzinfo=UTC), 'Mon, Nov 2, 10:00 AM', 'Eastern Standard Time'),
        (datetime(2027, 3, 15, 14, tzinfo=UTC), 'Mon, Mar 15, 10:00 AM', 'Eastern Daylight Time'),
    ],
)
def test_a_time_is_written_in_the_zone_of_its_own_day(time: datetime, when: str, zone_name: str) -> None:
    """The offset and the name of the zone are those at that time, not those of today."""
    text, name = written(time, NEW_YORK)
    assert text.replace('\u202f', ' ') == when
    assert name == zone_name


def test_the_day_is_the_one_of_the_zone() -> None:
    """What is Tuesday in New York may be Wednesday in Tokyo."""
    text, name = written(TUESDAY, TOKYO)
    assert text.replace('\u202f', ' ') == 'Wed, Dec 2, 12:00 AM'
    assert name == 'Japan Standard Time'


@pytest.mark.parametrize(
    ('today', 'words'),
    [
        (date(2026, 11, 29), 'and 2 more this week'),
        (date(2026, 12, 1), 'and 2 more this week'),
        (date(2026, 11, 28), 'and 2 more next week'),
        (date(2026, 11, 22), 'and 2 more next week'),
        (date(2026, 11, 21), 'and 2 more in the same week'),
    ],
)
def test_the_week_is_named_from_sunday_on(today: date, words: str) -> None:
    """Two more times in the week of the first one; the week after that does not count."""
    starts = (TUESDAY, TUESDAY + HOUR, TUESDAY + 4 * DAY, TUESDAY + 5 * DAY, TUESDAY + 9 * DAY)
    assert and_more(starts, today, NEW_YORK) == words


def test_a_week_ends_at_midnight_of_the_zone() -> None:
    """Saturday, 11 PM in New York is Sunday in UTC, and belongs to the week that ends."""
    saturday = datetime(2026, 12, 6, 4, tzinfo=UTC)
    assert and_more((TUESDAY, saturday), date(2026, 12, 1), NEW_YORK) == 'and 1 more this week'
    assert and_more((TUESDAY, saturday + HOUR), date(2026, 12, 1), NEW_YORK) == 'and 1 more until December 6'


def test_a_single_time_has_no_more() -> None:
    """Nothing is said of other times where there are none."""
    assert and_more((TUESDAY,), date(2026, 12, 1), NEW_YORK) == ''
