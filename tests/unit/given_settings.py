"""Settings that are right, and what is wrong with others."""

from services.settings import SettingsError, parse_settings

GOOD = {
    'STRIPE_SECRET_KEY': 'sk_test_abc',
    'STRIPE_PRICE_ID': 'price_1',
    'CALENDLY_LINK': 'https://calendly.com/coach/session',
}
LIVE = GOOD | {
    'STRIPE_SECRET_KEY': 'sk_live_abc',
    'STRIPE_WEBHOOK_SECRET': 'whsec_1',
    'DOMAIN': 'https://coach.example',
}


def problems_of(values: dict[str, str]) -> list[str]:
    """Return the problems of a set of values."""
    try:
        parse_settings(values)
    except SettingsError as error:
        return error.problems
    return []
