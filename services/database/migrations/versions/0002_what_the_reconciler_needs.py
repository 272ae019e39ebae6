"""What the reconciler needs: when to look again, how far lists were read, and what looks paid twice."""

import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'


def upgrade() -> None:
    """Add the columns and the table, and have every order that is not over looked at once."""
    for table, column in (
        ('orders', 'duplicate_of'),
        ('orders', 'card_fingerprint'),
        ('deliveries', 'payload'),
    ):
        op.add_column(table, sa.Column(column, sa.Text(), nullable=False, server_default=''))
    for table in ('orders', 'deliveries'):
        op.add_column(table, sa.Column('due_at', sa.DateTime(timezone=True), nullable=True))
    op.create_index('ix_orders_completed_at', 'orders', ['completed_at'])
    op.create_index('ix_orders_environment_due_at', 'orders', ['environment', 'due_at'])
    op.create_index('ix_bookings_replaces', 'bookings', ['replaces'])
    op.create_index('ix_deliveries_due_at', 'deliveries', ['due_at'])
    op.create_table(
        'list_cursors',
        sa.Column('name', sa.String(length=32), nullable=False),
        sa.Column('since', sa.DateTime(timezone=True), nullable=False),
        sa.Column('until', sa.DateTime(timezone=True), nullable=True),
        sa.Column('after', sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint('name', name=op.f('pk_sweeps')),
    )
    op.execute(sa.text('UPDATE orders SET due_at = created_at WHERE voided_at IS NULL'))
