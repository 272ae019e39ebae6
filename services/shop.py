"""The composition root: every part made once and handed to those who need it."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter

from services import site
from services.admin import Access, Actions, access_with, build_actions
from services.admin.export import Exports
from services.admin.forget import Forget
from services.admin.reads import Reads
from services.admin.texts import TextEditor
from services.availability import Availability
from services.booking import BookingRecorder, CalendarEffects, CalendarLinks, WaitingPages, WaitsFor
from services.catalog import Catalog, Offer
from services.check import Finding, check_shop
from services.checkout import Checkout
from services.correct_email import CorrectEmail
from services.endpoints import webhooks
from services.endpoints.api import checkout_router
from services.endpoints.health import health_router
from services.endpoints.metrics import metrics_router
from services.errors import ShopError
from services.find_orders import FindOrders
from services.fulfilment import Duplicates, Fulfilment
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
from services.ledger import Ledger, Source, connect
from services.messages import MailSender, Problem, ProblemWatch, build_mail_sender, mail_rules
from services.metrics import Metrics
from services.orders import PriceAdjustments
from services.payments import Payments, build_payments
from services.rate_limit import AddressLimit, RateLimit
from services.reconciler import (
    BookingReader,
    CalendarWatch,
    EffectRunner,
    Reconciler,
    SubscriptionWatch,
    tasks,
)
from services.rehearsal import RehearsalRunner, build_runner
from services.scheduling import Scheduling, build_scheduling
from services.selling import Selling
from services.settings import Settings
from services.texts import Texts

__all__ = ['Shop', 'WaitsFor', 'build']

log = logging.getLogger(__name__)

WARM_UP_TRIES = 20
# A clinic's whole waiting room may share one address; a machine that tries cards needs thousands. Browsers
# that brought back our cookie have a limit of their own, which machines without one cannot use up.
STARTS = {'per_client': '30/minute', 'per_network': '40/minute', 'overall': '120/minute', 'known': '4/second'}
# Of sessions that we do not know.
LOOKUPS = {
    'per_client': '10/minute',
    'per_network': '20/minute',
    'overall': '120/minute',
    'known': '2/second',
}

# Of links by mail; a person needs one.
FINDS = {'per_client': '6/minute', 'per_network': '12/minute', 'overall': '60/minute', 'known': '1/second'}
FINDS_PER_ADDRESS = '3/hour'


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
    fuse: Fuse
    selling: Selling
    access: Access | None
    exports: Exports
    forget: Forget
    rehearsals: RehearsalRunner
    reads: Reads
    text_editor: TextEditor

    @property
    def site(self) -> site.Site:
        """The texts of the site as they are now."""
        return self.present.site

    @property
    def banner(self) -> str:
        """What every page must say about the money, '' when it is real."""
        return _banner(self.settings)

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
            ),
            check_sales(self.fuse.paused_for),
            await check_selling(self.selling),
            check_clock(self.payments.clock.problem),
            check_reconciler(self.reconciler.problem),
            check_texts(self.texts.problem),
            *([await check_webhooks(self.ledger.deliveries.arrivals)] if self._has_webhooks else []),
            *([check_mail(self.mail_sender.problem)] if self.mail_sender else []),
        ]

    async def check(self) -> tuple[Finding, ...]:
        """Check the whole set-up, as the command does; it asks Stripe, Calendly and the own address."""
        return await check_shop(self.settings, self.site, self.scheduling)

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
            endpoints.append(webhooks.stripe_router(secrets, self.inbox, self.metrics))
        if keys:
            endpoints.append(webhooks.calendly_router(keys, self.inbox, self.metrics))
        return endpoints


def build(settings: Settings, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Shop:
    """Wire a shop; nothing is opened or requested yet.

    Args:
        settings: what the operator decided.
        clock: the present time in UTC.

    Raises:
        SiteProblem: the texts of the site cannot be read.
    """
    file, domain = site.load_file(settings.site_file), settings.domain
    rules, present = file.site, site.PresentSite(file.site)
    metrics = Metrics(clock)
    ledger = Ledger(
        connect(settings.database_url),
        clock,
        on_unmatched=lambda row: metrics.unmatched_booking(row.reason),
        mail_rules=mail_rules(settings, rules.order.reminder_hours),
        on_mail=metrics.mail,
        keep_abandoned=timedelta(days=rules.privacy.abandoned_days),
    )
    texts = Texts(ledger, file, present, live=settings.mode == 'live')
    payments = build_payments(settings, lambda: present.site, on_request=metrics.stripe_request)
    scheduling = build_scheduling(settings, lambda: present.site)
    product = rules.offer
    offer = Offer(product.slug, product.name, product.minutes, 1, settings.stripe_price_id)
    catalog = Catalog([offer], read_price=payments.read_price, clock=clock)
    present.subscribe(lambda now: catalog.rename(now.offer.name))
    fulfilment = Fulfilment(
        ledger=ledger,
        payments=payments,
        duplicates=Duplicates(ledger),
        rate_limit=RateLimit(**LOOKUPS, on_refused=metrics.refused),
        metrics=metrics,
        clock=clock,
        domain=domain,
    )
    availability = Availability(
        read=scheduling.read_free_times if settings.calendly_token else None,
        clock=clock,
        sells_without=product.sell_without_free_times,
    )
    fuse = Fuse(completed=ledger.orders.completed_sessions)
    metrics.watch_pause(lambda: bool(fuse.paused_for))
    selling = Selling(ledger)
    bookings, waiting = BookingRecorder(ledger, scheduling), WaitingPages()
    subscription_watch = SubscriptionWatch(scheduling)
    calendar = CalendarLinks(
        ledger=ledger,
        payments=payments,
        scheduling=scheduling,
        recorder=bookings,
        clock=clock,
        selling=settings.selling,
        duplicates_open=rules.order.duplicates_open_calendar,
        learns_of_bookings=bool(settings.calendly_webhook_signing_key),
    )
    booking_reader = BookingReader(
        ledger=ledger,
        payments=payments,
        scheduling=scheduling,
        recorder=bookings,
        waiting=waiting,
        on_missed=subscription_watch.check_at_once,
        clock=clock,
    )
    checkout = Checkout(
        ledger=ledger,
        catalog=catalog,
        payments=payments,
        fulfilment=fulfilment,
        rate_limit=RateLimit(**STARTS, on_refused=metrics.refused),
        fuse=fuse,
        selling=selling,
        availability=availability,
        clock=clock,
        domain=domain,
        allowed=PriceAdjustments(settings.promotion_codes, settings.automatic_tax),
    )
    correct_email = CorrectEmail(ledger, clock=clock)
    actions = build_actions(
        ledger=ledger,
        payments=payments,
        fulfilment=fulfilment,
        calendar=calendar,
        recorder=bookings,
        scheduling=scheduling,
        correct_email=correct_email,
        site_at=texts.site_at,
        sends_mail=settings.smtp_url is not None,
        clock=clock,
    )
    handlers = {**CalendarEffects(ledger, scheduling, clock=clock).handlers, **actions.handlers}
    inbox = Inbox(ledger, {Source.STRIPE: fulfilment.process, Source.CALENDLY: bookings.process})
    reconciler = Reconciler(
        tasks(
            ledger=ledger,
            payments=payments,
            fulfilment=fulfilment,
            inbox=inbox,
            clock=clock,
            domain=domain,
            is_selling=selling.is_on,
        ),
        ledger=ledger,
        metrics=metrics,
        every=settings.reconcile_seconds,
    )
    selling.subscribe(reconciler.hurry)
    return Shop(
        settings=settings,
        present=present,
        texts=texts,
        catalog=catalog,
        checkout=checkout,
        find_orders=FindOrders(
            ledger,
            rate_limit=RateLimit(**FINDS, on_refused=metrics.refused),
            address_limit=AddressLimit(FINDS_PER_ADDRESS),
        ),
        correct_email=correct_email,
        actions=actions,
        fulfilment=fulfilment,
        bookings=bookings,
        calendar=calendar,
        inbox=inbox,
        ledger=ledger,
        payments=payments,
        scheduling=scheduling,
        reconciler=reconciler,
        effects=EffectRunner(ledger, handlers),
        mail_sender=build_mail_sender(
            settings,
            lambda: present.site,
            ledger=ledger,
            environment=lambda: payments.environment,
            gate=calendar.gate,
            banner=_banner(settings),
            clock=clock,
        ),
        problem_watch=ProblemWatch(ledger, clock=clock),
        calendar_watch=CalendarWatch(scheduling, availability, minutes=product.minutes),
        availability=availability,
        booking_reader=booking_reader,
        subscription_watch=subscription_watch,
        waiting=waiting,
        metrics=metrics,
        fuse=fuse,
        selling=selling,
        access=access_with(settings.admin_password, ledger, on_refused=metrics.refused),
        exports=Exports(ledger),
        rehearsals=build_runner(ledger, settings, zone=lambda: present.site.business.zone, clock=clock),
        forget=Forget(ledger, keep_months=rules.privacy.keep_months, clock=clock),
        reads=Reads.of(
            ledger,
            payments,
            booking_reader,
            settings,
            zone=lambda: present.site.business.zone,
            clock=clock,
        ),
        text_editor=TextEditor(ledger, texts, clock=clock),
    )


def _banner(settings: Settings) -> str:
    if settings.mode == 'demo':
        return 'Demo: no money moves, and nothing here is real.'
    if not settings.selling:
        return 'Test mode: payments here are not real, and no time can be booked.'
    return ''
