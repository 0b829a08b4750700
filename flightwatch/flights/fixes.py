"""Observations as plain columns, ordered by airframe and time, each fix once, doubtful ones set aside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from flightwatch import motion, records

Columns = dict[str, npt.NDArray[Any]]

NUMBERS = ("latitude", "longitude", "altitude", "geoaltitude", "groundspeed", "track", "vertical_rate")
DROPPED = motion.TELEPORT | motion.CLUSTER | motion.STALE | motion.SCATTER | motion.CLOCK
RECOMPUTED = motion.TELEPORT | motion.STALE | motion.SCATTER | motion.DUPLICATE
"""These marks depend on neighbours in time. They are set again on all available rows, because a single poll has no
neighbours."""


@dataclass(frozen=True)
class Fixes:
    """The columns of all fixes, ordered by address, part (0 except for shared addresses) and time; ms, ft, kt, degrees.

    `row` points back to the observation. `doubted` are the positions set aside (address, part, time, suspect bits), for
    the marks of the leg they fall into.
    """

    columns: Columns
    doubted: Columns
    callsigns: list[str]
    sources: list[str]

    def __len__(self) -> int:
        return len(self.columns["address"])


def prepare(observations: pd.DataFrame) -> Fixes:
    """Turns observation rows in any order into ordered columns. An `icao24` text column may replace `address`."""
    frame = observations
    if "address" not in frame:
        frame = frame.assign(address=addresses(frame["icao24"]))
    frame = records.conform(frame, records.OBSERVATION)
    known = [np.isfinite(frame["latitude"].to_numpy()), np.isfinite(frame["longitude"].to_numpy())]
    if frame["time"].hasnans or not (known[0].all() and known[1].all()):
        frame = frame[frame["time"].notna().to_numpy() & known[0] & known[1]]
    columns: Columns = {name: frame[name].to_numpy() for name in (*NUMBERS, "address", "onground", "poll", "suspect")}
    columns["time"] = frame["time"].astype("int64").to_numpy()
    columns["row"] = frame.index.to_numpy()
    columns["mlat"] = (frame["position_type"] == "mlat").to_numpy()
    columns["callsign"], callsigns = _codes(frame["callsign"])
    columns["source"], sources = _codes(frame["source"])
    columns = _ordered(columns)
    bits, part = motion.doubts(columns)
    bits |= columns["suspect"] & ~np.uint8(RECOMPUTED)
    columns["bits"], columns["part"] = bits, part
    if part.any():
        columns = _taken(columns, np.lexsort((columns["time"], part, columns["address"])))
    dropped = (columns["bits"] & DROPPED) > 0
    doubted = {k: columns[k][dropped] for k in ("address", "part", "time", "bits")}
    if dropped.any():
        columns = _taken(columns, np.flatnonzero(~dropped))
    columns["altitude"] = np.where(np.isnan(columns["altitude"]), columns["geoaltitude"], columns["altitude"])
    return Fixes(columns, doubted, callsigns, sources)


def addresses(icao24: pd.Series) -> npt.NDArray[np.uint32]:
    codes, texts = pd.factorize(icao24.astype(object))
    numbers = np.array([int(str(t), 16) for t in texts], dtype=np.uint32)
    out: npt.NDArray[np.uint32] = numbers[codes]
    return out


def _codes(series: pd.Series) -> tuple[npt.NDArray[Any], list[str]]:
    """A category column as numbers in alphabetical order; "" is always present and is 0."""
    names = sorted({str(c) for c in series.cat.categories} | {""})
    where = {name: i for i, name in enumerate(names)}
    table = np.array([where[str(c)] for c in series.cat.categories] + [where[""]], dtype=np.int32)
    codes = series.cat.codes.to_numpy()
    if len(codes) and codes.min() >= 0:  # every row has a text
        if len(table) == 2:
            return np.broadcast_to(table[0], len(codes)), names  # one number for all rows, as in `motion`
        if (table[:-1] == np.arange(len(table) - 1)).all():
            return codes, names
    return table[codes], names


def _taken(columns: Columns, rows: npt.NDArray[np.int64]) -> Columns:
    return {name: values[rows] for name, values in columns.items()}


def _ordered(columns: Columns) -> Columns:
    """By address and time, one row each; which of several rows is kept does not depend on their order."""
    address, time = columns["address"], columns["time"]
    if len(address) < 2:
        return columns
    rising = (address[1:] > address[:-1]) | ((address[1:] == address[:-1]) & (time[1:] > time[:-1]))
    if rising.all():
        return columns
    columns = _taken(columns, np.lexsort((time, address)))
    address, time = columns["address"], columns["time"]
    twin = np.zeros(len(address), dtype=bool)
    twin[1:] = (address[1:] == address[:-1]) & (time[1:] == time[:-1])
    if not twin.any():
        return columns
    group = np.cumsum(~twin)
    member = twin.copy()
    member[:-1] |= twin[1:]
    rows = np.flatnonzero(member)
    keys = [np.nan_to_num(columns[k][rows].astype(float), nan=-1e9) for k in (*reversed(NUMBERS), "callsign")]
    order = rows[np.lexsort((*keys, columns["mlat"][rows], group[rows]))]
    best = order[np.concatenate([[True], group[order][1:] != group[order][:-1]])]
    keep = ~member
    keep[best] = True
    return _taken(columns, np.flatnonzero(keep))
