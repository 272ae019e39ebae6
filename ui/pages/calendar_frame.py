"""The calendar on the page of a paid order: its frame, the plain link, and the words while it is fetched."""

from markupsafe import Markup
from nicegui import ui

from services.orders import Order
from services.shop import Shop
from ui.components.builder import h, join
from ui.components.elements import Static, Tag, reach

FETCHING = 'Your payment is safe. We are fetching the calendar; this page keeps trying.'

BOOKED = (
    'Already booked? The e-mail from Calendly has your session, with links to move or cancel it. If this'
    ' calendar says that its link is no longer valid, it was used or has expired: look for that e-mail,'
    ' and if there is none, write to us.'
)
"""What a shop says that is not told of bookings."""


class CalendarFrame:
    """The place of the calendar; a frame stays untouched for as long as its address is wanted."""

    def __init__(self, shop: Shop, order: Order) -> None:
        self._shop = shop
        self._path = f'/order/{order.token}'
        self._waits = False
        self.address: str | None = None
        self._link: str | None = None  # the order's own, as far as it is known
        self._place = ui.element('div').classes('calendar')

    async def fetch(self, order: Order) -> None:
        """Show the calendar of a verified order, or say that it is being fetched."""
        if self._link and order.calendar_url != self._link:  # it is spent
            self.remove()
        self._link = order.calendar_url
        if self.address:
            return
        if not self._waits:
            self._say_fetching()
        fulfilment = self._shop.fulfilment
        address = await fulfilment.calendar(order, fallback=fulfilment.has_waited(order))
        if address and not self._place.is_deleted:
            self._show(address)

    def remove(self) -> None:
        """Take the calendar away."""
        self.address, self._waits = None, False
        self._place.clear()

    def _say_fetching(self) -> None:
        self._waits = True
        self._place.clear()
        with self._place:
            Static(self._heading())
            Static(h('p', FETCHING), role='status').classes('frame fetching busy')

    def _show(self, address: str) -> None:
        self.address = address
        self._place.clear()
        title = self._shop.site.order.calendar_title
        with self._place:
            Static(self._heading())
            with ui.element('div').classes('frame'):
                Tag('iframe', title=title, src=address, referrerpolicy='strict-origin')
            Static(_plain_link(address), 'p')
            if not self._shop.learns_of_bookings:
                Static(h('p', BOOKED, class_='quiet'))
            Static(self._without_script(), 'noscript')

    def _without_script(self) -> Markup:
        """For browsers where this page cannot change by itself, and Calendly may stay empty."""
        link = h('p', 'Booked? ', h('a', 'Show my session here', href=self._path))
        return join(
            link if self._shop.learns_of_bookings else None,
            h('p', 'No calendar at all? It may need JavaScript. We will gladly book for you.'),
            reach(self._shop.site.contact),
        )

    def _heading(self) -> Markup:
        texts = self._shop.site.order
        return join(h('h2', texts.calendar_title), h('p', texts.calendar_hint, class_='quiet'))


def _plain_link(address: str) -> Markup:
    link = {'href': address, 'target': '_blank', 'rel': 'noopener noreferrer'}
    return join('Nothing to see here? ', h('a', 'Open the calendar in a new tab', **link))
