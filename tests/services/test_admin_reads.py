"""What the admin reads: the list of orders, the overview, one order."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from services.admin.orders import PAGE, OrderList
from services.admin.orders_view import OrdersView
from services.database import schema
from services.ledger.mapping import values_of
from services.ledger.search import FOUND, Booked, SortKey
from services.money import Money
from services.orders import Cause, Environment, Facts, Order, State
from services.shop import Shop
from tests.factories import NOON, PAID, a_booking, an_order
from tests.sandbox_client import SandboxClient
from tests.services.conftest import Clock, Customer, fulfilled, on_both_databases

pytestmark = on_both_databases
EXPIRED = Facts('expired')


async def add(shop: Shop, name: str, *, facts: Facts = PAID, **changes: Any) -> Order:
    """Write an order down whose ids are made of a name; it is complete unless the facts say otherwise."""
    at = changes.pop('at', NOON)
    completed = at + timedelta(minutes=5) if facts.session_status == 'complete' else None
    keys = {key: f'{key}-{name}' for key in ('id', 'token', 'booking_key', 'session_id')}
    changes = {'created_at': at, 'completed_at': completed, 'reference': f'{name.upper()}-2345'} | changes
    order = an_order(**keys | changes, facts=replace(facts, payment_id=f'pi_{name}'))
    assert await shop.ledger.orders.add(order, because=Cause.RESTORE)
    return order


async def book(shop: Shop, order: Order, **changes: Any) -> None:
    """Write a booking of an order down."""
    booking = a_booking(**{'invitee_id': f'invitee of {order.id}'} | changes)
    await shop.ledger.bookings.put(order, booking, because=Cause.WEBHOOK)


async def listed(shop: Shop, **view: Any) -> list[str]:
    """Return the first letters of the orders on the first page."""
    return [row.reference[:-5] for row in (await shop.reads.orders.page(OrdersView(**view))).rows]


async def test_a_text_finds_an_order_in_every_way(shop: Shop, customer: Customer) -> None:
    """Reference, name, e-mail address, Stripe's ids and the last four digits find it."""
    order = await fulfilled(customer, await customer.buy(email='Ann@Example.com', name='Ann Smith'))
    texts = ['ann', 'ANN SM', 'ann@example.com', 'ANN@ex', order.reference, order.reference[:6].lower()]
    texts += [order.session_id or '', f'https://dashboard.stripe.com/{order.facts.payment_id}', '4242']
    for text in texts:
        page = await shop.reads.orders.page(OrdersView(text=text))
        assert [row.reference for row in page.rows] == [order.reference], text
        assert page.rows[0].card_last4 == '4242'
    for text in ('smith', 'bob', 'nn@example.com', 'cs_test_unknown', '4241', '%', "'", 'a', '_' * 8):
        assert (await shop.reads.orders.page(OrdersView(text=text))).rows == (), text


async def test_a_corrected_address_and_an_accent_are_found(shop: Shop) -> None:
    """Both addresses of an order find it; a name is found in any case, also beyond a to z."""
    facts = replace(PAID, email='Typo@example.com', name='Élodie Ålund')
    await add(shop, 'aaaa', facts=facts, contact_email='Right@example.com')
    for text in ('typo@', 'right@EXAMPLE.com', 'élodie', 'Élodie å'.title(), 'ÉLODIE'.title()):
        assert await listed(shop, text=text) == ['AAAA'], text


async def test_a_text_that_finds_too_many_says_so(shop: Shop) -> None:
    """Not all of them are listed, and the page can say that."""
    facts = replace(PAID, name='Ann')
    keys = ('id', 'token', 'booking_key', 'session_id', 'reference')
    orders = [
        an_order(facts=facts, **{key: f'{key[0]}{number}' for key in keys}) for number in range(FOUND + 1)
    ]
    rows = [values_of(order) for order in orders]
    await shop.ledger.store.write(lambda connection: connection.execute(insert(schema.orders), rows))
    page = await shop.reads.orders.page(OrdersView(text='ann'))
    assert page.cut
    assert len(page.rows) == PAGE
    assert not (await shop.reads.orders.page(OrdersView())).cut


@pytest.mark.parametrize('oldest_first', [False, True])
@pytest.mark.parametrize('sort', SortKey)
async def test_paging_forwards_and_backwards_shows_each_order_once(
    shop: Shop, sort: SortKey, oldest_first: bool
) -> None:
    """Also of orders made at the same time; the page in front of the second is the first."""
    for number in range(7):
        await add(shop, f'aaa{number}', at=NOON + timedelta(hours=number // 2))
    view, seen, pages = OrdersView(sort=sort, oldest_first=oldest_first), [], []
    while True:
        page = await shop.reads.orders.page(view, size=3)
        pages.append(page)
        seen += [row.reference for row in page.rows]
        if page.following is None:
            break
        view = OrdersView.from_query(dict(page.following.pairs()))
    wanted = sorted(f'AAA{number}-2345' for number in range(7))
    assert seen == (wanted if oldest_first else wanted[::-1])
    assert [len(page.rows) for page in pages] == [3, 3, 1]
    assert pages[0].previous is None
    assert pages[2].previous is not None
    back = await shop.reads.orders.page(pages[2].previous, size=3)
    assert back.rows == pages[1].rows
    assert back.following is not None
    assert back.previous is not None
    first = await shop.reads.orders.page(back.previous, size=3)
    assert first.rows == pages[0].rows
    assert first.previous is None


async def test_paging_back_to_a_short_rest_shows_a_full_first_page(shop: Shop) -> None:
    """Orders that came meanwhile do not make a page of one row."""
    for number in range(5):
        await add(shop, f'aaa{number}', at=NOON + timedelta(hours=number))
    first = await shop.reads.orders.page(OrdersView(), size=2)
    assert first.following is not None
    second = await shop.reads.orders.page(first.following, size=2)
    await add(shop, 'bbbb', at=NOON + timedelta(hours=9))
    assert second.previous is not None
    back = await shop.reads.orders.page(second.previous, size=4)
    assert [row.reference[:4] for row in back.rows] == ['BBBB', 'AAA4', 'AAA3', 'AAA2']
    assert back.previous is None
    assert back.view == OrdersView()


async def test_filters(shop: Shop) -> None:
    """State, booked, environment and period each leave out the others."""
    await add(shop, 'open', facts=Facts('open'))
    await add(shop, 'expd', facts=EXPIRED)
    unbooked = await add(shop, 'unbk')
    booked = await add(shop, 'bkd')
    await book(shop, booked)
    await add(shop, 'unkn', bookings_unknown=True)
    await add(shop, 'lost', facts=replace(PAID, amount_lost=15000))
    await add(shop, 'othr', environment=Environment('live', 'acct_1'))
    await add(shop, 'tmrw', at=NOON + timedelta(days=1))
    assert await listed(shop, state=State.OPEN) == ['OPEN']
    assert await listed(shop, state=State.LOST) == ['LOST']
    assert await listed(shop, booked=Booked.YES) == ['BKD']
    assert await listed(shop, booked=Booked.NO) == ['TMRW', 'UNBK']
    assert await listed(shop, booked=Booked.UNKNOWN) == ['UNKN']
    assert await listed(shop, mode='live') == ['OTHR']
    assert len(await listed(shop)) == 7
    assert len(await listed(shop, mode='all')) == 8
    day = date(2026, 11, 23)
    assert await listed(shop, since=day + timedelta(days=1)) == ['TMRW']
    assert 'TMRW' not in await listed(shop, until=day)
    assert await listed(shop, sort=SortKey.PAID, text='ex') == []
    assert 'EXPD' not in await listed(shop, sort=SortKey.PAID)
    assert await listed(shop, text=unbooked.reference, state=State.LOST) == []


async def test_without_knowing_bookings_nothing_is_not_booked(shop: Shop) -> None:
    """A shop that learns of no bookings says "unknown"."""
    await add(shop, 'aaaa')
    here, zone = Environment('test'), shop.site.business.zone
    orders = OrderList(shop.ledger, environment=lambda: here, bookings_known=lambda: False, zone=lambda: zone)
    (row,) = (await orders.page(OrdersView())).rows
    assert row.booked is Booked.UNKNOWN
    assert (await orders.page(OrdersView(booked=Booked.NO))).rows == ()
    assert (await orders.page(OrdersView(booked=Booked.UNKNOWN))).rows == (row,)


async def test_a_day_of_the_period_is_the_shops(shop: Shop) -> None:
    """An order of the evening in New York belongs to that day, though it is the next one in UTC."""
    await add(shop, 'aaaa', at=datetime(2026, 11, 24, 3, tzinfo=UTC))
    assert await listed(shop, since=date(2026, 11, 23), until=date(2026, 11, 23)) == ['AAAA']
    assert await listed(shop, since=date(2026, 11, 24)) == []


async def test_a_row_says_when_its_meeting_is(shop: Shop, clock: Clock) -> None:
    """The next meeting that takes place; of past ones the last; none of a canceled one."""
    order, now = await add(shop, 'aaaa'), clock()
    past, coming = now - timedelta(days=1), now + timedelta(days=1)
    for number, start in enumerate((past, coming, coming + timedelta(days=1))):
        await book(shop, order, invitee_id=f'i{number}', start=start, end=start + timedelta(hours=1))
    (row,) = (await shop.reads.orders.page(OrdersView())).rows
    assert (row.booked, row.meeting) == (Booked.YES, coming)
    other = await add(shop, 'bbbb')
    await book(shop, other, start=past, end=past + timedelta(hours=1))
    assert (await shop.reads.orders.page(OrdersView())).rows[0].meeting == past


async def test_the_overview_counts_money_by_day_and_currency(shop: Shop, clock: Clock) -> None:
    """Net of what went back, in the zone of the shop, only of this environment."""
    zone = shop.site.business.zone
    noon = clock().astimezone(zone).replace(hour=0, minute=30, second=0, microsecond=0).astimezone(UTC)
    back = replace(PAID, amount_refunded=5000, amount_lost=2000)
    await add(shop, 'aaaa', at=noon)
    await add(shop, 'bbbb', at=noon, facts=back)
    await add(shop, 'cccc', at=noon - timedelta(days=1))
    await add(shop, 'dddd', at=noon - timedelta(days=8))
    await add(shop, 'eeee', at=noon - timedelta(days=40))
    await add(shop, 'ffff', at=noon, facts=replace(PAID, seen_currency='eur', amount_total=900))
    await add(shop, 'gggg', at=noon, environment=Environment('live'))
    await add(shop, 'hhhh', at=noon, facts=EXPIRED)
    overview = await shop.reads.overview.read(checks=(), looking=3)
    dollars, euros = overview.takings
    assert [(each.days, each.now.amount, each.before.amount) for each in dollars.periods] == [
        (1, 23000, 15000),
        (7, 38000, 15000),
        (30, 53000, 15000),
    ]
    assert [(each.payments, each.payments_before) for each in dollars.periods] == [(2, 1), (3, 1), (4, 1)]
    assert euros.periods[0].now == Money(900, 'eur')
    assert (overview.looking, overview.zone, len(overview.days)) == (3, 'America/New_York', 30)
    assert [day.money.amount for day in overview.days[-2:]] == [15000, 23000]
    assert overview.days[-1].day == clock().astimezone(zone).date()


async def test_the_overview_names_who_comes(shop: Shop, clock: Clock) -> None:
    """Today's and tomorrow's meetings with the link to join, and what is wrong with their orders."""
    zone = shop.site.business.zone
    start = clock().astimezone(zone).replace(hour=23, minute=0, second=0, microsecond=0).astimezone(UTC)
    order = await add(shop, 'aaaa', facts=replace(PAID, name='Ann', phone='+1 555'))
    await book(shop, order, start=start, end=start + timedelta(minutes=60), place='https://meet.example/1')
    refunded = await add(shop, 'bbbb', facts=replace(PAID, amount_refunded=15000))
    later = start + timedelta(hours=20)
    await book(shop, refunded, start=later, end=later + timedelta(hours=1), place='Room 2', no_show=True)
    canceled = await add(shop, 'cccc')
    await book(shop, canceled, start=start, end=later, state='canceled')
    week = start + timedelta(days=7)
    await book(shop, await add(shop, 'dddd'), start=week, end=week + timedelta(hours=1))
    overview = await shop.reads.overview.read(checks=(), looking=0)
    first, second = overview.meetings
    assert (first.name, first.phone, first.join_url, first.place) == (
        'Ann',
        '+1 555',
        'https://meet.example/1',
        '',
    )
    assert (first.reference, first.title, first.warning) == ('AAAA-2345', 'Coaching session', '')
    assert (second.place, second.join_url, second.warning) == ('Room 2', '', 'refunded')
    assert second.day == first.day + timedelta(days=1)
    assert overview.days[-1].bookings == 1


async def test_one_order_has_everything(shop: Shop, customer: Customer, sandbox: SandboxClient) -> None:
    """Journal, meetings, suggestions, related orders and the links outside."""
    order = await fulfilled(customer, await customer.buy(email='ann@example.com', name='Ann'))
    await book(shop, order)
    facts = replace(PAID, email='ANN@example.com')
    other = await add(shop, 'bbbb', facts=facts, duplicate_of=order.reference)
    details = await shop.reads.details.find(order.reference)
    assert details is not None
    assert details.sentence.startswith('Paid $150 on ')
    assert (details.booked, len(details.bookings)) == (Booked.YES, 1)
    assert [line.because for line in details.timeline][-2:] == [Cause.WEBHOOK, Cause.WEBHOOK]
    assert details.stripe_url == f'https://dashboard.stripe.com/test/payments/{order.facts.payment_id}'
    assert details.customer_url == f'{shop.settings.domain}/order/{order.token}'
    assert [(each.reference, each.why) for each in details.related] == [
        (other.reference, 'seems to repeat this payment')
    ]
    assert await shop.reads.details.find('NONE-2345') is None
