"""Calendly's no-shows: the host notes that an invitee did not come (https://developer.calendly.com/api-docs)."""

import uuid

from starlette.requests import Request

from services.sandbox.calendly import bookings, resources
from services.sandbox.calendly.calendar import Booking
from services.sandbox.calendly.endpoint import route
from services.sandbox.calendly.errors import CalendlyError, invalid_argument
from services.sandbox.state import SandboxState
from services.sandbox.types import Json


def mark(state: SandboxState, booking: Booking) -> int:
    """Note that an invitee did not come; send the webhook and return the number of its receivers."""
    calendar = state.calendar
    if booking.no_show is None:
        name = str(uuid.uuid4())
        booking.no_show = {
            'uri': resources.uri(calendar, 'invitee_no_shows', name),
            'created_at': resources.timestamp(state.now()),
        }
        calendar.no_shows[name] = booking
    return bookings.send_webhooks(state, 'invitee_no_show.created', booking)


def unmark(state: SandboxState, booking: Booking) -> int:
    """Take the note back; send the webhook and return the number of its receivers."""
    if booking.no_show is not None:
        state.calendar.no_shows.pop(_name(booking), None)
        booking.no_show = None
    return bookings.send_webhooks(state, 'invitee_no_show.deleted', booking)


def _name(booking: Booking) -> str:
    return str((booking.no_show or {}).get('uri', '')).rpartition('/')[2]


def _resource(state: SandboxState, booking: Booking) -> Json:
    return {'invitee': resources.invitee_uri(state.calendar, booking), **(booking.no_show or {})}


def create(state: SandboxState, _: Request, body: Json) -> tuple[Json, int]:
    """`POST /invitee_no_shows`."""
    if not isinstance(body.get('invitee'), str):
        raise invalid_argument('invitee', 'invitee must be present')
    booking = state.calendar.invitees.get(body['invitee'].rpartition('/')[2])
    if booking is None or body['invitee'] != resources.invitee_uri(state.calendar, booking):
        raise CalendlyError(404)
    if booking.no_show is not None:
        raise invalid_argument('invitee', 'is already marked as a no-show')
    mark(state, booking)
    return {'resource': _resource(state, booking)}, 201


def _get(state: SandboxState, request: Request) -> Booking:
    booking = state.calendar.no_shows.get(request.path_params['uuid'])
    if booking is None:
        raise CalendlyError(404)
    return booking


def read(state: SandboxState, request: Request, _: Json) -> tuple[Json, int]:
    """`GET /invitee_no_shows/{uuid}`."""
    return {'resource': _resource(state, _get(state, request))}, 200


def delete(state: SandboxState, request: Request, _: Json) -> tuple[Json, int]:
    """`DELETE /invitee_no_shows/{uuid}`."""
    unmark(state, _get(state, request))
    return {}, 204


ROUTES = [
    route('/invitee_no_shows', create, 'POST', scope='scheduled_events:write'),
    route('/invitee_no_shows/{uuid}', read, scope='scheduled_events:read'),
    route('/invitee_no_shows/{uuid}', delete, 'DELETE', scope='scheduled_events:write'),
]
