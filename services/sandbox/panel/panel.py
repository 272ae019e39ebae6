"""The fault panel for people: one page of plain forms over the same actions, and the outbox."""

from collections.abc import Iterable
from urllib.parse import urlencode

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from services.sandbox.calendly.bookings import when
from services.sandbox.faults.api import ACTIONS, PROBLEMS
from services.sandbox.faults.rules import FAULTS
from services.sandbox.forms import typed
from services.sandbox.panel.page import field, hidden, joined, money, page, select
from services.sandbox.state import SandboxState, Session

NUMBERS = ('amount', 'ahead', 'status', 'times', 'seconds', 'retry_after')
FLAGS = ('success', 'active', 'revoked', 'recurring', 'failed', 'framed', 'backwards')
SHOWN = 20

PAGE = Markup("""<div class="page"><div class="stack"><h1>Sandbox</h1>
<p class="soft">Stand-ins for Stripe and Calendly. It is {now} here.
<a href="{base}/outbox">Outbox</a></p>{said}</div>
<section class="stack"><h2>Payments</h2>{sessions}</section>
<section class="stack"><h2>Bookings</h2>{bookings}</section>
<section class="stack"><h2>Webhooks</h2>{deliveries}</section>
<section class="stack"><h2>What goes wrong next</h2>{rules}</section>
<section class="stack"><h2>Price, key, clock</h2>{switches}</section></div>""")

BUTTON = Markup(
    """<form method="post" action="{}/panel/{}">{}<button class="quiet small">{}</button></form>"""
)
FORM = Markup("""<form method="post" action="{}/panel/{}" class="row">{}
<button class="quiet">{}</button></form>""")
TABLE = Markup("""<div class="scroll"><table><caption>{}</caption><thead><tr>{}</tr></thead>
<tbody>{}</tbody></table></div>""")
LETTER = Markup("""<article class="card stack tight"><h2>{}</h2><p class="soft">To {}, {}</p>
<pre>{}</pre></article>""")
OUTBOX = Markup("""<div class="page"><div class="stack"><p><a href="{}/">← Panel</a></p><h1>Outbox</h1>{}
</div></div>""")


def values(filled: dict[str, str]) -> dict[str, object]:
    """Form values as a action's JSON would have them; empty ones are left out."""
    return {name: _typed(name, value) for name, value in filled.items() if value != ''}


def _typed(name: str, value: str) -> object:
    if name in FLAGS:
        return value == 'true'
    return int(value) if name in NUMBERS and value.isdecimal() else value


async def pull(request: Request) -> Response:
    """A button of the panel."""
    state: SandboxState = request.app.state.sandbox
    action = request.path_params['action']
    try:
        body = values(await typed(request))
        if action == 'rule':
            state.faults.add([body])
        elif action == 'calm':
            state.faults.clear()
        else:
            await ACTIONS[action](state, body)
        said = f'Done: {action}'
    except PROBLEMS as problem:
        said = f'Not done: {problem}'
    return RedirectResponse(f'{state.config.base}/?{urlencode({"said": said})}', 303)


async def show(request: Request) -> Response:
    """The panel."""
    state: SandboxState = request.app.state.sandbox
    said = request.query_params.get('said', '')
    body = PAGE.format(
        now=f'{state.now():%Y-%m-%d %H:%M:%S} UTC', base=state.config.base, sessions=_sessions(state),
        said=Markup('<p class="alert" role="status">{}</p>').format(said) if said else '',
        bookings=_bookings(state), deliveries=_deliveries(state), rules=_rules(state),
        switches=_switches(state),
    )  # fmt: skip
    return page('Sandbox', body)


def button(state: SandboxState, action: str, label: str, **fields: str) -> Markup:
    """A form that is one button."""
    return BUTTON.format(state.config.base, action, hidden(fields.items()), label)


def form(state: SandboxState, action: str, label: str, *fields: Markup) -> Markup:
    """A form with fields in a row."""
    return FORM.format(state.config.base, action, joined(fields), label)


def table(caption: str, heads: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> Markup:
    """A table, or a word that it is empty."""
    cell, head = Markup('<td>{}</td>'), Markup('<th scope="col">{}</th>')
    body = joined(Markup('<tr>{}</tr>').format(joined(cell.format(item) for item in row)) for row in rows)
    if not body:
        return Markup('<p class="soft">{}: none yet.</p>').format(caption)
    return TABLE.format(caption, joined(head.format(item) for item in heads), body)


def _sessions(state: SandboxState) -> Markup:
    rows = [
        (
            Markup('<code>{}</code>').format(item.id[:16] + '…'), f'{item.status}, {item.payment_status}',
            money(item.total, item.currency), (item.payer or {}).get('email') or '', _moves(state, item),
        )
        for item in list(reversed(state.sessions.values()))[:SHOWN]
    ]  # fmt: skip
    return table(f'The latest {SHOWN} sessions', ('Session', 'State', 'Amount', 'Payer', 'Faults'), rows)


def _moves(state: SandboxState, item: Session) -> Markup:
    """What can be done with a session in its state."""
    key = item.id
    if item.status == 'open':
        moves = [
            button(state, 'pay', 'Pay', session=key), button(state, 'expire', 'Expire', session=key),
            button(state, 'pay', 'Pay by bank', session=key, method='bank'),
        ]  # fmt: skip
    elif item.status == 'complete' and item.payment_status == 'unpaid':
        ends = (('Bank pays', 'true'), ('Bank refuses', 'false'))
        moves = [button(state, 'settle', label, session=key, success=value) for label, value in ends]
    elif item.payment_status == 'paid':
        half = str(item.total // 2)
        moves = [
            button(state, 'refund', 'Refund', session=key),
            button(state, 'refund', 'Refund half', session=key, amount=half),
            button(state, 'refund', 'Refund that fails', session=key, failed='true'),
            *(
                button(state, 'dispute', f'Dispute {word}', session=key, status=word)
                for word in ('open', 'won', 'lost')
            ),
        ]  # fmt: skip
    else:
        moves = []
    return Markup('<div class="row">{}</div>').format(joined(moves))


def _bookings(state: SandboxState) -> Markup:
    rows = [
        (
            when(item), item.status, f'{item.name} <{item.email}>', item.tracking.get('utm_content', ''),
            button(state, 'cancel', 'Cancel as host', invitee=item.invitee, by='host')
            if item.status == 'active' else '',
        )
        for item in list(reversed(state.calendar.bookings.values()))[:SHOWN]
    ]  # fmt: skip
    return table(f'The latest {SHOWN} bookings', ('When', 'State', 'Invitee', 'utm_content', 'Faults'), rows)


def _deliveries(state: SandboxState) -> Markup:
    rows = [
        (
            item.type, item.state, ', '.join(map(str, item.statuses)), item.url,
            button(state, 'resend', 'Resend', event=item.id),
        )
        for item in list(reversed(state.webhooks.log))[:SHOWN]
    ]  # fmt: skip
    listed = table(f'The latest {SHOWN} deliveries', ('Type', 'State', 'Answers', 'Target', 'Faults'), rows)
    return listed + button(state, 'release', f'Release {len(state.webhooks.held)} held')


def _rules(state: SandboxState) -> Markup:
    rows = [
        (rule.match, rule.do, 'for ever' if rule.times is None else rule.times) for rule in state.faults.rules
    ]
    words = {word: why for actions in FAULTS.values() for word, why in actions.items()}
    choices = [(word, f'{word}: {why}'.replace('`', '')) for word, why in words.items()]
    new = form(
        state, 'rule', 'Add', field('match', 'Match', 'POST /v1/checkout/sessions'),
        select('do', 'Do', choices, 'fail'),
        field('status', 'Status', '500', inputmode='numeric'),
        field('times', 'Times', '1', inputmode='numeric'),
        field('seconds', 'Seconds', '', inputmode='numeric'),
        field('code', 'Code', ''), field('retry_after', 'Retry-After (s)', ''),
    )  # fmt: skip
    return (
        table('Waiting rules', ('Match', 'Do', 'Times'), rows)
        + new
        + button(state, 'calm', 'Forget all rules')
    )


def _switches(state: SandboxState) -> Markup:
    price = state.prices[state.config.price]
    yes_no = [('true', 'yes'), ('false', 'no')]
    truth = {True: 'true', False: 'false'}
    return joined((
        form(
            state, 'price', 'Change price', field('amount', 'Amount, minor units', str(price['unit_amount'])),
            select('active', 'Active', yes_no, truth[price['active']]),
            select('recurring', 'Recurring', yes_no, truth[price['type'] == 'recurring']),
        ),
        form(state, 'key', 'Change key', select('revoked', 'Key revoked', yes_no, truth[state.revoked])),
        form(
            state, 'calendar', 'Change event type',
            select('active', 'Bookable', yes_no, truth[state.calendar.active], 'bookable'),
            select('framed', 'May be framed', yes_no, truth[state.calendar.framed]),
        ),
        form(state, 'clock', 'Move clock', field('ahead', 'Seconds ahead', '3600', inputmode='numeric')),
        Markup('<p></p>'), button(state, 'reset', 'Forget everything'),
    ))  # fmt: skip


async def outbox(request: Request) -> Response:
    """The mails and invites that would have been sent."""
    state: SandboxState = request.app.state.sandbox
    letters = joined(
        LETTER.format(item.subject, item.to, f'{item.at:%Y-%m-%d %H:%M} UTC', item.text)
        for item in reversed(state.calendar.outbox)
    )
    none = Markup('<p class="soft">No mail yet.</p>')
    return page('Outbox', OUTBOX.format(state.config.base, letters or none))


ROUTES = [
    Route('/', show, methods=['GET']),
    Route('/outbox', outbox, methods=['GET']),
    Route('/panel/{action}', pull, methods=['POST']),
]
