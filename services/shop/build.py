"""The composition root: every part made once and handed to those who need it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from services import site
from services.admin import Actions, access_with, build_actions
from services.admin.export import Exports
from services.admin.forget import Forget
from services.admin.reads import Reads
from services.admin.texts import TextEditor
from services.availability import Availability
from services.booking import BookingRecorder, CalendarEffects, CalendarLinks, WaitingPages
from services.catalog import Catalog, Offer
from services.checkout import Checkout
from services.correct_email import CorrectEmail
from services.endpoints.refusals import Refusals
from services.find_orders import FindOrders
from services.fulfilment import Duplicates, Fulfilment
from services.fuse import Fuse
from services.inbox import Inbox
from services.ledger import Ledger, Source, connect
from services.messages import MailSender, ProblemWatch, build_mail_sender, mail_rules
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
from services.rehearsal import build_runner
from services.scheduling import Scheduling, build_scheduling
from services.selling import Selling
from services.settings import Settings
from services.shop import limits
from services.shop.shop import Shop, banner_of
from services.texts import Texts


@dataclass(frozen=True)
class _Base:
    """What most parts need.

    Attributes:
        settings: what the operator decided.
        clock: the present time in UTC.
        rules: the site as its file has it.
        present: the site as it is now.
        metrics: counts what happens.
        ledger: what is stored.
        payments: the client of Stripe.
        scheduling: the client of Calendly.
    """

    settings: Settings
    clock: Callable[[], datetime]
    rules: site.Site
    present: site.PresentSite
    metrics: Metrics
    ledger: Ledger
    payments: Payments
    scheduling: Scheduling

    def zone(self) -> tzinfo:
        """Return the time zone of the business."""
        return self.present.site.business.zone


def build(settings: Settings, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Shop:
    """Wire a shop; nothing is opened or requested yet.

    Args:
        settings: what the operator decided.
        clock: the present time in UTC.

    Raises:
        SiteProblem: the texts of the site cannot be read.
    """
    file = site.load_file(settings.site_file)
    base = _build_base(settings, file.site, clock)
    ledger, scheduling = base.ledger, base.scheduling
    texts = Texts(ledger, file, base.present, live=settings.mode == 'live')

    catalog = _build_catalog(base)
    fulfilment = _build_fulfilment(base)
    availability = _build_availability(base)
    fuse, selling = _build_fuse(base), Selling(ledger)
    checkout = _build_checkout(base, catalog, fulfilment, availability, fuse, selling)

    bookings, waiting = BookingRecorder(ledger, scheduling), WaitingPages()
    calendar = _build_calendar_links(base, bookings)
    subscription_watch = SubscriptionWatch(scheduling)
    booking_reader = _build_booking_reader(base, bookings, waiting, subscription_watch)

    correct_email = CorrectEmail(ledger, clock=clock)
    actions = _build_actions(base, texts, fulfilment, calendar, bookings, correct_email)
    inbox = Inbox(ledger, {Source.STRIPE: fulfilment.process, Source.CALENDLY: bookings.process})
    reconciler = _build_reconciler(base, fulfilment, inbox, selling)

    return Shop(
        settings=settings,
        present=base.present,
        texts=texts,
        catalog=catalog,
        checkout=checkout,
        find_orders=_build_find_orders(base),
        correct_email=correct_email,
        actions=actions,
        fulfilment=fulfilment,
        bookings=bookings,
        calendar=calendar,
        inbox=inbox,
        ledger=ledger,
        payments=base.payments,
        scheduling=scheduling,
        reconciler=reconciler,
        effects=_build_effect_runner(base, actions),
        mail_sender=_build_mail_sender(base, calendar),
        problem_watch=ProblemWatch(ledger, clock=clock),
        calendar_watch=CalendarWatch(scheduling, availability, minutes=base.rules.offer.minutes),
        availability=availability,
        booking_reader=booking_reader,
        subscription_watch=subscription_watch,
        waiting=waiting,
        metrics=base.metrics,
        refusals=Refusals(),
        fuse=fuse,
        selling=selling,
        access=access_with(settings.admin_password, ledger, on_refused=base.metrics.refused),
        exports=Exports(ledger),
        rehearsals=build_runner(ledger, settings, zone=base.zone, clock=clock),
        forget=Forget(ledger, keep_months=base.rules.privacy.keep_months, clock=clock),
        reads=Reads.of(ledger, base.payments, booking_reader, settings, zone=base.zone, clock=clock),
        text_editor=TextEditor(ledger, texts, clock=clock),
    )


def _build_base(settings: Settings, rules: site.Site, clock: Callable[[], datetime]) -> _Base:
    present, metrics = site.PresentSite(rules), Metrics(clock)
    ledger = Ledger(
        connect(settings.database_url),
        clock,
        on_unmatched=lambda row: metrics.unmatched_booking(row.reason),
        mail_rules=mail_rules(settings, rules.order.reminder_hours),
        on_mail=metrics.mail,
        keep_abandoned=timedelta(days=rules.privacy.abandoned_days),
    )
    payments = build_payments(settings, lambda: present.site, on_request=metrics.stripe_request)
    scheduling = build_scheduling(settings, lambda: present.site)
    return _Base(settings, clock, rules, present, metrics, ledger, payments, scheduling)


def _build_catalog(base: _Base) -> Catalog:
    product = base.rules.offer
    offer = Offer(product.slug, product.name, product.minutes, 1, base.settings.stripe_price_id)
    catalog = Catalog([offer], read_price=base.payments.read_price, clock=base.clock)
    base.present.subscribe(lambda now: catalog.rename(now.offer.name))
    return catalog


def _build_fulfilment(base: _Base) -> Fulfilment:
    return Fulfilment(
        ledger=base.ledger,
        payments=base.payments,
        duplicates=Duplicates(base.ledger),
        rate_limit=RateLimit(**limits.LOOKUPS, on_refused=base.metrics.refused),
        metrics=base.metrics,
        clock=base.clock,
        domain=base.settings.domain,
    )


def _build_availability(base: _Base) -> Availability:
    return Availability(
        read=base.scheduling.read_free_times if base.settings.calendly_token else None,
        clock=base.clock,
        sells_without=base.rules.offer.sell_without_free_times,
    )


def _build_fuse(base: _Base) -> Fuse:
    fuse = Fuse(completed=base.ledger.orders.completed_sessions)
    base.metrics.watch_pause(lambda: bool(fuse.paused_for))
    return fuse


def _build_checkout(
    base: _Base,
    catalog: Catalog,
    fulfilment: Fulfilment,
    availability: Availability,
    fuse: Fuse,
    selling: Selling,
) -> Checkout:
    return Checkout(
        ledger=base.ledger,
        catalog=catalog,
        payments=base.payments,
        fulfilment=fulfilment,
        rate_limit=RateLimit(**limits.STARTS, on_refused=base.metrics.refused),
        fuse=fuse,
        selling=selling,
        availability=availability,
        clock=base.clock,
        domain=base.settings.domain,
        allowed=PriceAdjustments(base.settings.promotion_codes, base.settings.automatic_tax),
    )


def _build_find_orders(base: _Base) -> FindOrders:
    return FindOrders(
        base.ledger,
        rate_limit=RateLimit(**limits.FINDS, on_refused=base.metrics.refused),
        address_limit=AddressLimit(limits.FINDS_PER_ADDRESS),
    )


def _build_calendar_links(base: _Base, bookings: BookingRecorder) -> CalendarLinks:
    return CalendarLinks(
        ledger=base.ledger,
        payments=base.payments,
        scheduling=base.scheduling,
        recorder=bookings,
        clock=base.clock,
        selling=base.settings.selling,
        duplicates_open=base.rules.order.duplicates_open_calendar,
        learns_of_bookings=bool(base.settings.calendly_webhook_signing_key),
    )


def _build_booking_reader(
    base: _Base, bookings: BookingRecorder, waiting: WaitingPages, subscription_watch: SubscriptionWatch
) -> BookingReader:
    return BookingReader(
        ledger=base.ledger,
        payments=base.payments,
        scheduling=base.scheduling,
        recorder=bookings,
        waiting=waiting,
        on_missed=subscription_watch.check_at_once,
        clock=base.clock,
    )


def _build_actions(
    base: _Base,
    texts: Texts,
    fulfilment: Fulfilment,
    calendar: CalendarLinks,
    bookings: BookingRecorder,
    correct_email: CorrectEmail,
) -> Actions:
    return build_actions(
        ledger=base.ledger,
        payments=base.payments,
        fulfilment=fulfilment,
        calendar=calendar,
        recorder=bookings,
        scheduling=base.scheduling,
        correct_email=correct_email,
        site_at=texts.site_at,
        sends_mail=base.settings.smtp_url is not None,
        clock=base.clock,
    )


def _build_reconciler(base: _Base, fulfilment: Fulfilment, inbox: Inbox, selling: Selling) -> Reconciler:
    reconciler = Reconciler(
        tasks(
            ledger=base.ledger,
            payments=base.payments,
            fulfilment=fulfilment,
            inbox=inbox,
            clock=base.clock,
            domain=base.settings.domain,
            is_selling=selling.is_on,
        ),
        ledger=base.ledger,
        metrics=base.metrics,
        every=base.settings.reconcile_seconds,
    )
    selling.subscribe(reconciler.hurry)
    return reconciler


def _build_effect_runner(base: _Base, actions: Actions) -> EffectRunner:
    calendar = CalendarEffects(base.ledger, base.scheduling, clock=base.clock)
    return EffectRunner(base.ledger, {**calendar.handlers, **actions.handlers})


def _build_mail_sender(base: _Base, calendar: CalendarLinks) -> MailSender | None:
    return build_mail_sender(
        base.settings,
        lambda: base.present.site,
        ledger=base.ledger,
        environment=lambda: base.payments.environment,
        gate=calendar.gate,
        banner=banner_of(base.settings),
        clock=base.clock,
    )
