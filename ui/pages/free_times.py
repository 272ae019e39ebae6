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
from ui.components.elements import Static
from ui.components.layout import contact_sentence, contact_words
from ui.components.meetings import LOCALE

NOT_KNOWN_NOW = Markup('&nbsp;')  # keeps the space, so that nothing moves when they become known
NOTHING_FREE = 'No time is free in the next 31 days.'
ASK_FIRST = 'Please ask us before you pay.'
PAY_LATER = 'You can pay here again as soon as one is free.'


class FreeTimesNote:
    """What is said beside one button; nothing on an open page moves when it changes.

    It keeps the room and the place of what the page was loaded with: what comes later is shown in them.
    The room is in ``ui/components/theme.css``.
    """

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._is_noted = shop.availability.nothing_free
        self._element = Static(free_times_note(shop)).classes(
            'free-times noted' if self._is_noted else 'free-times'
        )

    def update(self, *, is_shown: bool = True) -> None:
        """Show what is known now, or nothing."""
        note = free_times_note(self._shop, in_a_line=not self._is_noted) if is_shown else Markup('')
        self._element.show(note)


def free_times_note(shop: Shop, *, in_a_line: bool = False) -> Markup:
    """Build what is known of the free times; '' where it cannot be known.

    Args:
        shop: whose times they are.
        in_a_line: that none is free is said without a box, in the room of the next free time.
    """
    availability = shop.availability
    if not availability.can_be_known:
        return Markup('')
    known = availability.for_page()
    if known is None:
        return NOT_KNOWN_NOW
    if not known.starts:
        return nothing_free(shop.site.contact, availability.sells, in_a_line)
    zone = shop.site.business.zone
    return next_free(known, datetime.now(UTC).astimezone(zone).date(), zone)


@lru_cache(maxsize=4)
def nothing_free(contact: Contact, sells: bool, in_a_line: bool) -> Markup:
    """Say that no time is free, and whether one can pay."""
    words = h('b', NOTHING_FREE), ' ', ASK_FIRST if sells else PAY_LATER
    if in_a_line:
        return h('p', *words, ' ', contact_words(contact), class_='later')
    return h('div', h('p', *words), contact_sentence(contact), class_='notice')


@lru_cache(maxsize=2)
def next_free(known: FreeTimes, today: date, zone: ZoneInfo) -> Markup:
    """Say when the next time is free, and how many more there are."""
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
