"""The database: the only SQL of flightwatch. Frames and records in, frames and records out.

    with open_store("sqlite:///flightwatch.db", readonly=True) as store:
        store.flights(days=(first, last))

SQLite and PostgreSQL hold the same tables and pass the same tests.
"""

from __future__ import annotations

from pathlib import Path

from flightwatch.errors import StoreError
from flightwatch.store import engine as engines
from flightwatch.store.alerts import AlertRows
from flightwatch.store.backup import Backups
from flightwatch.store.flights import FlightRows
from flightwatch.store.lock import Lock, LockRows
from flightwatch.store.migrations import Migrations
from flightwatch.store.polls import PollRows
from flightwatch.store.routes import RouteRows
from flightwatch.store.schema import HEAD
from flightwatch.store.upkeep import Upkeep
from flightwatch.store.work import Lease, WorkRows

__all__ = ["Lease", "Lock", "Store", "open_store"]


class Store(PollRows, FlightRows, RouteRows, AlertRows, WorkRows, LockRows, Migrations, Backups, Upkeep):
    """An open database, made by `open_store`. Each part says what it reads and writes."""

    def upgrade(self, revision: str = "head", *, folder: Path | None = None) -> str | None:
        """Bring the database to a revision. An SQLite file that is not empty is copied aside first."""
        path, found = engines.sqlite_file(self.url), self.current_revision()
        if path is not None and found is not None and (folder is not None or found != HEAD):
            self.backup(_free(path.with_name(f"{path.name}.before-upgrade-from-{found}")))
        return super().upgrade(revision, folder=folder)


def open_store(
    url: str, *, create: bool = False, readonly: bool = False, migrate: bool = False, checkpoint: bool = True
) -> Store:
    """The database at a URL (or a plain path: an SQLite file). StoreError unless its schema is the one this code knows.

    `create` sets up a new one, `migrate` brings an older one up to date, `readonly` makes writing impossible.
    `checkpoint=False` is for a short write beside a running daemon.
    """
    parsed = engines.parse(url)
    path = engines.sqlite_file(parsed)
    if path is not None:
        _prepare(path, create=create and not readonly, readonly=readonly)
    if readonly:
        store = Store(parsed, None, engines.reader(parsed))
    else:
        write = engines.writer(parsed, checkpoint=checkpoint)
        memory = parsed.get_backend_name() == "sqlite" and path is None
        store = Store(parsed, write, write if memory else engines.reader(parsed))
    try:
        if not readonly and (migrate or create):
            found = store.current_revision()
            if (found is None and create) or (migrate and found != HEAD and not store.is_newer(found)):
                store.upgrade()
        store.check_schema()
    except BaseException:
        store.close()
        raise
    return store


def _prepare(path: Path, *, create: bool, readonly: bool) -> None:
    if path.is_dir():
        raise StoreError(f"{path} is a folder, not a database", kind="missing")
    kind = engines.filesystem(path.parent)
    if not readonly and kind in engines.NETWORK_FILESYSTEMS:
        raise StoreError(
            f"{path} is on a network file system ({kind}), where SQLite corrupts: use a local disk or PostgreSQL"
        )
    if path.exists():
        return
    if not create:
        raise StoreError(
            f"there is no database at {path}: create it with `flightwatch db upgrade`, name another with --db, or start"
            " from nothing with `flightwatch init`",
            kind="missing",
        )
    engines.create_file(path)


def _free(path: Path) -> Path:
    """The path, or the first numbered variant that does not exist."""
    number, found = 1, path
    while found.exists():
        number, found = number + 1, path.with_name(f"{path.name}-{number + 1}")
    return found
