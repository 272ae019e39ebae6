"""Invented ids and unpaid orders: an error page in plain words, and nowhere the URL of the calendar."""

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.docs.routes import routes_of_the_product
from tests.e2e import journey
from tests.processes import Server
from tests.sandbox_client import SandboxClient
from ui.pages.order_urls import SESSION_ID

BAD_SESSION_IDS = {
    'missing': '',
    'unreplaced': '{CHECKOUT_SESSION_ID}',
    'markup': 'cs_test_<b>&"\'',
    'control characters': 'cs_test_\x00\x07\r\nX-Evil: 1',
    'not ASCII': 'cs_test_\N{SNOWMAN}',
    'overlong': 'cs_test_' + 'a' * 5000,
    'another kind of id': 'pi_3Invented',
}
BAD_TOKENS = [
    'invented',
    'a' * 5000,
    '{token}',
    '%00',
    '%27%20OR%201=1',
    '%F0%9F%93%85',
    '..%2F..%2Fetc%2Fpasswd',
]
OF_THE_RECONCILER = f'/v1/checkout/sessions(/{SESSION_ID})?'
REASSURANCE = 'payment is safe'


def test_malformed_session_ids(page: Page, shop_process: Server, sandbox: SandboxClient) -> None:
    """A malformed session id is refused in words, without a request to Stripe."""
    for name, session_id in BAD_SESSION_IDS.items():
        answer = _get(shop_process, '/success', session_id=session_id)
        assert answer.status_code == 400, name
        assert REASSURANCE in answer.text, name
        assert not _calendar_in(answer.content, sandbox), name
    asked_for = [request['path'] for request in sandbox.requests('GET /v1/checkout/sessions')]
    assert [path for path in asked_for if not re.fullmatch(OF_THE_RECONCILER, path)] == []


def test_an_invented_session_id(page: Page, shop_process: Server, sandbox: SandboxClient) -> None:
    """A well-formed id that Stripe does not know leads to a page with a link to the start."""
    answer = page.goto(f'{shop_process.url}/success?session_id=cs_test_{"a" * 58}')

    assert answer is not None
    assert answer.status == 404
    assert not _calendar_in(answer.body(), sandbox)
    expect(page.get_by_role('heading', level=1)).to_have_text('This page does not exist')
    expect(page.get_by_text(REASSURANCE)).to_be_visible()
    page.get_by_role('link', name='Back to the start').click()
    journey.connected_button(page)


def test_a_paid_session_of_another_shop(page: Page, shop_process: Server, sandbox: SandboxClient) -> None:
    """A payment of another shop on the same Stripe account opens no calendar here."""
    session_id = _foreign_session(sandbox)
    assert sandbox.pay(session_id)['outcome'] == 'paid'

    answer = page.goto(f'{shop_process.url}/success?session_id={session_id}')
    assert answer is not None
    assert answer.status == 404
    assert not _calendar_in(answer.body(), sandbox)


@pytest.mark.parametrize('token', BAD_TOKENS, ids=range(len(BAD_TOKENS)))
def test_an_invented_token(page: Page, shop_process: Server, sandbox: SandboxClient, token: str) -> None:
    """With an invented token there is neither an order page nor a calendar file."""
    for path in (f'/order/{token}', f'/order/{token}/session.ics'):
        answer = _get(shop_process, path)
        assert answer.status_code == 404, path
        assert not _calendar_in(answer.content, sandbox), path


def test_a_request_cannot_add_a_line_of_another_format_to_the_log(start_shop: journey.StartShop) -> None:
    """With LOG_FORMAT=json a line that NiceGUI's transport logs about an odd client is JSON too."""
    shop = start_shop({'LOG_FORMAT': 'json'})
    _get(shop, '/_nicegui_ws/socket.io/', EIO='3', transport='polling')
    lines = shop.log().splitlines()
    assert [line for line in lines if 'unsupported version' in line]
    assert [line for line in lines if not line.startswith('{')] == []


def test_no_route_reveals_the_calendar_before_payment(
    page: Page, shop_process: Server, sandbox: SandboxClient
) -> None:
    """With every id of an unpaid order, no response of any route contains the URL of the calendar."""
    session_id = journey.session_at(journey.go_to_stripe(page, shop_process))
    metadata = sandbox.state()['sessions'][0]['metadata']
    ids = [
        session_id,
        metadata['token'],
        metadata['order_id'],
        metadata['reference'],
        metadata['booking_key'],
        'invented',
    ]
    paths = {path for _, path in routes_of_the_product()} | {'/docs', '/openapi.json', '/sandbox/', '/.env'}
    with httpx.Client(base_url=shop_process.url, trust_env=False, timeout=20) as browser:
        for path in sorted({re.sub(r'{\w+(:\w+)?}', value, path) for path in paths for value in ids}):
            for params in ({}, {'session_id': session_id, 'token': metadata['token']}):
                answer = browser.get(path, params=params)
                assert answer.status_code < 500, path
                assert 'server' not in answer.headers, path
                assert not _calendar_in(answer.content + str(answer.headers).encode(), sandbox), path


def test_no_open_page_reveals_the_calendar_before_payment(
    page: Page, shop_process: Server, sandbox: SandboxClient
) -> None:
    """No document, script or websocket message of the landing page or of an unpaid order contains the URL."""
    on_landing = journey.Traffic(page)
    button = journey.open_landing(page, shop_process)
    assert not _with_calendar(on_landing, sandbox)
    button.click()
    journey.at_stripe(page)

    other = page.context.new_page()
    on_order = journey.Traffic(other)
    other.goto(f'{shop_process.url}/order/{sandbox.state()["sessions"][0]["metadata"]["token"]}')
    expect(other.get_by_role('heading', level=1)).to_have_text('Checking your payment…')
    expect(other.get_by_title(journey.CALENDAR)).to_have_count(0)
    assert not _with_calendar(on_order, sandbox)


def test_the_page_of_a_paid_order_reveals_the_calendar(
    page: Page, shop_process: Server, sandbox: SandboxClient
) -> None:
    """The same search finds the URL once the order is paid, so the tests above can fail."""
    order = journey.buy(page, shop_process)
    other = page.context.new_page()
    traffic = journey.Traffic(other)
    other.goto(order)
    expect(other.get_by_title(journey.CALENDAR)).to_be_visible()

    assert _with_calendar(traffic, sandbox)


def _with_calendar(traffic: journey.Traffic, sandbox: SandboxClient) -> list[bytes]:
    assert traffic.messages, 'the page never connected'
    return [content for content in traffic.contents() if _calendar_in(content, sandbox)]


def _get(shop: Server, path: str, **params: str) -> httpx.Response:
    return httpx.get(shop.url + path, params=params or None, trust_env=False, timeout=20)


def _calendar_in(content: bytes, sandbox: SandboxClient) -> bool:
    path = sandbox.calendly_link.partition('/calendly/')[2].encode()
    return path in content or b'/calendly/d/' in content or b'sam-sandbox' in content


def _foreign_session(sandbox: SandboxClient) -> str:
    answer = httpx.post(
        f'{sandbox.settings["STRIPE_API_BASE"]}/v1/checkout/sessions',
        headers={'Authorization': f'Bearer {sandbox.settings["STRIPE_SECRET_KEY"]}'},
        data={
            'mode': 'payment',
            'line_items[0][price]': sandbox.settings['STRIPE_PRICE_ID'],
            'line_items[0][quantity]': '1',
            'success_url': 'https://elsewhere.example/thanks',
        },
        trust_env=False,
    )
    assert answer.status_code == 200, answer.text
    return str(answer.json()['id'])
