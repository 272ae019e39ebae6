"""What every answer says about safety: the content security policy of each page, https, referrers, framing.

It wraps everything else, the answers of broken pages included; an answer with a policy of its own keeps it.
"""

import re
import secrets

from jinja2.ext import Extension
from nicegui.client import templates
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.settings import Settings

HEALTH = ('/healthz', '/readyz')
SECRET = ('/order/', '/success')
"""Parts of the site whose addresses open an order for whoever knows them."""
NONCE = b'NONCE'
RawHeaders = list[tuple[bytes, bytes]]
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
    'Cross-Origin-Opener-Policy': 'same-origin-allow-popups',  # the calendar may open some
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Permissions-Policy': ', '.join(f'{name}=()' for name in NOT_USED.split()),
}
TWO_YEARS = 'max-age=63072000'
BY_HTTPS = 'This shop is reached by https only: {}'


class Nonce(Extension):
    """Mark the scripts of NiceGUI's page template as ours, so that no other inline script may run."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """Give each script tag the number that the policy of the same answer names."""
        return re.sub(r'<(script)\b', r'<\1 nonce="{{ request.state.nonce }}"', source)


def register() -> None:
    """Teach the page template the nonce; before the first page is drawn."""
    templates.env.add_extension(Nonce)


class SecurityHeadersMiddleware:
    """ASGI wrapper around the whole application."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._written: dict[tuple[str, str], RawHeaders] = {}

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
                headers = self._headers(scope['path'], message['headers'], nonce)
                message = {**message, 'headers': [*message['headers'], *headers]}
            await send(message)

        endpoint = self._to_https(scope) if self._came_by_http(scope) else self._app
        await endpoint(scope, receive, send_safely)

    def _came_by_http(self, scope: Scope) -> bool:
        """Whether a proxy says so; the server has set the scheme from those proxies only that it trusts."""
        if not self._settings.https or scope['scheme'] != 'http' or scope['path'] in HEALTH:
            return False
        return Headers(scope=scope).get('x-forwarded-proto', '').strip() == 'http'

    def _to_https(self, scope: Scope) -> Response:
        if scope['method'] not in ('GET', 'HEAD'):
            return PlainTextResponse(BY_HTTPS.format(self._settings.domain), 403)
        path = scope.get('raw_path', b'').decode('latin-1')
        query = scope['query_string'].decode('latin-1')
        address = f'{self._settings.domain}/{path.lstrip("/")}' + (f'?{query}' if query else '')
        return RedirectResponse(address, 308, headers={'Cache-Control': 'no-store'})

    def _headers(self, path: str, answer: RawHeaders, nonce: str) -> RawHeaders:
        """What is to be added to an answer; written once for each kind of answer and part of the site."""
        kind, part = _kind(Headers(raw=answer)), _part(path)
        if kind == 'with a policy':
            return []
        if (kind, part) not in self._written:
            self._written[kind, part] = self._write(kind, part)
        policy, *others = self._written[kind, part]
        return [(policy[0], policy[1].replace(NONCE, nonce.encode())), *others]

    def _write(self, kind: str, part: str) -> RawHeaders:
        policies = {'page': page_policy, 'document': document_policy}
        headers = {
            'Content-Security-Policy': policies[kind](self._settings, part) if kind in policies else NO_PAGE,
            'Referrer-Policy': 'no-referrer' if part in SECRET else 'strict-origin',
            **ALWAYS,
        }
        if self._settings.https:
            headers['Strict-Transport-Security'] = TWO_YEARS
        return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


def _kind(answer: Headers) -> str:
    if 'content-security-policy' in answer:
        return 'with a policy'
    if answer.get('x-nicegui-content') == 'page':
        return 'page'
    return 'document' if answer.get('content-type', '').startswith('text/html') else 'other'


def _part(path: str) -> str:
    """The part of the site that an address is in, as far as that matters here."""
    return path if path in ('/', '/success') else '/order/' if path.startswith('/order/') else ''


def page_policy(settings: Settings, part: str) -> str:
    """The policy of a page that NiceGUI draws, with NONCE in place of what marks its scripts.

    Args:
        settings: who may be framed, who may receive a form.
        part: the part of the site.
    """
    stripe = STRIPE if part == '/' and settings.loads_stripe_js else {}
    parts: dict[str, tuple[str, ...]] = {
        'script-src': ("'self'", f"'nonce-{NONCE.decode()}'"),
        'style-src': ("'self'", "'unsafe-inline'"),
        'connect-src': ("'self'",),
        'img-src': ("'self'", 'data:'),
        'font-src': ("'self'", 'data:'),
        'frame-src': settings.frame_sources if part == '/order/' else (),
        'form-action': _forms(settings, part),
    }
    return _written({name: (*sources, *stripe.get(name, ())) for name, sources in parts.items()})


def document_policy(settings: Settings, part: str) -> str:
    """The policy of a page that needs no script; arguments as in ``page_policy``."""
    parts = {'style-src': ("'unsafe-inline'",), 'img-src': ("'self'", 'data:')}
    return _written(parts | {'form-action': _forms(settings, part)})


def _forms(settings: Settings, part: str) -> tuple[str, ...]:
    """Who may receive a form. Browsers hold the redirect that answers it against this list as well."""
    return ("'self'", *(settings.payment_origins if part == '/' else ()))


def _written(parts: dict[str, tuple[str, ...]]) -> str:
    """Write a policy; what it does not name is forbidden."""
    parts = dict.fromkeys(('default-src', 'base-uri', 'frame-ancestors'), ()) | parts
    return '; '.join(f'{name} {" ".join(sources) or NOBODY}' for name, sources in parts.items())
