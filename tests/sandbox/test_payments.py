"""The customer at the sandbox's payment page: cards, authentication, banks, codes and tax."""

import httpx
import pytest

from tests.sandbox.bare_client import opened, read
from tests.sandbox_client import SandboxClient

FILLED = {
    'email': 'pat@example.com', 'name': 'Pat Payer', 'method': 'card', 'card': '4242 4242 4242 4242',
    'expiry': '12 / 34', 'cvc': '123', 'country': 'US', 'line1': '1 Main St', 'city': 'Reno',
    'postal_code': '89501',
}  # fmt: skip


def submit(http: httpx.Client, session: str, **typed: str) -> httpx.Response:
    """Press pay."""
    return http.post(f'/stripe/pay/{session}', data=FILLED | typed)


def events(http: httpx.Client) -> list[str]:
    """The types of all events, oldest first."""
    found = http.get('/stripe/v1/events', params={'limit': '100'}).json()['data']
    return [event['type'] for event in reversed(found)]


def test_the_page_is_sent_back_with_the_session_in_place(sandbox: SandboxClient, http: httpx.Client) -> None:
    """A good card pays: 303 to the success address with the id, and all facts are on the objects."""
    session = opened(sandbox, http)
    answer = submit(http, session)
    assert (answer.status_code, answer.headers['location']) == (
        303, f'https://shop.test/success?session_id={session}',
    )  # fmt: skip
    found = read(http, session)
    assert (found['status'], found['payment_status'], found['url']) == ('complete', 'paid', None)
    assert found['customer_details']['email'] == 'pat@example.com'
    charge = found['payment_intent']['latest_charge']
    assert (charge['paid'], charge['amount'], charge['metadata']) == (True, 15000, {'order': 'o-1'})
    assert charge['billing_details']['address']['postal_code'] == '89501'
    assert events(http)[-1] == 'checkout.session.completed'


@pytest.mark.parametrize(
    ('typed', 'words'),
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
def test_a_refused_card_can_be_corrected(
    sandbox: SandboxClient, http: httpx.Client, typed: dict[str, str], words: str
) -> None:
    """The page says what is wrong and keeps what was typed; nothing is paid; the next try pays."""
    session = opened(sandbox, http)
    refused = submit(http, session, **typed)
    assert refused.status_code in (402, 422)
    assert words in refused.text.replace('&#39;', "'")
    assert 'value="1 Main St"' in refused.text
    assert read(http, session)['payment_status'] == 'unpaid'
    assert submit(http, session).status_code == 303
    assert events(http).count('checkout.session.completed') == 1


def test_a_fault_declines_a_good_card(sandbox: SandboxClient, http: httpx.Client) -> None:
    """The next payment is declined with the wanted code, the one after it is not."""
    session = opened(sandbox, http)
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
def test_authentication_is_a_page_between(
    sandbox: SandboxClient, http: httpx.Client, card: str, answer: str, paid: bool
) -> None:
    """A card that asks leads to the bank's page; what is said there decides, and a failure can be retried."""
    session = opened(sandbox, http)
    asked = submit(http, session, card=card)
    page = httpx.URL(asked.headers['location']).path
    assert 'Complete authentication' in http.get(page).text
    assert read(http, session)['payment_intent']['status'] == 'requires_action'
    ended = http.post(page, data={'answer': answer})
    assert (ended.status_code == 303, read(http, session)['payment_status'] == 'paid') == (paid, paid)
    assert paid or submit(http, session).status_code == 303


@pytest.mark.parametrize(('success', 'ends'), [(True, 'paid'), (False, 'unpaid')])
def test_a_bank_is_slow(sandbox: SandboxClient, http: httpx.Client, success: bool, ends: str) -> None:
    """A bank payment completes unpaid and ends later, with the event that says how."""
    session = opened(sandbox, http)
    assert submit(http, session, method='bank', account='000123456789').status_code == 303
    found = read(http, session)
    assert (found['status'], found['payment_status']) == ('complete', 'unpaid')
    assert found['payment_intent']['status'] == 'processing'
    sandbox.act('settle', session=session, success=success)
    assert read(http, session)['payment_status'] == ends
    assert events(http)[-1] == f'checkout.session.async_payment_{"succeeded" if success else "failed"}'


@pytest.mark.parametrize(
    ('code', 'total', 'status'), [('HALF50', 7500, 'paid'), ('free100', 0, 'no_payment_required')]
)
def test_a_promotion_code_lowers_the_total(
    sandbox: SandboxClient, http: httpx.Client, code: str, total: int, status: str
) -> None:
    """Half is paid in part; for nothing needs no card and leaves no intent."""
    session = opened(sandbox, http, allow_promotion_codes='true')
    assert 'This code is invalid.' in http.post(f'/stripe/pay/{session}/code', data={'code': 'NOPE'}).text
    assert http.post(f'/stripe/pay/{session}/code', data={'code': code}).status_code == 303
    typed = FILLED if total else {'email': 'pat@example.com'}
    assert http.post(f'/stripe/pay/{session}', data=typed).status_code == 303
    found = read(http, session)
    assert (found['amount_subtotal'], found['amount_total'], found['payment_status']) == (
        15000,
        total,
        status,
    )
    assert found['total_details']['amount_discount'] == 15000 - total
    assert (found['payment_intent'] is None) == (total == 0)


def test_a_code_is_refused_where_codes_are_not_allowed(sandbox: SandboxClient, http: httpx.Client) -> None:
    """Without `allow_promotion_codes` there is no field, and a posted code changes nothing."""
    session = opened(sandbox, http)
    assert 'Promotion code' not in http.get(f'/stripe/pay/{session}').text
    http.post(f'/stripe/pay/{session}/code', data={'code': 'FREE100'})
    assert read(http, session)['amount_total'] == 15000


def test_tax_comes_with_the_address(sandbox: SandboxClient, http: httpx.Client) -> None:
    """Automatic tax is added when the customer pays; the subtotal stays."""
    session = opened(sandbox, http, **{'automatic_tax[enabled]': 'true'})
    assert read(http, session)['automatic_tax']['status'] == 'requires_location_inputs'
    submit(http, session)
    found = read(http, session)
    assert (found['amount_subtotal'], found['amount_total']) == (15000, 16500)
    assert (found['automatic_tax']['status'], found['total_details']['amount_tax']) == ('complete', 1500)


def test_terms_must_be_accepted_where_they_are_asked_for(sandbox: SandboxClient, http: httpx.Client) -> None:
    """Without the tick nothing is paid; with it the consent is on the session."""
    session = opened(sandbox, http, **{'consent_collection[terms_of_service]': 'required'})
    assert submit(http, session).status_code == 422
    assert submit(http, session, terms='on').status_code == 303
    assert read(http, session)['consent']['terms_of_service'] == 'accepted'


def test_a_closed_page_says_so(sandbox: SandboxClient, http: httpx.Client) -> None:
    """Paid, expired and unknown sessions have calm words and take no second payment."""
    paid, expired = opened(sandbox, http), opened(sandbox, http)
    submit(http, paid)
    sandbox.act('expire', session=expired)
    assert 'You’re all done here' in http.get(f'/stripe/pay/{paid}').text
    assert 'You’re all done here' in submit(http, paid).text
    assert 'This page has expired' in submit(http, expired).text
    assert http.get('/stripe/pay/cs_test_nope').status_code == 404
    assert events(http).count('checkout.session.completed') == 1


def test_what_a_shop_sends_is_escaped_on_the_page(sandbox: SandboxClient, http: httpx.Client) -> None:
    """Markup in the parameters and in the form is shown as text."""
    session = opened(sandbox, http, **{'custom_text[submit][message]': '<script>alert(1)</script>'})
    page = submit(http, session, line1='"><script>', card='4000000000000002')
    assert '<script>' not in page.text
