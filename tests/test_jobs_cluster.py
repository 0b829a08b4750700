"""The same archive read here, by processes and on a Dask cluster of two workers gives the same database."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flightwatch.config import Settings
from flightwatch.errors import InputError
from flightwatch.jobs import backfill as history
from flightwatch.jobs.backfill import backfill, pool
from flightwatch.jobs.context import Context
from flightwatch.sources import traces
from flightwatch.store import open_store
from tests.fakes.sky import Sky, Trip
from tests.tables import dump

START = datetime(2024, 12, 1, 20, 0, tzinfo=UTC)


@pytest.fixture(scope="module", autouse=True)
def every_piece_a_chunk() -> Iterator[None]:
    """So that there is work for several, and legs stay open between chunks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "CHUNK_BYTES", 1)
        yield


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    trips = []
    for n in range(3):
        at = START + timedelta(days=n)
        trips += [
            Trip("152049", "RSD101", "UMMS", "HLLB", at, typecode="IL76", heard_to=0.85),
            Trip("152049", "RSD102", "HLLB", "UMMS", at + timedelta(hours=7), typecode="IL76", heard_from=0.2),
            Trip("4ca123", "EIN201", "EDDF", "LIRF", at + timedelta(hours=3), typecode="A320", level_ft=36_000),
        ]
    return Sky(trips).write_traces(tmp_path_factory.mktemp("globe"))


def read(folders: list[Path], path: Path, executor: Executor | None) -> dict[str, list[Any]]:
    """What a fresh database holds; reads twice, because twice must be the same as once with every executor."""
    with open_store(str(path), create=True) as store:
        for _ in range(2):
            report = backfill(Context(Settings(), store), traces.pieces(folders, batch=1), executor=executor)
        assert report.flights > 0
    return dump(path)


@pytest.fixture(scope="module")
def here(folders: list[Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    return read(folders, tmp_path_factory.mktemp("here") / "fw.db", None)


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1", silence_logs=50
    ) as cluster:
        yield cluster.scheduler_address


def test_a_cluster_of_two_workers_gives_what_one_process_gives(
    folders: list[Path], here: dict[str, list[Any]], scheduler: str, tmp_path: Path
) -> None:
    with pool(0, scheduler) as cluster:
        assert cluster is not None
        assert cluster.ahead == 4  # type: ignore[attr-defined]
        assert cluster.submit(os.getpid).result() != os.getpid()
        there = read(folders, tmp_path / "fw.db", cluster)
    for table, rows in here.items():
        assert there[table] == rows, table
    assert len(here["flight"]) >= 6


def test_processes_give_what_one_process_gives(folders: list[Path], here: dict[str, list[Any]], tmp_path: Path) -> None:
    with pool(2) as processes:
        there = read(folders, tmp_path / "fw.db", processes)
    for table, rows in here.items():
        assert there[table] == rows, table


def test_by_default_processes_read_one_a_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    with pool(0) as processes:
        assert isinstance(processes, ProcessPoolExecutor)
    with pool(1) as none:
        assert none is None
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    with pool(0) as none:
        assert none is None


def test_where_no_scheduler_answers_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("flightwatch.jobs.cluster.ANSWER", "1s")
    with (
        pytest.raises(InputError, match=r"tcp://127\.0\.0\.1:9: no Dask scheduler answers"),
        pool(0, "tcp://127.0.0.1:9"),
    ):
        pass


def test_no_more_is_read_ahead_of_the_writer_than_the_executor_says(folders: list[Path]) -> None:
    class Counting(Executor):
        ahead = 2
        out = most = 0

        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            self.out += 1
            self.most = max(self.most, self.out)
            future: Future[Any] = Future()
            future.set_result(fn(*args, **kwargs))
            return future

    counting = Counting()
    with open_store("sqlite://", create=True) as store:

        def taken(*_: Any) -> None:
            counting.out -= 1

        backfill(Context(Settings(), store), traces.pieces(folders, batch=1), executor=counting, progress=taken)
    assert counting.most == 3
    assert counting.out == 0
