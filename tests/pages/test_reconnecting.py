"""A page whose client is gone is built again when its browser comes back; NiceGUI still is what we edit."""

import asyncio
import logging
import re
from uuid import uuid4

import nicegui
import pytest
from nicegui import Client

from services.shop import Shop
from tests.pages.conftest import Way, order_at
from tests.pages.customer import Customer
from tests.pages.reconnecting import Shown, forget
from tests.sandbox_client import SandboxClient
from ui.rendering.nicegui_template import POLL_FIRST, RELOAD, SCRIPT_FILE, SCRIPT_PATH, edit_script
from ui.rendering.reconnect import CLIENT_BURST, MAX_CONCURRENT

MISSED = 41  # the message that the browser expects next


async def open_page(customer: Customer, path: str) -> Shown:
    """Load a page, without connecting it."""
    return Shown((await customer.http.get(path)).text)


async def test_an_order_page_is_built_again(customer: Customer, way: Way) -> None:
    """Its client has the same id, the same iframe with the same id, and the browser's message number."""
    shown = await open_page(customer, await way.back(await way.pay()))
    forget()
    await shown.connect(next_message_id=str(MISSED))
    client = Client.instances[shown.client_id]
    rebuilt = [(str(e.id), e.props['src']) for e in client.elements.values() if e.tag == 'iframe']
    assert rebuilt == shown.frames() != []
    assert client.outbox.next_message_id == MISSED
    assert {*client.outbox.updates} >= {int(key) for key in shown.elements} - {_timer(shown)}


async def test_a_browser_keeps_its_frame(customer: Customer, way: Way) -> None:
    """NiceGUI is told to keep the URL that the browser shows."""
    shown = await open_page(customer, await way.back(await way.pay()))
    (frame,) = (e for e in shown.elements.values() if e['tag'] == 'iframe')
    assert frame['preserved_props'] == ['src']
    assert 'preserved_props' in SCRIPT_FILE.read_text()


async def test_the_ids_do_not_depend_on_the_way(customer: Customer, way: Way, sandbox: SandboxClient) -> None:
    """A calendar that came after a notice has the same ids as one that was there at once."""
    session_id = await way.pay()
    path = await way.back(session_id)
    sandbox.fault('POST /shares', 'fail', status=500, times=1)
    sandbox.fault('GET /users/me', 'fail', status=500, times=1)
    await customer.open(path)
    await customer.until(lambda: len(customer.frames) == 1)
    (frame,) = customer.frames
    assert (str(frame.id), frame.props['src']) in (await open_page(customer, path)).frames()


async def test_a_landing_page_is_built_again(customer: Customer) -> None:
    """The landing page with its query, and with the same listeners, so that no button is made anew."""
    shown = await open_page(customer, '/?alert=payment_unreachable&error=0a1b2c3d')
    forget()
    await shown.connect()
    client = Client.instances[shown.client_id]
    before = {key: [each['listener_id'] for each in e.get('events', [])] for key, e in shown.elements.items()}
    after = {str(e.id): [*e._event_listeners] for e in client.elements.values()}
    assert after == before
    assert sum(map(len, before.values())) >= 2
    assert client.request.url.query == 'alert=payment_unreachable&error=0a1b2c3d'


async def test_a_late_browser_gets_everything(customer: Customer) -> None:
    """A client that lacks the messages the browser has missed sends all elements instead of a reload."""
    shown = await open_page(customer, '/')
    await shown.connect(next_message_id=str(MISSED))
    client = Client.instances[shown.client_id]
    assert client.outbox.next_message_id == MISSED
    assert {*client.outbox.updates} == {*client.elements}


@pytest.mark.parametrize(
    'changed',
    [
        {'page': '/terms'},
        {'page': '/order/nothing'},
        {'page': ''},
        {'page': '//['},
        {'origin': 'http://blog.test'},
        {'origin': 'null'},
        {'client_id': 'anything'},
        {'next_message_id': 'x'},
    ],
    ids=str,
)
async def test_nothing_else_is_built(customer: Customer, changed: dict[str, str]) -> None:
    """An unknown page, order or id leaves no client behind."""
    shown = await open_page(customer, '/')
    forget()
    await shown.connect(**changed)
    assert Client.instances == {}


async def test_a_failed_build_is_tried_again(
    customer: Customer,
    way: Way,
    shop: Shop,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """While the ledger cannot be read the connection is closed, not refused: a browser tries again then."""
    shown = await open_page(customer, await way.back(await way.pay()))
    forget()

    async def broken(_token: str) -> None:
        raise OSError('no disk')

    with monkeypatch.context() as patched:
        patched.setattr(shop.fulfilment, 'find', broken)
        assert [message['type'] for message in await shown.connect()] == ['websocket.close']
    assert Client.instances == {}
    assert 'could not be built again' in caplog.text
    await shown.connect()
    assert {*Client.instances} == {shown.client_id}


async def test_many_come_back_at_once(customer: Customer, shop: Shop, way: Way) -> None:
    """All browsers get their pages, more than are built at a time; two sockets of one page share it."""
    path = await way.back(await way.pay())
    pages = [await open_page(customer, path) for _ in range(MAX_CONCURRENT + 5)]
    forget()
    await asyncio.gather(*(page.connect() for page in pages for _again in range(2)))
    assert {*Client.instances} == {page.client_id for page in pages}
    assert (await order_at(shop, path)).opens_calendar


async def test_builds_are_limited(customer: Customer) -> None:
    """One address with invented ids gets some pages; then it is asked to come again, and costs nothing."""
    shown = await open_page(customer, '/')
    forget()
    tries = int(CLIENT_BURST) + 30
    for _ in range(tries):
        await shown.connect(client_id=str(uuid4()))
    assert CLIENT_BURST <= len(Client.instances) <= tries - 10


async def test_a_second_connection_gets_the_whole_page(
    customer: Customer, way: Way, sandbox: SandboxClient
) -> None:
    """A browser that loses its connection during the build does not get a page without calendar."""
    sandbox.fault('POST /shares', 'fail', status=500, times=1)
    shown = await open_page(customer, await way.back(await way.pay()))
    forget()
    sandbox.fault('POST /shares', 'delay', seconds=1, times=1)
    connections = [asyncio.create_task(shown.connect()) for _ in range(2)]
    _, pending = await asyncio.wait(connections, return_when=asyncio.FIRST_COMPLETED)
    frames = [each for each in Client.instances[shown.client_id].elements.values() if each.tag == 'iframe']
    await asyncio.gather(*pending)
    assert len(frames) == 1


async def test_a_browser_that_leaves_at_once_is_no_error(customer: Customer, way: Way) -> None:
    """Its request ends before it is read; the log would have a traceback for each."""
    shown = await open_page(customer, await way.back(await way.pay()))
    assert await shown.leave_at_once() == []


async def test_no_reload_is_left(customer: Customer) -> None:
    """The script that browsers get never reloads a page, in every encoding."""
    for encoding in ('br', 'gzip', 'identity'):
        answer = await customer.http.get(SCRIPT_PATH, headers={'accept-encoding': encoding})
        assert answer.status_code == 200
        assert 'location.reload' not in answer.text
        assert 'createApp' in answer.text
    assert nicegui.__version__ in SCRIPT_PATH


@pytest.mark.parametrize('missing', [RELOAD, POLL_FIRST])
def test_another_script_is_left_alone(caplog: pytest.LogCaptureFixture, missing: str) -> None:
    """A script of another NiceGUI is sent as it is, and the log says what follows from that."""
    script = SCRIPT_FILE.read_text().replace(missing, '', 1)
    with caplog.at_level(logging.ERROR):
        assert edit_script(script) == script
    assert 'pages reload when they cannot connect' in caplog.text


async def test_rocket_loader_leaves_scripts_alone(customer: Customer) -> None:
    """Every script of a page is marked for Cloudflare's loader."""
    answer = (await customer.http.get('/')).text
    scripts = re.findall(r'<script\b[^>]*>', answer)
    assert len([each for each in scripts if 'data-cfasync="false"' in each]) == len(scripts) - 1 > 5


def _timer(shown: Shown) -> int:
    (number,) = (int(key) for key, e in shown.elements.items() if e['tag'] == 'nicegui-timer')
    return number
