"""What the settings decide about mail: which mails are written down, and what sends them."""

from collections.abc import Callable
from datetime import datetime, timedelta

from services.ledger import Ledger, MailRules
from services.mail import Letterhead, MailClient
from services.messages.sender import MailSender
from services.messages.words import Words
from services.orders import CalendarGate, Environment, Order
from services.settings import Settings
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
    host = settings.mail_from.rpartition('@')[2]
    return MailSender(
        ledger,
        MailClient(settings.smtp_url, sender=settings.mail_from, host=host),
        Words(site, domain=settings.domain, banner=banner, operator=settings.operator_email),
        lambda: _letterhead(site(), sender=settings.mail_from, host=host),
        business=lambda: site().business,
        environment=environment,
        gate=gate,
        clock=clock,
    )


def _letterhead(site: Site, *, sender: str, host: str) -> Letterhead:
    contact = site.contact
    return Letterhead(
        name=site.business.name,
        sender=sender,
        reply_to=contact.email,
        contact=(contact.email, contact.phone, contact.hours),
        accent=site.theme.accent,
        accent_dark=site.theme.night,
        host=host,
    )
