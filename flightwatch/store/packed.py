"""Packs the fixes of one airframe into one small value, without loss: for legs still open between two archive days.

Half of an archive's rows are needed once more, when the next day is read, and never again. Stored as rows, they would
cost more than everything else about the archive together; packed, they take a fifth of the time (benchmarks/ingest).

Format: `FWK`, layout, number of fixes, time of the first, length of the states; then deflated: the states as JSON, and
a record for each fix, with bytes grouped by significance. What rarely changes (callsign, squawk, kind of position,
source, poll) is a state; each fix says whether it begins a new one. Layout 1 holds differences in whole steps, as
readsb reports everything; layout 2 plain numbers, for airframes with any number between steps.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from flightwatch.deflate import LEVEL, zlib
from flightwatch.records import OBSERVATION, empty
from flightwatch.units import instants, millis

Columns = dict[str, npt.NDArray[Any]]

HEAD = struct.Struct("<3sBIqI")
MAGIC = b"FWK"
STEPPED, PLAIN = 1, 2
STATE = ("callsign", "squawk", "position_type", "source")
SCALES = {"altitude": 1 / 25, "geoaltitude": 1 / 25, "groundspeed": 10.0, "track": 10.0, "vertical_rate": 1.0}
"""Steps per unit: readsb gives altitudes in 25 ft, speeds and tracks with one decimal, rates whole (README-json)."""
DEGREE = 1_000_000.0  # and positions with six decimals
UNKNOWN = -32_768
SMALL = [("onground", "u1"), ("nic", "i1"), ("suspect", "u1"), ("new", "u1")]
LAYOUTS = {
    STEPPED: np.dtype(
        [("time", "<i4"), ("latitude", "<i4"), ("longitude", "<i4"), *((n, "<i2") for n in SCALES), *SMALL]
    ),
    PLAIN: np.dtype(
        [("time", "<i8"), ("latitude", "<f8"), ("longitude", "<f8"), *((n, "<f4") for n in SCALES), *SMALL]
    ),
}


class Packed(NamedTuple):
    """The fixes of one airframe; times in ms."""

    address: int
    first: int
    last: int
    fixes: int
    content: bytes


def pack(observations: pd.DataFrame) -> Iterator[Packed]:
    """One value per airframe, from OBSERVATION rows ordered by address and time."""
    address, time = observations["address"].to_numpy(), millis(observations["time"])
    if not len(address):
        return
    first = np.ones(len(address), dtype=bool)
    first[1:] = address[1:] != address[:-1]
    starts = np.flatnonzero(first)
    ends = np.append(starts[1:], len(address))
    new, states = _states(observations, first)
    small = {n: observations[n].to_numpy() for n in ("onground", "nic", "suspect")} | {"new": new}
    stepped, exact = _stepped(observations, time, starts)
    short = _records(STEPPED, stepped | small)
    whole = short
    if not exact.all():
        names = ("latitude", "longitude", *SCALES)
        whole = _records(PLAIN, {n: observations[n].to_numpy() for n in names} | small | {"time": time})
    for lo, hi, good in zip(starts.tolist(), ends.tolist(), exact.tolist(), strict=True):
        rows = (short if good else whole)[lo:hi]
        told = json.dumps([states(row) for row in np.flatnonzero(new[lo:hi]) + lo]).encode()
        body = rows.view(np.uint8).reshape(hi - lo, -1).T.tobytes()
        head = HEAD.pack(MAGIC, STEPPED if good else PLAIN, hi - lo, int(time[lo]), len(told))
        content = head + zlib.compress(told + body, LEVEL)
        yield Packed(int(address[lo]), int(time[lo]), int(time[hi - 1]), hi - lo, content)


def unpack(packed: Iterable[tuple[int, bytes]]) -> pd.DataFrame:
    """The rows of these airframes (address, content) as they were packed, in the order given.

    Raises ValueError if the format of the bytes is unknown.
    """
    parts = [_unpacked(address, content) for address, content in packed]
    if not parts:
        return empty(OBSERVATION)
    columns = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
    made: dict[str, Any] = {}
    for name, column in OBSERVATION.items():
        if name == "time":
            made[name] = instants(columns[name])
        elif name in STATE:
            made[name] = pd.Categorical(columns[name])
        else:
            made[name] = columns[name].astype(column.dtype, copy=False)
    return pd.DataFrame(made, copy=False)


def _states(observations: pd.DataFrame, first: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.bool_], Any]:
    """Which rows begin a new state, and the state of each row."""
    polls = observations["poll"].to_numpy()
    texts = [observations[n].cat for n in STATE]
    codes = [t.codes.to_numpy() for t in texts]
    names = [[*t.categories.tolist(), ""] for t in texts]
    new = first.copy()
    for values in (*codes, polls):
        new[1:] |= values[1:] != values[:-1]

    def state(row: int) -> list[Any]:
        return [*(n[c[row]] for n, c in zip(names, codes, strict=True)), int(polls[row])]

    return new, state


def _stepped(observations: pd.DataFrame, time: Any, starts: Any) -> tuple[Columns, npt.NDArray[np.bool_]]:
    """Columns as differences in whole steps, and for which airframes this is exact."""
    out: Columns = {}
    elapsed = np.diff(time, prepend=time[:1])
    elapsed[starts] = 0
    out["time"] = elapsed.astype(np.int32)
    exact = out["time"] == elapsed
    for name, scale in (("latitude", DEGREE), ("longitude", DEGREE), *SCALES.items()):
        values = observations[name].to_numpy()
        wide = values.dtype == np.float64
        limit = 2**31 if wide else -UNKNOWN
        known = ~np.isnan(values)
        steps = np.rint(np.where(known, values, 0).astype(np.float64) * scale)
        exact &= (np.abs(steps) < limit) & (_value(steps, scale, values.dtype) == np.where(known, values, 0))
        if wide:
            exact &= known
        kind = np.int32 if wide else np.int16
        with np.errstate(invalid="ignore"):
            whole = np.where(known, steps, 0 if wide else UNKNOWN).astype(kind)
        moved = np.diff(whole, prepend=whole[:1])
        moved[starts] = whole[starts]
        out[name] = moved
    return out, np.logical_and.reduceat(exact, starts)


def _value(steps: Any, scale: float, dtype: Any) -> Any:
    return (steps / scale if scale >= 1 else steps * round(1 / scale)).astype(dtype)


def _records(layout: int, columns: Columns) -> Any:
    out = np.empty(len(columns["time"]), dtype=LAYOUTS[layout])
    for name in out.dtype.names or ():
        out[name] = columns[name]
    return out


def _unpacked(address: int, content: bytes) -> Columns:
    magic, layout, count, start, length = HEAD.unpack_from(content)
    if magic != MAGIC or layout not in LAYOUTS:
        raise ValueError(f"not fixes of a known format: begins with {content[:4]!r}")
    raw = zlib.decompress(content[HEAD.size :])
    dtype = LAYOUTS[layout]
    bytes_ = np.frombuffer(raw, dtype=np.uint8, offset=length).reshape(dtype.itemsize, count)
    rows = np.ascontiguousarray(bytes_.T).view(dtype).ravel()
    out: Columns = {"address": np.full(count, address, dtype=np.uint32)}
    out |= {name: rows[name] for name in dtype.names or ()}
    if layout == STEPPED:
        out["time"] = start + np.cumsum(rows["time"], dtype=np.int64)
        for name, scale in (("latitude", DEGREE), ("longitude", DEGREE), *SCALES.items()):
            steps = np.cumsum(rows[name], dtype=rows[name].dtype)
            values = _value(steps.astype(np.float64), scale, np.float64 if scale == DEGREE else np.float32)
            out[name] = values if scale == DEGREE else np.where(steps == UNKNOWN, np.float32(np.nan), values)
    at = np.cumsum(out.pop("new").astype(np.int64)) - 1
    states = json.loads(raw[:length])
    for place, name in enumerate((*STATE, "poll")):
        out[name] = np.array([s[place] for s in states], dtype=np.int64 if name == "poll" else object)[at]
    return out
