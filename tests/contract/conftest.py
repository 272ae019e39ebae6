"""Checkout sessions of the Stripe sandbox in every state, a client for its API, a receiver of webhooks."""

from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.sandbox.receiver import Receiver, receiving
from tests.sandbox_client import SandboxClient

FORM = {
    'mode': 'payment',
    'line_items[0][quantity]': '1',
    'success_url': 'https://shop.test/success?session_id={CHECKOUT_SESSION_ID}',
    'cancel_url': 'https://shop.test/',
    'client_reference_id': 'order-1',
    'metadata[order]': 'order-1',
    'payment_intent_data[metadata][order]': 'order-1',
    'payment_intent_data[description]': 'Coaching session',
    'adaptive_pricing[enabled]': 'false',
    'currency': 'usd',
    'billing_address_collection': 'required',
    'customer_creation': 'always',
    'submit_type': 'book',
    'custom_text[submit][message]': 'You pick your time right after.',
    'consent_collection[terms_of_service]': 'required',
    'phone_number_collection[enabled]': 'true',
    'invoice_creation[enabled]': 'true',
    'name_collection[business][enabled]': 'true',
    'name_collection[business][optional]': 'true',
    'tax_id_collection[enabled]': 'true',
}


@pytest.fixture
def api(sandbox: SandboxClient) -> Iterator[httpx.Client]:
    """Return an HTTP client for the Stripe sandbox's API."""
    key = sandbox.settings['STRIPE_SECRET_KEY']
    with httpx.Client(base_url=f'{sandbox.base}/stripe', auth=(key, ''), trust_env=False) as client:
        yield client


@pytest.fixture
def opened(sandbox: SandboxClient, api: httpx.Client) -> Callable[..., str]:
    """Return a function that opens a checkout session with further form parameters and returns its id."""

    def open_session(**more: str) -> str:
        form = FORM | {'line_items[0][price]': sandbox.settings['STRIPE_PRICE_ID']} | more
        answer = api.post('/v1/checkout/sessions', data=form)
        assert answer.status_code == 200, answer.text
        return str(answer.json()['id'])

    return open_session


def _pay(sandbox: SandboxClient, session: str) -> None:
    address = {'country': 'US', 'postal_code': '20001'}
    sandbox.pay(session, phone='+12025550123', address=address, business_name='Pat Ltd', tax_id='12-3456789')


def _refund(sandbox: SandboxClient, session: str) -> None:
    _pay(sandbox, session)
    sandbox.act('refund', session=session, amount=5000)
    sandbox.act('refund', session=session, failed=True)


def _lose_dispute(sandbox: SandboxClient, session: str) -> None:
    sandbox.pay(session, card='4000000000000259')
    sandbox.act('dispute', session=session, status='lost')


def _lose_a_part(sandbox: SandboxClient, session: str) -> None:
    sandbox.pay(session)
    for status in ('inquiry', 'open', 'lost'):
        sandbox.act('dispute', session=session, status=status, amount=3000)


def _review(sandbox: SandboxClient, session: str) -> None:
    sandbox.pay(session, card='4000000000009235')
    sandbox.act('review', session=session, reason='approved')


def _fail_bank_debit(sandbox: SandboxClient, session: str) -> None:
    sandbox.pay(session, method='bank')
    sandbox.act('settle', session=session, success=False)


STATES: dict[str, Callable[[SandboxClient, str], object]] = {
    'open': lambda sandbox, session: None,
    'declined': lambda sandbox, session: sandbox.pay(session, card='4000000000000002'),
    'authenticating': lambda sandbox, session: sandbox.pay(session, card='4000002500003155'),
    'paid': _pay,
    'processing': lambda sandbox, session: sandbox.pay(session, method='bank'),
    'bank failed': _fail_bank_debit,
    'expired': lambda sandbox, session: sandbox.act('expire', session=session),
    'refunded': _refund,
    'disputed': _lose_dispute,
    'partly disputed': _lose_a_part,
    'under review': lambda sandbox, session: sandbox.pay(session, card='4000000000009235'),
    'reviewed': _review,
    'reported as fraud': lambda sandbox, session: sandbox.pay(session, card='4000000000005423'),
    'instructions': lambda sandbox, session: sandbox.pay(session, method='instructions'),
    'half price': lambda sandbox, session: sandbox.pay(session, code='HALF50'),
    'for nothing': lambda sandbox, session: sandbox.pay(session, code='FREE100'),
}


@pytest.fixture(params=STATES)
def session(request: pytest.FixtureRequest, sandbox: SandboxClient, opened: Callable[..., str]) -> str:
    """Return the id of a checkout session in each of its states."""
    made = opened(**{'allow_promotion_codes': 'true', 'automatic_tax[enabled]': 'true'})
    STATES[request.param](sandbox, made)
    return made


@pytest.fixture
def receiver(sandbox: SandboxClient) -> Iterator[Receiver]:
    """A receiver for the webhooks of both services."""
    with receiving(sandbox) as server:
        yield server
