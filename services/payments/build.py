"""The client of Stripe that the settings and the texts of the site ask for."""

from collections.abc import Callable

from services.payments.client import Payments
from services.payments.session_params import CheckoutPage
from services.settings import Settings
from services.site import Site


def build_payments(
    settings: Settings,
    site: Callable[[], Site],
    *,
    on_request: Callable[[str, float], object] = lambda _code, _time: None,
) -> Payments:
    """Make the client; nothing is requested yet.

    Args:
        settings: what the operator decided.
        site: returns the present texts.
        on_request: called after each request with 'ok' or the code of the error, and the seconds it took.
    """
    return Payments(
        settings.stripe_secret_key,
        api_base=settings.stripe_api_base,
        domain=settings.domain,
        hosts=settings.payment_hosts,
        mode=settings.mode,
        page=lambda: _checkout_page(settings, site()),
        on_request=on_request,
    )


def _checkout_page(settings: Settings, site: Site) -> CheckoutPage:
    return CheckoutPage(
        name=site.business.name,
        accent=site.theme.accent,
        refund_rule=site.offer.refund_rule,
        terms_consent=settings.terms_consent,
        slow_methods=settings.slow_methods,
        asks_phone=site.offer.asks_phone,
        invoices=settings.invoices,
    )
