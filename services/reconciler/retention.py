"""A reconciler task: delete unpaid orders, deliveries, meetings of no order and sign-ins in time."""

import asyncio
import logging

from services.ledger import Ledger

log = logging.getLogger(__name__)

STEPS, ROWS = 20, 50  # transactions in a round for each table, and rows in one
PAUSE = 0.05  # seconds between two steps, in which others may write


class DeleteOld:
    """Deletes a bounded number of rows in each round; what is left is deleted in the next."""

    name = 'retention'

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def run(self) -> bool:
        """Delete what is due; never asks for another round at once, because it can wait."""
        for what, delete in (
            ('unpaid orders', self._ledger.retention.delete_orders),
            ('handled deliveries', self._ledger.retention.delete_deliveries),
            ('meetings of no order', self._ledger.retention.delete_unmatched),
            ('mails of no order', self._ledger.retention.delete_mails),
            ('sign-ins', self._ledger.sign_ins.delete_ended),
        ):
            count = 0
            for _ in range(STEPS):
                found = await delete(limit=ROWS)
                count += found
                if found < ROWS:
                    break
                await asyncio.sleep(PAUSE)
            if count:
                log.info('deleted after the retention: %d %s', count, what)
        return False
