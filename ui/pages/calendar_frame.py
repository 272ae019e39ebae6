"""The calendar on the page of a paid order: its iframe, a plain link, and a notice until both exist.

Its height: ``.frame`` in ``ui/components/theme.css``.
"""

import asyncio

from markupsafe import Markup
from nicegui import ui

from services.orders import Order
from services.shop import Shop
from ui.components.builder import h, join
from ui.components.elements import Static
from ui.components.layout import contact_sentence
from ui.rendering.reconnect import LastingFrame, is_rebuilt, numbered_from

RETRY_AFTER = 5.0  # seconds until the next try while Calendly does not answer at all
FETCHING = 'Your payment is safe. We are fetching the calendar; this page keeps trying.'

ALREADY_BOOKED_SHORT = (
    'Already booked? The e-mail from Calendly has your session, with links to move or cancel it.'
)
"""For every shop: the frame may end in a page that says nothing, if Calendly redirects after booking."""
ALREADY_BOOKED = (
    f'{ALREADY_BOOKED_SHORT} If this calendar says that its link is no longer valid, it was used or has'
    ' expired: look for that e-mail, and if there is none, write to us.'
)
"""For a shop that neither is notified of bookings nor can read them."""

FIRST_ID = 200  # of the elements of the first calendar; each booking that ends it moves on by IDS
IDS, REPLACED = 20, 10  # with REPLACED added for a calendar that takes the place of one with a dead link


class CalendarFrame:
    """The element around the calendar; an iframe that is shown is not touched while its link is valid.

    Its ids follow from the ledger, not from what this page has shown before, so that they are the same when
    the page is built again (see ``ui.rendering.reconnect``).
    """

    def __init__(self, shop: Shop, order: Order) -> None:
        self._shop = shop
        self._order_path = f'/order/{order.token}'
        self._notice: str | None = None  # the calendar's address in the notice that is shown, '' without one
        self._next_try = 0.0
        self._first_id = FIRST_ID
        self._is_rebuilt = is_rebuilt()
        self.url: str | None = None
        self._link: str | None = None  # the order's own link, as far as it is known
        self._element = ui.element('div').classes('calendar')

    async def fetch(self, order: Order, *, earlier_bookings: int) -> None:
        """Show the calendar of a verified order, or a notice while its link is being made.

        Args:
            order: the order as read from the ledger.
            earlier_bookings: how many bookings of it are known; each has ended a calendar.
        """
        if self._link and order.calendar_url != self._link:  # it was used, or has expired
            self.remove()
            # A browser keeps the document of a frame whose id is the same.
            self._first_id = FIRST_ID + (REPLACED if self._first_id == FIRST_ID else 0)
        self._link = order.calendar_url
        if self.url or asyncio.get_running_loop().time() < self._next_try:
            return
        if self._notice is None:
            self._show_notice()
        calendar = self._shop.calendar
        # A browser that comes back may show the public calendar already.
        has_waited = calendar.has_waited(order) or (self._is_rebuilt and not order.bookings_unknown)
        url = await calendar.url(order, fallback=has_waited)
        if not url or self._element.is_deleted:
            return
        if self._is_rebuilt or await calendar.is_reachable():
            with numbered_from(self._first_id + IDS * earlier_bookings, self._element.client):
                self._show(url)
        else:  # an empty frame would stay, and nobody may replace it
            self._next_try = asyncio.get_running_loop().time() + RETRY_AFTER
            self._show_notice(url)

    def remove(self) -> None:
        """Remove the calendar from the page."""
        self.url, self._notice, self._next_try, self._is_rebuilt = None, None, 0.0, False
        self._element.clear()

    def _show_notice(self, url: str = '') -> None:
        if self._notice == url:
            return
        self._notice = url
        self._element.clear()
        with self._element:
            Static(self._heading())
            Static(h('p', FETCHING), role='status').classes('frame fetching busy')
            Static(h('a', 'Check now', href=self._order_path), 'p').classes('links')
            if url:
                Static(_plain_link(url), 'p')

    def _show(self, url: str) -> None:
        self.url = url
        self._element.clear()
        title = self._shop.site.order.calendar_title
        with self._element:
            Static(self._heading())
            with ui.element('div').classes('frame'):
                LastingFrame(title=title, src=url, referrerpolicy='strict-origin')
            Static(_plain_link(url), 'p')
            Static(h('p', self._already_booked(), class_='quiet'))
            Static(self._without_script(), 'noscript')

    def _already_booked(self) -> Markup:
        """For browsers without script too, and for those whose script or connection fails."""
        if not self._shop.learns_of_bookings:
            return join(ALREADY_BOOKED)
        return join(ALREADY_BOOKED_SHORT, ' ', h('a', 'Show my session here', href=self._order_path))

    def _without_script(self) -> Markup:
        """For browsers without script: Calendly may stay empty there."""
        return join(
            h('p', 'No calendar at all? It may need JavaScript. We will gladly book for you.'),
            contact_sentence(self._shop.site.contact),
        )

    def _heading(self) -> Markup:
        texts = self._shop.site.order
        return join(h('h2', texts.calendar_title), h('p', texts.calendar_hint, class_='quiet'))


def _plain_link(url: str) -> Markup:
    link = {'href': url, 'target': '_blank', 'rel': 'noopener noreferrer'}
    return join('Nothing to see here? ', h('a', 'Open the calendar in a new tab', **link))
