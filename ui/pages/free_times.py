"""What is said of the free times beside a pay button, in the zone of the shop."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time, get_timezone_name
from markupsafe import Markup

from services.availability import FreeTimes
from services.shop import Shop
from services.site import Contact
from ui.components.builder import h
from ui.components.layout import contact_sentence
from ui.components.meetings import LOCALE

NOT_KNOWN_NOW = Markup('&nbsp;')  # keeps the space, so that nothing moves when they become known
NOTHING_FREE = 'No time is free in the next 31 days.'
ASK_FIRST = 'Please ask us before you pay.'
PAY_LATER = 'You can pay here again as soon as one is free.'


def free_times_note(shop: Shop) -> Markup:
    """Build what is known of the free times; '' where it cannot be known."""
    availability = shop.availability
    if not availability.can_be_known:
        return Markup('')
    known = availability.for_page()
    if known is None:
        return NOT_KNOWN_NOW
    if not known.starts:
        return _nothing_free(shop.site.contact, availability.sells)
    zone = shop.site.business.zone
    return _next_free(known, datetime.now(UTC).astimezone(zone).date(), zone)


@lru_cache(maxsize=2)
def _nothing_free(contact: Contact, sells: bool) -> Markup:
    words = h('strong', NOTHING_FREE), ' ', ASK_FIRST if sells else PAY_LATER
    return h('div', h('p', *words), contact_sentence(contact), class_='notice')


@lru_cache(maxsize=2)
def _next_free(known: FreeTimes, today: date, zone: ZoneInfo) -> Markup:
    first = known.starts[0]
    when, zone_name = written(first, zone)
    time = h('strong', h('time', when, datetime=f'{first:%Y-%m-%dT%H:%M:%SZ}'))
    return h('p', f'Next free ({zone_name}): ', time, f' {and_more(known.starts, today, zone)}')


def written(time: datetime, zone: ZoneInfo) -> tuple[str, str]:
    """Write a time as it is in a zone, and the name of the zone at that time."""
    local = time.astimezone(zone)
    day, clock = format_date(local, 'EEE, MMM d', LOCALE), format_time(local, 'h:mm a', locale=LOCALE)
    return f'{day}, {clock}', get_timezone_name(local, locale=LOCALE)


def and_more(starts: tuple[datetime, ...], today: date, zone: ZoneInfo) -> str:
    """Say how many times are free besides the first: in its week, else until the last one.

    Args:
        starts: the free times, soonest first.
        today: in the zone.
        zone: the one whose days count.
    """
    days = [start.astimezone(zone).date() for start in starts]
    week = _week_of(days[0])
    in_week = sum(_week_of(day) == week for day in days[1:])
    if in_week:
        name = {0: 'this week', 7: 'next week'}.get((week - _week_of(today)).days, 'in the same week')
        return f'and {in_week} more {name}'
    later = len(days) - 1
    return f'and {later} more until {format_date(days[-1], "MMMM d", LOCALE)}' if later else ''


def _week_of(day: date) -> date:
    """The first day of a day's week, which is a Sunday in the United States."""
    return day - timedelta(days=(day.weekday() - Locale.parse(LOCALE).first_week_day) % 7)
