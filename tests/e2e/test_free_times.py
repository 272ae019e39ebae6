"""Free times in the browser: shown before paying, and no sale where none is free."""

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from markupsafe import Markup
from playwright.sync_api import Page, expect

from services.availability import FreeTimes
from services.site import load
from tests.e2e import journey
from tests.processes import ROOT, Server
from tests.sandbox_client import SandboxClient
from ui.pages.free_times import NOT_KNOWN_NOW, next_free
from ui.pages.free_times import nothing_free as words_of_nothing_free

NOTHING_FREE = 'No time is free in the next 31 days.'
NEXT_FREE = re.compile(r'Next free \(Eastern (Standard|Daylight) Time\):')
SHOWN = re.compile('<div class="free-times[ \\w]*">.*?(</div><div class="alert")', re.DOTALL)
FORM = {'shown': '15000-usd', 'again': ''}


@pytest.fixture
def strict_shop(nothing_free: None, start_shop: journey.StartShop, tmp_path: Path) -> Server:
    """Start a shop that does not sell while no time is free."""
    shop = start_shop({'SITE_FILE': journey.site_that_needs_free_times(tmp_path)})
    journey.wait_for_calendar(shop)
    return shop


@pytest.fixture
def nothing_free(sandbox: SandboxClient) -> None:
    """No time is free at Calendly."""
    sandbox.act('free-times', count=0)


@pytest.fixture
def noscript(another_browser: journey.AnotherBrowser) -> Page:
    """Return a page in a browser without script."""
    return another_browser(java_script_enabled=False)


def test_the_next_free_time_is_shown(
    page: Page, noscript: Page, start_shop: journey.StartShop, sandbox: SandboxClient
) -> None:
    """The one that Calendly offers first, in the zone of the shop, with script and without."""
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=9)
    starts = [start, start + timedelta(minutes=30), start + timedelta(days=20)]
    sandbox.act('free-times', starts=[each.isoformat() for each in starts])
    shop = start_shop()
    journey.wait_for_calendar(shop)
    local = start.astimezone(journey.ZONE)
    journey.open_landing(page, shop)
    noscript.goto(shop.url)
    for each in (page, noscript):
        shown = each.locator('form').first.get_by_text(NEXT_FREE)
        expect(shown).to_contain_text(f'{local:%a, %b} {local.day}, {journey.shown_time(start)}')
        expect(shown.locator('time')).to_have_attribute('datetime', f'{start:%Y-%m-%dT%H:%M:%SZ}')


@pytest.mark.usefixtures('nothing_free')
def test_nothing_free_and_not_selling(
    page: Page, noscript: Page, strict_shop: Server, sandbox: SandboxClient
) -> None:
    """Both buttons are disabled with the words and the contact beside them, and no session is made."""
    page.goto(strict_shop.url)
    noscript.goto(strict_shop.url)
    expect(page.locator('form button[type=button]')).to_have_count(2)
    for each in (page, noscript):
        for form in each.locator('form').all():
            expect(form.get_by_role('button')).to_be_disabled()
            expect(form).to_contain_text(f'{NOTHING_FREE} You can pay here again as soon as one is free.')
            expect(form.get_by_role('link', name='hello@coach.example')).to_be_visible()
        each.locator('form').first.get_by_role('button').click(force=True)
    with httpx.Client(base_url=strict_shop.url, trust_env=False) as client:
        answer = client.post('/checkout', data=FORM)
        assert 'alert=nothing_free' in answer.headers['location']
        assert client.post('/api/create-checkout-session', json={}).status_code == 409
    page.goto(strict_shop.url + answer.headers['location'])
    expect(journey.alert(page)).to_contain_text(f'{NOTHING_FREE} You have not been charged.')
    assert journey.opened_sessions(sandbox) == []


@pytest.mark.usefixtures('nothing_free')
def test_nothing_free_and_selling(page: Page, start_shop: journey.StartShop) -> None:
    """It is said beside the button before anybody pays, and the button works."""
    shop = start_shop()
    journey.wait_for_price(shop)
    journey.wait_for_calendar(shop)
    journey.open_landing(page, shop)
    expect(page.locator('form').first).to_contain_text(f'{NOTHING_FREE} Please ask us before you pay.')
    journey.connected_button(page).click()
    journey.at_stripe(page)


@pytest.mark.parametrize('width', [320, 390, 1280])
def test_nothing_moves_when_the_free_times_change(noscript: Page, shop_process: Server, width: int) -> None:
    """Whatever is known when a page is loaded has room for what it says later, at every width.

    A shop reads the free times once a minute, so here the page is given each of its words.
    """
    site = load(ROOT / 'site.toml')
    start = datetime(2026, 9, 23, 16, 30, tzinfo=UTC)  # long names and a long time
    known = FreeTimes(tuple(start + timedelta(minutes=30 * number) for number in range(12)))
    free = next_free(known, date(2026, 9, 14), site.business.zone)
    html = httpx.get(shop_process.url, trust_env=False).text
    noscript.set_viewport_size({'width': width, 'height': 800})

    def positions(words: Markup, classes: str) -> list[object]:
        content, count = SHOWN.subn(lambda found: f'<div class="{classes}">{words}{found[1]}', html)
        assert count == 2
        noscript.set_content(content)
        return [each.bounding_box() for each in noscript.locator('.free-times, .cta, .closing').all()]

    later = {
        'free-times': [
            NOT_KNOWN_NOW,
            *(words_of_nothing_free(site.contact, sells, True) for sells in (True, False)),
        ],
        'free-times noted': [
            NOT_KNOWN_NOW,
            *(words_of_nothing_free(site.contact, sells, False) for sells in (True, False)),
        ],
    }
    found = [[positions(words, classes) for words in (free, *notes)] for classes, notes in later.items()]
    assert [each == [each[0]] * 4 for each in found] == [True, True]
    assert found[0][0] != found[1][0]
