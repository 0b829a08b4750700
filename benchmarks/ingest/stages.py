"""The stages, each beside its reference; candidates run in turns, so a slow minute of the machine hits all alike."""

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
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.ingest import world
from flightwatch.sources import heatmap, inflate, readsb, traces
from flightwatch.sources.archive import Member


@dataclass(frozen=True)
class Row:
    """One line of the table. `ratio` is the median over the rounds of ours by the reference, processor time."""

    stage: str
    reference: str
    reference_s: float
    ours_s: float
    ratio: float
    goal: float
    note: str = ""


def compare(reference: Callable[[], Any], ours: Callable[[], Any], rounds: int) -> tuple[float, float, float]:
    """Median processor seconds of both and the median ratio, after one round to warm up."""
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


POLL_COLUMNS = [
    "hex",
    "flight",
    "lat",
    "lon",
    "alt_baro",
    "alt_geom",
    "gs",
    "track",
    "baro_rate",
    "squawk",
    "type",
    "nic",
]


def poll(rounds: int, folder: Path, aircraft: int = 15_000) -> Row:
    """One poll, gzip bytes to rows in SQLite: the product's own path against the obvious one."""
    from flightwatch import ingest
    from flightwatch.records import Poll
    from flightwatch.store import open_store

    body = gzip.compress(world.snapshot_text(aircraft))
    plain = sqlite3.connect(folder / "plain.db")
    store = open_store(f"sqlite:///{folder / 'store.db'}", create=True)
    turn = [0]

    def reference() -> None:
        answer = json.loads(gzip.decompress(body))
        frame = pd.DataFrame(answer["aircraft"])[POLL_COLUMNS].astype({"alt_baro": str})
        frame["now"] = answer["now"]
        frame.to_sql("observation", plain, if_exists="append", index=False)
        plain.commit()

    def ours() -> None:
        turn[0] += 1
        when = datetime.fromtimestamp(world.DAY + 3600, UTC) + timedelta(minutes=turn[0])
        found = readsb.parse(inflate.whole(body), source="x")
        shifted = found.observations.assign(time=found.observations["time"] + pd.Timedelta(minutes=turn[0]))
        rows, refused = ingest.clean(shifted, received=when)
        assert not refused, refused
        store.save_fetched(Poll("x", "all", when, when, "ok", kept=len(rows)), rows, found.aircraft, ingest.heard(rows))

    found = compare(reference, ours, rounds)
    plain.close()
    store.close()
    return Row("one poll to stored rows", "json + DataFrame.to_sql", *found, 0.30, f"{aircraft:,} aircraft, SQLite")


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
    from flightwatch import flights, ingest

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
    for name, run, goal, times in (
        ("heatmaps decoded", decode_only, 3.5, rounds),
        ("heatmaps to regional density", piece.heard, 3.5, rounds),
        ("heatmaps to an observation frame", piece.load, 3.5, rounds),
        ("heatmaps to flights", to_flights, 3.5, 1),
    ):
        found = compare(inflate_only, run, times)
        out.append(Row(name, "zlib inflate", *found, goal, note))
    return out
