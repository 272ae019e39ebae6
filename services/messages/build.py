"""What the settings decide about mail: which mails are written down, and what sends them."""

from collections.abc import Callable
from datetime import datetime, timedelta

from services.ledger import Ledger, MailRules
from services.mail import TIMEOUT, Letterhead, MailClient
from services.messages.sender import MailSender
from services.messages.words import Words
from services.orders import CalendarGate, Environment, Order
from services.settings import Settings, SmtpServer
from services.site import Site


def mail_rules(settings: Settings, reminder_hours: float) -> MailRules:
    """Decide which mails are written down.

    Without a server there are none, so that nothing is sent later by surprise (decision 82).

    Args:
        settings: what the operator decided.
        reminder_hours: from the payment to the reminder, 0 for no reminder.
    """
    sends = settings.smtp_url is not None
    learns = bool(settings.calendly_token or settings.calendly_webhook_signing_key)
    return MailRules(
        customers=sends,
        reminder_after=timedelta(hours=reminder_hours) if sends and learns and reminder_hours else None,
        operator=sends and bool(settings.operator_email),
    )


def build_mail_sender(
    settings: Settings,
    site: Callable[[], Site],
    *,
    ledger: Ledger,
    environment: Callable[[], Environment],
    gate: Callable[[Order], CalendarGate],
    banner: str,
    clock: Callable[[], datetime],
) -> MailSender | None:
    """Make what sends the mails; None without a mail server.

    Args:
        settings: what the operator decided.
        site: returns the texts of the site.
        ledger: has the mails.
        environment: in which the shop sells now.
        gate: whether the calendar of an order is open.
        banner: what every mail must say about the money, '' when it is real.
        clock: the present time in UTC.
    """
    if settings.smtp_url is None:
        return None
    return MailSender(
        ledger,
        build_mail_client(settings, settings.smtp_url),
        Words(site, domain=settings.domain, banner=banner, operator=settings.operator_email),
        lambda: build_letterhead(settings, site()),
        business=lambda: site().business,
        environment=environment,
        gate=gate,
        clock=clock,
    )


def build_mail_client(settings: Settings, server: SmtpServer, *, timeout: float = TIMEOUT) -> MailClient:
    """Make the client of a mail server.

    Args:
        settings: what the operator decided.
        server: the one of the settings.
        timeout: seconds for each answer.
    """
    return MailClient(server, sender=settings.mail_from, host=_host(settings), timeout=timeout)


def build_letterhead(settings: Settings, texts: Site) -> Letterhead:
    """Make what all mails of the shop share."""
    business, contact, theme = texts.business, texts.contact, texts.theme
    return Letterhead(
        name=business.name,
        sender=settings.mail_from,
        reply_to=contact.email,
        contact=(contact.email, contact.phone, contact.hours),
        accent=theme.accent,
        accent_dark=theme.night,
        host=_host(settings),
    )


def _host(settings: Settings) -> str:
    return settings.mail_from.rpartition('@')[2]
