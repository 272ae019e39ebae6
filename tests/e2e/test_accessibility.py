"""Every page that a customer can meet, judged by axe-core against WCAG 2.2 AA, light and dark."""

import re
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Route, ViewportSize, expect

from tests.e2e import journey
from tests.e2e.orders import STATES, Maker
from tests.processes import Server
from tests.sandbox_client import SandboxClient

AXE, AXE_AGAIN = Axe(), Axe('null')  # the second for a page that the first is in already
STANDARD = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
COLOURS = ['cat.color']
OPTIONS = {'iframes': False, 'preload': False, 'resultTypes': ['violations', 'incomplete']}
CONTRAST = 'color-contrast'
PHONE: ViewportSize = {'width': 390, 'height': 844}
NARROW = 320  # CSS pixels
WITH_CALENDAR = ('paid', 'canceled', 'partly refunded', 'disputed')
FINGER = 44  # CSS pixels, each way
TARGETS = 'button, summary, a:not(p:not(.links) > a:not(.cta))'
"""What is pressed; links within a sentence are as high as its line (WCAG 2.2, 2.5.8)."""
NOTICES = {
    '/': '',
    '/?alert=payment_unreachable&error=0123abcd': 'Error 0123abcd',
    '/?alert=payments_unavailable&error=0123abcd': 'Payments are not available right now.',
    '/?alert=already_paid&again=1': 'payment',
}
ADDRESSES = {
    '/terms': 'Terms',
    '/privacy': 'Privacy',
    '/refunds': 'Refunds',
    '/nowhere': 'This page does not exist',
    '/order/nobodys': 'This page does not exist',
    '/success': 'That did not work',
    f'/success?session_id=cs_test_{"a" * 58}': 'Checking your payment…',
}


@pytest.fixture
def phone(another_browser: journey.AnotherBrowser) -> Page:
    """A page on a phone."""
    return another_browser(viewport=PHONE)


def test_the_landing_page(phone: Page, shop_process: Server, subtests: pytest.Subtests) -> None:
    """As it is, and with whatever alert an address may bring along."""
    for address, said in NOTICES.items():
        with subtests.test(address):
            phone.goto(shop_process.url + address)
            journey.live_button(phone)
            expect(journey.alert(phone)).to_contain_text(said)
            _is_for_everyone(phone)


def test_a_notice_on_the_landing_page(phone: Page, shop_process: Server, sandbox: SandboxClient) -> None:
    """With what is said to somebody who turned back at Stripe, and to somebody who has just paid."""
    opened = phone.request.post(f'{shop_process.url}/checkout', max_redirects=0)
    phone.goto(f'{shop_process.url}/?back=1')
    expect(phone.get_by_role('status')).to_contain_text('No charge was made')
    _is_for_everyone(phone)
    sandbox.pay(opened.headers['location'])
    phone.goto(shop_process.url)
    expect(phone.get_by_role('status')).to_contain_text('A payment was just made here')
    _is_for_everyone(phone)


def test_the_page_of_an_order(
    phone: Page, shop_process: Server, sandbox: SandboxClient, subtests: pytest.Subtests
) -> None:
    """In each of its states; what is inside the calendar's frame is Calendly's."""
    for state in STATES:
        with subtests.test(state):
            sandbox.reset()
            phone.goto(Maker(shop_process, sandbox).make(state))
            expect(phone.locator('#app[data-v-app]')).to_be_attached()
            expect(phone.get_by_title(journey.CALENDAR)).to_have_count(int(state in WITH_CALENDAR))
            _is_for_everyone(phone)


def test_documents(phone: Page, shop_process: Server, sandbox: SandboxClient) -> None:
    """Terms and all, addresses that lead nowhere, and the wait for Stripe."""
    sandbox.fault('GET /v1/checkout/sessions/*', 'reset', times=None)
    for address, heading in ADDRESSES.items():
        phone.goto(shop_process.url + address)
        expect(phone.get_by_role('heading', level=1)).to_have_text(heading)
        _is_for_everyone(phone)


def test_when_all_is_lost(phone: Page, start_shop: journey.StartShop, tmp_path: Path) -> None:
    """A page that broke, and the notice that the connection is gone, which is an alert of its own."""
    ledger = tmp_path / 'lost.db'
    shop = start_shop({'DATABASE_URL': f'sqlite:///{ledger}'})
    broken = phone.context.new_page()
    journey.open_landing(phone, shop)
    ledger.unlink()
    broken.goto(f'{shop.url}/order/anything')
    expect(broken.get_by_role('heading', level=1)).to_have_text('Something went wrong on our side')
    _is_for_everyone(broken)
    shop.kill()

    expect(phone.get_by_role('alert').filter(has_text='This page reconnects by itself')).to_be_visible()
    _is_for_everyone(phone)


def test_without_script(
    phone: Page, shop_process: Server, sandbox: SandboxClient, subtests: pytest.Subtests
) -> None:
    """As painted by the server, with what only a browser without script shows."""
    phone.route(re.compile('/(order/.*)?$'), _written_out)
    for state in ('', 'open', 'paid', 'paid, without calendar'):
        with subtests.test(state):
            phone.goto(Maker(shop_process, sandbox).make(state) if state else shop_process.url)
            expect(phone.locator('#app[data-rendered]')).to_be_attached()
            expect(phone.get_by_title(journey.CALENDAR)).to_have_count(int(state in WITH_CALENDAR))
            _is_for_everyone(phone)


def test_the_page_for_a_crowd(another_browser: journey.AnotherBrowser, shop_process: Server) -> None:
    """The landing page as it is kept in memory, for crawlers and when there is no room to build one."""
    page = another_browser(viewport=PHONE, user_agent='Googlebot')
    page.goto(shop_process.url)
    expect(page.locator('script[type=module]')).to_have_count(0)

    _is_for_everyone(page)


def _written_out(route: Route) -> None:
    """Answer with the page as a browser without script understands it; axe itself is one."""
    answer = route.fetch()
    head, body = re.sub('<script.*?</script>', '', answer.text(), flags=re.DOTALL).split('<body>')
    route.fulfill(response=answer, body=f'{head}<body>{re.sub("</?noscript>", "", body)}')


def _is_for_everyone(page: Page) -> None:
    """Hold a page against the standard; on a narrow screen nothing is cut off or too small for a finger."""
    page.set_viewport_size(PHONE)
    page.emulate_media(color_scheme='light')
    assert _verdict(AXE, page, STANDARD) == []
    page.emulate_media(color_scheme='dark')
    assert _verdict(AXE_AGAIN, page, COLOURS) == []
    page.set_viewport_size({'width': NARROW, 'height': 640})
    assert journey.widest(page) <= NARROW
    assert _too_small(page) == []


def _verdict(axe: Axe, page: Page, tags: list[str]) -> list[str]:
    """What axe finds, the frame's content left out, as lines to read."""
    told = axe.run(page, options=OPTIONS | {'runOnly': tags}).response
    found = [*told['violations'], *(rule for rule in told['incomplete'] if rule['id'] == CONTRAST)]
    hit = [(rule['id'], node) for rule in found for node in rule['nodes'] if not _lies_over(node)]
    return [f'{name}: {node["html"]}' for name, node in hit]


def _lies_over(node: dict[str, Any]) -> bool:
    """Whether axe cannot tell the contrast of a notice since it covers a part of the page."""
    return any((check['data'] or {}).get('messageKey') == 'elmPartiallyObscuring' for check in node['any'])


def _too_small(page: Page) -> list[str]:
    """The targets that a finger may miss."""
    boxes = ((target, target.bounding_box()) for target in page.locator(TARGETS).all())
    return [str(target) for target, box in boxes if box and min(box['width'], box['height']) < FINGER]
