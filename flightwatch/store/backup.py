"""Backups of the database, made while the daemon keeps writing, and restoring them."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, func, select

from flightwatch.errors import StoreError
from flightwatch.store import bulk, schema
from flightwatch.store import engine as engines
from flightwatch.store.base import Base

if TYPE_CHECKING:
    from flightwatch.store import Store

ROWS_AT_ONCE = 20_000  # rows copied to another database at a time; a flight row is below 1 kB


class Backups(Base):
    """Whole copies."""

    def backup(self, path: Path | str) -> Path:
        """A consistent copy as one SQLite file, checked before it gets its name. It never overwrites a file.

        From PostgreSQL, every table is copied from one snapshot into an SQLite database with the same tables. That file
        can be opened as it is, or put back with `restore`.
        """
        target = Path(path)
        if target.exists():
            raise StoreError(f"{target} exists already: a backup never overwrites")
        part = target.with_name(f".{target.name}.part")
        part.unlink(missing_ok=True)
        engines.create_file(part)
        try:
            if self.dialect == "sqlite":
                self._copy_file(part)
            else:
                self._copy_rows(part)
            _finish(part)
            os.replace(part, target)
            _sync(target.parent)
        except (OSError, sqlite3.Error) as e:
            raise StoreError(f"the backup to {target} failed: {e}", kind="full") from e
        finally:
            for end in ("", "-wal", "-shm", "-journal"):
                Path(f"{part}{end}").unlink(missing_ok=True)
        return target

    def restore(self, path: Path | str, *, progress: Callable[[str, int], None] | None = None) -> dict[str, int]:
        """Fill this empty database from a backup, in one transaction; returns rows by table."""
        from flightwatch.store import open_store

        with open_store(str(path), readonly=True) as source, source.reading() as old, self.transaction() as new:
            for table in schema.metadata.sorted_tables:
                if new.execute(select(func.count()).select_from(table)).scalar_one():
                    raise StoreError(f"{self!r} is not empty: restore only into a new database")
            return _copy_tables(old, new, progress)

    def _copy_file(self, part: Path) -> None:
        """SQLite's own backup: pages of one state, even while others write (sqlite.org/backup.html)."""
        with self._guarded(), self._reader.connect() as connection, closing(sqlite3.connect(part)) as target:
            driver: Any = connection.connection.driver_connection
            driver.backup(target)

    def _copy_rows(self, part: Path) -> None:
        from flightwatch.store import open_store

        copy: Store
        with open_store(f"sqlite:///{part}", create=True) as copy, self.reading() as old, copy.transaction() as new:
            _copy_tables(old, new, None)


def _copy_tables(old: Connection, new: Connection, progress: Callable[[str, int], None] | None) -> dict[str, int]:
    counts = {}
    for table in schema.metadata.sorted_tables:
        names = [c.name for c in table.columns]
        done = 0
        result = old.execution_options(yield_per=ROWS_AT_ONCE).execute(select(table))
        for rows in result.partitions():
            columns = dict(zip(names, zip(*rows, strict=True), strict=True))
            done += bulk.write(new, table, columns, update={})
            if progress is not None:
                progress(table.name, done)
        counts[table.name] = done
        if new.dialect.name == "postgresql" and table.autoincrement_column is not None and done:
            # rows came with their ids, so the sequence must be set to continue after them
            sequence, highest = func.pg_get_serial_sequence(table.name, "id"), select(func.max(table.c.id))
            new.execute(select(func.setval(sequence, highest.scalar_subquery())))
    return counts


def _finish(part: Path) -> None:
    """Make it one whole file without a write-ahead log, checked to be readable, and synced to disk."""
    with closing(sqlite3.connect(part)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
        said = connection.execute("PRAGMA quick_check").fetchone()[0]
    if said != "ok":
        raise sqlite3.DatabaseError(said)
    _sync(part)


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
