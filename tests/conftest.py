"""Shared by all tests: the folder of real recordings, and a PostgreSQL to write to, where they exist."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests import installed
from tests.canary import canary, search  # noqa: F401  # the first is a fixture of every test


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder FLIGHTWATCH_REAL_DATA names; the test is skipped where there is none."""
    folder = os.environ.get("FLIGHTWATCH_REAL_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("FLIGHTWATCH_REAL_DATA does not name a folder with the real recordings")
    return Path(folder).resolve()


@contextmanager
def postgres() -> Iterator[str]:
    """A fresh PostgreSQL database where FLIGHTWATCH_TEST_POSTGRES names a server; skips without one."""
    server = os.environ.get("FLIGHTWATCH_TEST_POSTGRES")
    if not server:
        pytest.skip("FLIGHTWATCH_TEST_POSTGRES does not name a PostgreSQL")
    import sqlalchemy

    name = f"fw_{uuid.uuid4().hex[:12]}"
    admin = sqlalchemy.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sqlalchemy.NullPool)
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    url = admin.url.set(database=name).render_as_string(hide_password=False)
    try:
        yield url
        search(url)
    finally:
        with admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database that does not exist yet: an SQLite file, and a PostgreSQL one where FLIGHTWATCH_TEST_POSTGRES names a
    server (`.ci/postgres start` prints such a URL)."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'flightwatch.db'}"
        return
    with postgres() as url:
        yield url


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A composed story played once through the real steps (tests.fakes.week.Played). Copy what you want to change."""
    from tests.fakes.week import play

    return play(tmp_path_factory.mktemp("week"))


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as it is published."""
    pytest.importorskip("hatchling", reason="the build backend is not installed here")
    folder, name = installed.once(tmp_path_factory, "wheel", installed.build_wheel)
    return folder / name


@pytest.fixture(scope="session")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`flightwatch` as installed from the wheel; `python` of the same environment is beside it."""
    folder, _ = installed.once(tmp_path_factory, "installed", lambda made: installed.install(made, wheel))
    return folder / "bin" / "flightwatch"


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, str]:
    """The demo, played once per run (it takes more than a minute): its Result and what it said. Copy to change it."""
    played: tuple[Any, str] = installed.once(tmp_path_factory, "demo", installed.play_demo)[1]
    return played
