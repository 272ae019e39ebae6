"""The landing page: what the session does, for whom, its price, and the pay button."""

import asyncio
from datetime import UTC, datetime

from fastapi import Request, Response
from markupsafe import Markup
from nicegui import app, background_tasks, ui

from services.catalog import Offer
from services.errors import AFTER_STRIPE, AlreadyPaid
from services.orders import Return
from services.shop import Shop
from ui.components.builder import h, join
from ui.components.elements import Static, refresh_without_script
from ui.components.layout import RESPONSE_TIMEOUT, contact_sentence, find_link, order_link, page_layout
from ui.middleware.browser_id import browser_id_of, is_new
from ui.pages import seo
from ui.pages.errors import alert_by_code
from ui.pages.landing_sections import assurances, closing, pitch, sections
from ui.pages.pay_buttons import CHECKOUT, FormTarget, PayButtons, price_tag
from ui.pages.recent_orders import recent_orders
from ui.rendering.reconnect import Reconnector

REFRESH_AFTER = 5  # seconds, in browsers without script
STRIPE_TIMEOUT = 1.2  # seconds the page waits for what Stripe knows about a customer who came back
UNKNOWN = AFTER_STRIPE.replace('this page keeps', 'we keep')
NOT_CHARGED = 'No charge was made. You can pay whenever you are ready.'


def register(shop: Shop, reconnector: Reconnector) -> None:
    """Register the landing page."""

    @reconnector.page('/', response_timeout=RESPONSE_TIMEOUT)
    async def landing(request: Request) -> None:
        ui.context.client.title = seo.title_of_landing(shop)
        offer = await shop.catalog.get_for_page()
        await shop.selling.stop_for_page()
        query = request.query_params
        ui.add_head_html(str(join(seo.head_of_landing(shop, offer), seo.fraud_script(shop))))
        code = query.get('alert', '')
        alert = alert_by_code(code, query.get('error', ''), shop.site.contact)
        paid = await shop.checkout.recent_order(browser_id_of(ui.context.client)) if alert else None
        if paid and code != AlreadyPaid.code:
            alert = Markup('')  # the URL is from before the payment; its alert is no longer true
        if alert:
            alert = join(alert, order_link(paid))
        again = code == AlreadyPaid.code and query.get('again') == '1'
        notice = build(shop, offer, alert=alert, again=again)
        if not alert:
            await _show_payment(shop, notice, came_back='back' in query)

    @app.head('/')
    def head() -> Response:
        return Response(media_type='text/html')


def build(shop: Shop, offer: Offer, *, alert: Markup, again: bool, target: FormTarget = CHECKOUT) -> Static:
    """Build the page; return the element for its notice.

    Args:
        shop: whose page it is.
        offer: what is for sale.
        alert: the content of the alert beside the first button.
        again: whether the customer was warned of a recent payment, so that the next press pays again.
        target: where the pay buttons lead without script.
    """
    with page_layout(shop):
        with ui.element('section').classes('wrap hero'):
            Static(pitch(shop.site)).classes('pitch')
            with ui.element('div').classes('card'):
                notice = Static(Markup(''), role='status').classes('alert calm')
                price = Static(price_tag(shop, offer)).classes('offer')
                buttons = PayButtons(shop, offer, price, again=again, target=target)
                buttons.add_form(alert)
                Static(assurances(shop.site), 'ul').classes('assurances')
                Static(find_link(), 'p').classes('links')
        Static(sections(shop.site)).classes('wrap parts')
        with ui.element('section').classes('wrap closing'):
            Static(closing(shop.site))
            buttons.add_form()
    return notice


def payment_unknown(shop: Shop) -> Markup:
    """The notice for a customer who came back while the outcome of the payment is not known yet."""
    return join(h('p', UNKNOWN), contact_sentence(shop.site.contact))


async def _show_payment(shop: Shop, notice: Static, *, came_back: bool) -> None:
    """Show what is known of a payment from this browser, with the page or as soon as Stripe answers."""
    client = ui.context.client
    browser_id = browser_id_of(client)

    async def show_order() -> None:
        notice.show(await recent_orders(shop, browser_id, datetime.now(UTC)))

    if not came_back:
        if not is_new(client.request):
            await show_order()
        return

    async def ask_stripe() -> None:
        match await shop.checkout.came_back(browser_id):
            case Return.NOT_CHARGED:
                notice.show(h('p', NOT_CHARGED))
            case Return.PAID:
                await show_order()
            case Return.NOTHING:
                notice.show(Markup(''))

    notice.show(payment_unknown(shop))
    _, pending = await asyncio.wait({background_tasks.create(ask_stripe())}, timeout=STRIPE_TIMEOUT)
    if pending:
        refresh_without_script(REFRESH_AFTER)
