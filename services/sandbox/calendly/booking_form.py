"""How the booking page looks: the event on one side, days and times or the form on the other."""

import re
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote, urlencode

from markupsafe import Markup
from starlette.responses import HTMLResponse

from services.sandbox.calendly.bookings import clock, when
from services.sandbox.calendly.calendar import TRACKING, Booking, zone
from services.sandbox.panel.page import attrs, field, hidden, joined, page, select
from services.sandbox.state import SandboxState

BAR = 'Sandbox calendar: nobody is waiting for you'
ZONES = (
    'America/New_York', 'America/Chicago', 'America/Denver', 'America/Phoenix', 'America/Los_Angeles',
    'America/Anchorage', 'Pacific/Honolulu', 'America/Puerto_Rico', 'America/Sao_Paulo', 'UTC',
    'Europe/London',
    'Europe/Berlin', 'Europe/Athens', 'Africa/Johannesburg', 'Asia/Dubai', 'Asia/Kolkata', 'Asia/Manila',
    'Asia/Tokyo', 'Asia/Seoul', 'Australia/Sydney', 'Pacific/Auckland',
)  # fmt: skip
COLOURS = {'primary_color': '--accent', 'text_color': '--ink', 'background_color': '--card'}
PLACES = {
    'google_conference': 'Web conferencing details provided upon confirmation.',
    'outbound_call': 'Phone call', 'physical': '1 Sandbox Street',
}  # fmt: skip
Query = Mapping[str, str]

FRAME = Markup("""<div class="page {kind}">{side}
<section class="card stack" aria-label="Booking">{alert}{inner}</section></div>""")
SIDE = Markup("""<section class="stack tight" aria-label="Event"><p class="soft">{host}</p><h1>{name}</h1>
<p class="soft">{minutes} min</p><p class="soft small">{place}</p>{when}</section>""")


def _timezone(state: SandboxState, query: Query) -> str:
    wanted = query.get('timezone') or state.config.host_timezone
    return wanted if zone(wanted).key == wanted else 'UTC'


def _colours(query: Query) -> str:
    """The embedder's colours, hex only."""
    given = {name: query.get(name, '') for name in COLOURS}
    rules = [
        f'{COLOURS[name]}: #{value};'
        for name, value in given.items()
        if re.fullmatch('[0-9a-fA-F]{6}', value)
    ]
    return f':root {{ {" ".join(rules)} }}' if rules else ''


def _page(
    state: SandboxState, query: Query, inner: Markup, alert: str, moment: str = '', status: int = 200
) -> HTMLResponse:
    bare = query.get('hide_event_type_details') == '1'
    side = SIDE.format(
        host=state.config.host, name=state.config.event_name, minutes=state.config.event_minutes,
        place=PLACES.get(state.config.location, ''),
        when=Markup('<p><strong>{}</strong></p>').format(moment) if moment else '',
    )  # fmt: skip
    body = FRAME.format(
        kind='narrow' if bare else 'split', side='' if bare else side, inner=inner,
        alert=Markup('<p class="alert" role="alert">{}</p>').format(alert) if alert else '',
    )  # fmt: skip
    framed = state.calendar.framed
    return page(state.config.event_name, body, bar=BAR, status=status, framed=framed, extra=_colours(query))


def times_page(
    state: SandboxState, here: str, query: Query, times: list[datetime], alert: str = ''
) -> HTMLResponse:
    """Step one: a day, then a time."""
    name = _timezone(state, query)
    kept = {key: value for key, value in query.items() if key not in ('start', 'date', 'timezone')}
    by_day: dict[str, list[datetime]] = {}
    for moment in times:
        by_day.setdefault(f'{moment.astimezone(zone(name)):%Y-%m-%d}', []).append(moment)
    chosen = query.get('date', '') if query.get('date', '') in by_day else next(iter(by_day), '')
    base = kept | {'timezone': name}
    inner = TIMES.format(
        days=joined(_day(here, base, day, day == chosen) for day in by_day),
        heading=_heading(chosen),
        times=joined(_time(here, base, chosen, moment, name) for moment in by_day.get(chosen, [])),
        zones=_zones(here, kept, chosen, name),
    )  # fmt: skip
    return _page(state, query, inner, alert)


def _heading(day: str) -> str:
    return f'{datetime.fromisoformat(day):%A, %B} {int(day[-2:])}' if day else 'No times available'


TIMES = Markup("""<h2>Select a Date &amp; Time</h2><nav aria-label="Days"><ul class="days">{days}</ul></nav>
<h2>{heading}</h2><div class="times">{times}</div>{zones}""")


def _day(here: str, base: Query, day: str, chosen: bool) -> Markup:
    moment = datetime.fromisoformat(day)
    address = f'{here}?{urlencode({**base, "date": day}, quote_via=quote)}'
    template = Markup(
        '<li><a href="{0}"{1}><span>{2:%a}</span><strong>{2.day}</strong><span>{2:%b}</span></a></li>'
    )
    return template.format(address, attrs(aria_current='date' if chosen else False), moment)


def _time(here: str, base: Query, day: str, moment: datetime, name: str) -> Markup:
    start = f'{moment:%Y-%m-%dT%H:%M:%SZ}'
    address = f'{here}?{urlencode({**base, "date": day, "start": start}, quote_via=quote)}'
    local = clock(moment.astimezone(zone(name)))
    return Markup('<a class="button quiet" href="{}"><time datetime="{}">{}</time></a>').format(
        address, start, local
    )


def _zones(here: str, kept: Query, day: str, name: str) -> Markup:
    choices = [(item, item.replace('_', ' ')) for item in sorted({*ZONES, name})]
    return Markup(
        '<form method="get" action="{}" class="row">{}{}<button class="quiet">Change</button></form>'
    ).format(here, hidden([*kept.items(), ('date', day)]), select('timezone', 'Time zone', choices, name))


DETAILS = Markup("""<h2>{title}</h2><form method="post" action="{here}" class="stack">{hidden}{fields}
<p><button>{button}</button></p></form><p><a href="{back}">← Another time</a></p>""")


def details_page(
    state: SandboxState,
    here: str,
    query: Query,
    start: datetime,
    alert: str = '',
    moving: Booking | None = None,
) -> HTMLResponse:
    """Step two: who comes. When `moving` a booking, that is known."""
    name = _timezone(state, query)
    kept = {key: value for key, value in query.items() if key not in ('start', 'timezone')}
    shown = {'name', 'email', 'a1', 'first_name', 'last_name', 'date'}
    carried = [
        (key, value) for key, value in kept.items() if key not in shown or (moving and key in TRACKING)
    ]
    local = start.astimezone(zone(name))
    moment = f'{clock(local)}, {local:%A, %B} {local.day}, {local.year} ({name.replace("_", " ")})'
    inner = DETAILS.format(
        title='Reschedule Event' if moving else 'Enter Details', here=here,
        hidden=hidden([*carried, ('start', f'{start:%Y-%m-%dT%H:%M:%SZ}'), ('timezone', name)]),
        fields=Markup('<p>{}</p>').format(moment) + (_who(query) if moving is None else Markup('')),
        button='Update Event' if moving else 'Schedule Event',
        back=f'{here}?{urlencode({**kept, "timezone": name}, quote_via=quote)}',
    )  # fmt: skip
    return _page(state, query, inner, alert, status=422 if alert else 200)


def _who(query: Query) -> Markup:
    name = query.get('name') or f'{query.get("first_name", "")} {query.get("last_name", "")}'.strip()
    return joined((
        field('name', 'Name', name, autocomplete='name', required=True),
        field('email', 'Email', query.get('email', ''), type='email', autocomplete='email', required=True),
        field('a1', 'Phone number (optional)', query.get('a1', ''), type='tel', autocomplete='tel'),
    ))  # fmt: skip


CONFIRMED = Markup("""<h2>You are scheduled</h2>
<p>A calendar invitation has been sent to your email address.</p>
<dl class="lines"><div><dt>{name}</dt><dd>{minutes} min</dd></div></dl>
<p><strong><time datetime="{start}">{when}</time></strong></p><p class="soft">{host} and {invitee}</p>
<p class="row"><a href="{cancel}">Cancel</a> <a href="{move}">Reschedule</a></p>""")


def confirmation(state: SandboxState, booking: Booking) -> HTMLResponse:
    """The page after booking; what it says follows the booking's state."""
    api = state.config.calendly_api
    inner = CONFIRMED.format(
        name=state.config.event_name, minutes=state.config.event_minutes, host=state.config.host,
        invitee=booking.name, when=when(booking), start=f'{booking.start:%Y-%m-%dT%H:%M:%SZ}',
        cancel=f'{api}/cancellations/{booking.invitee}', move=f'{api}/reschedulings/{booking.invitee}',
    )  # fmt: skip
    if booking.status != 'active':
        inner = Markup('<h2>This event was canceled</h2><p>{}</p>').format(when(booking))
    return _page(state, {'hide_event_type_details': '1'}, inner, '')
