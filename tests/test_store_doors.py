"""Opening the store: files, modes, forks, wrong addresses; and what its tables promise."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from flightwatch import records
from flightwatch.errors import StoreError
from flightwatch.records import Poll
from flightwatch.store import engine, open_store, schema
from flightwatch.telling import Delivery
from tests.fakes.beats import NOW, ROWS, cycle


def test_only_its_owner_can_read_the_database(tmp_path: Path) -> None:
    path = tmp_path / "new" / "fw.db"
    before = os.umask(0)
    try:
        with open_store(str(path), create=True) as store:
            store.set_mark("a", "1")
            modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in (path.parent, *path.parent.iterdir())}
            copy = store.backup(tmp_path / "copy.db")
    finally:
        os.umask(before)

    assert modes == {"new": 0o700, "fw.db": 0o600, "fw.db-wal": 0o600, "fw.db-shm": 0o600}
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600


def test_a_copy_on_read_only_media_opens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_store(str(tmp_path / "fw.db"), create=True) as store:
        store.set_mark("a", "1")
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere, so a real mode would test nothing

    with open_store(str(tmp_path / "fw.db"), readonly=True) as copy:
        assert copy.get_mark("a") == "1"
        assert not (tmp_path / "fw.db-wal").exists()


@pytest.mark.parametrize(
    ("url", "words", "kind"),
    [
        ("sqlite:///{dir}/none.db", "no database at {dir}/none.db: create it with `flightwatch db upgrade`", "missing"),
        ("sqlite:///{dir}", "is a folder", "missing"),
        ("sqlite:///{dir}/text.db", "cannot be opened or written", "missing"),
        ("sqlite:///{dir}/other.db", "has not been set up: run `flightwatch db upgrade`", "schema"),
        ("postgresql://desk:s3cret@127.0.0.1:1/fw", "cannot be reached", "gone"),
        ("postgresql://desk:s3cret@no.such.host.invalid/fw", "cannot be reached", "gone"),
        ("mysql://desk:s3cret@host/fw", "no database of kind 'mysql'", "other"),
        ("postgresql://desk:s3cret@host:port/fw", "cannot be read", "other"),
        ("://", "cannot be read", "other"),
    ],
)
def test_what_cannot_be_opened_is_one_clear_line_without_a_password(
    tmp_path: Path, url: str, words: str, kind: str
) -> None:
    (tmp_path / "text.db").write_text("this is no database, it is a longer piece of text than a header has bytes" * 9)
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE poll (x)")

    with pytest.raises(StoreError) as caught:
        open_store(url.format(dir=tmp_path))

    said = str(caught.value)
    assert words.format(dir=tmp_path) in said
    assert caught.value.kind == kind
    assert "\n" not in said
    assert "s3cret" not in said
    assert "s3cret" not in repr(caught.value.__cause__ or "")


def test_the_password_is_not_shown_by_the_store_itself(database_url: str) -> None:
    with open_store(database_url, create=True) as store:
        store.url = store.url.set(drivername="postgresql+psycopg", username="desk", password="s3cret", host="h")
        assert "s3cret" not in repr(store)
        assert "s3cret" not in str(store.facts())


def test_a_network_file_system_is_refused_for_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "fw.db"
    open_store(str(path), create=True).close()
    monkeypatch.setattr(engine, "filesystem", lambda _: "nfs4")

    with pytest.raises(StoreError, match="network file system"):
        open_store(str(path))
    open_store(str(path), readonly=True).close()


def test_a_store_is_not_used_across_a_fork(tmp_path: Path) -> None:
    with open_store(str(tmp_path / "fw.db"), create=True) as store:
        child = os.fork()
        if child == 0:
            try:
                store.set_mark("a", "1")
            except AssertionError:
                os._exit(7)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_a_row_that_points_nowhere_is_refused(database_url: str) -> None:
    with open_store(database_url, create=True) as store:
        with pytest.raises(StoreError, match="refused"):
            store.add_deliveries([Delivery(0, 99, "mail", "opened", {}, "pending", 0, NOW, NOW)])
        assert store.deliveries() == []


def test_a_database_in_memory_serves_tests_and_several_threads(tmp_path: Path) -> None:
    with open_store("sqlite://", create=True) as store:
        threads = [threading.Thread(target=cycle, args=(store, n)) for n in (1, 2, 3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert store.counts()["observation"] == 3 * ROWS
        with open_store(str(store.backup(tmp_path / "copy.db")), readonly=True) as copy:
            assert copy.counts()["observation"] == 3 * ROWS


def test_every_column_of_a_frame_has_one_in_its_table() -> None:
    elsewhere = {"address": "icao24", "track": "a table of its own"}
    for name in ("observation", "aircraft", "flight", "match", "route_day", "finding", "heard"):
        missing = set(getattr(records, name.upper())) - set(schema.metadata.tables[name].columns.keys())
        assert missing <= set(elsewhere), name


def test_questions_about_flights_are_answered_by_an_index(tmp_path: Path) -> None:
    day = (NOW.date(), NOW.date())
    with open_store(str(tmp_path / "fw.db"), create=True) as store:
        asked: dict[str, Callable[[], object]] = {
            "an airframe": lambda: store.flights(icao24="140a1f", newest=True, limit=100),
            "a day": lambda: store.flights(day),
            "an airport": lambda: store.flights(airports="HLLB"),
            "an airport and a day": lambda: store.flights(day, airports="HLLB"),
            "one": lambda: store.flights(ids="140a1f-20241214T021530Z"),
            "the last": lambda: store.last_flights(["140a1f"], NOW),
            "the newest": lambda: store.flights(newest=True, limit=10),
            "visits": lambda: store.visits(icao24s=["140a1f"], typecodes=["IL76"]),
            "days": lambda: store.days_with_flights(),
            "route-days": lambda: store.route_days("r", *day),
            "matches": lambda: store.matches("r", day),
            "all matches": lambda: store.matches(days=day),
            "newcomers": lambda: store.newcomers("r", day, memory_days=180),
            "fixes": lambda: store.observations(["140a1f"], NOW, NOW),
            "touched": lambda: store.touched(5),
            "due": lambda: store.due_deliveries(NOW),
            "findings": lambda: store.findings("r", *day),
        }
        statements: list[tuple[str, object]] = []
        sa.event.listen(store._reader, "before_cursor_execute", lambda c, k, s, p, *_: statements.append((s, p)))
        scans = {}
        for question, ask in asked.items():
            statements.clear()
            ask()
            with store.reading() as connection:
                selects = [(s, p) for s, p in statements if s.startswith("SELECT")]
                assert selects, question
                plan = [r[-1] for s, p in selects for r in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {s}", p)]
            tables = {t.name for t in schema.metadata.sorted_tables}
            # "SCAN … USING INDEX" walks an index in order until the limit is reached
            scanned = [w for w in plan if w.startswith("SCAN") and " USING INDEX " not in w]
            scans[question] = [w for w in scanned if w.split()[1] in tables]

    assert {question: found for question, found in scans.items() if found} == {}


def test_polls_differ_by_their_key_only(database_url: str) -> None:
    start = Poll("s", "q", NOW, NOW, "ok")
    with open_store(database_url, create=True) as store:
        ids = store.save_polls(
            [
                start,
                replace(start, source="t"),
                replace(start, query="r"),
                replace(start, started=NOW + timedelta(1)),
                start,
            ]
        )
    assert len(set(ids)) == 4
    assert ids[0] == ids[4]
