"""The calendar on the page of a paid order: its frame, the plain link, and the words while it is fetched."""

from markupsafe import Markup
from nicegui import ui

from services.orders import Order
from services.shop import Shop
from services.site import Contact
from ui.components import Static, Tag, reach
from ui.markup import h, join

PATIENT_TRIES = 3  # for a calendar link of the order's own, before the public address is taken
FETCHING = 'Your payment is safe. We are fetching the calendar; this page keeps trying.'


class CalendarFrame:
    """The place of the calendar; a frame stays untouched for as long as its address is wanted."""

    def __init__(self, shop: Shop, order: Order) -> None:
        self._shop = shop
        self._path = f'/order/{order.token}'
        self._tries = 0
        self.address: str | None = None
        self._place = ui.element('div').classes('calendar')

    async def fetch(self, order: Order) -> None:
        """Show the calendar of a verified order, or say that it is being fetched."""
        if self.address:
            return
        if not self._tries:
            self._say_fetching()
        self._tries += 1
        address = await self._shop.fulfilment.calendar(order, fallback=self._tries >= PATIENT_TRIES)
        if address and not self._place.is_deleted:
            self._show(address)

    def remove(self) -> None:
        """Take the calendar away."""
        self.address, self._tries = None, 0
        self._place.clear()

    def _say_fetching(self) -> None:
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
            Static(_look_again(self._path, self._shop.site.contact), 'noscript')

    def _heading(self) -> Markup:
        texts = self._shop.site.order
        return join(h('h2', texts.calendar_title), h('p', texts.calendar_hint, class_='quiet'))


def _look_again(path: str, contact: Contact) -> Markup:
    """For browsers without script, where this page cannot change by itself and Calendly may stay empty."""
    link = h('p', 'Booked? ', h('a', 'Show my session here', href=path))
    return join(
        link,
        h('p', 'No calendar at all? It may need JavaScript. We will gladly book for you.'),
        reach(contact),
    )


def _plain_link(address: str) -> Markup:
    link = {'href': address, 'target': '_blank', 'rel': 'noopener noreferrer'}
    return join('Nothing to see here? ', h('a', 'Open the calendar in a new tab', **link))
