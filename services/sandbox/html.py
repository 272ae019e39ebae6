"""The HTML of the sandbox's pages: the document, form fields and amounts; all values are escaped."""

from collections.abc import Iterable

from markupsafe import Markup
from starlette.responses import HTMLResponse

from services.sandbox.style import STYLE

SYMBOLS = {'usd': '$', 'eur': '€', 'gbp': '£', 'jpy': '¥', 'cad': 'CA$', 'aud': 'A$'}
ZERO_DECIMAL = frozenset('bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf'.split())
THREE_DECIMAL = frozenset('bhd jod kwd omr tnd'.split())
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'"


DOCUMENT = Markup("""<!doctype html>
<html lang="en"{kind}><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>{title}</title>
<link rel="icon" href="data:,"><style>{style}{extra}</style></head>
<body><p class="note" role="note">{note}</p><main>{body}</main></body></html>
""")
NOTE = 'Sandbox: no money moves'


def page(
    title: str,
    body: Markup,
    *,
    note: str = NOTE,
    status: int = 200,
    framed: bool = False,
    light: bool = False,
    extra: str = '',
) -> HTMLResponse:
    """Return a whole page.

    Args:
        title: of the page.
        body: its content.
        note: the line above it.
        status: of the response.
        framed: other sites may show it in a frame.
        light: it is light in the dark scheme, too.
        extra: further styles.
    """
    headers = {
        'Content-Security-Policy': POLICY,
        'Cache-Control': 'no-store',
        'Referrer-Policy': 'no-referrer',
    }
    if not framed:
        headers |= {'X-Frame-Options': 'DENY'}
        headers['Content-Security-Policy'] += "; frame-ancestors 'none'"
    kind = Markup(' class="light"' if light else '')
    html = DOCUMENT.format(title=title, kind=kind, style=STYLE, extra=Markup(extra), note=note, body=body)
    return HTMLResponse(html, status, headers)


def notice(
    title: str,
    text: str,
    *,
    status: int = 200,
    more: Markup | str = '',
    framed: bool = False,
    light: bool = False,
) -> HTMLResponse:
    """Return a page with one message; the other arguments are those of `page`."""
    body = Markup(
        '<div class="page narrow"><div class="card stack"><h1>{}</h1><p class="soft">{}</p>{}</div></div>'
    )
    return page(title, body.format(title, text, more), status=status, framed=framed, light=light)


def join(parts: Iterable[Markup]) -> Markup:
    """Concatenate pieces of HTML."""
    return Markup('').join(parts)


def money(amount: int, currency: str) -> str:
    """Format an amount in minor units, such as `$150.00`."""
    exponent = 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2
    figure = f'{amount / 10**exponent:,.{exponent}f}'
    symbol = SYMBOLS.get(currency)
    return f'{symbol}{figure}' if symbol else f'{currency.upper()} {figure}'


FIELD = Markup("""<div class="field"><label for="{name}">{label}</label>
<input id="{name}" name="{name}" value="{value}"{attributes}>{error}</div>""")


def field(name: str, label: str, value: str = '', error: str = '', **attributes: str | bool) -> Markup:
    """Return a labelled input, with an error message if there is one."""
    message = Markup('<p class="error" id="{0}-error">{1}</p>').format(name, error) if error else ''
    if error:
        attributes |= {'aria-invalid': 'true', 'aria-describedby': f'{name}-error'}
    return FIELD.format(name=name, label=label, value=value, attributes=attrs(**attributes), error=message)


def attrs(**attributes: str | bool) -> Markup:
    """Return HTML attributes; True adds one without a value, False none."""
    given = ((key.replace('_', '-'), value) for key, value in attributes.items() if value is not False)
    return join(Markup(' {}').format(key) if value is True else Markup(' {}="{}"').format(key, value)
                  for key, value in given)  # fmt: skip


def select(
    name: str, label: str, choices: Iterable[tuple[str, str]], chosen: str, key: str = '', **attributes: str
) -> Markup:
    """Return a labelled select of values and texts; `key` is its id if the name is not unique."""
    options = join(
        Markup('<option value="{}"{}>{}</option>').format(value, attrs(selected=value == chosen), text)
        for value, text in choices
    )
    return SELECT.format(key or name, label, name, attrs(**attributes), options)


SELECT = Markup("""<div class="field"><label for="{0}">{1}</label>
<select id="{0}" name="{2}"{3}>{4}</select></div>""")


def hidden(values: Iterable[tuple[str, str]]) -> Markup:
    """Return hidden inputs."""
    return join(
        Markup('<input type="hidden" name="{}" value="{}">').format(name, value) for name, value in values
    )
