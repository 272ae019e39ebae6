"""How deliveries are noted, settled, and worked again when nothing came of them."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from services.database import schema
from services.ledger import statements
from services.ledger.records import Delivery

# A delivery whose work was cut off by the end of a process is taken up after this.
LEASE = timedelta(minutes=5)
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=6)
GIVEN_UP = timedelta(days=9)  # after the first try


def row_of_delivery(delivery: Delivery, now: datetime) -> dict[str, Any]:
    """Write a delivery as the row it is noted with.

    Args:
        delivery: what came.
        now: the present time in UTC.
    """
    return asdict(delivery) | {'received_at': now, 'tries': 1, 'error': '', 'due_at': now + LEASE}


def mark_handled(connection: Connection, delivery: Delivery, now: datetime, *, error: str = '') -> None:
    """Mark a delivery as done, or keep the error it failed with and when to work it again.

    Args:
        connection: the transaction it happens in.
        delivery: which one.
        now: the present time in UTC.
        error: why it failed, in words for the operator.
    """
    which = {'by': delivery.source, 'which': delivery.event_id}
    if not error:
        done = {'handled_at': now, 'error': '', 'due_at': None, 'payload': ''}
        connection.execute(statements.mark_handled(), which | done)
        return
    known = connection.execute(statements.tries(), which).first()
    tries, since = (known.tries, known.received_at) if known else (1, now)
    failed = {'error': error, 'due_at': now + _pause(tries) if now - since < GIVEN_UP else None}
    unhandled = schema.deliveries.c.handled_at.is_(None)
    connection.execute(statements.mark_handled().where(unhandled), which | failed)


def _pause(tries: int) -> timedelta:
    doubled = FIRST_PAUSE * (1 << min(tries - 1, 20))
    return min(doubled, LONGEST_PAUSE)
