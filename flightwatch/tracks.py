"""A flight's track as one small value: thinned to what a map or a second look needs, delta-coded, deflated.

Format 1: `FWT1`, number of points (uint32 little-endian), then the deflated bytes of the columns below, each as
differences, its bytes grouped by significance (all low bytes, then all high bytes), which is what deflate likes.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from flightwatch import geo, units

MAGIC = b"FWT1"

# name, dtype on the wire, step. The steps are below what the sources resolve (readsb traces: 25 ft, 0.1 kt, 1e-6°)
# or below what a map shows (1e-5° is one metre).
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

BUCKET_MS = 15_000  # at most one point in so long: readsb traces have 4-20 s between points
STRAIGHT_MS = 60_000  # on a straight, level stretch one point in so long
TURN_DEG = 3.0  # a turn shows on a map from about here
CLIMB_FPM = 400.0  # climbing or descending: keep each bucket, the profile is what ends are judged by
HOLE_MS = 120_000  # both edges of a longer silence stay


def thin(columns: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.int64]:
    """Which rows of one flight (time ascending, `time` in ms) to keep; the first and last always.

    Buckets lie on the clock, not on the first point, so a longer stretch keeps the points a shorter one kept.
    """
    time = columns["time"]
    n = len(time)
    if n <= 2:
        return np.arange(n)
    hole = np.diff(time) > HOLE_MS
    switch = np.diff(columns["onground"].astype(np.int8)) != 0
    edge = np.zeros(n, dtype=bool)
    edge[0] = edge[-1] = True
    edge[:-1] |= hole | switch
    edge[1:] |= hole | switch
    bucket = time // BUCKET_MS
    some = np.flatnonzero(edge | np.concatenate([[True], bucket[1:] != bucket[:-1]]))
    with np.errstate(invalid="ignore"):
        turn = geo.angle_difference(columns["track"][some][1:], columns["track"][some][:-1]) >= TURN_DEG
        climb = np.abs(columns["vertical_rate"][some]) >= CLIMB_FPM
    minute = time[some] // STRAIGHT_MS
    keep = edge[some] | climb | np.concatenate([[True], minute[1:] != minute[:-1]])
    keep[1:] |= turn
    kept: npt.NDArray[np.int64] = some[keep]
    return kept


def pack(columns: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """Rows of one flight, as arrays with `time` in ms, to bytes; thins first. Rounds to the steps above."""
    keep = thin(columns)
    parts = []
    for name, dtype, step in _COLUMNS:
        values = columns[name][keep]
        if step == 1.0:
            wire = values.astype(dtype)
        else:
            scaled = values.astype("float64") / step
            missing = ~np.isfinite(scaled)
            wire = np.where(missing, _MISSING.get(dtype, 0), np.rint(np.where(missing, 0, scaled))).astype(dtype)
        parts.append(_shuffled(np.diff(wire, prepend=wire.dtype.type(0))))
    return MAGIC + len(keep).to_bytes(4, "little") + zlib.compress(b"".join(parts), 6)


def encode(frame: pd.DataFrame) -> bytes:
    """Observation rows of one flight, in any order, to bytes.

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
    """The track back as a frame: time, position, altitudes, groundspeed, track, vertical_rate, onground.

    Raises ValueError when the bytes are not of a format we know.
    """
    columns = unpack(data)
    return pd.DataFrame({**columns, "time": units.instants(columns["time"])})


def unpack(data: bytes) -> dict[str, npt.NDArray[Any]]:
    """The columns of `decode` as arrays, `time` in ms: for many tracks at once, where frames would be the cost."""
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


def _shuffled(values: npt.NDArray[Any]) -> bytes:
    return values.view(np.uint8).reshape(len(values), -1).T.tobytes()


def _unshuffled(raw: npt.NDArray[np.uint8], dtype: str) -> npt.NDArray[Any]:
    width = np.dtype(dtype).itemsize
    return np.ascontiguousarray(raw.reshape(width, -1).T).view(dtype).ravel()
