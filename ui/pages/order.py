"""The page of an order, which is updated live, and what is below its URL."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from markupsafe import Markup
from nicegui import app, background_tasks, ui
from nicegui.elements.timer import Timer  # ui.timer, of which every process must have the script

from services.errors import CorrectedJustNow, InvalidEmail, ShopError
from services.orders import BookingState, Cause, Order
from services.shop import Shop, WaitsFor
from services.site import Contact
from ui.components.elements import Static, refresh_without_script
from ui.components.layout import RESPONSE_TIMEOUT, page_layout
from ui.pages import seo
from ui.pages.calendar_frame import CalendarFrame
from ui.pages.email_form import EmailForm, corrected, form_page
from ui.pages.errors import UNEXPECTED, alert, alert_for, not_found, refused
from ui.pages.forms import NOT_OUR_FORM, read_form
from ui.pages.order_states import OrderData, View, corrects_email, view
from ui.pages.order_urls import PRIVATE
from ui.rendering.reconnect import Reconnector, is_rebuilt, numbered_from

FIRST_REFRESH_TIMEOUT = 1.5  # seconds the first response waits for Stripe
REFRESH_AFTER = (5, 60)  # seconds, at least and at most, in browsers without script
FIRST_ID = 100  # of the elements around the calendar
# Seconds; what this process writes is shown at once. A webhook may reach another process.
BUSY_INTERVAL, PICKING_INTERVAL, IDLE_INTERVAL = 1.0, 5.0, 15.0
CHECK_AFTER = (2, 4, 8, 15, 30, 60)  # seconds between two reads at Stripe
REFRESH_TASK = 'refresh an order page'


def register(shop: Shop, reconnector: Reconnector) -> None:
    """Register the page of an order, its form, its calendar file and the way to its invoice."""
    open_pages: dict[str, OrderPage] = {}  # by the id of their client

    @reconnector.page('/order/{token}', response_timeout=RESPONSE_TIMEOUT)
    async def order_page(token: str, request: Request) -> Response | None:
        order = await shop.fulfilment.find(token)
        if order is None:
            ui.context.client.delete()  # no browser will connect to it; guessed tokens must not cost memory
            return not_found(shop, order=True)
        ui.context.client.title = f'Your order · {shop.site.business.name}'
        with page_layout(shop):
            page = OrderPage(shop, order)
        client = ui.context.client
        open_pages[client.id] = page
        client.on_delete(lambda: open_pages.pop(client.id, None))
        if 'corrected' in request.query_params and order.contact_email:
            page.email.show(corrected(order, shows_calendar=False))
        await page.update()
        # A browser that shows the page already keeps what it has until all of it is known again.
        timeout = None if is_rebuilt() else FIRST_REFRESH_TIMEOUT
        await asyncio.wait({background_tasks.create(page.refresh())}, timeout=timeout)
        page.go_live()
        ui.add_head_html(str(seo.head_of_order(shop, calendar=page.shows_calendar)))
        if page.is_busy:
            refresh_without_script(seconds_until_refresh(datetime.now(UTC) - order.created_at))
        return None

    @app.post('/order/{token}/email')
    async def correct_email(token: str, request: Request) -> Response:
        return await _correct_email(shop, open_pages, token, request)

    @app.get('/order/{token}/invoice')
    async def invoice(token: str) -> Response:
        order = await shop.fulfilment.find(token)
        url = await shop.fulfilment.find_invoice(order) if order else ''
        return RedirectResponse(url, 303, headers=PRIVATE) if url else not_found(shop, order=True)

    @app.api_route('/order/{token}/session.ics', methods=['GET', 'HEAD'])
    async def session_file(token: str) -> Response:
        from ui.pages.calendar_file import calendar_file  # rarely requested, and its library is large

        order = await shop.fulfilment.find(token)
        bookings = await shop.bookings.bookings(order) if order else ()
        active = tuple(booking for booking in bookings if booking.state is BookingState.ACTIVE)
        if order is None or not order.opens_calendar or not active:
            return not_found(shop, order=True)
        host = urlsplit(shop.settings.domain).hostname or 'localhost'
        content = calendar_file(order, active, shop.site, host=host)
        return Response(content, media_type='text/calendar', headers=PRIVATE)


async def _correct_email(
    shop: Shop, open_pages: Mapping[str, 'OrderPage'], token: str, request: Request
) -> Response:
    order = await shop.fulfilment.find(token)
    if order is None or not corrects_email(order, shop.calendar.gate(order)):
        return not_found(shop, order=True)
    try:
        form = await read_form(request)
    except ShopError as error:
        return refused(shop, error.status, NOT_OUR_FORM)
    # A page that is connected shows the result itself: loading it again would empty the calendar's form.
    sent_by = open_pages.get(form.get('page', ''))
    page = sent_by if sent_by and sent_by.is_connected and sent_by.token == token else None
    try:
        order = await shop.correct_email.correct(
            order, form.get('email', ''), because=Cause.PAGE if page else Cause.FORM
        )
    except ShopError as error:
        problem = _problem(error, shop.site.contact)
        if page is None:
            return form_page(shop, order, problem, status=error.status)
        page.email.show_problem(problem)
        return Response(status_code=204)
    if page is None:
        return RedirectResponse(f'/order/{token}?corrected=1', 303, headers=PRIVATE)
    page.email.show(corrected(order, shows_calendar=page.shows_calendar))
    return Response(status_code=204)


def _problem(error: ShopError, contact: Contact) -> Markup:
    """Say why the address was not corrected."""
    is_theirs = isinstance(error, InvalidEmail | CorrectedJustNow)
    return alert_for(error, contact) if is_theirs else alert(UNEXPECTED, contact, error.id)


def seconds_until_refresh(age: timedelta) -> int:
    """Seconds until a page without script reloads; the older the order, the more."""
    least, most = REFRESH_AFTER
    return max(least, min(most, int(age.total_seconds()) // 20))


class OrderPage:
    """One open page of an order."""

    def __init__(self, shop: Shop, order: Order) -> None:
        self._shop, self._order = shop, order
        self._view: View | None = None
        self._bookings = 0
        self._refreshing = self._refresh_again = False
        self._checks, self._next_check = 0, 0.0
        with (
            numbered_from(FIRST_ID, ui.context.client),
            ui.element('section').classes('wrap order') as self._section,
        ):
            self._state = Static(Markup(''), aria_live='polite').classes('state')
            self._calendar = CalendarFrame(shop, order)
            with ui.element('div').classes('below'):
                self._receipt = Static(Markup('')).classes('after')
                self.email = EmailForm(shop, order)
        self._timer: Timer | None = None
        self._is_open = False

    @property
    def token(self) -> str:
        """The secret in the address of the order."""
        return self._order.token

    @property
    def is_connected(self) -> bool:
        """Whether a browser shows the page now and hears of changes."""
        return self._section.client.has_socket_connection

    @property
    def shows_calendar(self) -> bool:
        """Whether a time can be picked on this page."""
        return self._view is not None and self._view.shows_calendar

    @property
    def is_busy(self) -> bool:
        """Whether the page waits for Stripe or Calendly, and is about to change."""
        waits = self._view is not None and self._view.waits
        return waits or (self.shows_calendar and not self._calendar.url)

    def go_live(self) -> None:
        """Refresh from time to time, and after each move of the order, for as long as the page is open."""
        self._timer = Timer(BUSY_INTERVAL, self.refresh)
        self._set_interval()
        unsubscribe = self._shop.fulfilment.subscribe(self._order, self._on_move)
        ui.context.client.on_delete(unsubscribe)
        self._is_open = True
        self._say_what_it_waits_for()
        ui.context.client.on_delete(self._on_close)

    def _on_close(self) -> None:
        self._is_open = False
        self._shop.waiting.leave(self)

    def _on_move(self) -> None:
        background_tasks.create(self.refresh(), name=REFRESH_TASK)

    async def refresh(self) -> None:
        """Read the order, check it at Stripe if that is due, and show what has changed.

        A call during another one makes that one read again, so that no move is missed.
        """
        self._refresh_again = True
        if self._refreshing:
            return
        self._refreshing = True
        try:
            while self._refresh_again:
                self._refresh_again = False
                await self._refresh_once()
        finally:
            self._refreshing = False
            self._set_interval()

    async def _refresh_once(self) -> None:
        self._order = await self._shop.fulfilment.find(self._order.token) or self._order
        await self.update()
        if self._view and self._view.waits and self._check_is_due():
            self._order = await self._shop.fulfilment.check(self._order, because=Cause.PAGE) or self._order
            await self.update()
        if self.shows_calendar:
            await self._calendar.fetch(self._order, earlier_bookings=self._bookings)

    async def update(self) -> None:
        """Show the order as it was read, if that changes the page."""
        order, shop = self._order, self._shop
        bookings, gate = await shop.bookings.bookings(order), shop.calendar.gate(order)
        self._bookings = len(bookings)
        data = OrderData(
            order,
            bookings,
            gate,
            datetime.now(UTC),
            domain=shop.settings.domain,
            notified=shop.learns_of_bookings,
        )
        new = view(data, self._shop.site)
        if new == self._view:
            return
        self._view = new
        self._say_what_it_waits_for()
        self._state.show(new.state)
        self._receipt.show(new.receipt)
        self.email.set_visible(new.corrects_email)
        self._section.classes(remove='alone') if new.shows_calendar else self._section.classes('alone')
        if not new.shows_calendar:
            self._calendar.remove()

    def _say_what_it_waits_for(self) -> None:
        """Have Calendly read often while the customer picks a time, or may change the meeting."""
        if not self._is_open or self._view is None:
            return
        if self._view.shows_calendar:
            self._shop.waiting.enter(self, WaitsFor.BOOKING)
        elif self._view.has_meeting:
            self._shop.waiting.enter(self, WaitsFor.CHANGE)
        else:
            self._shop.waiting.leave(self)

    def _check_is_due(self) -> bool:
        """Whether Stripe may be read again; the pauses grow."""
        now = asyncio.get_running_loop().time()
        if now < self._next_check:
            return False
        self._next_check = now + CHECK_AFTER[min(self._checks, len(CHECK_AFTER) - 1)]
        self._checks += 1
        return True

    def _set_interval(self) -> None:
        if self._timer:
            quiet = PICKING_INTERVAL if self.shows_calendar else IDLE_INTERVAL
            self._timer.interval = BUSY_INTERVAL if self.is_busy else quiet
