"""How Alembic reaches the database: through the connection that `open_database` holds."""

from __future__ import annotations

from alembic import context

from evenhand.service.store.schema import METADATA

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=METADATA, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
