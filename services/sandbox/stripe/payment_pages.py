"""The hosted payment page: its buttons, the authentication step, and its words once closed."""

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from services.sandbox.forms import typed
from services.sandbox.panel.page import money, notice, page
from services.sandbox.state import SandboxState, Session
from services.sandbox.stripe import paying
from services.sandbox.stripe.paying import Outcome, Payment
from services.sandbox.stripe.payment_form import form_page


def _state_of(request: Request) -> SandboxState:
    state: SandboxState = request.app.state.sandbox
    return state


def _session(request: Request) -> Session | None:
    return _state_of(request).sessions.get(request.path_params['session'])


async def show(request: Request) -> Response:
    """The payment page, or calm words about why there is none."""
    session = _session(request)
    return closed(session) or form_page(_state_of(request), session, {}, Outcome(''))  # type: ignore[arg-type]


def closed(session: Session | None) -> Response | None:
    """What is said where nothing can be paid (any more); None for an open session."""
    if session is None:
        return notice('Nothing here', 'The page you were looking for could not be found.', status=404)
    if session.status == 'expired':
        return notice(
            'This page has expired', 'The checkout session timed out. Please go back and start again.'
        )
    if session.status == 'complete':
        return notice(
            'You’re all done here', 'This payment has been completed; nothing is left to do on this page.'
        )
    return None


async def submit(request: Request) -> Response:
    """The pay button."""
    session = _session(request)
    said = closed(session)
    if said or session is None:
        return said or Response(status_code=404)
    filled = await typed(request)
    wrong = incomplete(session, filled)
    if wrong:
        return form_page(_state_of(request), session, filled, wrong)
    outcome = await paying.pay(_state_of(request), session, payment_of(filled))
    if outcome.redirect:
        return RedirectResponse(outcome.redirect, 303)
    return closed(session) or form_page(_state_of(request), session, filled, outcome)


def incomplete(session: Session, filled: dict[str, str]) -> Outcome | None:
    """What is missing before anybody is asked for money."""
    mail = session.params.get('customer_email') or filled.get('email', '')
    consent = session.params.get('consent_collection', {}).get('terms_of_service') == 'required'
    name = session.total > 0 and not filled.get('name', '').strip()
    needs = (
        ('@' not in mail, 'email', 'Your email is incomplete.'),
        (name, 'name', 'Please fill in the name on the card.'),
        (consent and 'terms' not in filled, 'terms', 'You must accept the terms of service.'),
    )
    return next((Outcome('refused', words, where) for is_missing, where, words in needs if is_missing), None)


def payment_of(filled: dict[str, str]) -> Payment:
    """What was filled in, as a payment."""
    parts = ('country', 'postal_code', 'line1', 'city')
    return Payment(
        email=filled.get('email', '').strip(), name=filled.get('name', '').strip(),
        method=filled.get('method', 'card'), card=filled.get('card', ''), expiry=filled.get('expiry', ''),
        cvc=filled.get('cvc', ''), account=filled.get('account', ''), phone=filled.get('phone') or None,
        address={part: filled.get(part) or None for part in parts},
    )  # fmt: skip


async def apply_code(request: Request) -> Response:
    """The promotion code's own little form."""
    session = _session(request)
    said = closed(session)
    if said or session is None:
        return said or Response(status_code=404)
    code = (await typed(request)).get('code', '')
    if paying.apply_code(_state_of(request), session, code):
        return RedirectResponse(f'{_state_of(request).config.stripe_api}/pay/{session.id}', 303)
    return form_page(
        _state_of(request), session, {'code': code}, Outcome('refused', 'This code is invalid.', 'code')
    )


async def ask(request: Request) -> Response:
    """The customer's bank asks who they are."""
    session = _session(request)
    said = closed(session)
    if said or session is None:
        return said or Response(status_code=404)
    if session.attempt is None:
        return RedirectResponse(f'{_state_of(request).config.stripe_api}/pay/{session.id}', 303)
    body = AUTHENTICATE.format(
        business=_state_of(request).config.business, amount=money(session.total, session.currency)
    )
    return page('Authentication', body)


async def asked(request: Request) -> Response:
    """The customer's answer to their bank."""
    session = _session(request)
    said = closed(session)
    if said or session is None:
        return said or Response(status_code=404)
    complete = (await typed(request)).get('answer') == 'complete'
    outcome = await paying.authenticate(_state_of(request), session, complete)
    if outcome.redirect:
        return RedirectResponse(outcome.redirect, 303)
    return form_page(_state_of(request), session, {}, outcome)


AUTHENTICATE = Markup("""<div class="page narrow"><div class="card stack"><h1>3D Secure test page</h1>
<p>{business} asks for <strong>{amount}</strong>. Your bank wants to know whether it is you.</p>
<form method="post" class="stack"><button name="answer" value="complete">Complete authentication</button>
<button name="answer" value="fail" class="quiet">Fail authentication</button></form></div></div>""")


async def receipt(request: Request) -> Response:
    """What `receipt_url` leads to."""
    charge = _state_of(request).tables['charge'].get(request.path_params['charge'])
    if charge is None:
        return notice('Nothing here', 'The page you were looking for could not be found.', status=404)
    words = f'{money(charge["amount"], charge["currency"])} paid to {_state_of(request).config.business}.'
    return notice('Receipt', words)


ROUTES = [
    Route('/pay/{session}', show, methods=['GET']),
    Route('/pay/{session}', submit, methods=['POST']),
    Route('/pay/{session}/code', apply_code, methods=['POST']),
    Route('/pay/{session}/authenticate', ask, methods=['GET']),
    Route('/pay/{session}/authenticate', asked, methods=['POST']),
    Route('/receipts/{charge}', receipt, methods=['GET']),
]
