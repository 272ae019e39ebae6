"""The tables of the ledger, and how a database is brought up to date with them."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    func,
    inspect,
    literal_column,
    true,
)

from services.database.conventions import Utc as Utc
from services.database.conventions import metadata as metadata

NEWEST = '0001'
"""The version of these tables, as the last migration names it.

A new column of ``orders`` needs five changes: the table below, a migration, this version, the field in
``services/orders/model.py``, and ``services/ledger/mapping.py`` unless the field is stored as it is.
"""


class UnknownVersion(Exception):
    """A database has tables of a version that is not among ours."""


orders = Table(
    'orders',
    metadata,
    Column('id', String(64), primary_key=True),
    Column('version', Integer, nullable=False),
    Column('reference', String(16), nullable=False, unique=True),
    Column('token', String(64), nullable=False, unique=True),
    Column('booking_key', String(64), nullable=False, unique=True),
    Column('environment', String(8), nullable=False),
    Column('account', Text, nullable=False),
    Column('domain', Text, nullable=False),
    # purchase: what was bought, and what was allowed to change its total
    Column('offer', String(64), nullable=False),
    Column('title', Text, nullable=False),
    Column('minutes', Integer, nullable=False),
    Column('sessions', Integer, nullable=False),
    Column('price_id', Text, nullable=False),
    Column('amount', BigInteger, nullable=False),
    Column('currency', String(3), nullable=False),
    Column('discounts_allowed', Boolean, nullable=False),
    Column('taxes_allowed', Boolean, nullable=False),
    Column('created_at', Utc, nullable=False),
    Column('attempt', Integer, nullable=False),
    Column('browser_hash', String(64), nullable=False),
    Column('claim', String(160), unique=True),
    Column('session_id', Text, unique=True),
    Column('session_url', Text),
    Column('session_expires_at', Utc, nullable=False),
    Column('calendar_url', Text),
    Column('calendar_url_at', Utc),
    Column('calendar_share', Text),
    Column('bookings_unknown', Boolean, nullable=False),
    Column('voided_at', Utc),
    Column('completed_at', Utc),
    Column('duplicate_of', Text, nullable=False),
    Column('duplicate_decided', Boolean, nullable=False),
    Column('contact_email', Text, nullable=False),
    Column('contact_email_at', Utc),
    Column('fraud_warning', Boolean, nullable=False),
    Column('forgotten_at', Utc),
    Column('refund_failed_at', Utc),
    Column('keeps_meetings', Boolean, nullable=False),
    # derived, for lists: what follows from the facts, and how many bookings are active
    Column('state', String(20), nullable=False),
    Column('active_bookings', Integer, nullable=False, default=0),
    Column('next_check', Utc),
    Column('delete_at', Utc),
    # facts: what was seen at Stripe
    Column('session_status', Text, nullable=False),
    Column('payment_status', Text, nullable=False),
    Column('amount_subtotal', BigInteger),
    Column('amount_total', BigInteger),
    Column('amount_discount', BigInteger, nullable=False),
    Column('amount_tax', BigInteger, nullable=False),
    Column('seen_currency', Text, nullable=False),
    Column('payment_failed', Boolean, nullable=False),
    Column('amount_refunded', BigInteger, nullable=False),
    Column('amount_disputed', BigInteger, nullable=False),
    Column('amount_lost', BigInteger, nullable=False),
    Column('dispute_status', Text, nullable=False),
    Column('dispute_due_at', Utc),
    Column('open_disputes', Text, nullable=False),
    Column('under_review', Boolean, nullable=False),
    Column('awaits_customer', Boolean, nullable=False),
    Column('voucher_url', Text, nullable=False),
    Column('voucher_expires_at', Utc),
    Column('terms_accepted', Boolean, nullable=False),
    Column('payment_id', Text, nullable=False),
    Column('card_fingerprint', Text, nullable=False),
    Column('card_last4', Text, nullable=False),
    Column('email', Text, nullable=False),
    Column('name', Text, nullable=False),
    Column('phone', Text, nullable=False),
    Column('receipt_url', Text, nullable=False),
    Column('receipt_number', Text, nullable=False),
    Column('invoice_url', Text, nullable=False),
    Column('mismatch', Text, nullable=False),
    Index('ix_orders_browser_hash_completed_at', 'browser_hash', 'completed_at'),
    Index('ix_orders_payment_id', 'payment_id'),
    Index('ix_orders_duplicate_of', 'duplicate_of'),
    Index('ix_orders_card_fingerprint_name_completed_at', 'card_fingerprint', 'name', 'completed_at'),
    Index('ix_orders_next_check_environment', 'next_check', 'environment'),
    Index('ix_orders_delete_at', 'delete_at'),
)


def _text(value: str) -> ColumnElement[str]:
    """Write a constant into a statement: a partial index serves only what names its condition literally."""
    return literal_column(f"'{value}'", String)


OPENS_CALENDAR = orders.c.state.in_([_text(value) for value in ('disputed', 'paid', 'partly refunded')])
UNBOOKED = and_(orders.c.active_bookings == literal_column('0', Integer), OPENS_CALENDAR)
"""Orders whose calendar is open and whose time is not booked."""
SOLD = orders.c.payment_status.in_([_text(value) for value in ('no_payment_required', 'paid')])
UNUSUAL = orders.c.state.not_in([_text(value) for value in ('expired', 'paid')])
"""Orders in one of the states that few orders have at a time."""
DISPUTED = orders.c.amount_disputed > literal_column('0', BigInteger)
WARNED = orders.c.fraud_warning.is_(true())
REFUND_FAILED = orders.c.refund_failed_at.is_not(None)
NAMED = orders.c.name != _text('')
KNOWN_CARD = orders.c.card_last4 != _text('')


def _partial(where: ColumnElement[bool]) -> dict[str, Any]:
    return {'sqlite_where': where, 'postgresql_where': where}


# For lists and totals. What follows the first two columns is there so that rows need not be looked up.
_listed = [orders.c[name] for name in ('state', 'active_bookings', 'environment')]
_amounts = [
    orders.c[name]
    for name in ('payment_status', 'seen_currency', 'amount_total', 'amount_refunded', 'amount_lost')
]
Index('ix_orders_created_at', orders.c.created_at, orders.c.id, orders.c.environment)
Index(
    'ix_orders_sold',
    orders.c.completed_at,
    orders.c.id,
    *_listed,
    orders.c.account,
    *_amounts,
    **_partial(SOLD),
)
Index('ix_orders_unusual', orders.c.state, orders.c.created_at, orders.c.id, **_partial(UNUSUAL))
Index(
    'ix_orders_unbooked',
    orders.c.created_at,
    orders.c.id,
    orders.c.completed_at,
    *_listed,
    *(orders.c[name] for name in ('account', 'bookings_unknown', 'duplicate_of')),
    **_partial(UNBOOKED),
)
Index('ix_orders_disputed', orders.c.dispute_due_at, **_partial(DISPUTED))
Index('ix_orders_fraud_warning', orders.c.created_at, **_partial(WARNED))
Index('ix_orders_refund_failed_at', orders.c.refund_failed_at, **_partial(REFUND_FAILED))
Index('ix_orders_card_last4', orders.c.card_last4, **_partial(KNOWN_CARD))
# PostgreSQL finds the beginning of a text in an index only if that sorts by bytes.
_by_bytes: dict[str, Any] = {'postgresql_ops': {'lowered': 'text_pattern_ops'}}
Index('ix_orders_name', func.lower(orders.c.name).label('lowered'), **_by_bytes, **_partial(NAMED))
for _email in (orders.c.email, orders.c.contact_email):
    Index(
        f'ix_orders_{_email.name}_completed_at',
        func.lower(_email).label('lowered'),
        orders.c.completed_at,
        **_by_bytes,
    )

bookings = Table(
    'bookings',
    metadata,
    Column('invitee_id', Text, primary_key=True),
    Column('order_id', ForeignKey('orders.id'), nullable=False, index=True),
    Column('environment', String(8), nullable=False),  # of the order, so that counting need not read it
    Column('state', String(16), nullable=False),
    Column('start', Utc, nullable=False),
    Column('end', Utc, nullable=False),
    Column('timezone', Text, nullable=False),
    Column('email', Text, nullable=False),
    Column('name', Text, nullable=False),
    Column('phone', Text, nullable=False),
    Column('place', Text, nullable=False),
    Column('link_follows', Boolean, nullable=False),
    Column('reschedule_url', Text, nullable=False),
    Column('cancel_url', Text, nullable=False),
    Column('canceled_by', String(8), nullable=False),
    Column('cancel_reason', Text, nullable=False),
    Column('replaces', Text, nullable=False),
    Column('no_show', Boolean, nullable=False),
    Index('ix_bookings_replaces', 'replaces'),
    Index('ix_bookings_start', 'start', 'state', 'environment'),
)

deliveries = Table(
    'deliveries',
    metadata,
    Column('source', String(16), primary_key=True),
    Column('event_id', Text, primary_key=True),
    Column('kind', Text, nullable=False),
    Column('because', String(16), nullable=False),
    Column('received_at', Utc, nullable=False),
    Column('tries', Integer, nullable=False),
    Column('handled_at', Utc, index=True),
    Column('error', Text, nullable=False),
    Column('payload', Text, nullable=False),
    Column('next_try', Utc, index=True),
)

mails = Table(
    'mails',
    metadata,
    Column('id', String(100), primary_key=True),
    Column('kind', String(16), nullable=False),
    Column('order_id', ForeignKey('orders.id'), index=True),
    Column('recipient', Text, nullable=False),
    Column('state', String(16), nullable=False),
    Column('created_at', Utc, nullable=False),
    Column('due_at', Utc, nullable=False),
    Column('tries', Integer, nullable=False),
    Column('next_try', Utc, index=True),
    Column('last_error', Text, nullable=False),
    Column('finished_at', Utc),
    Index('ix_mails_kind_state', 'kind', 'state'),
)

alerts = Table(
    'alerts',
    metadata,
    Column('id', Text, primary_key=True),
    Column('kind', String(16), nullable=False),
    Column('order_id', ForeignKey('orders.id'), index=True),
    Column('text', Text, nullable=False),
    Column('mail_id', String(100), nullable=False, index=True),
    Column('created_at', Utc, nullable=False),
)

unmatched_bookings = Table(
    'unmatched_bookings',
    metadata,
    Column('invitee_id', Text, primary_key=True),
    Column('reason', String(16), primary_key=True),
    Column('order_id', ForeignKey('orders.id'), index=True),
    Column('start', Utc, nullable=False),
    Column('end', Utc, nullable=False),
    Column('event_type', Text, nullable=False),
    Column('email', Text, nullable=False),
    Column('name', Text, nullable=False),
    Column('first_seen', Utc, nullable=False),
    Column('state', String(16), nullable=False),
    Column('note', Text, nullable=False),
    Index('ix_unmatched_bookings_state_start', 'state', 'start'),
)

effects = Table(
    'effects',
    metadata,
    Column('id', Integer, primary_key=True, autoincrement=True),
    Column('kind', String(16), nullable=False),
    Column('order_id', ForeignKey('orders.id'), nullable=False, index=True),
    Column('target', Text, nullable=False),
    Column('details', Text, nullable=False),
    Column('state', String(16), nullable=False),
    Column('tries', Integer, nullable=False),
    Column('next_try', Utc, index=True),
    Column('last_error', Text, nullable=False),
    Column('created_at', Utc, nullable=False),
    Column('finished_at', Utc),
    UniqueConstraint('kind', 'target'),
)
FAILED_EFFECT = effects.c.state.in_([_text(value) for value in ('given up', 'refused')])
Index('ix_effects_failed', effects.c.finished_at, **_partial(FAILED_EFFECT))

list_cursors = Table(
    'list_cursors',
    metadata,
    Column('name', String(32), primary_key=True),
    Column('since', Utc, nullable=False),
    Column('until', Utc),
    Column('after', Text, nullable=False),
)

journal = Table(
    'journal',
    metadata,
    Column('id', Integer, primary_key=True, autoincrement=True),
    Column('order_id', ForeignKey('orders.id'), nullable=False, index=True),
    Column('version', Integer, nullable=False),
    Column('at', Utc, nullable=False),
    Column('because', String(16), nullable=False),
    Column('actor', Text, nullable=False),
    Column('line', Text, nullable=False),
)

sign_ins = Table(
    'sign_ins',
    metadata,
    Column('id', String(64), primary_key=True),
    Column('client_ip', Text, nullable=False),
    Column('created_at', Utc, nullable=False),
    Column('last_seen', Utc, nullable=False, index=True),
)

rehearsals = Table(
    'rehearsals',
    metadata,
    Column('id', String(64), primary_key=True),
    Column('actor', Text, nullable=False),
    Column('wanted_at', Utc, nullable=False),
    Column('next_try', Utc, index=True),
    Column('tries', Integer, nullable=False),
    Column('finished_at', Utc, index=True),
    Column('hops', Text, nullable=False),
    Column('problem', Text, nullable=False),
)

admin_journal = Table(
    'admin_journal',
    metadata,
    Column('id', Integer, primary_key=True, autoincrement=True),
    Column('at', Utc, nullable=False),
    Column('actor', Text, nullable=False),
    Column('line', Text, nullable=False),
)

switches = Table(
    'switches',
    metadata,
    Column('name', String(32), primary_key=True),
    Column('is_on', Boolean, nullable=False),
    Column('text', Text, nullable=False),
    Column('actor', Text, nullable=False),
    Column('at', Utc, nullable=False),
)

settings = Table(
    'settings',
    metadata,
    Column('kind', String(16), primary_key=True),
    Column('name', String(64), primary_key=True),
    Column('value', Text, nullable=False),
    Column('at', Utc, nullable=False),
)

site_versions = Table(
    'site_versions',
    metadata,
    Column('version', Integer, primary_key=True, autoincrement=False),
    Column('state', String(10), nullable=False),
    Column('toml', Text, nullable=False),  # not "text": what is forgotten of a customer is not sought in it
    Column('file_digest', String(64), nullable=False),
    Column('actor', Text, nullable=False),
    Column('at', Utc, nullable=False),
)

attention = Table(
    'attention',
    metadata,
    Column('key', Text, primary_key=True),
    Column('cause', Text, nullable=False),
    Column('order_id', ForeignKey('orders.id'), index=True),
    Column('state', String(8), nullable=False),
    Column('until', Utc),
    Column('note', Text, nullable=False),
    Column('actor', Text, nullable=False),
    Column('at', Utc, nullable=False),
)

instance = Table('instance', metadata, Column('id', String(64), primary_key=True))


def is_up_to_date(connection: Connection) -> bool:
    """Whether the database behind this connection has these tables."""
    return version_of(connection) == NEWEST


def version_of(connection: Connection) -> str:
    """Return the version of the tables behind this connection, '' while there are none."""
    if not inspect(connection).has_table('alembic_version'):
        return ''
    return ', '.join(connection.exec_driver_sql('SELECT version_num FROM alembic_version').scalars())
