"""Alembic's environment: runs the revisions on the connection that `app.release` holds its lock on."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transaction_per_migration=True)
context.run_migrations()
