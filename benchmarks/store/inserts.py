"""Storing fixes: our code against the simplest fast way of each driver, on the same rows, table and pragmas.

The references get ready tuples. Ours gets the frame and does all the rest too: sorting, texts, keys that may exist
already, and noting airframes with new fixes.
"""

from __future__ import annotations

import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.store.databases import postgresql
from flightwatch.records import AIRCRAFT, HEARD, OBSERVATION, Poll, conform, empty
from flightwatch.store import Store, bulk, open_store, schema
from flightwatch.store.copybody import Coded
from flightwatch.store.kept import in_order, order_of
from flightwatch.store.touch import places, spans_of
from flightwatch.units import icao24_texts, millis

START = datetime(2024, 12, 1, tzinfo=UTC)
NAMES = [c.name for c in schema.observation.columns]


Taken = tuple[float, float]  # seconds of wall time, of processor time (ours and the server process's)


@dataclass(frozen=True)
class Row:
    """One line of the table: medians, and ratios to the reference of the same runs."""

    what: str
    rows: int
    seconds: float
    cpu: float
    ratio: float | None
    cpu_ratio: float | None


class Watch:
    """Measures wall and processor time, including that of a local PostgreSQL backend."""

    def __init__(self, backend: int | None = None) -> None:
        self.backend = backend
        self.begun = time.perf_counter(), self._cpu()

    def taken(self) -> Taken:
        return time.perf_counter() - self.begun[0], self._cpu() - self.begun[1]

    def _cpu(self) -> Taken:
        if self.backend is None:
            return time.process_time()
        spent = Path(f"/proc/{self.backend}/schedstat").read_text().split()[0]  # ns; `stat` counts in 10 ms
        return time.process_time() + int(spent) / 1e9


def batches(count: int, rows: int, aircraft: int) -> list[pd.DataFrame]:
    """Polls as of a busy receiver network: every airframe a few times, values rounded as by readsb."""
    rng = np.random.default_rng(5)
    fleet = np.sort(rng.choice(2**24, aircraft, replace=False)).astype("uint32")
    out = []
    for n in range(count):
        at = int(START.timestamp() * 1000) + 60_000 * n + rng.permutation(60_000)[:rows]
        frame = {
            "address": np.resize(fleet, rows),
            "time": pd.to_datetime(at, unit="ms", utc=True),
            "latitude": rng.uniform(20, 60, rows).round(6),
            "longitude": rng.uniform(-10, 50, rows).round(6),
            "altitude": rng.integers(0, 1600, rows) * 25.0,
            "geoaltitude": np.where(rng.random(rows) < 0.2, np.nan, rng.integers(0, 1600, rows) * 25.0),
            "groundspeed": rng.uniform(100, 500, rows).round(1),
            "track": rng.uniform(0, 360, rows).round(2),
            "vertical_rate": rng.integers(-40, 40, rows) * 64.0,
            "callsign": pd.Categorical([f"FW{i}" for i in np.resize(np.arange(aircraft), rows)]),
            "squawk": pd.Categorical(rng.choice(["1000", "2000", ""], rows)),
            "position_type": "adsb_icao",
            "nic": 8,
            "source": "benchmark",
        }
        out.append(conform(pd.DataFrame(frame), OBSERVATION))
    return out


def ours(url: str, frames: list[pd.DataFrame]) -> Taken:
    """`save_fetched`, one transaction per batch: the cost of a poll."""
    aircraft, heard = empty(AIRCRAFT), empty(HEARD)
    with open_store(url) as store:
        watch = Watch(_backend(store))
        for n, frame in enumerate(frames):
            start = START + timedelta(minutes=n)
            store.save_fetched(Poll("benchmark", "", start, start, "ok"), frame, aircraft, heard)
        return watch.taken()


def bulk_only(url: str, frames: list[pd.DataFrame]) -> Taken:
    """The bulk path alone, from frame to rows, in the same transactions."""
    with open_store(url) as store:
        watch = Watch(_backend(store))
        for frame in frames:
            with store.transaction() as connection:
                columns = _columns(in_order(frame), store.dialect) if store.dialect == "sqlite" else _arrays(frame)
                bulk.write(connection, schema.observation, columns, update={}, new=True)
        return watch.taken()


def _backend(store: Store) -> int | None:
    """The server process of the writer's connection, which the pool keeps."""
    with store.transaction() as connection:
        if store.dialect == "sqlite":
            return None
        return int(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())


def _columns(frame: pd.DataFrame, dialect: str) -> dict[str, list[Any]]:
    """Sorted rows, as the store writes them."""
    texts = _texts(frame["address"].to_numpy(), millis(frame["time"]))
    icao24 = np.array(texts.texts, dtype=object)[texts.codes].tolist()
    columns = {"icao24": icao24, **bulk.columns_of(frame, schema.observation, dialect=dialect)}
    return {name: columns[name] for name in NAMES}


def _arrays(frame: pd.DataFrame) -> dict[str, Any]:
    """What the store gives PostgreSQL: no value becomes a Python object."""
    addresses, times = frame["address"].to_numpy(), millis(frame["time"])
    order = order_of(addresses, times)
    addresses, times = addresses[order], times[order]
    known = {"icao24": _texts(addresses, times), "time": times}
    return bulk.arrays_of(frame, schema.observation, order, known)


def _texts(addresses: Any, times: Any) -> Coded:
    return Coded(places(addresses), icao24_texts(spans_of(addresses, times)["address"]).tolist())


def _tuples(frames: list[pd.DataFrame]) -> list[list[tuple[Any, ...]]]:
    ordered = [f.sort_values(["address", "time"]) for f in frames]
    return [list(zip(*_columns(f, "postgresql").values(), strict=True)) for f in ordered]


def executemany(url: str, rows: list[list[tuple[Any, ...]]]) -> Taken:
    statement = f"INSERT INTO observation ({', '.join(NAMES)}) VALUES ({', '.join('?' * len(NAMES))})"
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        watch = Watch()
        for batch in rows:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(statement, batch)
            connection.execute("COMMIT")
        return watch.taken()


def copy_text(url: str, rows: list[list[tuple[Any, ...]]]) -> Taken:
    return _copied(url, rows, binary=False)


def copy_binary(url: str, rows: list[list[tuple[Any, ...]]]) -> Taken:
    return _copied(url, rows, binary=True)


def _copied(url: str, rows: list[list[tuple[Any, ...]]], *, binary: bool) -> Taken:
    import psycopg

    statement = f"COPY observation ({', '.join(NAMES)}) FROM STDIN{' (FORMAT BINARY)' if binary else ''}"
    with closing(psycopg.connect(url.replace("+psycopg", ""))) as connection:
        watch = Watch(connection.info.backend_pid)
        for batch in rows:
            with connection.cursor() as cursor, cursor.copy(statement) as copy:
                if binary:
                    copy.set_types([bulk.copied_as(schema.observation.c[name].type) for name in NAMES])
                for row in batch:
                    copy.write_row(row)
            connection.commit()
        return watch.taken()


def measure(server: str | None, *, batches_of: int = 15_000, count: int = 10, runs: int = 5) -> list[Row]:
    """Every way in turn, `runs` times; medians."""
    frames = batches(count, batches_of, 3_000)
    rows = _tuples(frames)
    total = count * batches_of
    out = _round("SQLite", executemany, "sqlite3 `executemany`", frames, rows, runs, _sqlite)
    if server is not None:

        def fresh(keyed: bool) -> Callable[[], Any]:
            return lambda: postgresql(server, without_key=() if keyed else ("observation",))

        out += _round("PostgreSQL, no key", copy_text, "COPY text `write_row`", frames, rows, runs, fresh(False))
        out += _round("PostgreSQL", copy_text, "COPY text `write_row`", frames, rows, runs, fresh(True))
    return [Row(what, total, *figures) for what, figures in out]


class _sqlite:
    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory()

    def __enter__(self) -> str:
        url = f"sqlite:///{Path(self.folder.name) / 'fw.db'}"
        open_store(url, create=True).close()
        return url

    def __exit__(self, *_: object) -> None:
        self.folder.cleanup()


def _round(
    where: str,
    reference: Callable[[str, Any], Taken],
    words: str,
    frames: list[pd.DataFrame],
    rows: list[list[tuple[Any, ...]]],
    runs: int,
    database: Callable[[], Any],
) -> list[tuple[str, tuple[float, float, float | None, float | None]]]:
    taken: dict[str, list[Taken]] = {}
    ways: list[tuple[str, Callable[[str, Any], Taken], Any]] = [
        (words, reference, rows),
        ("our bulk path from the frame", bulk_only, frames),
    ]
    if reference is copy_text:
        ways.append(("COPY binary `write_row` of the same tuples", copy_binary, rows))
    if "no key" not in where:  # existing rows are found by the key
        ways.append(("`save_fetched`: a whole poll", ours, frames))
    for _ in range(runs):
        for name, way, given in ways:
            with database() as url:
                taken.setdefault(name, []).append(way(url, given))
    medians = {
        name: [statistics.median(part) for part in zip(*all_runs, strict=True)] for name, all_runs in taken.items()
    }
    wall, cpu = medians[words]
    return [
        (f"{where}: {name}", (w, c, None if name == words else w / wall, None if name == words else c / cpu))
        for name, (w, c) in medians.items()
    ]
