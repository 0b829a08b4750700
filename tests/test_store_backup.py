"""Backups are complete while others write, can be restored, and leave nothing behind; the log is checkpointed."""

from __future__ import annotations

import threading
from pathlib import Path

import pandas as pd
import pytest

from flightwatch.errors import StoreError
from flightwatch.store import open_store
from tests.fakes.beats import NOW, ROWS, cycle


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
