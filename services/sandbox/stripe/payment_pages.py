"""The hosted payment page: payment, promotion code, authentication, receipt and invoice."""

from collections.abc import Awaitable, Callable

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from services.sandbox.forms import form_values
from services.sandbox.html import money, notice, page
from services.sandbox.state import SandboxState, Session, state_of
from services.sandbox.stripe import payments
from services.sandbox.stripe.payment_html import form_page
from services.sandbox.stripe.payments import Outcome, Payment

Handler = Callable[[SandboxState, Session, Request], Awaitable[Response]]


def with_open_session(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Call the handler with the session of the path; for a closed or unknown one respond with a notice."""

    async def handle(request: Request) -> Response:
        state = state_of(request)
        session = state.sessions.get(request.path_params['session'])
        if session is None:
            return page_not_found()
        return closed_page(session) or await handler(state, session, request)

    return handle


def page_not_found() -> Response:
    """Return the notice for an unknown URL."""
    return notice('Nothing here', 'The page you were looking for could not be found.', status=404)


def closed_page(session: Session) -> Response | None:
    """Return the notice for an expired or completed session."""
    if session.status == 'expired':
        return notice(
            'This page has expired', 'The checkout session timed out. Please go back and start again.'
        )
    if session.status == 'complete':
        return notice(
            'You’re all done here', 'This payment has been completed; nothing is left to do on this page.'
        )
    return None


async def show(state: SandboxState, session: Session, _: Request) -> Response:
    """Show the payment page."""
    return form_page(state, session, {}, Outcome(''))


async def submit(state: SandboxState, session: Session, request: Request) -> Response:
    """Pay."""
    values = await form_values(request)
    problem = find_missing(session, values)
    if problem:
        return form_page(state, session, values, problem)
    outcome = await payments.pay(state, session, payment_from(values))
    if outcome.redirect:
        return RedirectResponse(outcome.redirect, 303)
    return closed_page(session) or form_page(state, session, values, outcome)


def find_missing(session: Session, values: dict[str, str]) -> Outcome | None:
    """Return the first required input that is missing."""
    email = session.params.get('customer_email') or values.get('email', '')
    consent = session.params.get('consent_collection', {}).get('terms_of_service') == 'required'
    name = session.total > 0 and not values.get('name', '').strip()
    needs = (
        ('@' not in email, 'email', 'Your email is incomplete.'),
        (name, 'name', 'Please fill in the name on the card.'),
        (consent and 'terms' not in values, 'terms', 'You must accept the terms of service.'),
    )
    return next(
        (Outcome('refused', message, where) for is_missing, where, message in needs if is_missing), None
    )


def payment_from(values: dict[str, str]) -> Payment:
    """Return the submitted form as a payment."""
    parts = ('country', 'postal_code', 'line1', 'city')
    return Payment(
        email=values.get('email', '').strip(), name=values.get('name', '').strip(),
        method=values.get('method', 'card'), card=values.get('card', ''), expiry=values.get('expiry', ''),
        cvc=values.get('cvc', ''), account=values.get('account', ''), phone=values.get('phone') or None,
        business_name=values.get('business_name') or None, tax_id=values.get('tax_id') or None,
        address={part: values.get(part) or None for part in parts},
    )  # fmt: skip


async def apply_code(state: SandboxState, session: Session, request: Request) -> Response:
    """Apply a promotion code."""
    code = (await form_values(request)).get('code', '')
    if payments.apply_code(state, session, code):
        return RedirectResponse(f'{state.config.stripe_api}/pay/{session.id}', 303)
    return form_page(state, session, {'code': code}, Outcome('refused', 'This code is invalid.', 'code'))


async def show_authentication(state: SandboxState, session: Session, _: Request) -> Response:
    """Show the bank's authentication page."""
    if session.pending_payment is None:
        return RedirectResponse(f'{state.config.stripe_api}/pay/{session.id}', 303)
    amount = money(session.total, session.currency)
    return page('Authentication', AUTHENTICATE.format(business=state.config.business, amount=amount))


async def authenticate(state: SandboxState, session: Session, request: Request) -> Response:
    """Complete or fail the authentication."""
    complete = (await form_values(request)).get('answer') == 'complete'
    outcome = await payments.authenticate(state, session, complete)
    if outcome.redirect:
        return RedirectResponse(outcome.redirect, 303)
    return form_page(state, session, {}, outcome)


AUTHENTICATE = Markup("""<div class="page narrow"><div class="card stack"><h1>3D Secure test page</h1>
<p>{business} asks for <strong>{amount}</strong>. Confirm to your bank that it is you.</p>
<form method="post" class="stack"><button name="answer" value="complete">Complete authentication</button>
<button name="answer" value="fail" class="quiet">Fail authentication</button></form></div></div>""")


async def receipt(request: Request) -> Response:
    """Show the receipt of a charge."""
    state = state_of(request)
    charge = state.tables['charge'].get(request.path_params['charge'])
    if charge is None:
        return page_not_found()
    text = f'{money(charge["amount"], charge["currency"])} paid to {state.config.business}.'
    if charge['amount_refunded']:
        text += f' {money(charge["amount_refunded"], charge["currency"])} refunded.'
    return notice('Receipt', text)


async def invoice(request: Request) -> Response:
    """Show an invoice."""
    item = state_of(request).tables['invoice'].get(request.path_params['invoice'])
    if item is None:
        return page_not_found()
    paid = f'{money(item["amount_paid"], item["currency"])} paid to {item["account_name"]}'
    return notice('Invoice', f'{item["number"]}: {paid} by {item["customer_name"]}.')


ROUTES = [
    Route('/pay/{session}', with_open_session(show), methods=['GET']),
    Route('/pay/{session}', with_open_session(submit), methods=['POST']),
    Route('/pay/{session}/code', with_open_session(apply_code), methods=['POST']),
    Route('/pay/{session}/authenticate', with_open_session(show_authentication), methods=['GET']),
    Route('/pay/{session}/authenticate', with_open_session(authenticate), methods=['POST']),
    Route('/receipts/{charge}', receipt, methods=['GET']),
    Route('/invoices/{invoice}', invoice, methods=['GET']),
]
