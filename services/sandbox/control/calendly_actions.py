"""What invitees and the host do at Calendly; each function is `POST /actions/<name>`."""

from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

from services.sandbox.calendly import bookings, resources
from services.sandbox.calendly.booking_pages import invitee_from
from services.sandbox.calendly.calendar import Booking
from services.sandbox.state import SandboxState
from services.sandbox.types import Json

CALENDAR = ('active', 'secret', 'framed', 'redirect', 'link_status')


async def calendar(state: SandboxState, body: Json) -> Json:
    """`{active?, secret?, framed?, redirect?, link_status?}`: change the event type, or its join links."""
    for name in CALENDAR:
        if name in body:
            setattr(state.calendar, name, body[name])
    return {name: getattr(state.calendar, name) for name in CALENDAR}


async def book(state: SandboxState, body: Json) -> Json:
    """`{url, name?, email?, phone?, start?}`: book a time; the URL prefills values."""
    parts = urlsplit(body['url'])
    link = None
    if '/d/' in parts.path:
        link = state.calendar.links.get(parts.path.split('/d/')[1].split('/')[0])
        if link is None:
            raise ValueError('no such link')
    values = dict(parse_qsl(parts.query)) | {
        name: body[name] for name in ('name', 'email', 'timezone') if name in body
    }
    if 'phone' in body:
        values['a1'] = body['phone']
    start = _start(state, body)
    return resources.invitee(state.calendar, bookings.book(state, start, invitee_from(values), link))


def _start(state: SandboxState, body: Json) -> datetime:
    if 'start' in body:
        return datetime.fromisoformat(body['start']).astimezone(UTC)
    return state.calendar.all_free()[0]


def _get_booking(state: SandboxState, body: Json) -> Booking:
    found = state.calendar.invitees.get(str(body.get('invitee', '')).rpartition('/')[2])
    if found is None:
        raise ValueError('no such invitee')
    return found


async def cancel(state: SandboxState, body: Json) -> Json:
    """`{invitee, by?: invitee|host, reason?}`: cancel a booking."""
    item, kind = _get_booking(state, body), body.get('by', 'invitee')
    bookings.cancel(
        state, item, state.config.host if kind == 'host' else item.name, kind, body.get('reason', '')
    )
    return resources.invitee(state.calendar, item)


async def reschedule(state: SandboxState, body: Json) -> Json:
    """`{invitee, start?}`: move a booking."""
    booking = bookings.reschedule(state, _get_booking(state, body), _start(state, body))
    return resources.invitee(state.calendar, booking)


ACTIONS = (calendar, book, cancel, reschedule)
