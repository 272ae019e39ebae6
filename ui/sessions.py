"""Meetings for people: the time in the zone it was booked in, the links, and the file for a calendar."""

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.dates import format_date, format_time, get_timezone_name
from icalendar import Calendar, Event, vText
from markupsafe import Markup

from services.orders import Booking, Order
from services.site import Site
from ui.markup import h, join

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


def meeting(booking: Booking, order: Order, now: datetime) -> Markup:
    """One meeting of an order, with what can still be done about it."""
    stands = booking.state == 'active'
    to_come = stands and booking.end > now
    day, hours, zone = _written(booking)
    title = 'Your session' if to_come else 'This session is over' if stands else 'This session was canceled'
    where = h('p', _place(booking)) if booking.place and to_come else None
    gone = None if stands else 'gone'
    time = join(h('p', h('strong', day, class_=gone)), h('p', h('strong', hours, class_=gone)), h('p', zone))
    return h('div', h('h2', title), time, where, _links(booking, order) if to_come else None, class_='when')


def calendar_file(order: Order, bookings: tuple[Booking, ...], site: Site, *, host: str) -> bytes:
    """Write the meetings that stand as an iCalendar file (RFC 5545)."""
    calendar = Calendar()
    calendar.add('prodid', f'-//{host}//session//EN')
    calendar.add('version', '2.0')
    for booking in bookings:
        calendar.add_component(_event(order, booking, site, host))
    return bytes(calendar.to_ical())


def _event(order: Order, booking: Booking, site: Site, host: str) -> Event:
    notes = [f'Order {order.reference}', *site.order.bring]
    links = {'To move it': booking.reschedule_url, 'To cancel it': booking.cancel_url}
    notes += [f'{words}: {url}' for words, url in links.items() if url]
    event = Event()
    event.add('uid', f'{booking.invitee_id.rstrip("/").rpartition("/")[2]}@{host}')
    event.add('dtstamp', order.completed_at or order.created_at)
    event.add('dtstart', booking.start.astimezone(UTC))
    event.add('dtend', booking.end.astimezone(UTC))
    event.add('summary', vText(f'{site.offer.name} · {site.business.name}'))
    event.add('description', vText('\n'.join(notes)))
    if booking.place:
        event.add('location', vText(booking.place))
    return event


def _written(booking: Booking) -> tuple[str, str, str]:
    start, end = (moment.astimezone(zone_of(booking)) for moment in (booking.start, booking.end))
    zone = get_timezone_name(start, locale=LOCALE)
    begins, ends = (format_time(moment, 'h:mm a', locale=LOCALE) for moment in (start, end))
    return format_date(start, 'EEEE, MMMM d, y', LOCALE), f'{begins} to {ends}', zone


def _place(booking: Booking) -> Markup:
    if booking.place.startswith(WEB):
        return join('Where: ', _outside('Join the meeting', booking.place))
    return join('Where: ', booking.place)


def _links(booking: Booking, order: Order) -> Markup:
    file = h('a', 'Add to my calendar', href=f'/order/{order.token}/session.ics', download='session.ics')
    links = {'Choose another time': booking.reschedule_url, 'Cancel the session': booking.cancel_url}
    drawn = [_outside(words, url) for words, url in links.items() if url.startswith(WEB)]
    return h('p', file, *drawn, class_='links')


def _outside(words: str, url: str) -> Markup:
    return h('a', words, href=url, target='_blank', rel='noopener noreferrer')
