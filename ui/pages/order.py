"""The way back from Stripe, and the page of an order, which changes by itself when the order does."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from markupsafe import Markup
from nicegui import app, background_tasks, ui

from services.errors import AFTER_STRIPE, ShopError
from services.orders import Order
from services.shop import Shop
from ui.components.builder import h, join
from ui.components.elements import BUSY, Static, address_of, chrome, plain_page, reach, refresh_without_script
from ui.components.theme import favicon
from ui.pages import seo
from ui.pages.calendar_frame import CalendarFrame
from ui.pages.errors import not_found, refused
from ui.pages.order_states import Seen, View, view

SESSION_ID = r'cs_[A-Za-z0-9_-]{1,250}'
FIRST_LOOK = 1.5  # seconds the first drawing waits for Stripe; NiceGUI gives a page builder 3 s in all
AGAIN = (5, 60)  # seconds, at least and at most, until a browser without script asks again
WAITING, SETTLED = 1.0, 15.0  # seconds between two looks; what this process writes is shown at once
PAUSES = (2, 4, 8, 15, 30, 60)  # seconds between two questions to Stripe
LOOKING = 'look at an order'
PRIVATE = {'Cache-Control': 'no-store', 'X-Robots-Tag': 'noindex'}


def register(shop: Shop) -> None:
    """Register /success, the page of an order and its calendar file."""
    icon = str(favicon(shop.site.look))

    @app.get('/success')
    async def success(request: Request) -> Response:
        session_id = request.query_params.get('session_id', '')
        if not re.fullmatch(SESSION_ID, session_id):
            return refused(shop, 400, 'This address is not complete. If you have paid, your payment is safe.')
        try:
            order = await shop.fulfilment.arrive(session_id, client=address_of(request))
        except ShopError as error:
            return _still_checking(shop, error, again=f'/success?session_id={session_id}')
        return RedirectResponse(f'/order/{order.token}', 303, headers=PRIVATE) if order else not_found(shop)

    @ui.page(
        '/order/{token}', title=f'Your order · {shop.site.business.name}', favicon=icon, response_timeout=BUSY
    )
    async def order_page(token: str) -> Response | None:
        order = await shop.fulfilment.find(token)
        if order is None:
            ui.context.client.delete()  # nobody will connect to it; guessing must not cost memory
            return not_found(shop)
        with chrome(shop):
            page = OrderPage(shop, order)
        await page.draw()
        await asyncio.wait({background_tasks.create(page.look())}, timeout=FIRST_LOOK)
        page.go_live()
        ui.add_head_html(str(seo.head_of_order(shop, calendar=page.wants_calendar)))
        if page.is_busy:
            refresh_without_script(again_after(datetime.now(UTC) - order.created_at))
        return None

    @app.get('/order/{token}/session.ics')
    async def session_file(token: str) -> Response:
        from ui.pages.calendar_file import calendar_file  # few ask for it, and its library is large

        order = await shop.fulfilment.find(token)
        bookings = await shop.fulfilment.bookings(order) if order else ()
        stand = tuple(booking for booking in bookings if booking.state == 'active')
        if order is None or not order.opens_calendar or not stand:
            return not_found(shop)
        host = urlsplit(shop.settings.domain).hostname or 'localhost'
        content = calendar_file(order, stand, shop.site, host=host)
        return Response(content, media_type='text/calendar', headers=PRIVATE)


def again_after(age: timedelta) -> int:
    """Seconds until a page without script should ask again: the older the order, the more patiently."""
    soonest, latest = AGAIN
    return max(soonest, min(latest, int(age.total_seconds()) // 20))


def _still_checking(shop: Shop, error: ShopError, *, again: str) -> Response:
    """The page for somebody whom we do not know yet while Stripe is silent; it asks again by itself."""
    body = join(
        h('h1', 'Checking your payment…'),
        h('p', AFTER_STRIPE),
        h('p', h('a', 'Check now', href=again, class_='cta')),
        reach(shop.site.contact),
        h('p', f'Error {error.id}', class_='quiet'),
    )
    seconds = str(error.retry_after or 5)
    headers = PRIVATE | {'Retry-After': seconds, 'Refresh': seconds}
    return plain_page(shop, 'Checking your payment', body, status=error.status, headers=headers)


class OrderPage:
    """One opened page of an order."""

    def __init__(self, shop: Shop, order: Order) -> None:
        self._shop, self._order = shop, order
        self._shown: View | None = None
        self._looking = self._news = False
        self._asked, self._ask_at = 0, 0.0
        with ui.element('section').classes('wrap order') as self._whole:
            self._state = Static(Markup(''), aria_live='polite').classes('state')
            self._calendar = CalendarFrame(shop, order)
            self._receipt = Static(Markup(''), 'dl').classes('receipt')
        self._timer: ui.timer | None = None

    def go_live(self) -> None:
        """Look again from time to time for as long as the page is open."""
        self._timer = ui.timer(WAITING, self.look)
        self._pace()
        client = ui.context.client
        stop = self._shop.fulfilment.subscribe(self._order, self._told)
        client.on_delete(stop)

    def _told(self) -> None:
        background_tasks.create(self.look(), name=LOOKING)

    async def look(self) -> None:
        """Read the order, ask Stripe if that is due, and draw what has changed."""
        self._news = True
        if self._looking:
            return
        self._looking = True
        try:
            while self._news:
                self._news = False
                await self._look_once()
        finally:
            self._looking = False
            self._pace()

    async def _look_once(self) -> None:
        self._order = await self._shop.fulfilment.find(self._order.token) or self._order
        await self.draw()
        if self._shown and self._shown.waits and self._is_due():
            self._order = await self._shop.fulfilment.refresh(self._order, because='page')
            await self.draw()
        if self._shown and self._shown.wants_calendar:
            await self._calendar.fetch(self._order)

    async def draw(self) -> None:
        """Draw the order as it is known, if that changed."""
        order = self._order
        bookings = await self._shop.fulfilment.bookings(order)
        closed, told = self._shop.fulfilment.why_closed(order), self._shop.learns_of_bookings
        seen = Seen(order, bookings, closed, datetime.now(UTC), told=told)
        shown = view(seen, self._shop.site)
        if shown == self._shown:
            return
        self._shown = shown
        self._state.show(shown.state)
        self._receipt.show(shown.receipt)
        self._whole.classes(remove='alone') if shown.wants_calendar else self._whole.classes('alone')
        if not shown.wants_calendar:
            self._calendar.remove()

    def _is_due(self) -> bool:
        """Whether Stripe may be asked again; the pauses grow."""
        now = asyncio.get_running_loop().time()
        if now < self._ask_at:
            return False
        self._ask_at = now + PAUSES[min(self._asked, len(PAUSES) - 1)]
        self._asked += 1
        return True

    @property
    def wants_calendar(self) -> bool:
        """Whether a time can be picked on this page."""
        return self._shown is not None and self._shown.wants_calendar

    @property
    def is_busy(self) -> bool:
        """Whether something that was asked for elsewhere is about to change this page."""
        shown = self._shown
        return shown is not None and (shown.waits or (shown.wants_calendar and not self._calendar.address))

    def _pace(self) -> None:
        if self._timer:
            self._timer.interval = WAITING if self.is_busy else SETTLED
