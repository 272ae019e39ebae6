"""The shop: all its parts, what opens, starts and closes them, and its health."""

import asyncio
import logging
from dataclasses import dataclass, field

from fastapi import APIRouter

from services import site
from services.admin import Access, Actions
from services.admin.export import Exports
from services.admin.forget import Forget
from services.admin.reads import Reads
from services.admin.texts import TextEditor
from services.availability import Availability
from services.booking import BookingRecorder, CalendarLinks, WaitingPages
from services.catalog import Catalog
from services.check import Finding, check_shop, list_refused
from services.checkout import Checkout
from services.correct_email import CorrectEmail
from services.endpoints import webhooks
from services.endpoints.api import checkout_router
from services.endpoints.health import health_router
from services.endpoints.metrics import metrics_router
from services.endpoints.refusals import Refusals
from services.errors import ShopError
from services.find_orders import FindOrders
from services.fulfilment import Fulfilment
from services.fuse import Fuse
from services.health import (
    Check,
    check_bookings,
    check_calendar,
    check_clock,
    check_ledger,
    check_mail,
    check_price,
    check_reconciler,
    check_sales,
    check_selling,
    check_stripe_key,
    check_texts,
    check_webhooks,
)
from services.inbox import Inbox
from services.ledger import Ledger, Source
from services.messages import MailSender, Problem, ProblemWatch
from services.metrics import Metrics
from services.payments import Payments
from services.reconciler import (
    BookingReader,
    CalendarWatch,
    EffectRunner,
    Reconciler,
    SubscriptionWatch,
)
from services.rehearsal import RehearsalRunner
from services.scheduling import Scheduling
from services.scheduling.shared_call import SharedCall
from services.selling import Selling
from services.settings import Settings
from services.texts import Texts

log = logging.getLogger(__name__)

WARM_UP_TRIES = 20


@dataclass(frozen=True)
class Shop:
    """A wired shop; pages and endpoints see this and nothing behind it."""

    settings: Settings
    present: site.PresentSite
    texts: Texts
    catalog: Catalog
    checkout: Checkout
    find_orders: FindOrders
    correct_email: CorrectEmail
    actions: Actions
    fulfilment: Fulfilment
    bookings: BookingRecorder
    calendar: CalendarLinks
    inbox: Inbox
    ledger: Ledger
    payments: Payments
    scheduling: Scheduling
    reconciler: Reconciler
    calendar_watch: CalendarWatch
    effects: EffectRunner
    mail_sender: MailSender | None
    problem_watch: ProblemWatch
    booking_reader: BookingReader
    subscription_watch: SubscriptionWatch
    waiting: WaitingPages
    availability: Availability
    metrics: Metrics
    refusals: Refusals
    fuse: Fuse
    selling: Selling
    access: Access | None
    exports: Exports
    forget: Forget
    rehearsals: RehearsalRunner
    reads: Reads
    text_editor: TextEditor
    checking: SharedCall[tuple[Finding, ...]] = field(default_factory=SharedCall)

    @property
    def site(self) -> site.Site:
        """The texts of the site as they are now."""
        return self.present.site

    @property
    def banner(self) -> str:
        """What every page must say about the money, '' when it is real."""
        return banner_of(self.settings)

    async def open(self) -> None:
        """Bring the ledger up to date, and choose the texts that are shown.

        Raises:
            SettingsError: the database cannot be used.
            SiteProblem: real customers would read examples.
        """
        await self.ledger.open()
        await self.texts.open()

    async def begin(self) -> None:
        """Read price and account; then start what runs beside the pages: what asks Calendly, and rounds."""
        await self.warm_up()
        self.calendar_watch.start()
        self.effects.start()
        if self.mail_sender:
            self.mail_sender.start()
            self.problem_watch.start(self.problems)
        self.booking_reader.start()
        if self.settings.calendly_webhook_signing_key:
            self.subscription_watch.start()
        self.availability.start()
        self.rehearsals.start()
        self.texts.start()
        self.reconciler.start()

    async def warm_up(self) -> None:
        """Read what the first customer should not have to wait for; Stripe may be unreachable at first."""
        for _ in range(WARM_UP_TRIES):
            if (await self.catalog.get_for_page()).price:
                break
            await asyncio.sleep(0.5)
        try:
            await self.payments.learn_account()
        except ShopError as error:
            # A restricted key may not know; environments are then compared by their mode alone.
            log.info('the Stripe account is not known: %s', error)

    async def close(self) -> None:
        """Stop the reconciler and close all connections."""
        await self.rehearsals.stop()
        await self.reconciler.stop()
        await self.effects.stop()
        await self.problem_watch.stop()
        if self.mail_sender:
            await self.mail_sender.stop()
        await self.calendar_watch.stop()
        await self.booking_reader.stop()
        await self.subscription_watch.stop()
        await self.availability.stop()
        await self.texts.stop()
        await self.payments.close()
        await self.scheduling.close()
        await self.ledger.close()

    async def health(self) -> list[Check]:
        """Run the health checks."""
        return [
            await check_ledger(self.ledger.store.ping),
            await check_stripe_key(
                self.payments.missing.rows(), is_refused=self.payments.missing.key_is_refused
            ),
            await check_price(self.catalog.get()),
            check_calendar(self.calendar_watch),
            check_bookings(
                self.booking_reader,
                self.subscription_watch,
                has_token=self.scheduling.makes_links,
                has_signing_key=bool(self.settings.calendly_webhook_signing_key),
                key_is_wrong=Source.CALENDLY in self.refusals.wrong_secrets,
            ),
            check_sales(self.fuse.paused_for),
            await check_selling(self.selling),
            check_clock(self.payments.clock.problem),
            check_reconciler(self.reconciler.problem),
            check_texts(self.texts.problem),
            *([await self._check_webhooks()] if self._has_webhooks else []),
            *([check_mail(self.mail_sender.problem)] if self.mail_sender else []),
        ]

    async def check(self) -> tuple[Finding, ...]:
        """Check the whole set-up, as the command does; it asks Stripe, Calendly and the own address.

        Whoever wants a check while one runs gets the result of that one.
        """
        return await self.checking.run(self._check)

    async def _check(self) -> tuple[Finding, ...]:
        found = await check_shop(self.settings, self.site, self.scheduling)
        parts = {check.name: check.problem for check in await self.health()}
        # DOMAIN may not be reachable from here, or lead to another process of this shop.
        return (*found, *(each for each in list_refused(self.settings, parts) if each not in found))

    async def _check_webhooks(self) -> Check:
        is_wrong = Source.STRIPE in self.refusals.wrong_secrets
        return await check_webhooks(self.ledger.deliveries.arrivals, secret_is_wrong=is_wrong)

    @property
    def _has_webhooks(self) -> bool:
        return bool(self.settings.stripe_webhook_secret)

    async def problems(self) -> list[Problem]:
        """Return what the health checks find wrong."""
        checks = [check for check in await self.health() if check.problem]
        return [Problem(each.name, f'{each.problem}. {each.remedy}', each.urgent) for each in checks]

    @property
    def sends_mail(self) -> bool:
        """Whether customers get mail from this shop."""
        return self.mail_sender is not None

    @property
    def learns_of_bookings(self) -> bool:
        """Whether bookings are delivered to this shop, or read from Calendly."""
        return bool(self.settings.calendly_webhook_signing_key) or self.booking_reader.is_current

    def routers(self) -> list[APIRouter]:
        """Make the routers for machines; a webhook without a secret has no endpoint."""
        secrets, keys = self.settings.stripe_webhook_secret, self.settings.calendly_webhook_signing_key
        slug = self.catalog.get().slug
        endpoints = [checkout_router(self.checkout, slug), health_router(self.health, self.ledger.instance)]
        endpoints.append(metrics_router(self.metrics, trusted=self.settings.trusted_proxies))
        if secrets:
            endpoints.append(webhooks.stripe_router(secrets, self.inbox, self.metrics, self.refusals))
        if keys:
            endpoints.append(webhooks.calendly_router(keys, self.inbox, self.metrics, self.refusals))
        return endpoints


def banner_of(settings: Settings) -> str:
    """Return what every page and mail must say about the money, '' when it is real."""
    if settings.mode == 'demo':
        return 'Demo: no money moves, and nothing here is real.'
    if not settings.selling:
        return 'Test mode: payments here are not real, and no time can be booked.'
    return ''
