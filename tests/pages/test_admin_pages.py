"""The pages of the admin in every state: nothing yet, orders, what needs a hand, texts from outside."""

import asyncio
import html
import re
from urllib.parse import quote

import pytest
from markupsafe import Markup
from nicegui import Client, ui

from services.orders import Cause, Order
from services.shop import Shop
from tests.pages.admin import PASSWORD, Operator
from tests.pages.conftest import Way, order_at
from tests.pages.customer import Customer, words
from tests.pages.outline import app_html
from tests.pages.reconnecting import Shown, forget
from tests.sandbox_client import SandboxClient
from ui.admin.live import Entry, LiveList
from ui.components.builder import h

HOSTILE = '<img src=x onerror=alert(1)>"\'</script>'
KEY = re.compile(r'name="key" value="([^"]+)"')


@pytest.fixture
def settings_env(settings_env: dict[str, str]) -> dict[str, str]:
    """Return the settings of a shop with an admin."""
    return settings_env | {'ADMIN_PASSWORD': PASSWORD}


async def paid_order(shop: Shop, way: Way, **how: str) -> Order:
    """Have a customer pay and come back; returns the order."""
    return await order_at(shop, await way.arrive(await way.pay(**how)))


async def read(operator: Operator, path: str) -> str:
    """Return the words of a page."""
    page = await operator.get(path)
    assert page.status_code == 200, page.text
    return words(page.text)


async def test_an_empty_shop(operator: Operator) -> None:
    """A shop that nobody has looked at yet says so in each place, and draws no chart."""
    overview = await read(operator, '/admin')
    assert 'No meeting today or tomorrow.' in overview
    assert 'No payment yet.' in overview
    assert 'The chart appears with the first payment.' in overview
    assert 'Nobody is looking at the shop now' in overview
    assert 'No order yet.' in await read(operator, '/admin/orders')
    assert 'No order is like that.' in await read(operator, '/admin/orders?q=nobody&state=paid')


async def test_a_reference_that_nobody_has(operator: Operator) -> None:
    """Without an order there is a page that says so, with status 404, for the evidence too."""
    for path in ('', '/evidence', '/evidence.json'):
        page = await operator.get(f'/admin/orders/ABCD-2345{path}')
        assert page.status_code == 404
        assert 'There is no order with the reference ABCD-2345.' in words(page.text)


async def test_an_order_is_found_and_opened(operator: Operator, shop: Shop, way: Way) -> None:
    """An e-mail address leads to the list of its orders, and from there to all that is known of one."""
    order = await paid_order(shop, way, email='ann@example.com', name='Ann Smith')

    listed = await operator.get('/admin/orders?q=ANN@example.com')
    assert f'href="/admin/orders/{order.reference}"' in app_html(listed.text)  # without script too
    assert 'Ann Smith' in words(listed.text)
    page = await read(operator, f'/admin/orders/{order.reference}')
    assert 'Paid $150 on' in page
    assert 'What happened' in page
    assert (
        shop.settings.domain + f'/order/{order.token}'
        in (await operator.get(f'/admin/orders/{order.reference}')).text
    )
    for action in ('Mail or copy the link', 'Refund, in full or in part', 'Write a note', 'Evidence'):
        assert action in page


async def test_an_order_that_is_not_paid(operator: Operator, shop: Shop, way: Way) -> None:
    """There is nothing to refund, and no evidence of a payment."""
    session_id = await way.start()
    order = await shop.ledger.orders.find(session_id=session_id)
    assert order
    page = await read(operator, f'/admin/orders/{order.reference}')
    assert 'Refund' not in page
    assert 'Evidence' not in page
    assert 'Write a note' in page


async def test_what_needs_a_hand_is_put_away(
    operator: Operator, shop: Shop, way: Way, sandbox: SandboxClient
) -> None:
    """A dispute stands on top until the operator says that it is done; the journal keeps the note."""
    order = await paid_order(shop, way)
    await asyncio.to_thread(sandbox.act, 'dispute', session=order.session_id)
    order = await shop.fulfilment.check(order, because=Cause.RECONCILER) or order

    page = await operator.get('/admin')
    keys = [key for key in KEY.findall(page.text) if order.id in key]
    assert len(keys) == 1, words(page.text)
    assert f'/admin/orders/{order.reference}' in page.text
    answer = await operator.post('/admin/attention', key=keys[0], note='answered it', until='done')
    assert (answer.status_code, answer.headers['location']) == (303, '/admin')
    assert keys[0] not in (await operator.get('/admin')).text
    assert 'answered it' in await read(operator, f'/admin/orders/{order.reference}')

    away = await operator.get('/admin/attention')
    assert 'answered it' in words(away.text)
    await operator.post('/admin/attention/bring-back', key=html.unescape(KEY.findall(away.text)[0]))
    assert 'Nothing is put away.' in await read(operator, '/admin/attention')
    assert keys[0] in (await operator.get('/admin')).text


@pytest.mark.parametrize('until', ['', '365', 'never'])
async def test_a_form_that_is_not_ours(operator: Operator, until: str) -> None:
    """An item that is not known, or another time than the offered ones, changes nothing."""
    answer = await operator.post('/admin/attention', key='dispute.nothing~1', note='x', until=until)
    assert answer.status_code == 400


async def test_texts_from_outside(operator: Operator, shop: Shop, way: Way) -> None:
    """Names and notes are text on every page, whatever is in them."""
    order = await paid_order(shop, way, name=HOSTILE, email='evil@example.com')
    noted = await operator.post(f'/admin/orders/{order.reference}/note', text=f'note {HOSTILE}', form='1')
    assert noted.headers['location'].endswith('result=noted')

    one = f'/admin/orders/{order.reference}'
    for path in ('/admin', '/admin/orders', f'/admin/orders?q={quote(HOSTILE)}', one, f'{one}/evidence'):
        page = await operator.get(path)
        assert page.status_code == 200
        assert '<img' not in page.text, path
        assert '</script>"' not in page.text, path
    assert HOSTILE in words((await operator.get(one)).text)


@pytest.mark.parametrize('query', ['do=refund', 'do=<script>', 'result=noted', 'result=<b>', 'do=cancel'])
async def test_what_a_url_may_say(operator: Operator, shop: Shop, way: Way, query: str) -> None:
    """A URL opens a form or shows a known result, and puts no text of its own onto the page."""
    order = await paid_order(shop, way)
    page = await operator.get(f'/admin/orders/{order.reference}?{query}')
    assert page.status_code == 200
    assert ('id="refund" open' in page.text) == (query == 'do=refund')
    assert ('The note is in the journal.' in page.text) == (query == 'result=noted')
    assert '<b>' not in page.text


async def test_a_list_keeps_what_it_shows(customer: Customer) -> None:
    """An entry that stays keeps its elements and its form; others come, go and change places around it."""
    with Client(ui.page('/list')):
        shown = LiveList(class_='items')
        built: list[str] = []

        def entry(key: str, text: str, depends_on: object = None) -> Entry:
            def controls() -> Markup:
                built.append(key)
                return h('button', key)

            return Entry(key, h('p', text), controls, controls_for=depends_on)

        shown.show([entry('a', 'one'), entry('b', 'two')])
        before = [*shown.element.default_slot.children]
        shown.show([entry('c', 'new'), entry('b', 'changed'), entry('a', 'one')])
        after = [*shown.element.default_slot.children]
        assert after[1:] == before[::-1]
        assert built == ['a', 'b', 'c']
        shown.show([entry('b', 'changed', depends_on='the amount')])
        assert shown.element.default_slot.children == [before[1]]
        assert built == ['a', 'b', 'c', 'b']
        for controls in (None, lambda: h('button', 'again')):
            shown.show([Entry('b', h('p', 'over'), controls)])
            assert len(before[1].default_slot.children) == 1 + bool(controls)


async def test_a_page_after_a_restart(operator: Operator) -> None:
    """Its browser is told to load the URL again, with the cookie, and keeps what it shows until then."""
    shown = Shown((await operator.get('/admin/orders?q=ann')).text)
    forget()
    await shown.connect(next_message_id='41')
    outbox = Client.instances[shown.client_id].outbox
    assert [(kind, data['path']) for _, kind, data in outbox.messages] == [('open', '/admin/orders?q=ann')]
    assert outbox.next_message_id == 41
    assert not outbox.updates
