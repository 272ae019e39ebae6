"""The rehearsal on the page about selling: make one now, or every night, and what the last one has found."""

from datetime import UTC, datetime, time, tzinfo

from fastapi import Request, Response
from markupsafe import Markup
from nicegui.elements.timer import Timer  # ui.timer, of which every process must have the script

from services.admin import SignedIn
from services.errors import BadRequest
from services.rehearsal import Ended, Hop, Outcome, Part, Schedule, outcome_of, parse_time
from services.shop import Shop
from ui.admin.access import Form, admin_post, guarded, see_other
from ui.admin.components import Tone, count, exact, folded, relative, status
from ui.admin.forms import FORM_ID, action_form, button
from ui.components.builder import h, join
from ui.components.elements import Static

PAGE = '/admin/selling'
PATH, NIGHTLY = f'{PAGE}/rehearsal', f'{PAGE}/rehearsal-at-night'
WHAT_IT_IS = (
    'A rehearsal takes an order through its whole life, with your texts and pages: it pays, books, moves,'
    ' cancels, refunds and mails. Stripe, Calendly and the mail server are simulated for it, in a process of'
    ' its own. It takes some seconds, and no order and no customer of yours is touched.'
)
BEYOND = {
    'demo': 'This is the demo, so your accounts are not rehearsed.',
    'test': (
        'You have test keys, so it also goes as far as it can at Stripe’s test mode and at your Calendly, and'
        ' closes what it makes there.'
    ),
    'live': (
        'You have live keys, so it stays with the simulation: at Stripe a rehearsal would move real money.'
        ' Whether your keys and webhooks work is shown above.'
    ),
}
INTERVAL = 2.0  # seconds between two looks for the result
PARTS = {Part.SANDBOX: 'Simulated', Part.TEST_KEYS: 'With your test keys'}
TONES = {Outcome.OK: Tone.GOOD, Outcome.FAILED: Tone.BAD, Outcome.NOT_POSSIBLE: Tone.QUIET}
NO_TIME = 'Please write the time of the night as 03:00.'
NOBODY_MAILED = 'OPERATOR_EMAIL and SMTP_URL are needed for that; without them the result is only shown here.'


def register(shop: Shop) -> None:
    """Register the forms."""

    @admin_post(PATH, shop)
    async def rehearse(_request: Request, signed_in: SignedIn, form: Form) -> Response:
        await shop.rehearsals.want(form.get(FORM_ID, ''), actor=signed_in.actor)
        return see_other(f'{PAGE}#rehearsal')

    @admin_post(NIGHTLY, shop)
    async def set_schedule(_request: Request, signed_in: SignedIn, form: Form) -> Response:
        at = parse_time(form['at']) if 'at' in form else None
        if 'at' in form and at is None:
            raise BadRequest(NO_TIME)
        await shop.rehearsals.set_schedule(at, actor=signed_in.actor)
        return see_other(f'{PAGE}#rehearsal')


async def show_rehearsal(shop: Shop, signed_in: SignedIn) -> None:
    """Build the sections; while a rehearsal is under way its result is looked for."""
    zone = shop.site.business.zone
    head = (h('h2', 'Rehearsal', id='rehearsal'), h('p', WHAT_IT_IS), h('p', BEYOND[shop.settings.mode]))
    Static(join(*head), 'section')
    now_and_last, is_under_way = await _now_and_last(shop, signed_in)
    shown = Static(now_and_last, 'section').classes('rehearsal')
    schedule = await shop.rehearsals.schedule()
    mails = shop.sends_mail and bool(shop.settings.operator_email)
    Static(_at_night(signed_in, schedule, zone, mails=mails), 'section')
    if not is_under_way:
        return

    async def refresh() -> None:
        content, goes_on = await _now_and_last(shop, signed_in)
        shown.show(content)
        if not goes_on:
            timer.cancel()

    timer = Timer(INTERVAL, guarded(signed_in, refresh), immediate=False)


async def _now_and_last(shop: Shop, signed_in: SignedIn) -> tuple[Markup, bool]:
    """Build the button and the last result; also says whether a rehearsal is under way."""
    zone, now = shop.site.business.zone, datetime.now(UTC)
    since, ended = await shop.rehearsals.newest()
    last = _result(ended, zone, now) if ended else h('p', 'Nothing was rehearsed yet.', class_='quiet')
    return join(_now(signed_in, since, zone, now), last), since is not None


def _now(signed_in: SignedIn, since: datetime | None, zone: tzinfo, now: datetime) -> Markup:
    if since is None:
        return action_form(signed_in, PATH, button('Rehearse now', kind='main'))
    return h(
        'p',
        'It is being rehearsed. It was asked for ',
        relative(since, zone, now),
        '. ',
        h('a', 'Look again', href=f'{PAGE}#rehearsal'),
        class_='notice',
    )


def _result(ended: Ended, zone: tzinfo, now: datetime) -> Markup:
    failed = sum(hop.outcome is Outcome.FAILED for hop in ended.hops)
    if ended.problem:
        words, tone = 'It did not come to its end', Tone.BAD
    elif failed:
        words, tone = f'{failed} of {len(ended.hops)} steps failed', Tone.BAD
    else:
        words, tone = 'Everything works', Tone.GOOD
    tables = (_table(name, [hop for hop in ended.hops if hop.part is part]) for part, name in PARTS.items())
    when = join(relative(ended.at, zone, now), f' ({exact(ended.at, zone)}), by {ended.actor}')
    return join(
        h('h3', 'The last rehearsal'),
        h('p', status(words, tone)),
        h('p', when, class_='quiet'),
        h('p', ended.problem, class_='alert') if ended.problem else None,
        folded(count(len(ended.hops), 'step'), *tables, is_open=ended.has_failed) if ended.hops else None,
    )


def _table(name: str, hops: list[Hop]) -> Markup | None:
    if not hops:
        return None
    head = h('tr', *(h('th', words, scope='col') for words in ('Step', 'Result')))
    table = h('table', h('caption', name), h('thead', head), h('tbody', *map(_row, hops)))
    return h('div', table, class_='table')


def _row(hop: Hop) -> Markup:
    result = status(outcome_of(hop), TONES[hop.outcome])
    took = f'{hop.milliseconds:,}\N{NO-BREAK SPACE}ms' if hop.outcome is not Outcome.NOT_POSSIBLE else ''
    return h('tr', h('th', hop.name, scope='row'), h('td', result, ' ', h('span', took, class_='quiet')))


def _at_night(signed_in: SignedIn, schedule: Schedule, zone: tzinfo, *, mails: bool) -> Markup:
    field = join(
        h('label', f'Time, in {zone}', for_='at'),
        h('input', type='time', name='at', id='at', value=f'{schedule.at:%H:%M}', required=True),
    )
    told = '' if mails else f' {NOBODY_MAILED}'
    if not schedule.is_on:
        return join(
            h('h3', 'Every night'),
            h('p', f'You get a mail only when a step fails.{told}'),
            action_form(signed_in, NIGHTLY, field, button('Rehearse every night')),
        )
    return join(
        h('h3', f'Every night at {time_in_words(schedule.at)}'),
        h('p', f'Set by {schedule.actor}. You get a mail only when a step fails.{told}'),
        action_form(signed_in, NIGHTLY, field, button('Change the time')),
        action_form(signed_in, NIGHTLY, button('No longer at night')),
    )


def time_in_words(at: time) -> str:
    """Write a time of the day: 3:00 AM."""
    return f'{at:%I:%M %p}'.lstrip('0')
