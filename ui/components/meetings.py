"""A meeting as customers see it: its time in the zone it was booked in, and the links to change it."""

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.dates import format_date, format_time, get_timezone_name
from markupsafe import Markup

from services.orders import Booking, BookingState, Order
from ui.components.builder import h, join

LOCALE = 'en_US'
WEB = ('https://', 'http://')


def on_day(time: datetime) -> str:
    """The day for a receipt, in UTC."""
    return f'{format_date(time.astimezone(UTC), "MMMM d, y", LOCALE)} (UTC)'


def zone_of(booking: Booking) -> tzinfo:
    """The time zone a meeting was booked in; UTC if it is unknown."""
    try:
        return ZoneInfo(booking.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def meeting(booking: Booking, order: Order, now: datetime, *, moved: bool = False) -> Markup:
    """Build the block of one meeting.

    Args:
        booking: the meeting.
        order: whose it is; when its calendar is closed, a meeting can only be cancelled.
        now: in UTC.
        moved: another meeting replaced it.
    """
    active = booking.state is BookingState.ACTIVE
    to_come = active and booking.end > now
    day, hours, zone = _written(booking)
    title = 'Your session' if to_come else 'This session is over' if active else _ended(moved)
    where = h('p', _place(booking)) if booking.place and to_come and order.opens_calendar else None
    struck = None if active else 'gone'
    time = join(
        h('p', h('strong', day, class_=struck)), h('p', h('strong', hours, class_=struck)), h('p', zone)
    )
    return h('div', h('h2', title), time, where, _links(booking, order) if to_come else None, class_='when')


def _ended(moved: bool) -> str:
    return 'This session was moved' if moved else 'This session was canceled'


def _written(booking: Booking) -> tuple[str, str, str]:
    start, end = (time.astimezone(zone_of(booking)) for time in (booking.start, booking.end))
    zone = get_timezone_name(start, locale=LOCALE)
    begins, ends = (format_time(time, 'h:mm a', locale=LOCALE) for time in (start, end))
    return format_date(start, 'EEEE, MMMM d, y', LOCALE), f'{begins} to {ends}', zone


def _place(booking: Booking) -> Markup:
    if booking.place.startswith(WEB):
        return join('Where: ', _outside('Join the meeting', booking.place))
    return join('Where: ', booking.place)


def _links(booking: Booking, order: Order) -> Markup | None:
    file = h('a', 'Add to my calendar', href=f'/order/{order.token}/session.ics', download='session.ics')
    links = {'Choose another time': booking.reschedule_url} if order.opens_calendar else {}
    links |= {'Cancel the session': booking.cancel_url}
    anchors = [_outside(words, url) for words, url in links.items() if url.startswith(WEB)]
    if order.opens_calendar:
        anchors.insert(0, file)
    return h('p', *anchors, class_='links') if anchors else None


def _outside(words: str, url: str) -> Markup:
    return h('a', words, href=url, target='_blank', rel='noopener noreferrer')
