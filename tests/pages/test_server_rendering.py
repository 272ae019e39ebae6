"""Each page shows without script what it shows with it: painted HTML against what Vue is told to mount."""

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
from tests.pages.outline import mounted, painted
from tests.sandbox_client import SandboxClient

REFRESH = re.compile(r'<noscript><meta http-equiv="refresh" content="(\d+)"></noscript>')
SESSION = '/v1/checkout/sessions/*'


@dataclass(frozen=True)
class Stage:
    """What a page is set on: the shop, the sandbox, and a customer's way to and from Stripe."""

    shop: Shop
    sandbox: SandboxClient
    way: Way

    async def act(self, verb: str, **what: object) -> None:
        """Let something happen at Stripe."""
        await asyncio.to_thread(self.sandbox.act, verb, **what)


SetUp = Callable[[Stage], Coroutine[Any, Any, str]]


@pytest.fixture
def stage(shop: Shop, sandbox: SandboxClient, way: Way) -> Stage:
    """A stage in front of a customer."""
    return Stage(shop, sandbox, way)


async def start(stage: Stage) -> str:
    """The landing page, as everybody sees it first."""
    return '/'


async def without_price(stage: Stage) -> str:
    """The landing page while Stripe tells no price."""
    stage.sandbox.fault('GET /v1/prices*', 'fail', status=500, times=None)
    return '/'


async def trouble(stage: Stage) -> str:
    """The landing page after a failed POST of its form."""
    return '/?trouble=payment_unreachable&error=0a1b2c3d'


async def paid_before(stage: Stage) -> str:
    """The landing page that asks whether a second session is meant."""
    return '/?trouble=already_paid&again=1'


async def cancelled(stage: Stage) -> str:
    """The landing page for somebody who came back from Stripe without paying."""
    await stage.way.start()
    return '/?back=1'


async def checking(stage: Stage) -> str:
    """The page of an order of which nothing is known yet."""
    return await stage.way.back(await stage.way.start())


async def processing(stage: Stage) -> str:
    """The page of an order whose bank takes its time."""
    return await stage.way.back(await stage.way.pay(method='bank'))


async def paid(stage: Stage) -> str:
    """The page of a paid order, with its calendar."""
    return await stage.way.arrive(await stage.way.pay())


async def fetching(stage: Stage) -> str:
    """The page of a paid order while Calendly is down."""
    stage.sandbox.fault('* /scheduling_links', 'fail', status=500, times=None)
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
    """The page of an order whose money went back."""
    session_id = await stage.way.pay()
    await stage.act('refund', session=session_id, amount=15000)
    return await stage.way.back(session_id)


async def disputed(stage: Stage) -> str:
    """The page of an order whose payment the bank took back for good."""
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
    without_price: 'Schedule My C&P Coaching Session The connection is gone.',
    trouble: 'We could not reach the payment service. You have not been charged.',
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
async def test_painted_and_mounted_are_one_page(customer: Customer, stage: Stage, set_up: SetUp) -> None:
    """In every state the painted page has the words, and tag by tag what Vue mounts; waiting ones refresh."""
    answer = (await customer.http.get(await set_up(stage))).text
    assert SHOWN[set_up] in words(answer)
    assert painted(answer) == mounted(answer)
    assert bool(REFRESH.search(answer)) is (set_up in WAITING)
    assert '@import' not in answer


async def test_every_control_is_painted(customer: Customer) -> None:
    """The painted landing page has forms that post, buttons that submit, questions that open, and links."""
    lines = painted((await customer.http.get('/')).text)
    assert lines.count('<form action=/checkout class=pay method=post>') == 2
    assert len([line for line in lines if line.startswith('<button') and 'type=submit' in line]) == 2
    assert lines.count('<summary>') == lines.count('<details>') > 3
    assert {'<a href=/terms>', '<a href=/refunds>', '<a href=/privacy>'} <= set(lines)


async def test_the_frame_is_loaded_once(customer: Customer, way: Way) -> None:
    """The calendar's frame is painted inside noscript only; the plain link beside it is for everybody."""
    answer = (await customer.http.get(await way.arrive(await way.pay()))).text
    assert answer.count('<iframe') == answer.count('<noscript><iframe') == 1
    assert 'Open the calendar in a new tab' in words(re.sub(r'<noscript>.*?</noscript>', '', answer))


async def test_coming_back_while_stripe_hangs_asks_again(
    customer: Customer, way: Way, sandbox: SandboxClient
) -> None:
    """Without script the page that does not know yet whether something was paid asks again by itself."""
    await way.start()
    sandbox.fault(f'GET {SESSION}', 'hang', seconds=30, times=None)
    answer = (await customer.http.get('/?back=1')).text
    assert 'If you paid, your payment is safe.' in words(answer)
    assert REFRESH.search(answer)
    sandbox.clear_faults()


async def test_other_pages_are_left_to_the_browser(customer: Customer) -> None:
    """A page without our chrome keeps the framework's style and gets no first paint."""

    @ui.page('/plain')
    def plain() -> None:
        ui.button('Press')

    answer = (await customer.http.get('/plain')).text
    assert '@import' in answer
    assert painted(answer) == []


async def test_a_component_on_a_painted_page_is_told(
    customer: Customer, caplog: pytest.LogCaptureFixture
) -> None:
    """What cannot be painted leaves the whole page to the browser, styled, and the log says what it is."""

    @ui.page('/mixed')
    def mixed() -> None:
        ui.context.client.storage['rendered'] = True
        ui.button('Press')

    answer = await customer.http.get('/mixed')
    assert answer.status_code == 200
    assert painted(answer.text) == []
    assert '@import' in answer.text
    assert 'no first paint of /mixed' in caplog.text
    assert '<q-btn>' in caplog.text
