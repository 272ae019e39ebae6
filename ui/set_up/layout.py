"""What surrounds every page of the set-up, and the answers to everything else."""

from functools import lru_cache
from pathlib import Path

from fastapi.responses import HTMLResponse, PlainTextResponse
from markupsafe import Markup

from services.set_up import Step
from services.site import Site
from ui.admin.forms import button, hidden
from ui.admin.layout import style as admin_style
from ui.components import theme
from ui.components.builder import h, join
from ui.components.documents import document, robots_meta

NOT_YET = 'This shop is not set up yet'
SHEET = Path(__file__).with_name('set_up.css')
HEADERS = {
    'Cache-Control': 'no-store',
    'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    'Referrer-Policy': 'same-origin',
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
}
TITLES = {
    Step.KEYS: 'Stripe keys',
    Step.PRICE: 'Price',
    Step.CALENDAR: 'Calendly token',
    Step.EVENT_TYPE: 'Event type',
    Step.ADDRESS: 'Public address',
    Step.PAYMENTS_WEBHOOK: 'Messages from Stripe',
    Step.BOOKINGS_WEBHOOK: 'Messages from Calendly',
    Step.PASSWORD: 'Your password',
    Step.WRITE: 'Check and start',
}


def page(
    site: Site,
    title: str,
    *body: object,
    status: int = 200,
    refresh: str = '',
    headers: dict[str, str] | None = None,
) -> HTMLResponse:
    """Answer with a page.

    Args:
        site: the texts of the site, for name and colour.
        title: its heading.
        body: what follows the heading.
        status: the HTTP status.
        refresh: seconds and address of what the browser loads next, such as ``6;url=/admin``.
        headers: more headers.
    """
    name = h('span', site.business.name, ' ', h('small', 'Set-up'))
    top = h('div', h('a', theme.icon('mark', 24), name, href='/setup', class_='wordmark'), class_='top')
    skip = h('a', 'Skip to the content', href='#content', class_='skip')
    content = h('div', h('h1', title), *body, class_='wrap admin narrow set-up', id='content')
    whole = h('div', h('header', skip, top), h('main', content), class_='page')
    again = h('meta', http_equiv='refresh', content=refresh) if refresh else None
    head = join(robots_meta(listed=False), again, theme.style(site.theme), admin_style(), _style())
    made = document(f'{title} · Set-up · {site.business.name}', head=head, body=whole)
    return HTMLResponse(made, status_code=status, headers=HEADERS | (headers or {}))


def not_set_up(site: Site) -> HTMLResponse:
    """Answer everything that only a shop has."""
    words = 'Whoever runs it finds a link for the set-up in the log of its process.'
    return page(site, NOT_YET, h('p', words), status=503, headers={'Retry-After': '600'})


def not_ready() -> PlainTextResponse:
    """Answer the question whether orders can be stored."""
    return PlainTextResponse(f'{NOT_YET}\n', status_code=503, headers=HEADERS)


def form(step: Step, *fields: object, label: str, do: str = '', kind: str = 'main') -> Markup:
    """Build a form of a step.

    Args:
        step: which one it belongs to.
        fields: its fields.
        label: of its button.
        do: which of the ways of this step it is.
        kind: of its button.
    """
    which = hidden('do', do) if do else None
    path = f'/setup/{step.value}'
    return h('form', which, *fields, button(label, kind=kind), method='post', action=path, class_='form')


def field(
    name: str, label: str, *, kind: str = 'text', value: str = '', hint: str = '', **more: str | bool
) -> Markup:
    """Build a field with its label; what was typed into a secret one is never sent back.

    Args:
        name: of the field.
        label: what it is.
        kind: text, password or url.
        value: what stands in it.
        hint: a sentence below it.
        more: more attributes.
    """
    described = f'{name}-hint' if hint else None
    box = h(
        'input', type=kind, name=name, id=name, value=value or None, autocomplete='off', spellcheck='false',
        aria_describedby=described, **more,
    )  # fmt: skip
    below = h('p', hint, class_='quiet', id=described) if hint else None
    return h('div', h('label', label, for_=name), box, below, class_='field')


def choice(name: str, options: list[tuple[str, str, str]], *, legend: str, chosen: str = '') -> Markup:
    """Build a list of options of which one is chosen.

    Args:
        name: of the field.
        options: value, words and smaller words of each.
        legend: what is chosen.
        chosen: the value that is chosen at first.
    """
    rows = [
        h(
            'label',
            h('input', type='radio', name=name, value=value, required=True, checked=value == chosen),
            h('span', words, h('small', small) if small else None),
        )
        for value, words, small in options
    ]
    return h('fieldset', h('legend', legend), *rows, class_='options')


@lru_cache(maxsize=1)
def _style() -> Markup:
    return h('style', Markup(theme.squeeze(SHEET.read_text(encoding='utf-8'))))
