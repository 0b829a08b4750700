"""What the store promises when things go wrong: killed, locked, full, gone, opened wrongly."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from flightwatch import records
from flightwatch.errors import StoreError
from flightwatch.records import AIRCRAFT, HEARD, OBSERVATION, Alert, Changes, Delivery, Episode, Poll, conform, empty
from flightwatch.store import Store, engine, open_store, schema

NOW = datetime(2024, 12, 14, 12, tzinfo=UTC)
ROWS = 20


def cycle(store: Store, number: int) -> None:
    """One poll's rows, an alert and a delivery per channel: what a beat of the daemon writes, in one transaction."""
    start = NOW + timedelta(minutes=number)
    n = np.arange(ROWS)
    rows = pd.DataFrame({"address": 1 + n, "time": start, "latitude": 55.0, "longitude": n / 3, "source": "s"})
    day = date(2024, 1, 1) + timedelta(days=number)
    alert = Alert(number, "r", ("r",), start, day, day, "open", "high", "h", {}, start)
    told = [
        Delivery(0, number, channel, "opened", {"uid": f"{number}"}, "pending", 0, start, start)
        for channel in ("mail", "slack")
    ]
    with store.transaction():
        poll = Poll("s", "q", start, start, "ok")
        store.save_fetched(poll, conform(rows, OBSERVATION), empty(AIRCRAFT), empty(HEARD))
        store.save_alerts(Changes(opened=(Episode(alert, (f"f{number}",)),)), told, now=start)


def forked(work: Callable[[], None]) -> int:
    """A child that does the work; its process id."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(1)
    return child


def test_killed_at_any_moment_nothing_acknowledged_is_lost_and_nothing_is_half(database_url: str) -> None:
    open_store(database_url, create=True).close()
    rng = random.Random(8)
    acknowledged = 0
    for _ in range(8):
        reading, writing = os.pipe()

        def work(first: int = acknowledged + 1, pipe: int = writing) -> None:
            with open_store(database_url) as store:
                for number in range(first, first + 10_000):
                    cycle(store, number)
                    os.write(pipe, f"{number}\n".encode())

        child = forked(work)
        os.close(writing)
        with os.fdopen(reading) as told:
            assert told.readline(), "the child came as far as one cycle"
            time.sleep(rng.uniform(0.0, 0.05))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            told.read()

        with open_store(database_url) as store:
            done = store.next_alert_id() - 1
            assert done > acknowledged
            acknowledged = done
            counts = store.counts(["poll", "observation", "alert", "alert_flight", "delivery"])
            assert counts == {
                "poll": done,
                "observation": done * ROWS,
                "alert": done,
                "alert_flight": done,
                "delivery": done * 2,
            }


def test_six_hundred_increments_by_four_threads_are_six_hundred(database_url: str) -> None:
    failures = []

    def work(store: Store) -> None:
        try:
            for _ in range(150):
                with store.transaction():
                    store.set_mark("n", str(int(store.get_mark("n") or 0) + 1))
        except Exception as e:
            failures.append(e)

    with open_store(database_url, create=True) as one, open_store(database_url) as other:
        threads = [threading.Thread(target=work, args=(store,)) for store in (one, one, other, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert failures == []
        assert one.get_mark("n") == "600"


def test_a_reader_sees_one_state_while_others_write(database_url: str) -> None:
    with open_store(database_url, create=True) as store, store.reading():
        reader = open_store(database_url, readonly=True)
        with reader, reader.reading():
            assert reader.get_mark("a") is None
            writer = threading.Thread(target=lambda: open_store(database_url).set_mark("a", "1"))
            writer.start()
            writer.join()
            assert reader.get_mark("a") is None
        assert open_store(database_url, readonly=True).get_mark("a") == "1"


def test_a_database_somebody_else_holds_is_said_to_be_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BUSY_S", 0.05)
    path = tmp_path / "fw.db"
    with open_store(str(path), create=True) as store, closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another process holds the database") as caught:
            store.set_mark("a", "1")
        assert caught.value.kind == "busy"
        assert store.get_mark("a") is None, "reading goes on"
        other.rollback()
        store.set_mark("a", "1")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 3 MB, where this process may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no small disk can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_stops_writing_and_loses_nothing(small_disk: Path) -> None:
    path = small_disk / "fw.db"
    with open_store(str(path), create=True) as store:
        done = 0

        def fill() -> None:
            nonlocal done
            for number in range(1, 100_000):
                cycle(store, number)
                done = number

        with pytest.raises(StoreError, match="full") as caught:
            fill()
        assert caught.value.kind == "full"
        assert done > 10
        assert store.counts(["alert", "observation"]) == {"alert": done, "observation": done * ROWS}
        subprocess.run(["mount", "-o", "remount,size=30m", str(small_disk)], check=True)
        cycle(store, done + 1)

    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert raw.execute("SELECT count(*) FROM delivery").fetchone() == (2 * (done + 1),)


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
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere, so a real mode shows nothing here

    with open_store(str(tmp_path / "fw.db"), readonly=True) as copy:
        assert copy.get_mark("a") == "1"
        assert not (tmp_path / "fw.db-wal").exists()


@pytest.mark.parametrize(
    ("url", "words", "kind"),
    [
        ("sqlite:///{dir}/none.db", "there is no database at {dir}/none.db: run `flightwatch init`", "missing"),
        ("sqlite:///{dir}", "is a folder", "missing"),
        ("sqlite:///{dir}/text.db", "cannot be opened or written", "missing"),
        ("sqlite:///{dir}/other.db", "has not been set up", "schema"),
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


def test_a_lost_postgresql_is_found_again(database_url: str) -> None:
    if not database_url.startswith("postgresql"):
        pytest.skip("a server that goes away is PostgreSQL's")
    with open_store(database_url, create=True) as store, open_store(database_url) as other:
        store.set_mark("a", "1")
        with other.reading() as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        assert store.get_mark("a") == "1"
        store.set_mark("a", "2")
        assert store.get_mark("a") == "2"


def test_a_process_frozen_in_the_middle_of_a_write_holds_postgresql_no_longer_than_the_limit(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not database_url.startswith("postgresql"):
        pytest.skip("the write lock of an SQLite file cannot be taken from its holder")
    monkeypatch.setattr(engine, "IDLE_S", 1.0)
    open_store(database_url, create=True).close()
    written, went_on = tmp_path / "written", tmp_path / "went_on"

    def work() -> None:
        try:
            with open_store(database_url) as store, store.transaction():
                store.set_mark("a", "frozen")
                written.touch()
                os.kill(os.getpid(), signal.SIGSTOP)
                store.set_mark("b", "frozen")
        except StoreError as e:
            went_on.write_text(e.kind)

    child = forked(work)
    until = time.monotonic() + 30
    while not written.exists():
        assert time.monotonic() < until
        time.sleep(0.01)
    with open_store(database_url) as store:
        began = time.monotonic()
        store.set_mark("a", "ours")
        waited = time.monotonic() - began
        os.kill(child, signal.SIGCONT)
        os.waitpid(child, 0)
        assert store.get_mark("a") == "ours"
        assert store.get_mark("b") is None
    assert waited < 20
    assert went_on.read_text() == "gone"


def test_backups_are_whole_while_others_write(database_url: str, tmp_path: Path) -> None:
    with open_store(database_url, create=True) as store:
        for number in range(1, 30):
            cycle(store, number)
        stop = threading.Event()

        def write() -> None:
            number = 30
            while not stop.is_set():
                cycle(store, number)
                number += 1

        writer = threading.Thread(target=write)
        writer.start()
        try:
            copies = [store.backup(tmp_path / f"copy{n}.db") for n in range(3)]
        finally:
            stop.set()
            writer.join()
        with pytest.raises(StoreError, match="never overwrites"):
            store.backup(copies[0])

    for copy in copies:
        assert not list(tmp_path.glob(f".{copy.name}*"))
        with open_store(str(copy), readonly=True) as opened:
            done = opened.counts()["alert"]
            assert done >= 29
            assert opened.counts(["observation", "delivery"]) == {"observation": done * ROWS, "delivery": done * 2}


def test_a_backup_goes_back_and_the_numbers_go_on(database_url: str, tmp_path: Path) -> None:
    with open_store(str(tmp_path / "old.db"), create=True) as old:
        for number in range(1, 20):
            cycle(old, number)
        old.save_model({"id": "m"}, b"\x00\xff", at=NOW)
        copy = old.backup(tmp_path / "copy.db")
        counts, alerts, fixes = old.counts(), old.alerts(), old.observations()

    with open_store(database_url, create=True) as new:
        new.restore(copy)
        assert new.counts() == counts
        assert new.alerts() == alerts
        pd.testing.assert_frame_equal(new.observations(), fixes, check_categorical=False)
        cycle(new, 20)
        assert new.last_poll_id() == 20
        assert new.deliveries()[-1].id == 40
        with pytest.raises(StoreError, match="not empty"):
            new.restore(copy)


def test_a_failed_backup_leaves_nothing_behind(tmp_path: Path) -> None:
    with open_store(str(tmp_path / "fw.db"), create=True) as store:
        with pytest.raises(StoreError, match="cannot create"):
            store.backup(Path("/proc/none/copy.db"))
        store.set_mark("a", "1")
        (tmp_path / ".copy.db.part").mkdir()
        with pytest.raises((StoreError, OSError)):
            store.backup(tmp_path / "copy.db")
        assert not (tmp_path / "copy.db").exists()


def test_the_log_is_folded_into_the_file(tmp_path: Path) -> None:
    with open_store(str(tmp_path / "fw.db"), create=True) as store:
        for number in range(1, 50):
            cycle(store, number)
        assert store.facts()["wal_bytes"] > 0
        store.checkpoint()
        assert store.facts()["wal_bytes"] == 0


def test_a_visit_beside_the_daemon_does_not_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "fw.db"
    with open_store(str(path), create=True) as daemon:
        daemon.checkpoint()
        with open_store(str(path), checkpoint=False) as visit:
            assert visit._writer is not None
            with visit.transaction() as connection:
                assert connection.exec_driver_sql("PRAGMA wal_autocheckpoint").scalar() == 0
                assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
            visit.set_mark("a", "1")
        assert daemon.get_mark("a") == "1"


def test_a_lock_is_held_by_one_and_free_when_its_holder_is_killed(database_url: str) -> None:
    open_store(database_url, create=True).close()
    reading, writing = os.pipe()

    def hold() -> None:
        with open_store(database_url) as store:
            assert store.try_lock("leader")
            os.write(writing, b"held")
            time.sleep(60)

    child = forked(hold)
    assert os.read(reading, 4) == b"held"
    with open_store(database_url) as store:
        assert store.try_lock("leader") is None
        assert store.try_lock("other") is not None
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)

        deadline = time.monotonic() + 2.0
        while (lock := store.try_lock("leader")) is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert lock.alive()
        assert store.try_lock("leader") is None
        lock.release()
        again = store.try_lock("leader")
        assert again is not None
        again.release()


def test_a_lock_whose_connection_died_is_known_to_be_lost(database_url: str) -> None:
    if not database_url.startswith("postgresql"):
        pytest.skip("only PostgreSQL's lock hangs on a connection")
    with open_store(database_url, create=True) as store:
        lock = store.try_lock("leader")
        assert lock is not None
        with store.reading() as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND application_name = 'flightwatch leader'"
            )
        assert not lock.alive()
        assert store.try_lock("leader") is not None


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
