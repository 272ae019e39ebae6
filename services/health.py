"""The checks of a running shop: each names what is wrong and what the operator can do about it."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

from services.catalog import Offer
from services.errors import ShopError, reported
from services.ledger import Arrivals, Source
from services.payments.clock import REMEDY as CLOCK_REMEDY
from services.reconciler import BookingReader, CalendarWatch, SubscriptionWatch
from services.scheduling import CalendarProblem
from services.selling import Selling

NO_BOOKINGS = (
    'whether a customer has booked cannot be known',
    'Set CALENDLY_TOKEN, or CALENDLY_WEBHOOK_SIGNING_KEY and a webhook subscription, or both.',
)
STRIPE_REFUSED = (
    "Stripe's deliveries arrive, but STRIPE_WEBHOOK_SECRET is not the secret of this endpoint",
    'If the settings were changed since the shop was started, restart it. Otherwise: Stripe Dashboard > '
    'Developers > Webhooks > your endpoint > Signing secret: copy it into STRIPE_WEBHOOK_SECRET and restart; '
    'or run `main.py setup`.',
)
CALENDLY_REFUSED = (
    "Calendly's deliveries arrive, but CALENDLY_WEBHOOK_SIGNING_KEY is not the key of this subscription",
    'If the settings were changed since the shop was started, restart it. Otherwise run `main.py setup`, '
    'which makes the webhook subscription anew; or set CALENDLY_WEBHOOK_SIGNING_KEY to its signing_key and '
    'restart.',
)
SILENT_AFTER = timedelta(hours=3)  # Stripe delivers a failed event again within this time


@dataclass(frozen=True)
class Check:
    """The result of one check.

    Attributes:
        name: the part that was checked.
        problem: what is wrong with it, '' when nothing is.
        remedy: what the operator can do, '' when there is no problem.
        critical: whether no order can be taken while the problem lasts.
        urgent: whether the operator is told of the problem at once: a key is refused.
        note: what the operator has decided, where nothing is wrong.
    """

    name: str
    problem: str = ''
    remedy: str = ''
    critical: bool = False
    urgent: bool = False
    note: str = ''


def ready(checks: Iterable[Check]) -> bool:
    """Say whether orders can be taken."""
    return not any(check.problem and check.critical for check in checks)


async def check_ledger(ping: Callable[[], Awaitable[object]]) -> Check:
    """Check that the database can be read and written.

    Args:
        ping: asks the database; raises ShopError when it does not answer.
    """
    try:
        with reported('asking the ledger'):
            await ping()
    except ShopError as error:
        return Check(
            'ledger',
            problem=f'the database does not answer [error {error.id}]',
            remedy='Find the error id in the log; check DATABASE_URL, the free disk space, file permissions.',
            critical=True,
        )
    return Check('ledger', critical=True)


async def check_webhooks(
    arrivals: Callable[[Source], Awaitable[Arrivals]], *, secret_is_wrong: bool = False
) -> Check:
    """Check that Stripe's deliveries arrive; without them payments are seen a little later.

    Args:
        arrivals: asks the ledger; raises ShopError when it does not answer.
        secret_is_wrong: the last delivery matched no secret.
    """
    if secret_is_wrong:
        return Check('webhooks', problem=STRIPE_REFUSED[0], remedy=STRIPE_REFUSED[1])
    try:
        with reported('asking for deliveries'):
            found = await arrivals(Source.STRIPE)
    except ShopError:
        return Check('webhooks')  # the part "ledger" tells it
    if not found.missed or found.at - found.missed[0] < SILENT_AFTER:
        return Check('webhooks')
    last = f'the last one came on {found.last_at:%Y-%m-%d %H:%M} UTC' if found.last_at else 'none ever came'
    return Check(
        'webhooks',
        problem=f'Stripe does not deliver: {len(found.missed)} events were found in its list instead, {last}',
        remedy='Stripe Dashboard > Developers > Webhooks: the endpoint must be enabled, and its URL must be '
        'DOMAIN/webhooks/stripe. It shows the answers to its deliveries.',
    )


async def check_stripe_key(missing: Iterable[str], *, is_refused: bool) -> Check:
    """Check that Stripe accepts the key, and that it has every permission that was needed so far.

    Args:
        missing: the rows of the Dashboard that Stripe has named in refusals since the start.
        is_refused: Stripe did not accept the key at the last request.
    """
    if is_refused:
        return Check(
            'stripe key',
            problem='Stripe refuses the key',
            remedy='Stripe Dashboard > Developers > API keys: copy a key into STRIPE_SECRET_KEY and restart.',
            urgent=True,
        )
    rows = ', '.join(sorted(missing))
    if not rows:
        return Check('stripe key')
    return Check(
        'stripe key',
        problem=f'the restricted key lacks: {rows}',
        remedy='Stripe Dashboard > Developers > API keys > your key > Edit key: set these permissions. '
        'A row goes when the next request that needs it succeeds, or with a restart.',
        urgent=True,
    )


async def check_price(offer: Offer) -> Check:
    """Check that the offer's price is known; an order reads it again, so this prevents no sale by itself."""
    if offer.price:
        return Check('price')
    return Check(
        'price',
        problem='the price has not been read from Stripe yet',
        remedy='Check STRIPE_SECRET_KEY and STRIPE_PRICE_ID, and that this machine can reach api.stripe.com.',
    )


def check_sales(paused_for: float) -> Check:
    """Check that selling is not paused.

    Args:
        paused_for: the seconds for which it still is.
    """
    if not paused_for:
        return Check('sales')
    return Check(
        'sales',
        problem='online payment is paused: many sessions were opened and nearly none was paid',
        remedy='Somebody seems to try stolen cards: look at the failed payments in the Stripe Dashboard. '
        f'It goes on by itself in {paused_for / 60:.0f} minutes; a restart ends it at once.',
    )


async def check_selling(selling: Selling) -> Check:
    """Say whether the operator has stopped selling; that is no problem.

    Args:
        selling: the switch.
    """
    stop = await selling.stop_for_page()
    return Check(
        'selling', note=f'stopped since {stop.at:%Y-%m-%d %H:%M} UTC by {stop.actor}' if stop else ''
    )


def check_clock(problem: str) -> Check:
    """Check this machine's clock against Stripe's.

    Args:
        problem: what is wrong with it, '' when nothing is.
    """
    return Check('clock', problem=problem, remedy=CLOCK_REMEDY if problem else '')


def check_reconciler(problem: str) -> Check:
    """Check that the last comparison with Stripe succeeded.

    Args:
        problem: what failed in it, '' when nothing did.
    """
    if not problem:
        return Check('reconciler')
    return Check(
        'reconciler',
        problem=f'the comparison with Stripe fails: {problem}',
        remedy='Check STRIPE_SECRET_KEY, and that this machine can reach api.stripe.com; see the log.',
    )


def check_texts(problem: str) -> Check:
    """Check that the newest texts are shown.

    Args:
        problem: which version is refused, and why; '' if none is.
    """
    if not problem:
        return Check('texts')
    return Check(
        'texts',
        problem=problem,
        remedy='Open Texts in the admin, put what is named right, and publish; or use another version.',
    )


def check_mail(problem: str) -> Check:
    """Check that the last mail could be handed to the server.

    Args:
        problem: the answer of the server, '' when it took the mail or none was sent.
    """
    if not problem:
        return Check('mail')
    return Check(
        'mail',
        problem=f'no mail can be sent: {problem}',
        remedy='Check SMTP_URL and MAIL_FROM with your mail provider. Mail waits, and is sent then.',
    )


def check_calendar(watch: CalendarWatch) -> Check:
    """Check that what is sold can be booked, as of the last check.

    Not critical: a payment is safe without a calendar, and a load balancer must not take the shop away for it
    (decision 53).
    """
    if not watch.was_checked:
        return Check(
            'calendar',
            problem='the calendar has not been checked yet',
            remedy='Wait a few seconds: it is checked at the start.',
        )
    if watch.problem:
        return _of_calendly('calendar', watch.problem)
    return Check('calendar')


def check_bookings(
    reader: BookingReader,
    watch: SubscriptionWatch,
    *,
    has_token: bool,
    has_signing_key: bool,
    key_is_wrong: bool = False,
) -> Check:
    """Check that bookings come to be known: read from Calendly, delivered by it, or both.

    Args:
        reader: reads them.
        watch: checks the subscription that delivers them.
        has_token: whether they can be read.
        has_signing_key: whether deliveries are accepted.
        key_is_wrong: the last delivery matched no signing key.
    """
    if not has_token and not has_signing_key:
        return Check(
            'bookings',
            problem=NO_BOOKINGS[0],
            remedy=NO_BOOKINGS[1],
        )
    if has_token and not reader.was_read and not reader.problem:
        return Check(
            'bookings',
            problem='the bookings have not been read yet',
            remedy='Wait a few seconds: they are read at the start.',
        )
    if reader.problem:
        return _of_calendly('bookings', reader.problem)
    if key_is_wrong:  # before the problem of the subscription: Calendly disables it for refused deliveries
        return Check('bookings', problem=CALENDLY_REFUSED[0], remedy=CALENDLY_REFUSED[1])
    return _of_calendly('bookings', watch.problem) if watch.problem else Check('bookings')


def _of_calendly(name: str, problem: CalendarProblem) -> Check:
    return Check(name, problem=problem.problem, remedy=problem.remedy, urgent=problem.refused)
