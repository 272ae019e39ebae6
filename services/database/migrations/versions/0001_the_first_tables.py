"""The first tables."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = '0001'
down_revision = None

TEXT, TIME, WHOLE, MONEY = sa.Text(), sa.DateTime(timezone=True), sa.Integer(), sa.BigInteger()
FLAG = sa.Boolean()


def upgrade() -> None:
    """Create every table of the ledger."""
    _create_deliveries()
    _create_list_cursors()
    _create_orders()
    _create_order_indexes()
    _create_order_list_indexes()
    _create_mails()
    _create_alerts()
    _create_bookings()
    _create_unmatched_bookings()
    _create_effects()
    _create_journal()
    _create_attention()
    _create_sign_ins()
    _create_admin_journal()
    _create_rehearsals()
    _create_switches()
    _create_settings()
    _create_instance()
    _create_site_versions()


def _create_deliveries() -> None:
    op.create_table(
        'deliveries',
        sa.Column('source', sa.String(16), nullable=False),
        sa.Column('event_id', TEXT, nullable=False),
        sa.Column('kind', TEXT, nullable=False),
        sa.Column('because', sa.String(16), nullable=False),
        sa.Column('received_at', TIME, nullable=False),
        sa.Column('tries', WHOLE, nullable=False),
        sa.Column('handled_at', TIME),
        sa.Column('error', TEXT, nullable=False),
        sa.Column('payload', TEXT, nullable=False),
        sa.Column('next_try', TIME),
        sa.PrimaryKeyConstraint('source', 'event_id', name='pk_deliveries'),
    )
    op.create_index('ix_deliveries_next_try', 'deliveries', ['next_try'])
    op.create_index('ix_deliveries_handled_at', 'deliveries', ['handled_at'])


def _create_list_cursors() -> None:
    op.create_table(
        'list_cursors',
        sa.Column('name', sa.String(32), nullable=False),
        sa.Column('since', TIME, nullable=False),
        sa.Column('until', TIME),
        sa.Column('after', TEXT, nullable=False),
        sa.PrimaryKeyConstraint('name', name='pk_list_cursors'),
    )


def _create_orders() -> None:
    op.create_table(
        'orders',
        sa.Column('id', sa.String(64), nullable=False),
        sa.Column('version', WHOLE, nullable=False),
        sa.Column('reference', sa.String(16), nullable=False),
        sa.Column('token', sa.String(64), nullable=False),
        sa.Column('booking_key', sa.String(64), nullable=False),
        sa.Column('environment', sa.String(8), nullable=False),
        sa.Column('account', TEXT, nullable=False),
        sa.Column('domain', TEXT, nullable=False),
        # purchase: what was bought, and what was allowed to change its total
        sa.Column('offer', sa.String(64), nullable=False),
        sa.Column('title', TEXT, nullable=False),
        sa.Column('minutes', WHOLE, nullable=False),
        sa.Column('sessions', WHOLE, nullable=False),
        sa.Column('price_id', TEXT, nullable=False),
        sa.Column('amount', MONEY, nullable=False),
        sa.Column('currency', sa.String(3), nullable=False),
        sa.Column('discounts_allowed', FLAG, nullable=False),
        sa.Column('taxes_allowed', FLAG, nullable=False),
        sa.Column('created_at', TIME, nullable=False),
        sa.Column('attempt', WHOLE, nullable=False),
        sa.Column('browser_hash', sa.String(64), nullable=False),
        sa.Column('claim', sa.String(160)),
        sa.Column('session_id', TEXT),
        sa.Column('session_url', TEXT),
        sa.Column('session_expires_at', TIME, nullable=False),
        sa.Column('calendar_url', TEXT),
        sa.Column('calendar_url_at', TIME),
        sa.Column('calendar_share', TEXT),
        sa.Column('bookings_unknown', FLAG, nullable=False),
        sa.Column('voided_at', TIME),
        sa.Column('completed_at', TIME),
        sa.Column('duplicate_of', TEXT, nullable=False),
        sa.Column('duplicate_decided', FLAG, nullable=False),
        sa.Column('contact_email', TEXT, nullable=False),
        sa.Column('contact_email_at', TIME),
        sa.Column('fraud_warning', FLAG, nullable=False),
        sa.Column('forgotten_at', TIME),
        sa.Column('refund_failed_at', TIME),
        sa.Column('keeps_meetings', FLAG, nullable=False),
        # derived, for lists: what follows from the facts, and how many bookings are active
        sa.Column('state', sa.String(20), nullable=False),
        sa.Column('active_bookings', WHOLE, nullable=False),
        sa.Column('next_check', TIME),
        sa.Column('delete_at', TIME),
        # facts: what was seen at Stripe
        sa.Column('session_status', TEXT, nullable=False),
        sa.Column('payment_status', TEXT, nullable=False),
        sa.Column('amount_subtotal', MONEY),
        sa.Column('amount_total', MONEY),
        sa.Column('amount_discount', MONEY, nullable=False),
        sa.Column('amount_tax', MONEY, nullable=False),
        sa.Column('seen_currency', TEXT, nullable=False),
        sa.Column('payment_failed', FLAG, nullable=False),
        sa.Column('amount_refunded', MONEY, nullable=False),
        sa.Column('amount_disputed', MONEY, nullable=False),
        sa.Column('amount_lost', MONEY, nullable=False),
        sa.Column('dispute_status', TEXT, nullable=False),
        sa.Column('dispute_due_at', TIME),
        sa.Column('open_disputes', TEXT, nullable=False),
        sa.Column('under_review', FLAG, nullable=False),
        sa.Column('awaits_customer', FLAG, nullable=False),
        sa.Column('voucher_url', TEXT, nullable=False),
        sa.Column('voucher_expires_at', TIME),
        sa.Column('terms_accepted', FLAG, nullable=False),
        sa.Column('payment_id', TEXT, nullable=False),
        sa.Column('card_fingerprint', TEXT, nullable=False),
        sa.Column('card_last4', TEXT, nullable=False),
        sa.Column('email', TEXT, nullable=False),
        sa.Column('name', TEXT, nullable=False),
        sa.Column('phone', TEXT, nullable=False),
        sa.Column('receipt_url', TEXT, nullable=False),
        sa.Column('receipt_number', TEXT, nullable=False),
        sa.Column('invoice_url', TEXT, nullable=False),
        sa.Column('mismatch', TEXT, nullable=False),
        sa.PrimaryKeyConstraint('id', name='pk_orders'),
        *(
            sa.UniqueConstraint(column, name=f'uq_orders_{column}')
            for column in ('booking_key', 'claim', 'reference', 'session_id', 'token')
        ),
    )


def _create_order_indexes() -> None:
    # Each index begins with a column that few orders share: SQLite prefers it to one that all share.
    op.create_index('ix_orders_payment_id', 'orders', ['payment_id'])
    op.create_index('ix_orders_next_check_environment', 'orders', ['next_check', 'environment'])
    op.create_index('ix_orders_delete_at', 'orders', ['delete_at'])
    op.create_index('ix_orders_browser_hash_completed_at', 'orders', ['browser_hash', 'completed_at'])
    op.create_index('ix_orders_duplicate_of', 'orders', ['duplicate_of'])
    op.create_index(
        'ix_orders_card_fingerprint_name_completed_at', 'orders', ['card_fingerprint', 'name', 'completed_at']
    )


def _create_order_list_indexes() -> None:
    """Create the indexes of lists, searches and totals; a partial one has only the rows it is asked for."""
    listed = ['state', 'active_bookings', 'environment']
    amounts = ['payment_status', 'seen_currency', 'amount_total', 'amount_refunded', 'amount_lost']
    unbooked = "active_bookings = 0 AND state IN ('disputed', 'paid', 'partly refunded')"
    sold = "payment_status IN ('no_payment_required', 'paid')"
    unusual = "(state NOT IN ('expired', 'paid'))"
    warned = f'fraud_warning IS {"true" if _is_postgresql() else 1}'
    op.create_index('ix_orders_created_at', 'orders', ['created_at', 'id', 'environment'])
    _create_partial('sold', ['completed_at', 'id', *listed, 'account', *amounts], sold)
    _create_partial('unusual', ['state', 'created_at', 'id'], unusual)
    more = ['completed_at', *listed, 'account', 'bookings_unknown', 'duplicate_of']
    _create_partial('unbooked', ['created_at', 'id', *more], unbooked)
    _create_partial('disputed', ['dispute_due_at'], 'amount_disputed > 0')
    _create_partial('fraud_warning', ['created_at'], warned)
    _create_partial('refund_failed_at', ['refund_failed_at'], 'refund_failed_at IS NOT NULL')
    _create_partial('card_last4', ['card_last4'], "card_last4 != ''")
    _create_partial('name', [_lowered('name')], "name != ''")
    for column in ('email', 'contact_email'):
        op.create_index(f'ix_orders_{column}_completed_at', 'orders', [_lowered(column), 'completed_at'])


def _create_mails() -> None:
    op.create_table(
        'mails',
        sa.Column('id', sa.String(100), nullable=False),
        sa.Column('kind', sa.String(16), nullable=False),
        sa.Column('order_id', sa.String(64)),
        sa.Column('recipient', TEXT, nullable=False),
        sa.Column('state', sa.String(16), nullable=False),
        sa.Column('created_at', TIME, nullable=False),
        sa.Column('due_at', TIME, nullable=False),
        sa.Column('tries', WHOLE, nullable=False),
        sa.Column('next_try', TIME),
        sa.Column('last_error', TEXT, nullable=False),
        sa.Column('finished_at', TIME),
        sa.ForeignKeyConstraint(['order_id'], ['orders.id'], name='fk_mails_order_id'),
        sa.PrimaryKeyConstraint('id', name='pk_mails'),
    )
    op.create_index('ix_mails_order_id', 'mails', ['order_id'])
    op.create_index('ix_mails_next_try', 'mails', ['next_try'])
    op.create_index('ix_mails_kind_state', 'mails', ['kind', 'state'])


def _create_alerts() -> None:
    op.create_table(
        'alerts',
        sa.Column('id', TEXT, nullable=False),
        sa.Column('kind', sa.String(16), nullable=False),
        sa.Column('order_id', sa.String(64)),
        sa.Column('text', TEXT, nullable=False),
        sa.Column('mail_id', sa.String(100), nullable=False),
        sa.Column('created_at', TIME, nullable=False),
        sa.ForeignKeyConstraint(['order_id'], ['orders.id'], name='fk_alerts_order_id'),
        sa.PrimaryKeyConstraint('id', name='pk_alerts'),
    )
    op.create_index('ix_alerts_order_id', 'alerts', ['order_id'])
    op.create_index('ix_alerts_mail_id', 'alerts', ['mail_id'])


def _create_bookings() -> None:
    op.create_table(
        'bookings',
        sa.Column('invitee_id', TEXT, nullable=False),
        sa.Column('order_id', sa.String(64), nullable=False),
        sa.Column('environment', sa.String(8), nullable=False),
        sa.Column('state', sa.String(16), nullable=False),
        sa.Column('start', TIME, nullable=False),
        sa.Column('end', TIME, nullable=False),
        sa.Column('timezone', TEXT, nullable=False),
        sa.Column('email', TEXT, nullable=False),
        sa.Column('name', TEXT, nullable=False),
        sa.Column('phone', TEXT, nullable=False),
        sa.Column('place', TEXT, nullable=False),
        sa.Column('link_follows', FLAG, nullable=False),
        sa.Column('reschedule_url', TEXT, nullable=False),
        sa.Column('cancel_url', TEXT, nullable=False),
        sa.Column('canceled_by', sa.String(8), nullable=False),
        sa.Column('cancel_reason', TEXT, nullable=False),
        sa.Column('replaces', TEXT, nullable=False),
        sa.Column('no_show', FLAG, nullable=False),
        sa.ForeignKeyConstraint(['order_id'], ['orders.id'], name='fk_bookings_order_id'),
        sa.PrimaryKeyConstraint('invitee_id', name='pk_bookings'),
    )
    op.create_index('ix_bookings_order_id', 'bookings', ['order_id'])
    op.create_index('ix_bookings_start', 'bookings', ['start', 'state', 'environment'])
    op.create_index('ix_bookings_replaces', 'bookings', ['replaces'])


def _create_unmatched_bookings() -> None:
    op.create_table(
        'unmatched_bookings',
        sa.Column('invitee_id', TEXT, nullable=False),
        sa.Column('reason', sa.String(16), nullable=False),
        sa.Column('order_id', sa.String(64)),
        sa.Column('start', TIME, nullable=False),
        sa.Column('end', TIME, nullable=False),
        sa.Column('event_type', TEXT, nullable=False),
        sa.Column('email', TEXT, nullable=False),
        sa.Column('name', TEXT, nullable=False),
        sa.Column('first_seen', TIME, nullable=False),
        sa.Column('state', sa.String(16), nullable=False),
        sa.Column('note', TEXT, nullable=False),
        sa.ForeignKeyConstraint(['order_id'], ['orders.id'], name='fk_unmatched_bookings_order_id'),
        sa.PrimaryKeyConstraint('invitee_id', 'reason', name='pk_unmatched_bookings'),
    )
    op.create_index('ix_unmatched_bookings_order_id', 'unmatched_bookings', ['order_id'])
    op.create_index('ix_unmatched_bookings_state_start', 'unmatched_bookings', ['state', 'start'])


def _create_effects() -> None:
    op.create_table(
        'effects',
        sa.Column('id', WHOLE, autoincrement=True, nullable=False),
        sa.Column('kind', sa.String(16), nullable=False),
        sa.Column('order_id', sa.String(64), nullable=False),
        sa.Column('target', TEXT, nullable=False),
        sa.Column('details', TEXT, nullable=False),
        sa.Column('state', sa.String(16), nullable=False),
        sa.Column('tries', WHOLE, nullable=False),
        sa.Column('next_try', TIME),
        sa.Column('last_error', TEXT, nullable=False),
        sa.Column('created_at', TIME, nullable=False),
        sa.Column('finished_at', TIME),
        sa.ForeignKeyConstraint(['order_id'], ['orders.id'], name='fk_effects_order_id'),
        sa.PrimaryKeyConstraint('id', name='pk_effects'),
        sa.UniqueConstraint('kind', 'target', name='uq_effects_kind_target'),
    )
    op.create_index('ix_effects_order_id', 'effects', ['order_id'])
    op.create_index('ix_effects_next_try', 'effects', ['next_try'])
    _create_partial('failed', ['finished_at'], "state IN ('given up', 'refused')", table='effects')


def _create_journal() -> None:
    op.create_table(
        'journal',
        sa.Column('id', WHOLE, autoincrement=True, nullable=False),
        sa.Column('order_id', sa.String(64), nullable=False),
        sa.Column('version', WHOLE, nullable=False),
        sa.Column('at', TIME, nullable=False),
        sa.Column('because', sa.String(16), nullable=False),
        sa.Column('actor', TEXT, nullable=False),
        sa.Column('line', TEXT, nullable=False),
        sa.ForeignKeyConstraint(['order_id'], ['orders.id'], name='fk_journal_order_id'),
        sa.PrimaryKeyConstraint('id', name='pk_journal'),
    )
    op.create_index('ix_journal_order_id', 'journal', ['order_id'])


def _create_attention() -> None:
    op.create_table(
        'attention',
        sa.Column('key', TEXT, nullable=False),
        sa.Column('cause', TEXT, nullable=False),
        sa.Column('order_id', sa.String(64)),
        sa.Column('state', sa.String(8), nullable=False),
        sa.Column('until', TIME),
        sa.Column('note', TEXT, nullable=False),
        sa.Column('actor', TEXT, nullable=False),
        sa.Column('at', TIME, nullable=False),
        sa.ForeignKeyConstraint(['order_id'], ['orders.id'], name='fk_attention_order_id'),
        sa.PrimaryKeyConstraint('key', name='pk_attention'),
    )
    op.create_index('ix_attention_order_id', 'attention', ['order_id'])


def _create_sign_ins() -> None:
    op.create_table(
        'sign_ins',
        sa.Column('id', sa.String(64), nullable=False),
        sa.Column('client_ip', TEXT, nullable=False),
        sa.Column('created_at', TIME, nullable=False),
        sa.Column('last_seen', TIME, nullable=False),
        sa.PrimaryKeyConstraint('id', name='pk_sign_ins'),
    )
    op.create_index('ix_sign_ins_last_seen', 'sign_ins', ['last_seen'])


def _create_admin_journal() -> None:
    op.create_table(
        'admin_journal',
        sa.Column('id', WHOLE, autoincrement=True, nullable=False),
        sa.Column('at', TIME, nullable=False),
        sa.Column('actor', TEXT, nullable=False),
        sa.Column('line', TEXT, nullable=False),
        sa.PrimaryKeyConstraint('id', name='pk_admin_journal'),
    )


def _create_rehearsals() -> None:
    op.create_table(
        'rehearsals',
        sa.Column('id', sa.String(64), nullable=False),
        sa.Column('actor', TEXT, nullable=False),
        sa.Column('wanted_at', TIME, nullable=False),
        sa.Column('next_try', TIME, nullable=True),
        sa.Column('tries', WHOLE, nullable=False),
        sa.Column('finished_at', TIME, nullable=True),
        sa.Column('hops', TEXT, nullable=False),
        sa.Column('problem', TEXT, nullable=False),
        sa.PrimaryKeyConstraint('id', name='pk_rehearsals'),
    )
    op.create_index('ix_rehearsals_next_try', 'rehearsals', ['next_try'])
    op.create_index('ix_rehearsals_finished_at', 'rehearsals', ['finished_at'])


def _create_switches() -> None:
    op.create_table(
        'switches',
        sa.Column('name', sa.String(32), nullable=False),
        sa.Column('is_on', FLAG, nullable=False),
        sa.Column('text', TEXT, nullable=False),
        sa.Column('actor', TEXT, nullable=False),
        sa.Column('at', TIME, nullable=False),
        sa.PrimaryKeyConstraint('name', name='pk_switches'),
    )


def _create_settings() -> None:
    op.create_table(
        'settings',
        sa.Column('kind', sa.String(16), nullable=False),
        sa.Column('name', sa.String(64), nullable=False),
        sa.Column('value', TEXT, nullable=False),
        sa.Column('at', TIME, nullable=False),
        sa.PrimaryKeyConstraint('kind', 'name', name='pk_settings'),
    )


def _create_instance() -> None:
    instance = op.create_table(
        'instance',
        sa.Column('id', sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint('id', name='pk_instance'),
    )
    op.bulk_insert(instance, [{'id': secrets.token_urlsafe(24)}])


def _create_site_versions() -> None:
    op.create_table(
        'site_versions',
        sa.Column('version', WHOLE, autoincrement=False, nullable=False),
        sa.Column('state', sa.String(10), nullable=False),
        sa.Column('toml', TEXT, nullable=False),
        sa.Column('file_digest', sa.String(64), nullable=False),
        sa.Column('actor', TEXT, nullable=False),
        sa.Column('at', TIME, nullable=False),
        sa.PrimaryKeyConstraint('version', name='pk_site_versions'),
    )


def _create_partial(name: str, columns: list[str | sa.TextClause], where: str, table: str = 'orders') -> None:
    condition = sa.text(where)
    op.create_index(f'ix_{table}_{name}', table, columns, sqlite_where=condition, postgresql_where=condition)


def _lowered(column: str) -> sa.TextClause:
    """A text in lower case; PostgreSQL finds the beginning of one only if the index sorts by bytes."""
    return sa.text(f'lower({column}) text_pattern_ops' if _is_postgresql() else f'lower({column})')


def _is_postgresql() -> bool:
    return op.get_bind().dialect.name == 'postgresql'
