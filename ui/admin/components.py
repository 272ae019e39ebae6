"""What the pages of the admin are made of: times, states, amounts, links, lists of facts."""

from datetime import datetime, timedelta, tzinfo
from enum import StrEnum

from babel.dates import format_datetime, get_timezone_name
from markupsafe import Markup

from services.admin import Result
from services.ledger.search import Booked
from services.money import Money
from services.orders import State
from ui.components.builder import h, join

LOCALE = 'en_US'
WEB = ('https://', 'http://')
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class Tone(StrEnum):
    """How a status looks; its word says the same."""

    GOOD = 'good'
    BAD = 'bad'
    NOTE = 'note'
    QUIET = 'quiet'


TONES = {
    State.PAID: Tone.GOOD,
    State.PROCESSING: Tone.NOTE,
    State.AWAITING_CUSTOMER: Tone.NOTE,
    State.UNDER_REVIEW: Tone.NOTE,
    State.PARTLY_REFUNDED: Tone.NOTE,
    State.DISPUTED: Tone.BAD,
    State.LOST: Tone.BAD,
    State.MISMATCH: Tone.BAD,
}
BOOKED = {
    Booked.YES: ('booked', Tone.GOOD),
    Booked.NO: ('not booked', Tone.NOTE),
    Booked.UNKNOWN: ('not known', Tone.QUIET),
}


def status(word: str, tone: Tone = Tone.QUIET) -> Markup:
    """Write a state: a word, with a dot that helps the eye."""
    return h('span', word, class_=f'status {tone}')


def state_status(state: State) -> Markup:
    """Write the state of an order."""
    return status(state, TONES.get(state, Tone.QUIET))


def booked_status(booked: Booked | None) -> Markup | None:
    """Write whether a time is booked; None where the order opens no calendar."""
    return status(*BOOKED[booked]) if booked else None


def exact(at: datetime, zone: tzinfo) -> str:
    """Write a time with its day and zone: Thu, Nov 26, 2026, 3:04 PM EST."""
    local = at.astimezone(zone)
    name = get_timezone_name(local, width='short', locale=LOCALE)
    return f'{format_datetime(local, "EEE, MMM d, y, h:mm a", locale=LOCALE)} {name}'


def brief(at: datetime, zone: tzinfo, now: datetime) -> str:
    """Write a time as short as it is clear: 3:04 PM today, Nov 20, or Nov 20, 2025."""
    local, today = at.astimezone(zone), now.astimezone(zone)
    if local.date() == today.date():
        return str(format_datetime(local, 'h:mm a', locale=LOCALE))
    pattern = 'MMM d' if local.year == today.year else 'MMM d, y'
    return str(format_datetime(local, pattern, locale=LOCALE))


def time(at: datetime, words: str, zone: tzinfo) -> Markup:
    """Write a time in some words, with the exact one on hover."""
    return h('time', words, datetime=at.isoformat(timespec='seconds'), title=exact(at, zone))


def relative(at: datetime, zone: tzinfo, now: datetime) -> Markup:
    """Write how long ago a time is, or how far ahead, with the exact one on hover."""
    return time(at, distance(at - now), zone)


def distance(gap: timedelta) -> str:
    """Write a gap from now in words: 3 hours ago, in 2 days."""
    size = abs(gap)
    if size < MINUTE:
        return 'just now'
    number, unit = next(
        (size // length, name)
        for length, name in ((DAY, 'day'), (HOUR, 'hour'), (MINUTE, 'minute'))
        if size >= length
    )
    words = f'{number} {unit}{"s" * (number != 1)}'
    return f'in {words}' if gap > timedelta() else f'{words} ago'


def count(number: int, noun: str) -> str:
    """Write a number of things: 1 payment, 3 payments."""
    return f'{number:,} {noun}{"s" * (number != 1)}'


def amount(money: Money) -> Markup:
    """Write an amount; a minus sign is a real one."""
    return h('span', str(money).replace('-', '−'), class_='money')


def outside(words: str, url: str, *, class_: str | None = None) -> Markup | None:
    """Build a link to another site, in a tab of its own; None for what is no address of the web."""
    if not url.startswith(WEB):
        return None
    return h('a', words, href=url, target='_blank', rel='noopener noreferrer', class_=class_)


def facts(*pairs: tuple[str, object]) -> Markup:
    """Build a list of names and values; a value of None or '' is left out."""
    given = [(name, value) for name, value in pairs if value not in (None, '')]
    return h('dl', *(join(h('dt', name), h('dd', value)) for name, value in given), class_='facts')


def heading(title: str, number: int | None = None, *, id_: str | None = None) -> Markup:
    """Build the heading of a section, with how many things are in it."""
    shown = h('span', f'{number:,}', class_='count') if number is not None else None
    return h('h2', title, *([' ', shown] if shown else []), id=id_)


def folded(summary: object, *content: object, id_: str | None = None, is_open: bool = False) -> Markup:
    """Build a part that opens when its summary is pressed, without script."""
    body = h('div', *content)
    return h('details', h('summary', summary), body, id=id_, open=is_open, class_='fold')


def notice(result: Result | None) -> Markup:
    """Say what became of the action before; nothing where there was none."""
    if result is None:
        return Markup('')
    return h('p', result.words, class_='notice' if result.is_done else 'alert')
