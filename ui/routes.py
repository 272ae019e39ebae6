"""What is special about each route: one table for middleware, error pages, robots.txt and the sitemap."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Route:
    """One row: a path with everything below it; '/' stands for itself only."""

    path: str
    in_sitemap: bool = False  # sitemap.xml lists it
    no_robots: bool = False  # robots.txt closes it
    secret_url: bool = False  # whoever knows the URL can open an order: no referrer is sent
    sets_cookie: bool = False  # responses set the browser-id cookie
    takes_payment: bool = False  # its forms may lead to Stripe, and Stripe.js may run on it
    shows_calendar: bool = False  # it may frame the calendar
    same_origin_referrer: bool = (
        False  # only this site learns the URL a link was on, and forms say where they are from
    )
    for_programs: bool = False  # errors are JSON, not a page
    over_http: bool = False  # answered over plain HTTP as well when the shop is on HTTPS


ROUTES = (
    Route('/', in_sitemap=True, sets_cookie=True, takes_payment=True),
    Route('/terms', in_sitemap=True),
    Route('/refunds', in_sitemap=True),
    Route('/privacy', in_sitemap=True),
    Route('/checkout', sets_cookie=True),
    Route('/find'),
    Route('/success', secret_url=True),
    Route('/order', secret_url=True, no_robots=True, shows_calendar=True),
    Route('/admin', no_robots=True, same_origin_referrer=True),
    Route('/api', for_programs=True),
    Route('/webhooks', for_programs=True),
    Route('/healthz', for_programs=True, over_http=True),
    Route('/readyz', for_programs=True, over_http=True),
    Route('/metrics', for_programs=True),
    Route('/_nicegui', for_programs=True),
    Route('/_nicegui_ws', for_programs=True),
)
OTHER = Route('')
BY_PATH = {route.path: route for route in ROUTES}


def route_of(path: str) -> Route:
    """Return the row of a URL's path; OTHER, which has no flag set, where there is none."""
    if path == '/':
        return BY_PATH['/']
    segment = path[1:].partition('/')[0]
    return BY_PATH.get(f'/{segment}', OTHER) if segment else OTHER
