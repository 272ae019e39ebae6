"""How deliveries are noted, settled, and worked again when nothing came of them."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, null, select, update
from sqlalchemy.sql.dml import ReturningInsert

from services import schema
from services.ledger.values import Delivery

# A delivery whose work was cut off by the end of a process is taken up after this.
AT_WORK = timedelta(minutes=5)
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=6)
TRIES = 40  # some nine days


def note(into: Callable[..., Any], delivery: Delivery, now: datetime) -> ReturningInsert[Any]:
    """Write the statement that notes a delivery and returns when it was settled, if it was.

    Args:
        into: the dialect's way to insert.
        delivery: what came.
        now: the present time in UTC.
    """
    table = schema.deliveries
    values = asdict(delivery) | {'received_at': now, 'tries': 1, 'error': '', 'due_at': now + AT_WORK}
    unsettled = table.c.settled_at.is_(None)
    again = {
        'tries': table.c.tries + 1,
        'due_at': case((unsettled, now + AT_WORK), else_=null()),
        'parcel': case((unsettled, delivery.parcel), else_=''),
    }
    put = into(table).values(values)
    put = put.on_conflict_do_update(index_elements=[table.c.source, table.c.event_id], set_=again)
    statement: ReturningInsert[Any] = put.returning(table.c.settled_at)
    return statement


def settle(connection: Connection, delivery: Delivery, now: datetime, *, error: str = '') -> None:
    """Mark a delivery as done, or keep the error it failed with and when to work it again.

    Args:
        connection: the transaction it happens in.
        delivery: which one.
        now: the present time in UTC.
        error: why it failed, in words for the operator.
    """
    table = schema.deliveries
    if not error:
        done = {'settled_at': now, 'error': '', 'due_at': None, 'parcel': ''}
        connection.execute(update(table).where(_same(delivery)).values(done))
        return
    tries = connection.scalar(select(table.c.tries).where(_same(delivery))) or 1
    failed = {'error': error, 'due_at': now + _pause(tries) if tries < TRIES else None}
    connection.execute(update(table).where(_same(delivery), table.c.settled_at.is_(None)).values(failed))


def _pause(tries: int) -> timedelta:
    doubled = FIRST_PAUSE * (1 << min(tries - 1, 20))
    return min(doubled, LONGEST_PAUSE)


def _same(delivery: Delivery) -> ColumnElement[bool]:
    table = schema.deliveries
    return (table.c.source == delivery.source) & (table.c.event_id == delivery.event_id)
