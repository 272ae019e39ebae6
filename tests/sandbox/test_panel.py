"""The sandbox's panel, its limits and its settings."""

import httpx

from services.sandbox import SandboxConfig
from tests.sandbox.checkout_sessions import create_session
from tests.sandbox_client import SandboxClient
from tests.sandbox_server import running


def submit(sandbox: SandboxClient, action: str, **values: str) -> str:
    """Submit a form of the panel; return the next page."""
    response = httpx.post(
        f'{sandbox.base}/panel/{action}', data=values, trust_env=False, follow_redirects=True
    )
    assert response.status_code == 200
    return response.text


def test_the_panel_pays_refunds_and_disputes(sandbox: SandboxClient) -> None:
    """Its buttons run the same actions as the JSON API, and depend on the state of the session."""
    session = create_session(sandbox)
    assert 'Refund half' not in submit(sandbox, 'clear-faults')
    assert 'Refund half' in submit(sandbox, 'pay', session=session)
    assert 'Done: refund' in submit(sandbox, 'refund', session=session, amount='5000')
    assert 'Done: dispute' in submit(sandbox, 'dispute', session=session, status='open')
    charge = sandbox.state()['charges'][0]
    assert (charge['amount_refunded'], charge['disputed']) == (5000, True)


def test_the_panel_shows_why_an_action_failed(sandbox: SandboxClient) -> None:
    """An impossible action shows its error and changes nothing."""
    assert 'Failed: this session has no payment' in submit(sandbox, 'refund', session=create_session(sandbox))
    assert sandbox.state()['refunds'] == []


def test_faults_are_added_and_cleared_on_the_panel(sandbox: SandboxClient) -> None:
    """The form creates the same rule as the JSON API."""
    assert 'GET /v1/account' in submit(
        sandbox, 'add-fault', match='GET /v1/account', do='fail', status='503', times='2'
    )
    rules = httpx.get(f'{sandbox.base}/faults', trust_env=False).json()['next']
    assert [(rule['status'], rule['times']) for rule in rules] == [(503, 2)]
    submit(sandbox, 'clear-faults')
    assert httpx.get(f'{sandbox.base}/faults', trust_env=False).json() == {'next': []}


def test_the_panel_shows_bookings_and_mails_as_text(sandbox: SandboxClient) -> None:
    """Names of customers are escaped on the panel and in the mailbox."""
    sandbox.book(sandbox.calendly_link, name='<script>Pat', email='pat@example.com')
    mailbox = httpx.get(f'{sandbox.base}/mailbox', trust_env=False).text
    assert '&lt;script&gt;Pat' in submit(sandbox, 'clear-faults')
    assert '<script>' not in submit(sandbox, 'clear-faults') + mailbox
    assert 'BEGIN:VCALENDAR' in mailbox


def test_the_oldest_closed_sessions_are_deleted() -> None:
    """Above the limit a closed session is deleted with its payment; open sessions stay."""
    with running(SandboxConfig(max_closed=2)) as config:
        sandbox = SandboxClient(config.base, config.settings())
        first = create_session(sandbox)
        paid = [create_session(sandbox) for _ in range(4)]
        for session in paid:
            sandbox.pay(session)
        state = sandbox.state()
        sandbox.close()
    assert [item['id'] for item in state['sessions']] == [first, *paid[2:]]
    assert (len(state['payment_intents']), len(state['charges'])) == (2, 2)


def test_a_bank_payment_settles_after_the_configured_time() -> None:
    """The payment succeeds after the configured seconds; Stripe's failing test account fails."""
    with running(SandboxConfig(bank_settles_after=60)) as config:
        sandbox = SandboxClient(config.base, config.settings())
        good, bad = create_session(sandbox), create_session(sandbox)
        sandbox.pay(good, method='bank')
        sandbox.pay(bad, method='bank', account='000222222227')
        sandbox.act('clock', ahead=61)
        ends = {item['id']: item['payment_status'] for item in sandbox.state()['sessions']}
        sandbox.close()
    assert ends == {good: 'paid', bad: 'unpaid'}


def test_the_settings_point_to_the_sandbox(sandbox: SandboxClient) -> None:
    """The base URL is the sandbox's own, and the event type exists there."""
    assert sandbox.settings['STRIPE_API_BASE'] == f'{sandbox.base}/stripe'
    assert httpx.get(sandbox.settings['CALENDLY_LINK'], trust_env=False).status_code == 200


def test_the_panel_stages_what_happens_at_calendly(sandbox: SandboxClient) -> None:
    """Plan, free times, links to join, payments and subscriptions have forms and buttons."""
    sandbox.send_webhooks_to('http://127.0.0.1:9')
    sandbox.act('calendar', link_status='processing')
    invitee = sandbox.book(sandbox.calendly_link, name='Pat', email='pat@example.com')
    assert 'Done: location' in submit(sandbox, 'location', invitee=invitee['uri'], status='pushed')
    assert 'Done: calendly-payment' in submit(sandbox, 'calendly-payment', invitee=invitee['uri'])
    assert 'Done: free-times' in submit(sandbox, 'free-times', count='0')
    assert 'Done: calendly-plan' in submit(sandbox, 'calendly-plan', plan='free')
    assert 'disabled' in submit(sandbox, 'subscriptions', disabled='true')
    state = sandbox.state()
    assert state['invitees'][0]['payment']['successful'] is True
    assert [item['state'] for item in state['subscriptions']] == ['disabled']
    assert sandbox.act('free-times')['free'] != []
    assert sandbox.calls()['limit'] == 50
