"""A crowd meets a page that sells: from memory, without script, at the price of now, and nobody else's."""

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
from tests.pages.outline import place
from tests.sandbox_client import SandboxClient
from ui.middleware.load_shedding import (
    AT_ONCE,
    BUILDS,
    BURST,
    COUNTED,
    SLOW_PHONE,
    SPARED,
    TOO_MANY,
    WAITING,
    LoadShedder,
    drop_unconnected_pages,
)
from ui.pages import landing

GOOGLE = {'user-agent': 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)'}
PHONE = {
    'user-agent': 'Mozilla/5.0 (Linux; Android 14; CUBOT X70) AppleWebKit/537.36 Chrome/156.0 Safari/537.36'
}


def is_kept(answer: httpx.Response) -> bool:
    """Whether an answer came from memory; it is a page in any case."""
    assert answer.status_code == 200
    assert '<h1' in answer.text
    return '/_nicegui/' not in answer.text


async def kept(customer: Customer, query: str = '') -> httpx.Response:
    """The kept page."""
    answer = await customer.http.get(f'/{query}', headers=GOOGLE)
    assert is_kept(answer)
    return answer


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(customer: Customer, shop: Shop) -> Clock:
    """Put the pages behind a budget that this clock fills."""
    clock = Clock()
    assert app.middleware_stack
    app.middleware_stack = LoadShedder(app.middleware_stack, shop, clock=clock)
    return clock


async def exhaust(customer: Customer, query: str = '') -> int:
    """Open the landing page until it comes from memory; returns how many pages were built."""
    for built in range(int(BURST) + 1):
        if is_kept(await customer.http.get(f'/{query}')):
            return built
    raise AssertionError('no page came from memory')


async def test_the_kept_page_is_the_page(customer: Customer) -> None:
    """What can be read on the kept page is what can be read on the built one, head and all."""
    built, from_memory = await customer.http.get('/'), await kept(customer)
    assert words(place(from_memory.text)) == words(place(built.text))
    assert re.findall('<title>.*</title>', from_memory.text) == re.findall('<title>.*</title>', built.text)
    for part in (
        '<meta name="description"',
        '<link rel="canonical"',
        'application/ld+json',
        'rel="preconnect"',
    ):
        assert part in from_memory.text


async def test_the_kept_page_has_no_script(customer: Customer) -> None:
    """Nothing on it runs, and its policy does not let anything run; the form may go to Stripe as ever."""
    answer = await kept(customer)
    assert [tag for tag in re.findall('<script[^>]*>', answer.text) if 'application/ld+json' not in tag] == []
    assert 'script-src' not in policy(answer)
    assert policy(answer)['default-src'] == ["'none'"]
    assert policy(answer)['form-action'] == policy(await customer.http.get('/'))['form-action']
    assert answer.headers['cache-control'] == 'no-store'


async def test_the_kept_page_sells(customer: Customer, sandbox: SandboxClient) -> None:
    """Its form, posted as a browser would with the cookie it came with, leads to the payment page."""
    customer.http.cookies.clear()
    answer = await kept(customer)
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)"(?: value="([^"]*)")?', answer.text))
    assert fields == {'shown': '15000-usd', 'again': ''}
    assert answer.cookies['paidslot_browser']
    left = await customer.http.post('/checkout', data=fields)
    assert left.status_code == 303
    assert left.headers['location'].startswith(sandbox.base)


async def test_nothing_of_one_visitor_reaches_another(customer: Customer) -> None:
    """Each gets a cookie of their own, who has one keeps it, and all the rest is the same for everybody."""
    customer.http.cookies.clear()
    first = await kept(customer)
    mine = first.cookies['paidslot_browser']
    again = await kept(customer)
    customer.http.cookies.clear()
    other = await kept(customer)
    assert again.cookies['paidslot_browser'] == mine
    assert other.cookies['paidslot_browser'] != mine
    assert first.content == again.content == other.content
    assert mine not in first.text


async def test_above_the_budget(customer: Customer, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """A burst is built; what is beyond comes from memory, costs none, and is one line in the log."""
    assert await exhaust(customer) == BURST - SPARED
    clients = len(Client.instances)
    assert all([is_kept(await customer.http.get('/')) for _ in range(20)])
    assert len(Client.instances) == clients
    assert [record.message for record in caplog.records if 'crowd' in record.message] == [
        'a crowd: the landing page is answered from memory for now'
    ]


async def test_after_the_crowd(customer: Customer, clock: Clock) -> None:
    """A moment later pages are built again, as many as the moment was long."""
    await exhaust(customer)
    clock.now += 3.1 / BUILDS
    assert await exhaust(customer) == 3


async def test_who_comes_back_is_spared(customer: Customer, clock: Clock) -> None:
    """When a crowd has used what there is, somebody in trouble still gets a page that is drawn for them."""
    await exhaust(customer)
    answer = await customer.http.get('/', params={'trouble': PaymentUnreachable.code, 'error': '0123abcd'})
    assert not is_kept(answer)
    assert PaymentUnreachable.words in words(place(answer.text))
    assert 'Error 0123abcd' in words(place(answer.text))


async def test_many_at_the_same_time(customer: Customer, clock: Clock) -> None:
    """Only so many pages are under construction at once, however slow the machine; all are answered."""
    answers = await asyncio.gather(*(customer.http.get('/') for _ in range(AT_ONCE + 5)))
    assert sum(is_kept(answer) for answer in answers) == 5


async def test_too_many_who_never_connect(customer: Customer, clock: Clock) -> None:
    """Where pages wait for browsers that never come, the next ones come from memory until these are gone."""
    idle = [Client(ui.page('/')) for _ in range(WAITING)]
    assert is_kept(await customer.http.get('/'))
    idle.pop().delete()
    clock.now += COUNTED
    assert not is_kept(await customer.http.get('/'))


async def test_connected_customers_are_no_crowd(customer: Customer, clock: Clock) -> None:
    """However many customers are connected, the next one gets a page that is alive."""
    for _ in range(WAITING):
        Client(ui.page('/')).environ = {}
    assert not is_kept(await customer.http.get('/'))


async def test_relief(customer: Customer) -> None:
    """Of too many pages that wait the oldest are given up, not those whose browser may be on its way."""
    old, young = ([Client(ui.page('/order/1')) for _ in range(TOO_MANY // 2 + 5)] for _ in range(2))
    for client in old:
        client.created -= SLOW_PHONE
    connected = Client(ui.page('/order/1'))
    connected.environ, connected.created = {}, 0
    drop_unconnected_pages()
    assert [client.is_deleted for client in old] == [True] * 10 + [False] * (len(old) - 10)
    assert not connected.is_deleted
    for client in old:
        client.created = time.time()
    young += [Client(ui.page('/order/1')) for _ in range(50)]
    drop_unconnected_pages()
    assert not any(client.is_deleted for client in young)


@pytest.mark.parametrize('kind', [PaymentUnreachable, AlreadyPaid])
async def test_trouble_is_told_from_memory(
    customer: Customer, kind: type[PaymentUnreachable] | type[AlreadyPaid]
) -> None:
    """The kept page has the alert of its address, and a customer who may pay again can do so."""
    answer = await kept(customer, f'?trouble={kind.code}&error=0123abcd')
    assert kind.words in words(place(answer.text))
    assert ('name="again" value="1"' in answer.text) is (kind is AlreadyPaid)
    assert kind.words not in (await kept(customer)).text


async def test_coming_back_is_answered_from_memory(customer: Customer) -> None:
    """Somebody who came back from Stripe is told nothing that is not known."""
    assert landing.UNCLEAR in words((await kept(customer, '?back=1')).text)


@pytest.mark.parametrize('query', ['?trouble=%3Cscript%3E', '?trouble=x&back', '?' + 'x' * 5000])
async def test_an_address_cannot_fill_the_memory(customer: Customer, query: str) -> None:
    """Whatever stands in an address, there are only so many kept pages, and it is not repeated."""
    answer = await kept(customer, query)
    assert '%3C' not in answer.text
    assert words(place(answer.text)) in {
        words(place((await kept(customer)).text)),
        words(place((await kept(customer, '?back=1')).text)),
    }


async def test_another_price_is_shown(customer: Customer, shop: Shop, sandbox: SandboxClient) -> None:
    """The kept page says the price that is known now."""
    assert '$150' in (await kept(customer)).text
    sandbox.act('price', amount=17500)
    shop.catalog.forget_price()
    assert '$175' in (await kept(customer)).text


async def test_head(customer: Customer) -> None:
    """HEAD is answered like GET from memory, without the body, and builds nothing."""
    before = len(Client.instances)
    answer = await customer.http.head('/', headers={'accept-encoding': 'gzip'})
    assert answer.content == b''
    assert answer.headers['content-length'] == str(len(await raw(customer, 'gzip')))
    assert len(Client.instances) == before


@pytest.mark.parametrize(('encoding', 'unpack'), [('gzip', gzip.decompress), ('gzip, br', brotli.decompress)])
async def test_encodings(customer: Customer, encoding: str, unpack: Callable[[bytes], bytes]) -> None:
    """It is kept compressed as well."""
    assert unpack(await raw(customer, encoding)) == await raw(customer, 'identity')


async def test_a_phone_is_no_crawler(customer: Customer) -> None:
    """A telephone whose maker has bot in its name gets the page that is alive."""
    assert not is_kept(await customer.http.get('/', headers=PHONE))


async def test_guessing_orders_costs_no_memory(customer: Customer) -> None:
    """A page for an order that does not exist leaves nothing behind."""
    before = len(Client.instances)
    for number in range(5):
        assert (await customer.http.get(f'/order/{number}')).status_code == 404
    assert len(Client.instances) == before


async def raw(customer: Customer, encoding: str) -> bytes:
    """The kept page's bytes as they travelled."""
    headers = {**GOOGLE, 'accept-encoding': encoding}
    async with customer.http.stream('GET', '/', headers=headers) as answer:
        return b''.join([part async for part in answer.aiter_raw()])
