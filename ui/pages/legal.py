"""The legal pages: terms, refunds and privacy, from the texts of the site; plain documents without script."""

from fastapi.responses import HTMLResponse
from nicegui import app

from services.shop import Shop
from services.site import Legal, Section
from ui.components.builder import h, join, paragraphs
from ui.components.elements import plain_page, reach


def register(shop: Shop) -> None:
    """Register /terms, /refunds and /privacy."""

    @app.api_route('/terms', methods=['GET', 'HEAD'])
    def terms() -> HTMLResponse:
        return _page(shop, shop.site.terms)

    @app.api_route('/refunds', methods=['GET', 'HEAD'])
    def refunds() -> HTMLResponse:
        return _page(shop, shop.site.refunds)

    @app.api_route('/privacy', methods=['GET', 'HEAD'])
    def privacy() -> HTMLResponse:
        privacy = shop.site.privacy
        fraud = (privacy.stripe_js,) if shop.settings.loads_stripe_js else ()
        return _page(shop, privacy, *fraud)


def _page(shop: Shop, legal: Legal, *more: Section) -> HTMLResponse:
    parts = (*legal.sections, *more)
    sections = [h('section', h('h2', part.heading), paragraphs(part.text)) for part in parts]
    updated = f'Last changed on {shop.site.updated:%B} {shop.site.updated.day}, {shop.site.updated.year}.'
    contact = h('section', h('h2', 'Contact'), reach(shop.site.contact))
    body = join(h('h1', legal.title), *sections, contact, h('p', updated, class_='quiet'))
    return plain_page(shop, legal.title, h('article', body, class_='prose'))
