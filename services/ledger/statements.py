"""The statements that every payment needs, built once: building one takes longer than running it."""

from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Insert,
    Select,
    Update,
    and_,
    bindparam,
    case,
    func,
    insert,
    null,
    or_,
    select,
    update,
)

from services.database import schema
from services.ledger.records import MailState, UnmatchedState
from services.orders import BookingState, Cause, MailKind, Order
from services.orders.forgotten import ERASED, ERASED_BOOKING

OF_ONE_BROWSER = 10  # orders that are read
BESIDE = 20  # payments of one customer that are compared; of more, the earlier ones are marked already


@cache
def add_order() -> Insert:
    """Insert an order."""
    return insert(schema.orders)


@cache
def find_order(column: str) -> Select[Any]:
    """Select the order that has a ``key`` in this column."""
    return select(schema.orders).where(schema.orders.c[column] == bindparam('key'))


@cache
def completed_by() -> Select[Any]:
    """Select the last orders that the browser ``browser_hash`` has completed from ``since`` on."""
    orders = schema.orders
    its = select(orders).where(
        orders.c.browser_hash == bindparam('browser_hash'), orders.c.completed_at >= bindparam('since')
    )
    return its.order_by(orders.c.completed_at.desc()).limit(OF_ONE_BROWSER)


@cache
def move_order() -> Update:
    """Update the order ``order_id`` if it still has the version ``seen_version``."""
    orders = schema.orders.c
    return update(schema.orders).where(
        orders.id == bindparam('order_id'), orders.version == bindparam('seen_version')
    )


@cache
def count_active_bookings() -> Update:
    """Set how many active bookings the order ``key`` has."""
    orders, bookings = schema.orders.c, schema.bookings.c
    active = select(func.count()).where(bookings.order_id == orders.id, bookings.state == BookingState.ACTIVE)
    counted = update(schema.orders).where(orders.id == bindparam('key'))
    return counted.values(active_bookings=active.scalar_subquery())


@cache
def put_booking(insert_into: Any, *, was_read: bool) -> Any:
    """Insert a booking, or update it; returns its order's id. The order of the updates does not matter.

    A canceled one stays canceled, and the first word about who canceled it stays. What was read at Calendly
    replaces the rest; a delivery, which may be late, only adds a link that was missing.

    Args:
        insert_into: the dialect's ``insert``, which knows ON CONFLICT.
        was_read: whether it was read at Calendly just now.
    """
    table = schema.bookings.c
    put = insert_into(schema.bookings)
    new = put.excluded
    if was_read:
        stays = ('invitee_id', 'order_id', 'environment')
        changed = {column.name: new[column.name] for column in table if column.name not in stays}
    else:
        changed = {
            'place': case((table.link_follows, new.place), else_=table.place),
            'link_follows': and_(table.link_follows, new.link_follows),
        }
    changed['state'] = case((table.state == BookingState.CANCELED, table.state), else_=new.state)
    for name in ('canceled_by', 'cancel_reason'):
        changed[name] = case((table[name] == '', new[name]), else_=table[name])
    for name in ERASED_BOOKING.keys() & changed.keys():  # who is forgotten stays so
        changed[name] = case((table.email == ERASED, table[name]), else_=changed[name])
    put = put.on_conflict_do_update(index_elements=[table.invitee_id], set_=changed)
    return put.returning(table.order_id)


@cache
def write_line() -> Insert:
    """Insert a journal line."""
    return insert(schema.journal)


@cache
def open_siblings() -> Select[Any]:
    """Select the other orders of ``same_browser`` whose sessions can still be paid."""
    orders = schema.orders.c
    return select(schema.orders).where(
        orders.browser_hash == bindparam('browser_hash'),
        orders.completed_at.is_(None),
        orders.session_status == 'open',
        orders.offer == bindparam('offer'),
        orders.environment == bindparam('environment'),
        orders.id != bindparam('id'),
    )


@cache
def paid_beside(*, live: bool) -> Select[Any]:
    """Select what compares the paid orders that ``similar_to`` describes, oldest first.

    Test cards are few: without live keys the name must be the same as well as the card.
    """
    orders = schema.orders.c
    columns = orders.id, orders.reference, orders.completed_at, orders.duplicate_of
    same_card = orders.card_fingerprint == bindparam('card')
    like = or_(
        orders.browser_hash == bindparam('browser_hash'),
        func.lower(orders.email) == bindparam('email'),
        same_card if live else and_(same_card, orders.name == bindparam('name')),
    )
    beside = select(*columns).where(
        like,
        orders.completed_at >= bindparam('since'),
        orders.completed_at <= bindparam('until'),
        orders.id != bindparam('id'),
        orders.payment_status == 'paid',
        orders.amount_refunded + orders.amount_lost < orders.amount_total,
        orders.environment == bindparam('environment'),
        orders.offer == bindparam('offer'),
    )
    # Only these columns are sorted: whole rows would be copied for it, however many there are.
    return beside.order_by(orders.completed_at, orders.id).limit(BESIDE)


@cache
def record_delivery(insert_into: Any) -> Any:
    """Insert a delivery, or count another try of it; returns when it was handled, if it was.

    Args:
        insert_into: the dialect's ``insert``, which knows ON CONFLICT.
    """
    table = schema.deliveries
    put = insert_into(table)
    unhandled = table.c.handled_at.is_(None)
    again = {
        'tries': table.c.tries + 1,
        'next_try': case((unhandled, put.excluded.next_try), else_=null()),
        'payload': case((unhandled, put.excluded.payload), else_=''),
        'because': case((put.excluded.because == Cause.WEBHOOK, Cause.WEBHOOK), else_=table.c.because),
    }
    put = put.on_conflict_do_update(index_elements=[table.c.source, table.c.event_id], set_=again)
    return put.returning(table.c.handled_at)


@cache
def change_delivery() -> Update:
    """Update one delivery."""
    return update(schema.deliveries).where(_same_delivery())


@cache
def delivery_tries() -> Select[Any]:
    """Select how often one delivery was tried, and since when."""
    return select(schema.deliveries.c.tries, schema.deliveries.c.received_at).where(_same_delivery())


@cache
def close_unmatched(column: str) -> Update:
    """Set the state ``closed`` in the open rows that have ``key`` in this column and one of ``reasons``."""
    table = schema.unmatched_bookings
    return (
        update(table)
        .where(
            table.c[column] == bindparam('key'),
            table.c.state == UnmatchedState.OPEN,
            table.c.reason.in_(bindparam('reasons', expanding=True)),
        )
        .values(state=bindparam('closed'))
    )


@cache
def put_mail(insert_into: Any) -> Any:
    """Insert a mail, or write one down again that was dropped.

    Args:
        insert_into: the dialect's ``insert``, which knows ON CONFLICT.
    """
    table = schema.mails
    put = insert_into(table)
    columns = {column.name: put.excluded[column.name] for column in table.c}
    dropped = table.c.state == MailState.DROPPED
    return put.on_conflict_do_update(index_elements=[table.c.id], set_=columns, where=dropped)


@cache
def find_switch() -> Select[Any]:
    """Select the switch with the name ``key``."""
    return select(schema.switches).where(schema.switches.c.name == bindparam('key'))


@cache
def put_alert(insert_into: Any) -> Any:
    """Insert an alert unless it was written down earlier; returns its id if it is new.

    Args:
        insert_into: the dialect's ``insert``, which knows ON CONFLICT.
    """
    alerts = schema.alerts
    put = insert_into(alerts).on_conflict_do_nothing(index_elements=[alerts.c.id])
    return put.returning(alerts.c.id)


@cache
def collecting_mail() -> Select[Any]:
    """Select and lock the mail that collects alerts and is not being sent yet."""
    mails = schema.mails.c
    waiting = select(mails.id).where(mails.kind == MailKind.ALERTS, mails.state == MailState.WANTED)
    return waiting.limit(1).with_for_update()


@cache
def collect_alert() -> Update:
    """Write down that ``alert`` is told by the mail ``collected_by``."""
    alerts = schema.alerts
    return update(alerts).where(alerts.c.id == bindparam('alert')).values(mail_id=bindparam('collected_by'))


def _same_delivery() -> ColumnElement[bool]:
    """Match the delivery ``event`` of ``sender``."""
    deliveries = schema.deliveries.c
    return and_(deliveries.source == bindparam('sender'), deliveries.event_id == bindparam('event'))


def same_browser(order: Order) -> dict[str, Any]:
    """Return the parameters of ``open_siblings`` for an order."""
    return {
        'browser_hash': order.browser_hash,
        'offer': order.purchase.offer,
        'environment': order.environment.mode,
        'id': order.id,
    }


def similar_to(order: Order, completed_at: datetime, within: timedelta) -> dict[str, Any]:
    """Return the parameters of ``paid_beside`` for an order; what is unknown of it matches nothing."""
    known = {
        'browser_hash': order.browser_hash,
        'email': order.facts.email.lower(),
        'card': order.facts.card_fingerprint,
    }
    similar = {name: value or None for name, value in known.items()}
    window = {'since': completed_at - within, 'until': completed_at + within}
    return same_browser(order) | similar | window | {'name': order.facts.name}
