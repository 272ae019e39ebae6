"""The list of orders: search, filters, sorting and paging, all of it in the URL; keys move between rows.

Each row has a radio button that is not seen. The arrow keys move between radio buttons, and Enter in one
sends their form, which leads to the order: the browser does both by itself, without script. From elsewhere on
the page ``/`` goes to the search and an arrow key to the rows, by a fragment of the URL (decision 106).
"""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from urllib.parse import quote

from fastapi import Request, Response
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
from ui.admin.access import admin_page, guarded, see_other
from ui.admin.actions import order_path
from ui.admin.components import Tone, amount, booked_status, brief, state_status, status, time
from ui.admin.layout import Area
from ui.components.builder import h, join
from ui.components.elements import Static, Tag, leave_for

KEYS = 'Keys: / goes to the search, ↓ goes to the rows and ↑ ↓ move between them, Enter opens the order.'
SORTED = {SortKey.CREATED: 'Begun', SortKey.PAID: 'Paid'}
OPEN = 'open'  # the parameter with the reference of the chosen row
ROWS, FIRST_ROW = 'rows', 'first-row'  # ids: of the form around the radio buttons, and of the first one


def register(shop: Shop) -> None:
    """Register /admin/orders."""

    @admin_page(orders_filter.PATH, shop, title='Orders', area=Area.ORDERS)
    async def orders(request: Request, signed_in: SignedIn) -> Response | None:
        if reference := request.query_params.get(OPEN):
            return see_other(order_path(quote(reference, safe='')))
        view = OrdersView.from_query(request.query_params)
        page = await shop.reads.orders.page(view)
        build(page, signed_in, Viewpoint(shop.site.business.zone, datetime.now(UTC), shop.settings.mode))
        return None


@dataclass(frozen=True)
class Viewpoint:
    """From where the list is read: the zone of the shop, the time (UTC), and the mode it sells in."""

    zone: tzinfo
    now: datetime
    mode: str

    def brief(self, at: datetime) -> Markup:
        """Write a time as short as it is clear."""
        return time(at, brief(at, self.zone, self.now), self.zone)


def build(page: OrdersPage, signed_in: SignedIn, viewpoint: Viewpoint) -> None:
    """Build the page.

    Args:
        page: what it lists.
        signed_in: who sees it.
        viewpoint: from where it is read.
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
    if page.rows:
        Static(_table(page, viewpoint)).classes('table orders')
    else:
        Static(orders_filter.nothing_found(page.view)).classes('calm')
    Static(orders_filter.paging(page)).classes('paging')
    Static(h('span', KEYS), 'p').classes('keys quiet')
    _listen(search, signed_in, has_rows=bool(page.rows))


def _listen(search: Tag, signed_in: SignedIn, *, has_rows: bool) -> None:
    """Let ``/`` and the arrows work wherever the focus is, once the page is connected."""

    def go_to(id_: str) -> None:
        leave_for(f'#{id_}')  # stays on this page, and puts the focus there

    async def go_to_rows() -> None:
        go_to(FIRST_ROW)

    async def on_key(event: KeyEventArguments) -> None:
        modifiers = event.modifiers
        if not event.action.keydown or modifiers.ctrl or modifiers.alt or modifiers.meta:
            return
        if event.key == '/':
            await guarded(signed_in, go_to_search)()
        elif event.key == 'ArrowDown' and has_rows:
            await guarded(signed_in, go_to_rows)()

    async def go_to_search() -> None:
        go_to('q')

    if has_rows:
        search.on('keydown.down.prevent', guarded(signed_in, go_to_rows), args=[])
    Keyboard(on_key, repeating=False)


def _table(page: OrdersPage, viewpoint: Viewpoint) -> Markup:
    """Build the table, and the form that leads to the chosen row."""
    body = (
        h('tr', _row_head(row, is_first=row is page.rows[0]), *_cells(row, viewpoint)) for row in page.rows
    )
    caption = h('caption', 'Orders', class_='unseen')
    table = h('table', caption, h('thead', _head(page.view)), h('tbody', *body))
    # Browsers send a form by Enter in a radio button only if it has a button.
    sender = h('button', 'Open the chosen order', type='submit', tabindex='-1')
    return join(h('form', sender, id=ROWS, method='get', action=orders_filter.PATH, class_='sender'), table)


def _row_head(row: ListedOrder, *, is_first: bool) -> Markup:
    chosen = h(
        'input',
        type='radio',
        name=OPEN,
        value=row.reference,
        form=ROWS,
        id=FIRST_ROW if is_first else None,
        checked=is_first,
        class_='choice',
        aria_label=f'{row.reference}, {row.name or "no name"}',
    )
    link = h('a', row.reference, href=order_path(row.reference))
    return h('th', chosen, link, scope='row')


def _head(view: OrdersView) -> Markup:
    names = (
        h('th', 'Order', scope='col'),
        h('th', 'Customer', scope='col'),
        _sort_head(view, SortKey.CREATED, class_='begun'),
        _sort_head(view, SortKey.PAID),
        h('th', 'Amount', scope='col', class_='amount'),
        h('th', 'State', scope='col'),
        h('th', 'Booked', scope='col'),
    )
    return h('tr', *names)


def _sort_head(view: OrdersView, key: SortKey, *, class_: str | None = None) -> Markup:
    """Build the head of a column that can be sorted by: a link that sorts by it, or turns the order round."""
    is_sorted = view.sort is key
    turned = view.changed(sort=key, oldest_first=is_sorted and not view.oldest_first)
    direction = ('ascending' if view.oldest_first else 'descending') if is_sorted else None
    arrow = h('span', ' ↑' if view.oldest_first else ' ↓', aria_hidden='true') if is_sorted else None
    link = h('a', SORTED[key], arrow, href=orders_filter.url(turned))
    return h('th', link, scope='col', aria_sort=direction, class_=class_)


def _cells(row: ListedOrder, viewpoint: Viewpoint) -> list[Markup]:
    customer = join(
        h('span', row.name or '–', class_='name'),
        h('span', row.email, class_='quiet') if row.email else None,
    )
    meeting = h('span', viewpoint.brief(row.meeting), class_='quiet') if row.meeting else None
    paid = viewpoint.brief(row.completed_at) if row.completed_at else h('span', '–')
    cells = (
        ('who', customer),
        ('at begun', viewpoint.brief(row.created_at)),
        ('at', paid),
        ('amount', _amount(row)),
        ('standing', join(state_status(row.state), *_marks(row, viewpoint))),
        ('booked', join(booked_status(row.booked), meeting)),
    )
    return [h('td', cell, class_=class_) for class_, cell in cells]


def _amount(row: ListedOrder) -> Markup:
    back = (
        h('span', amount(row.refunded), ' back', class_='quiet')
        if row.refunded and row.refunded.amount
        else None
    )
    return join(h('span', amount(row.paid)), back)


def _marks(row: ListedOrder, viewpoint: Viewpoint) -> list[Markup]:
    """Write what is to know of an order beside its state."""
    marks = []
    if row.duplicate_of:
        marks.append(status('paid twice?', Tone.NOTE))
    if row.fraud_warning:
        marks.append(status('fraud warning', Tone.BAD))
    if row.dispute_due_at:
        marks.append(h('span', 'due ', viewpoint.brief(row.dispute_due_at), class_='quiet'))
    if row.mode != viewpoint.mode:
        marks.append(h('span', row.mode, class_='quiet'))
    return marks
