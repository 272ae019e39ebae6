"""What the shop counts of itself, for Prometheus: no names, no ids, nothing of a single order."""

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

from services.orders import State

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
SOURCES = ('stripe', 'calendly')
DELIVERIES = ('handled', 'known', 'foreign', 'refused', 'failed')
"""What a delivery came to: worked; settled before; not for this shop; not signed; to be delivered again."""
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The counters of one shop in one process; they begin at nought with it."""

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
            'Orders brought into a state by what Stripe says',
            ['state'],
            registry=registry,
        )
        self._deliveries = Counter(
            'paidslot_deliveries', 'Deliveries at a endpoint', ['source', 'outcome'], registry=registry
        )
        self._endpoints = Histogram(
            'paidslot_delivery_seconds',
            'Time a delivery waited for its answer',
            ['source'],
            buckets=SECONDS,
            registry=registry,
        )
        self._questions = Histogram(
            'paidslot_stripe_seconds', 'Questions to Stripe', ['outcome'], buckets=SECONDS, registry=registry
        )
        self._pages = Histogram(
            'paidslot_page_seconds', 'Pages built', ['page'], buckets=SECONDS, registry=registry
        )
        self._rounds = Histogram(
            'paidslot_reconciler_seconds', 'Rounds done', buckets=(*SECONDS, 30, 60), registry=registry
        )
        self._failures = Counter('paidslot_reconciler_failures', 'Rounds that failed', registry=registry)
        self._repairs = Counter(
            'paidslot_repairs', 'What the reconciler found and mended', ['kind'], registry=registry
        )
        self._success = Gauge(
            'paidslot_reconciler_last_success_timestamp_seconds',
            'When a round was last done, 0 before the first',
            registry=registry,
        )
        self._begin_at_nought()

    def moved(self, state: str) -> None:
        """Count an order that came into a state."""
        self._moves.labels(state).inc()

    def delivery(self, source: str, outcome: str) -> None:
        """Count a delivery by what it came to, one of DELIVERIES."""
        self._deliveries.labels(source, outcome).inc()

    def answered(self, source: str, seconds: float) -> None:
        """Note how long a delivery waited for its answer."""
        self._endpoints.labels(source).observe(seconds)

    def stripe_request(self, outcome: str, seconds: float) -> None:
        """Note a question to Stripe, retries included: 'ok' or the code of the error, and its seconds."""
        self._questions.labels(outcome).observe(seconds)

    def built(self, page: str, seconds: float) -> None:
        """Note how long a page took, named by its route's template."""
        self._pages.labels(page).observe(seconds)

    def repaired(self, kind: str, count: int = 1) -> None:
        """Count what the reconciler mended; ``kind`` is one of a few words, never an id."""
        self._repairs.labels(kind).inc(count)

    def round_done(self, seconds: float) -> None:
        """Note a round of the reconciler that came to its end."""
        self._rounds.observe(seconds)
        self._success.set(self._clock().timestamp())

    def round_failed(self) -> None:
        """Count a round of the reconciler that did not."""
        self._failures.inc()

    def text(self) -> bytes:
        """Write it all down (prometheus.io/docs/instrumenting/exposition_formats, text 0.0.4)."""
        return generate_latest(self._registry)

    def _begin_at_nought(self) -> None:
        """Show a count before the first one, so that its growth can be seen."""
        for state in State:
            if state is not State.OPEN:  # that is how orders begin
                self._moves.labels(state)
        for source in SOURCES:
            self._endpoints.labels(source)
            for outcome in DELIVERIES:
                self._deliveries.labels(source, outcome)
        self._questions.labels('ok')
