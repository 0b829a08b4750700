"""A lock that one process holds and loses when it dies, however it dies: the quick way to know that a leader is gone.

A sleeping process (stopped, or in a paused machine) keeps the lock. It is kept from writing because its lease runs out
(`WorkRows.take_lease`, `WorkRows.fence`).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from flightwatch.errors import StoreError
from flightwatch.store.base import Base


class Lock:
    """Held until released, or until the process or (PostgreSQL) its connection ends."""

    def __init__(self, release: Callable[[], None], alive: Callable[[], bool]) -> None:
        self._release = release
        self.alive = alive
        """Whether it is still ours. On PostgreSQL this asks the server: a connection that died unnoticed has already
        lost the lock, and six of six daemons that did not ask kept working beside the new leader."""

    def release(self) -> None:
        """Give the lock up."""
        self._release()


class LockRows(Base):
    """Locks beside the tables."""

    def try_lock(self, name: str) -> Lock | None:
        """The lock with that name on this database; None while another process (or another call) holds it.

        SQLite: `flock` on a file beside the database, so only for processes of one machine, like SQLite itself.
        PostgreSQL: an advisory lock on its own connection, never through a transaction-mode pooler.
        """
        if self.dialect == "sqlite":
            path = self.file
            return (
                Lock(lambda: None, lambda: True) if path is None else _file_lock(path.with_name(f"{path.name}.{name}"))
            )
        return self._session_lock(name)

    def _session_lock(self, name: str) -> Lock | None:
        key = int.from_bytes(hashlib.sha256(f"flightwatch {name}".encode()).digest()[:8], "big", signed=True)
        engine = create_engine(
            self.url,
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            # the server notices a vanished peer within 30 s, not after the default two hours
            connect_args={
                "connect_timeout": 10,
                "application_name": f"flightwatch {name}",
                "options": "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=4",
            },
        )
        with self._guarded():
            connection = engine.connect()
            if not connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": key}).scalar():
                connection.close()
                return None
        return Lock(connection.close, lambda: _answers(connection))


def _answers(connection: Connection) -> bool:
    try:
        return bool(connection.execute(text("SELECT true")).scalar())
    except SQLAlchemyError:
        return False


def _file_lock(path: Path) -> Lock | None:
    try:
        handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as e:
        raise StoreError(f"cannot open the lock file {path}: {e.strerror}", kind="missing") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return Lock(lambda: os.close(handle), lambda: True)
