"""Free times: one request a minute however many ask; silence is no news; no sale where none is free."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services import availability as module
from services.availability import KNOWN_FOR, Availability
from services.errors import AlreadyPaid, NothingFree
from services.orders import Cause
from services.settings import parse_settings
from services.shop import Shop, build
from tests.factories import CREATE
from tests.processes import ROOT, wait_until
from tests.sandbox_client import SandboxClient
from tests.services.conftest import Clock, Customer, client_at

READ = 'GET /event_type_available_times'
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def strict(settings_env: dict[str, str], clock: Clock, tmp_path: Path) -> AsyncIterator[Shop]:
    """A shop that does not sell while no time is free."""
    original = (ROOT / 'site.toml').read_text(encoding='utf-8')
    changed = original.replace('sell_without_free_times = true', 'sell_without_free_times = false')
    assert changed != original
    site = tmp_path / 'site.toml'
    site.write_text(changed, encoding='utf-8')
    shop = build(parse_settings(settings_env | {'SITE_FILE': str(site)}), clock=clock)
    await shop.open()
    yield shop
    await shop.close()


async def test_a_hundred_pages_cost_one_request_a_minute(
    shop: Shop, sandbox: SandboxClient, clock: Clock
) -> None:
    """Pages read from memory; a minute later one request is made again, for 31 days."""
    assert shop.availability.for_page() is None
    await shop.calendar_watch.check()
    for minute in (1, 2, 3):
        await asyncio.gather(*(shop.availability.refresh() for _ in range(100)))
        known = [shop.availability.for_page() for _ in range(100)]
        assert known[0] is not None
        assert known[0].starts
        assert set(map(id, known)) == {id(known[0])}
        assert len(sandbox.requests(READ)) == minute
        clock.ahead += MINUTE
    assert all(request['status'] == 200 for request in sandbox.requests(READ))


async def test_the_times_are_those_of_calendly(shop: Shop, sandbox: SandboxClient) -> None:
    """All times of the next 31 days, soonest first, in UTC, from one request."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    starts = [now + timedelta(days=days) for days in (1, 8, 15, 30)]
    sandbox.act('free-times', starts=[start.isoformat() for start in starts])
    await shop.calendar_watch.check()
    known = shop.availability.for_page()
    assert known is not None
    assert known.starts == tuple(starts)
    (request,) = sandbox.requests(READ)
    assert request['status'] == 200


@pytest.mark.parametrize('fault', ['fail', 'reset', 'truncate', 'html'])
async def test_silence_is_no_news(shop: Shop, sandbox: SandboxClient, clock: Clock, fault: str) -> None:
    """What is known is shown for ten minutes; then nothing is known, and selling goes on."""
    await shop.calendar_watch.check()
    status = {'status': 503} if fault in ('fail', 'html') else {}
    sandbox.fault(READ, fault, times=None, **status)
    clock.ahead = KNOWN_FOR - MINUTE
    await shop.availability.refresh()
    assert shop.availability.for_page()
    clock.ahead = KNOWN_FOR + MINUTE
    await shop.availability.refresh()
    assert shop.availability.for_page() is None
    assert shop.availability.can_be_known
    assert not shop.availability.nothing_free
    sandbox.clear_faults()
    clock.ahead += MINUTE
    await shop.availability.refresh()
    assert shop.availability.for_page()


async def test_nothing_free_is_forgotten_after_a_long_silence(
    strict: Shop, sandbox: SandboxClient, clock: Clock
) -> None:
    """A shop that does not sell then must not stay closed because Calendly is silent."""
    sandbox.act('free-times', count=0)
    await strict.calendar_watch.check()
    assert not strict.availability.sells
    sandbox.fault(READ, 'fail', status=500, times=None)
    clock.ahead = KNOWN_FOR + MINUTE
    await strict.availability.refresh()
    assert strict.availability.sells


async def test_a_token_without_the_scope_shows_nothing(
    shop: Shop, sandbox: SandboxClient, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """One line at info, fewer requests, and nothing that the calendar check calls a problem."""
    sandbox.act('calendly-token', missing_scopes=['availability:read'])
    with caplog.at_level(logging.INFO):
        for _ in range(4):
            assert await shop.calendar_watch.check() is None
            clock.ahead += 2 * MINUTE
    assert len(sandbox.requests(READ)) == 2
    assert [
        (record.levelno, record.getMessage())
        for record in caplog.records
        if record.name == 'services.availability'
    ] == [
        (
            logging.INFO,
            'free times are not shown on the landing page: CALENDLY_TOKEN lacks the scope availability:read',
        )
    ]
    assert not shop.availability.can_be_known
    assert shop.availability.for_page() is None
    assert shop.availability.sells
    sandbox.act('calendly-token', missing_scopes=[])
    clock.ahead += 5 * MINUTE
    await shop.availability.refresh()
    assert shop.availability.for_page()


async def test_without_a_token_nothing_is_asked(settings_env: dict[str, str], sandbox: SandboxClient) -> None:
    """The public page of an event type tells no times."""
    shop = build(parse_settings(settings_env | {'CALENDLY_TOKEN': ''}))
    await shop.calendar_watch.check()
    await shop.availability.refresh()
    assert not shop.availability.can_be_known
    assert shop.availability.for_page() is None
    assert sandbox.requests(READ) == []
    await shop.close()


async def test_an_event_type_made_anew_is_found(shop: Shop, sandbox: SandboxClient, clock: Clock) -> None:
    """Calendly does not know the remembered one any more; the address is the same."""
    await shop.calendar_watch.check()
    before = shop.scheduling.event_type
    sandbox.reset()
    clock.ahead = MINUTE
    await shop.availability.refresh()
    assert shop.availability.for_page()
    assert shop.scheduling.event_type != before


async def test_times_that_have_passed_are_left_out(clock: Clock) -> None:
    """When the last known time is over, nothing is known: later ones may have become free."""
    now = clock()

    async def read(start: datetime, end: datetime) -> tuple[datetime, ...]:
        return (now + 6 * MINUTE, now + 8 * MINUTE)

    availability = Availability(read=read, clock=clock, sells_without=False)
    await availability.refresh()
    clock.ahead = 7 * MINUTE
    known = availability.for_page()
    assert known is not None
    assert known.starts == (now + 8 * MINUTE,)
    clock.ahead = 9 * MINUTE
    assert availability.for_page() is None
    assert availability.sells


async def test_open_pages_have_the_times_read_again(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the background, while pages are open or were asked for; each reading is told to open pages."""
    monkeypatch.setattr(module, 'TICK', 0.01)
    readings: list[datetime] = []
    told: list[bool] = []

    async def read(start: datetime, end: datetime) -> tuple[datetime, ...]:
        readings.append(start)
        if len(readings) == 2:
            raise RuntimeError('unexpected')
        return (clock() + timedelta(days=1),)

    async def until(number: int) -> None:
        clock.ahead += MINUTE
        await asyncio.to_thread(wait_until, lambda: len(readings) == number, seconds=5, why='a reading')

    availability = Availability(read=read, clock=clock, sells_without=True)
    availability.start()
    unsubscribe = availability.subscribe(lambda: told.append(True))
    await until(1)
    await until(2)  # which fails
    await until(3)
    await asyncio.to_thread(wait_until, lambda: len(told) == 2, seconds=5, why='the page was told')
    unsubscribe()
    availability.for_page()
    await until(4)
    assert len(told) == 2
    await availability.stop()


async def test_nothing_free_is_a_warning_of_the_calendar(
    shop: Shop, sandbox: SandboxClient, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """In /readyz and once in the log, from the same reading that the pages show."""
    sandbox.act('free-times', count=0)
    for _ in range(3):
        problem = await shop.calendar_watch.check()
        assert problem is not None
        assert problem.problem == 'no time is free in the next 31 days'
    assert len(sandbox.requests(READ)) == 1
    async with client_at(shop) as client:
        answer = await client.get('/readyz')
    assert answer.status_code == 200
    assert answer.json()['parts']['calendar'] == 'no time is free in the next 31 days'
    lines = [record for record in caplog.records if record.name == 'services.reconciler.calendar_watch']
    assert [record.levelno for record in lines] == [logging.WARNING]
    sandbox.act('free-times', count=1)
    clock.ahead = MINUTE
    assert await shop.calendar_watch.check() is None


async def test_readyz_says_what_the_pages_say(shop: Shop, sandbox: SandboxClient, clock: Clock) -> None:
    """At once, in both directions: it does not wait for the next check of the calendar."""
    assert await shop.calendar_watch.check() is None
    async with client_at(shop) as client:
        for count, expected in ((0, 'no time is free in the next 31 days'), (1, 'ok')):
            sandbox.act('free-times', count=count)
            clock.ahead += MINUTE
            await shop.availability.refresh()
            assert (await client.get('/readyz')).json()['parts']['calendar'] == expected


async def test_selling_goes_on_unless_the_operator_says_otherwise(
    shop: Shop, customer: Customer, sandbox: SandboxClient
) -> None:
    """With the seed's setting a customer pays although no time is free."""
    sandbox.act('free-times', count=0)
    await shop.calendar_watch.check()
    assert shop.availability.nothing_free
    assert await customer.start()


async def test_nothing_is_sold_while_no_time_is_free(strict: Shop, sandbox: SandboxClient) -> None:
    """The button and the JSON endpoint are refused with a code of their own, and no session is opened."""
    sandbox.act('free-times', count=0)
    await strict.calendar_watch.check()
    customer = Customer(strict, sandbox, 'browser-one')
    with pytest.raises(NothingFree):
        await customer.start()
    async with client_at(strict) as client:
        answer = await client.post('/api/create-checkout-session', json={})
    assert answer.status_code == 409
    error = answer.json()['error']
    assert error['code'] == 'nothing_free'
    assert error['message'] == 'No time is free in the next 31 days. You have not been charged.'
    assert sandbox.requests(CREATE) == []


async def test_who_has_just_paid_is_not_told_otherwise(strict: Shop, sandbox: SandboxClient) -> None:
    """The words "You have not been charged" would be wrong for a browser that paid a minute ago."""
    customer = Customer(strict, sandbox, 'browser-one')
    order = await customer.buy()
    await strict.fulfilment.fulfil(order.session_id or '', because=Cause.WEBHOOK)
    sandbox.act('free-times', count=0)
    await strict.calendar_watch.check()
    with pytest.raises(AlreadyPaid):
        await customer.start()
    with pytest.raises(NothingFree):
        await customer.start(again=True)
