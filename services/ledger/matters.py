"""Matters: the queries for what needs a hand, one for each kind, each served by an index."""

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Row,
    Select,
    String,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal,
    null,
    or_,
    select,
)

from services.database import schema
from services.ledger.records import MailState, UnmatchedReason, UnmatchedState
from services.money import Money
from services.orders import MONEY_BACK_STATES, WATCHED, Environment, MailKind, State

UNBOOKED_AFTER = timedelta(hours=6)  # a customer may need some hours to pick a time
DELIVERY_FAILS_AFTER = timedelta(hours=1)  # before that, the next try may succeed
ANSWERED = ('under_review', 'warning_under_review')  # disputes that only the bank can decide now
MAILS = tuple(kind for kind in MailKind if kind is not MailKind.LINKS)  # links go to what strangers typed
NOT_SENT = (MailState.REFUSED, MailState.GIVEN_UP, MailState.UNKNOWN)


class AttentionKind(enum.StrEnum):
    """What is the matter."""

    DISPUTE = 'dispute'
    REFUND_FAILED = 'refund failed'
    FRAUD_WARNING = 'fraud warning'
    MISMATCH = 'mismatch'
    DUPLICATE = 'paid twice'
    REFUNDED_BOOKED = 'refunded but booked'
    UNMATCHED = 'unmatched booking'
    UNBOOKED = 'paid but not booked'
    UNDER_REVIEW = 'under review'
    EFFECT = 'failed effect'
    MAIL = 'failed mail'
    DELIVERY = 'failed delivery'
    CHECK = 'problem of the shop'


@dataclass(frozen=True)
class Matter:
    """One thing that needs a hand, as the ledger knows it; times in UTC.

    Attributes:
        kind: what is the matter.
        target: what it is about: the id of an order, a mail, an effect, a delivery or a meeting.
        cause: tells one occurrence from the next: what is done comes back with another cause.
        since: since when.
        order_id: the order that it concerns, '' where there is none.
        reference: of that order.
        name: of the customer, or of who booked.
        email: of the same.
        detail: a word of the kind: why a meeting is unmatched, which effect or mail, what differs.
        error: what was answered.
        money: what it is about, where it is money.
        deadline: until when it must be done.
        start: when the meeting begins, where it is about one.
        payment_id: Stripe's id of the payment, '' where there is none.
        mode: of the order's environment.
    """

    kind: AttentionKind
    target: str
    cause: str
    since: datetime
    order_id: str = ''
    reference: str = ''
    name: str = ''
    email: str = ''
    detail: str = ''
    error: str = ''
    money: Money | None = None
    deadline: datetime | None = None
    start: datetime | None = None
    payment_id: str = ''
    mode: str = ''


ELSEWHERE = frozenset(
    {
        AttentionKind.UNMATCHED,
        AttentionKind.EFFECT,
        AttentionKind.MAIL,
        AttentionKind.DELIVERY,
        AttentionKind.CHECK,
    }
)
"""The kinds whose target is not the id of an order."""
Queries = dict[AttentionKind, Select[Any]]


@cache
def queries(*, by_account: bool, bookings_known: bool) -> Queries:
    """Build the query of each kind once; what is urgent or old comes first, what is set aside is left out.

    Their parameters are those of ``parameters``, and ``limit``.

    Args:
        by_account: whether the account of the environment is known.
        bookings_known: whether the shop learns of bookings.
    """
    orders = schema.orders.c
    here = orders.environment == bindparam('mode')
    if by_account:
        here = and_(here, orders.account.in_(('', bindparam('account'))))
    found = _payments() | _meetings() | _elsewhere()
    found = {kind: query.where(or_(orders.id.is_(None), here)) for kind, query in found.items()}
    found[AttentionKind.DELIVERY] = _deliveries()
    found = {kind: _not_set_aside(kind, query) for kind, query in found.items()}
    return found | ({AttentionKind.UNBOOKED: _unbooked(here)} if bookings_known else {})


def parameters(environment: Environment, now: datetime) -> dict[str, Any]:
    """Return the parameters of ``queries``.

    Args:
        environment: where the orders were sold.
        now: the present time in UTC.
    """
    return {
        'mode': environment.mode,
        'account': environment.account,
        'now': now,
        'watched_since': now - WATCHED,
        'paid_before': now - UNBOOKED_AFTER,
        'failing_since': now - DELIVERY_FAILS_AFTER,
    }


def _time(name: str) -> BindParameter[Any]:
    return bindparam(name, type_=schema.Utc)


def from_row(kind: AttentionKind, row: Row[Any]) -> Matter:
    """Translate a row of a query."""
    values = {name: value for name, value in row._mapping.items() if value is not None}
    del values['total']
    amount, currency = values.pop('amount', None), values.pop('currency', '')
    return Matter(kind, **values, money=None if amount is None else Money(amount, currency))


def order_id_of(kind: AttentionKind, target: str) -> Select[Any]:
    """Select the id of the order that a mail, an effect or a meeting belongs to."""
    mails, effects, unmatched = schema.mails.c, schema.effects.c, schema.unmatched_bookings.c
    if kind is AttentionKind.MAIL:
        return select(mails.order_id).where(mails.id == target)
    if kind is AttentionKind.EFFECT:
        return select(effects.order_id).where(cast(effects.id, String) == target)
    return select(unmatched.order_id).where(_meeting() == target)


def hides() -> ColumnElement[bool]:
    """Match the decisions that hold at the time ``now``."""
    decisions = schema.attention.c
    return or_(decisions.until.is_(None), decisions.until > _time('now'))


def _not_set_aside(kind: AttentionKind, query: Select[Any]) -> Select[Any]:
    """Leave out what the operator has set aside, and count the rest."""
    found, decisions = query.subquery(), schema.attention.c
    decided = select(decisions.key).where(
        decisions.key == literal(f'{kind}.') + found.c.target, decisions.cause == found.c.cause, hides()
    )
    counted = select(*found.c, func.count().over().label('total')).where(~decided.exists())
    return counted.order_by(found.c.deadline.nulls_last(), found.c.since).limit(bindparam('limit'))


def _columns(**columns: Any) -> Select[Any]:
    """Select the fields of a matter; what is not given is what its order says."""
    orders = schema.orders.c
    fields = {
        'target': orders.id,
        'cause': orders.payment_id,
        'since': func.coalesce(orders.completed_at, orders.created_at),
        'order_id': orders.id,
        'reference': orders.reference,
        'name': orders.name,
        'email': case((orders.contact_email != '', orders.contact_email), else_=orders.email),
        'detail': null(),
        'error': null(),
        'amount': orders.amount_total,
        'currency': orders.seen_currency,
        'deadline': literal(None, schema.Utc),
        'start': literal(None, schema.Utc),
        'payment_id': orders.payment_id,
        'mode': orders.environment,
    } | columns
    return select(*(column.label(name) for name, column in fields.items()))


def _payments() -> Queries:
    """Write the queries for what follows from a payment alone."""
    orders = schema.orders.c
    money_is_here = orders.state.not_in(MONEY_BACK_STATES)
    dispute = _columns(
        cause=orders.open_disputes + ' ' + cast(orders.amount_disputed, String),
        amount=orders.amount_disputed,
        detail=orders.dispute_status,
        deadline=orders.dispute_due_at,
    )
    failed_at = orders.refund_failed_at
    failed = _columns(cause=cast(failed_at, String), since=failed_at)
    mismatch = _columns(cause=orders.payment_id + ' ' + orders.mismatch, detail=orders.mismatch)
    twice = _columns(cause=orders.duplicate_of, detail=orders.duplicate_of)
    is_in = {state: (schema.UNUSUAL, orders.state == state) for state in State}
    return {
        AttentionKind.DISPUTE: dispute.where(schema.DISPUTED, orders.dispute_status.not_in(ANSWERED)),
        AttentionKind.REFUND_FAILED: failed.where(schema.REFUND_FAILED, money_is_here),
        AttentionKind.FRAUD_WARNING: _columns().where(schema.WARNED, money_is_here),
        AttentionKind.MISMATCH: mismatch.where(*is_in[State.MISMATCH], schema.SOLD),
        AttentionKind.DUPLICATE: twice.where(orders.duplicate_of > '', money_is_here),
        AttentionKind.UNDER_REVIEW: _columns().where(*is_in[State.UNDER_REVIEW]),
    }


def _unbooked(here: ColumnElement[bool]) -> Select[Any]:
    """Write the query for paid orders whose time is not booked; the cause counts the bookings so far.

    There may be many. So they are counted, and the first ones found, by an index that has all this asks for.

    Args:
        here: matches the orders of the environment.
    """
    orders, bookings, decisions = schema.orders.c, schema.bookings.c, schema.attention.c
    so_far = select(func.count()).where(bookings.order_id == orders.id).correlate(schema.orders)
    cause = cast(so_far.scalar_subquery(), String)
    decided = select(decisions.key).where(
        decisions.key == literal(f'{AttentionKind.UNBOOKED}.') + orders.id, decisions.cause == cause, hides()
    )
    conditions = (
        schema.UNBOOKED,
        here,
        orders.created_at > _time('watched_since'),
        orders.completed_at < _time('paid_before'),
        ~orders.bookings_unknown,
        func.length(orders.duplicate_of) == 0,  # its index has nearly all orders under ''
        ~decided.exists(),
    )
    # Counted by itself: a window over so many rows takes SQLite longer.
    total = select(func.count()).select_from(schema.orders).where(*conditions).correlate(None)
    first = select(orders.id).where(*conditions).order_by(orders.created_at).limit(bindparam('limit'))
    query = _columns(cause=cause).add_columns(total.scalar_subquery().label('total'))
    return query.where(orders.id.in_(first.correlate(None))).order_by(orders.created_at)


def _meetings() -> Queries:
    """Write the queries for meetings that should not take place, or not in this form."""
    rows, orders = schema.unmatched_bookings.c, schema.orders.c
    query = _columns(
        target=_meeting(),
        cause=literal(''),
        since=rows.first_seen,
        name=rows.name,
        email=rows.email,
        detail=rows.reason,
        amount=null(),
        deadline=case((rows.end > _time('now'), rows.start)),
        start=rows.start,
    )
    query = query.select_from(schema.unmatched_bookings.outerjoin(schema.orders, rows.order_id == orders.id))
    is_open = rows.state == UnmatchedState.OPEN
    return {
        AttentionKind.REFUNDED_BOOKED: query.where(is_open, rows.reason == UnmatchedReason.REFUNDED),
        AttentionKind.UNMATCHED: query.where(is_open, rows.reason != UnmatchedReason.REFUNDED),
    }


def _meeting() -> ColumnElement[str]:
    """The target of an unmatched booking: Calendly's name of it, and the reason."""
    rows = schema.unmatched_bookings.c
    return rows.invitee_id + ' ' + rows.reason


def _elsewhere() -> Queries:
    """Write the queries for effects that were not carried out, and mails that were not sent."""
    effects, mails, orders = schema.effects.c, schema.mails.c, schema.orders.c
    effect = _columns(
        target=cast(effects.id, String),
        cause=cast(effects.tries, String),
        since=effects.finished_at,
        detail=effects.kind,
        error=effects.last_error,
    )
    mail = _columns(
        target=mails.id,
        cause=cast(mails.tries, String),
        since=mails.finished_at,
        email=case((mails.recipient != '', mails.recipient), else_=_columns().selected_columns.email),
        detail=mails.kind,
        error=mails.last_error,
    )
    of_effect = schema.effects.join(schema.orders, effects.order_id == orders.id)
    of_mail = schema.mails.outerjoin(schema.orders, mails.order_id == orders.id)
    return {
        AttentionKind.EFFECT: effect.select_from(of_effect).where(schema.FAILED_EFFECT),
        AttentionKind.MAIL: mail.select_from(of_mail).where(mails.kind.in_(MAILS), mails.state.in_(NOT_SENT)),
    }


def _deliveries() -> Select[Any]:
    """Write the query for deliveries that fail for an hour, or are not tried again."""
    table = schema.deliveries.c
    given = {
        'target': table.source + ' ' + table.event_id,
        'cause': literal(''),
        'since': table.received_at,
        'detail': table.source + ' ' + table.kind,
        'error': table.error,
        'deadline': literal(None, schema.Utc),
    }
    fails = or_(table.next_try.is_(None), table.received_at <= _time('failing_since'))
    query = select(*(column.label(name) for name, column in given.items()))
    return query.where(table.handled_at.is_(None), table.error != '', fails)
