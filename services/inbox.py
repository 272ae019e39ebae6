"""The inbox: records each delivery, has it processed, and marks it handled or keeps its error."""

import enum
import logging
from collections.abc import Awaitable, Mapping
from typing import Protocol

from services.errors import NotKnownYet, ShopError, Unreadable, reported
from services.ledger import Delivery, Ledger, Source
from services.orders import Cause

log = logging.getLogger(__name__)


class Outcome(enum.StrEnum):
    """What became of a delivery."""

    HANDLED = 'handled'
    KNOWN = 'known'  # handled earlier
    FOREIGN = 'foreign'  # not for this shop
    REFUSED = 'refused'  # not signed, or not readable
    KEPT = 'kept'  # stored with its error; the sender is not asked to come back
    FAILED = 'failed'  # stored with its error, to be tried again


class Processor(Protocol):
    """Processes the deliveries of one source and marks them handled."""

    def __call__(self, delivery: Delivery, *, because: Cause) -> Awaitable[object]:
        """Process one delivery."""
        ...


class Inbox:
    """One place for deliveries: used by the webhook endpoints and the reconciler."""

    def __init__(self, ledger: Ledger, processors: Mapping[Source, Processor]) -> None:
        self._ledger = ledger
        self._processors = processors

    async def receive(self, delivery: Delivery, *, because: Cause) -> Outcome:
        """Record a delivery and process it, unless it was handled earlier.

        Raises:
            ShopError: it failed; its error is stored, and it is tried again later.
        """
        if await self._record(delivery, because):
            return Outcome.KNOWN
        await self.process(delivery, because=because)
        return Outcome.HANDLED

    async def keep(self, delivery: Delivery, *, because: Cause) -> Outcome:
        """Record a delivery and try to process it; what fails is tried again here, not by the sender.

        Raises:
            ShopError: it could not be recorded.
        """
        if await self._record(delivery, because):
            return Outcome.KNOWN
        try:
            await self.process(delivery, because=because)
        except ShopError:
            return Outcome.KEPT
        return Outcome.HANDLED

    async def process(self, delivery: Delivery, *, because: Cause) -> None:
        """Process a recorded delivery.

        Raises:
            ShopError: it failed; its error is stored, and it is tried again later unless it is unreadable.
        """
        try:
            with reported(f'delivery {delivery.kind}'):
                await self._processors[delivery.source](delivery, because=because)
        except ShopError as error:
            await self._keep_error(delivery, error)
            raise

    async def _record(self, delivery: Delivery, because: Cause) -> bool:
        """Record a delivery; True when it was handled earlier."""
        with reported(f'recording delivery {delivery.kind}'):
            return await self._ledger.deliveries.record(delivery, because=because)

    async def _keep_error(self, delivery: Delivery, error: ShopError) -> None:
        """Keep why a delivery failed; if the ledger itself has failed, the delivery's lease expires."""
        what = f'{error.code}: {error}' if isinstance(error, NotKnownYet) else error.code
        words, final = f'{what} [error {error.id}]', isinstance(error, Unreadable)
        try:
            with reported('keeping the error of a delivery'):
                again = await self._ledger.deliveries.keep_error(delivery, words, final=final)
        except ShopError:
            return
        if not again and not final:
            log.warning(
                'gave up on delivery %s of %s: %s [error %s]', delivery.kind, delivery.source, what, error.id
            )
