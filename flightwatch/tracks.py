"""A flight's track as one small value: thinned to what a map or a second look needs, delta-coded, deflated.

Format 1: `FWT1`, number of points (uint32 little-endian), then the deflated bytes of the columns below, each as
differences, its bytes grouped by significance (all low bytes, then all high bytes), which deflate compresses well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from flightwatch import compiled, geo, units
from flightwatch.deflate import LEVEL, zlib

MAGIC = b"FWT1"

# name, dtype on the wire, step. The steps are finer than the sources resolve (readsb traces: 25 ft, 0.1 kt, 1e-6°) or
# than a map shows (1e-5° is one metre).
_COLUMNS: tuple[tuple[str, str, float], ...] = (
    ("time", "<i8", 1.0),
    ("latitude", "<i4", 1e-5),
    ("longitude", "<i4", 1e-5),
    ("altitude", "<i2", 25.0),
    ("geoaltitude", "<i2", 25.0),
    ("groundspeed", "<i2", 0.5),
    ("track", "<i2", 0.1),
    ("vertical_rate", "<i2", 32.0),
    ("onground", "<i1", 1.0),
)
_MISSING = {"<i2": -32768}
ROW_BYTES = sum(np.dtype(dtype).itemsize for _, dtype, _ in _COLUMNS)

BUCKET_MS = 15_000  # at most one point per bucket: readsb traces have 4-20 s between points
STRAIGHT_MS = 60_000  # on a straight, level stretch, one point in this time
TURN_DEG = 3.0  # turns are visible on a map from about here
CLIMB_FPM = 400.0  # climbing or descending: keep each bucket, because ends are judged by the profile
HOLE_MS = 120_000  # both edges of a longer silence are kept


def thin(columns: Mapping[str, npt.NDArray[Any]], starts: npt.NDArray[np.int64] | None = None) -> Any:
    """Which rows to keep of consecutive flights (time ascending in each, `time` in ms), each beginning at one of
    `starts`; of one flight if none are given. The first and last row of each flight are always kept.

    Buckets are aligned to the clock, not to the first point, so a longer stretch keeps the points that a shorter one
    kept.
    """
    time, loops = columns["time"], compiled.loops()
    if len(time) <= 2:
        return np.arange(len(time))
    if loops is not None:
        begins = np.zeros(1, dtype=np.int64) if starts is None else starts
        told = tuple(compiled.shown(columns[name]) for name in ("time", "onground", "track", "vertical_rate"))
        out = np.empty(len(time), dtype=np.int64)
        return out[: loops.kept(told, begins, (BUCKET_MS, STRAIGHT_MS, HOLE_MS), TURN_DEG, CLIMB_FPM, out)]
    switch = columns["onground"][1:] != columns["onground"][:-1]
    break_ = np.diff(time) > HOLE_MS
    break_ |= switch
    edge = np.zeros(len(time), dtype=bool)
    edge[0] = edge[-1] = True
    edge[:-1] |= break_
    edge[1:] |= break_
    if starts is not None:
        edge[starts] = edge[starts - 1] = True
    some = np.flatnonzero(edge | _new(time // BUCKET_MS))
    course, rate = columns["track"][some], columns["vertical_rate"][some]
    turn, climb = np.zeros(len(some) - 1, dtype=bool), np.zeros(len(some), dtype=bool)
    with np.errstate(invalid="ignore"):  # some sources never give either of them
        if not np.isnan(np.fmax.reduce(course)):
            turn = geo.angle_difference(course[1:], course[:-1]) >= TURN_DEG
        if not np.isnan(np.fmax.reduce(rate)):
            climb = np.abs(rate) >= CLIMB_FPM
    keep = edge[some] | climb | _new(time[some] // STRAIGHT_MS)
    keep[1:] |= turn
    return some[keep]


def _new(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    out = np.ones(len(values), dtype=bool)
    np.not_equal(values[1:], values[:-1], out=out[1:])
    return out


def pack(columns: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """Packs the rows of one flight, as arrays with `time` in ms, into bytes; thins first. Rounds to the steps above."""
    return pack_all(columns, np.zeros(1, dtype=np.int64))[0]


def pack_all(columns: Mapping[str, npt.NDArray[Any]], starts: npt.NDArray[np.int64]) -> list[bytes]:
    """`pack` for many consecutive flights, each beginning at one of `starts`: as columns, so that a flight costs little
    more than deflating it."""
    if not len(columns["time"]):
        return [MAGIC + bytes(4) + zlib.compress(b"", LEVEL)]
    keep = thin(columns, starts)
    first = np.searchsorted(keep, starts)
    sizes = np.diff(first, append=len(keep)).tolist()
    bodies = _bodies(columns, keep, first)
    return [
        MAGIC + size.to_bytes(4, "little") + zlib.compress(body, LEVEL)
        for size, body in zip(sizes, bodies, strict=True)
    ]


def _bodies(columns: Mapping[str, npt.NDArray[Any]], keep: Any, first: Any) -> Iterator[Any]:
    """The bytes to deflate for each flight; among the rows `keep`, its own begin at one of `first`."""
    loops, bounds = compiled.loops(), [*first.tolist(), len(keep)]
    if loops is None:
        parts = [_moved(columns[name][keep], dtype, step, first) for name, dtype, step in _COLUMNS]
        for lo, hi in pairwise(bounds):
            yield b"".join([part[lo:hi].T.tobytes() for part in parts])
        return
    whole, before = np.empty(len(keep) * ROW_BYTES, dtype=np.uint8), 0
    for name, dtype, step in _COLUMNS:
        width = np.dtype(dtype).itemsize
        place = before, width, ROW_BYTES
        loops.planes(compiled.shown(columns[name]), keep, first, step, _MISSING.get(dtype, 0), place, whole)
        before += width
    for lo, hi in pairwise(bounds):
        yield whole[lo * ROW_BYTES : hi * ROW_BYTES]


def _moved(values: Any, dtype: str, step: float, first: Any) -> npt.NDArray[np.uint8]:
    """The differences of one column on the wire, one row of bytes each; at `first` they are taken from 0."""
    if step == 1.0:
        wire = values.astype(dtype)
    elif np.isnan(np.fmax.reduce(values)):  # never given
        wire = np.full(len(values), _MISSING.get(dtype, 0), dtype)
    else:
        scaled = values.astype("float64") / step
        missing = ~np.isfinite(scaled)
        wire = np.where(missing, _MISSING.get(dtype, 0), np.rint(np.where(missing, 0, scaled))).astype(dtype)
    moved = np.diff(wire, prepend=wire[:1])
    moved[first] = wire[first]
    bytes_: npt.NDArray[np.uint8] = moved.view(np.uint8).reshape(len(wire), -1)
    return bytes_


def encode(frame: pd.DataFrame) -> bytes:
    """Observation rows of one flight, in any order, as bytes.

    >>> frame = pd.DataFrame({"time": units.instants([1000, 2000]), "latitude": 55.0, "longitude": [37.0, 37.5]})
    >>> decode(encode(frame))["longitude"].tolist()
    [37.0, 37.5]
    """
    time = units.millis(frame["time"])
    order = np.argsort(time, kind="stable")
    columns = {"time": time[order]}
    for name, _, _ in _COLUMNS[1:]:
        if name in frame:
            values = frame[name].to_numpy()
        else:
            values = np.full(len(frame), False if name == "onground" else np.nan)
        columns[name] = values[order]
    return pack(columns)


def decode(data: bytes) -> pd.DataFrame:
    """The track as a frame: time, position, altitudes, groundspeed, track, vertical_rate, onground.

    Raises ValueError if the bytes are not in a known format.
    """
    columns = unpack(data)
    return pd.DataFrame({**columns, "time": units.instants(columns["time"])})


def unpack(data: bytes) -> dict[str, npt.NDArray[Any]]:
    """The columns of `decode` as arrays, `time` in ms: for many tracks at once, where frames would be too slow."""
    if data[:4] != MAGIC:
        raise ValueError(f"not a track of a known format: begins with {data[:4]!r}")
    count = int.from_bytes(data[4:8], "little")
    raw = np.frombuffer(zlib.decompress(data[8:]), dtype=np.uint8)
    out: dict[str, Any] = {}
    at = 0
    for name, dtype, step in _COLUMNS:
        size = count * np.dtype(dtype).itemsize
        wire = np.cumsum(_unshuffled(raw[at : at + size], dtype), dtype=dtype)
        at += size
        if name == "time":
            out[name] = wire
        elif name == "onground":
            out[name] = wire.astype(bool)
        else:
            values = wire * step
            out[name] = np.where(wire == _MISSING[dtype], np.nan, values) if dtype in _MISSING else np.round(values, 5)
    return out


def _unshuffled(raw: npt.NDArray[np.uint8], dtype: str) -> npt.NDArray[Any]:
    width = np.dtype(dtype).itemsize
    return np.ascontiguousarray(raw.reshape(width, -1).T).view(dtype).ravel()
