"""Leases: a row that is due is claimed by putting off when it is due again.

Several processes share the work this way. If the process that claimed a row dies, the lease expires and
another process takes the row.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Row, Select, Table, tuple_, update


def claim(
    connection: Connection,
    due: Select[Any],
    column: Column[Any],
    *,
    until: datetime,
    changes: dict[str, Any] | None = None,
) -> list[Row[Any]]:
    """Claim the rows that a query finds; no other transaction gets them.

    Args:
        connection: the transaction.
        due: selects the rows of one table that are due.
        column: the column that says when a row is due.
        until: when the lease expires, in UTC.
        changes: further columns to set.
    """
    rows = list(connection.execute(due.with_for_update(skip_locked=True)))
    table = column.table
    assert isinstance(table, Table)
    key = tuple(table.primary_key)
    if rows:
        claimed = tuple_(*key).in_([tuple(row._mapping[part.name] for part in key) for row in rows])
        connection.execute(update(table).where(claimed).values({column.name: until} | (changes or {})))
    return rows
