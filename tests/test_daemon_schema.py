"""A daemon and the schema of its database: an older one is copied aside and updated, a newer one refused."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from flightwatch.store import open_store, schema
from tests.fakes.http import HttpServer
from tests.fakes.program import Place, place_at, stop, until

pytestmark = pytest.mark.slow


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with (
        HttpServer(default='200 Content-Type=application/json {"ac":[],"now":1,"total":0}') as server,
        place_at(tmp_path, server.url) as made,
    ):
        yield made


def revision(db: Path) -> str:
    with closing(sqlite3.connect(db)) as raw:
        return str(raw.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def test_an_older_database_is_copied_aside_and_brought_up_to_date_at_the_start(place: Place) -> None:
    with open_store(str(place.db), create=True) as store:
        store.set_mark("a", "1")
        store.downgrade(schema.REVISIONS[0])

    one = place.start()
    until(lambda: place.rows("poll") > 0, "a poll")

    assert stop(one)[0] == 0
    assert revision(place.db) == schema.HEAD
    [copy] = place.folder.glob("flightwatch.db.before-upgrade-*")
    assert revision(copy) == schema.REVISIONS[0]
    with closing(sqlite3.connect(copy)) as raw:
        assert raw.execute("SELECT value FROM mark WHERE name = 'a'").fetchone() == ("1",)


def test_a_newer_database_is_refused_and_not_touched(place: Place) -> None:
    open_store(str(place.db), create=True).close()
    with closing(sqlite3.connect(place.db)) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
        raw.commit()
    shutil.copy(place.db, place.folder / "before.db")

    code = place.start().wait(60)

    assert code == 74
    assert "newer flightwatch" in place.log
    assert "Traceback" not in place.log
    assert place.db.read_bytes() == (place.folder / "before.db").read_bytes()
