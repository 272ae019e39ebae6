"""How the hosted payment page looks: summary, fields, test cards."""

from collections.abc import Callable

from markupsafe import Markup
from starlette.responses import Response

from services.sandbox.panel.page import attrs, field, joined, money, page, select
from services.sandbox.state import SandboxState, Session
from services.sandbox.stripe import cards, views
from services.sandbox.stripe.paying import Outcome

Entry = Callable[..., Markup]
COUNTRIES = (
    ('US', 'United States'), ('AU', 'Australia'), ('AT', 'Austria'), ('CA', 'Canada'), ('FR', 'France'),
    ('DE', 'Germany'), ('IE', 'Ireland'), ('JP', 'Japan'), ('NL', 'Netherlands'), ('PH', 'Philippines'),
    ('KR', 'South Korea'), ('GB', 'United Kingdom'),
)  # fmt: skip
SUBMIT_LABELS = {'book': 'Book', 'donate': 'Donate'}
STATUS = {'declined': 402, 'refused': 422}
HINTS = (
    ('4242 4242 4242 4242', 'is paid'), ('4000 0000 0000 0002', 'is declined'),
    ('4000 0000 0000 9995', 'has insufficient funds'), ('4000 0025 0000 3155', 'asks for authentication'),
    ('4000 0000 0000 0259', 'is paid, then disputed'),
)  # fmt: skip


PAGE = Markup("""<div class="page two"><section class="stack" aria-label="Summary">
<p>{back}</p><div class="stack tight"><p class="soft">{business}</p><h1>{product}</h1>
<p class="sum">{total}</p></div><dl class="lines">{lines}</dl>{code}</section>
<section class="card stack" aria-label="Payment">{alert}
<form method="post" action="{action}" class="stack">{fields}
<button class="wide">{submit} {total}</button>{words}</form>{hints}</section></div>""")


def form_page(state: SandboxState, session: Session, typed: dict[str, str], outcome: Outcome) -> Response:
    """The form with what was typed, and what was wrong with it."""
    api = state.config.stripe_api
    total = money(session.total, session.currency)
    told = Markup('<p class="alert" role="alert">{}</p>').format(outcome.message) if outcome.message else ''
    custom = session.params.get('custom_text', {}).get('submit', {}).get('message', '')
    body = PAGE.format(
        back=_back(session), business=state.config.business, total=total, alert=told, lines=_lines(session),
        product=state.products[session.price['product']]['name'], code=_code(api, session, outcome),
        action=f'{api}/pay/{session.id}', fields=_fields(session, typed, outcome), hints=_hints(session),
        submit=SUBMIT_LABELS.get(session.params.get('submit_type', 'pay'), 'Pay'),
        words=Markup('<p class="small soft">{}</p>').format(custom) if custom else '',
    )  # fmt: skip
    return page(f'{state.config.business}: payment', body, status=STATUS.get(outcome.kind, 200))


def _back(session: Session) -> Markup:
    cancel = session.params.get('cancel_url')
    return Markup('<a href="{}">← Back</a>').format(cancel) if cancel else Markup('')


def _lines(session: Session) -> Markup:
    rows = [('Subtotal', session.subtotal), ('Discount', -session.discount), ('Tax', session.tax)]
    shown = [row for row in rows if row[1]] if session.discount or session.tax else []
    shown_rows = [(name, money(amount, session.currency), '') for name, amount in shown]
    shown_rows.append(('Total due', money(session.total, session.currency), 'total'))
    line = Markup('<div class="{2}"><dt>{0}</dt><dd>{1}</dd></div>')
    return joined(line.format(*row) for row in shown_rows)


def _code(api: str, session: Session, outcome: Outcome) -> Markup:
    if not session.params.get('allow_promotion_codes'):
        return Markup('')
    wrong = outcome.message if outcome.field == 'code' else ''
    entry = field('code', 'Promotion code', '', wrong, autocomplete='off')
    form = Markup(
        '<form method="post" action="{}/pay/{}/code" class="row">{}'
        '<button class="quiet">Apply</button></form>'
    )
    return form.format(api, session.id, entry)


def _fields(session: Session, typed: dict[str, str], outcome: Outcome) -> Markup:
    def entry(name: str, label: str, **more: str | bool) -> Markup:
        return field(
            name, label, typed.get(name, ''), outcome.message if outcome.field == name else '', **more
        )

    return joined((
        _contact(session, entry),
        _method(session, typed, entry) if session.total else Markup(''),
        _address(typed, entry) if session.total else Markup(''),
        _terms(session),
    ))  # fmt: skip


def _contact(session: Session, entry: Entry) -> Markup:
    fixed = session.params.get('customer_email')
    mail = entry('email', 'Email', type='email', autocomplete='email', required=True)
    if fixed:
        mail = Markup('<p>{}</p>').format(fixed)
    asks = session.params.get('phone_number_collection', {}).get('enabled')
    phone = entry('phone', 'Phone number', type='tel', autocomplete='tel') if asks else ''
    return Markup('<fieldset><legend>Contact</legend>{}{}</fieldset>').format(mail, phone)


def _method(session: Session, typed: dict[str, str], entry: Entry) -> Markup:
    slow = typed.get('method') == 'bank'
    choice = Markup(
        '<label class="choice"><input type="radio" name="method" value="{0}" id="{0}-method"{1}> {2}</label>'
    )
    banks = session.currency in views.BANKS
    card = choice.format('card', attrs(checked=not slow), 'Card')
    bank = choice.format('bank', attrs(checked=slow), 'Bank debit (slow: settles later)') if banks else ''
    number = {'inputmode': 'numeric', 'autocomplete': 'cc-number', 'placeholder': '4242 4242 4242 4242'}
    return Markup(
        '<fieldset><legend>Payment method</legend>{}{}'
        '<div class="stack for-card">{}<div class="pair">{}{}</div></div>'
        '<div class="for-bank">{}</div>{}</fieldset>'
    ).format(
        card, bank, entry('card', 'Card number', **number),
        entry('expiry', 'Expiry (MM / YY)', autocomplete='cc-exp', placeholder='12 / 34'),
        entry('cvc', 'CVC', inputmode='numeric', autocomplete='cc-csc', placeholder='123'),
        field('account', 'Account number', typed.get('account', cards.BANK_PAYS), inputmode='numeric'),
        entry('name', 'Cardholder name', autocomplete='cc-name'),
    )  # fmt: skip


def _address(typed: dict[str, str], entry: Entry) -> Markup:
    country = select(
        'country', 'Country or region', COUNTRIES, typed.get('country', 'US'), autocomplete='country'
    )
    return Markup(
        '<fieldset><legend>Billing address</legend>{}{}<div class="pair">{}{}</div></fieldset>'
    ).format(
        country, entry('line1', 'Address line 1', autocomplete='address-line1'),
        entry('city', 'City', autocomplete='address-level2'),
        entry('postal_code', 'Postal code', autocomplete='postal-code'),
    )  # fmt: skip


def _terms(session: Session) -> Markup:
    if session.params.get('consent_collection', {}).get('terms_of_service') != 'required':
        return Markup('')
    return Markup(
        '<label class="choice"><input type="checkbox" name="terms" id="terms"> '
        'I agree to the terms of service</label>'
    )


def _hints(session: Session) -> Markup:
    if not session.total:
        return Markup('')
    rows = joined(Markup('<tr><td><code>{}</code></td><td>{}</td></tr>').format(*hint) for hint in HINTS)
    bank = Markup('<tr><td><code>{}</code></td><td>bank debit that fails later</td></tr>').format(
        cards.BANK_FAILS
    )
    return Markup(
        '<details class="small"><summary>Test cards</summary><p class="soft">Any future date, any CVC.</p>'
        '<div class="scroll"><table>{}{}</table></div></details>'
    ).format(rows, bank)  # fmt: skip
