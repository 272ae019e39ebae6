"""Edits of NiceGUI's page template; no other file knows its text.

The rendered HTML stands inside the element that Vue mounts into. Vue empties it and mounts the same
elements there in one step, so nothing is duplicated and nothing moves. Scripts come after it, with the lowest
priority.
"""

import logging
import re

from jinja2.ext import Extension
from nicegui.client import templates

from ui.components.builder import EMAIL_OFF, EMAIL_ON
from ui.rendering.render import render_page

log = logging.getLogger(__name__)

SCRIPT = re.compile(r'<(script)\b')
POPUP = 'class="nicegui-error-popup"'
STYLE_SHEET = re.compile(r'^.*@import url\(.*$', re.MULTILINE)
MOUNT_POINT = re.compile(r'<div id="app"[^\n]*></div>')
PRELOADS = re.compile(r'{% for url in js_imports_urls %}.*?{% endfor %}', re.DOTALL)
BODY, END_OF_BODY = '<body>', '</body>'
CLIENT = 'socket_io_js_query_params'

END_OF_CONTENT = '<!-- scripts -->'
"""Separates the visible content from the scripts; EarlyFlushMiddleware sends the page in two parts here."""
RENDER = f'{{% set rendered = render_page({CLIENT}.client_id) %}}'
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
        # Only scripts with the nonce of the response's content security policy may run.
        source = SCRIPT.sub(r'<\1 nonce="{{ request.state.nonce }}"', source)
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


def register() -> None:
    """Edit the template; must be called before the first page is built."""
    templates.env.globals['render_page'] = render_page
    templates.env.add_extension(PageTemplate)
