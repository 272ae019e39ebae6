"""Stripe fails before the customer gets there: words next to a button that works again, on both endpoints."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e import journey
from tests.processes import Server
from tests.sandbox_client import SandboxClient

OPENING = 'POST /v1/checkout/sessions'
BUDGET = 12  # seconds a customer waits at most before something is said
PHONE = '(202) 555-0143'
TRY_AGAIN = 'We could not reach the payment service. You have not been charged. Please try again.'
IN_A_MOMENT = (
    'We could not reach the payment service. You have not been charged. Please try again in a moment.'
)
NOT_AVAILABLE = 'Payments are not available right now. You have not been charged.'
SECRETS = ('STRIPE_SECRET_KEY', 'STRIPE_WEBHOOK_SECRET', 'CALENDLY_TOKEN', 'CALENDLY_WEBHOOK_SIGNING_KEY')

Endpoint = Callable[[Page, Server], Locator]


@pytest.fixture(params=[journey.open_landing, journey.open_plain_landing], ids=['button', 'form'])
def endpoint(request: pytest.FixtureRequest) -> Endpoint:
    """Each of the two ways to start a payment in a browser."""
    chosen: Endpoint = request.param
    return chosen


@pytest.fixture
def button(page: Page, shop_process: Server, sandbox: SandboxClient, endpoint: Endpoint) -> Iterator[Locator]:
    """Open the landing page; afterwards no secret stands in the shop's log."""
    yield endpoint(page, shop_process)
    log = shop_process.log()
    assert not [name for name in SECRETS if sandbox.settings[name][:20] in log]


@pytest.mark.parametrize(
    ('fault', 'words'),
    [
        ({'do': 'reset'}, TRY_AGAIN),
        ({'do': 'fail', 'status': 500}, IN_A_MOMENT),
        ({'do': 'fail', 'status': 429}, IN_A_MOMENT),
        ({'do': 'html', 'status': 502}, IN_A_MOMENT),
    ],
    ids=['unreachable', '500', '429', 'html'],
)
def test_stripe_fails_and_comes_back(
    page: Page,
    shop_process: Server,
    sandbox: SandboxClient,
    button: Locator,
    fault: dict[str, Any],
    words: str,
) -> None:
    """The alert says what happened with an id that is in the log, and the next press reaches Stripe."""
    sandbox.fault(OPENING, **fault, times=None)
    button.click()

    _says(page, words)
    _is_ready(page)
    assert f'[error {journey.error_id(journey.alert(page).inner_text())}]' in shop_process.log()
    assert journey.opened_sessions(sandbox) == []
    sandbox.clear_faults()
    journey.pay_button(page).click()
    journey.at_stripe(page)


def test_the_key_is_refused(
    page: Page, shop_process: Server, sandbox: SandboxClient, button: Locator
) -> None:
    """A revoked key is ours to mend: the customer reads so, with a phone number and an id for the call."""
    sandbox.act('key', revoked=True)
    button.click()

    _says(page, NOT_AVAILABLE)
    expect(journey.alert(page).get_by_role('link', name=PHONE)).to_be_visible()
    _is_ready(page)
    assert f'[error {journey.error_id(journey.alert(page).inner_text())}]' in shop_process.log()
    sandbox.act('key', revoked=False)
    journey.pay_button(page).click()
    journey.at_stripe(page)


def test_stripe_is_too_slow(
    page: Page, another_browser: journey.AnotherBrowser, shop_process: Server, sandbox: SandboxClient
) -> None:
    """On neither endpoint anybody waits longer than the budget: the alert says so, and the button works again."""
    plain = another_browser()
    button = journey.open_landing(page, shop_process)
    plain_button = journey.open_plain_landing(plain, shop_process)
    sandbox.fault(OPENING, 'hang', seconds=30, times=None)
    pressed = time.monotonic()
    plain_button.click(no_wait_after=True)
    button.click()

    for opened in (page, plain):
        _says(opened, TRY_AGAIN)
        assert time.monotonic() - pressed < BUDGET
        _is_ready(opened)
    sandbox.clear_faults()
    for opened in (page, plain):
        journey.pay_button(opened).click()
        journey.at_stripe(opened)


def test_stripe_is_down_when_the_shop_starts(page: Page, spare_shop: Server, sandbox: SandboxClient) -> None:
    """Without a price the page opens all the same, its button without an amount, which comes with Stripe."""
    sandbox.fault('GET /v1/prices/*', 'fail', status=500, times=None)
    spare_shop.stop()
    spare_shop.start()
    page.goto(spare_shop.url)
    expect(journey.pay_button(page)).to_have_text('Schedule My C&P Coaching Session')

    sandbox.clear_faults()
    journey.wait_for_price(spare_shop)
    expect(journey.open_landing(page, spare_shop)).to_have_text(journey.BUTTON)


def _says(page: Page, words: str) -> None:
    expect(journey.alert(page).get_by_role('paragraph').first).to_have_text(words)


def _is_ready(page: Page) -> None:
    button = journey.pay_button(page)
    expect(button).to_be_enabled()
    expect(button).to_have_text(journey.BUTTON)
