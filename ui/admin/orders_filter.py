"""What surrounds the list of orders: the search form, the views one press away, and the pages."""

from collections.abc import Iterable

from markupsafe import Markup

from services.admin.orders import SEARCHED, OrdersPage
from services.admin.orders_view import LONGEST_TEXT, MODES, OrdersView
from services.ledger.search import Booked, SortKey
from services.orders import State
from ui.components.builder import h, join

PATH = '/admin/orders'
SEARCH_FIELD = {
    'placeholder': 'Name, e-mail, reference, Stripe id or last four digits',
    'maxlength': str(LONGEST_TEXT),
    'autocomplete': 'off',
    'spellcheck': 'false',
}
VIEWS = (
    ('All', OrdersView()),
    ('Paid, not booked', OrdersView(booked=Booked.NO)),
    ('Booked', OrdersView(booked=Booked.YES)),
    ('Under review', OrdersView(state=State.UNDER_REVIEW)),
    ('Disputed', OrdersView(state=State.DISPUTED)),
    ('Refunded', OrdersView(state=State.REFUNDED)),
    ('Mismatch', OrdersView(state=State.MISMATCH)),
)
BOOKED_WORDS = {Booked.YES: 'Booked', Booked.NO: 'Paid, not booked', Booked.UNKNOWN: 'Not known'}
SORT_WORDS = {SortKey.CREATED: 'Begun', SortKey.PAID: 'Paid'}


def url(view: OrdersView) -> str:
    """Return the URL of a view."""
    query = view.to_query()
    return f'{PATH}?{query}' if query else PATH


def filters(page: OrdersPage) -> Markup:
    """Build the rest of the search form: its button, and the filters that are folded until one is used."""
    view = page.view
    is_used = any((view.state, view.booked, view.since, view.until, view.mode))
    fields = h(
        'div',
        _select(
            'state',
            'State',
            view.state or '',
            [('', 'Any'), *((state, state.capitalize()) for state in State)],
        ),
        _select('booked', 'Booked', view.booked or '', [('', 'Any'), *BOOKED_WORDS.items()]),
        _day('from', 'From', view.since.isoformat() if view.since else ''),
        _day('to', 'To', view.until.isoformat() if view.until else ''),
        _select(
            'environment',
            'Environment',
            view.mode,
            [('', 'This shop’s'), *((mode, mode.capitalize()) for mode in MODES)],
        ),
        _select('sort', 'By the time', view.sort, [*SORT_WORDS.items()]),
        _select(
            'order',
            'First',
            'oldest' if view.oldest_first else '',
            [('', 'The newest'), ('oldest', 'The oldest')],
        ),
        class_='fields',
    )
    words = f'{SEARCHED} Days are those of {page.zone}.'
    more = h('div', fields, h('p', words, class_='quiet'))
    button = h('button', 'Search', type='submit', class_='button main')
    return join(button, h('details', h('summary', 'Filters'), more, open=is_used, class_='fold'))


def _select(name: str, label: str, value: str, choices: Iterable[tuple[str, str]]) -> Markup:
    options = (h('option', words, value=choice, selected=choice == value) for choice, words in choices)
    field = h('select', *options, name=name, id=f'filter-{name}')
    return h('p', h('label', label, for_=f'filter-{name}'), field)


def _day(name: str, label: str, value: str) -> Markup:
    field = h('input', type='date', name=name, id=f'filter-{name}', value=value)
    return h('p', h('label', label, for_=f'filter-{name}'), field)


def chips(view: OrdersView) -> Markup:
    """Build the views that are one press away; each keeps what is searched for."""
    shown = view.changed()
    links = []
    for words, preset in VIEWS:
        chosen = shown.changed(state=preset.state, booked=preset.booked)
        links.append(h('a', words, href=url(chosen), aria_current='true' if chosen == shown else None))
    return join(*links)


def nothing_found(view: OrdersView) -> Markup:
    """Say that there is no such order, or none at all."""
    if view.changed() == OrdersView():
        return join(
            h('p', h('strong', 'No order yet.')),
            h('p', 'An order appears here as soon as somebody presses the button to pay.', class_='quiet'),
        )
    everything = h('a', 'Show all orders', href=PATH)
    return join(
        h('p', h('strong', 'No order is like that.')), h('p', SEARCHED, class_='quiet'), h('p', everything)
    )


def paging(page: OrdersPage) -> Markup:
    """Build the links to the pages before and after."""
    before = (
        h('a', '← Page before', href=url(page.previous), rel='prev', class_='button')
        if page.previous
        else None
    )
    after = (
        h('a', 'Next page →', href=url(page.following), rel='next', class_='button')
        if page.following
        else None
    )
    cut = (
        h('p', 'More orders match than can be listed. Type more of the name or the address.', class_='quiet')
        if page.cut
        else None
    )
    return join(cut, h('div', before, after, class_='row') if before or after else None)
