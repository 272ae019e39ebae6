"""Carries out outside effects that the ledger wants: deletes links, cancels meetings.

It runs beside the rounds of the reconciler: the silence of Calendly must not delay what is read from Stripe.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from services.background import Background
from services.errors import CalendarRefused, CalendarUnavailable, ShopError
from services.ledger import Effect, EffectKind, Ledger

log = logging.getLogger(__name__)

EVERY = 10.0  # seconds; an effect that this process writes down is carried out at once
LIMIT = 4  # effects in a run: each takes up to three of the fifty requests that Calendly allows in a minute


class EffectRunner:
    """Carries out what is due, a few effects at a time; what fails is tried again after growing pauses."""

    def __init__(
        self, ledger: Ledger, handlers: Mapping[EffectKind, Callable[[Effect], Awaitable[None]]]
    ) -> None:
        """Make it; nothing runs yet.

        Args:
            ledger: has the effects.
            handlers: carries out an effect of each kind and writes down its result.
        """
        self._ledger = ledger
        self._handlers = handlers
        self._background = Background(self._run)

    def start(self) -> None:
        """Begin at once, and go on until stopped."""
        self._background.start()

    async def stop(self) -> None:
        """Stop, wherever it is."""
        await self._background.stop()

    async def run(self) -> bool:
        """Carry out effects that are due; ends early where Calendly is silent.

        Returns:
            Whether more may be due.
        """
        for _ in range(LIMIT):
            effect = await self._ledger.effects.claim()
            if effect is None:
                return False
            try:
                await self._handlers[effect.kind](effect)
            except Exception as error:  # whatever it is: the others go on, and this one is tried again
                await self._put_off(effect, error)
                if isinstance(error, CalendarUnavailable) and not isinstance(error, CalendarRefused):
                    return True
        return True

    async def _put_off(self, effect: Effect, error: Exception) -> None:
        """Write down a failure; it is logged when it begins, and when it is given up."""
        will_retry = await self._ledger.effects.put_off(effect, str(error))
        order = await self._ledger.orders.find(id=effect.order_id)
        reference = order.reference if order else effect.order_id
        if not will_retry:
            log.error('order %s: given up: %s: %s', reference, effect.kind, error)
        elif not isinstance(error, ShopError):
            log.error('order %s: %s failed unexpectedly', reference, effect.kind, exc_info=error)
        elif effect.tries == 1:
            log.warning('order %s: %s failed and is tried again: %s', reference, effect.kind, error)

    async def _run(self) -> None:
        wanted = self._ledger.effects.wanted
        more = False
        while True:
            if more:  # not sooner, whatever is written down meanwhile: requests are limited
                await asyncio.sleep(EVERY)
            wanted.clear()
            try:
                more = await self.run()
            except Exception as error:  # whatever it is: the next run tries again
                more = False
                if not (isinstance(error, ShopError) and error.is_logged):
                    log.exception('carrying out effects failed unexpectedly')
            if not more:
                with suppress(TimeoutError):
                    async with asyncio.timeout(EVERY):
                        await wanted.wait()
