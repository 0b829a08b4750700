"""Entry check for observations: impossible rows are refused and counted, doubtful ones are marked and kept.

One odd row costs that row, never the batch. The order of the rows does not matter, and feeding a batch twice gives the
same result as once.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from flightwatch import crowds, motion, records, units

Mask = npt.NDArray[np.bool_]

EARLIEST_MS = 1_104_537_600_000  # 2005-01-01; nobody recorded ADS-B for the public before
FUTURE_MS = 120_000  # a row further ahead of the receiving clock than this has a wrong clock
LATE_MS = 3_600_000  # and a live row older than this is a replay or has a wrong clock
BOGUS_DEG = 0.01  # readsb bogus_lat_lon: nothing real is ever reported around 0/0
LOW_NIC = 5  # below this, GPS is jammed or the position is kilometres wide (nic 4 is 1.9 km; DO-260B table)

RANGES = {  # outside these, the value is unknown; the row is kept (ADS-B codes: Annex 10 vol. IV)
    "altitude": (-2000.0, 126_750.0),
    "geoaltitude": (-2500.0, 126_750.0),
    "groundspeed": (0.0, 2000.0),
    "vertical_rate": (-32_640.0, 32_640.0),
}

PRECEDENCE = ("adsb_icao", "adsb_icao_nt", "adsr_icao", "tisb_icao", "adsc", "unknown", "other", "mlat")
"""Of two fixes of one airframe at the same instant, the earlier in this list is kept (readsb's own order,
simplified)."""


def clean(observations: pd.DataFrame, *, received: datetime | None = None) -> tuple[pd.DataFrame, Counter[str]]:
    """The rows fit to be stored, with `suspect` set, ordered by address and time; and how many were refused, by reason.

    `received` is when a live answer arrived. None means history, where the record's clock is the only one. Values out
    of range are blanked and counted too, with "(value)" in their reason: those rows are kept.
    """
    refused: Counter[str] = Counter()
    frame = records.conform(observations, records.OBSERVATION)
    if not _right(frame, received):
        frame = _refuse(frame, _wrong(frame, received), refused)
    frame = _blanked(frame, refused)
    frame, doubled = _single(frame)
    if doubled:
        refused["same airframe and instant"] += doubled
    frame["suspect"] = _suspect(frame)
    return frame, refused


def heard(observations: pd.DataFrame) -> pd.DataFrame:
    """How many different airframes each source heard, by cell of two degrees and hour: the measure for coverage."""
    if observations.empty:
        return records.empty(records.HEARD)
    source = observations["source"].astype("category").cat
    names = source.categories.astype(str)
    place = np.argsort(np.argsort(names))[source.codes.to_numpy()]  # rank of each source in alphabetical order
    hour = units.millis(observations["time"]) // 3_600_000
    south = np.floor(observations["latitude"].to_numpy() / 2).astype(np.int64)
    west = np.floor(observations["longitude"].to_numpy() / 2).astype(np.int64)
    cell = ((south * 256 + west) << 20 | hour) * len(names) + place
    address = observations["address"].to_numpy()
    new = np.ones(len(cell), dtype=bool)  # rows of an airframe are adjacent, and most stay in the same cell
    new[1:] = (cell[1:] != cell[:-1]) | (address[1:] != address[:-1])
    cell, address = cell[new], address[new]
    order = np.lexsort((address, cell))
    cell, address = cell[order], address[order]
    first = np.ones(len(cell), dtype=bool)
    first[1:] = (cell[1:] != cell[:-1]) | (address[1:] != address[:-1])
    cell = cell[first]
    begin = np.flatnonzero(np.append(True, cell[1:] != cell[:-1]))
    cell, aircraft = cell[begin], np.diff(begin, append=len(cell))
    square, hour = cell // len(names) >> 20, cell // len(names) & 0xFFFFF
    west = (square + 128) % 256 - 128
    south = (square - west) // 256
    counts = {
        "cell": _objects(_cells()[south + 45, west + 90]),
        "hour": units.instants(hour * 3_600_000),
        "source": _objects(np.sort(names.to_numpy())[cell % len(names)]),
        "aircraft": aircraft,
    }
    return records.conform(pd.DataFrame(counts), records.HEARD)


@cache
def _cells() -> Any:
    """The names of all cells, 2 MB: each poll needs thousands of them."""
    return np.array([[f"{2 * s},{2 * w}" for w in range(-90, 91)] for s in range(-45, 46)], dtype=object)


def _objects(texts: Any) -> pd.Series:
    return pd.Series(texts, dtype=object)  # dtype given, or pandas 3 converts each column to Arrow and back


def _wrong(frame: pd.DataFrame, received: datetime | None) -> dict[str, Mask]:
    """Rows to refuse, by reason; a row is counted for the first reason that holds."""
    address = frame["address"].to_numpy()
    lat, lon = frame["latitude"].to_numpy(), frame["longitude"].to_numpy()
    known = frame["time"].notna().to_numpy()
    time = np.where(known, frame["time"].astype("int64").to_numpy(), 0)
    wrong = {
        "no ICAO address": (address == 0) | (address >= 0xFFFFFF),
        "no position": ~(np.isfinite(lat) & np.isfinite(lon)),
        "impossible position": ~((np.abs(lat) < 90) & (np.abs(lon) <= 180)) | _nowhere(lat, lon),
        "impossible time": ~known | (time < EARLIEST_MS),
    }
    if received is not None:
        now = units.millis(received)
        wrong["clock ahead of ours"] = time > now + FUTURE_MS
        wrong["too old for a live answer"] = time < now - LATE_MS
    return wrong


def _nowhere(lat: Any, lon: Any) -> Mask:
    """Positions that decoders output when they know none."""
    zero = np.abs(lon) < BOGUS_DEG
    nowhere: Mask = ((lat == 0) & (zero | (np.abs(lon) == 90))) | ((np.abs(lat) < BOGUS_DEG) & zero)
    return nowhere


def _right(frame: pd.DataFrame, received: datetime | None) -> bool:
    """Whether no row is to be refused: checks only the extremes of each column, since mostly none is."""
    if frame.empty:
        return True
    address, time = frame["address"].to_numpy(), frame["time"].astype("int64").to_numpy()
    lat, lon = frame["latitude"].to_numpy(), frame["longitude"].to_numpy()
    now = units.millis(received) if received is not None else None
    if not (
        address.min() > 0 and address.max() < 0xFFFFFF
        and lat.min() > -90 and lat.max() < 90 and lon.min() >= -180 and lon.max() <= 180
        and time.min() >= (EARLIEST_MS if now is None else max(EARLIEST_MS, now - LATE_MS))
        and (now is None or time.max() <= now + FUTURE_MS)
    ):  # fmt: skip
        return False
    equator = np.flatnonzero(np.abs(lat) < BOGUS_DEG)
    return not _nowhere(lat[equator], lon[equator]).any()


def _refuse(frame: pd.DataFrame, wrong: dict[str, Mask], refused: Counter[str]) -> pd.DataFrame:
    bad = np.zeros(len(frame), dtype=bool)
    for reason, rows in wrong.items():
        new = rows & ~bad
        if new.any():
            refused[reason] += int(new.sum())
            bad |= new
    return frame[~bad].reset_index(drop=True) if bad.any() else frame


def _blanked(frame: pd.DataFrame, refused: Counter[str]) -> pd.DataFrame:
    """Impossible values become unknown, and the track is brought into [0, 360)."""
    for name, (low, high) in RANGES.items():
        values = frame[name].to_numpy()
        if _within(values, low, high):
            continue
        out = ~np.isnan(values) & ~((values >= low) & (values <= high))
        refused[f"{name} out of range (value)"] += int(out.sum())
        frame[name] = np.where(out, np.float32(np.nan), values)
    track = frame["track"].to_numpy()
    if not _within(track, 0.0, np.nextafter(np.float32(360), np.float32(0))):
        with np.errstate(invalid="ignore"):
            frame["track"] = np.where(np.isfinite(track), track % np.float32(360), np.float32(np.nan))
    return frame


def _within(values: Any, low: Any, high: Any) -> bool:
    """Whether all known values are in the range; two passes over the column, since most columns are fine."""
    return not len(values) or not (np.fmin.reduce(values) < low or np.fmax.reduce(values) > high)


def _single(frame: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Ordered by airframe and instant, one row for each: the better kind of position, or else the smaller row.

    "Smaller" has no meaning; it only makes the choice independent of the order of the rows.
    """
    address, time = frame["address"].to_numpy(), units.millis(frame["time"])
    if ((address[1:] > address[:-1]) | ((address[1:] == address[:-1]) & (time[1:] > time[:-1]))).all():
        return frame, 0
    kinds = frame["position_type"].cat.categories
    ranks = np.array([PRECEDENCE.index(k) if k in PRECEDENCE else len(PRECEDENCE) for k in kinds] + [len(PRECEDENCE)])
    rank = ranks[frame["position_type"].cat.codes.to_numpy()]
    order = np.lexsort((frame["longitude"], frame["latitude"], rank, time, address))
    address, time = address[order], time[order]
    first = np.ones(len(order), dtype=bool)
    first[1:] = (address[1:] != address[:-1]) | (time[1:] != time[:-1])
    return frame.iloc[order[first]].reset_index(drop=True), int(len(order) - first.sum())


def _suspect(frame: pd.DataFrame) -> npt.NDArray[np.uint8]:
    """The bits of `records.SUSPECT`, for rows ordered by airframe and time. Marks set earlier are kept."""
    columns: dict[str, Any] = {
        name: frame[name].to_numpy()
        for name in ("address", "latitude", "longitude", "altitude", "groundspeed", "onground")
    }
    columns["time"] = frame["time"].astype("int64").to_numpy()
    columns["mlat"] = (frame["position_type"] == "mlat").to_numpy()
    nic = frame["nic"].to_numpy()
    bits, _ = motion.doubts(columns)
    bits |= frame["suspect"].to_numpy()
    bits[crowds.find(columns)] |= motion.CLUSTER
    bits[(nic >= 0) & (nic < LOW_NIC)] |= motion.LOW_INTEGRITY
    return bits
