"""The composition root: every part made once and handed to those who need it."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import APIRouter

from services import site
from services.catalog import Catalog
from services.checkout import Checkout
from services.endpoints import webhooks
from services.endpoints.api import checkout_router
from services.endpoints.health import health_router
from services.endpoints.metrics import metrics_router
from services.errors import ShopError
from services.fulfilment import Fulfilment
from services.health import Check, check_ledger, check_price
from services.ledger import Ledger, connect
from services.metrics import Metrics
from services.orders import PriceAdjustments
from services.payments import Payments
from services.rate_limit import RateLimit
from services.reconciler import Reconciler
from services.scheduling import Scheduling
from services.settings import Settings

log = logging.getLogger(__name__)

WARM_UP_TRIES = 20
# A clinic's whole waiting room may share one address; a machine that tries cards needs thousands.
STARTS_PER_CLIENT, STARTS_OVERALL = '30/minute', '1200/minute'
LOOKUPS_PER_CLIENT, LOOKUPS_OVERALL = '10/minute', '120/minute'  # of sessions that we do not know


@dataclass(frozen=True)
class Shop:
    """A shop, wired; pages and endpoints see this and nothing behind it."""

    settings: Settings
    site: site.Site
    catalog: Catalog
    checkout: Checkout
    fulfilment: Fulfilment
    ledger: Ledger
    payments: Payments
    scheduling: Scheduling
    reconciler: Reconciler
    metrics: Metrics

    @property
    def banner(self) -> str:
        """What every page must say about the money, '' when it is real."""
        if self.settings.mode == 'demo':
            return 'Demo: no money moves, and nothing here is real.'
        if not self.settings.selling:
            return 'Test mode: payments here are not real, and no time can be booked.'
        return ''

    async def open(self) -> None:
        """Bring the ledger up to date."""
        await self.ledger.open()

    async def begin(self) -> None:
        """Do what is done beside the pages: learn from Stripe, then compare with it again and again."""
        await self.warm_up()
        self.reconciler.start()

    async def warm_up(self) -> None:
        """Learn what the first customer should not have to wait for; Stripe may not be up yet."""
        for _ in range(WARM_UP_TRIES):
            if (await self.catalog.look()).price:
                break
            await asyncio.sleep(0.5)
        try:
            await self.payments.learn_account()
        except ShopError as error:
            # A restricted key may not know; environments are then told apart by their kind alone.
            log.info('the Stripe account is not known: %s', error)

    async def close(self) -> None:
        """Let go of everything that holds a connection."""
        await self.reconciler.stop()
        await self.payments.close()
        await self.scheduling.close()
        await self.ledger.close()

    async def health(self) -> list[Check]:
        """Run the health checks."""
        return [await check_ledger(self.ledger.store.ping), await check_price(self.catalog.offer)]

    @property
    def learns_of_bookings(self) -> bool:
        """Whether Calendly tells this shop who has booked."""
        return bool(self.settings.calendly_webhook_signing_key)

    def routers(self) -> list[APIRouter]:
        """Make the routers for machines; a webhook without a secret has no endpoint."""
        secret, key = self.settings.stripe_webhook_secret, self.settings.calendly_webhook_signing_key
        endpoints = [checkout_router(self.checkout, self.catalog.slug), health_router(self.health)]
        endpoints.append(metrics_router(self.metrics, trusted=self.settings.trusted_proxies))
        if secret:
            endpoints.append(webhooks.stripe_router(secret, self.ledger, self.fulfilment, self.metrics))
        if key:
            endpoints.append(webhooks.calendly_router(key, self.ledger, self.fulfilment, self.metrics))
        return endpoints


def build(settings: Settings, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Shop:
    """Wire a shop; nothing is opened or asked yet.

    Args:
        settings: what the operator decided.
        clock: the present time in UTC.

    Raises:
        SiteProblem: the texts of the site cannot be read.
    """
    texts = site.load(settings.site_file)
    ledger = Ledger(connect(settings.database_url), clock)
    metrics = Metrics(clock)
    payments, scheduling = _payments(settings, metrics), _scheduling(settings)
    fulfilment = _fulfilment(settings, ledger, payments, scheduling, metrics, clock)
    offer = texts.offer
    catalog = Catalog(
        offer.slug, offer.name, settings.stripe_price_id, read_price=payments.read_price, clock=clock
    )
    checkout = Checkout(
        ledger=ledger,
        catalog=catalog,
        payments=payments,
        fulfilment=fulfilment,
        rate_limit=RateLimit(per_client=STARTS_PER_CLIENT, overall=STARTS_OVERALL),
        clock=clock,
        shop=settings.domain,
        title=offer.name,
    )
    reconciler = Reconciler(
        ledger=ledger,
        payments=payments,
        fulfilment=fulfilment,
        metrics=metrics,
        clock=clock,
        shop=settings.domain,
        every=settings.reconcile_seconds,
    )
    return Shop(
        settings, texts, catalog, checkout, fulfilment, ledger, payments, scheduling, reconciler, metrics
    )


def _payments(settings: Settings, metrics: Metrics) -> Payments:
    options: dict[str, object] = {}
    if settings.promotion_codes:
        options['allow_promotion_codes'] = True
    if settings.automatic_tax:
        options['automatic_tax'] = {'enabled': True}
    return Payments(
        settings.stripe_secret_key,
        api_base=settings.stripe_api_base,
        domain=settings.domain,
        hosts=settings.payment_hosts,
        mode=settings.mode,
        options=options,
        on_request=metrics.stripe_request,
    )


def _scheduling(settings: Settings) -> Scheduling:
    return Scheduling(
        settings.calendly_link,
        token=settings.calendly_token,
        api_base=settings.calendly_api_base,
        domain=settings.domain,
        hosts=settings.calendar_hosts,
    )


def _fulfilment(
    settings: Settings,
    ledger: Ledger,
    payments: Payments,
    scheduling: Scheduling,
    metrics: Metrics,
    clock: Callable[[], datetime],
) -> Fulfilment:
    return Fulfilment(
        ledger=ledger,
        payments=payments,
        scheduling=scheduling,
        clock=clock,
        shop=settings.domain,
        allowed=PriceAdjustments(settings.promotion_codes, settings.automatic_tax),
        selling=settings.selling,
        rate_limit=RateLimit(per_client=LOOKUPS_PER_CLIENT, overall=LOOKUPS_OVERALL),
        metrics=metrics,
    )
