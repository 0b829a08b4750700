"""Databases to break: an SQLite file, and a PostgreSQL server that this run starts, restarts and ends."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy

ROOT = Path(__file__).resolve().parents[2]
GIVEN = "FLIGHTWATCH_TEST_POSTGRES"


@contextmanager
def server() -> Iterator[str | None]:
    """The URL of a PostgreSQL: the given one, or else our own; None where none is available."""
    if os.environ.get(GIVEN):
        yield os.environ[GIVEN]
        return
    home = Path("/tmp") / f"flightwatch-torture-{os.getpid()}"  # its socket's path must be short
    script = str(ROOT / ".ci" / "postgres")
    environ = os.environ | {"FLIGHTWATCH_POSTGRES_HOME": str(home)}
    started = subprocess.run([script, "start"], env=environ, stdout=subprocess.PIPE, text=True, check=False)
    if started.returncode:
        yield None
        return
    url = started.stdout.strip().splitlines()[-1]
    os.environ[GIVEN] = url
    try:
        yield url
    finally:
        del os.environ[GIVEN]
        subprocess.run([script, "stop"], env=environ, check=False)
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def fresh(kind: str, folder: Path) -> Iterator[str]:
    """A database that does not exist yet, gone afterwards."""
    if kind == "SQLite":
        yield f"sqlite:///{folder / f'{uuid.uuid4().hex[:8]}.db'}"
        return
    name = f"torture_{uuid.uuid4().hex[:12]}"
    admin = sqlalchemy.create_engine(os.environ[GIVEN], isolation_level="AUTOCOMMIT", poolclass=sqlalchemy.NullPool)
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    try:
        yield admin.url.set(database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def kinds() -> list[str]:
    """The databases this run can test."""
    return ["SQLite", "PostgreSQL"] if os.environ.get(GIVEN) else ["SQLite"]
