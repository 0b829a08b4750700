"""The store's promises when things go wrong: killed, locked, full, gone, opened wrongly."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from flightwatch.errors import StoreError
from flightwatch.store import Store, engine, open_store
from tests.fakes.beats import ROWS, cycle, forked


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
