"""Free times on the landing page: with and without script, refreshed in place, and the page without any."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.settings import parse_settings
from services.shop import Shop, build
from tests.factories import CREATE
from tests.pages.customer import Customer, words
from tests.pages.outline import app_html
from tests.processes import ROOT
from tests.sandbox_client import SandboxClient

READ = 'GET /event_type_available_times'
GOOGLE = {'user-agent': 'Googlebot'}
NEXT_FREE = re.compile(
    r'Next free \(Eastern (Standard|Daylight) Time\): \w{3}, \w{3} \d+, \d+:\d\d [AP]M and 2 more '
)
NOTHING_FREE = 'No time is free in the next 31 days.'
CONTACT = 'Call (202) 555-0143 or write to hello@coach.example.'
MINUTE = timedelta(minutes=1)


class Clock:
    """The present time, which a test can move forward."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        """Return the time in UTC."""
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def clock() -> Clock:
    """Return a clock that is right until the test moves it forward."""
    return Clock()


@pytest.fixture
async def shop(
    request: pytest.FixtureRequest,
    settings_env: dict[str, str],
    _closed_ledger: None,
    clock: Clock,
    tmp_path: Path,
) -> Shop:
    """Open a shop with the clock; with the parameter False it does not sell while no time is free."""
    text = (ROOT / 'site.toml').read_text(encoding='utf-8')
    if getattr(request, 'param', True) is False:
        text = text.replace('sell_without_free_times = true', 'sell_without_free_times = false')
    site = tmp_path / 'site.toml'
    site.write_text(text, encoding='utf-8')
    shop = build(parse_settings(settings_env | {'SITE_FILE': str(site)}), clock=clock)
    await shop.open()
    return shop


@pytest.fixture
async def read_again(shop: Shop, customer: Customer, clock: Clock) -> 'ReadAgain':
    """Wait until the start is over; return what has the free times read again."""
    await customer.until(lambda: shop.calendar_watch.was_checked)
    return ReadAgain(shop, clock)


class ReadAgain:
    """Has the free times read again, a minute later."""

    def __init__(self, shop: Shop, clock: Clock) -> None:
        self._shop = shop
        self._clock = clock

    async def __call__(self) -> None:
        """Read them."""
        self._clock.ahead += MINUTE
        await self._shop.availability.refresh()


def offer(sandbox: SandboxClient, *days: int) -> None:
    """Let Calendly offer one time on each of these days from today, in one hour of the week after next."""
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=15)
    start -= timedelta(days=start.isoweekday() % 7, hours=start.hour - 15)  # a Sunday, 15:00 UTC
    sandbox.act('free-times', starts=[(start + timedelta(days=day)).isoformat() for day in days])


async def cached(customer: Customer) -> str:
    """Return what the cached page says, which has no script."""
    answer = await customer.http.get('/', headers=GOOGLE)
    assert '/_nicegui/' not in answer.text
    return words(app_html(answer.text))


async def test_the_next_times_are_in_the_page(
    customer: Customer, sandbox: SandboxClient, read_again: ReadAgain
) -> None:
    """In the HTML, beside both buttons, in the zone of the shop; also in the page from memory."""
    offer(sandbox, 1, 2, 3)
    await read_again()
    built = words(app_html((await customer.http.get('/')).text))
    assert len(NEXT_FREE.findall(built)) == 2
    assert words(app_html((await customer.http.get('/', headers=GOOGLE)).text)) == built
    await customer.open('/')
    assert len(NEXT_FREE.findall(customer.text)) == 2


async def test_an_open_page_is_refreshed_in_place(
    customer: Customer, sandbox: SandboxClient, read_again: ReadAgain
) -> None:
    """Only the words change: every element stays the one it was, and the button can be pressed."""
    offer(sandbox, 1, 2, 3)
    await read_again()
    await customer.open('/')
    ids = [element.id for element in customer.client.layout.descendants()]
    assert ' and 2 more ' in customer.text
    offer(sandbox, 1, 3)
    await read_again()
    assert ' and 1 more ' in customer.text
    assert ids == [element.id for element in customer.client.layout.descendants()]
    assert customer.is_usable()


async def test_a_closed_page_is_refreshed_no_more(
    customer: Customer, shop: Shop, read_again: ReadAgain
) -> None:
    """Nothing is kept of a page that was closed; one that never connected was never kept."""
    await customer.http.get('/')
    await customer.open('/')
    assert len(shop.availability._subscribers) == 1
    customer.client.delete()
    assert shop.availability._subscribers == set()


async def test_the_page_from_memory_notices(
    customer: Customer, sandbox: SandboxClient, read_again: ReadAgain
) -> None:
    """It changes with the times, with the last of them, and with their end."""
    offer(sandbox, 1, 2, 3)
    await read_again()
    assert ' and 2 more ' in await cached(customer)
    offer(sandbox, 1, 3)
    await read_again()
    assert ' and 1 more ' in await cached(customer)
    sandbox.act('free-times', count=0)
    await read_again()
    assert NOTHING_FREE in await cached(customer)


async def test_many_pages_cost_no_request(
    customer: Customer, sandbox: SandboxClient, read_again: ReadAgain
) -> None:
    """Pages never wait for Calendly, even when it hangs."""
    await read_again()
    before = len(sandbox.requests(READ))
    sandbox.fault('GET /*', 'hang', seconds=30, times=None)
    for _ in range(10):
        await customer.http.get('/')
        await cached(customer)
    assert len(sandbox.requests(READ)) == before


async def test_nothing_free_is_said_beside_the_button(
    customer: Customer, sandbox: SandboxClient, read_again: ReadAgain
) -> None:
    """With the contact, before anybody pays; with the seed's setting selling goes on."""
    sandbox.act('free-times', count=0)
    await read_again()
    said = f'{NOTHING_FREE} Please ask us before you pay. {CONTACT}'
    for text in (words(app_html((await customer.http.get('/')).text)), await cached(customer)):
        assert text.count(said) == 2
        assert 'Next free' not in text
    await customer.open('/')
    await customer.pressed()
    assert len(customer.left_for) == 1


@pytest.mark.parametrize('shop', [False], indirect=True)
async def test_nothing_free_disables_the_buttons(
    customer: Customer, sandbox: SandboxClient, read_again: ReadAgain
) -> None:
    """On an open page, in a new one and in the one from memory; they come back with the next free time."""
    await customer.open('/')
    assert customer.is_usable(0)
    sandbox.act('free-times', count=0)
    await read_again()
    said = f'{NOTHING_FREE} You can pay here again as soon as one is free. {CONTACT}'
    assert customer.text.count(said) == 2
    assert not customer.is_usable(0)
    assert not customer.is_usable(1)
    customer.press()
    for headers in ({}, GOOGLE):
        page = app_html((await customer.http.get('/', headers=headers)).text)
        assert words(page).count(said) == 2
        assert len(re.findall('<button [^>]*disabled', page)) == 2
    assert sandbox.requests(CREATE) == []
    sandbox.act('free-times')
    await read_again()
    assert customer.is_usable(0)
    assert customer.is_usable(1)
    assert 'disabled' not in app_html((await customer.http.get('/', headers=GOOGLE)).text)
    await customer.pressed()
    assert len(customer.left_for) == 1


@pytest.mark.parametrize('shop', [False], indirect=True)
async def test_the_form_is_refused_while_nothing_is_free(
    customer: Customer, sandbox: SandboxClient, read_again: ReadAgain
) -> None:
    """A page that was loaded before leads to the alert, with the contact; nothing was charged."""
    sandbox.act('free-times', count=0)
    await read_again()
    answer = await customer.http.post('/checkout', data={'shown': '15000-usd', 'again': ''})
    assert answer.status_code == 303
    assert 'alert=nothing_free' in answer.headers['location']
    page = words(app_html((await customer.http.get(answer.headers['location'])).text))
    assert f'{NOTHING_FREE} You have not been charged. {CONTACT}' in page
    assert sandbox.requests(CREATE) == []


@pytest.mark.parametrize('shop', [False], indirect=True)
async def test_what_is_not_known_is_not_said(
    customer: Customer, sandbox: SandboxClient, read_again: ReadAgain, clock: Clock
) -> None:
    """While Calendly is silent the page keeps the space and says nothing, and the button works."""
    sandbox.act('free-times', count=0)
    await read_again()
    await customer.open('/')
    sandbox.fault(READ, 'fail', status=503, times=None)
    clock.ahead += 10 * MINUTE
    await read_again()
    for text in (customer.text, await cached(customer)):
        assert 'free in the next' not in text
        assert 'Next free' not in text
    assert customer.is_usable()
    assert '<div class="free-times">&nbsp;</div>' in (await customer.http.get('/', headers=GOOGLE)).text


async def test_without_the_scope_no_space_is_kept(
    customer: Customer, sandbox: SandboxClient, read_again: ReadAgain
) -> None:
    """The page looks as if there were no free times to be known."""
    sandbox.act('calendly-token', missing_scopes=['availability:read'])
    await read_again()
    page = (await customer.http.get('/', headers=GOOGLE)).text
    assert page.count('<div class="free-times"></div>') == 2
    assert 'Next free' not in words(app_html(page))
