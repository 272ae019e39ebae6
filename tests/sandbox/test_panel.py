"""The fault panel, the form decoder, and how old the sandbox's memory may grow."""

import contextlib

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sandbox import SandboxConfig
from services.sandbox.__main__ import settings
from services.sandbox.forms import decode
from services.sandbox.problems import StripeProblem
from tests.sandbox_client import SandboxClient
from tests.sandbox_server import running


def opened(sandbox: SandboxClient) -> str:
    """Open a session; returns its id."""
    form = {
        'mode': 'payment', 'line_items[0][price]': sandbox.settings['STRIPE_PRICE_ID'],
        'line_items[0][quantity]': '1', 'success_url': 'https://shop.test/',
    }  # fmt: skip
    key = sandbox.settings['STRIPE_SECRET_KEY']
    answer = httpx.post(
        f'{sandbox.base}/stripe/v1/checkout/sessions', data=form, auth=(key, ''), trust_env=False
    )
    return str(answer.json()['id'])


def pull(sandbox: SandboxClient, action: str, **typed: str) -> str:
    """Press a button of the panel; returns the page it leads to."""
    answer = httpx.post(f'{sandbox.base}/panel/{action}', data=typed, trust_env=False, follow_redirects=True)
    assert answer.status_code == 200
    return answer.text


def test_the_panel_pays_refunds_and_disputes(sandbox: SandboxClient) -> None:
    """Its buttons do what the JSON faults do, and offer what the session's state allows."""
    session = opened(sandbox)
    assert 'Refund half' not in pull(sandbox, 'calm')
    assert 'Refund half' in pull(sandbox, 'pay', session=session)
    assert 'Done: refund' in pull(sandbox, 'refund', session=session, amount='5000')
    assert 'Done: dispute' in pull(sandbox, 'dispute', session=session, status='open')
    charge = sandbox.state()['charges'][0]
    assert (charge['amount_refunded'], charge['disputed']) == (5000, True)


def test_the_panel_says_what_cannot_be_done(sandbox: SandboxClient) -> None:
    """A fault pulled the wrong way is told in words and changes nothing."""
    assert 'Not done: this session has no payment' in pull(sandbox, 'refund', session=opened(sandbox))
    assert sandbox.state()['refunds'] == []


def test_a_rule_is_added_and_forgotten_on_the_panel(sandbox: SandboxClient) -> None:
    """The form makes the same rule as the JSON."""
    assert 'GET /v1/account' in pull(
        sandbox, 'rule', match='GET /v1/account', do='fail', status='503', times='2'
    )
    rules = httpx.get(f'{sandbox.base}/faults', trust_env=False).json()['next']
    assert [(rule['status'], rule['times']) for rule in rules] == [(503, 2)]
    pull(sandbox, 'calm')
    assert httpx.get(f'{sandbox.base}/faults', trust_env=False).json() == {'next': []}


def test_the_panel_shows_bookings_and_mails_as_text(sandbox: SandboxClient) -> None:
    """Names from outside are escaped, on the panel and in the outbox."""
    sandbox.book(sandbox.calendly_link, name='<script>Pat', email='pat@example.com')
    outbox = httpx.get(f'{sandbox.base}/outbox', trust_env=False).text
    assert '&lt;script&gt;Pat' in pull(sandbox, 'calm')
    assert '<script>' not in pull(sandbox, 'calm') + outbox
    assert 'BEGIN:VCALENDAR' in outbox


def test_the_oldest_closed_sessions_are_forgotten() -> None:
    """Beyond the limit a closed session goes with all of its payment; open ones stay."""
    with running(SandboxConfig(keep_settled=2)) as server:
        sandbox = SandboxClient(server.base, settings(server.config))
        first = opened(sandbox)
        paid = [opened(sandbox) for _ in range(4)]
        for session in paid:
            sandbox.pay(session)
        state = sandbox.state()
        sandbox.close()
    assert [item['id'] for item in state['sessions']] == [first, *paid[2:]]
    assert (len(state['payment_intents']), len(state['charges'])) == (2, 2)


def test_a_bank_settles_by_the_clock_where_told_to() -> None:
    """After the configured seconds a slow payment ends; the documented failing account fails."""
    with running(SandboxConfig(bank_settles_after=60)) as server:
        sandbox = SandboxClient(server.base, settings(server.config))
        good, bad = opened(sandbox), opened(sandbox)
        sandbox.pay(good, method='bank')
        sandbox.pay(bad, method='bank', account='000222222227')
        sandbox.act('clock', ahead=61)
        ends = {item['id']: item['payment_status'] for item in sandbox.state()['sessions']}
        sandbox.close()
    assert ends == {good: 'paid', bad: 'unpaid'}


def test_the_printed_settings_point_at_the_sandbox(sandbox: SandboxClient) -> None:
    """The addresses are this sandbox's own, and the price is on its shelf."""
    assert sandbox.settings['STRIPE_API_BASE'] == f'{sandbox.base}/stripe'
    assert httpx.get(sandbox.settings['CALENDLY_LINK'], trust_env=False).status_code == 200


@pytest.mark.parametrize(
    ('pairs', 'tree'),
    [
        ([('a[0][b]', '1'), ('a[1][b]', '2')], {'a': [{'b': '1'}, {'b': '2'}]}),
        ([('a[][b]', '1'), ('a[][c]', '2'), ('a[][b]', '3')], {'a': [{'b': '1', 'c': '2'}, {'b': '3'}]}),
        ([('expand[]', 'x'), ('expand[]', 'y')], {'expand': ['x', 'y']}),
        ([('m[a b]', '1'), ('m[c]', '')], {'m': {'a b': '1', 'c': ''}}),
    ],
)
def test_brackets_are_read_as_stripe_reads_them(pairs: list[tuple[str, str]], tree: object) -> None:
    """Indexed, empty and named brackets make lists and dicts."""
    assert decode(pairs) == tree


@given(st.lists(st.tuples(st.text('ab[]01', max_size=8), st.text(max_size=3)), max_size=5))
def test_any_names_are_read_or_refused(pairs: list[tuple[str, str]]) -> None:
    """Whatever the names are, the decoder answers with a tree or with Stripe's refusal, never otherwise."""
    with contextlib.suppress(StripeProblem):
        assert isinstance(decode(pairs), dict)


@pytest.mark.parametrize('name', ['a[b', 'a]', '[a]', 'a[b]c', 'a[[b]]', ''])
def test_a_broken_name_is_refused(name: str) -> None:
    """Brackets that do not close, or close nothing, are Stripe's 400."""
    with pytest.raises(StripeProblem, match='Invalid parameter name'):
        decode([(name, '1')])
