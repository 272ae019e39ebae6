"""What the landing page says of the orders that were paid in this browser, with a link to each."""

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo

from babel.dates import format_skeleton, get_timezone_gmt, get_timezone_name
from markupsafe import Markup

from services.orders import Booking, BookingState, CalendarGate, Order, State
from services.shop import Shop
from ui.components.builder import h, join
from ui.components.layout import contact_sentence
from ui.components.meetings import LOCALE, zone_of

JUST_PAID = 'A payment was just made here, in this browser. If it was yours, do not pay again.'
NOT_PAID_YET = 'You have an order here whose payment has not arrived yet. Do not pay for it a second time.'
PICK, SEE, OVER = 'You have paid: pick your time', 'You have paid: see your order', 'Your session is over'
BEFORE_PAYMENT = {
    State.PROCESSING: 'Your payment is under way',
    State.AWAITING_CUSTOMER: 'You still have to pay: see how',
    State.UNDER_REVIEW: 'Your payment is being checked',
    State.MISMATCH: 'We are looking at your payment',
}
JUST = timedelta(hours=24)


async def recent_orders(shop: Shop, browser_id: str, now: datetime) -> Markup:
    """Build the notice about a browser's orders; empty where there are none.

    Args:
        shop: whose page it is.
        browser_id: what the browser's cookie holds.
        now: the present time in UTC.
    """
    orders = await shop.checkout.recent_orders(browser_id)
    if not orders:
        return Markup('')
    links: list[Markup] = []
    is_booked = False
    for order in orders:
        bookings = await shop.bookings.bookings(order)
        is_booked |= any(booking.state is BookingState.ACTIVE for booking in bookings)
        which = f' ({order.reference})' if len(orders) > 1 else ''
        link = h('a', f'{_words(shop, order, bookings, now)}{which}', href=f'/order/{order.token}')
        links.append(h('p', link, class_='links'))
    if is_booked or not (warning := _warning(orders[0], now)):
        return join(*links)
    return join(*links, h('p', warning), contact_sentence(shop.site.contact))


def _warning(newest: Order, now: datetime) -> str:
    """What keeps somebody from paying twice who has not noticed that the payment was made."""
    if newest.state in (State.PROCESSING, State.AWAITING_CUSTOMER):
        return NOT_PAID_YET
    return JUST_PAID if newest.completed_at and now - newest.completed_at < JUST else ''


def _words(shop: Shop, order: Order, bookings: Sequence[Booking], now: datetime) -> str:
    """How an order stands, in a few words."""
    if order.state in BEFORE_PAYMENT:
        return BEFORE_PAYMENT[order.state]
    booked = [booking for booking in bookings if booking.state is BookingState.ACTIVE]
    if coming := [booking for booking in booked if booking.end > now]:
        first = min(coming, key=lambda booking: booking.start)
        return f'You are booked: {short_time(first.start, zone_of(first, shop.site.business.zone))}'
    if booked:
        return OVER
    is_open = shop.calendar.gate(order) is CalendarGate.OPEN and not order.bookings_unknown
    return PICK if is_open and shop.learns_of_bookings else SEE


def short_time(time: datetime, zone: tzinfo) -> str:
    """A time for a few words, such as "Tue, Dec 1, 10:00 AM EST"."""
    local = time.astimezone(zone)
    short = get_timezone_name(local, width='short', locale=LOCALE)
    name = short if short.isalpha() else get_timezone_gmt(local, locale=LOCALE)
    return f'{format_skeleton("MMMEd", local, locale=LOCALE)}, {local:%-I:%M %p} {name}'
