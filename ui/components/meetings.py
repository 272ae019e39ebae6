"""A meeting as customers see it: its time in the zone it was booked in, and the links to change it."""

from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.dates import format_date, format_time, get_timezone_name
from markupsafe import Markup

from services.orders import MONEY_BACK_STATES, Booking, BookingState, Order
from services.site import Business
from ui.components.builder import h, join

LOCALE = 'en_US'
WEB = ('https://', 'http://')
LINK_FOLLOWS = 'Online; the link to join comes by e-mail from Calendly.'


def on_day(time: datetime, zone: tzinfo) -> str:
    """The day of a time, as it is in a zone."""
    return format_date(time.astimezone(zone), 'MMMM d, y', LOCALE)


def at_time(time: datetime, zone: tzinfo) -> str:
    """A time with its day and zone, for a sentence."""
    local = time.astimezone(zone)
    day, clock = format_date(local, 'EEEE, MMMM d, y', LOCALE), format_time(local, 'h:mm a', locale=LOCALE)
    return f'{day}, {clock} {get_timezone_name(local, locale=LOCALE)}'


def zone_of(booking: Booking, zone: tzinfo) -> tzinfo:
    """The time zone a meeting was booked in; the one of the shop if it is unknown."""
    try:
        return ZoneInfo(booking.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return zone


def meeting(
    booking: Booking, order: Order, now: datetime, business: Business, *, moved: bool = False
) -> Markup:
    """Build the block of one meeting.

    Args:
        booking: the meeting.
        order: whose it is; when its calendar is closed, a meeting can only be canceled.
        now: in UTC.
        business: who sells, and in which time zone.
        moved: another meeting replaced it.
    """
    active = booking.state is BookingState.ACTIVE
    to_come = active and booking.end > now
    taken_back = order.state in MONEY_BACK_STATES
    zone = zone_of(booking, business.zone)
    day, hours, zone_name = _written(booking, zone)
    title = _title(active=active, to_come=to_come, taken_back=taken_back, moved=moved)
    where = _where(booking) if to_come and order.opens_calendar else None
    tag = 's' if taken_back or not active else 'span'
    time = join(*(h('p', h('strong', h(tag, text))) for text in (day, hours)), h('p', zone_name))
    elsewhere = _for_the_shop(booking, zone, business) if to_come else None
    links = _links(booking, order) if to_come else None
    return h('div', h('h2', title), time, elsewhere, where, links, class_='when')


def _title(*, active: bool, to_come: bool, taken_back: bool, moved: bool) -> str:
    if not active:
        return 'This session was moved' if moved else 'This session was canceled'
    if not to_come:
        return 'This session is over'
    return 'This session is not paid any more' if taken_back else 'Your session'


def _for_the_shop(booking: Booking, zone: tzinfo, business: Business) -> Markup | None:
    """The same time where the shop is, if clocks differ: whoever telephones about it means that one."""
    here, there = (booking.start.astimezone(each) for each in (zone, business.zone))
    if here.utcoffset() == there.utcoffset():
        return None
    day, hours, zone_name = _written(booking, business.zone)
    same_day = here.date() == there.date()
    when = f'{hours} {zone_name}' if same_day else f'{day}, {hours} {zone_name}'
    return h('p', f'For {business.name} that is {when}.', class_='quiet')


def _written(booking: Booking, zone: tzinfo) -> tuple[str, str, str]:
    """The day, the hours and the name of the zone of a meeting, as they are in a zone."""
    start, end = (time.astimezone(zone) for time in (booking.start, booking.end))
    zone_name = get_timezone_name(start, locale=LOCALE)
    begins, ends = (format_time(time, 'h:mm a', locale=LOCALE) for time in (start, end))
    return format_date(start, 'EEEE, MMMM d, y', LOCALE), f'{begins} to {ends}', zone_name


def _where(booking: Booking) -> Markup | None:
    place: str | Markup = LINK_FOLLOWS if booking.link_follows else booking.place
    if not place:
        return None
    return h('p', 'Where: ', _outside('Join the meeting', place) if place.startswith(WEB) else place)


def _links(booking: Booking, order: Order) -> Markup | None:
    """The links to keep, move and cancel a meeting; the one to cancel is the least loud."""
    anchors: list[Markup] = []
    if order.opens_calendar:
        file = {'href': f'/order/{order.token}/session.ics', 'download': 'session.ics'}
        anchors.append(h('a', 'Add to my calendar', **file))
        if booking.reschedule_url.startswith(WEB):
            anchors.append(_outside('Choose another time', booking.reschedule_url))
    if booking.cancel_url.startswith(WEB):
        class_ = 'quiet' if order.opens_calendar else None
        anchors.append(_outside('Cancel the session', booking.cancel_url, class_=class_))
    return h('p', *anchors, class_='links') if anchors else None


def _outside(words: str, url: str, *, class_: str | None = None) -> Markup:
    return h('a', words, href=url, target='_blank', rel='noopener noreferrer', class_=class_)
