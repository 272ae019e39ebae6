"""The mail server: does it take mail from this shop."""

import secrets
from datetime import UTC, datetime

from services.check.finding import Finding, of_health, ok, warning, wrong
from services.health import check_mail
from services.mail import Message, Outcome, build
from services.messages import build_letterhead, build_mail_client
from services.settings import Settings
from services.site import Site

PART = 'mail'
TIMEOUT = 10.0  # seconds for each answer
NO_SERVER = 'SMTP_URL is not set: no mail is sent, and who loses the page of an order must call you'
SET_SERVER = 'Set SMTP_URL and MAIL_FROM as your mail provider says (README, "Mail"), and restart.'


async def check_mail_server(settings: Settings, texts: Site, *, mail_to: str = '') -> list[Finding]:
    """Connect to the mail server and sign in; send one mail where an address is given.

    Args:
        settings: what the operator decided.
        texts: of the site.
        mail_to: who gets the mail, '' for nobody.
    """
    if settings.smtp_url is None:
        make = wrong if mail_to else warning
        return [make(PART, NO_SERVER, SET_SERVER)]
    server = settings.smtp_url
    client = build_mail_client(settings, server, timeout=TIMEOUT)
    tried = await client.try_server()
    problem = '' if tried.outcome is Outcome.ACCEPTED else f'{server.host}:{server.port}: {tried.answer}'
    how = 'encrypted' if server.tls or server.starttls else 'without encryption'
    who = f', signs in as {server.user}' if server.user else ''
    works = f'{server.host}:{server.port} answers {how}{who} and takes mail from {settings.mail_from}'
    found = [of_health(PART, check_mail(problem), works)]
    if mail_to and not problem:
        found.append(await _send(settings, texts, mail_to))
    return found


async def _send(settings: Settings, texts: Site, mail_to: str) -> Finding:
    assert settings.smtp_url is not None
    message = Message(
        id=f'check.{secrets.token_hex(8)}',
        to=mail_to,
        subject='A test mail of your shop',
        text=('This mail was sent by the check of your shop. If you can read it, mail works.',),
    )
    try:
        mail = build(message, build_letterhead(settings, texts), now=datetime.now(UTC))
    except ValueError as error:
        return wrong(
            PART, f'no mail can be sent to {mail_to}: {error}', 'Give an e-mail address after --mail.'
        )
    sent = await build_mail_client(settings, settings.smtp_url, timeout=TIMEOUT).send(mail, to=mail_to)
    if sent.outcome is Outcome.ACCEPTED:
        return ok(PART, f'a mail to {mail_to} was taken; look there, in the spam folder too')
    return wrong(
        PART,
        f'the mail to {mail_to} was not taken: {sent.outcome.value}: {sent.answer}',
        'Check the address, and MAIL_FROM and SMTP_URL with your mail provider.',
    )
