"""The legal pages: terms, refunds and privacy, from the texts of the site; plain documents without script."""

from fastapi.responses import HTMLResponse
from markupsafe import Markup
from nicegui import app

from services.shop import Shop
from services.site import Legal, Privacy, Section
from ui.components.builder import h, join, paragraphs
from ui.components.documents import plain_page
from ui.components.layout import contact_sentence


def register(shop: Shop) -> None:
    """Register /terms, /refunds and /privacy."""

    @app.api_route('/terms', methods=['GET', 'HEAD'])
    def terms() -> HTMLResponse:
        return plain_page(shop, shop.site.terms.title, content(shop, shop.site.terms))

    @app.api_route('/refunds', methods=['GET', 'HEAD'])
    def refunds() -> HTMLResponse:
        return plain_page(shop, shop.site.refunds.title, content(shop, shop.site.refunds))

    @app.api_route('/privacy', methods=['GET', 'HEAD'])
    def privacy() -> HTMLResponse:
        return plain_page(shop, shop.site.privacy.title, content(shop, shop.site.privacy))


def content(shop: Shop, legal: Legal) -> Markup:
    """Build the content of a legal page; the privacy page says more where mail or Stripe's script is used.

    Args:
        shop: whose page it is.
        legal: its text.
    """
    more: list[Section] = []
    if isinstance(legal, Privacy):
        more += [legal.mail] if shop.sends_mail else []
        more += [legal.stripe_js] if shop.settings.loads_stripe_js else []
    texts = (*legal.sections, *more)
    sections = [h('section', h('h2', text.heading), paragraphs(text.text)) for text in texts]
    updated = f'Last changed on {shop.site.updated:%B} {shop.site.updated.day}, {shop.site.updated.year}.'
    contact = h('section', h('h2', 'Contact'), contact_sentence(shop.site.contact))
    body = join(h('h1', legal.title), *sections, contact, h('p', updated, class_='quiet'))
    return h('article', body, class_='prose')
