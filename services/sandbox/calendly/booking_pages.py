"""The booking page, alone or framed, its confirmation, cancellation and rescheduling; plain forms."""

import re
from datetime import UTC, datetime
from urllib.parse import urlencode

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from services.sandbox.calendly import bookings, views
from services.sandbox.calendly.booking_form import confirmation, details_page, times_page
from services.sandbox.calendly.bookings import Taken
from services.sandbox.calendly.calendar import HORIZON, TRACKING, Booking, Link
from services.sandbox.forms import typed
from services.sandbox.panel.page import notice
from services.sandbox.state import SandboxState

GONE = 'This link is no longer valid'
BOOKED_OUT = 'It was made for one booking only, and that booking has been made.'


def _state_of(request: Request) -> SandboxState:
    state: SandboxState = request.app.state.sandbox
    return state


def _say(request: Request, title: str, words: str, status: int = 200) -> Response:
    return notice(title, words, status=status, framed=_state_of(request).calendar.framed)


def _link(request: Request) -> Link | None:
    return _state_of(request).calendar.links.get(request.path_params.get('link', ''))


def refused(request: Request) -> Response | None:
    """Why there is no calendar at this address; None when there is one."""
    state, params = _state_of(request), request.path_params
    single = 'link' in params
    known = _link(request) is not None if single else params['user'] == state.config.host_slug
    if not known or params['event'] != state.config.event_slug or not state.calendar.active:
        return _say(
            request, 'This Calendly URL is not valid.', 'Please check the address, or ask for a new one.', 404
        )
    link = _link(request)
    return _say(request, GONE, BOOKED_OUT, 410) if link and link.used else None


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def free(state: SandboxState) -> list[datetime]:
    """Every free start that is shown."""
    return state.calendar.free(state.now(), state.now() + HORIZON)


async def show(request: Request) -> Response:
    """Days and times first, then the form for the chosen time."""
    said = refused(request)
    if said:
        return said
    state, query = _state_of(request), dict(request.query_params)
    start = _moment(query.pop('start', ''))
    if start is None or start not in free(state):
        return times_page(state, _here(request), query, free(state))
    return details_page(state, _here(request), query, start)


def _here(request: Request) -> str:
    """The page's public address without its query."""
    return _state_of(request).config.calendly_api + request.url.path.rpartition('/calendly')[2]


async def submit(request: Request) -> Response:
    """Schedule the event."""
    said = refused(request)
    if said:
        return said
    state, filled = _state_of(request), await typed(request)
    start = _moment(filled.get('start', ''))
    if start is None:
        return times_page(state, _here(request), filled, free(state), 'Please choose a time.')
    who = invitee_of(filled)
    if not who['name'] or not re.fullmatch(r'[^@\s]+@[^@\s]+\.[^@\s]+', str(who['email'])):
        return details_page(state, _here(request), filled, start, 'Please enter your name and a valid email.')
    try:
        booking = bookings.book(state, start, who, _link(request))
    except Taken as taken:
        return times_page(state, _here(request), filled, free(state), str(taken))
    return RedirectResponse(after(state, booking), 303)


def after(state: SandboxState, booking: Booking) -> str:
    """Where the invitee goes after booking: the confirmation, or the event type's own redirect."""
    if state.calendar.redirect is None:
        return f'{state.config.calendly_api}/invitees/{booking.invitee}'
    told = {
        'event_type_uuid': state.calendar.event_type, 'event_type_name': state.config.event_name,
        'event_start_time': views.stamp(booking.start), 'event_end_time': views.stamp(booking.end),
        'invitee_uuid': booking.invitee, 'invitee_full_name': booking.name, 'invitee_email': booking.email,
    }  # fmt: skip
    return f'{state.calendar.redirect}?{urlencode(told)}'


def invitee_of(filled: dict[str, str]) -> dict[str, object]:
    """Who books, from a filled form or a link's query."""
    return {
        'name': filled.get('name', '').strip(), 'email': filled.get('email', '').strip(),
        'phone': filled.get('a1', '').strip() or None, 'timezone': filled.get('timezone') or 'UTC',
        'tracking': {name: filled[name] for name in TRACKING if filled.get(name)},
    }  # fmt: skip


def _booking(request: Request) -> Booking | None:
    return _state_of(request).calendar.invitees.get(request.path_params['invitee'])


async def booked(request: Request) -> Response:
    """You are scheduled."""
    booking = _booking(request)
    if booking is None:
        return _say(request, 'Nothing here', 'This booking is unknown.', 404)
    return confirmation(_state_of(request), booking)


CANCEL = Markup("""<p>{when}</p><form method="post" class="stack"><div class="field">
<label for="reason">Reason for canceling (optional)</label>
<textarea id="reason" name="reason" rows="3"></textarea></div><button>Cancel event</button></form>""")


async def cancel(request: Request) -> Response:
    """The page behind `cancel_url`."""
    booking = _booking(request)
    if booking is None or booking.status != 'active':
        return _say(request, 'Nothing to cancel', 'This event is no longer active.', 410 if booking else 404)
    if request.method == 'POST':
        reason = (await typed(request)).get('reason', '')
        bookings.cancel(_state_of(request), booking, booking.name, 'invitee', reason)
        return _say(request, 'Cancellation confirmed', 'The event is canceled and everybody has been told.')
    form = CANCEL.format(when=bookings.when(booking))
    title = f'Cancel {_state_of(request).config.event_name}?'
    return notice(
        title, f'Scheduled for {booking.name}.', more=form, framed=_state_of(request).calendar.framed
    )


async def reschedule(request: Request) -> Response:
    """The page behind `reschedule_url`: another time for the same people."""
    state, booking = _state_of(request), _booking(request)
    if booking is None or booking.status != 'active':
        return _say(
            request, 'Nothing to reschedule', 'This event is no longer active.', 410 if booking else 404
        )
    query = {'timezone': booking.timezone} | dict(request.query_params)
    start = _moment(query.pop('start', ''))
    if request.method == 'POST':
        start = _moment((await typed(request)).get('start', ''))
        return _moved(state, booking, start, request)
    if start is None or start not in free(state):
        return times_page(
            state, _here(request), query, free(state), f'Current time: {bookings.when(booking)}'
        )
    return details_page(state, _here(request), query, start, moving=booking)


def _moved(state: SandboxState, booking: Booking, start: datetime | None, request: Request) -> Response:
    try:
        made = bookings.reschedule(state, booking, start or datetime(1970, 1, 1, tzinfo=UTC))
    except Taken as taken:
        return times_page(state, _here(request), {'timezone': booking.timezone}, free(state), str(taken))
    return RedirectResponse(f'{state.config.calendly_api}/invitees/{made.invitee}', 303)


async def profile(request: Request) -> Response:
    """The host's own page leads to their one event type."""
    state = _state_of(request)
    if request.path_params['user'] != state.config.host_slug or state.calendar.secret:
        return _say(request, 'Nothing here', 'This page is unknown.', 404)
    return RedirectResponse(state.config.calendly_link, 303)


ROUTES = [
    Route('/invitees/{invitee}', booked, methods=['GET']),
    Route('/cancellations/{invitee}', cancel, methods=['GET', 'POST']),
    Route('/reschedulings/{invitee}', reschedule, methods=['GET', 'POST']),
    Route('/d/{link}/{event}', show, methods=['GET']),
    Route('/d/{link}/{event}', submit, methods=['POST']),
    Route('/{user}/{event}', show, methods=['GET']),
    Route('/{user}/{event}', submit, methods=['POST']),
    Route('/{user}', profile, methods=['GET']),
]
