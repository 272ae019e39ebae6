"""Load shedding: the landing page from memory, without script, at the current price, still sells."""

import asyncio
import gzip
import re
import time
from collections.abc import Callable

import brotli
import httpx
import pytest
from nicegui import Client, app, ui

from services.errors import AlreadyPaid, PaymentUnreachable
from services.shop import Shop
from tests.pages.customer import Customer, policy, words
from tests.pages.outline import app_html
from tests.sandbox_client import SandboxClient
from ui.middleware.load_shedding import (
    BUILD_BURST,
    BUILD_RATE,
    CONNECT_TIMEOUT,
    DELETE_ABOVE,
    MAX_CONCURRENT,
    MAX_UNCONNECTED,
    RECOUNT_AFTER,
    RESERVE,
    LoadShedder,
    delete_unconnected_pages,
)
from ui.pages import landing

GOOGLE = {'user-agent': 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)'}
PHONE = {
    'user-agent': 'Mozilla/5.0 (Linux; Android 14; CUBOT X70) AppleWebKit/537.36 Chrome/156.0 Safari/537.36'
}


def is_cached(answer: httpx.Response) -> bool:
    """Whether a response came from memory; it is a page in any case."""
    assert answer.status_code == 200
    assert '<h1' in answer.text
    return '/_nicegui/' not in answer.text


async def cached(customer: Customer, query: str = '') -> httpx.Response:
    """Request the cached page."""
    answer = await customer.http.get(f'/{query}', headers=GOOGLE)
    assert is_cached(answer)
    return answer


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time in seconds."""
        return self.now


@pytest.fixture
def clock(customer: Customer, shop: Shop) -> Clock:
    """Put the pages behind a load shedder with this clock."""
    clock = Clock()
    assert app.middleware_stack
    app.middleware_stack = LoadShedder(app.middleware_stack, shop, clock=clock)
    return clock


@pytest.fixture(autouse=True)
async def _known_free_times(customer: Customer, shop: Shop) -> None:
    """Wait until the free times are known, so that two pages of one test show the same."""
    await customer.until(lambda: shop.calendar_watch.was_checked)


async def exhaust(customer: Customer, query: str = '') -> int:
    """Open the landing page until it comes from memory; returns how many pages were built."""
    for built in range(int(BUILD_BURST) + 1):
        if is_cached(await customer.http.get(f'/{query}')):
            return built
    raise AssertionError('no page came from memory')


async def test_the_cached_page_reads_like_the_built_one(customer: Customer) -> None:
    """Text, title and meta tags of the cached page are those of the built page."""
    built, from_memory = await customer.http.get('/'), await cached(customer)
    assert words(app_html(from_memory.text)) == words(app_html(built.text))
    assert re.findall('<title>.*</title>', from_memory.text) == re.findall('<title>.*</title>', built.text)
    for part in (
        '<meta name="description"',
        '<link rel="canonical"',
        'application/ld+json',
        'rel="preconnect"',
    ):
        assert part in from_memory.text


async def test_the_cached_page_has_no_script(customer: Customer) -> None:
    """It has no script and its policy allows none; the form may lead to Stripe as on the built page."""
    answer = await cached(customer)
    assert [tag for tag in re.findall('<script[^>]*>', answer.text) if 'application/ld+json' not in tag] == []
    assert 'script-src' not in policy(answer)
    assert policy(answer)['default-src'] == ["'none'"]
    assert policy(answer)['form-action'] == policy(await customer.http.get('/'))['form-action']
    assert answer.headers['cache-control'] == 'no-store'


async def test_the_cached_page_sells(customer: Customer, sandbox: SandboxClient) -> None:
    """Its form, posted with the cookie that came with it, leads to the payment page."""
    customer.http.cookies.clear()
    answer = await cached(customer)
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)"(?: value="([^"]*)")?', answer.text))
    assert fields == {'shown': '15000-usd', 'again': ''}
    assert answer.cookies['paidslot_browser']
    left = await customer.http.post('/checkout', data=fields)
    assert left.status_code == 303
    assert left.headers['location'].startswith(sandbox.base)


async def test_nothing_of_one_browser_reaches_another(customer: Customer) -> None:
    """Each browser gets or keeps its own cookie; the rest of the response is the same for all."""
    customer.http.cookies.clear()
    first = await cached(customer)
    mine = first.cookies['paidslot_browser']
    again = await cached(customer)
    customer.http.cookies.clear()
    other = await cached(customer)
    assert again.cookies['paidslot_browser'] == mine
    assert other.cookies['paidslot_browser'] != mine
    assert first.content == again.content == other.content
    assert mine not in first.text


async def test_above_the_rate(customer: Customer, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """A burst is built; further requests are answered from memory, build nothing, and log one line."""
    assert await exhaust(customer) == BUILD_BURST - RESERVE
    clients = len(Client.instances)
    assert all([is_cached(await customer.http.get('/')) for _ in range(20)])
    assert len(Client.instances) == clients
    assert [record.message for record in caplog.records if 'load shedding' in record.message] == [
        'load shedding: the landing page is answered from memory for now'
    ]


async def test_pages_are_built_again_later(customer: Customer, clock: Clock) -> None:
    """As time passes pages are built again, at the rate."""
    await exhaust(customer)
    clock.now += 3.1 / BUILD_RATE
    assert await exhaust(customer) == 3


async def test_the_reserve_is_for_alerts(customer: Customer, clock: Clock) -> None:
    """When the rate is used up, a customer who comes to an alert still gets a built page."""
    await exhaust(customer)
    answer = await customer.http.get('/', params={'alert': PaymentUnreachable.code, 'error': '0123abcd'})
    assert not is_cached(answer)
    assert PaymentUnreachable.words in words(app_html(answer.text))
    assert 'Error 0123abcd' in words(app_html(answer.text))


async def test_concurrent_builds_are_limited(customer: Customer, clock: Clock) -> None:
    """Only so many pages are built at once, however slow the machine; all requests are answered."""
    answers = await asyncio.gather(*(customer.http.get('/') for _ in range(MAX_CONCURRENT + 5)))
    assert sum(is_cached(answer) for answer in answers) == 5


async def test_unconnected_pages_are_limited(customer: Customer, clock: Clock) -> None:
    """With too many unconnected pages the landing page comes from memory until there are fewer."""
    idle = [Client(ui.page('/')) for _ in range(MAX_UNCONNECTED)]
    assert is_cached(await customer.http.get('/'))
    idle.pop().delete()
    clock.now += RECOUNT_AFTER
    assert not is_cached(await customer.http.get('/'))


async def test_connected_pages_do_not_count(customer: Customer, clock: Clock) -> None:
    """However many pages are connected, the next customer gets a built page."""
    for _ in range(MAX_UNCONNECTED):
        Client(ui.page('/')).environ = {}
    assert not is_cached(await customer.http.get('/'))


async def test_old_unconnected_pages_are_deleted(customer: Customer) -> None:
    """Of too many unconnected pages the oldest are deleted, except those that may still connect."""
    old, young = ([Client(ui.page('/order/1')) for _ in range(DELETE_ABOVE // 2 + 5)] for _ in range(2))
    for client in old:
        client.created -= CONNECT_TIMEOUT
    connected = Client(ui.page('/order/1'))
    connected.environ, connected.created = {}, 0
    delete_unconnected_pages()
    assert [client.is_deleted for client in old] == [True] * 10 + [False] * (len(old) - 10)
    assert not connected.is_deleted
    for client in old:
        client.created = time.time()
    young += [Client(ui.page('/order/1')) for _ in range(50)]
    delete_unconnected_pages()
    assert not any(client.is_deleted for client in young)


@pytest.mark.parametrize('kind', [PaymentUnreachable, AlreadyPaid])
async def test_alerts_are_shown_from_memory(
    customer: Customer, kind: type[PaymentUnreachable] | type[AlreadyPaid]
) -> None:
    """The cached page shows the alert of its URL, and a customer who may pay again can do so."""
    answer = await cached(customer, f'?alert={kind.code}&error=0123abcd')
    assert kind.words in words(app_html(answer.text))
    assert ('name="again" value="1"' in answer.text) is (kind is AlreadyPaid)
    assert kind.words not in (await cached(customer)).text


async def test_the_return_is_answered_from_memory(customer: Customer) -> None:
    """A customer who returned from Stripe reads nothing that is not known."""
    assert landing.UNKNOWN in words((await cached(customer, '?back=1')).text)


@pytest.mark.parametrize('query', ['?alert=%3Cscript%3E', '?alert=x&back', '?' + 'x' * 5000])
async def test_a_url_cannot_fill_the_memory(customer: Customer, query: str) -> None:
    """Whatever a URL holds, the number of cached pages is limited, and its text is not repeated."""
    answer = await cached(customer, query)
    assert '%3C' not in answer.text
    assert words(app_html(answer.text)) in {
        words(app_html((await cached(customer)).text)),
        words(app_html((await cached(customer, '?back=1')).text)),
    }


async def test_another_price_is_shown(customer: Customer, shop: Shop, sandbox: SandboxClient) -> None:
    """The cached page shows the current price."""
    assert '$150' in (await cached(customer)).text
    sandbox.act('price', amount=17500)
    shop.catalog.forget_price()
    assert '$175' in (await cached(customer)).text


async def test_head(customer: Customer) -> None:
    """HEAD is answered from memory like GET, without a body, and builds nothing."""
    before = len(Client.instances)
    answer = await customer.http.head('/', headers={'accept-encoding': 'gzip'})
    assert answer.content == b''
    assert answer.headers['content-length'] == str(len(await raw(customer, 'gzip')))
    assert len(Client.instances) == before


@pytest.mark.parametrize(('encoding', 'unpack'), [('gzip', gzip.decompress), ('gzip, br', brotli.decompress)])
async def test_encodings(customer: Customer, encoding: str, unpack: Callable[[bytes], bytes]) -> None:
    """It is cached compressed as well."""
    assert unpack(await raw(customer, encoding)) == await raw(customer, 'identity')


async def test_a_phone_is_no_crawler(customer: Customer) -> None:
    """A phone whose model name contains "bot" gets a built page."""
    assert not is_cached(await customer.http.get('/', headers=PHONE))


async def test_guessing_orders_costs_no_memory(customer: Customer) -> None:
    """A request for an order that does not exist leaves no page in memory."""
    before = len(Client.instances)
    for number in range(5):
        assert (await customer.http.get(f'/order/{number}')).status_code == 404
    assert len(Client.instances) == before


async def raw(customer: Customer, encoding: str) -> bytes:
    """Request the cached page; return its bytes as they were sent."""
    headers = {**GOOGLE, 'accept-encoding': encoding}
    async with customer.http.stream('GET', '/', headers=headers) as answer:
        return b''.join([part async for part in answer.aiter_raw()])
