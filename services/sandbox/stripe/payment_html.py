"""The HTML of the hosted payment page: summary, fields and test cards."""

from collections.abc import Callable

from markupsafe import Markup
from starlette.responses import Response

from services.sandbox.html import attrs, field, join, money, page, select
from services.sandbox.state import SandboxState, Session
from services.sandbox.stripe import cards, objects
from services.sandbox.stripe.payments import Outcome

Input = Callable[..., Markup]
COUNTRIES = (
    ('US', 'United States'), ('AU', 'Australia'), ('AT', 'Austria'), ('CA', 'Canada'), ('FR', 'France'),
    ('DE', 'Germany'), ('IE', 'Ireland'), ('JP', 'Japan'), ('NL', 'Netherlands'), ('PH', 'Philippines'),
    ('KR', 'South Korea'), ('GB', 'United Kingdom'),
)  # fmt: skip
SUBMIT_LABELS = {'book': 'Book', 'donate': 'Donate'}
STATUS = {'declined': 402, 'refused': 422}
TEST_CARDS = (
    ('4242 4242 4242 4242', 'is paid'), ('4000 0000 0000 0002', 'is declined'),
    ('4000 0000 0000 9995', 'has insufficient funds'), ('4000 0025 0000 3155', 'requires authentication'),
    ('4000 0000 0000 0259', 'is paid, then disputed'),
)  # fmt: skip


PAGE = Markup("""<div class="page two"><section class="stack" aria-label="Summary">
<p>{back}</p><div class="stack tight"><p class="soft">{business}</p><h1>{product}</h1>
<p class="sum">{total}</p></div><dl class="lines">{lines}</dl>{code}</section>
<section class="card stack" aria-label="Payment">{alert}
<form method="post" action="{action}" class="stack">{fields}
<button class="wide">{submit} {total}</button>{submit_text}</form>{test_cards}</section></div>""")


def form_page(state: SandboxState, session: Session, values: dict[str, str], outcome: Outcome) -> Response:
    """Return the payment form with the submitted values and the message of the last outcome."""
    api = state.config.stripe_api
    total = money(session.total, session.currency)
    alert = Markup('<p class="alert" role="alert">{}</p>').format(outcome.message) if outcome.message else ''
    submit_text = session.params.get('custom_text', {}).get('submit', {}).get('message', '')
    body = PAGE.format(
        back=_back(session), business=state.config.business, total=total, alert=alert, lines=_lines(session),
        product=state.products[session.price['product']]['name'], code=_code(api, session, outcome),
        action=f'{api}/pay/{session.id}', fields=_fields(session, values, outcome),
        test_cards=_test_cards(session),
        submit=SUBMIT_LABELS.get(session.params.get('submit_type', 'pay'), 'Pay'),
        submit_text=Markup('<p class="small soft">{}</p>').format(submit_text) if submit_text else '',
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
    return join(line.format(*row) for row in shown_rows)


def _code(api: str, session: Session, outcome: Outcome) -> Markup:
    if not session.params.get('allow_promotion_codes'):
        return Markup('')
    error = outcome.message if outcome.field == 'code' else ''
    code = field('code', 'Promotion code', '', error, autocomplete='off')
    form = Markup(
        '<form method="post" action="{}/pay/{}/code" class="row">{}'
        '<button class="quiet">Apply</button></form>'
    )
    return form.format(api, session.id, code)


def _fields(session: Session, values: dict[str, str], outcome: Outcome) -> Markup:
    def input_for(name: str, label: str, **more: str | bool) -> Markup:
        return field(
            name, label, values.get(name, ''), outcome.message if outcome.field == name else '', **more
        )

    return join((
        _contact(session, input_for),
        _method(session, values, input_for) if session.total else Markup(''),
        _address(values, input_for) if session.total else Markup(''),
        _terms(session),
    ))  # fmt: skip


def _contact(session: Session, input_for: Input) -> Markup:
    email = session.params.get('customer_email')
    contact = input_for('email', 'Email', type='email', autocomplete='email', required=True)
    if email:
        contact = Markup('<p>{}</p>').format(email)
    with_phone = session.params.get('phone_number_collection', {}).get('enabled')
    phone = input_for('phone', 'Phone number', type='tel', autocomplete='tel') if with_phone else ''
    return Markup('<fieldset><legend>Contact</legend>{}{}{}</fieldset>').format(
        contact, phone, _business(session, input_for)
    )


def _business(session: Session, input_for: Input) -> Markup:
    params = session.params
    name = params.get('name_collection', {}).get('business', {}).get('enabled')
    tax_id = params.get('tax_id_collection', {}).get('enabled')
    return join((
        input_for('business_name', 'Business name (optional)') if name else Markup(''),
        input_for('tax_id', 'Tax ID (optional)') if tax_id else Markup(''),
    ))  # fmt: skip


def _method(session: Session, values: dict[str, str], input_for: Input) -> Markup:
    by_bank = values.get('method') == 'bank'
    option = Markup(
        '<label class="choice"><input type="radio" name="method" value="{0}" id="{0}-method"{1}> {2}</label>'
    )
    banks = len(objects.offered_methods(session)) > 1
    card = option.format('card', attrs(checked=not by_bank), 'Card')
    bank = option.format('bank', attrs(checked=by_bank), 'Bank debit (settles later)') if banks else ''
    number = {'inputmode': 'numeric', 'autocomplete': 'cc-number', 'placeholder': '4242 4242 4242 4242'}
    return Markup(
        '<fieldset><legend>Payment method</legend>{}{}'
        '<div class="stack for-card">{}<div class="pair">{}{}</div></div>'
        '<div class="for-bank">{}</div>{}</fieldset>'
    ).format(
        card, bank, input_for('card', 'Card number', **number),
        input_for('expiry', 'Expiry (MM / YY)', autocomplete='cc-exp', placeholder='12 / 34'),
        input_for('cvc', 'CVC', inputmode='numeric', autocomplete='cc-csc', placeholder='123'),
        field('account', 'Account number', values.get('account', cards.BANK_PAYS), inputmode='numeric'),
        input_for('name', 'Cardholder name', autocomplete='cc-name'),
    )  # fmt: skip


def _address(values: dict[str, str], input_for: Input) -> Markup:
    country = select(
        'country', 'Country or region', COUNTRIES, values.get('country', 'US'), autocomplete='country'
    )
    return Markup(
        '<fieldset><legend>Billing address</legend>{}{}<div class="pair">{}{}</div></fieldset>'
    ).format(
        country, input_for('line1', 'Address line 1', autocomplete='address-line1'),
        input_for('city', 'City', autocomplete='address-level2'),
        input_for('postal_code', 'Postal code', autocomplete='postal-code'),
    )  # fmt: skip


def _terms(session: Session) -> Markup:
    if session.params.get('consent_collection', {}).get('terms_of_service') != 'required':
        return Markup('')
    return Markup(
        '<label class="choice"><input type="checkbox" name="terms" id="terms"> '
        'I agree to the terms of service</label>'
    )


def _test_cards(session: Session) -> Markup:
    if not session.total:
        return Markup('')
    rows = join(Markup('<tr><td><code>{}</code></td><td>{}</td></tr>').format(*row) for row in TEST_CARDS)
    bank = Markup('<tr><td><code>{}</code></td><td>bank debit that fails later</td></tr>').format(
        cards.BANK_FAILS
    )
    return Markup(
        '<details class="small"><summary>Test cards</summary><p class="soft">Any future date, any CVC.</p>'
        '<div class="scroll"><table>{}{}</table></div></details>'
    ).format(rows, bank)  # fmt: skip
