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

PAGES = ('/', '/terms', '/refunds', '/privacy')
UNSAFE_IN_JSON = {ord(letter): f'\\u{ord(letter):04x}' for letter in '<>&\u2028\u2029'}
STRIPE_JS = 'https://js.stripe.com/endive/stripe.js'
"""Stripe's script, of its API's release; it may come from nowhere else (docs.stripe.com/js/including)."""
A_DAY = {'Cache-Control': 'public, max-age=86400'}


def register(shop: Shop) -> None:
    """Register what is not a page: /robots.txt, /sitemap.xml and /favicon.svg."""
    listed = shop.settings.mode == 'live'

    @app.api_route('/robots.txt', methods=['GET', 'HEAD'])
    def robots() -> Response:
        closed = 'Disallow: /order/\nDisallow: /operator\n' if listed else 'Disallow: /\n'
        text = f'User-agent: *\n{closed}Sitemap: {shop.settings.domain}/sitemap.xml\n'
        return Response(text, media_type='text/plain', headers=A_DAY)

    @app.api_route('/sitemap.xml', methods=['GET', 'HEAD'])
    def sitemap() -> Response:
        changed = shop.site.updated.isoformat()
        urls = [h('url', h('loc', shop.settings.domain + path), h('lastmod', changed)) for path in PAGES]
        urlset = h('urlset', *urls, xmlns='http://www.sitemaps.org/schemas/sitemap/0.9')
        text = f'<?xml version="1.0" encoding="UTF-8"?>\n{urlset}'
        return Response(text, media_type='application/xml', headers=A_DAY)

    @app.api_route('/favicon.svg', methods=['GET', 'HEAD'])
    def favicon() -> Response:
        return Response(theme.favicon(shop.site.look), media_type='image/svg+xml', headers=A_DAY)


def title_of_landing(shop: Shop) -> str:
    """The landing page's title."""
    return f'{shop.site.landing.title} · {shop.site.business.name}'


def fraud_script(shop: Shop) -> Markup | None:
    """Stripe's script for the landing page, if it is wanted; nothing waits for it."""
    if not shop.settings.loads_stripe_js:
        return None
    return h('script', src=STRIPE_JS, async_=True, fetchpriority='low')


def head_of_landing(shop: Shop, offer: Offer) -> Markup:
    """The meta tags and structured data of the landing page; the price is the one that would be charged."""
    return _head(shop.settings, shop.site, offer)


@lru_cache(maxsize=2)
def _head(settings: Settings, site: Site, offer: Offer) -> Markup:
    address = f'{settings.domain}/'
    graph = {
        'og:type': 'website',
        'og:title': site.landing.title,
        'og:description': site.business.description,
        'og:url': address,
        'og:site_name': site.business.name,
    }
    return join(
        _description(site),
        h('link', rel='canonical', href=address),
        robots_meta(listed=settings.mode == 'live'),
        *(_property(name, content) for name, content in graph.items()),
        h('meta', name='twitter:card', content='summary'),
        _preconnect(settings.payment_page),
        _structured(site, offer, address),
    )


def head_of_order(shop: Shop, *, calendar: bool) -> Markup:
    """What stands in the head of an order's page: it is nobody's to find, and the calendar is near.

    Args:
        shop: whose page it is.
        calendar: whether a time can be picked on it.
    """
    near = _preconnect(shop.settings.calendar_page) if calendar else None
    return join(_description(shop.site), robots_meta(listed=False), near)


def _description(site: Site) -> Markup:
    return h('meta', name='description', content=site.business.description)


def _preconnect(origin: str) -> Markup:
    """Let the browser shake hands already with where its customer goes next."""
    return h('link', rel='preconnect', href=origin)


def robots_meta(*, listed: bool) -> Markup | None:
    """Keep a page out of search engines, unless it may be listed."""
    return None if listed else h('meta', name='robots', content='noindex')


def _property(name: str, content: str) -> Markup:
    return h('meta', property=name, content=content)


def _structured(site: Site, offer: Offer, address: str) -> Markup:
    """The service and its price as JSON-LD (schema.org/Service, schema.org/Offer)."""
    provider = {
        '@type': 'Organization',
        'name': site.business.name,
        'url': address,
        'email': site.contact.email,
        'telephone': site.contact.phone,
    }
    service: dict[str, object] = {
        '@context': 'https://schema.org',
        '@type': 'Service',
        'name': site.offer.name,
        'description': site.business.description,
        'url': address,
        'provider': provider,
    }
    if offer.price:
        service['offers'] = {
            '@type': 'Offer',
            'price': str(offer.price.major),
            'priceCurrency': offer.price.currency.upper(),
            'url': address,
            'availability': 'https://schema.org/InStock',
        }
    data = json.dumps(service, ensure_ascii=False).translate(UNSAFE_IN_JSON)
    return h('script', Markup(data), type='application/ld+json')
