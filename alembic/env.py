"""Runs our migrations on the connection that the store passes in, inside its transaction.

From the command line (`alembic -x url=sqlite:///dev.db revision --autogenerate -m "…"`) it opens its own.
"""

from __future__ import annotations

from sqlalchemy import Connection

from alembic import context
from flightwatch.store import engine, schema


def migrate(connection: Connection) -> None:
    # SQLite can do DDL in a transaction, although Alembic does not assume it. One transaction for all steps, so that a
    # process killed between two of them leaves the database as it was.
    context.configure(
        connection=connection,
        target_metadata=schema.metadata,
        render_as_batch=True,
        transactional_ddl=True,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    migrate(given)
else:
    with engine.writer(engine.parse(context.get_x_argument(as_dictionary=True)["url"])).begin() as opened:
        migrate(opened)
