"""The sandbox's refunds, whole, partial and failed, and its disputes."""

import httpx
import pytest

from tests.sandbox.checkout_sessions import create_session, event_types, read_session
from tests.sandbox_client import SandboxClient


def refund(http: httpx.Client, session: str, **more: str) -> httpx.Response:
    """Create a refund as a shop does."""
    return http.post(
        '/stripe/v1/refunds',
        data={'payment_intent': read_session(http, session)['payment_intent']['id'], **more},
    )


def test_a_refund_is_partial_then_whole_then_rejected(sandbox: SandboxClient, http: httpx.Client) -> None:
    """The charge adds up its refunds; more than its amount is rejected."""
    session = create_session(sandbox)
    sandbox.pay(session)
    assert refund(http, session, amount='5000').json()['status'] == 'succeeded'
    assert refund(http, session, amount='10001').json()['error']['param'] == 'amount'
    charge = read_session(http, session)['payment_intent']['latest_charge']
    assert (charge['amount_refunded'], charge['refunded']) == (5000, False)
    assert refund(http, session).json()['amount'] == 10000
    assert read_session(http, session)['payment_intent']['latest_charge']['refunded'] is True
    assert refund(http, session).json()['error']['code'] == 'charge_already_refunded'
    assert event_types(http).count('charge.refunded') == event_types(http).count('refund.created') == 2


def test_a_failed_refund_lowers_the_refunded_amount(sandbox: SandboxClient, http: httpx.Client) -> None:
    """A failed refund is taken off the charge and says why."""
    session = create_session(sandbox)
    sandbox.pay(session)
    made = sandbox.act('refund', session=session, failed=True)
    assert (made['status'], made['failure_reason']) == ('failed', 'expired_or_canceled_card')
    assert read_session(http, session)['payment_intent']['latest_charge']['amount_refunded'] == 0
    assert event_types(http)[-1] == 'refund.failed'


@pytest.mark.parametrize('end', ['won', 'lost'])
def test_a_dispute_opens_and_closes(sandbox: SandboxClient, http: httpx.Client, end: str) -> None:
    """The test card opens a dispute; a disputed charge cannot be refunded; the end has an event."""
    session = create_session(sandbox)
    sandbox.pay(session, card='4000000000000259')
    assert read_session(http, session)['payment_intent']['latest_charge']['disputed'] is True
    assert refund(http, session).json()['error']['code'] == 'charge_disputed'
    sandbox.act('dispute', session=session, status=end)
    found = http.get('/stripe/v1/disputes').json()['data']
    assert [item['status'] for item in found] == [end]
    assert event_types(http)[-1] == 'charge.dispute.closed'


def test_an_unpaid_session_cannot_be_refunded(sandbox: SandboxClient, http: httpx.Client) -> None:
    """A pending bank payment cannot be refunded."""
    session = create_session(sandbox)
    sandbox.pay(session, method='bank')
    assert 'does not have a successful charge' in refund(http, session).json()['error']['message']


def test_a_refund_of_a_test_card_is_pending_at_first(sandbox: SandboxClient, http: httpx.Client) -> None:
    """Some time later it succeeds, and an event says so (https://docs.stripe.com/testing)."""
    session = create_session(sandbox)
    sandbox.pay(session, card='4000000000007726')
    made = refund(http, session).json()
    assert (made['status'], made['pending_reason']) == ('pending', 'processing')
    assert read_session(http, session)['payment_intent']['latest_charge']['amount_refunded'] == 15000
    sandbox.act('clock', ahead=61)
    assert http.get(f'/stripe/v1/refunds/{made["id"]}').json()['status'] == 'succeeded'
    assert 'refund.updated' in event_types(http)


def test_a_refund_of_another_test_card_fails_later(sandbox: SandboxClient, http: httpx.Client) -> None:
    """It has succeeded at first; then the money comes back (https://docs.stripe.com/testing)."""
    session = create_session(sandbox)
    sandbox.pay(session, card='4000000000005126')
    made = refund(http, session).json()
    assert made['status'] == 'succeeded'
    sandbox.act('clock', ahead=61)
    assert http.get(f'/stripe/v1/refunds/{made["id"]}').json()['status'] == 'failed'
    assert read_session(http, session)['payment_intent']['latest_charge']['amount_refunded'] == 0
    assert event_types(http)[-1] == 'refund.failed'


def test_a_refund_keeps_its_metadata_and_one_key_makes_one(
    sandbox: SandboxClient, http: httpx.Client
) -> None:
    """The same idempotency key returns the same refund; other parameters under it are refused."""
    session = create_session(sandbox)
    sandbox.pay(session)
    more = {'amount': '100', 'metadata[wish]': 'w1', 'reason': 'duplicate'}
    form = {'payment_intent': read_session(http, session)['payment_intent']['id'], **more}
    first, again = (
        http.post('/stripe/v1/refunds', data=form, headers={'Idempotency-Key': 'k1'}) for _ in range(2)
    )
    assert first.json() == again.json()
    assert (first.json()['metadata'], first.json()['reason']) == ({'wish': 'w1'}, 'duplicate')
    assert len(http.get('/stripe/v1/refunds').json()['data']) == 1
    other = http.post('/stripe/v1/refunds', data=form | {'amount': '200'}, headers={'Idempotency-Key': 'k1'})
    assert other.json()['error']['type'] == 'idempotency_error'


def test_a_refund_as_fraudulent_marks_the_charge(sandbox: SandboxClient, http: httpx.Client) -> None:
    """Stripe blocks the card and the address of the customer then; any other reason marks nothing."""
    for reason, marks in (('requested_by_customer', {}), ('fraudulent', {'user_report': 'fraudulent'})):
        session = create_session(sandbox)
        sandbox.pay(session)
        refund(http, session, reason=reason)
        assert read_session(http, session)['payment_intent']['latest_charge']['fraud_details'] == marks
    assert 'must be one of' in refund(http, session, reason='regret').json()['error']['message']
