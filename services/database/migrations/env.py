"""How Alembic runs the migrations: on the connection that the ledger hands over."""

from alembic import context

from services.database import schema

context.configure(
    connection=context.config.attributes['connection'],
    target_metadata=schema.metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
