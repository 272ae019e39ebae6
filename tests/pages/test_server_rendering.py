"""Each page shows without script what it shows with it: rendered HTML against what Vue mounts."""

import asyncio
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import pytest
from nicegui import ui

from services.orders import Cause
from services.scheduling import BookingUpdate
from services.shop import Shop
from tests.factories import BOOKING
from tests.pages.conftest import Way, order_at
from tests.pages.customer import Customer, words
from tests.pages.outline import mounted, rendered
from tests.sandbox_client import SandboxClient

REFRESH = re.compile(r'<noscript><meta http-equiv="refresh" content="(\d+)"></noscript>')
SESSION = '/v1/checkout/sessions/*'


@dataclass(frozen=True)
class Stage:
    """What a test prepares a page with: the shop, the sandbox, and the payment steps of a customer."""

    shop: Shop
    sandbox: SandboxClient
    way: Way

    async def act(self, action: str, **what: object) -> None:
        """Do something at Stripe."""
        await asyncio.to_thread(self.sandbox.act, action, **what)


SetUp = Callable[[Stage], Coroutine[Any, Any, str]]


@pytest.fixture
def stage(shop: Shop, sandbox: SandboxClient, way: Way) -> Stage:
    """The shop, the sandbox and the payment steps."""
    return Stage(shop, sandbox, way)


async def start(stage: Stage) -> str:
    """The landing page."""
    return '/'


async def without_price(stage: Stage) -> str:
    """The landing page while Stripe returns no price."""
    stage.sandbox.fault('GET /v1/prices*', 'fail', status=500, times=None)
    return '/'


async def alert(stage: Stage) -> str:
    """The landing page after a failed POST of its form."""
    return '/?alert=payment_unreachable&error=0a1b2c3d'


async def paid_before(stage: Stage) -> str:
    """The landing page that asks whether a second session is meant."""
    return '/?alert=already_paid&again=1'


async def cancelled(stage: Stage) -> str:
    """The landing page for somebody who came back from Stripe without paying."""
    await stage.way.start()
    return '/?back=1'


async def checking(stage: Stage) -> str:
    """The page of an order whose payment is not known yet."""
    return await stage.way.back(await stage.way.start())


async def processing(stage: Stage) -> str:
    """The page of an order whose bank payment is processing."""
    return await stage.way.back(await stage.way.pay(method='bank'))


async def paid(stage: Stage) -> str:
    """The page of a paid order, with its calendar."""
    return await stage.way.arrive(await stage.way.pay())


async def fetching(stage: Stage) -> str:
    """The page of a paid order while Calendly is down."""
    stage.sandbox.fault('POST /shares', 'fail', status=500, times=None)
    stage.sandbox.fault('GET /users/me', 'fail', status=500, times=None)
    return await stage.way.back(await stage.way.pay())


async def booked(stage: Stage) -> str:
    """The page of an order with a meeting."""
    path = await stage.way.back(await stage.way.pay())
    order = await order_at(stage.shop, path)
    await stage.shop.bookings.record(BookingUpdate(BOOKING, order.booking_key), because=Cause.WEBHOOK)
    return path


async def expired(stage: Stage) -> str:
    """The page of an order that was never paid."""
    session_id = await stage.way.start()
    await stage.act('expire', session=session_id)
    return await stage.way.back(session_id)


async def refunded(stage: Stage) -> str:
    """The page of a refunded order."""
    session_id = await stage.way.pay()
    await stage.act('refund', session=session_id, amount=15000)
    return await stage.way.back(session_id)


async def disputed(stage: Stage) -> str:
    """The page of an order whose dispute was lost."""
    session_id = await stage.way.pay()
    await stage.act('dispute', session=session_id, status='open')
    await stage.act('dispute', session=session_id, status='lost')
    return await stage.way.back(session_id)


async def broken(stage: Stage) -> str:
    """A page of ours with a bug in it."""

    @ui.page('/breaking')
    async def breaking() -> None:
        raise RuntimeError('secret text')

    return '/breaking'


SHOWN: dict[SetUp, str] = {
    start: 'Schedule My C&P Coaching Session - $150',
    without_price: 'Schedule My C&P Coaching Session The connection is lost.',
    alert: 'We could not reach the payment service. You have not been charged.',
    paid_before: 'press the button once more',
    cancelled: 'No charge was made.',
    checking: 'Checking your payment…',
    processing: 'Your payment is under way',
    paid: 'Nothing to see here? Open the calendar in a new tab',
    fetching: 'We are fetching the calendar',
    booked: 'Choose another time',
    expired: 'You were not charged for this order.',
    refunded: 'This order was refunded',
    disputed: 'The payment was taken back',
    broken: 'Something went wrong on our side',
}
WAITING = {checking, processing, fetching}


@pytest.mark.parametrize('set_up', SHOWN, ids=lambda set_up: set_up.__name__)
async def test_rendered_and_mounted_are_the_same(customer: Customer, stage: Stage, set_up: SetUp) -> None:
    """In every state the rendered page has the words, and tag by tag what Vue mounts; waiting ones reload."""
    answer = (await customer.http.get(await set_up(stage))).text
    assert SHOWN[set_up] in words(answer)
    assert rendered(answer) == mounted(answer)
    assert bool(REFRESH.search(answer)) is (set_up in WAITING)
    assert '@import' not in answer


async def test_every_control_is_rendered(customer: Customer) -> None:
    """The rendered landing page has forms that post, submit buttons, questions that open, and links."""
    lines = rendered((await customer.http.get('/')).text)
    assert lines.count('<form action=/checkout class=pay method=post>') == 2
    assert len([line for line in lines if line.startswith('<button') and 'type=submit' in line]) == 2
    assert lines.count('<summary>') == lines.count('<details>') > 3
    assert {'<a href=/terms>', '<a href=/refunds>', '<a href=/privacy>'} <= set(lines)


async def test_the_iframe_is_loaded_once(customer: Customer, way: Way) -> None:
    """The calendar's iframe is rendered inside noscript only; the plain link is for all browsers."""
    answer = (await customer.http.get(await way.arrive(await way.pay()))).text
    assert answer.count('<iframe') == answer.count('<noscript><iframe') == 1
    assert 'Open the calendar in a new tab' in words(re.sub(r'<noscript>.*?</noscript>', '', answer))


async def test_a_return_while_stripe_hangs_reloads(
    customer: Customer, way: Way, sandbox: SandboxClient
) -> None:
    """Without script the page reloads by itself while the payment is unknown."""
    await way.start()
    sandbox.fault(f'GET {SESSION}', 'hang', seconds=30, times=None)
    answer = (await customer.http.get('/?back=1')).text
    assert 'If you paid, your payment is safe.' in words(answer)
    assert REFRESH.search(answer)
    sandbox.clear_faults()


async def test_other_pages_are_not_rendered(customer: Customer) -> None:
    """A page without our layout keeps NiceGUI's style sheets and is not rendered on the server."""

    @ui.page('/plain')
    def plain() -> None:
        ui.button('Press')

    answer = (await customer.http.get('/plain')).text
    assert '@import' in answer
    assert rendered(answer) == []


async def test_a_component_is_logged(customer: Customer, caplog: pytest.LogCaptureFixture) -> None:
    """A page with a component is rendered in the browser, with styles, and the log names the component."""

    @ui.page('/mixed')
    def mixed() -> None:
        ui.context.client.storage['rendered'] = True
        ui.button('Press')

    answer = await customer.http.get('/mixed')
    assert answer.status_code == 200
    assert rendered(answer.text) == []
    assert '@import' in answer.text
    assert '/mixed cannot be rendered on the server' in caplog.text
    assert '<q-btn>' in caplog.text
