"""The sandbox's pages: one shell, one style sheet, fields with labels; everything put in is escaped."""

from collections.abc import Iterable

from markupsafe import Markup
from starlette.responses import HTMLResponse

SYMBOLS = {'usd': '$', 'eur': '€', 'gbp': '£', 'jpy': '¥', 'cad': 'CA$', 'aud': 'A$'}
ZERO_DECIMAL = frozenset('bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf'.split())
THREE_DECIMAL = frozenset('bhd jod kwd omr tnd'.split())
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'"

STYLE = Markup("""
:root { color-scheme: light dark; --paper: #fbfaf7; --card: #fff; --tint: #f1f0ea; --ink: #17211c; --soft: #55635b;
  --line: #d9dbd3; --edge: #7d887f; --accent: #0b5d3b; --on-accent: #fff; --bad: #a3231a; --bad-tint: #fbeae8;
  --note: #4b3a06; --note-tint: #fdf3d3; }
@media (prefers-color-scheme: dark) { :root { --paper: #121714; --card: #1a211d; --tint: #161c18; --ink: #eaf0ec;
  --soft: #a3b1a8; --line: #313b35; --edge: #78867d; --accent: #6fcf9c; --on-accent: #08170f; --bad: #ff9c92;
  --bad-tint: #3a1d1b; --note: #f4dc96; --note-tint: #332a10; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); accent-color: var(--accent);
  font: 1rem/1.55 ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1, h2, h3, p, ul, dl, fieldset { margin: 0; padding: 0; }
h1 { font-size: clamp(1.35rem, 1.1rem + 1.2vw, 1.75rem); line-height: 1.2; letter-spacing: -.01em; }
h2 { font-size: 1.0625rem; line-height: 1.3; }
a { color: var(--accent); text-underline-offset: .18em; }
.bar { background: var(--note-tint); color: var(--note); padding: .5rem 1rem; text-align: center; font-size: .875rem; }
.page { max-width: 66rem; margin: 0 auto; padding: clamp(1.25rem, 4vw, 3.5rem) clamp(1rem, 4vw, 2rem);
  display: grid; gap: clamp(1.5rem, 4vw, 4rem); }
.narrow { max-width: 36rem; }
.stack { display: grid; gap: 1rem; align-content: start; }
.tight { gap: .375rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: clamp(1rem, 3vw, 1.75rem); }
.soft { color: var(--soft); } .small { font-size: .875rem; }
.sum { font-size: clamp(2rem, 1.6rem + 2vw, 2.75rem); line-height: 1.1; font-weight: 650; letter-spacing: -.02em; }
.sum, .lines, time, td { font-variant-numeric: tabular-nums; }
.lines div { display: flex; justify-content: space-between; gap: 1rem; padding: .625rem 0; border-top: 1px solid var(--line); }
.lines dd { margin: 0; white-space: nowrap; } .lines .total { font-weight: 650; }
fieldset { border: 0; display: grid; gap: .75rem; min-width: 0; }
legend { padding: 0 0 .5rem; font-weight: 650; }
.field { display: grid; gap: .25rem; min-width: 0; }
.field label { font-size: .875rem; font-weight: 550; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: .75rem; align-items: start; }
input:not([type=radio], [type=checkbox]), select,
textarea { width: 100%; min-height: 2.875rem; padding: .5rem .75rem;
  font: inherit; color: inherit; background: var(--card); border: 1px solid var(--edge); border-radius: 10px; }
[aria-invalid=true] { border-color: var(--bad) !important; }
.wrong { color: var(--bad); font-size: .875rem; }
.choice { display: flex; gap: .625rem; align-items: baseline; padding: .625rem .875rem; border: 1px solid var(--edge);
  border-radius: 10px; }
.choice:has(:checked) { border-color: var(--accent); box-shadow: inset 0 0 0 1px var(--accent); }
button,
.button { display: inline-block; min-height: 3rem; padding: .625rem 1.25rem; font: inherit; font-weight: 600;
  border: 1px solid var(--accent); border-radius: 10px; background: var(--accent); color: var(--on-accent);
  cursor: pointer; text-align: center; text-decoration: none; }
button:hover, .button:hover { filter: brightness(1.08); }
.quiet { background: transparent; color: var(--accent); }
.wide { width: 100%; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.alert { background: var(--bad-tint); color: var(--bad); border-radius: 10px; padding: .75rem 1rem; }
.times { display: grid; grid-template-columns: repeat(auto-fill, minmax(6.5rem, 1fr)); gap: .5rem; }
.days { display: flex; flex-wrap: wrap; gap: .5rem; list-style: none; }
.days a { display: grid; justify-items: center; min-width: 3.75rem; padding: .375rem .625rem; border-radius: 10px;
  border: 1px solid var(--line); text-decoration: none; line-height: 1.25; font-size: .875rem; }
.days a[aria-current] { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
table { border-collapse: collapse; width: 100%; font-size: .875rem; } caption { text-align: left; padding: .5rem 0; }
th,
td { text-align: left; padding: .5rem .75rem .5rem 0; border-top: 1px solid var(--line); vertical-align: top; }
.scroll { overflow-x: auto; } pre { overflow-x: auto; font-size: .8125rem; white-space: pre-wrap; }
code { font-size: .875em; overflow-wrap: anywhere; } details summary { cursor: pointer; color: var(--accent); }
form:has(#bank-method:checked) .for-card, form:has(#card-method:checked) .for-bank { display: none; }
.row { display: flex; flex-wrap: wrap; gap: .75rem; align-items: end; } .row > .field { flex: 1 1 10rem; }
@media (min-width: 56rem) { .two { grid-template-columns: 1fr 1.15fr; } .split { grid-template-columns: 18rem 1fr; } }
""")

SHELL = Markup("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
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
    name: str, label: str, choices: Iterable[tuple[str, str]], chosen: str, **attributes: str
) -> Markup:
    """A labelled select of value and text."""
    options = joined(
        Markup('<option value="{}"{}>{}</option>').format(value, attrs(selected=value == chosen), text)
        for value, text in choices
    )
    template = Markup(
        '<div class="field"><label for="{0}">{1}</label><select id="{0}" name="{0}"{2}>{3}</select></div>'
    )
    return template.format(name, label, attrs(**attributes), options)


def hidden(values: Iterable[tuple[str, str]]) -> Markup:
    """Hidden inputs."""
    return joined(
        Markup('<input type="hidden" name="{}" value="{}">').format(name, value) for name, value in values
    )
