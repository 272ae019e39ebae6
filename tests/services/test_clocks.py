"""A clock of this machine that is wrong: it is named, and payments go on by Stripe's time."""

from datetime import timedelta

import httpx
import pytest

from services.orders import State
from services.payments.clock import StripeClock
from services.shop import Shop
from tests.sandbox_client import SandboxClient
from tests.services.conftest import Customer

SUNDAY = 'Sun, 06 Nov 1994 08:49:37 GMT'
AT = 784111777.0  # the same in seconds since 1970


@pytest.mark.parametrize(
    ('sent', 'received', 'skew'),
    [
        (AT + 0.2, AT + 0.5, 0),
        (AT - 3, AT + 3, 0),
        (AT - 61, AT - 60, 60),
        (AT - 7200, AT - 7199, 7199),
        (AT + 601, AT + 602, -600),
    ],
)
@pytest.mark.parametrize('date', [SUNDAY, f'Mon, 07 Nov 1994 09:00:00 GMT, {SUNDAY}'])
def test_the_skew_is_what_the_pause_does_not_explain(
    date: str, sent: float, received: float, skew: float
) -> None:
    """Stripe's time lies between the request and the answer, to a second; of two headers the last counts."""
    clock = StripeClock()
    clock.read(date, sent=sent, received=received)
    assert clock.skew == timedelta(seconds=skew)


def test_a_header_that_is_no_date_says_nothing() -> None:
    """The last known difference stays."""
    clock = StripeClock()
    clock.read(SUNDAY, sent=AT - 100, received=AT - 100)
    for date in ('', 'yesterday'):
        clock.read(date, sent=AT, received=AT)
    assert clock.skew == timedelta(seconds=100)


@pytest.mark.parametrize(('ahead', 'words'), [(7200, 'behind'), (-600, 'ahead of')])
async def test_a_wrong_clock_is_named_once(
    shop: Shop,
    sandbox: SandboxClient,
    endpoints: httpx.AsyncClient,
    caplog: pytest.LogCaptureFixture,
    ahead: int,
    words: str,
) -> None:
    """One log line when it begins and one when it ends; the health check names it while it lasts."""
    for _ in range(2):
        await shop.payments.learn_account()
    assert (await endpoints.get('/readyz')).json()['parts']['clock'] == 'ok'
    sandbox.act('clock', ahead=ahead)
    for _ in range(3):
        await shop.payments.learn_account()
    health = await endpoints.get('/readyz')
    assert health.status_code == 200
    assert f'{words} Stripe' in health.json()['parts']['clock']
    (line,) = [record for record in caplog.records if 'clock of this machine' in record.getMessage()]
    assert line.levelname == 'ERROR'
    assert words in line.getMessage()
    assert 'timedatectl' in line.getMessage()
    sandbox.act('clock', ahead=-ahead)
    await shop.payments.learn_account()
    assert 'agrees with Stripe again' in caplog.messages[-1]


@pytest.mark.parametrize('hours', [-30, -4, -0.2, 0.2, 4, 30])
async def test_a_shop_with_a_wrong_clock_sells_and_finds_the_payment(
    customer: Customer, hours: float
) -> None:
    """Minutes, hours or a day off: the session is accepted, and the lists at Stripe are read by its time."""
    customer.sandbox.act('clock', ahead=hours * 3600)
    order = await customer.buy()
    await customer.shop.reconciler.round()
    assert (await customer.order_of(order.session_id or '')).state is State.PAID
