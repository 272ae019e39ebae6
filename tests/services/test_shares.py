"""Links that can be taken back: made as shares, read before they are shown again, deleted when unused."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from services.database import schema
from services.ledger import Ledger
from services.orders import Booking, BookingState, Cause, Order
from services.scheduling import BookingUpdate
from services.settings import parse_settings
from services.shop import build
from tests.factories import a_booking
from tests.sandbox_client import SandboxClient
from tests.services.conftest import Clock, Customer, fulfilled, on_both_databases

pytestmark = on_both_databases
SIX_MINUTES = timedelta(minutes=6)


async def now(customer: Customer, order: Order) -> Order:
    """Return an order as it is now."""
    return await customer.order_of(order.session_id or '')


async def effects(ledger: Ledger) -> list[tuple[str, str]]:
    """Return kind and state of all effects."""
    table = schema.effects
    rows = await ledger.store.read(select(table).order_by(table.c.id))
    return [(row.kind, row.state) for row in rows]


def active(sandbox: SandboxClient) -> list[str]:
    """Return the names of all shares that can be booked."""
    return [share['uri'] for share in sandbox.state()['shares'] if share['status'] == 'active']


async def lines(customer: Customer, order: Order) -> list[str]:
    """Return the journal of an order."""
    return [line.line for line in await customer.shop.ledger.journal.lines(order.id)]


async def test_the_link_of_an_order_is_a_share(customer: Customer, paid: Order) -> None:
    """The request has nothing but the event type; the order keeps the name; no intent is left."""
    url = await customer.shop.calendar.url(paid)
    (share,) = customer.sandbox.state()['shares']
    order = await now(customer, paid)
    assert order.calendar_share == share['uri']
    assert order.calendar_url == share['scheduling_links'][0]['booking_url']
    assert (url or '').startswith(order.calendar_url or '?')
    assert customer.sandbox.requests('/scheduling_links') == []
    assert await effects(customer.shop.ledger) == []


@pytest.mark.parametrize(
    ('how', 'why'),
    [
        ({'missing_scopes': ['shares:write']}, 'scopes'),
        ({'status': 403}, ''),
        ({'status': 404}, ''),
    ],
)
async def test_where_shares_are_refused_the_other_kind_of_link_is_made(
    customer: Customer,
    other_customer: Customer,
    paid: Order,
    caplog: pytest.LogCaptureFixture,
    how: dict[str, Any],
    why: str,
) -> None:
    """Shares are not tried for the next order, and the log says so once."""
    if 'status' in how:
        customer.sandbox.fault('POST /shares', 'fail', times=None, **how)
    else:
        customer.sandbox.act('calendly-token', **how)
    second = await fulfilled(other_customer, await other_customer.buy())
    with caplog.at_level('INFO'):
        for order in (paid, second):
            assert '/d/' in (await customer.shop.calendar.url(order) or '')
            assert (await now(customer, order)).calendar_share is None
    assert len(customer.sandbox.requests('POST /shares')) == 1
    said = [each.getMessage() for each in caplog.records if 'without shares' in each.getMessage()]
    assert len(said) == 1
    assert why in said[0]


@pytest.mark.parametrize('pooling_type', ['round_robin', 'collective'])
async def test_the_link_of_a_team_is_no_share(customer: Customer, paid: Order, pooling_type: str) -> None:
    """Calendly has shares for one-on-one event types only: they are not even tried."""
    customer.sandbox.act('calendar', team=True, pooling_type=pooling_type)
    assert '/d/' in (await customer.shop.calendar.url(paid) or '')
    assert customer.sandbox.requests('POST /shares') == []
    assert len(customer.sandbox.requests('POST /scheduling_links')) == 1


async def test_shares_are_tried_again_after_hours(
    customer: Customer, paid: Order, other_customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operator may have made a token with the scope."""
    customer.sandbox.act('calendly-token', missing_scopes=['shares:write'])
    await customer.shop.calendar.url(paid)
    customer.sandbox.act('calendly-token', missing_scopes=[])
    monkeypatch.setattr(customer.shop.scheduling._links, '_no_shares_until', 0.0)
    second = await fulfilled(other_customer, await other_customer.buy())
    await customer.shop.calendar.url(second)
    assert (await now(customer, second)).calendar_share


async def test_an_expired_link_is_replaced(customer: Customer, paid: Order, clock: Clock) -> None:
    """Its status is read before it is shown again; the journal tells of the new one."""
    first = await customer.shop.calendar.url(paid) or ''
    customer.sandbox.act('expire-link', url=first)
    assert await customer.shop.calendar.url(paid) == first  # it is new
    clock.ahead = SIX_MINUTES
    second = await customer.shop.calendar.url(paid)
    assert second != first
    assert (await lines(customer, paid))[-1] == 'calendar link made; the earlier one has expired'
    assert len(active(customer.sandbox)) == 1


async def test_a_link_that_is_not_listed_any_more_is_replaced(
    customer: Customer, paid: Order, clock: Clock
) -> None:
    """The operator has deleted it at Calendly, and nothing was booked with it."""
    first = await customer.shop.calendar.url(paid)
    order = await now(customer, paid)
    assert await customer.shop.scheduling.delete_share(order.calendar_share or '') == ''
    clock.ahead = SIX_MINUTES
    assert await customer.shop.calendar.url(paid) not in (None, first)


async def test_a_link_that_was_booked_leads_to_its_meeting(
    customer: Customer, paid: Order, clock: Clock
) -> None:
    """No webhook told of it: the meeting is looked up, and no second link is made."""
    first = await customer.shop.calendar.url(paid) or ''
    booked = await asyncio.to_thread(customer.sandbox.book, first)
    clock.ahead = SIX_MINUTES
    assert await customer.shop.calendar.url(paid) == first
    (booking,) = await customer.shop.bookings.bookings(paid)
    assert (booking.invitee_id, booking.state) == (booked['uri'], BookingState.ACTIVE)
    assert len(customer.sandbox.requests('POST /shares')) == 1


async def test_a_link_whose_meeting_was_canceled_unseen_is_replaced(
    customer: Customer, paid: Order, clock: Clock
) -> None:
    """Neither the booking nor its end was delivered: the used link does not stay."""
    first = await customer.shop.calendar.url(paid) or ''
    booked = await asyncio.to_thread(customer.sandbox.book, first)
    customer.sandbox.act('cancel', invitee=booked['uri'])
    clock.ahead = SIX_MINUTES
    assert await customer.shop.calendar.url(paid) not in (None, first)


async def test_a_link_that_was_booked_without_the_key_stays(
    customer: Customer, paid: Order, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody has booked with it, and Calendly does not say who: no second link for one order."""
    first = await customer.shop.calendar.url(paid) or ''
    await asyncio.to_thread(customer.sandbox.book, first.partition('?')[0], name='Ann', email='a@b.co')
    clock.ahead = SIX_MINUTES
    assert await customer.shop.calendar.url(paid) == first
    assert 'no meeting has its key' in caplog.text


async def test_the_status_is_not_read_on_every_load(
    customer: Customer, other_customer: Customer, paid: Order, clock: Clock
) -> None:
    """One reading of the list serves all orders, and a status is kept for some minutes."""
    orders = [paid, await fulfilled(other_customer, await other_customer.buy())]
    await asyncio.gather(*(customer.shop.calendar.url(order) for order in orders))
    for _ in range(3):
        await asyncio.gather(*(customer.shop.calendar.url(order) for order in orders))
    assert customer.sandbox.requests('GET /shares') == []
    clock.ahead = SIX_MINUTES
    for _ in range(3):
        await asyncio.gather(*(customer.shop.calendar.url(order) for order in orders))
    assert len(customer.sandbox.requests('GET /shares')) <= 2  # the second order may be the older one
    read = len(customer.sandbox.requests('GET /shares'))
    clock.ahead = 2 * SIX_MINUTES
    await asyncio.gather(*(customer.shop.calendar.url(order) for order in orders))
    assert len(customer.sandbox.requests('GET /shares')) == read  # the list is not half a minute old


@pytest.mark.parametrize(
    'fault', [{'do': 'fail', 'status': 500}, {'do': 'fail', 'status': 403}, {'do': 'reset'}]
)
async def test_while_the_status_cannot_be_read_the_link_stays(
    customer: Customer, paid: Order, clock: Clock, fault: dict[str, Any]
) -> None:
    """Calendly's silence takes no calendar away; an old link is replaced by its age."""
    first = await customer.shop.calendar.url(paid)
    customer.sandbox.fault('GET /shares', times=None, **fault)
    clock.ahead = SIX_MINUTES
    assert await customer.shop.calendar.url(paid) == first
    clock.ahead = timedelta(days=91)
    assert await customer.shop.calendar.url(paid) not in (None, first)


async def test_a_link_that_lost_the_race_is_deleted(
    customer: Customer, paid: Order, settings_env: dict[str, str], clock: Clock
) -> None:
    """Two processes make a link at once: the ledger keeps the first, and the other one cannot be booked."""
    other = build(parse_settings(settings_env), clock=clock)
    await other.open()
    urls = await asyncio.gather(customer.shop.calendar.url(paid), other.calendar.url(paid))
    assert len(set(urls)) == 1
    while await customer.shop.effects.run():
        pass
    order = await now(customer, paid)
    assert active(customer.sandbox) == [order.calendar_share]
    made = len(customer.sandbox.requests('POST /shares'))
    assert len(customer.sandbox.requests('DELETE /shares')) == made - 1
    await other.close()


async def test_a_link_made_while_the_order_was_refunded_is_deleted(
    customer: Customer, paid: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order is read again after the request; the link is not kept and cannot be booked."""
    make = customer.shop.scheduling.make_link

    async def make_slowly() -> Any:
        link = await make()
        await asyncio.to_thread(customer.sandbox.act, 'refund', session=paid.session_id)
        await fulfilled(customer, paid)
        return link

    monkeypatch.setattr(customer.shop.scheduling, 'make_link', make_slowly)
    assert await customer.shop.calendar.url(paid) is None
    await customer.shop.effects.run()
    assert active(customer.sandbox) == []
    assert await effects(customer.shop.ledger) == [('delete link', 'done')]


@pytest.mark.parametrize('comes_back', [False, True])
async def test_a_link_whose_making_was_cut_off_is_reported_once_and_left(
    customer: Customer, paid: Order, clock: Clock, caplog: pytest.LogCaptureFixture, comes_back: bool
) -> None:
    """Nothing marks it as ours, so it may be one that the coach has made by hand; no customer has seen it."""
    customer.sandbox.fault('POST /shares', 'lose', times=1)
    assert await customer.shop.calendar.url(paid) is None
    assert await effects(customer.shop.ledger) == [('make link', 'wanted')]
    if comes_back:
        assert await customer.shop.calendar.url(paid)
    clock.ahead = timedelta(minutes=3)
    await customer.shop.effects.run()
    await customer.shop.effects.run()
    said = [each.getMessage() for each in caplog.records if 'was cut off' in each.getMessage()]
    assert len(said) == 1
    assert paid.reference in said[0]
    assert '1 unused links' in said[0]
    assert len(active(customer.sandbox)) == 1 + comes_back
    assert await effects(customer.shop.ledger) == [('make link', 'done')]


async def test_a_link_that_was_refused_leaves_no_intent(customer: Customer, paid: Order) -> None:
    """Calendly has answered: nothing was made that would have to be looked for."""
    for path in ('/shares', '/scheduling_links'):
        customer.sandbox.fault(f'POST {path}', 'fail', status=403, times=None)
    assert await customer.shop.calendar.url(paid) is None
    assert await effects(customer.shop.ledger) == []


async def test_a_refund_deletes_the_unused_link(customer: Customer, paid: Order) -> None:
    """The link is dead at Calendly, forgotten here, and the journal says so."""
    await customer.shop.calendar.url(paid)
    await asyncio.to_thread(customer.sandbox.act, 'refund', session=paid.session_id)
    await fulfilled(customer, paid)
    assert await effects(customer.shop.ledger) == [('delete link', 'wanted')]
    await customer.shop.effects.run()
    assert customer.sandbox.state()['shares'] == []
    order = await now(customer, paid)
    assert (order.calendar_url, order.calendar_share) == (None, None)
    journal = await customer.shop.ledger.journal.lines(paid.id)
    assert (journal[-1].line, journal[-1].version) == ('calendar link deleted', order.version)
    assert await effects(customer.shop.ledger) == [('delete link', 'done')]


async def test_a_lost_dispute_deletes_the_unused_link_and_an_open_one_does_not(
    customer: Customer, paid: Order
) -> None:
    """As long as the bank has not decided, the customer may book."""
    await customer.shop.calendar.url(paid)
    for status, left in (('open', 1), ('lost', 0)):
        await asyncio.to_thread(customer.sandbox.act, 'dispute', session=paid.session_id, status=status)
        await fulfilled(customer, paid)
        await customer.shop.effects.run()
        assert len(customer.sandbox.state()['shares']) == left


async def test_a_part_refund_deletes_nothing(customer: Customer, paid: Order) -> None:
    """The calendar stays open."""
    url = await customer.shop.calendar.url(paid)
    await asyncio.to_thread(customer.sandbox.act, 'refund', session=paid.session_id, amount=5000)
    await fulfilled(customer, paid)
    assert await effects(customer.shop.ledger) == []
    assert await customer.shop.calendar.url(paid) == url


@pytest.mark.parametrize('first', ['deleted', 'booked', 'no scope'])
async def test_a_link_that_cannot_be_deleted_is_an_end(customer: Customer, paid: Order, first: str) -> None:
    """It is gone already, or was booked, or the token may not: nothing is tried again."""
    url = await customer.shop.calendar.url(paid) or ''
    order = await now(customer, paid)
    if first == 'deleted':
        await customer.shop.scheduling.delete_share(order.calendar_share or '')
    elif first == 'booked':
        await asyncio.to_thread(customer.sandbox.book, url)
    else:
        customer.sandbox.act('calendly-token', missing_scopes=['shares:write'])
    await asyncio.to_thread(customer.sandbox.act, 'refund', session=paid.session_id)
    await fulfilled(customer, order)
    await customer.shop.effects.run()
    if first == 'booked':
        assert (await lines(customer, paid))[-1] == 'the calendar link stays: the share has been booked'
    done = await effects(customer.shop.ledger)
    assert done == [('delete link', 'done' if first == 'deleted' else 'refused')]
    asked = len(customer.sandbox.requests('DELETE /shares'))
    assert not await customer.shop.effects.run()
    assert len(customer.sandbox.requests('DELETE /shares')) == asked


async def test_a_refund_that_fails_before_the_deletion_leaves_the_link(
    customer: Customer, paid: Order
) -> None:
    """What was not carried out is dropped; a second refund wants it again."""
    url = await customer.shop.calendar.url(paid)
    for last in ('dropped', 'done'):
        refund = await asyncio.to_thread(customer.sandbox.act, 'refund', session=paid.session_id)
        await fulfilled(customer, paid)
        assert await effects(customer.shop.ledger) == [('delete link', 'wanted')]
        if last == 'dropped':
            await asyncio.to_thread(customer.sandbox.act, 'fail-refund', refund=refund['id'])
            await fulfilled(customer, paid)
            assert await customer.shop.calendar.url(await now(customer, paid)) == url
        await customer.shop.effects.run()
        assert await effects(customer.shop.ledger) == [('delete link', last)]
        assert len(active(customer.sandbox)) == (last == 'dropped')


async def test_a_refund_that_fails_after_the_deletion_gives_a_new_link(
    customer: Customer, paid: Order
) -> None:
    """The calendar returns by the usual road."""
    first = await customer.shop.calendar.url(paid)
    refund = await asyncio.to_thread(customer.sandbox.act, 'refund', session=paid.session_id)
    await fulfilled(customer, paid)
    await customer.shop.effects.run()
    assert await customer.shop.calendar.url(await now(customer, paid)) is None
    await asyncio.to_thread(customer.sandbox.act, 'fail-refund', refund=refund['id'])
    await fulfilled(customer, paid)
    assert await customer.shop.calendar.url(await now(customer, paid)) not in (None, first)
    assert len(active(customer.sandbox)) == 1


async def test_the_used_link_of_a_refunded_order_is_forgotten(customer: Customer, paid: Order) -> None:
    """Its journal does not say that another time may be picked."""
    await customer.shop.calendar.url(paid)
    booking: Booking = a_booking()
    await customer.shop.bookings.record(BookingUpdate(booking, paid.booking_key), because=Cause.WEBHOOK)
    await asyncio.to_thread(customer.sandbox.act, 'refund', session=paid.session_id)
    await fulfilled(customer, paid)
    canceled = a_booking(state=BookingState.CANCELED)
    await customer.shop.bookings.record(BookingUpdate(canceled, paid.booking_key), because=Cause.WEBHOOK)
    assert (await now(customer, paid)).calendar_share is None
    assert (await lines(customer, paid))[-1] == 'the used calendar link is forgotten'
