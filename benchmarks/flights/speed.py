"""How fast and how exactly days of traffic are cut into flights: our full rules beside a gap rule in pandas.

The traffic is a few hundred airframe days in the style of `worlds.path` (half of the turnarounds are seen on the
ground, long flights lose the middle of their cruise), repeated under new addresses up to the wanted size, and ordered
by airframe and time like archives.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.flights.worlds import START, path
from benchmarks.ingest.backfill import peak_kib
from flightwatch import aircraft as craft
from flightwatch import airports, flights, motion, units
from flightwatch.flights import legs

FIELDS = ("EDDF", "EGLL", "LFPG", "LTFM", "KJFK", "OMDB", "LEMD", "UUEE", "HECA", "EHAM", "ESSA", "LPPT")
GAP_MS = 1_800_000
DAY_MS = 86_400_000
KEEP = ("latitude", "longitude", "altitude", "groundspeed", "track", "vertical_rate")


def template(airframes: int = 240, seed: int = 5) -> tuple[dict, np.ndarray]:
    """Columns of a few hundred airframe days, ordered, and the true leg of each row."""
    rng = np.random.default_rng(seed)
    parts = []
    leg = 0
    for n in range(airframes):
        here = str(rng.choice(FIELDS))
        clock = rng.uniform(0, 4) * 3_600_000
        while clock < 18 * 3_600_000:
            goal = str(rng.choice([f for f in FIELDS if f != here]))
            flight = path(rng, here, goal, clock, 12.0, n)
            end = float(flight["ms"].iloc[-1])
            if end - clock > 4 * 3_600_000 and rng.random() < 0.6:  # over the ocean nobody hears it
                span = end - clock
                flight = flight[~flight["ms"].between(clock + 0.25 * span, clock + 0.75 * span)]
            turn = rng.uniform(35, 90) * 60_000
            flight = flight.assign(leg=leg)
            if rng.random() < 0.5:
                parked = flight.tail(1).loc[flight.tail(1).index.repeat(int(turn / 45_000))]
                flight = pd.concat([flight, parked.assign(ms=end + 45_000 * np.arange(1, len(parked) + 1))])
            parts.append(flight)
            leg += 1
            clock = end + turn + 420_000
            here = goal
    frame = pd.concat(parts, ignore_index=True).sort_values(["address", "ms"], kind="stable")
    columns = {k: frame[k].to_numpy(dtype="float64" if k in KEEP[:2] else "float32") for k in KEEP}
    columns["address"] = frame["address"].to_numpy(np.uint32)
    columns["time"] = frame["ms"].to_numpy(dtype=float).astype(np.int64)
    columns["onground"] = frame["onground"].to_numpy(bool)
    return columns, frame["leg"].to_numpy()


def repeated(columns: dict, leg: np.ndarray, rows: int) -> tuple[dict, np.ndarray]:
    """At least so many rows: the airframes repeated under new addresses."""
    times = -(-rows // len(leg))
    out = {k: np.tile(v, times) for k, v in columns.items()}
    copy = np.repeat(np.arange(times), len(leg))
    out["address"] = (out["address"] + copy * 4096).astype(np.uint32)
    return out, np.tile(leg, times) + copy * (int(leg.max()) + 1)


def ours(columns: dict) -> legs.Legs:
    """Everything between ordered columns and flights: every pair of fixes checked for reach, then `cut`."""
    _, part = motion.doubts(columns)
    return cut(columns, part)


def cut(columns: dict, part: np.ndarray | None = None) -> legs.Legs:
    """The full rules for legs: ground, silences, stays."""
    work = {**columns, "part": np.zeros(len(columns["time"]), dtype=np.int32) if part is None else part}
    addresses = work["address"][legs.starts(work["address"])]
    types = legs.type_columns([craft.performance("")] * len(addresses), addresses)
    places = airports.load()
    return legs.split(work, legs.grounded(work, places, types), places, types)


def gap_rule(columns: dict) -> pd.DataFrame:
    """The usual vectorised pandas: sorted, a new flight after half an hour of silence, one row per flight."""
    frame = pd.DataFrame({k: columns[k] for k in ("address", "time", "latitude", "longitude")}, copy=False)
    frame = frame.sort_values(["address", "time"])
    cut = (frame["address"] != frame["address"].shift()) | (frame["time"].diff() > GAP_MS)
    return frame.groupby(cut.cumsum()).agg(
        address=("address", "first"), first=("time", "first"), last=("time", "last"), lat0=("latitude", "first"),
        lon0=("longitude", "first"), lat1=("latitude", "last"), lon1=("longitude", "last"), points=("time", "size"),
    )  # fmt: skip


def exact(first: np.ndarray, last: np.ndarray, columns: dict, leg: np.ndarray) -> float:
    """Share of true legs whose airborne rows are exactly those of one flight."""
    mine = np.full(len(leg), -1, dtype=np.int64)
    for n, (a, b) in enumerate(zip(first.tolist(), last.tolist(), strict=True)):
        mine[a : b + 1] = n
    air = ~columns["onground"]
    pairs = pd.DataFrame({"leg": leg[air], "mine": mine[air]}).drop_duplicates()
    pairs = pairs[pairs["mine"] >= 0]
    alone = (pairs.groupby("leg")["mine"].transform("size") == 1) & (
        pairs.groupby("mine")["leg"].transform("size") == 1
    )
    return float(alone.sum() / len(np.unique(leg[air])))


def seconds(works: tuple[Callable[[dict], object], ...], columns: dict, rounds: int) -> list[float]:
    """Processor seconds of each, the median of so many rounds, in turns: other load affects all alike."""
    taken: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for work, mine in zip(works, taken, strict=True):
            gc.collect()
            begin = time.process_time()
            work(columns)
            mine.append(time.process_time() - begin)
    return [float(np.median(mine)) for mine in taken]


def run(millions: tuple[float, ...], rounds: int = 9) -> pd.DataFrame:
    """One row per size: processor seconds of ours and theirs, ratios, exact legs of both."""
    base, leg = template()
    rows = []
    for size in millions:
        columns, truth = repeated(base, leg, int(size * 1e6))
        mine, bare, theirs = seconds((ours, cut, gap_rule), columns, rounds)
        ratio_rows = len(truth)
        right = gap = np.nan
        if size <= 1:
            found = ours(columns)
            right = exact(found.first, found.last, columns, truth)
            starts = np.flatnonzero(
                np.concatenate([[True], (np.diff(columns["address"]) != 0) | (np.diff(columns["time"]) > GAP_MS)])
            )
            gap = exact(starts, np.append(starts[1:], ratio_rows) - 1, columns, truth)
        rows.append((ratio_rows, bare, mine, theirs, bare / theirs, mine / theirs, right, gap))
    names = (
        "rows", "legs s", "with jumps s", "pandas s", "legs / pandas", "with jumps / pandas", "exact", "exact by gap",
    )  # fmt: skip
    return pd.DataFrame(rows, columns=names)


def beside_traffic(python: str, airframes: int = 240, rounds: int = 9) -> pd.DataFrame:
    """The same rows cut by the `traffic` library of `python`: processor seconds, ratio, exact legs."""
    columns, leg = template(airframes)
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "rows.npz"
        np.savez(rows, **columns, leg=leg, callsign=leg)
        script = Path(__file__).with_name("traffic_peer.py")
        answer = subprocess.run([python, str(script), str(rows)], capture_output=True, check=True, text=True).stdout
    theirs = json.loads(answer)
    (mine,) = seconds((ours,), columns, rounds)
    found = ours(columns)
    right = exact(found.first, found.last, columns, leg)
    own = f"traffic {theirs['traffic']} (pandas {theirs['pandas']})"
    table = [
        (len(leg), own, "address and callsign", mine, theirs["own_seconds"], right, theirs["own_exact"]),
        (len(leg), own, "address alone", mine, theirs["address_seconds"], right, theirs["address_exact"]),
    ]
    names = ("rows", "library", "flights by", "ours s", "theirs s", "exact ours", "exact theirs")
    frame = pd.DataFrame(table, columns=names)
    frame.insert(5, "ours / theirs", frame["ours s"] / frame["theirs s"])
    return frame


BATCH = 1_000_000
"""Rows in memory at once, about a day of one continent."""


def in_batches(rows: int) -> None:
    """Builds flights from so many rows, a day at a time, keeping what the next day needs; prints MiB."""
    base, leg = template(60)
    fed, _ = repeated(base, leg, BATCH)
    day = pd.DataFrame({k: v[:BATCH] for k, v in fed.items() if k != "time"}).assign(source="speed", callsign="")
    time_ms = fed["time"][:BATCH]
    kept, done, flown, first = pd.DataFrame(), 0, 0, 0.0
    while done < rows:
        day["time"] = units.instants(time_ms + START + done // BATCH * DAY_MS)
        frame = pd.concat([kept, day], ignore_index=True)
        found = flights.build(frame)
        kept = flights.tail(frame, found)
        flown += len(found)
        done += len(day)
        first = first or peak_kib() / 1024
    peak = peak_kib() / 1024
    sys.stdout.write(json.dumps({"rows": done, "flights": flown, "first": first, "peak": peak}))


def memory(millions: tuple[float, ...]) -> pd.DataFrame:
    """Peak memory, each in a fresh process: after the first batch, and after all."""
    rows = []
    for size in millions:
        command = [sys.executable, "-m", "benchmarks.flights.speed", str(int(size * 1e6))]
        told = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
        rows.append((told["rows"], told["flights"], told["first"], told["peak"], told["peak"] - told["first"]))
    return pd.DataFrame(rows, columns=["rows", "flights", "peak after the first batch MiB", "peak MiB", "more MiB"])


if __name__ == "__main__":
    in_batches(int(sys.argv[1]))
