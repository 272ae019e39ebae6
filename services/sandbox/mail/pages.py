"""The mailbox as web pages: all mails, those of Calendly too, and each as text and as HTML."""

import re
from datetime import datetime

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from services.sandbox.html import join, notice, page
from services.sandbox.mail.mailbox import ReceivedMail
from services.sandbox.state import SandboxState, state_of

# The HTML of a mail runs nothing and loads nothing; a link in it may be followed.
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox "
    'allow-top-navigation-by-user-activation'
)
BOX = Markup("""<div class="page"><div class="stack"><p><a href="{}/">← Panel</a></p><h1>Mailbox</h1>
<p class="soft">{}</p>{}</div></div>""")
CARD = Markup("""<article class="card stack tight"><h2>{subject}</h2>
<p class="soft">From {sender} to {to}, {at:%Y-%m-%d %H:%M} UTC{more}</p>{body}</article>""")
MORE = Markup('. <a href="{0}">Headers and text</a>, <a href="{0}/html">HTML</a>')
URL = re.compile(r'https?://[^\s<>"]+')


async def show_all(request: Request) -> Response:
    """`GET /mailbox`: list all mails, the newest first."""
    state = state_of(request)
    cards: list[tuple[datetime, Markup]] = [
        (mail.at, _card(mail, f'{state.config.base}/mailbox/{mail.number}')) for mail in state.mailbox.mails
    ]
    cards += [
        (mail.at, CARD.format(
            subject=mail.subject, sender='Calendly', to=mail.to, at=mail.at, more='', body=_text(mail.text)
        ))
        for mail in state.calendar.outbox
    ]  # fmt: skip
    listed = join(card for _, card in sorted(cards, key=lambda item: item[0], reverse=True))
    none = Markup('<p class="soft">No mail yet.</p>')
    return page('Mailbox', BOX.format(state.config.base, _address(state), listed or none))


async def show(request: Request) -> Response:
    """`GET /mailbox/<number>`: show the headers and the text of one mail."""
    mail = _find(request)
    if mail is None:
        return notice('No such mail', 'It may have been deleted.', status=404)
    base = state_of(request).config.base
    headers = '\n'.join(f'{name}: {value}' for name, value in mail.headers.items())
    body = Markup('<pre>{}</pre>').format(headers) + _text(mail.text)
    card = CARD.format(
        subject=mail.subject, sender=mail.sender, to=mail.to, at=mail.at, body=body,
        more=Markup('. <a href="{}/mailbox/{}/html">HTML</a>').format(base, mail.number),
    )  # fmt: skip
    back = Markup(
        '<div class="page"><div class="stack"><p><a href="{}/mailbox">← Mailbox</a></p>{}</div></div>'
    )
    return page(mail.subject, back.format(base, card))


async def show_html(request: Request) -> Response:
    """`GET /mailbox/<number>/html`: show the HTML of one mail as a mail program does."""
    mail = _find(request)
    if mail is None:
        return notice('No such mail', 'It may have been deleted.', status=404)
    headers = {
        'Content-Security-Policy': MAIL_POLICY, 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer'
    }  # fmt: skip
    return HTMLResponse(mail.html, headers=headers)


def _card(mail: ReceivedMail, url: str) -> Markup:
    return CARD.format(
        subject=mail.subject, sender=mail.headers.get('From', mail.sender), to=mail.to, at=mail.at,
        more=MORE.format(url), body=_text(mail.text),
    )  # fmt: skip


def _text(text: str) -> Markup:
    """Return a text as it is, with its links to click on."""
    parts, end = Markup(''), 0
    for found in URL.finditer(text):
        link = Markup('<a href="{0}">{0}</a>').format(found[0])
        parts += Markup('{}{}').format(text[end : found.start()], link)
        end = found.end()
    return Markup('<pre>{}{}</pre>').format(parts, text[end:])


def _address(state: SandboxState) -> str:
    port = state.config.smtp_port
    if port is None:
        return 'The sandbox has no SMTP port: only the mails of Calendly are here.'
    closed = ' (closed: connections are refused)' if state.mailbox.down else ''
    return f'Mails to smtp://{state.config.smtp_host}:{port}{closed}, and those that Calendly would send.'


def _find(request: Request) -> ReceivedMail | None:
    number = request.path_params['number']
    return next((mail for mail in state_of(request).mailbox.mails if mail.number == number), None)


ROUTES = [
    Route('/mailbox', show_all, methods=['GET']),
    Route('/mailbox/{number:int}', show, methods=['GET']),
    Route('/mailbox/{number:int}/html', show_html, methods=['GET']),
]
