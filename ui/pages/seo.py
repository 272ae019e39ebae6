"""What search engines and link previews read: meta tags, structured data, robots, sitemap and favicon."""

import json
from functools import lru_cache

from fastapi import Response
from markupsafe import Markup
from nicegui import app

from services.catalog import Offer
from services.settings import Settings
from services.shop import Shop
from services.site import Site
from ui.components import theme
from ui.components.builder import h, join
from ui.components.documents import robots_meta
from ui.routes import ROUTES

UNSAFE_IN_SCRIPT = {ord(letter): f'\\u{ord(letter):04x}' for letter in '<>&\u2028\u2029'}
STRIPE_JS = 'https://js.stripe.com/endive/stripe.js'
"""Stripe.js of the API's release; it must be loaded from Stripe (docs.stripe.com/js/including)."""
CACHE_FOR_A_DAY = {'Cache-Control': 'public, max-age=86400'}


def register(shop: Shop) -> None:
    """Register /robots.txt, /sitemap.xml and /favicon.svg."""
    listed = shop.settings.mode == 'live'

    @app.api_route('/robots.txt', methods=['GET', 'HEAD'])
    def robots() -> Response:
        closed = [route.path for route in ROUTES if route.no_robots] if listed else ['/']
        rules = ''.join(f'Disallow: {path}\n' for path in closed)
        text = f'User-agent: *\n{rules}Sitemap: {shop.settings.domain}/sitemap.xml\n'
        return Response(text, media_type='text/plain', headers=CACHE_FOR_A_DAY)

    @app.api_route('/sitemap.xml', methods=['GET', 'HEAD'])
    def sitemap() -> Response:
        changed = shop.site.updated.isoformat()
        paths = [route.path for route in ROUTES if route.in_sitemap]
        urls = [h('url', h('loc', shop.settings.domain + path), h('lastmod', changed)) for path in paths]
        urlset = h('urlset', *urls, xmlns='http://www.sitemaps.org/schemas/sitemap/0.9')
        text = f'<?xml version="1.0" encoding="UTF-8"?>\n{urlset}'
        return Response(text, media_type='application/xml', headers=CACHE_FOR_A_DAY)

    @app.api_route('/favicon.svg', methods=['GET', 'HEAD'])
    def favicon() -> Response:
        return Response(theme.favicon(shop.site.theme), media_type='image/svg+xml', headers=CACHE_FOR_A_DAY)


def title_of_landing(shop: Shop) -> str:
    """The landing page's title."""
    return f'{shop.site.landing.title} · {shop.site.business.name}'


def fraud_script(shop: Shop) -> Markup | None:
    """Stripe.js for the landing page, if the settings load it; nothing waits for it."""
    if not shop.settings.loads_stripe_js:
        return None
    return h('script', src=STRIPE_JS, async_=True, fetchpriority='low')


def head_of_landing(shop: Shop, offer: Offer) -> Markup:
    """The meta tags and structured data of the landing page; the price is the one that is charged."""
    is_sold = shop.selling.stop_as_known is None and shop.availability.sells
    return _head(shop.settings, shop.site, offer, is_sold)


@lru_cache(maxsize=4)
def _head(settings: Settings, site: Site, offer: Offer, is_sold: bool) -> Markup:
    url = f'{settings.domain}/'
    graph = {
        'og:type': 'website',
        'og:title': site.landing.title,
        'og:description': site.business.description,
        'og:url': url,
        'og:site_name': site.business.name,
    }
    return join(
        _description(site),
        h('link', rel='canonical', href=url),
        robots_meta(listed=settings.mode == 'live'),
        *(_property(name, content) for name, content in graph.items()),
        h('meta', name='twitter:card', content='summary'),
        _preconnect(settings.payment_page),
        _structured(site, offer, url, is_sold),
    )


def head_of_order(shop: Shop, *, calendar: bool) -> Markup:
    """The meta tags of an order's page: not for search engines, and a connection to the calendar.

    Args:
        shop: whose page it is.
        calendar: whether a time can be picked on it.
    """
    calendar_link = _preconnect(shop.settings.calendar_page) if calendar else None
    return join(_description(shop.site), robots_meta(listed=False), calendar_link)


def _description(site: Site) -> Markup:
    return h('meta', name='description', content=site.business.description)


def _preconnect(origin: str) -> Markup:
    """Have the browser connect to the site that its customer visits next."""
    return h('link', rel='preconnect', href=origin)


def _property(name: str, content: str) -> Markup:
    return h('meta', property=name, content=content)


def _structured(site: Site, offer: Offer, url: str, is_sold: bool) -> Markup:
    """The service and its price as JSON-LD (schema.org/Service, schema.org/Offer)."""
    provider = {
        '@type': 'Organization',
        'name': site.business.name,
        'url': url,
        'email': site.contact.email,
        'telephone': site.contact.phone,
    }
    service: dict[str, object] = {
        '@context': 'https://schema.org',
        '@type': 'Service',
        'name': site.offer.name,
        'description': site.business.description,
        'url': url,
        'provider': provider,
    }
    if offer.price:
        service['offers'] = {
            '@type': 'Offer',
            'price': str(offer.price.major),
            'priceCurrency': offer.price.currency.upper(),
            'url': url,
            'availability': f'https://schema.org/{"InStock" if is_sold else "SoldOut"}',
        }
    data = json.dumps(service, ensure_ascii=False).translate(UNSAFE_IN_SCRIPT)
    return h('script', Markup(data), type='application/ld+json')
