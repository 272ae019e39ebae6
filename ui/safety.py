"""What every answer says about safety: the content security policy of each page, https, referrers, framing.

It wraps everything else, the answers of broken pages included; an answer with a policy of its own keeps it.
"""

import secrets

from jinja2.ext import Extension
from nicegui.client import templates
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.settings import Settings

HEALTH = ('/healthz', '/readyz')
SECRET_PATHS = ('/order/', '/success')
"""Addresses that open an order for whoever knows them."""
NOBODY = "'none'"
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
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Permissions-Policy': ', '.join(f'{name}=()' for name in NOT_USED.split()),
}
TWO_YEARS = 'max-age=63072000'
BY_HTTPS = 'This shop is reached by https only: {}'


class Nonce(Extension):
    """Mark the scripts of NiceGUI's page template as ours, so that no other inline script may run."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """Give each script tag the number that the policy of the same answer names."""
        return source.replace('<script', '<script nonce="{{ request.state.nonce }}"')


def register() -> None:
    """Teach the page template the nonce; before the first page is drawn."""
    templates.env.add_extension(Nonce)


class Safety:
    """ASGI wrapper around the whole application."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and its answer back with what it has to say about safety."""
        if scope['type'] != 'http':
            await self._app(scope, receive, send)
            return
        nonce = secrets.token_urlsafe(16)
        scope.setdefault('state', {})['nonce'] = nonce
        # NiceGUI would put this header in front of addresses, whoever sent it.
        scope['headers'] = [header for header in scope['headers'] if header[0] != b'x-forwarded-prefix']

        async def send_safely(message: Message) -> None:
            if message['type'] == 'http.response.start':
                self._add_headers(MutableHeaders(scope=message), scope['path'], nonce)
            await send(message)

        door = self._to_https(scope) if self._came_by_http(scope) else self._app
        await door(scope, receive, send_safely)

    def _came_by_http(self, scope: Scope) -> bool:
        """Whether a proxy says so; the server has set the scheme from those proxies only that it trusts."""
        said = Headers(scope=scope).get('x-forwarded-proto', '').strip() == 'http'
        return self._settings.https and said and scope['scheme'] == 'http' and scope['path'] not in HEALTH

    def _to_https(self, scope: Scope) -> Response:
        if scope['method'] not in ('GET', 'HEAD'):
            return PlainTextResponse(BY_HTTPS.format(self._settings.domain), 403)
        path = scope.get('raw_path', b'').decode('latin-1')
        query = scope['query_string'].decode('latin-1')
        address = f'{self._settings.domain}/{path.lstrip("/")}' + (f'?{query}' if query else '')
        return RedirectResponse(address, 308, headers={'Cache-Control': 'no-store'})

    def _add_headers(self, headers: MutableHeaders, path: str, nonce: str) -> None:
        if 'content-security-policy' in headers:
            return
        headers['Content-Security-Policy'] = self._policy(headers, path, nonce)
        secret = path.startswith(SECRET_PATHS)
        headers['Referrer-Policy'] = 'no-referrer' if secret else 'strict-origin'
        headers.update(ALWAYS)
        if self._settings.https:
            headers['Strict-Transport-Security'] = TWO_YEARS

    def _policy(self, headers: MutableHeaders, path: str, nonce: str) -> str:
        if headers.get('x-nicegui-content') == 'page':
            return page_policy(self._settings, path, nonce)
        if headers.get('content-type', '').startswith('text/html'):
            return document_policy(self._settings, path)
        return NO_PAGE


def page_policy(settings: Settings, path: str, nonce: str) -> str:
    """The policy of a page that NiceGUI draws.

    Args:
        settings: who may be framed, who may receive a form.
        path: which page it is.
        nonce: what marks the scripts of this answer.
    """
    stripe = STRIPE if path == '/' and settings.loads_stripe_js else {}
    parts: dict[str, tuple[str, ...]] = {
        'script-src': ("'self'", f"'nonce-{nonce}'"),
        'style-src': ("'self'", "'unsafe-inline'"),
        'connect-src': ("'self'",),
        'img-src': ("'self'", 'data:'),
        'font-src': ("'self'", 'data:'),
        'frame-src': settings.frame_sources if path.startswith('/order/') else (),
        'form-action': _forms(settings, path),
    }
    return _written({name: (*sources, *stripe.get(name, ())) for name, sources in parts.items()})


def document_policy(settings: Settings, path: str) -> str:
    """The policy of a page that needs no script; arguments as in ``page_policy``."""
    parts = {'style-src': ("'unsafe-inline'",), 'img-src': ("'self'", 'data:')}
    return _written(parts | {'form-action': _forms(settings, path)})


def _forms(settings: Settings, path: str) -> tuple[str, ...]:
    """Who may receive a form. Browsers hold the redirect that answers it against this list as well."""
    return ("'self'", *(settings.payment_origins if path == '/' else ()))


def _written(parts: dict[str, tuple[str, ...]]) -> str:
    """Write a policy; what it does not name is forbidden."""
    parts = dict.fromkeys(('default-src', 'base-uri', 'frame-ancestors'), ()) | parts
    return '; '.join(f'{name} {" ".join(sources) or NOBODY}' for name, sources in parts.items())
