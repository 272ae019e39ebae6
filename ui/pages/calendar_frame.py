"""The calendar on the page of a paid order: its iframe, a plain link, and a notice until both exist.

Its height: ``.frame`` in ``ui/components/theme.css``.
"""

from markupsafe import Markup
from nicegui import ui

from services.orders import Order
from services.shop import Shop
from ui.components.builder import h, join
from ui.components.elements import Static
from ui.components.layout import contact_sentence
from ui.rendering.reconnect import LastingFrame, is_rebuilt, numbered_from

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
IDS = 20


class CalendarFrame:
    """The element around the calendar; an iframe that is shown is not touched while its link is valid.

    Its ids follow from the ledger, not from what this page has shown before, so that they are the same when
    the page is built again (see ``ui.rendering.reconnect``).
    """

    def __init__(self, shop: Shop, order: Order) -> None:
        self._shop = shop
        self._order_path = f'/order/{order.token}'
        self._is_fetching = False
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
        if self._link and order.calendar_url != self._link:  # the link was used
            self.remove()
        self._link = order.calendar_url
        if self.url:
            return
        if not self._is_fetching:
            self._show_notice()
        calendar = self._shop.calendar
        # A browser that comes back may show the public calendar already.
        has_waited = calendar.has_waited(order) or (self._is_rebuilt and not order.bookings_unknown)
        url = await calendar.url(order, fallback=has_waited)
        if url and not self._element.is_deleted:
            with numbered_from(FIRST_ID + IDS * earlier_bookings, self._element.client):
                self._show(url)

    def remove(self) -> None:
        """Remove the calendar from the page."""
        self.url, self._is_fetching, self._is_rebuilt = None, False, False
        self._element.clear()

    def _show_notice(self) -> None:
        self._is_fetching = True
        self._element.clear()
        with self._element:
            Static(self._heading())
            Static(h('p', FETCHING), role='status').classes('frame fetching busy')
            Static(h('a', 'Check now', href=self._order_path), 'p').classes('links')

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
