"""Meetings for people: the time in the zone it was booked in, and what can still be done about it."""

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.dates import format_date, format_time, get_timezone_name
from markupsafe import Markup

from services.orders import Booking, Order
from ui.components.builder import h, join

LOCALE = 'en_US'
WEB = ('https://', 'http://')


def on_day(moment: datetime) -> str:
    """A day for a receipt, in UTC."""
    return f'{format_date(moment.astimezone(UTC), "MMMM d, y", LOCALE)} (UTC)'


def zone_of(booking: Booking) -> tzinfo:
    """The time zone a meeting was booked in; UTC where it is not known."""
    try:
        return ZoneInfo(booking.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def meeting(booking: Booking, order: Order, now: datetime, *, moved: bool = False) -> Markup:
    """One meeting of an order, with what can still be done about it.

    Args:
        booking: the meeting.
        order: whose it is; when its calendar is closed, a meeting can only be cancelled.
        now: in UTC.
        moved: another meeting took its place.
    """
    stands = booking.state == 'active'
    to_come = stands and booking.end > now
    day, hours, zone = _written(booking)
    title = 'Your session' if to_come else 'This session is over' if stands else _ended(moved)
    where = h('p', _place(booking)) if booking.place and to_come and order.opens_calendar else None
    gone = None if stands else 'gone'
    time = join(h('p', h('strong', day, class_=gone)), h('p', h('strong', hours, class_=gone)), h('p', zone))
    return h('div', h('h2', title), time, where, _links(booking, order) if to_come else None, class_='when')


def _ended(moved: bool) -> str:
    return 'This session was moved' if moved else 'This session was canceled'


def _written(booking: Booking) -> tuple[str, str, str]:
    start, end = (moment.astimezone(zone_of(booking)) for moment in (booking.start, booking.end))
    zone = get_timezone_name(start, locale=LOCALE)
    begins, ends = (format_time(moment, 'h:mm a', locale=LOCALE) for moment in (start, end))
    return format_date(start, 'EEEE, MMMM d, y', LOCALE), f'{begins} to {ends}', zone


def _place(booking: Booking) -> Markup:
    if booking.place.startswith(WEB):
        return join('Where: ', _outside('Join the meeting', booking.place))
    return join('Where: ', booking.place)


def _links(booking: Booking, order: Order) -> Markup | None:
    file = h('a', 'Add to my calendar', href=f'/order/{order.token}/session.ics', download='session.ics')
    links = {'Choose another time': booking.reschedule_url} if order.opens_calendar else {}
    links |= {'Cancel the session': booking.cancel_url}
    drawn = [_outside(words, url) for words, url in links.items() if url.startswith(WEB)]
    if order.opens_calendar:
        drawn.insert(0, file)
    return h('p', *drawn, class_='links') if drawn else None


def _outside(words: str, url: str) -> Markup:
    return h('a', words, href=url, target='_blank', rel='noopener noreferrer')
