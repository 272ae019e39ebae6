"""Stripe fails when a payment starts: an alert appears next to the button, which works again."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e import journey
from tests.factories import CREATE
from tests.processes import Server
from tests.sandbox_client import SandboxClient

BUDGET = 12  # seconds a customer waits at most for an alert
PHONE = '(202) 555-0143'
TRY_AGAIN = 'We could not reach the payment service. You have not been charged. Please try again.'
TRY_AGAIN_LATER = (
    'We could not reach the payment service. You have not been charged. Please try again in a moment.'
)
NOT_AVAILABLE = 'Payments are not available right now. You have not been charged.'
SECRETS = ('STRIPE_SECRET_KEY', 'STRIPE_WEBHOOK_SECRET', 'CALENDLY_TOKEN', 'CALENDLY_WEBHOOK_SIGNING_KEY')

OpenLanding = Callable[[Page, Server], Locator]


@pytest.fixture(params=[journey.open_landing, journey.open_unconnected_landing], ids=['button', 'form'])
def open_landing(request: pytest.FixtureRequest) -> OpenLanding:
    """Return each of the two ways to open the landing page: connected, and without a connection."""
    chosen: OpenLanding = request.param
    return chosen


@pytest.fixture
def button(
    page: Page, shop_process: Server, sandbox: SandboxClient, open_landing: OpenLanding
) -> Iterator[Locator]:
    """Return the pay button of an open landing page; afterwards, check the log for secrets."""
    yield open_landing(page, shop_process)
    log = shop_process.log()
    assert not [name for name in SECRETS if sandbox.settings[name][:20] in log]


@pytest.mark.parametrize(
    ('fault', 'words'),
    [
        ({'do': 'reset'}, TRY_AGAIN),
        ({'do': 'fail', 'status': 500}, TRY_AGAIN_LATER),
        ({'do': 'fail', 'status': 429}, TRY_AGAIN_LATER),
        ({'do': 'html', 'status': 502}, TRY_AGAIN_LATER),
    ],
    ids=['unreachable', '500', '429', 'html'],
)
def test_stripe_fails_and_recovers(
    page: Page,
    shop_process: Server,
    sandbox: SandboxClient,
    button: Locator,
    fault: dict[str, Any],
    words: str,
) -> None:
    """The alert has an error id that is in the log, and the next press reaches Stripe."""
    sandbox.fault(CREATE, **fault, times=None)
    button.click()

    _shows_alert(page, words)
    _can_be_pressed(page)
    assert f'[error {journey.error_id(journey.alert(page).inner_text())}]' in shop_process.log()
    assert journey.opened_sessions(sandbox) == []
    sandbox.clear_faults()
    journey.pay_button(page).click()
    journey.at_stripe(page)


def test_the_key_is_revoked(
    page: Page, shop_process: Server, sandbox: SandboxClient, button: Locator
) -> None:
    """The alert says that payments are not available, with a phone number and an error id."""
    sandbox.act('key', revoked=True)
    button.click()

    _shows_alert(page, NOT_AVAILABLE)
    expect(journey.alert(page).get_by_role('link', name=PHONE)).to_be_visible()
    _can_be_pressed(page)
    assert f'[error {journey.error_id(journey.alert(page).inner_text())}]' in shop_process.log()
    sandbox.act('key', revoked=False)
    journey.pay_button(page).click()
    journey.at_stripe(page)


def test_stripe_is_too_slow(
    page: Page, another_browser: journey.AnotherBrowser, shop_process: Server, sandbox: SandboxClient
) -> None:
    """With and without a connection the alert comes within the budget, and the button works again."""
    unconnected = another_browser()
    button = journey.open_landing(page, shop_process)
    unconnected_button = journey.open_unconnected_landing(unconnected, shop_process)
    sandbox.fault(CREATE, 'hang', seconds=30, times=None)
    pressed = time.monotonic()
    unconnected_button.click(no_wait_after=True)
    button.click()

    for opened in (page, unconnected):
        _shows_alert(opened, TRY_AGAIN)
        assert time.monotonic() - pressed < BUDGET
        _can_be_pressed(opened)
    sandbox.clear_faults()
    for opened in (page, unconnected):
        journey.pay_button(opened).click()
        journey.at_stripe(opened)


def test_stripe_is_down_when_the_shop_starts(
    page: Page, restartable_shop: Server, sandbox: SandboxClient
) -> None:
    """Without a price the page opens, its button without an amount; once Stripe is back it has the amount."""
    sandbox.fault('GET /v1/prices/*', 'fail', status=500, times=None)
    restartable_shop.stop()
    restartable_shop.start()
    page.goto(restartable_shop.url)
    expect(journey.pay_button(page)).to_have_text('Schedule My C&P Coaching Session')

    sandbox.clear_faults()
    journey.wait_for_price(restartable_shop)
    expect(journey.open_landing(page, restartable_shop)).to_have_text(journey.BUTTON)


def _shows_alert(page: Page, words: str) -> None:
    expect(journey.alert(page).get_by_role('paragraph').first).to_have_text(words)


def _can_be_pressed(page: Page) -> None:
    button = journey.pay_button(page)
    expect(button).to_be_enabled()
    expect(button).to_have_text(journey.BUTTON)
