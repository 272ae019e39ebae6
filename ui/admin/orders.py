"""The list of orders: search, filters, sorting and paging, all of it in the URL; keys move between rows."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, tzinfo

from fastapi import Request
from markupsafe import Markup
from nicegui import ui
from nicegui.elements.keyboard import Keyboard  # ui.keyboard, of which every process must have the script
from nicegui.events import KeyEventArguments

from services.admin import SignedIn
from services.admin.orders import OrdersPage
from services.admin.orders_view import OrdersView
from services.ledger.search import ListedOrder, SortKey
from services.shop import Shop
from ui.admin import orders_filter
from ui.admin.access import admin_page, guarded
from ui.admin.components import Tone, amount, booked_status, brief, state_status, status, time
from ui.admin.layout import Area
from ui.components.builder import h, join
from ui.components.elements import Static, Tag

KEYS = 'Keys: / goes to the search, ↓ and ↑ move through the rows, Enter opens the order.'
SORTED = {SortKey.CREATED: 'Begun', SortKey.PAID: 'Paid'}


def register(shop: Shop) -> None:
    """Register /admin/orders."""

    @admin_page(orders_filter.PATH, shop, title='Orders', area=Area.ORDERS)
    async def orders(request: Request, signed_in: SignedIn) -> None:
        view = OrdersView.from_query(request.query_params)
        page = await shop.reads.orders.page(view)
        build(page, signed_in, zone=shop.site.business.zone, now=datetime.now(UTC))


def build(page: OrdersPage, signed_in: SignedIn, *, zone: tzinfo, now: datetime) -> None:
    """Build the page.

    Args:
        page: what it lists.
        signed_in: who sees it.
        zone: the time zone of the shop.
        now: in UTC.
    """
    Static(h('h1', 'Orders'))
    with ui.element('form').classes('search') as form:
        form.props.update({'method': 'get', 'action': orders_filter.PATH, 'role': 'search'})
        Static(h('span', 'Search the orders'), 'label', **{'for': 'q'}).classes('unseen')
        search = Tag(
            'input', type='search', name='q', id='q', value=page.view.text, **orders_filter.SEARCH_FIELD
        )
        Static(orders_filter.filters(page))
    Static(orders_filter.chips(page.view), 'nav', aria_label='Views').classes('chips')
    if not page.rows:
        Static(orders_filter.nothing_found(page.view)).classes('calm')
    links = _table(page, zone=zone, now=now) if page.rows else []
    Static(orders_filter.paging(page)).classes('paging')
    _keys(search, links, signed_in)


def _table(page: OrdersPage, *, zone: tzinfo, now: datetime) -> list[Tag]:
    """Build the table; returns the links to the orders, which the keys move between."""
    links = []
    with ui.element('div').classes('table orders'), ui.element('table'):
        Static(h('span', 'Orders'), 'caption').classes('unseen')
        Static(_head(page.view), 'thead')
        with ui.element('tbody'):
            for row in page.rows:
                with ui.element('tr'):
                    with ui.element('th').props('scope=row'):
                        links.append(Tag('a', row.reference, href=f'/admin/orders/{row.reference}'))
                    for class_, cell in _cells(row, page.view, zone, now):
                        Static(cell, 'td').classes(class_)
    return links


def _head(view: OrdersView) -> Markup:
    names = (
        h('th', 'Order', scope='col'),
        h('th', 'Customer', scope='col'),
        *(_sort_head(view, key) for key in SORTED),
        h('th', 'Amount', scope='col', class_='amount'),
        h('th', 'State', scope='col'),
        h('th', 'Booked', scope='col'),
    )
    return h('tr', *names)


def _sort_head(view: OrdersView, key: SortKey) -> Markup:
    """Build the head of a column that can be sorted by: a link that sorts by it, or turns the order round."""
    is_sorted = view.sort is key
    turned = view.changed(sort=key, oldest_first=is_sorted and not view.oldest_first)
    direction = ('ascending' if view.oldest_first else 'descending') if is_sorted else None
    arrow = h('span', ' ↑' if view.oldest_first else ' ↓', aria_hidden='true') if is_sorted else None
    link = h('a', SORTED[key], arrow, href=orders_filter.url(turned))
    return h('th', link, scope='col', aria_sort=direction)


def _cells(row: ListedOrder, view: OrdersView, zone: tzinfo, now: datetime) -> list[tuple[str, Markup]]:
    customer = join(
        h('span', row.name or '–', class_='name'),
        h('span', row.email, class_='quiet') if row.email else None,
    )
    meeting = (
        h('span', time(row.meeting, brief(row.meeting, zone, now), zone), class_='quiet')
        if row.meeting
        else None
    )
    paid = (
        time(row.completed_at, brief(row.completed_at, zone, now), zone)
        if row.completed_at
        else h('span', '–')
    )
    return [
        ('who', customer),
        ('at begun', time(row.created_at, brief(row.created_at, zone, now), zone)),
        ('at', paid),
        ('amount', _amount(row)),
        ('standing', join(state_status(row.state), *_marks(row, zone, now))),
        ('booked', join(booked_status(row.booked), meeting)),
    ]


def _amount(row: ListedOrder) -> Markup:
    back = (
        h('span', amount(row.refunded), ' back', class_='quiet')
        if row.refunded and row.refunded.amount
        else None
    )
    return join(h('span', amount(row.paid)), back)


def _marks(row: ListedOrder, zone: tzinfo, now: datetime) -> list[Markup]:
    """Write what is to know of an order beside its state."""
    marks = []
    if row.duplicate_of:
        marks.append(status('paid twice?', Tone.NOTE))
    if row.fraud_warning:
        marks.append(status('fraud warning', Tone.BAD))
    if row.dispute_due_at:
        marks.append(
            h(
                'span',
                'due ',
                time(row.dispute_due_at, brief(row.dispute_due_at, zone, now), zone),
                class_='quiet',
            )
        )
    if row.mode != 'live':
        marks.append(h('span', row.mode, class_='quiet'))
    return marks


def _keys(search: Tag, links: Sequence[Tag], signed_in: SignedIn) -> None:
    """Let keys work once the page is connected: without it, Tab and Enter do."""

    def focus(tag: Tag) -> Callable[[], Awaitable[None]]:
        async def handle() -> None:
            tag.run_method('focus')

        return guarded(signed_in, handle)

    for index, link in enumerate(links):
        for key, other in (('down', index + 1), ('up', index - 1)):
            if 0 <= other < len(links):
                link.on(f'keydown.{key}.prevent', focus(links[other]), args=[])
    if links:
        search.on('keydown.down.prevent', focus(links[0]), args=[])

    async def on_key(event: KeyEventArguments) -> None:
        plain = not (event.modifiers.ctrl or event.modifiers.alt or event.modifiers.meta)
        if event.action.keydown and not event.action.repeat and plain and event.key == '/':
            await focus(search)()

    Keyboard(on_key, repeating=False)
    Static(h('span', KEYS), 'p').classes('keys quiet')
