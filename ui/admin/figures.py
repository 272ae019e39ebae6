"""The figures and the meetings of the overview."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta, tzinfo
from urllib.parse import quote

from babel.dates import format_date, format_time
from markupsafe import Markup

from services.admin.overview import Meeting, Period, Takings
from services.money import Money
from ui.admin.components import LOCALE, Tone, amount, count, outside, status, time
from ui.admin.live import Entry
from ui.components.builder import h, join

PERIODS = {
    1: ('Today', 'yesterday'),
    7: ('7 days', 'the 7 days before'),
    30: ('30 days', 'the 30 days before'),
}


def takings(currencies: Iterable[Takings]) -> Markup:
    """Build the money of the last days against the days before, one block for each currency."""
    blocks = [
        h(
            'dl',
            *(_period(period) for period in each.periods),
            class_='figures',
            aria_label=each.currency.upper(),
        )
        for each in currencies
    ]
    return join(*blocks) if blocks else h('p', 'No payment yet.', class_='quiet')


def _period(period: Period) -> Markup:
    name, before = PERIODS[period.days]
    change = _change(period.now, period.before)
    return h(
        'div',
        h('dt', name),
        h(
            'dd',
            h('strong', amount(period.now)),
            ' ',
            h('span', count(period.payments, 'payment'), class_='quiet'),
        ),
        h(
            'dd',
            change,
            f'{before.capitalize()}: ' if change is None else f'{before}: ',
            amount(period.before),
            class_='before',
        ),
    )


def _change(now: Money, before: Money) -> Markup | None:
    """Write by how much a sum has changed; nothing where there is nothing to compare with."""
    if before.amount <= 0 or now == before:
        return None
    percent = round(100 * (now.amount - before.amount) / before.amount)
    arrow, word, class_ = ('▲', 'more', 'up') if percent >= 0 else ('▼', 'less', 'down')
    shown = h('span', arrow, aria_hidden='true')
    return join(
        h('span', shown, f' {abs(percent)} %', h('span', f' {word} than ', class_='unseen'), class_=class_),
        ' ',
    )


def looking(number: int) -> str:
    """Say how many look at the shop's pages now."""
    return (
        'Nobody is looking at the shop now' if number == 0 else f'{_people(number)} looking at the shop now'
    )


def _people(number: int) -> str:
    return '1 person is' if number == 1 else f'{number:,} people are'


def meeting_entries(meetings: Iterable[Meeting], *, zone: tzinfo, now: datetime) -> Iterator[Entry]:
    """Turn the meetings of today and tomorrow into the entries of the list."""
    today = now.astimezone(zone).date()
    for meeting in meetings:
        yield Entry(
            f'{meeting.reference} {meeting.start.isoformat()}',
            _meeting(meeting, zone, now, today),
            lambda meeting=meeting: _controls(meeting, is_over=meeting.end <= now),  # type: ignore[misc]
            controls_for=(
                meeting.end <= now,
                meeting.join_url,
                meeting.place,
                meeting.link_follows,
                meeting.phone,
            ),
            class_='item over' if meeting.end <= now else 'item',
        )


def _meeting(meeting: Meeting, zone: tzinfo, now: datetime, today: date) -> Markup:
    hours = f'{_clock(meeting.start, zone)} – {_clock(meeting.end, zone)}'
    warnings = [status(meeting.warning, Tone.BAD)] if meeting.warning else []
    if meeting.no_show:
        warnings.append(status('did not come', Tone.NOTE))
    if meeting.start <= now < meeting.end:
        warnings.append(status('now', Tone.GOOD))
    return join(
        h('h3', time(meeting.start, f'{_day_words(meeting.day, today)}, {hours}', zone)),
        h('p', h('strong', meeting.name or meeting.email or 'name unknown'), ' · ', meeting.title),
        h('p', *warnings, class_='row') if warnings else None,
    )


def _controls(meeting: Meeting, *, is_over: bool) -> Markup:
    order = (
        h('a', meeting.reference, href=f'/admin/orders/{meeting.reference}', class_='plain')
        if meeting.reference
        else None
    )
    joining = None if is_over else outside('Join', meeting.join_url, class_='button main')
    place = meeting.place or ('The link follows' if meeting.link_follows else '')
    where = joining or (h('span', place, class_='quiet') if place else None)
    call = (
        h('a', meeting.phone, href=f'tel:{_dial(meeting.phone)}', class_='plain') if meeting.phone else None
    )
    mail = (
        h('a', 'Write', href=f'mailto:{quote(meeting.email, safe="@")}', class_='plain')
        if meeting.email
        else None
    )
    return h('div', where, order, call, mail, class_='row')


def _dial(number: str) -> str:
    return ''.join(letter for letter in number if letter in '+0123456789')


def _clock(at: datetime, zone: tzinfo) -> str:
    return str(format_time(at.astimezone(zone), 'h:mm a', locale=LOCALE))


def _day_words(day: date, today: date) -> str:
    named = {today: 'Today', today + timedelta(days=1): 'Tomorrow'}
    return named.get(day) or str(format_date(day, 'EEE, MMM d', LOCALE))
