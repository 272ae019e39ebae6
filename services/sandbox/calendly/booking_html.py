"""The HTML of the booking page: the event, days and times, the form and the confirmation."""

import re
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote, urlencode

from markupsafe import Markup
from starlette.responses import HTMLResponse

from services.sandbox.calendly.bookings import format_clock, format_time
from services.sandbox.calendly.calendar import TRACKING, Booking, zone
from services.sandbox.html import attrs, field, hidden, join, page, select
from services.sandbox.state import SandboxState

NOTE = 'Sandbox: no real appointments'
ZONES = (
    'America/New_York', 'America/Chicago', 'America/Denver', 'America/Phoenix', 'America/Los_Angeles',
    'America/Anchorage', 'Pacific/Honolulu', 'America/Puerto_Rico', 'America/Sao_Paulo', 'UTC',
    'Europe/London',
    'Europe/Berlin', 'Europe/Athens', 'Africa/Johannesburg', 'Asia/Dubai', 'Asia/Kolkata', 'Asia/Manila',
    'Asia/Tokyo', 'Asia/Seoul', 'Australia/Sydney', 'Pacific/Auckland',
)  # fmt: skip
COLOURS = {'primary_color': '--accent', 'text_color': '--ink', 'background_color': '--card'}
LOCATIONS = {
    'google_conference': 'Web conferencing details provided upon confirmation.',
    'outbound_call': 'Phone call', 'physical': '1 Sandbox Street',
}  # fmt: skip
Query = Mapping[str, str]

LAYOUT = Markup("""<div class="page {kind}">{side}
<section class="card stack" aria-label="Booking">{alert}{inner}</section></div>""")
SIDE = Markup("""<section class="stack tight" aria-label="Event"><p class="soft">{host}</p><h1>{name}</h1>
<p class="soft">{minutes} min</p><p class="soft small">{place}</p></section>""")


def _timezone(state: SandboxState, query: Query) -> str:
    name = query.get('timezone') or state.config.host_timezone
    return name if zone(name).key == name else 'UTC'


def _colours(query: Query) -> str:
    """Return the CSS variables for the colours in the query; hex only."""
    colours = {name: query.get(name, '') for name in COLOURS}
    rules = [
        f'{COLOURS[name]}: #{value};'
        for name, value in colours.items()
        if re.fullmatch('[0-9a-fA-F]{6}', value)
    ]
    return f':root {{ {" ".join(rules)} }}' if rules else ''


def _page(state: SandboxState, query: Query, inner: Markup, alert: str, status: int = 200) -> HTMLResponse:
    only_form = query.get('hide_event_type_details') == '1'
    side = SIDE.format(
        host=state.config.host, name=state.config.event_name, minutes=state.calendar.minutes,
        place=LOCATIONS.get(state.calendar.location, ''),
    )  # fmt: skip
    body = LAYOUT.format(
        kind='narrow' if only_form else 'split', side='' if only_form else side, inner=inner,
        alert=Markup('<p class="alert" role="alert">{}</p>').format(alert) if alert else '',
    )  # fmt: skip
    framed = state.calendar.framed
    # Calendly's pages have one scheme: light, with the colours of the query.
    return page(
        state.config.event_name,
        body,
        note=NOTE,
        status=status,
        framed=framed,
        light=True,
        extra=_colours(query),
    )


def times_page(
    state: SandboxState, url: str, query: Query, times: list[datetime], alert: str = ''
) -> HTMLResponse:
    """Return step one: the days, and the times of the chosen day."""
    timezone = _timezone(state, query)
    other = {key: value for key, value in query.items() if key not in ('start', 'date', 'timezone')}
    by_day: dict[str, list[datetime]] = {}
    for time in times:
        by_day.setdefault(f'{time.astimezone(zone(timezone)):%Y-%m-%d}', []).append(time)
    chosen = query.get('date', '') if query.get('date', '') in by_day else next(iter(by_day), '')
    base = other | {'timezone': timezone}
    inner = TIMES.format(
        days=join(_day(url, base, day, day == chosen) for day in by_day),
        heading=_heading(chosen),
        times=join(_time(url, base, chosen, time, timezone) for time in by_day.get(chosen, [])),
        zones=_zones(url, other, chosen, timezone),
    )  # fmt: skip
    return _page(state, query, inner, alert)


def _heading(day: str) -> str:
    return f'{datetime.fromisoformat(day):%A, %B} {int(day[-2:])}' if day else 'No times available'


TIMES = Markup("""<h2>Select a Date &amp; Time</h2><nav aria-label="Days"><ul class="days">{days}</ul></nav>
<h2>{heading}</h2><div class="times">{times}</div>{zones}""")


def _day(url: str, base: Query, day: str, chosen: bool) -> Markup:
    date = datetime.fromisoformat(day)
    href = f'{url}?{urlencode({**base, "date": day}, quote_via=quote)}'
    template = Markup(
        '<li><a href="{0}"{1}><span>{2:%a}</span><strong>{2.day}</strong><span>{2:%b}</span></a></li>'
    )
    return template.format(href, attrs(aria_current='date' if chosen else False), date)


def _time(url: str, base: Query, day: str, time: datetime, timezone: str) -> Markup:
    start = f'{time:%Y-%m-%dT%H:%M:%SZ}'
    href = f'{url}?{urlencode({**base, "date": day, "start": start}, quote_via=quote)}'
    local = format_clock(time.astimezone(zone(timezone)))
    return Markup('<a class="button quiet" href="{}"><time datetime="{}">{}</time></a>').format(
        href, start, local
    )


def _zones(url: str, other: Query, day: str, timezone: str) -> Markup:
    choices = [(item, item.replace('_', ' ')) for item in sorted({*ZONES, timezone})]
    return Markup(
        '<form method="get" action="{}" class="row">{}{}<button class="quiet">Change</button></form>'
    ).format(url, hidden([*other.items(), ('date', day)]), select('timezone', 'Time zone', choices, timezone))


DETAILS = Markup("""<h2>{title}</h2><form method="post" action="{url}" class="stack">{hidden}
<p>{when}</p>{fields}
<p><button>{button}</button></p></form><p><a href="{back}">← Another time</a></p>""")


def details_page(
    state: SandboxState,
    url: str,
    query: Query,
    start: datetime,
    alert: str = '',
    rescheduled: Booking | None = None,
) -> HTMLResponse:
    """Return step two: the invitee's details, or for a rescheduled booking only the button."""
    timezone = _timezone(state, query)
    other = {key: value for key, value in query.items() if key not in ('start', 'timezone')}
    shown = {'name', 'email', 'a1', 'first_name', 'last_name', 'date'}
    hidden_fields = [
        (key, value) for key, value in other.items() if key not in shown or (rescheduled and key in TRACKING)
    ]
    local = start.astimezone(zone(timezone))
    when = f'{format_clock(local)}, {local:%A, %B} {local.day}, {local.year} ({timezone.replace("_", " ")})'
    inner = DETAILS.format(
        title='Reschedule Event' if rescheduled else 'Enter Details', url=url,
        hidden=hidden([*hidden_fields, ('start', f'{start:%Y-%m-%dT%H:%M:%SZ}'), ('timezone', timezone)]),
        when=when, fields='' if rescheduled else _invitee_fields(query),
        button='Update Event' if rescheduled else 'Schedule Event',
        back=f'{url}?{urlencode({**other, "timezone": timezone}, quote_via=quote)}',
    )  # fmt: skip
    return _page(state, query, inner, alert, status=422 if alert else 200)


def _invitee_fields(query: Query) -> Markup:
    name = query.get('name') or f'{query.get("first_name", "")} {query.get("last_name", "")}'.strip()
    return join((
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
    """Return the page after booking, for an active or a canceled booking."""
    api = state.config.calendly_api
    inner = CONFIRMED.format(
        name=state.config.event_name, host=state.config.host,
        minutes=int((booking.end - booking.start).total_seconds()) // 60,
        invitee=booking.name, when=format_time(booking), start=f'{booking.start:%Y-%m-%dT%H:%M:%SZ}',
        cancel=f'{api}/cancellations/{booking.invitee}', move=f'{api}/reschedulings/{booking.invitee}',
    )  # fmt: skip
    if booking.status != 'active':
        inner = Markup('<h2>This event was canceled</h2><p>{}</p>').format(format_time(booking))
    return _page(state, {'hide_event_type_details': '1'}, inner, '')
