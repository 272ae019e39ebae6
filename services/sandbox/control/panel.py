"""The panel: a page of HTML forms for faults and actions."""

from collections.abc import Iterable
from functools import partial
from urllib.parse import urlencode

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from services.sandbox.calendly.bookings import format_time
from services.sandbox.calendly.calendar import Booking
from services.sandbox.calendly.rate_limit import PLANS
from services.sandbox.control.api import ACTION_ERRORS, ACTIONS
from services.sandbox.control.calendly_actions import LINK_STATUS
from services.sandbox.faults.rules import FAULTS
from services.sandbox.forms import form_values
from services.sandbox.html import field, hidden, join, money, page, select
from services.sandbox.state import SandboxState, Session, state_of

NUMBERS = ('amount', 'ahead', 'status', 'times', 'seconds', 'retry_after', 'minutes', 'count')
FLAGS = (
    'success', 'active', 'revoked', 'recurring', 'failed', 'framed', 'backwards', 'is_paid', 'deleted',
    'team', 'admin', 'down', 'may_cancel', 'disabled',
)  # fmt: skip
PAYLOADS = [('snapshot', 'snapshot'), ('thin', 'thin'), ('both', 'both')]
MAX_ROWS = 20

PAGE = Markup("""<div class="page"><div class="stack"><h1>Sandbox</h1>
<p class="soft">Stripe and Calendly for demos and tests. The clock shows {now}.
<a href="{base}/mailbox">Mailbox</a></p>{result}</div>
<section class="stack"><h2>Payments</h2>{sessions}</section>
<section class="stack"><h2>Bookings</h2>{bookings}</section>
<section class="stack"><h2>Webhooks</h2>{deliveries}</section>
<section class="stack"><h2>Faults</h2>{rules}</section>
<section class="stack"><h2>Settings and clock</h2>{settings}</section></div>""")

BUTTON = Markup(
    """<form method="post" action="{}/panel/{}">{}<button class="quiet small">{}</button></form>"""
)
FORM = Markup("""<form method="post" action="{}/panel/{}" class="row">{}
<button class="quiet">{}</button></form>""")
TABLE = Markup("""<div class="scroll records"><table><caption>{}</caption><thead><tr>{}</tr></thead>
<tbody>{}</tbody></table></div>""")


def to_json(values: dict[str, str]) -> dict[str, object]:
    """Convert form values to the JSON of an action, without the empty ones."""
    return {name: _convert(name, value) for name, value in values.items() if value != ''}


def _convert(name: str, value: str) -> object:
    if name in FLAGS:
        return value == 'true'
    return int(value) if name in NUMBERS and value.isdecimal() else value


async def submit(request: Request) -> Response:
    """Run the action of a button and show its result on the panel."""
    state = state_of(request)
    action = request.path_params['action']
    try:
        body = to_json(await form_values(request))
        if action == 'add-fault':
            state.faults.add([body])
        elif action == 'clear-faults':
            state.faults.clear()
        else:
            await ACTIONS[action](state, body)
        result = f'Done: {action}'
    except ACTION_ERRORS as error:
        result = f'Failed: {error}'
    return RedirectResponse(f'{state.config.base}/?{urlencode({"result": result})}', 303)


async def show(request: Request) -> Response:
    """Show the panel."""
    state = state_of(request)
    result = request.query_params.get('result', '')
    body = PAGE.format(
        now=f'{state.now():%Y-%m-%d %H:%M:%S} UTC', base=state.config.base, sessions=_sessions(state),
        result=Markup('<p class="result" role="status">{}</p>').format(result) if result else '',
        bookings=_bookings(state), deliveries=_deliveries(state), rules=_rules(state),
        settings=_settings(state),
    )  # fmt: skip
    return page('Sandbox', body)


def button(state: SandboxState, action: str, label: str, **fields: str) -> Markup:
    """Return a form that is only a button."""
    return BUTTON.format(state.config.base, action, hidden(fields.items()), label)


def form(state: SandboxState, action: str, label: str, *fields: Markup) -> Markup:
    """Return a form with its fields in a row."""
    return FORM.format(state.config.base, action, join(fields), label)


def table(caption: str, heads: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> Markup:
    """Return a table, or a sentence if it has no rows."""
    cell, head = Markup('<td>{}</td>'), Markup('<th scope="col">{}</th>')
    body = join(Markup('<tr>{}</tr>').format(join(cell.format(item) for item in row)) for row in rows)
    if not body:
        return Markup('<p class="soft">{}: none yet.</p>').format(caption)
    return TABLE.format(caption, join(head.format(item) for item in heads), body)


def _sessions(state: SandboxState) -> Markup:
    rows = [
        (
            Markup('<code>{}</code>').format(item.id[:16] + '…'), f'{item.status}, {item.payment_status}',
            money(item.total, item.currency), (item.payer or {}).get('email') or '',
            _session_actions(state, item),
        )
        for item in list(reversed(state.sessions.values()))[:MAX_ROWS]
    ]  # fmt: skip
    return table(f'The latest {MAX_ROWS} sessions', ('Session', 'State', 'Amount', 'Payer', 'Actions'), rows)


def _session_actions(state: SandboxState, item: Session) -> Markup:
    """Return the buttons for the state of a session."""
    act = partial(button, state, session=item.id)
    buttons: list[Markup] = []
    if item.status == 'open':
        buttons = [act('pay', 'Pay'), act('expire', 'Expire'), act('pay', 'Pay by bank', method='bank')]
    elif item.status == 'complete' and item.payment_status == 'unpaid':
        buttons = [
            act('settle', 'Bank pays', success='true'), act('settle', 'Bank refuses', success='false'),
        ]  # fmt: skip
    elif item.payment_status == 'paid':
        buttons = [
            act('refund', 'Refund'), act('refund', 'Refund half', amount=str(item.total // 2)),
            act('refund', 'Refund that fails', failed='true'),
            *(act('dispute', f'Dispute {status}', status=status) for status in ('open', 'won', 'lost')),
        ]  # fmt: skip
    return Markup('<div class="row">{}</div>').format(join(buttons))


def _bookings(state: SandboxState) -> Markup:
    rows = [
        (
            format_time(item), item.status, f'{item.name} <{item.email}>',
            item.tracking.get('utm_content', ''),
            _booking_actions(state, item),
        )
        for item in list(reversed(state.calendar.bookings.values()))[:MAX_ROWS]
    ]  # fmt: skip
    return table(
        f'The latest {MAX_ROWS} bookings', ('When', 'State', 'Invitee', 'utm_content', 'Actions'), rows
    )


def _booking_actions(state: SandboxState, item: Booking) -> Markup:
    """Return the buttons for a booking."""
    act = partial(button, state, invitee=item.invitee)
    buttons = [act('calendly-payment', 'Calendly takes money')]
    if item.status == 'active':
        buttons += [
            act('cancel', 'Cancel as host', by='host'), act('location', 'Link is pushed', status='pushed'),
        ]  # fmt: skip
    return Markup('<div class="row">{}</div>').format(join(buttons))


def _subscriptions(state: SandboxState) -> Markup:
    rows = [
        (item.url, item.state, 'failing' if item.retry_started else '', ', '.join(item.events))
        for item in state.calendar.subscriptions.values()
    ]
    return table("Calendly's subscriptions", ('URL', 'State', 'Deliveries', 'Events'), rows) + join(
        (
            button(state, 'subscriptions', 'Disable them', disabled='true'),
            button(state, 'subscriptions', 'Delete them', deleted='true'),
        )
    )


def _deliveries(state: SandboxState) -> Markup:
    rows = [
        (
            item.type, item.state, ', '.join(map(str, item.statuses)), item.url,
            button(state, 'resend', 'Resend', event=item.id),
        )
        for item in list(reversed(state.webhooks.log))[:MAX_ROWS]
    ]  # fmt: skip
    listed = table(
        f'The latest {MAX_ROWS} deliveries', ('Type', 'State', 'Responses', 'URL', 'Actions'), rows
    )
    held = button(state, 'release', f'Send held webhooks ({len(state.webhooks.held)})')
    return listed + held + _subscriptions(state)


def _rules(state: SandboxState) -> Markup:
    rows = [
        (rule.match, rule.do, 'always' if rule.times is None else rule.times) for rule in state.faults.rules
    ]
    choices = [
        (do, f'{kind}: {do} ({text})'.replace('`', ''))
        for kind, group in FAULTS.items()
        for do, text in group.items()
    ]
    new = form(
        state, 'add-fault', 'Add fault', field('match', 'Match', 'POST /v1/checkout/sessions'),
        select('do', 'Fault', choices, 'fail'), field('status', 'Status', '500', inputmode='numeric'),
        field('times', 'Times', '1', inputmode='numeric'),
        field('seconds', 'Seconds', '', inputmode='numeric'),
        field('code', 'Code', ''), field('retry_after', 'Retry-After (s)', ''),
    )  # fmt: skip
    return (
        table('Active faults', ('Match', 'Fault', 'Times'), rows)
        + new
        + button(state, 'clear-faults', 'Clear all faults')
    )


def _settings(state: SandboxState) -> Markup:
    price = state.prices[state.config.price]
    yes_no, flag = [('true', 'yes'), ('false', 'no')], {True: 'true', False: 'false'}
    return join((
        form(
            state, 'price', 'Change price', field('amount', 'Amount, minor units', str(price['unit_amount'])),
            select('active', 'Active', yes_no, flag[price['active']]),
            select('recurring', 'Recurring', yes_no, flag[price['type'] == 'recurring']),
        ),
        form(state, 'key', 'Change key', select('revoked', 'Key revoked', yes_no, flag[state.key_revoked])),
        form(
            state, 'calendar', 'Change event type',
            select('active', 'Bookable', yes_no, flag[state.calendar.active], 'bookable'),
            select('link_status', 'Link to join', [(one, one) for one in LINK_STATUS],
                   state.calendar.link_status or ''),
            select('framed', 'Allow in frames', yes_no, flag[state.calendar.framed]),
            select('is_paid', 'Calendly takes money', yes_no, flag[state.calendar.is_paid]),
            select('secret', 'Secret, not on the page of the host', yes_no, flag[state.calendar.secret]),
            select('deleted', 'Deleted', yes_no, flag[state.calendar.deleted_at is not None]),
            select('team', 'Of the organization', yes_no, flag[state.calendar.team]),
            field('minutes', 'Minutes', str(state.calendar.minutes), inputmode='numeric'),
        ),
        form(
            state, 'free-times', 'Change free times',
            field('count', 'How many; empty for all', '', inputmode='numeric'),
        ),
        form(
            state, 'calendly-token', 'Change Calendly token',
            select('revoked', 'Token revoked', yes_no, flag[state.calendar.token_revoked], 'token-revoked'),
            select('may_cancel', 'May cancel meetings', yes_no, flag[state.calendar.may_cancel]),
            select('admin', 'May read the organization', yes_no, flag[state.calendar.admin]),
            field('missing_scopes', 'Missing scopes', ' '.join(sorted(state.calendar.missing_scopes))),
        ),
        form(
            state, 'calendly-plan', 'Change Calendly plan',
            select('plan', 'Plan', [(plan, f'{plan}: {most} calls a minute') for plan, most in PLANS.items()],
                   state.calendly_limit.plan),
        ),
        form(
            state, 'webhooks', "Change Stripe's webhooks",
            select('stripe_payload', 'Payload', PAYLOADS, state.stripe_payload),
        ),
        form(
            state, 'smtp', 'Change SMTP server',
            select('down', 'Refuses connections', yes_no, flag[state.mailbox.down]),
        ),
        button(state, 'ping', 'Ping the webhook endpoint'),
        form(state, 'clock', 'Move clock forward', field('ahead', 'Seconds', '3600', inputmode='numeric')),
        button(state, 'reset', 'Delete everything'),
    ))  # fmt: skip


ROUTES = [
    Route('/', show, methods=['GET']),
    Route('/panel/{action}', submit, methods=['POST']),
]
