"""The composition root: every part made once and handed to those who need it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from services import site
from services.admin import access_with, build_actions
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
from services.messages import ProblemWatch, build_mail_sender, mail_rules
from services.metrics import Metrics
from services.orders import PriceAdjustments
from services.payments import build_payments
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
from services.scheduling import build_scheduling
from services.selling import Selling
from services.settings import Settings
from services.shop import limits
from services.shop.shop import Shop, banner_of
from services.texts import Texts


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
        rate_limit=RateLimit(**limits.LOOKUPS, on_refused=metrics.refused),
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
        rate_limit=RateLimit(**limits.STARTS, on_refused=metrics.refused),
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
            rate_limit=RateLimit(**limits.FINDS, on_refused=metrics.refused),
            address_limit=AddressLimit(limits.FINDS_PER_ADDRESS),
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
            banner=banner_of(settings),
            clock=clock,
        ),
        problem_watch=ProblemWatch(ledger, clock=clock),
        calendar_watch=CalendarWatch(scheduling, availability, minutes=product.minutes),
        availability=availability,
        booking_reader=booking_reader,
        subscription_watch=subscription_watch,
        waiting=waiting,
        metrics=metrics,
        refusals=Refusals(),
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
