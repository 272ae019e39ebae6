"""A reconciler task: process again the deliveries that were recorded but never handled.

The pauses between two tries are in ``services/ledger/deliveries.py``.
"""

from services.errors import CalendarRefused, CalendarUnavailable, PaymentUnreachable, ShopError
from services.inbox import Inbox
from services.ledger import Ledger, Source
from services.orders import Cause

LIMIT = 50  # deliveries in a round


class RetryDeliveries:
    """Tries failed deliveries again, and those whose process died."""

    name = 'deliveries'

    def __init__(self, ledger: Ledger, inbox: Inbox) -> None:
        self._ledger = ledger
        self._inbox = inbox

    async def run(self) -> bool:
        """Process the deliveries that are due; ends early where Stripe is silent.

        While Calendly is silent, the other deliveries of Calendly are left until their lease expires.
        """
        deliveries = await self._ledger.deliveries.claim(limit=LIMIT)
        calendly_is_silent = False
        for delivery in deliveries:
            if calendly_is_silent and delivery.source is Source.CALENDLY:
                continue
            try:
                await self._inbox.process(delivery, because=Cause.RECONCILER)
            except PaymentUnreachable:
                raise
            except CalendarUnavailable as error:
                calendly_is_silent = not isinstance(error, CalendarRefused)
            except ShopError:
                continue  # the inbox has logged and stored it
        return len(deliveries) == LIMIT
