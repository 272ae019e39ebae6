"""The first tables."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = '0001'
down_revision = None


def upgrade() -> None:
    """Create every table of the ledger."""
    _create_deliveries()
    _create_orders()
    _create_bookings()
    _create_journal()


def _create_deliveries() -> None:
    op.create_table(
        'deliveries',
        sa.Column('source', sa.String(length=16), nullable=False),
        sa.Column('event_id', sa.Text(), nullable=False),
        sa.Column('kind', sa.Text(), nullable=False),
        sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('tries', sa.Integer(), nullable=False),
        sa.Column('handled_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('error', sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint('source', 'event_id', name=op.f('pk_deliveries')),
    )


def _order_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.Column('reference', sa.String(length=16), nullable=False),
        sa.Column('token', sa.String(length=64), nullable=False),
        sa.Column('booking_key', sa.String(length=64), nullable=False),
        sa.Column('environment', sa.String(length=8), nullable=False),
        sa.Column('account', sa.Text(), nullable=False),
        sa.Column('shop', sa.Text(), nullable=False),
        sa.Column('offer', sa.String(length=64), nullable=False),
        sa.Column('price_id', sa.Text(), nullable=False),
        sa.Column('amount', sa.BigInteger(), nullable=False),
        sa.Column('currency', sa.String(length=3), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('attempt', sa.Integer(), nullable=False),
        sa.Column('browser_hash', sa.String(length=64), nullable=False),
        sa.Column('claim', sa.String(length=160), nullable=True),
        sa.Column('session_id', sa.Text(), nullable=True),
        sa.Column('session_url', sa.Text(), nullable=True),
        sa.Column('session_expires_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('calendar_url', sa.Text(), nullable=True),
        sa.Column('voided_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('completed_at', sa.DateTime(timezone=True), nullable=True),
    ]


def _fact_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column('session_status', sa.Text(), nullable=False),
        sa.Column('payment_status', sa.Text(), nullable=False),
        sa.Column('amount_subtotal', sa.BigInteger(), nullable=True),
        sa.Column('amount_total', sa.BigInteger(), nullable=True),
        sa.Column('amount_discount', sa.BigInteger(), nullable=False),
        sa.Column('amount_tax', sa.BigInteger(), nullable=False),
        sa.Column('seen_currency', sa.Text(), nullable=False),
        sa.Column('payment_failed', sa.Boolean(), nullable=False),
        sa.Column('amount_refunded', sa.BigInteger(), nullable=False),
        sa.Column('amount_disputed', sa.BigInteger(), nullable=False),
        sa.Column('dispute_status', sa.Text(), nullable=False),
        sa.Column('payment_id', sa.Text(), nullable=False),
        sa.Column('email', sa.Text(), nullable=False),
        sa.Column('name', sa.Text(), nullable=False),
        sa.Column('mismatch', sa.Text(), nullable=False),
    ]


def _create_orders() -> None:
    op.create_table(
        'orders',
        *_order_columns(),
        *_fact_columns(),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_orders')),
        sa.UniqueConstraint('booking_key', name=op.f('uq_orders_booking_key')),
        sa.UniqueConstraint('claim', name=op.f('uq_orders_claim')),
        sa.UniqueConstraint('reference', name=op.f('uq_orders_reference')),
        sa.UniqueConstraint('session_id', name=op.f('uq_orders_session_id')),
        sa.UniqueConstraint('token', name=op.f('uq_orders_token')),
    )
    with op.batch_alter_table('orders', schema=None) as batch_op:
        batch_op.create_index('ix_orders_payment_id', ['payment_id'], unique=False)
        batch_op.create_index(
            'ix_orders_browser_hash_completed_at', ['browser_hash', 'completed_at'], unique=False
        )


def _create_bookings() -> None:
    op.create_table(
        'bookings',
        sa.Column('invitee_id', sa.Text(), nullable=False),
        sa.Column('order_id', sa.String(length=64), nullable=False),
        sa.Column('state', sa.String(length=16), nullable=False),
        sa.Column('start', sa.DateTime(timezone=True), nullable=False),
        sa.Column('end', sa.DateTime(timezone=True), nullable=False),
        sa.Column('timezone', sa.Text(), nullable=False),
        sa.Column('email', sa.Text(), nullable=False),
        sa.Column('name', sa.Text(), nullable=False),
        sa.Column('phone', sa.Text(), nullable=False),
        sa.Column('place', sa.Text(), nullable=False),
        sa.Column('reschedule_url', sa.Text(), nullable=False),
        sa.Column('cancel_url', sa.Text(), nullable=False),
        sa.Column('replaces', sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(['order_id'], ['orders.id'], name=op.f('fk_bookings_order_id')),
        sa.PrimaryKeyConstraint('invitee_id', name=op.f('pk_bookings')),
    )
    with op.batch_alter_table('bookings', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_bookings_order_id'), ['order_id'], unique=False)


def _create_journal() -> None:
    op.create_table(
        'journal',
        sa.Column('id', sa.Integer(), autoincrement=True, nullable=False),
        sa.Column('order_id', sa.String(length=64), nullable=False),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('because', sa.String(length=16), nullable=False),
        sa.Column('line', sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(['order_id'], ['orders.id'], name=op.f('fk_journal_order_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_journal')),
    )
    with op.batch_alter_table('journal', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_journal_order_id'), ['order_id'], unique=False)
