"""Stripe's payment page: would Stripe take a sale. A session without an order is opened and closed."""

from datetime import UTC, datetime

from services.check.finding import Finding, ok, wrong
from services.money import Money
from services.orders import SESSION_LIFETIME, Environment, Order, PriceAdjustments, Purchase
from services.payments import Payments
from services.settings import Settings
from services.site import Site

PART = 'payment page'
REMEDIES = {
    'terms': (
        'TERMS_CONSENT=1, but Stripe does not know the address of your terms',
        'Stripe Dashboard > Settings > Business > Public details: set the URL of your terms of service to '
        'DOMAIN/terms. Or set TERMS_CONSENT=0.',
    ),
    'taxes': (
        'AUTOMATIC_TAX=1, but tax is not set up at Stripe',
        'Stripe Dashboard > Tax > Settings: set the address of your head office, and add a registration. Or '
        'set AUTOMATIC_TAX=0.',
    ),
    'invoices': (
        'INVOICES=1, but Stripe does not make invoices for this account',
        'Stripe Dashboard > Settings > Billing > Invoices: see what is missing. Or set INVOICES=0.',
    ),
}
OTHERWISE = (
    'Stripe does not take a sale',
    (
        'Read what Stripe says. Price and product are in the Stripe Dashboard > Product catalog, what is '
        'about the account is in > Settings.'
    ),
)


async def check_payment_page(
    settings: Settings, texts: Site, payments: Payments, price: Money
) -> list[Finding]:
    """Check that Stripe takes a session such as the next customer gets.

    Raises:
        ShopError: Stripe does not answer.
    """
    trial = await payments.probes.try_session(_order(settings, texts, price))
    if trial.refusal:
        text, remedy = REMEDIES.get(trial.option, OTHERWISE)
        return [wrong(PART, f'{text}. {trial.refusal}', remedy)]
    found = [ok(PART, 'Stripe takes a sale; the trial was closed at once, and is no order')]
    tax = 'Stripe adds tax (AUTOMATIC_TAX=1)' if trial.adds_tax else 'no tax is added (AUTOMATIC_TAX=0)'
    found.append(ok(PART, f'{tax}, whatever the default in the Dashboard is'))
    if settings.slow_methods:
        names = ', '.join(trial.slow_methods) or 'none is switched on'
        found.append(ok(PART, f'SLOW_METHODS=1: methods whose money arrives days later: {names}'))
    return found


def _order(settings: Settings, texts: Site, price: Money) -> Order:
    """Make the order of a customer who does not exist; it is in no ledger."""
    offer, now = texts.offer, datetime.now(UTC)
    return Order(
        id='check',
        version=1,
        reference='CHECK',
        token='',
        booking_key='',
        environment=Environment(settings.mode),
        domain=settings.domain,
        purchase=Purchase(offer.slug, offer.name, offer.minutes, 1, settings.stripe_price_id, price),
        allowed=PriceAdjustments(settings.promotion_codes, settings.automatic_tax),
        created_at=now,
        session_expires_at=now + SESSION_LIFETIME,
    )
