"""What an invitee and a host can do, one function each: `POST /actions/<name>`."""

from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

from services.sandbox.calendly import bookings, views
from services.sandbox.calendly.booking_pages import invitee_of
from services.sandbox.calendly.calendar import HORIZON, Booking
from services.sandbox.faults.actions import Misuse
from services.sandbox.problems import Json
from services.sandbox.state import SandboxState


async def calendar(state: SandboxState, body: Json) -> Json:
    """`{active?, secret?, framed?, redirect?}`: the event type's switches."""
    for name in ('active', 'secret', 'framed', 'redirect'):
        if name in body:
            setattr(state.calendar, name, body[name])
    return {name: getattr(state.calendar, name) for name in ('active', 'secret', 'framed', 'redirect')}


async def book(state: SandboxState, body: Json) -> Json:
    """`{url, name?, email?, phone?, start?}`: be the invitee on a booking page, with its prefilled values."""
    parts = urlsplit(body['url'])
    link = None
    if '/d/' in parts.path:
        link = state.calendar.links.get(parts.path.split('/d/')[1].split('/')[0])
        if link is None:
            raise Misuse('no such link')
    filled = dict(parse_qsl(parts.query)) | {
        name: body[name] for name in ('name', 'email', 'timezone') if name in body
    }
    if 'phone' in body:
        filled['a1'] = body['phone']
    start = _start(state, body)
    return views.invitee(state.calendar, bookings.book(state, start, invitee_of(filled), link))


def _start(state: SandboxState, body: Json) -> datetime:
    if 'start' in body:
        return datetime.fromisoformat(body['start']).astimezone(UTC)
    return state.calendar.free(state.now(), state.now() + HORIZON)[0]


def _booked(state: SandboxState, body: Json) -> Booking:
    found = state.calendar.invitees.get(str(body.get('invitee', '')).rpartition('/')[2])
    if found is None:
        raise Misuse('no such invitee')
    return found


async def cancel(state: SandboxState, body: Json) -> Json:
    """`{invitee, by?: invitee|host, reason?}`: cancel a booking."""
    item, kind = _booked(state, body), body.get('by', 'invitee')
    bookings.cancel(
        state, item, state.config.host if kind == 'host' else item.name, kind, body.get('reason', '')
    )
    return views.invitee(state.calendar, item)


async def reschedule(state: SandboxState, body: Json) -> Json:
    """`{invitee, start?}`: move a booking."""
    made = bookings.reschedule(state, _booked(state, body), _start(state, body))
    return views.invitee(state.calendar, made)


ACTIONS = (calendar, book, cancel, reschedule)
