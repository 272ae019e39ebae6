"""The journal: one line for every move of an order, never changed afterwards."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, select

from services.database import schema
from services.database.store import Store
from services.ledger import statements
from services.ledger.records import JournalLine
from services.orders import Cause, Order


class Journal:
    """The lines of all orders."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    def write(
        self, connection: Connection, order: Order, *, because: Cause, line: str, actor: str = ''
    ) -> None:
        """Write a line in the transaction of the move it describes.

        Args:
            connection: the transaction.
            order: the order as it is after the move.
            because: who caused it.
            line: what happened, for people.
            actor: the person who acted, if one did.
        """
        values = {'order_id': order.id, 'version': order.version, 'at': self._clock()}
        values |= {'because': because, 'actor': actor, 'line': line}
        connection.execute(statements.write_line(), values)

    async def lines(self, order_id: str) -> tuple[JournalLine, ...]:
        """Return all moves of an order, oldest first."""
        table = schema.journal
        columns = (table.c.version, table.c.at, table.c.because, table.c.actor, table.c.line)
        query = select(*columns).where(table.c.order_id == order_id).order_by(table.c.id)
        rows = [dict(row._mapping) for row in await self._store.read(query)]
        return tuple(JournalLine(**row | {'because': Cause(row['because'])}) for row in rows)
