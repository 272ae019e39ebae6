"""The shop's counters for Prometheus; no label holds a name, an id or anything else of a single order."""

from collections.abc import Callable
from datetime import datetime

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from services.orders import MailKind, State

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
SOURCES = ('stripe', 'calendly')
DELIVERIES = ('handled', 'known', 'foreign', 'refused', 'kept', 'failed')
"""Outcomes of a delivery: processed; handled before; not for this shop; not signed; kept, and to be tried
again here; to be delivered again."""
UNMATCHED = (
    'no key',
    'unknown key',
    'not paid',
    'refunded',
    'second meeting',
    'other length',
    'other event type',
    'calendly payment',
    'detached',
)
"""Why a meeting was not paid for; the words of the ledger's UnmatchedReason."""
MAILS = ('queued', 'put off', 'sent', 'refused', 'given up', 'unknown', 'dropped')
"""What becomes of a mail: written down; not taken for now; and the words of the ledger's MailState."""
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The counters of one shop in one process; they start at zero with it."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        """Make the counters.

        Args:
            clock: the present time in UTC.
        """
        self._clock = clock
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._moves = Counter(
            'paidslot_orders_moved',
            'Orders that reached a state',
            ['state'],
            registry=registry,
        )
        self._deliveries = Counter(
            'paidslot_deliveries', 'Webhook deliveries', ['source', 'outcome'], registry=registry
        )
        self._unmatched = Counter(
            'paidslot_unmatched_bookings', 'Meetings that no order paid for', ['kind'], registry=registry
        )
        self._mails = Counter('paidslot_mails', 'Mails', ['kind', 'outcome'], registry=registry)
        self._answers = Histogram(
            'paidslot_delivery_seconds',
            'Time until a delivery was answered',
            ['source'],
            buckets=SECONDS,
            registry=registry,
        )
        self._requests = Histogram(
            'paidslot_stripe_seconds', 'Requests to Stripe', ['outcome'], buckets=SECONDS, registry=registry
        )
        self._pages = Histogram(
            'paidslot_page_seconds', 'Pages built', ['page'], buckets=SECONDS, registry=registry
        )
        self._rounds = Histogram(
            'paidslot_reconciler_seconds', 'Rounds completed', buckets=(*SECONDS, 30, 60), registry=registry
        )
        self._failures = Counter('paidslot_reconciler_failures', 'Rounds that failed', registry=registry)
        self._repairs = Counter(
            'paidslot_repairs', 'What the reconciler found and repaired', ['kind'], registry=registry
        )
        self._refused = Counter('paidslot_requests_refused', 'Requests above a rate limit', registry=registry)
        self._paused = Gauge(
            'paidslot_sales_paused',
            '1 while online payment is paused: many sessions, no payments',
            registry=registry,
        )
        self._success = Gauge(
            'paidslot_reconciler_last_success_timestamp_seconds',
            'When a round was last completed, 0 before the first',
            registry=registry,
        )
        self._start_at_zero()

    def moved(self, state: str) -> None:
        """Count an order that reached a state."""
        self._moves.labels(state).inc()

    def delivery(self, source: str, outcome: str) -> None:
        """Count a delivery by its outcome, one of DELIVERIES."""
        self._deliveries.labels(source, outcome).inc()

    def unmatched_booking(self, kind: str) -> None:
        """Count a meeting that no order paid for; ``kind`` is one of UNMATCHED."""
        self._unmatched.labels(kind).inc()

    def mail(self, kind: str, outcome: str) -> None:
        """Count a mail by its kind and its outcome, one of MAILS."""
        self._mails.labels(kind, outcome).inc()

    def answered(self, source: str, seconds: float) -> None:
        """Record how long a delivery took to answer."""
        self._answers.labels(source).observe(seconds)

    def stripe_request(self, outcome: str, seconds: float) -> None:
        """Record a request to Stripe and its retries: 'ok' or the code of the error, and the seconds."""
        self._requests.labels(outcome).observe(seconds)

    def built(self, page: str, seconds: float) -> None:
        """Record how long a page took to build, named by its route's template."""
        self._pages.labels(page).observe(seconds)

    def repaired(self, kind: str, count: int = 1) -> None:
        """Count what the reconciler repaired; ``kind`` is one of a few words, never an id."""
        self._repairs.labels(kind).inc(count)

    def refused(self) -> None:
        """Count a request above a rate limit."""
        self._refused.inc()

    def watch_pause(self, is_paused: Callable[[], bool]) -> None:
        """Show from now on whether online payment is paused."""
        self._paused.set_function(is_paused)

    def round_done(self, seconds: float) -> None:
        """Record a completed round of the reconciler."""
        self._rounds.observe(seconds)
        self._success.set(self._clock().timestamp())

    def round_failed(self) -> None:
        """Count a failed round of the reconciler."""
        self._failures.inc()

    def text(self) -> bytes:
        """Return the text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats)."""
        return generate_latest(self._registry)

    def _start_at_zero(self) -> None:
        """Show each series as 0 before its first count: Prometheus sees growth only from a known value."""
        for state in State:
            if state is not State.OPEN:  # orders start there
                self._moves.labels(state)
        for source in SOURCES:
            self._answers.labels(source)
            for outcome in DELIVERIES:
                self._deliveries.labels(source, outcome)
        for kind in UNMATCHED:
            self._unmatched.labels(kind)
        for mail in MailKind:
            for outcome in MAILS:
                self._mails.labels(mail, outcome)
        self._requests.labels('ok')
