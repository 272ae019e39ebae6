"""The sandbox's payment page: cards, authentication, banks, promotion codes and tax."""

import httpx
import pytest

from tests.sandbox.checkout_sessions import create_session, event_types, read_session
from tests.sandbox_client import SandboxClient

FILLED = {
    'email': 'pat@example.com', 'name': 'Pat Payer', 'method': 'card', 'card': '4242 4242 4242 4242',
    'expiry': '12 / 34', 'cvc': '123', 'country': 'US', 'line1': '1 Main St', 'city': 'Reno',
    'postal_code': '89501',
}  # fmt: skip


def submit(http: httpx.Client, session: str, **values: str) -> httpx.Response:
    """Submit the payment form."""
    return http.post(f'/stripe/pay/{session}', data=FILLED | values)


def test_a_payment_redirects_with_the_session_id(sandbox: SandboxClient, http: httpx.Client) -> None:
    """A good card pays: 303 to the success URL with the id, and the objects hold all facts."""
    session = create_session(sandbox)
    answer = submit(http, session)
    assert (answer.status_code, answer.headers['location']) == (
        303, f'https://shop.test/success?session_id={session}',
    )  # fmt: skip
    found = read_session(http, session)
    assert (found['status'], found['payment_status'], found['url']) == ('complete', 'paid', None)
    assert found['customer_details']['email'] == 'pat@example.com'
    charge = found['payment_intent']['latest_charge']
    assert (charge['paid'], charge['amount'], charge['metadata']) == (True, 15000, {'order': 'o-1'})
    assert charge['billing_details']['address']['postal_code'] == '89501'
    assert event_types(http)[-1] == 'checkout.session.completed'


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ({'card': '4000000000000002'}, 'Your card was declined.'),
        ({'card': '4000000000009995'}, 'Your card has insufficient funds.'),
        ({'card': '4000000000000069'}, 'Your card has expired.'),
        ({'card': '4012888888881881'}, 'used a non test card'),
        ({'card': '4242424242424241'}, 'Your card number is invalid.'),
        ({'card': '4242'}, 'Your card number is incomplete.'),
        ({'expiry': '01 / 20'}, 'expiration year is in the past.'),
        ({'cvc': '1'}, 'security code is incomplete.'),
        ({'email': 'pat'}, 'Your email is incomplete.'),
        ({'name': ' '}, 'Please fill in the name on the card.'),
    ],
)
def test_a_rejected_card_can_be_corrected(
    sandbox: SandboxClient, http: httpx.Client, values: dict[str, str], message: str
) -> None:
    """The page shows the error and keeps the input; nothing is paid; the next attempt pays."""
    session = create_session(sandbox)
    rejected = submit(http, session, **values)
    assert rejected.status_code in (402, 422)
    assert message in rejected.text.replace('&#39;', "'")
    assert 'value="1 Main St"' in rejected.text
    assert read_session(http, session)['payment_status'] == 'unpaid'
    assert submit(http, session).status_code == 303
    assert event_types(http).count('checkout.session.completed') == 1


def test_a_fault_declines_a_good_card(sandbox: SandboxClient, http: httpx.Client) -> None:
    """The next payment is declined with the requested code; the one after it is not."""
    session = create_session(sandbox)
    sandbox.fault('pay', 'decline', code='insufficient_funds')
    assert 'insufficient funds' in submit(http, session).text
    assert sandbox.pay(session)['outcome'] == 'paid'


@pytest.mark.parametrize(
    ('card', 'answer', 'paid'),
    [
        ('4000002500003155', 'complete', True),
        ('4000002500003155', 'fail', False),
        ('4000008400001629', 'complete', False),
    ],
)
def test_authentication_has_its_own_page(
    sandbox: SandboxClient, http: httpx.Client, card: str, answer: str, paid: bool
) -> None:
    """The bank's page completes or fails the payment; after a failure the customer can retry."""
    session = create_session(sandbox)
    asked = submit(http, session, card=card)
    page = httpx.URL(asked.headers['location']).path
    assert 'Complete authentication' in http.get(page).text
    assert read_session(http, session)['payment_intent']['status'] == 'requires_action'
    ended = http.post(page, data={'answer': answer})
    assert (ended.status_code == 303, read_session(http, session)['payment_status'] == 'paid') == (paid, paid)
    assert paid or submit(http, session).status_code == 303


@pytest.mark.parametrize(('success', 'ends'), [(True, 'paid'), (False, 'unpaid')])
def test_a_bank_payment_settles_later(
    sandbox: SandboxClient, http: httpx.Client, success: bool, ends: str
) -> None:
    """The session completes unpaid and settles later, with an event for the result."""
    session = create_session(sandbox)
    assert submit(http, session, method='bank', account='000123456789').status_code == 303
    found = read_session(http, session)
    assert (found['status'], found['payment_status']) == ('complete', 'unpaid')
    assert found['payment_intent']['status'] == 'processing'
    sandbox.act('settle', session=session, success=success)
    assert read_session(http, session)['payment_status'] == ends
    assert event_types(http)[-1] == f'checkout.session.async_payment_{"succeeded" if success else "failed"}'
    with pytest.raises(AssertionError, match='no pending bank payment'):
        sandbox.act('settle', session=session, success=True)


@pytest.mark.parametrize(
    ('code', 'total', 'status'), [('HALF50', 7500, 'paid'), ('free100', 0, 'no_payment_required')]
)
def test_a_promotion_code_lowers_the_total(
    sandbox: SandboxClient, http: httpx.Client, code: str, total: int, status: str
) -> None:
    """With half the price a card pays; with a total of zero there is no card and no intent."""
    session = create_session(sandbox, allow_promotion_codes='true')
    assert 'This code is invalid.' in http.post(f'/stripe/pay/{session}/code', data={'code': 'NOPE'}).text
    assert http.post(f'/stripe/pay/{session}/code', data={'code': code}).status_code == 303
    values = FILLED if total else {'email': 'pat@example.com'}
    assert http.post(f'/stripe/pay/{session}', data=values).status_code == 303
    found = read_session(http, session)
    assert (found['amount_subtotal'], found['amount_total'], found['payment_status']) == (
        15000,
        total,
        status,
    )
    assert found['total_details']['amount_discount'] == 15000 - total
    assert (found['payment_intent'] is None) == (total == 0)


def test_a_promotion_code_is_rejected_unless_allowed(sandbox: SandboxClient, http: httpx.Client) -> None:
    """Without `allow_promotion_codes` there is no field, and a submitted code changes nothing."""
    session = create_session(sandbox)
    assert 'Promotion code' not in http.get(f'/stripe/pay/{session}').text
    http.post(f'/stripe/pay/{session}/code', data={'code': 'FREE100'})
    assert read_session(http, session)['amount_total'] == 15000


def test_tax_is_added_to_the_total(sandbox: SandboxClient, http: httpx.Client) -> None:
    """Automatic tax is added when the customer pays; the subtotal stays."""
    session = create_session(sandbox, **{'automatic_tax[enabled]': 'true'})
    assert read_session(http, session)['automatic_tax']['status'] == 'requires_location_inputs'
    submit(http, session)
    found = read_session(http, session)
    assert (found['amount_subtotal'], found['amount_total']) == (15000, 16500)
    assert (found['automatic_tax']['status'], found['total_details']['amount_tax']) == ('complete', 1500)


def test_terms_must_be_accepted_where_required(sandbox: SandboxClient, http: httpx.Client) -> None:
    """Without consent nothing is paid; with it the session records the consent."""
    session = create_session(sandbox, **{'consent_collection[terms_of_service]': 'required'})
    assert submit(http, session).status_code == 422
    assert submit(http, session, terms='on').status_code == 303
    assert read_session(http, session)['consent']['terms_of_service'] == 'accepted'


def test_a_closed_session_shows_a_notice(sandbox: SandboxClient, http: httpx.Client) -> None:
    """Paid, expired and unknown sessions show a notice and accept no payment."""
    paid, expired = create_session(sandbox), create_session(sandbox)
    submit(http, paid)
    sandbox.act('expire', session=expired)
    assert 'You’re all done here' in http.get(f'/stripe/pay/{paid}').text
    assert 'You’re all done here' in submit(http, paid).text
    assert 'This page has expired' in submit(http, expired).text
    assert http.get('/stripe/pay/cs_test_nope').status_code == 404
    assert event_types(http).count('checkout.session.completed') == 1


def test_parameters_and_input_are_escaped(sandbox: SandboxClient, http: httpx.Client) -> None:
    """Markup in the parameters and in the input is shown as text."""
    session = create_session(sandbox, **{'custom_text[submit][message]': '<script>alert(1)</script>'})
    page = submit(http, session, line1='"><script>', card='4000000000000002')
    assert '<script>' not in page.text
