"""The stages, each with its reference. They run in turns, so a slow minute of the machine affects both equally."""

from __future__ import annotations

import gc
import gzip
import json
import sqlite3
import statistics
import time
import zlib
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy
from sklearn.neighbors import BallTree

from benchmarks.ingest import world
from flightwatch import airports, flights, geo, ingest
from flightwatch.jobs.memory import keep_all
from flightwatch.records import Poll
from flightwatch.sources import heatmap, inflate, readsb, traces
from flightwatch.sources.archive import Member
from flightwatch.store import open_store


@dataclass(frozen=True)
class Row:
    """One line of the table. `ratio` is ours by the reference, processor time, median of the rounds."""

    stage: str
    reference: str
    reference_s: float
    ours_s: float
    ratio: float
    goal: float
    note: str = ""


def compare(reference: Callable[[], Any], ours: Callable[[], Any], rounds: int) -> tuple[float, float, float]:
    """Median processor seconds of both and median ratio, after a warm-up round."""
    a, b = [], []
    for i in range(rounds + 1):
        for run, held in ((reference, a), (ours, b)):
            gc.collect()
            began = time.process_time()
            run()
            if i:
                held.append(time.process_time() - began)
    return statistics.median(a), statistics.median(b), statistics.median(y / x for x, y in zip(a, b, strict=True))


def snapshot(rounds: int, aircraft: int = 15_000) -> Row:
    body = world.snapshot_text(aircraft)
    assert len(readsb.parse(body, source="x").observations) == aircraft
    found = compare(lambda: json.loads(body), lambda: readsb.parse(body, source="x"), rounds)
    return Row("snapshot to columns", "json.loads", *found, 0.60, f"{aircraft:,} aircraft, {len(body) / 1e6:.1f} MB")


TOLD = ("hex", "lat", "lon", "alt_baro", "alt_geom", "gs", "track", "baro_rate", "flight", "squawk", "type", "nic")


def poll(rounds: int, folder: Path, aircraft: int = 15_000) -> list[Row]:
    """One poll, gzip bytes to rows in SQLite: the product's code against the obvious code, which runs once with the
    engine that pandas' documentation uses (the goal was set by this) and once with the bare driver."""
    body = gzip.compress(world.snapshot_text(aircraft))
    engine = sqlalchemy.create_engine(f"sqlite:///{folder / 'engine.db'}")
    note = f"{aircraft:,} aircraft, the same 17 columns, SQLite"
    out = []
    with closing(sqlite3.connect(folder / "plain.db")) as plain, closing(_Stored(folder / "store.db", body)) as ours:
        for connection, name in (
            (engine, "json + DataFrame.to_sql"),
            (plain, "the same over a bare sqlite3 connection"),
        ):
            for pragma in ("journal_mode=WAL", "synchronous=NORMAL"):
                _execute(connection, f"PRAGMA {pragma}")
            found = compare(partial(_obvious, body, connection), ours.once, rounds)
            out.append(Row("one poll to stored rows", name, *found, 0.30, note))
    engine.dispose()
    return out


def _execute(connection: Any, statement: str) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.execute(statement)
    else:
        with connection.connect() as opened:
            opened.exec_driver_sql(statement)


def _obvious(body: bytes, connection: Any) -> None:
    """The same columns and aircraft as ours, without cleaning, key, airframes or counts of aircraft heard."""
    answer = json.loads(gzip.decompress(body))
    frame = pd.DataFrame(answer["aircraft"])[[*TOLD, "seen_pos"]]
    frame["onground"] = frame["alt_baro"].eq("ground")
    frame["alt_baro"] = pd.to_numeric(frame["alt_baro"], errors="coerce")
    frame["time"] = answer["now"] - frame.pop("seen_pos")
    frame = frame.assign(source="x", poll=1, suspect=0)
    frame.to_sql("observation", connection, if_exists="append", index=False)
    if isinstance(connection, sqlite3.Connection):
        connection.commit()


class _Stored:
    """A store that gets the same answer repeatedly, each time a minute later."""

    def __init__(self, path: Path, body: bytes) -> None:
        self._store = open_store(f"sqlite:///{path}", create=True)
        self._body = body
        self._turn = 0
        self.close = self._store.close

    def once(self) -> None:
        self._turn += 1
        when = datetime.fromtimestamp(world.DAY + 3600, UTC) + timedelta(minutes=self._turn)
        found = readsb.parse(inflate.whole(self._body), source="x")
        shifted = found.observations.assign(time=found.observations["time"] + pd.Timedelta(minutes=self._turn))
        rows, refused = ingest.clean(shifted, received=when)
        assert not refused, refused
        asked = Poll("x", "all", when, when, "ok", kept=len(rows))
        self._store.save_fetched(asked, rows, found.aircraft, ingest.heard(rows))


def trace_columns(rounds: int, aircraft: int = 120) -> Row:
    made = world.bodies(aircraft)
    piece = traces.Piece("x", None, "x", tuple(Member(f"trace_full_{h}.json", data=b) for h, b in made))
    rows = piece.load().poll.kept

    def reference() -> None:
        for _, body in made:
            json.loads(gzip.decompress(body))

    found = compare(reference, piece.load, rounds)
    rate = rows / found[1]
    return Row("trace bytes to columns", "gzip + json.loads", *found, 0.50, f"{rows:,} rows, {rate / 1e3:.0f}k rows/s")


def heatmaps(rounds: int, aircraft: int = 600) -> list[Row]:
    """A day's half hours, decoded and processed to different stages, in a process that keeps its memory, as a backfill
    does."""
    keep_all()
    files = world.heatmap_files(aircraft)
    members = tuple(Member(f"heatmap/{i:02d}.bin.ttf", data=f) for i, f in enumerate(files))
    piece = heatmap.HeatmapPiece("x", None, "x", members)
    rows = piece.load().poll.kept
    note = f"{rows:,} records, {sum(map(len, files)) / rows:.1f} B gzip a record"

    def inflate_only() -> None:
        for file in files:
            zlib.decompress(file, zlib.MAX_WBITS | 16)

    def decode_only() -> None:
        for file in files:
            heatmap.decode(file, Counter())

    def to_flights() -> None:
        flights.build(ingest.clean(piece.load().observations)[0])

    out = []
    for name, run in (
        ("heatmaps decoded", decode_only),
        ("heatmaps to regional density", piece.heard),
        ("heatmaps to an observation frame", piece.load),
        ("heatmaps to flights", to_flights),
    ):
        found = compare(inflate_only, run, rounds)
        out.append(Row(name, "zlib inflate", *found, 3.5, note))
    return out


def nearest(rounds: int, ends: int = 100_000) -> Row:
    """The airport nearest to each flight end, a few miles from an airport; both give the same airports."""
    known = airports.load()
    at = known.frame[["latitude", "longitude"]].to_numpy(float)
    rng = np.random.default_rng(5)
    points = at[rng.integers(0, len(at), ends)] + rng.normal(0, 0.03, (ends, 2))
    lat, lon = points.clip(-89.9, 89.9).T
    tree = BallTree(np.radians(at), metric="haversine")
    angles = np.radians(np.c_[lat, lon])
    by_angle, ours = tree.query(angles)[0][:, 0], known.nearest(lat, lon)[1][:, 0]
    assert np.allclose(geo.arc(2 * np.sin(by_angle / 2)), ours, atol=1e-3)
    found = compare(lambda: tree.query(angles), lambda: known.nearest(lat, lon), rounds)
    return Row("nearest airport", "BallTree, haversine", *found, 0.05, f"{ends:,} ends, {len(at):,} airports")
