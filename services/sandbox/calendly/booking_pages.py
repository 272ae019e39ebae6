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
from services.sandbox.state import World

GONE = 'This link is no longer valid'
BOOKED_OUT = 'It was made for one booking only, and that booking has been made.'


def _world(request: Request) -> World:
    world: World = request.app.state.world
    return world


def _say(request: Request, title: str, words: str, status: int = 200) -> Response:
    return notice(title, words, status=status, framed=_world(request).calendar.framed)


def _link(request: Request) -> Link | None:
    return _world(request).calendar.links.get(request.path_params.get('link', ''))


def refused(request: Request) -> Response | None:
    """Why there is no calendar at this address; None when there is one."""
    world, params = _world(request), request.path_params
    single = 'link' in params
    known = _link(request) is not None if single else params['user'] == world.config.host_slug
    if not known or params['event'] != world.config.event_slug or not world.calendar.active:
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


def free(world: World) -> list[datetime]:
    """Every free start that is shown."""
    return world.calendar.free(world.now(), world.now() + HORIZON)


async def show(request: Request) -> Response:
    """Days and times first, then the form for the chosen time."""
    said = refused(request)
    if said:
        return said
    world, query = _world(request), dict(request.query_params)
    start = _moment(query.pop('start', ''))
    if start is None or start not in free(world):
        return times_page(world, _here(request), query, free(world))
    return details_page(world, _here(request), query, start)


def _here(request: Request) -> str:
    """The page's public address without its query."""
    return _world(request).config.calendly_api + request.url.path.rpartition('/calendly')[2]


async def submit(request: Request) -> Response:
    """Schedule the event."""
    said = refused(request)
    if said:
        return said
    world, filled = _world(request), await typed(request)
    start = _moment(filled.get('start', ''))
    if start is None:
        return times_page(world, _here(request), filled, free(world), 'Please choose a time.')
    who = invitee_of(filled)
    if not who['name'] or not re.fullmatch(r'[^@\s]+@[^@\s]+\.[^@\s]+', str(who['email'])):
        return details_page(world, _here(request), filled, start, 'Please enter your name and a valid email.')
    try:
        booking = bookings.book(world, start, who, _link(request))
    except Taken as taken:
        return times_page(world, _here(request), filled, free(world), str(taken))
    return RedirectResponse(after(world, booking), 303)


def after(world: World, booking: Booking) -> str:
    """Where the invitee goes after booking: the confirmation, or the event type's own redirect."""
    if world.calendar.redirect is None:
        return f'{world.config.calendly_api}/invitees/{booking.invitee}'
    told = {
        'event_type_uuid': world.calendar.event_type, 'event_type_name': world.config.event_name,
        'event_start_time': views.stamp(booking.start), 'event_end_time': views.stamp(booking.end),
        'invitee_uuid': booking.invitee, 'invitee_full_name': booking.name, 'invitee_email': booking.email,
    }  # fmt: skip
    return f'{world.calendar.redirect}?{urlencode(told)}'


def invitee_of(filled: dict[str, str]) -> dict[str, object]:
    """Who books, from a filled form or a link's query."""
    return {
        'name': filled.get('name', '').strip(), 'email': filled.get('email', '').strip(),
        'phone': filled.get('a1', '').strip() or None, 'timezone': filled.get('timezone') or 'UTC',
        'tracking': {name: filled[name] for name in TRACKING if filled.get(name)},
    }  # fmt: skip


def _booking(request: Request) -> Booking | None:
    return _world(request).calendar.invitees.get(request.path_params['invitee'])


async def booked(request: Request) -> Response:
    """You are scheduled."""
    booking = _booking(request)
    if booking is None:
        return _say(request, 'Nothing here', 'This booking is unknown.', 404)
    return confirmation(_world(request), booking)


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
        bookings.cancel(_world(request), booking, booking.name, 'invitee', reason)
        return _say(request, 'Cancellation confirmed', 'The event is canceled and everybody has been told.')
    form = CANCEL.format(when=bookings.when(booking))
    title = f'Cancel {_world(request).config.event_name}?'
    return notice(title, f'Scheduled for {booking.name}.', more=form, framed=_world(request).calendar.framed)


async def reschedule(request: Request) -> Response:
    """The page behind `reschedule_url`: another time for the same people."""
    world, booking = _world(request), _booking(request)
    if booking is None or booking.status != 'active':
        return _say(
            request, 'Nothing to reschedule', 'This event is no longer active.', 410 if booking else 404
        )
    query = {'timezone': booking.timezone} | dict(request.query_params)
    start = _moment(query.pop('start', ''))
    if request.method == 'POST':
        start = _moment((await typed(request)).get('start', ''))
        return _moved(world, booking, start, request)
    if start is None or start not in free(world):
        return times_page(
            world, _here(request), query, free(world), f'Current time: {bookings.when(booking)}'
        )
    return details_page(world, _here(request), query, start, moving=booking)


def _moved(world: World, booking: Booking, start: datetime | None, request: Request) -> Response:
    try:
        made = bookings.reschedule(world, booking, start or datetime(1970, 1, 1, tzinfo=UTC))
    except Taken as taken:
        return times_page(world, _here(request), {'timezone': booking.timezone}, free(world), str(taken))
    return RedirectResponse(f'{world.config.calendly_api}/invitees/{made.invitee}', 303)


async def profile(request: Request) -> Response:
    """The host's own page leads to their one event type."""
    world = _world(request)
    if request.path_params['user'] != world.config.host_slug or world.calendar.secret:
        return _say(request, 'Nothing here', 'This page is unknown.', 404)
    return RedirectResponse(world.config.calendly_link, 303)


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
