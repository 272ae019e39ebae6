"""The landing page: what the hour does, for whom, for how much, and the button."""

import asyncio

from fastapi import Request, Response
from markupsafe import Markup
from nicegui import app, background_tasks, ui

from services.catalog import Offer
from services.errors import AFTER_STRIPE, AlreadyPaid
from services.orders import Return
from services.shop import Shop
from ui.components.builder import h, join
from ui.components.elements import BUSY, Static, chrome, reach, refresh_without_script
from ui.components.theme import favicon
from ui.middleware.browser_id import browser_id_of, is_new
from ui.pages import seo
from ui.pages.errors import alert_by_code
from ui.pages.landing_sections import assurances, closing, parts, pitch
from ui.pages.pay_buttons import PayButtons, price_tag

AGAIN = 5  # seconds until a browser without script asks again
PATIENCE = 1.2  # seconds the page waits for what Stripe says of a customer who came back
PAID_HERE = 'A payment was just made here, in this browser. If it was yours, do not pay again.'
UNCLEAR = AFTER_STRIPE.replace('this page keeps', 'we keep')
NOT_CHARGED = 'No charge was made. You can pay whenever you are ready.'


def register(shop: Shop) -> None:
    """Register the landing page."""
    icon = str(favicon(shop.site.look))

    @ui.page(
        '/',
        title=seo.title_of_landing(shop),
        favicon=icon,
        response_timeout=BUSY,
    )
    async def landing(request: Request) -> None:
        offer = await shop.catalog.look()
        query = request.query_params
        ui.add_head_html(str(join(seo.head_of_landing(shop, offer), seo.fraud_script(shop))))
        code = query.get('trouble', '')
        trouble = alert_by_code(code, query.get('error', ''), shop.site.contact)
        if (
            trouble
            and code != AlreadyPaid.code
            and await shop.checkout.just_paid(browser_id_of(ui.context.client))
        ):
            trouble = Markup('')  # the words of an address from before the payment are no longer true
        again = code == AlreadyPaid.code and query.get('again') == '1'
        notice = draw(shop, offer, trouble=trouble, again=again)
        if not trouble:
            await _greet(shop, notice, came_back='back' in query)

    @app.head('/')
    def head() -> Response:
        return Response(media_type='text/html')


def draw(shop: Shop, offer: Offer, *, trouble: Markup, again: bool) -> Static:
    """Draw the page; returns the place of its notice.

    Args:
        shop: whose page it is.
        offer: what is for sale.
        trouble: what the alert beside the first button says.
        again: whether its customer knows of a payment a moment ago and may pay nevertheless.
    """
    with chrome(shop):
        with ui.element('section').classes('wrap hero'):
            Static(pitch(shop.site)).classes('pitch')
            with ui.element('div').classes('card'):
                notice = Static(Markup(''), role='status').classes('alert calm')
                price = Static(price_tag(shop, offer)).classes('offer')
                buttons = PayButtons(shop, offer, price, again=again)
                buttons.draw_form(trouble)
                Static(assurances(shop.site), 'ul').classes('assurances')
        Static(parts(shop.site)).classes('wrap parts')
        with ui.element('section').classes('wrap closing'):
            Static(closing(shop.site))
            buttons.draw_form()
    return notice


def unclear(shop: Shop) -> Markup:
    """What is said to somebody who came back while it is not known yet what became of the payment."""
    return join(h('p', UNCLEAR), reach(shop.site.contact))


async def _greet(shop: Shop, notice: Static, *, came_back: bool) -> None:
    """Say what is known of a payment from this browser: now where that is quick, otherwise in a moment."""
    client = ui.context.client
    browser_id = browser_id_of(client)
    if not came_back:
        if not is_new(client.request) and await shop.checkout.just_paid(browser_id):
            notice.show(_paid_here(shop))
        return

    async def ask() -> None:
        match await shop.checkout.came_back(browser_id):
            case Return.NOT_CHARGED:
                notice.show(h('p', NOT_CHARGED))
            case Return.PAID:
                notice.show(_paid_here(shop))
            case Return.NOTHING:
                notice.show(Markup(''))

    notice.show(unclear(shop))
    _, unanswered = await asyncio.wait({background_tasks.create(ask())}, timeout=PATIENCE)
    if unanswered:
        refresh_without_script(AGAIN)


def _paid_here(shop: Shop) -> Markup:
    return join(h('p', PAID_HERE), reach(shop.site.contact))
