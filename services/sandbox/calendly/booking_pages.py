"""The booking page, its confirmation, cancellation and rescheduling."""

import re
from datetime import UTC, datetime
from urllib.parse import urlencode

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from services.sandbox.calendly import bookings, resources
from services.sandbox.calendly.booking_html import confirmation, details_page, times_page
from services.sandbox.calendly.bookings import NotAvailable
from services.sandbox.calendly.calendar import TRACKING, Booking, Link
from services.sandbox.forms import form_values
from services.sandbox.html import notice
from services.sandbox.state import SandboxState, state_of

LINK_USED = 'This link is no longer valid'
LINK_EXPIRED_TEXT = 'The link was not used in time.'
LINK_USED_TEXT = 'The link was for one booking only, which has been made.'


def _notice(request: Request, title: str, text: str, status: int = 200) -> Response:
    return notice(title, text, status=status, framed=state_of(request).calendar.framed, light=True)


def _link(request: Request) -> Link | None:
    return state_of(request).calendar.links.get(request.path_params.get('link', ''))


def unavailable(request: Request) -> Response | None:
    """Return a notice if there is no calendar at this URL, otherwise None."""
    state, params = state_of(request), request.path_params
    link = _link(request)
    known = link is not None if 'link' in params else params['user'] == state.config.host_slug
    if not known or resources.type_of_page(state.calendar, link, params['event']) is None:
        return _notice(
            request, 'This Calendly URL is not valid.', 'Please check the link, or request a new one.', 404
        )
    if link and state.calendar.has_expired(link):
        return _notice(request, LINK_USED, LINK_EXPIRED_TEXT, 410)
    return _notice(request, LINK_USED, LINK_USED_TEXT, 410) if link and link.used else None


def _parse_time(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else None


async def show(request: Request) -> Response:
    """Show the days and times, then the form for the chosen time."""
    notice_page = unavailable(request)
    if notice_page:
        return notice_page
    state, query = state_of(request), dict(request.query_params)
    start = _parse_time(query.pop('start', ''))
    if start is None or not state.calendar.may_book(start):
        return _times_page(request, query)
    return details_page(state, _page_url(request), query, start)


def _times_page(request: Request, query: dict[str, str], alert: str = '') -> Response:
    state = state_of(request)
    link = _link(request)
    times = [time for time in state.calendar.all_free() if state.calendar.permits(link, time)]
    return times_page(state, _page_url(request), query, times, alert)


def _page_url(request: Request) -> str:
    """Return the public URL of the page, without its query."""
    return state_of(request).config.calendly_api + request.url.path.rpartition('/calendly')[2]


async def submit(request: Request) -> Response:
    """Schedule the event."""
    notice_page = unavailable(request)
    if notice_page:
        return notice_page
    state, values = state_of(request), await form_values(request)
    start = _parse_time(values.get('start', ''))
    if start is None:
        return _times_page(request, values, 'Please choose a time.')
    key = resources.type_of_page(state.calendar, _link(request), request.path_params['event'])
    who = invitee_from(values) | resources.invitee_of(state.calendar, key)
    if not who['name'] or not re.fullmatch(r'[^@\s]+@[^@\s]+\.[^@\s]+', str(who['email'])):
        return details_page(
            state, _page_url(request), values, start, 'Please enter your name and a valid email.'
        )
    try:
        booking = bookings.book(state, start, who, _link(request))
    except NotAvailable as error:
        return _times_page(request, values, str(error))
    return RedirectResponse(_confirmation_url(state, booking), 303)


def _confirmation_url(state: SandboxState, booking: Booking) -> str:
    """Return the URL of the confirmation, or of the event type's own redirect."""
    if state.calendar.redirect is None:
        return f'{state.config.calendly_api}/invitees/{booking.invitee}'
    params = {
        'event_type_uuid': state.calendar.event_type, 'event_type_name': state.config.event_name,
        'event_start_time': resources.timestamp(booking.start),
        'event_end_time': resources.timestamp(booking.end),
        'invitee_uuid': booking.invitee, 'invitee_full_name': booking.name, 'invitee_email': booking.email,
    }  # fmt: skip
    return f'{state.calendar.redirect}?{urlencode(params)}'


def invitee_from(values: dict[str, str]) -> dict[str, object]:
    """Return the invitee from a submitted form or the query of a link."""
    return {
        'name': values.get('name', '').strip(), 'email': values.get('email', '').strip(),
        'phone': values.get('a1', '').strip() or None, 'timezone': values.get('timezone') or 'UTC',
        'tracking': {name: values[name] for name in TRACKING if values.get(name)},
    }  # fmt: skip


def _find_booking(request: Request) -> Booking | None:
    return state_of(request).calendar.invitees.get(request.path_params['invitee'])


async def show_confirmation(request: Request) -> Response:
    """Show the confirmation of a booking."""
    booking = _find_booking(request)
    if booking is None:
        return _notice(request, 'Nothing here', 'This booking is unknown.', 404)
    return confirmation(state_of(request), booking)


CANCEL = Markup("""<p>{when}</p><form method="post" class="stack"><div class="field">
<label for="reason">Reason for canceling (optional)</label>
<textarea id="reason" name="reason" rows="3"></textarea></div><button>Cancel event</button></form>""")


async def cancel(request: Request) -> Response:
    """Show the page at `cancel_url`, or cancel the booking."""
    booking = _find_booking(request)
    if booking is None or booking.status != 'active':
        return _notice(
            request, 'Nothing to cancel', 'This event is no longer active.', 410 if booking else 404
        )
    if request.method == 'POST':
        reason = (await form_values(request)).get('reason', '')
        bookings.cancel(state_of(request), booking, booking.name, 'invitee', reason)
        return _notice(
            request, 'Cancellation confirmed', 'The event is canceled, and everyone has been notified.'
        )
    form = CANCEL.format(when=bookings.format_time(booking))
    title = f'Cancel {state_of(request).config.event_name}?'
    framed = state_of(request).calendar.framed
    return notice(title, f'Scheduled for {booking.name}.', more=form, framed=framed, light=True)


async def reschedule(request: Request) -> Response:
    """Show the page at `reschedule_url`, or move the booking to another time."""
    state, booking = state_of(request), _find_booking(request)
    if booking is None or booking.status != 'active':
        return _notice(
            request, 'Nothing to reschedule', 'This event is no longer active.', 410 if booking else 404
        )
    query = {'timezone': booking.timezone} | dict(request.query_params)
    start = _parse_time(query.pop('start', ''))
    if request.method == 'POST':
        start = _parse_time((await form_values(request)).get('start', ''))
        return _reschedule(state, booking, start, request)
    if start is None or not state.calendar.may_book(start):
        return _times_page(request, query, f'Current time: {bookings.format_time(booking)}')
    return details_page(state, _page_url(request), query, start, rescheduled=booking)


def _reschedule(state: SandboxState, booking: Booking, start: datetime | None, request: Request) -> Response:
    try:
        new = bookings.reschedule(state, booking, start or datetime(1970, 1, 1, tzinfo=UTC))
    except NotAvailable as error:
        return _times_page(request, {'timezone': booking.timezone}, str(error))
    return RedirectResponse(f'{state.config.calendly_api}/invitees/{new.invitee}', 303)


async def profile(request: Request) -> Response:
    """Redirect from the host's page to the event type."""
    state = state_of(request)
    if request.path_params['user'] != state.config.host_slug or state.calendar.secret:
        return _notice(request, 'Nothing here', 'This page is unknown.', 404)
    return RedirectResponse(state.config.calendly_link, 303)


ROUTES = [
    Route('/invitees/{invitee}', show_confirmation, methods=['GET']),
    Route('/cancellations/{invitee}', cancel, methods=['GET', 'POST']),
    Route('/reschedulings/{invitee}', reschedule, methods=['GET', 'POST']),
    Route('/d/{link}/{event}', show, methods=['GET']),
    Route('/d/{link}/{event}', submit, methods=['POST']),
    Route('/{user}/{event}', show, methods=['GET']),
    Route('/{user}/{event}', submit, methods=['POST']),
    Route('/{user}', profile, methods=['GET']),
]
