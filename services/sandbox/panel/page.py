"""The sandbox's pages: one shell, one style sheet, fields with labels; everything put in is escaped."""

from collections.abc import Iterable

from markupsafe import Markup
from starlette.responses import HTMLResponse

from services.sandbox.panel.style import STYLE

SYMBOLS = {'usd': '$', 'eur': '€', 'gbp': '£', 'jpy': '¥', 'cad': 'CA$', 'aud': 'A$'}
ZERO_DECIMAL = frozenset('bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf'.split())
THREE_DECIMAL = frozenset('bhd jod kwd omr tnd'.split())
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'"


SHELL = Markup("""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>{title}</title>
<link rel="icon" href="data:,"><style>{style}{extra}</style></head>
<body><p class="bar" role="note">{bar}</p><main>{body}</main></body></html>
""")
MONEY_BAR = 'Sandbox: no money moves'


def page(
    title: str,
    body: Markup,
    *,
    bar: str = MONEY_BAR,
    status: int = 200,
    framed: bool = False,
    extra: str = '',
) -> HTMLResponse:
    """A whole page; only a `framed` one may be shown inside another site's frame."""
    headers = {
        'Content-Security-Policy': POLICY,
        'Cache-Control': 'no-store',
        'Referrer-Policy': 'no-referrer',
    }
    if not framed:
        headers |= {'X-Frame-Options': 'DENY'}
        headers['Content-Security-Policy'] += "; frame-ancestors 'none'"
    text = SHELL.format(title=title, style=STYLE, extra=Markup(extra), bar=bar, body=body)
    return HTMLResponse(text, status, headers)


def notice(
    title: str, words: str, *, status: int = 200, more: Markup | None = None, **kind: bool
) -> HTMLResponse:
    """A page that says one thing calmly."""
    body = Markup(
        '<div class="page narrow"><div class="card stack"><h1>{}</h1><p class="soft">{}</p>{}</div></div>'
    )
    return page(title, body.format(title, words, more or ''), status=status, framed=kind.get('framed', False))


def joined(parts: Iterable[Markup]) -> Markup:
    """Pieces of HTML, one after the other."""
    return Markup('').join(parts)


def money(amount: int, currency: str) -> str:
    """Minor units for people: `$150.00`."""
    exponent = 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2
    figure = f'{amount / 10**exponent:,.{exponent}f}'
    symbol = SYMBOLS.get(currency)
    return f'{symbol}{figure}' if symbol else f'{currency.upper()} {figure}'


FIELD = Markup("""<div class="field"><label for="{name}">{label}</label>
<input id="{name}" name="{name}" value="{value}"{attributes}>{wrong}</div>""")


def field(name: str, label: str, value: str = '', wrong: str = '', **attributes: str | bool) -> Markup:
    """A labelled input; `wrong` is what the reader is told about it."""
    told = Markup('<p class="wrong" id="{0}-wrong">{1}</p>').format(name, wrong) if wrong else ''
    if wrong:
        attributes |= {'aria-invalid': 'true', 'aria-describedby': f'{name}-wrong'}
    return FIELD.format(name=name, label=label, value=value, attributes=attrs(**attributes), wrong=told)


def attrs(**attributes: str | bool) -> Markup:
    """HTML attributes; True is a bare one, False none."""
    given = ((key.replace('_', '-'), value) for key, value in attributes.items() if value is not False)
    return joined(Markup(' {}').format(key) if value is True else Markup(' {}="{}"').format(key, value)
                  for key, value in given)  # fmt: skip


def select(
    name: str, label: str, choices: Iterable[tuple[str, str]], chosen: str, key: str = '', **attributes: str
) -> Markup:
    """A labelled select of value and text; `key` is its id where the name alone is not unique."""
    options = joined(
        Markup('<option value="{}"{}>{}</option>').format(value, attrs(selected=value == chosen), text)
        for value, text in choices
    )
    return SELECT.format(key or name, label, name, attrs(**attributes), options)


SELECT = Markup("""<div class="field"><label for="{0}">{1}</label>
<select id="{0}" name="{2}"{3}>{4}</select></div>""")


def hidden(values: Iterable[tuple[str, str]]) -> Markup:
    """Hidden inputs."""
    return joined(
        Markup('<input type="hidden" name="{}" value="{}">').format(name, value) for name, value in values
    )
