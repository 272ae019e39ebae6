"""The meetings of an order as an iCalendar file for the customer's own calendar."""

from datetime import UTC

from icalendar import Calendar, Event, vText

from services.orders import Booking, Order
from services.site import Site
from ui.components.meetings import LINK_FOLLOWS


def calendar_file(order: Order, bookings: tuple[Booking, ...], site: Site, *, host: str) -> bytes:
    """Write the given meetings as an iCalendar file (RFC 5545)."""
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
    event.add('summary', vText(f'{order.purchase.title} · {site.business.name}'))
    event.add('description', vText('\n'.join(notes)))
    if place := LINK_FOLLOWS if booking.link_follows else booking.place:
        event.add('location', vText(place))
    return event
