"""Connections: each database is opened so that no write is lost and every failure is one line.

With SQLAlchemy's defaults, SQLite loses updates: no transaction is open while a writer reads, so 600 increments by four
threads end at about 150. Here every writing transaction begins with BEGIN IMMEDIATE, on one connection.
"""

from __future__ import annotations

import os
import sqlite3
from importlib import import_module
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import QueuePool, StaticPool

from flightwatch.errors import StoreError

BUSY_S = 5.0
"""How long a writer waits for another process's lock before it fails; the job tries again on its next beat."""

CACHE_KIB = 16_384
"""A poll of 15,000 airframes writes to as many places of the table; with SQLite's default of 2 MB it spills, a sixth
slower. Of ten million flights it holds the tree's inner pages; without, reading 400 of them takes a third longer."""

LOG_PAGES = 8_000
"""Pages of SQLite's write-ahead log, 32 MB, before a checkpoint: neighbouring polls write the same pages, which are
then copied once, not each time (the median commit of 16 polls of 15,000 takes 18 ms with few checkpoints, 32 with one
each)."""

POOL_WAIT_S = 60.0  # our own threads wait longer for our writer: a bulk piece takes seconds, not minutes
IDLE_S = 300.0
"""How long PostgreSQL waits for the next statement of a writing transaction. A process frozen inside one would keep its
rows locked while it sleeps; ours pause only to draw maps, about a second per alert."""

POOL_RECYCLE_S = 1800  # below the usual idle limits of firewalls and poolers for PostgreSQL connections

NETWORK_FILESYSTEMS = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "9p", "fuse.sshfs"}
"""Where POSIX locks are missing or broken: SQLite databases get corrupted there (sqlite.org/howtocorrupt, 2.1)."""


def parse(url: str) -> URL:
    """The URL with the driver we use. A plain path means an SQLite file.

    >>> parse("postgres://desk:pw@db/fw").drivername, parse("flights.db").render_as_string()
    ('postgresql+psycopg', 'sqlite:///flights.db')
    """
    text = url if "://" in url else f"sqlite:///{url}"
    try:
        parsed = make_url(text)
        family = parsed.drivername.split("+")[0]
    except (ArgumentError, ValueError):
        raise StoreError("the database URL cannot be read: use sqlite:///FILE or postgresql://USER@HOST/NAME") from None
    if family in ("postgres", "postgresql"):
        return parsed.set(drivername="postgresql+psycopg")
    if family == "sqlite":
        return parsed.set(drivername="sqlite")
    raise StoreError(f"no database of kind {family!r}: use sqlite:///FILE or postgresql://USER@HOST/NAME")


def shown(url: URL) -> str:
    """The URL for people: without the password."""
    return url.render_as_string(hide_password=True)


def sqlite_file(url: URL) -> Path | None:
    """The file of an SQLite URL; None for one in memory or for another database."""
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return None
    return Path(url.database)


def writer(url: URL, *, checkpoint: bool = True) -> Engine:
    """The engine for writing transactions. It has one connection on SQLite, because two checkpointing writers in one
    process trigger the WAL-reset corruption of SQLite 3.7.0 to 3.51.2 (sqlite.org/wal.html).

    `checkpoint=False` is for a short write beside a running daemon, for the same reason.
    """
    if url.get_backend_name() == "postgresql":
        return _postgresql(url, f"-c idle_in_transaction_session_timeout={round(IDLE_S * 1000)}")
    path = sqlite_file(url)
    if path is None:
        engine = create_engine(url, poolclass=StaticPool, connect_args={"check_same_thread": False})
    else:
        engine = create_engine(
            url,
            poolclass=QueuePool,
            pool_size=1,
            max_overflow=0,
            pool_timeout=POOL_WAIT_S,
            connect_args={"check_same_thread": False, "timeout": BUSY_S},
        )

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _: Any) -> None:
        connection.isolation_level = None  # pysqlite must not begin transactions by itself
        if path is not None:
            connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA mmap_size=0")
        connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        connection.execute(f"PRAGMA wal_autocheckpoint={LOG_PAGES if checkpoint else 0}")

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def reader(url: URL) -> Engine:
    """The engine that cannot write. Each transaction sees one state of the database."""
    if url.get_backend_name() == "postgresql":
        return _postgresql(
            url, "-c default_transaction_read_only=on -c default_transaction_isolation=repeatable\\ read"
        )
    path = sqlite_file(url)
    if path is None:
        raise StoreError("a database in memory cannot be opened read-only")
    uri = f"file:{_quoted(path)}?mode=ro{'&immutable=1' if _sealed(path) else ''}"
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(uri, uri=True, check_same_thread=False, timeout=BUSY_S),
        poolclass=QueuePool,
        pool_size=4,
        max_overflow=4,
        pool_timeout=POOL_WAIT_S,
    )

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _: Any) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA query_only=ON")
        connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def create_file(path: Path) -> None:
    """An empty database file only its owner can read, whatever the umask; SQLite gives -wal and -shm the same mode."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as e:
        raise StoreError(f"cannot create the database {path}: {e.strerror}", kind="missing") from None


def filesystem(path: Path) -> str:
    """The file system type of a path, as the kernel lists it; empty where it does not say."""
    try:
        mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    except OSError:
        return ""
    home = str(path.resolve())
    found = [(m[1], m[2]) for m in mounts if home == m[1] or home.startswith(m[1].rstrip("/") + "/")]
    return max(found, key=lambda m: len(m[0]), default=("", ""))[1]


def is_database_error(error: Exception) -> bool:
    """Whether SQLAlchemy or a driver raised it, not our own code."""
    return isinstance(error, (SQLAlchemyError, sqlite3.Error)) or type(error).__module__.startswith("psycopg")


def explain(error: Exception, url: URL) -> StoreError:
    """One clear line for what the driver raised, and the kind of trouble it is."""
    original = getattr(error, "orig", None) or error
    said = " ".join(str(original).split("\n", maxsplit=1)[0].split())
    if url.password:
        said = said.replace(str(url.password), "***")
    kind, words = _kind(f"{type(original).__name__} {said}", error)
    return StoreError(f"{words} ({shown(url)}): {said}", kind=kind)


SAID = (
    ("full", ("disk is full", "disk i/o error", "no space left", "could not extend file", "diskfull")),
    ("busy", ("database is locked", "locknotavailable", "table is locked", "queuepool limit")),
    ("schema", ("no such table", "no such column", "undefinedtable", "undefinedcolumn")),
    ("missing", ("not a database", "malformed", "readonly", "read-only", "unable to open", "does not exist")),
    (
        "gone",
        (
            "connection failed",
            "could not connect",
            "refused",
            "server closed",
            "terminating",
            "starting up",
            "resolve host",
        ),
    ),
)
"""Drivers' messages and the kind of trouble each means; the first match counts."""

WORDS = {
    "full": "the disk under the database is full or failing",
    "busy": "another process holds the database",
    "schema": "this is not a flightwatch database, or one that is not set up",
    "missing": "the database cannot be opened or written",
    "gone": "the database cannot be reached",
    "other": "the database refused",
}


def _kind(said: str, error: Exception) -> tuple[str, str]:
    low = said.lower()
    kind = next((kind for kind, signs in SAID if any(sign in low for sign in signs)), "other")
    never_connected = isinstance(error, OperationalError) and error.statement is None
    if (isinstance(error, DBAPIError) and error.connection_invalidated) or (kind == "other" and never_connected):
        kind = "gone"
    return kind, WORDS[kind]


def _postgresql(url: URL, options: str = "") -> Engine:
    try:
        import_module("psycopg")
    except ImportError:
        raise StoreError("PostgreSQL needs the psycopg package: pip install 'flightwatch[postgres]'") from None
    return create_engine(
        url,
        pool_pre_ping=True,
        pool_recycle=POOL_RECYCLE_S,
        pool_timeout=POOL_WAIT_S,
        connect_args={
            "connect_timeout": 10,
            "application_name": "flightwatch",
            "options": f"-c lock_timeout={round(POOL_WAIT_S * 1000)} {options}".strip(),
        },
    )


def _quoted(path: Path) -> str:
    """The path for a `file:` URI (sqlite.org/uri.html, 3)."""
    return str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _sealed(path: Path) -> bool:
    """Whether this is a WAL database in a folder we cannot write to. It opens only as immutable, which is right if
    nobody writes it: a copy on read-only media, a mounted snapshot."""
    return not os.access(path.parent, os.W_OK) and not Path(f"{path}-wal").exists()
