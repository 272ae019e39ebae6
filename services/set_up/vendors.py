"""The clients of Stripe and Calendly for the set-up, from answers that are not settings yet."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from services.payments import CheckoutPage, Payments
from services.scheduling import Scheduling
from services.set_up.refused import Refused
from services.settings import problem_of
from services.settings.urls import host_names


@asynccontextmanager
async def payments_of(values: Mapping[str, str]) -> AsyncIterator[Payments]:
    """Yield a client of Stripe.

    Args:
        values: the texts of the settings, as far as they are known.

    Raises:
        Refused: STRIPE_API_BASE cannot be used: a live key is sent to no other address than Stripe's.
    """
    _check_base('STRIPE_API_BASE', values)
    key = values['STRIPE_SECRET_KEY']
    payments = Payments(
        key,
        api_base=values.get('STRIPE_API_BASE', ''),
        domain=values.get('DOMAIN', ''),
        hosts=frozenset(),
        mode=mode_of(key),
        page=CheckoutPage,
        on_request=lambda _code, _seconds: None,
    )
    try:
        yield payments
    finally:
        await payments.close()


@asynccontextmanager
async def scheduling_of(values: Mapping[str, str]) -> AsyncIterator[Scheduling]:
    """Yield a client of Calendly; arguments as above.

    Raises:
        Refused: CALENDLY_API_BASE cannot be used, also with a live key of Stripe.
    """
    _check_base('CALENDLY_API_BASE', values)
    link, base = values.get('CALENDLY_LINK', ''), values.get('CALENDLY_API_BASE', '')
    scheduling = Scheduling(
        link,
        token=values.get('CALENDLY_TOKEN', ''),
        api_base=base,
        domain=values.get('DOMAIN', ''),
        hosts=host_names(link) | host_names(base),
    )
    try:
        yield scheduling
    finally:
        await scheduling.close()


def _check_base(name: str, values: Mapping[str, str]) -> None:
    if problem := problem_of(name, values):
        raise Refused(problem)


def mode_of(key: str) -> str:
    """Return the mode of a secret key: test or live."""
    return 'live' if key.split('_')[1:2] == ['live'] else 'test'
