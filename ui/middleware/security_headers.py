"""Security headers: a content security policy for each kind of page, HTTPS, referrers, framing.

A response that brings a policy of its own keeps it.
"""

import secrets

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.settings import Settings
from ui.routes import Route, route_of

NONCE = b'NONCE'
RawHeaders = list[tuple[bytes, bytes]]
NO_SOURCE = "'none'"
NO_PAGE = "default-src 'none'; frame-ancestors 'none'"
STRIPE_JS = ('https://js.stripe.com', 'https://*.js.stripe.com')
STRIPE = {
    'script-src': STRIPE_JS,
    'frame-src': (*STRIPE_JS, 'https://hooks.stripe.com'),
    'connect-src': ('https://api.stripe.com',),
}
"""As on https://docs.stripe.com/security/guide#content-security-policy, without the maps for addresses."""
NOT_USED = 'camera display-capture geolocation gyroscope hid magnetometer microphone midi payment serial usb'
ALWAYS = {
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    'Cross-Origin-Opener-Policy': 'same-origin-allow-popups',  # the calendar may open some
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Permissions-Policy': ', '.join(f'{name}=()' for name in NOT_USED.split()),
}
TWO_YEARS = 'max-age=63072000'
HTTPS_ONLY = 'This shop is reached by https only: {}'


class SecurityHeadersMiddleware:
    """ASGI middleware around the whole application, its error responses included."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._cache: dict[tuple[str, Route], RawHeaders] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and add the headers to its response."""
        if scope['type'] != 'http':
            await self._app(scope, receive, send)
            return
        route = route_of(scope['path'])
        nonce = secrets.token_urlsafe(16)
        scope.setdefault('state', {})['nonce'] = nonce
        # NiceGUI would put this header in front of URLs, whoever sent it.
        scope['headers'] = [header for header in scope['headers'] if header[0] != b'x-forwarded-prefix']

        async def send_with_headers(message: Message) -> None:
            if message['type'] == 'http.response.start':
                headers = self._headers(route, message['headers'], nonce)
                message = {**message, 'headers': [*message['headers'], *headers]}
            await send(message)

        app = self._https_required(scope) if self._came_over_http(scope, route) else self._app
        await app(scope, receive, send_with_headers)

    def _came_over_http(self, scope: Scope, route: Route) -> bool:
        """Whether a proxy says so; the server takes the scheme only from proxies that it trusts."""
        if not self._settings.https or scope['scheme'] != 'http' or route.over_http:
            return False
        return Headers(scope=scope).get('x-forwarded-proto', '').strip() == 'http'

    def _https_required(self, scope: Scope) -> Response:
        if scope['method'] not in ('GET', 'HEAD'):
            return PlainTextResponse(HTTPS_ONLY.format(self._settings.domain), 403)
        path = scope.get('raw_path', b'').decode('latin-1')
        query = scope['query_string'].decode('latin-1')
        url = f'{self._settings.domain}/{path.lstrip("/")}' + (f'?{query}' if query else '')
        return RedirectResponse(url, 308, headers={'Cache-Control': 'no-store'})

    def _headers(self, route: Route, response: RawHeaders, nonce: str) -> RawHeaders:
        """The headers to add to a response; built once for each kind of response and row of routes."""
        kind = _kind(Headers(raw=response))
        if kind == 'with a policy':
            return []
        if (kind, route) not in self._cache:
            self._cache[kind, route] = self._build(kind, route)
        policy, *others = self._cache[kind, route]
        return [(policy[0], policy[1].replace(NONCE, nonce.encode())), *others]

    def _build(self, kind: str, route: Route) -> RawHeaders:
        policies = {'page': page_policy, 'document': document_policy}
        headers = {
            'Content-Security-Policy': policies[kind](self._settings, route) if kind in policies else NO_PAGE,
            'Referrer-Policy': _referrer_policy(route),
            **ALWAYS,
        }
        if self._settings.https:
            headers['Strict-Transport-Security'] = TWO_YEARS
        return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


def _referrer_policy(route: Route) -> str:
    if route.secret_url:
        return 'no-referrer'
    return 'same-origin' if route.same_origin_referrer else 'strict-origin'


def _kind(response: Headers) -> str:
    if 'content-security-policy' in response:
        return 'with a policy'
    if response.get('x-nicegui-content') == 'page':
        return 'page'
    return 'document' if response.get('content-type', '').startswith('text/html') else 'other'


def page_policy(settings: Settings, route: Route) -> str:
    """The policy of a NiceGUI page, with NONCE in place of the nonce of its scripts.

    Args:
        settings: what may be framed, and who may receive a form.
        route: the page's row in the table of routes.
    """
    stripe = STRIPE if route.takes_payment and settings.loads_stripe_js else {}
    directives: dict[str, tuple[str, ...]] = {
        'script-src': ("'self'", f"'nonce-{NONCE.decode()}'"),
        'style-src': ("'self'", "'unsafe-inline'"),
        'connect-src': ("'self'",),
        'img-src': ("'self'", 'data:'),
        'font-src': ("'self'", 'data:'),
        'frame-src': settings.frame_sources if route.shows_calendar else (),
        'form-action': _forms(settings, route),
    }
    return _policy({name: (*sources, *stripe.get(name, ())) for name, sources in directives.items()})


def document_policy(settings: Settings, route: Route) -> str:
    """The policy of a document without script; arguments as in ``page_policy``."""
    directives = {'style-src': ("'unsafe-inline'",), 'img-src': ("'self'", 'data:')}
    return _policy(directives | {'form-action': _forms(settings, route)})


def _forms(settings: Settings, route: Route) -> tuple[str, ...]:
    """Who may receive a form. Browsers check the redirect that answers a form against this list as well."""
    return ("'self'", *(settings.payment_origins if route.takes_payment else ()))


def _policy(directives: dict[str, tuple[str, ...]]) -> str:
    """Write a policy; what it does not name is forbidden."""
    directives = dict.fromkeys(('default-src', 'base-uri', 'frame-ancestors'), ()) | directives
    return '; '.join(f'{name} {" ".join(sources) or NO_SOURCE}' for name, sources in directives.items())
