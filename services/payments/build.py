"""The client of Stripe that the settings and the texts of the site ask for."""

from collections.abc import Callable

from services.payments.client import Payments
from services.payments.session_params import CheckoutPage
from services.settings import Settings
from services.site import Site


def build_payments(
    settings: Settings, texts: Site, *, on_request: Callable[[str, float], object] = lambda _code, _time: None
) -> Payments:
    """Make the client; nothing is requested yet.

    Args:
        settings: what the operator decided.
        texts: of the site.
        on_request: called after each request with 'ok' or the code of the error, and the seconds it took.
    """
    return Payments(
        settings.stripe_secret_key,
        api_base=settings.stripe_api_base,
        domain=settings.domain,
        hosts=settings.payment_hosts,
        mode=settings.mode,
        page=CheckoutPage(
            name=texts.business.name,
            accent=texts.theme.accent,
            refund_rule=texts.offer.refund_rule,
            terms_consent=settings.terms_consent,
            slow_methods=settings.slow_methods,
            asks_phone=texts.offer.asks_phone,
            invoices=settings.invoices,
        ),
        on_request=on_request,
    )
