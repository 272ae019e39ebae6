"""Edits of NiceGUI's page template and of its script; no other file knows their text.

The rendered HTML stands inside the element that Vue mounts into. Vue empties it and mounts the same
elements there in one step, so nothing is duplicated and nothing moves. Scripts come after it, with the lowest
priority. If they do not start, the rendered HTML stays as it is.
"""

import logging
import re
from pathlib import Path
from urllib.parse import quote

import nicegui
from fastapi import Request
from fastapi.responses import Response
from jinja2.ext import Extension
from nicegui import app
from nicegui.client import templates
from starlette.routing import Route

from ui.components.builder import EMAIL_OFF, EMAIL_ON
from ui.rendering.reconnect import PAGE
from ui.rendering.render import render_page

log = logging.getLogger(__name__)

SCRIPT = re.compile(r'<(script)\b')
POPUP = 'class="nicegui-error-popup"'
STYLE_SHEET = re.compile(r'^.*@import url\(.*$', re.MULTILINE)
MOUNT_POINT = re.compile(r'<div id="app"[^\n]*></div>')
PRELOADS = re.compile(r'{% for url in js_imports_urls %}.*?{% endfor %}', re.DOTALL)
BODY, END_OF_BODY = '<body>', '</body>'
CLIENT = 'socket_io_js_query_params'

SCRIPT_FILE = Path(nicegui.__file__).parent / 'static' / 'nicegui.js'
SCRIPT_PATH = f'/_nicegui/{nicegui.__version__}/static/nicegui.js'
RELOAD, RELOADS = 'window.location.reload();', 4
POLL_FIRST = 'window.socket.io.opts.transports = ["polling", "websocket"];'
TAKE_TURNS = 'window.socket.io.on("reconnect_attempt", () => window.socket.io.opts.transports.reverse());'

END_OF_CONTENT = '<!-- scripts -->'
"""Separates the visible content from the scripts; EarlyFlushMiddleware sends the page in two parts here."""
RENDER = (
    f'{{% set rendered = render_page({CLIENT}.client_id) %}}'
    f"{{% set _ = {CLIENT}.update({{'{PAGE}': url_of(request)}}) %}}"
)
RENDERED_BODY = f"""{BODY}{EMAIL_OFF}{{% if rendered %}}
    <div id="app" data-rendered>{{{{ rendered }}}}</div>{END_OF_CONTENT}
    {{% for url in js_imports_urls %}}
    <link rel="modulepreload" href="{{{{ url }}}}" fetchpriority="low">
    {{% endfor %}}
    {{% endif %}}"""


class PageTemplate(Extension):
    """Edits the template when Jinja compiles it."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """Return the source with nonces, announced popups, and the server-rendered page."""
        source = with_server_rendering(source, name)
        # Only scripts with the nonce of the response's content security policy may run. Cloudflare's Rocket
        # Loader would load them by a script of its own, without the nonce; it leaves marked ones alone.
        source = SCRIPT.sub(r'<\1 data-cfasync="false" nonce="{{ request.state.nonce }}"', source)
        # Screen readers announce the popups, such as the one about a lost connection.
        return source.replace(POPUP, f'{POPUP} role="alert"')


def with_server_rendering(source: str, name: str | None) -> str:
    """Put the rendered page into the template; such a page loads none of NiceGUI's style sheets.

    When a new version of NiceGUI has changed these parts, return the source unchanged: the page is slower to
    show and needs script, but it is correct.
    """
    edited, sheets = STYLE_SHEET.subn(_unless_rendered, source)
    edited, mount_points = MOUNT_POINT.subn(_unless_rendered, edited)
    edited, preloads = PRELOADS.subn(_unless_rendered, edited)
    found = (mount_points, preloads, edited.count(BODY), edited.count(END_OF_BODY))
    if not sheets or found != (1, 1, 1, 1) or CLIENT not in source:
        log.error('no server rendering: the template %s of this NiceGUI is not the expected one', name)
        return source
    return RENDER + edited.replace(BODY, RENDERED_BODY).replace(END_OF_BODY, str(EMAIL_ON) + END_OF_BODY)


def _unless_rendered(found: re.Match[str]) -> str:
    return f'{{% if not rendered %}}{found[0]}{{% endif %}}'


def edit_script(script: str) -> str:
    """Have pages stay as they are when they cannot connect, and try both kinds of connection.

    NiceGUI reloads such a page. After a websocket that was never answered it begins with polling for good,
    which cannot work behind a proxy that gives each request to another process. So they take turns.

    When a new version of NiceGUI has changed these parts, return the script unchanged.
    """
    if (script.count(RELOAD), script.count(POLL_FIRST)) != (RELOADS, 1):
        log.error('pages reload when they cannot connect: the script of this NiceGUI is not the expected one')
        return script
    return script.replace(RELOAD, '').replace(POLL_FIRST, TAKE_TURNS)


def url_of(request: Request) -> str:
    """The path and query of a page, quoted for a script inside the page."""
    path, query = quote(request.url.path, safe='/'), quote(request.url.query, safe='=&%')
    return f'{path}?{query}' if query else path


def register() -> None:
    """Edit the template and the script; must be called before the first page is built."""
    templates.env.globals |= {'render_page': render_page, 'url_of': url_of}
    templates.env.add_extension(PageTemplate)
    script = edit_script(SCRIPT_FILE.read_text(encoding='utf-8'))
    headers = {'Cache-Control': 'public, max-age=3600'}  # as NiceGUI's other files

    def answer(_request: Request) -> Response:
        return Response(script, media_type='text/javascript', headers=headers)

    # Before NiceGUI's own route for all static files.
    app.router.routes.insert(0, Route(SCRIPT_PATH, answer))
