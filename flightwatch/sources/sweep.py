"""From records of heatmaps to columns, by aircraft and time, with callsigns carried to the fixes after them.

There are two ways to the same columns: sorting arrays, or a compiled loop (`placing`) where numba is installed and
there are enough records; the loop takes a third of the time (benchmarks/ingest).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from flightwatch.compiled import loaded, numba, shown
from flightwatch.sources import columns as col

RECORD = np.dtype([("hex", "<i4"), ("lat", "<i4"), ("lon", "<i4"), ("alt", "<i2"), ("gs", "<i2")])
MAGIC = 0x0E7F7C9D  # `hex` of a slice's header record
NOT_ICAO = 1 << 24  # bit of `hex`: a non-ICAO address
INFO = 1 << 30  # bit of `lat`: the record holds callsign and squawk, no position
GROUND, NO_ALTITUDE, NO_SPEED = -123, -124, -1
ALTITUDE_FT, SPEED_KT, DEGREES = 25.0, 0.1, 1e-6
UNKNOWN = len(col.POSITION_TYPES) - 1  # numbers beyond it are unknown too
POLE, NOWHERE = 90_000_000, 10_000  # DEGREES; the limits of `columns.position_faults`, exactly
REMEMBERED_MS = 7_200_000  # a callsign received longer ago may no longer be the current one
PATIENCE = 2_000_000
"""Records sorted before the loop is loaded: sorting them takes as long as loading it."""

_seen = [0]  # records this process has sorted or placed


@dataclass(frozen=True)
class Slices:
    """One file's records of positions and of callsigns, unchanged, each with its time in ms since 1970."""

    rows: npt.NDArray[Any]
    time: npt.NDArray[np.int64]
    infos: npt.NDArray[Any]
    info_time: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Told:
    """The contents of the information records: callsign and squawk of each as codes into the texts, where code 0 is
    none, and a first row that holds nothing."""

    codes: npt.NDArray[np.int32]
    callsigns: list[str]
    squawks: list[str]


def apart(records: npt.NDArray[Any], part: tuple[int, int], rejected: Counter[str]) -> Slices:
    """The records of one file, with positions and callsigns separated. `part` (k, n) selects the addresses whose
    remainder by n is k; impossible positions are left out.

    Raises ValueError if no slice begins, or if the time of one is not of this century.
    """
    found, refused = _apart_by_loop(records, part) if loaded() else _apart(records, part)
    rejected.update({reason: number for reason, number in refused.items() if number})
    return found


def _apart(records: npt.NDArray[Any], part: tuple[int, int]) -> tuple[Slices, dict[str, int]]:
    headers = np.flatnonzero(records["hex"] == MAGIC)
    if not len(headers):
        raise ValueError("no slice in it")
    head = records[headers]
    slice_ms = (head["lat"].astype(np.int64) << 32) | head["lon"].view(np.uint32).astype(np.int64)
    _of_this_century(int(slice_ms.min()), int(slice_ms.max()))
    rows = records[headers[0] :]
    when = np.repeat(slice_ms, np.diff(np.append(headers, len(records))))
    hexes, lat = (np.ascontiguousarray(rows[name]) for name in ("hex", "lat"))
    address, data_row = hexes & 0xFFFFFF, hexes != MAGIC
    foreign = data_row & ((hexes & NOT_ICAO) != 0)
    mine = data_row & ~foreign
    if part[1] > 1:
        mine &= address % part[1] == part[0]
    info = mine & ((lat & INFO) != 0) & (lat > 0)
    fix = mine & ~info & (address != 0) & (address != 0xFFFFFF)
    at, told = np.flatnonzero(fix), np.flatnonzero(info)
    bad = _impossible(lat[at], rows["lon"][at])
    if len(bad):
        at = np.delete(at, bad)
    refused = {"non-ICAO address": int(foreign.sum()), "position out of range": len(bad)}
    return Slices(rows[at], when[at], rows[told], when[told]), refused


def _impossible(lat: npt.NDArray[np.int32], lon: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Which positions are impossible; usually none, which the extremes show."""
    bad = np.flatnonzero((lat < NOWHERE) & (lat > -NOWHERE))
    bad = bad[(lon[bad] < NOWHERE) & (lon[bad] > -NOWHERE)]
    if len(lat) and not (lat.min() > -POLE and lat.max() < POLE and lon.min() >= -2 * POLE and lon.max() <= 2 * POLE):
        beyond = (lat >= POLE) | (lat <= -POLE) | (lon > 2 * POLE) | (lon < -2 * POLE)
        bad = np.union1d(bad, np.flatnonzero(beyond))
    return bad


def _apart_by_loop(records: npt.NDArray[Any], part: tuple[int, int]) -> tuple[Slices, dict[str, int]]:
    """The same in one pass instead of thirty."""
    fixes, infos = (np.empty(len(records), dtype=RECORD) for _ in range(2))
    when, told = (np.empty(len(records), dtype=np.int64) for _ in range(2))
    out = _words(fixes), when, _words(infos), told
    first, last, *counts = _placing().apart(shown(_words(records)), part, out)
    if first > last:
        raise ValueError("no slice in it")
    _of_this_century(first, last)
    n, m, foreign, bad = counts
    refused = {"non-ICAO address": foreign, "position out of range": bad}
    return Slices(fixes[:n], when[:n], infos[:m].copy(), told[:m].copy()), refused


def _of_this_century(first: int, last: int) -> None:
    if not (first >= col.EARLIEST_S * 1000 and last <= col.LATEST_S * 1000):
        raise ValueError("its times are not of this century")


def columns(found: Sequence[Slices]) -> dict[str, Any]:
    """Columns of all positions, ordered by address and time; texts as pairs of codes and the texts they stand for."""
    told = told_in(np.concatenate([f.infos for f in found]))
    made = None
    _seen[0] += sum(len(f.rows) for f in found)
    if _seen[0] > PATIENCE and numba() is not None:
        made = placed(found, told)
    made = made or ordered(found, told)
    texts = {"callsign": told.callsigns, "squawk": told.squawks}
    return (
        made
        | {name: (made[name], names) for name, names in texts.items()}
        | {"position_type": (made["position_type"], col.POSITION_TYPES)}
    )


@cache
def _placing() -> ModuleType:
    from flightwatch.sources import placing

    return placing


def addresses(rows: npt.NDArray[Any]) -> npt.NDArray[np.uint32]:
    return (rows["hex"] & 0xFFFFFF).astype(np.uint32)


def told_in(infos: npt.NDArray[Any]) -> Told:
    """The eight bytes after `lat` (longitude, altitude and speed) are a callsign; the low half of `lat` is a squawk."""
    raw = np.ascontiguousarray(infos).view(np.uint8).reshape(-1, RECORD.itemsize)[:, 8:16]
    signs, sign = np.unique(np.ascontiguousarray(raw).view("S8").reshape(-1), return_inverse=True)
    squawks, squawk = np.unique(infos["lat"] & 0xFFFF, return_inverse=True)
    callsigns, sign = _sorted([col.callsign(text.decode("ascii", "replace")) for text in signs.tolist()], sign)
    dialled, squawk = _sorted([col.squawk(f"{number:04d}") if number else "" for number in squawks.tolist()], squawk)
    few = max(len(callsigns), len(dialled)) <= np.iinfo(np.int16).max
    codes = np.zeros((len(infos) + 1, 2), dtype=np.int16 if few else np.int32)
    codes[1:, 0], codes[1:, 1] = sign, squawk
    return Told(codes, callsigns, dialled)


def _sorted(texts: list[str], which: npt.NDArray[Any]) -> tuple[list[str], npt.NDArray[Any]]:
    """Distinct texts in alphabetical order, the empty one first, and the new index of each old one."""
    names = sorted({"", *texts})
    places = {name: i for i, name in enumerate(names)}
    return names, np.array([places[text] for text in texts], dtype=np.int32)[which]


def ordered(found: Sequence[Slices], told: Told) -> dict[str, Any]:
    """The columns by sorting, for times in any order."""
    rows, when = np.concatenate([f.rows for f in found]), np.concatenate([f.time for f in found])
    order = _by_aircraft(addresses(rows), when)
    rows, when = rows[order], when[order]  # whole records move at once; single columns would miss the cache again
    address, alt, speed = addresses(rows), rows["alt"], rows["gs"]
    altitude = alt * np.float32(ALTITUDE_FT)
    altitude[(alt == GROUND) | (alt == NO_ALTITUDE)] = np.nan
    groundspeed = speed * np.float32(SPEED_KT)
    groundspeed[speed == NO_SPEED] = np.nan
    known = told.codes[_last_told(found, address, when)]
    return {
        "address": address,
        "time": when,
        "latitude": rows["lat"] * DEGREES,
        "longitude": rows["lon"] * DEGREES,
        "altitude": altitude,
        "groundspeed": groundspeed,
        "onground": alt == GROUND,
        "position_type": np.minimum(rows["hex"].view(np.uint32) >> 27, UNKNOWN).astype(np.int8),
        "callsign": known[:, 0],
        "squawk": known[:, 1],
    }


def _by_aircraft(address: Any, when: Any) -> Any:
    """The order by aircraft, then time.

    Files are written in order of time, so a stable sort by aircraft is enough. Numbered in sixteen bits, they are
    sorted by counting, in a third of the time of any comparison sort.
    """
    if (np.diff(when) < 0).any():
        return np.lexsort((when, address))
    seen = np.zeros(1 << 24, dtype=bool)
    seen[address] = True
    numbers = np.flatnonzero(seen)
    if len(numbers) > 1 << 16:
        return np.argsort(address, kind="stable")
    rank = np.empty(1 << 24, dtype=np.uint16)
    rank[numbers] = np.arange(len(numbers), dtype=np.uint16)
    return np.argsort(rank[address], kind="stable")


def _last_told(found: Sequence[Slices], address: Any, when: Any) -> Any:
    """For every row, the row of `Told.codes` received last for the address, at or before it and not too long ago."""
    told_when = np.concatenate([f.info_time for f in found])
    told_address = addresses(np.concatenate([f.infos for f in found]))
    if not len(told_address):
        return np.zeros(len(address), dtype=np.int64)
    order = np.lexsort((told_when, told_address))
    told_address, told_when = told_address[order], told_when[order]
    start = min(int(told_when.min()), int(when.min()))
    row = (address.astype(np.int64) << 39) | (when - start)
    place = np.searchsorted(row, (told_address.astype(np.int64) << 39) | (told_when - start))
    last = np.zeros(len(row) + 1, dtype=np.int32)
    last[place] = np.arange(1, len(place) + 1)  # of several before one row the last counts
    last = np.maximum.accumulate(last[:-1])
    some = np.maximum(last - 1, 0)
    same = (last > 0) & (told_address[some] == address) & (when - told_when[some] <= REMEMBERED_MS)
    return np.where(same, order[some] + 1, 0)


def placed(found: Sequence[Slices], told: Told) -> dict[str, Any] | None:
    """The same columns by the loop, compiled or not; None if times do not ascend, or two files share an instant."""
    ends = [_ends(f) for f in found if len(f.time) or len(f.info_time)]
    if any(b <= a for (_, a), (b, _) in pairwise(ends)) or any((np.diff(f.info_time) < 0).any() for f in found):
        return None
    loop = _placing()
    total, most = sum(len(f.rows) for f in found), max(len(f.rows) for f in found)
    numbers, count = np.zeros(1 << 24, dtype=np.int32), 0
    seen, sizes = np.empty(total, dtype=np.int32), np.zeros(total, dtype=np.int32)
    for f in found:
        count = loop.count(_words(f.rows), numbers, seen, sizes, count)
    order = np.argsort(seen[:count])
    to = np.empty(count, dtype=np.int64)
    to[order] = np.cumsum(sizes[order]) - sizes[order]
    last, when = np.zeros(count + 1, dtype=np.int32), np.zeros(count + 1, dtype=np.int64)
    whose, known, places = (np.empty(most, dtype=np.int32) for _ in range(3))
    out: dict[str, Any] = {name: np.empty(total, dtype=kind) for name, kind in PLACED.items()}
    out |= {name: np.empty(total, dtype=told.codes.dtype) for name in ("callsign", "squawk")}
    first = 1
    for f in found:
        words, n = _words(f.rows), len(f.rows)
        mine = whose[:n], known[:n]
        if not loop.know(words, f.time, _words(f.infos), f.info_time, first, numbers, last, when, *mine):
            return None
        loop.arrange(whose[:n], sizes[:count], places[:n])
        loop.place(words, f.time, *mine, told.codes, places[:n], to, tuple(out.values()))
        first += len(f.infos)
    return out


def _ends(file: Slices) -> tuple[int, int]:
    """The first and the last time in a file, of positions or callsigns."""
    both = [times[[0, -1]] for times in (file.time, file.info_time) if len(times)]
    return min(int(first) for first, _ in both), max(int(last) for _, last in both)


PLACED = {
    "address": np.uint32,
    "time": np.int64,
    "latitude": np.float64,
    "longitude": np.float64,
    "altitude": np.float32,
    "groundspeed": np.float32,
    "onground": np.bool_,
    "position_type": np.int8,
}
"""The columns `placing.place` fills, in its order, before those of the codes."""


def _words(rows: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
    return np.ascontiguousarray(rows).view(np.int32).reshape(-1, 4)
