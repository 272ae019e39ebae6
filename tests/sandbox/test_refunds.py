"""Money going back at the sandbox: refunds, whole, partial and failed, and disputes with their end."""

import httpx
import pytest

from tests.sandbox.bare_client import opened, read
from tests.sandbox_client import SandboxClient


def events(http: httpx.Client) -> list[str]:
    """The types of all events, oldest first."""
    found = http.get('/stripe/v1/events', params={'limit': '100'}).json()['data']
    return [event['type'] for event in reversed(found)]


def refund(http: httpx.Client, session: str, **more: str) -> httpx.Response:
    """Ask for a refund as a shop does."""
    return http.post(
        '/stripe/v1/refunds', data={'payment_intent': read(http, session)['payment_intent']['id'], **more}
    )


def test_a_refund_is_partial_then_whole_then_refused(sandbox: SandboxClient, http: httpx.Client) -> None:
    """The charge counts what went back; more than is left is refused."""
    session = opened(sandbox, http)
    sandbox.pay(session)
    assert refund(http, session, amount='5000').json()['status'] == 'succeeded'
    assert refund(http, session, amount='10001').json()['error']['param'] == 'amount'
    charge = read(http, session)['payment_intent']['latest_charge']
    assert (charge['amount_refunded'], charge['refunded']) == (5000, False)
    assert refund(http, session).json()['amount'] == 10000
    assert read(http, session)['payment_intent']['latest_charge']['refunded'] is True
    assert refund(http, session).json()['error']['code'] == 'charge_already_refunded'
    assert events(http).count('charge.refunded') == events(http).count('refund.created') == 2


def test_a_failed_refund_brings_the_money_back(sandbox: SandboxClient, http: httpx.Client) -> None:
    """A refund that comes back lowers what was refunded and says why."""
    session = opened(sandbox, http)
    sandbox.pay(session)
    made = sandbox.act('refund', session=session, failed=True)
    assert (made['status'], made['failure_reason']) == ('failed', 'expired_or_canceled_card')
    assert read(http, session)['payment_intent']['latest_charge']['amount_refunded'] == 0
    assert events(http)[-1] == 'refund.failed'


@pytest.mark.parametrize('end', ['won', 'lost'])
def test_a_dispute_opens_and_ends(sandbox: SandboxClient, http: httpx.Client, end: str) -> None:
    """The card that disputes does; a disputed charge cannot be refunded; the end is told."""
    session = opened(sandbox, http)
    sandbox.pay(session, card='4000000000000259')
    assert read(http, session)['payment_intent']['latest_charge']['disputed'] is True
    assert refund(http, session).json()['error']['code'] == 'charge_disputed'
    sandbox.act('dispute', session=session, status=end)
    found = http.get('/stripe/v1/disputes').json()['data']
    assert [item['status'] for item in found] == [end]
    assert events(http)[-1] == 'charge.dispute.closed'


def test_an_unpaid_session_cannot_be_refunded(sandbox: SandboxClient, http: httpx.Client) -> None:
    """While a bank is slow there is nothing to give back."""
    session = opened(sandbox, http)
    sandbox.pay(session, method='bank')
    assert 'does not have a successful charge' in refund(http, session).json()['error']['message']
