"""What no call of Stripe or Calendly tells: the operator looks once."""

from services.check.finding import Finding, ok
from services.settings import Settings

PART = 'look yourself'


def list_unknown(settings: Settings) -> list[Finding]:
    """List what cannot be checked, with the place to look at."""
    receipts = 'also of the invoices; ' if settings.invoices else ''
    return [
        ok(
            PART,
            'no call tells whether Stripe e-mails receipts; your own mail says what was paid in any case',
            f'Stripe Dashboard > Settings > Business > Customer emails: "Successful payments"; {receipts}'
            'in test mode Stripe sends none.',
        ),
        ok(
            PART,
            'no call tells how your name stands on card statements',
            'Stripe Dashboard > Settings > Business > Public details, and > Branding.',
        ),
        ok(
            PART,
            'no call tells where Calendly sends customers after booking, or how late they may cancel',
            "Calendly > Event types > your event type: leave Calendly's own confirmation page on; look at "
            'the minimum notice and the cancellation policy.',
        ),
    ]
