"""Fresh databases to measure on."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import sqlalchemy as sa

from flightwatch.store import open_store


@contextmanager
def postgresql(server: str, *, without_key: Sequence[str] = ()) -> Iterator[str]:
    """The URL of a new database on this server, set up, and dropped at the end."""
    name = f"bench_{uuid.uuid4().hex[:8]}"
    admin = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    url = admin.url.set(database=name).render_as_string(hide_password=False)
    try:
        with open_store(url, create=True) as store, store.transaction() as connection:
            for table in without_key:
                connection.exec_driver_sql(f"ALTER TABLE {table} DROP CONSTRAINT pk_{table}")
        yield url
    finally:
        with admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
