"""Compiled loops over fixes sorted by airframe and time.

Their callers say what they are for, and which NumPy code they replace.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from flightwatch import series
from flightwatch.compiled import GOLDEN, PLACE, jit, leaf

sine, cosine, half_arc = leaf(series.sine), leaf(series.cosine), leaf(series.half_arc)


@jit
def short_steps(lat: Any, lon: Any, radian: float, diameter: float, out: Any) -> None:
    """`geo._short_steps`, in miles if the earth's diameter is in miles."""
    shrink = np.empty(len(lat))
    for i in range(len(lat)):
        shrink[i] = cosine(lat[i] * radian)
    for i in range(len(out)):
        north, east = (lat[i + 1] - lat[i]) * (radian / 2), (lon[i + 1] - lon[i]) * (radian / 2)
        near = (abs(north) < series.CLOSE) & (abs(east) < series.CLOSE)
        arc = half_arc(sine(north), sine(east), shrink[i] * shrink[i + 1])
        out[i] = diameter * arc if near else -1.0


@jit
def kept(columns: Any, starts: Any, spans: tuple[int, int, int], turning: float, climbing: float, out: Any) -> int:
    """`tracks.thin`: writes the rows into `out`, returns how many. `columns` are time, onground, track and
    vertical_rate; `spans` are bucket, straight and hole in ms."""
    time, ground, course, rate = columns
    bucket, straight, hole = spans
    half, whole = np.float32(180), np.float32(360)  # single precision, as the courses are
    seen: Any = PLACE(0)
    found = 0
    here, there = (time[0] // bucket - 1) * bucket, (time[0] // straight - 1) * straight
    for leg in range(len(starts)):
        end = PLACE(starts[leg + 1] if leg + 1 < len(starts) else len(time))
        before = True
        for i in range(PLACE(starts[leg]), end):
            j = i + PLACE(1)
            after = j == end or time[j] - time[i] > hole or ground[j] != ground[i]
            edge, before = before or after, after
            now = opened(time[i], here, bucket)
            if edge or now != here:
                long = opened(time[i], there, straight)
                keep = edge or long != there or abs(rate[i]) >= climbing
                apart = course[i] - course[seen]
                if not keep and abs(apart) >= turning / 2:  # a remainder is slow, and rarely needed
                    keep = abs((apart + half) % whole - half) >= turning
                if keep:
                    out[found] = i
                    found += 1
                there, seen = long, i
            here = now
    return found


@leaf
def opened(time: int, begin: int, size: int) -> int:
    """When the bucket of a time begins, given the previous time's: mostly the same or the next, and division is
    slow."""
    if begin <= time < begin + size:
        return begin
    if begin + size <= time < begin + 2 * size:
        return begin + size
    return time - time % size


@jit
def planes(values: Any, rows: Any, first: Any, step: float, lost: int, place: tuple[int, int, int], out: Any) -> None:
    """One column of `tracks._bodies`, for the legs that begin at `first` in `rows`; `place` is the bytes per row
    before this column, in it and in all."""
    before, width, every = place
    moved = np.empty(len(rows), dtype=np.int64)
    for leg in range(len(first)):
        lo, hi = first[leg], first[leg + 1] if leg + 1 < len(first) else len(rows)
        last = 0
        for j in range(lo, hi):
            scaled = values[PLACE(rows[j])] / step
            wire = int(np.rint(scaled)) if np.isfinite(scaled) else lost
            moved[j - lo] = wire - last
            last = wire
        size = hi - lo
        for byte in range(width):
            plane = out[lo * every + (before + byte) * size :][:size]
            for j in range(size):
                plane[j] = np.uint8(moved[j] >> (8 * byte))


@jit
def unlikely(columns: Any, slack: float, fastest: Any, flown: Any, moving: float, held: Any, far: Any) -> Any:
    """`motion._unlikely`: writes into `held` and `far`, returns how many of each. `columns` are address, time,
    latitude, longitude, groundspeed and onground."""
    address, time, lat, lon, speed, ground = columns
    n, m = 0, 0
    for i in range(1, len(time)):
        apart = abs(lat[i] - lat[i - 1]) + abs(lon[i] - lon[i - 1])
        if apart == 0:
            held[n] = i
            n += (address[i] == address[i - 1]) & (not ground[i]) & (not speed[i] <= moving)
        elif not apart <= slack:
            told = fastest if speed[i] > fastest else speed[i]
            far[m] = i
            m += (address[i] == address[i - 1]) & (not apart <= (time[i] - time[i - 1]) * (told * flown) + slack)
    return n, m


@jit
def in_company(columns: Any, floor: float, span: int, grid: Any, wide: int, enough: int, rows: Any) -> int:
    """`crowds._in_company`: writes into `rows`, returns how many. `columns` are address, time, latitude, longitude and
    altitude; `span` is a minute in ms; `grid` is its first degree and its half cells per degree; a square is 2^`wide`
    half cells wide."""
    time, altitude = columns[1], columns[4]
    begin, square = np.empty(len(time), dtype=np.int64), np.empty(len(time), dtype=np.int64)
    count = stretches(columns, floor, span, grid, wide, begin, square)
    bits = 10
    while count >> bits - 1 > 0:  # a table at least twice the number of stretches
        bits += 1
    seen, shift, found = np.zeros(1 << bits, dtype=np.uint8), np.uint64(64 - bits), 0
    for j in range(count):
        for side in range(4):
            if square[j] & side == side:
                at = slot(square[j], side, shift)
                seen[at] = min(seen[at] + 1, enough)
    for j in range(count):
        if shared(seen, square[j], shift, enough):
            for i in range(begin[j], begin[j + 1] if j + 1 < count else len(time)):
                if altitude[i] > floor:
                    rows[found] = i
                    found += 1
    return found


@jit
def shared(seen: Any, square: int, shift: Any, enough: int) -> bool:
    """Whether enough were counted in a square, or in a previous one whose edge this is."""
    if seen[slot(square, 0, shift)] >= enough:
        return True
    for side in range(1, 4 if square & 3 else 1):
        if square & side == side and seen[slot(square, side, shift)] >= enough:
            return True
    return False


@jit
def slot(square: int, side: int, shift: Any) -> Any:
    """The table index of a square, or of its neighbour to the south (2), west (1) or both (3)."""
    return (np.uint64((square >> 2) - (side & 1) - ((side >> 1) << 12)) * GOLDEN) >> shift


@jit
def stretches(columns: Any, floor: float, span: int, grid: Any, wide: int, begin: Any, square: Any) -> int:
    """Where an airframe's rows above the floor in one square and minute begin, with the square. The lowest bits of the
    square say if it is at its southern (2) and western (1) edge; the time's lost high bits are years."""
    address, time, lat, lon, altitude = columns
    first, scale = grid
    found, last, now, edge = 0, -1, 0, (1 << wide) - 1
    for i in range(len(time)):
        if not altitude[i] > floor:
            last = -1
            continue
        now = opened(time[i], now, span)
        y, x = int((lat[i] - first) * scale), int((lon[i] - first) * scale)
        here = (y >> wide) << 12 | (x >> wide)
        key = now << 28 | here << 2 | int(y & edge == 0) << 1 | int(x & edge == 0)
        begin[found], square[found] = i, key  # overwritten by the next row if none begins: no branch to predict
        found += (key != last) | (address[i] != address[i - 1])
        last = key
    return found
