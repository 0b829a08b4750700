"""Impossible crowds: many airframes within one kilometre and one minute, at quite different heights.

Spoofed GPS moves everyone who flies by to one airport (Beirut, Cairo, Moscow's Vnukovo).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from flightwatch import compiled

Mask = npt.NDArray[np.bool_]

AIRFRAMES = 5  # at least this many airframes
DEG = 0.01  # within about 1 km
MS = 60_000  # in the same minute: on a busy final or airway there are two at most
FLOOR_FT = 1000.0
FIRST_DEG = -200.0  # origin of the half cells, south or west of every position, so that none is negative
WIDE = 32  # half cells, 0.16°: aircraft on an airway cross such a square in a minute, and few share it with others
BLOCK = 1 << 14  # rows per pass, as in `motion`
SPREAD_FT = 4000.0  # and at quite different heights: gliders in one thermal are not spoofed


def find(columns: dict[str, Any]) -> Mask:
    """The rows in a crowd, for columns ordered by address and time (ms, degrees, ft).

    Four grids, each shifted by half a cell, so that a crowd on a cell's edge is found too.
    """
    out = np.zeros(len(columns["address"]), dtype=bool)
    loops = compiled.loops()
    high = _in_company(columns) if loops is None else _in_company_by(loops, columns)
    if len(high) < AIRFRAMES:
        return out
    minute = columns["time"][high] // MS
    minute -= minute.min()
    y, x = (_halves(columns[name][high]) for name in ("latitude", "longitude"))
    for dy, dx in ((0, 0), (1, 0), (0, 1), (1, 1)):
        cell = (minute << 16 | y + dy >> 1) << 16 | x + dx >> 1
        some = _perhaps_crowded(cell)
        rows = high[some]
        out[rows[_crowded(cell[some], columns["address"][rows], columns["altitude"][rows])]] = True
    return out


def _halves(degrees: Any) -> npt.NDArray[np.int32]:
    """Converts degrees to half cells from FIRST_DEG on."""
    found: npt.NDArray[np.int32] = ((degrees - FIRST_DEG) * (2 / DEG)).astype(np.int32)
    return found


def _in_company(columns: dict[str, Any]) -> npt.NDArray[np.int64]:
    """Rows high enough in wide squares that enough airframes crossed within the minute; these include all crowds.

    It counts stretches of rows of one airframe in one square, a third as many as rows. A cell in two squares belongs to
    the first; so a row in the first half cell of a square also counts for the square before it.
    """
    starts, squares = [], []
    first = columns["time"].min() // MS if len(columns["time"]) else 0
    for lo in range(0, len(columns["time"]), BLOCK):
        time, lat, lon, altitude, address = (
            columns[n][lo : lo + BLOCK] for n in ("time", "latitude", "longitude", "altitude", "address")
        )
        y, x = _halves(lat), _halves(lon)
        high = altitude > FLOOR_FT
        edges = (y & WIDE - 1 == 0).view(np.int8) * 2 + (x & WIDE - 1 == 0)
        square = time // MS - first << 28 | ((y // WIDE << 12 | x // WIDE) << 2 | edges)
        new = high.copy()
        new[1:] &= (square[1:] != square[:-1]) | (address[1:] != address[:-1]) | ~high[:-1]
        starts.append(np.flatnonzero(new) + lo)
        squares.append(square[starts[-1] - lo])
    begin, square = (np.concatenate([np.zeros(0, dtype=np.int64), *parts]) for parts in (starts, squares))
    lasting = np.diff(begin, append=len(columns["time"]))
    crowded = np.zeros(len(begin), dtype=bool)
    crowded[_shared(square)] = True
    rows = np.flatnonzero(np.repeat(crowded, lasting)) + (begin[0] if len(begin) else 0)
    found: npt.NDArray[np.int64] = rows[columns["altitude"][rows] > FLOOR_FT]
    return found


def _in_company_by(loops: Any, columns: dict[str, Any]) -> npt.NDArray[np.int64]:
    """The same by the compiled loop, in less than half the time; not the same rows, since its table is longer."""
    told = tuple(compiled.shown(columns[n]) for n in ("address", "time", "latitude", "longitude", "altitude"))
    rows = np.empty(len(columns["time"]), dtype=np.int64)
    grid = FIRST_DEG, 2 / DEG
    return rows[: loops.in_company(told, FLOOR_FT, MS, grid, WIDE.bit_length() - 1, AIRFRAMES, rows)]


def _shared(square: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Which stretches are in a square with enough others, their own square or one whose edge they touch."""
    own = np.arange(len(square))
    which, keys = [own], [square >> 2]
    for bits, back in ((1, 1), (2, 1 << 12), (3, 1 | 1 << 12)):
        at = own[square & bits == bits]
        which.append(at)
        keys.append((square[at] >> 2) - back)
    every = np.concatenate(which)
    return every[_perhaps_crowded(np.concatenate(keys))]


def _perhaps_crowded(cell: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Rows whose cell may hold enough others: counted by a hash, which is cheaper than sorting and never too low."""
    bits = max(len(cell).bit_length(), 10)
    place = (cell.view(np.uint64) * compiled.GOLDEN >> np.uint64(64 - bits)).view(np.int64)
    return np.flatnonzero((np.bincount(place) >= AIRFRAMES)[place])


def _crowded(cell: npt.NDArray[np.int64], address: Any, altitude: Any) -> npt.NDArray[np.int64]:
    """Rows in cells with enough airframes at sufficiently different heights; all cells at once, since a spoofed day has
    many."""
    if not len(cell):
        return np.zeros(0, dtype=np.int64)
    order = np.lexsort((address, cell))
    cell, address, altitude = cell[order], address[order], altitude[order]
    new = np.ones(len(cell), dtype=bool)
    new[1:] = cell[1:] != cell[:-1]
    other = new.copy()
    other[1:] |= address[1:] != address[:-1]
    starts = np.flatnonzero(new)
    spread = np.maximum.reduceat(altitude, starts) - np.minimum.reduceat(altitude, starts)
    crowd = (np.add.reduceat(other, starts, dtype=np.int64) >= AIRFRAMES) & (spread >= SPREAD_FT)
    rows: npt.NDArray[np.int64] = order[crowd[np.cumsum(new) - 1]]
    return rows
