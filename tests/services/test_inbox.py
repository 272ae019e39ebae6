"""The inbox: a delivery is recorded, then processed; it is marked handled, or its error is kept."""

import re
from collections.abc import AsyncIterator

import pytest

from services import errors
from services.inbox import Inbox, Outcome
from services.ledger import Delivery, Ledger, Source, connect
from services.orders import Cause
from tests.factories import NOON
from tests.services.conftest import on_both_databases

pytestmark = on_both_databases
DELIVERY = Delivery(Source.STRIPE, 'evt_1', 'checkout.session.completed', payload='cs_test_1')


class Processor:
    """Marks deliveries handled, or fails with ``error``."""

    def __init__(self, ledger: Ledger, error: Exception | None = None) -> None:
        self.error = error
        self.processed: list[tuple[Delivery, Cause]] = []
        self._ledger = ledger

    async def __call__(self, delivery: Delivery, *, because: Cause) -> None:
        """Process a delivery."""
        self.processed.append((delivery, because))
        if self.error:
            raise self.error
        await self._ledger.deliveries.mark_handled(delivery)


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    """Open a ledger on an empty database."""
    ledger = Ledger(connect(database_url), lambda: NOON)
    await ledger.open()
    yield ledger
    await ledger.close()


@pytest.fixture
def processor(ledger: Ledger) -> Processor:
    """Return a processor without an error."""
    return Processor(ledger)


@pytest.fixture
def inbox(ledger: Ledger, processor: Processor) -> Inbox:
    """Return an inbox whose deliveries of Stripe go to the processor."""
    return Inbox(ledger, {Source.STRIPE: processor})


def execute(ledger: Ledger, statement: str) -> list[tuple[object, ...]]:
    """Run a statement; return its rows."""
    with ledger.store.engine.begin() as connection:
        result = connection.exec_driver_sql(statement)
        return [tuple(row) for row in result] if result.returns_rows else []


async def test_a_new_delivery_is_processed_and_handled(inbox: Inbox, processor: Processor) -> None:
    """The processor gets the delivery and its cause."""
    assert await inbox.receive(DELIVERY, because=Cause.WEBHOOK) is Outcome.HANDLED
    assert processor.processed == [(DELIVERY, Cause.WEBHOOK)]


async def test_a_delivery_that_was_handled_is_known(inbox: Inbox, processor: Processor) -> None:
    """Its repetition is not processed."""
    await inbox.receive(DELIVERY, because=Cause.WEBHOOK)
    assert await inbox.receive(DELIVERY, because=Cause.RECONCILER) is Outcome.KNOWN
    assert len(processor.processed) == 1


async def test_the_error_of_a_failed_delivery_is_kept(
    inbox: Inbox, processor: Processor, ledger: Ledger
) -> None:
    """The delivery keeps code and id of the error; its repetition is processed again and clears the error."""
    processor.error = errors.PaymentBusy('500')
    with pytest.raises(errors.PaymentBusy) as caught:
        await inbox.receive(DELIVERY, because=Cause.WEBHOOK)
    query = 'SELECT error, handled_at IS NOT NULL, next_try IS NOT NULL FROM deliveries'
    assert execute(ledger, query) == [(f'payment_busy [error {caught.value.id}]', False, True)]
    processor.error = None
    assert await inbox.receive(DELIVERY, because=Cause.WEBHOOK) is Outcome.HANDLED
    assert execute(ledger, query) == [('', True, False)]


async def test_an_unexpected_error_is_kept_as_our_fault(
    inbox: Inbox, processor: Processor, ledger: Ledger
) -> None:
    """The text of the exception is in the log alone."""
    processor.error = ValueError('secret')
    await ledger.deliveries.record(DELIVERY)
    with pytest.raises(errors.OurFault) as caught:
        await inbox.process(DELIVERY, because=Cause.RECONCILER)
    assert execute(ledger, 'SELECT error FROM deliveries') == [(f'internal [error {caught.value.id}]',)]


async def test_a_ledger_that_fails_while_an_error_is_kept_does_not_hide_that_error(
    inbox: Inbox, processor: Processor, ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    """The first error is raised, so that the sender repeats the delivery; both errors are in the log."""
    processor.error = errors.PaymentBusy('500')
    await ledger.deliveries.record(DELIVERY)
    execute(ledger, 'DROP TABLE deliveries')
    with pytest.raises(errors.PaymentBusy) as caught:
        await inbox.process(DELIVERY, because=Cause.RECONCILER)
    first, second = caplog.messages
    assert caught.value.id in first
    assert re.match('keeping the error of a delivery failed unexpectedly', second)


async def test_a_delivery_that_cannot_be_recorded_is_not_processed(
    inbox: Inbox, processor: Processor, ledger: Ledger
) -> None:
    """It is answered with an error, and the sender repeats it."""
    execute(ledger, 'DROP TABLE deliveries')
    with pytest.raises(errors.OurFault):
        await inbox.receive(DELIVERY, because=Cause.WEBHOOK)
    assert processor.processed == []
