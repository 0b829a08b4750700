"""Loops over fixes ordered by airframe and time, made to be compiled.

What they are for, and the passes over columns they stand for, is said where they are called from.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from flightwatch import series
from flightwatch.compiled import GOLDEN, PLACE, jit, leaf

sine, cosine, half_arc = leaf(series.sine), leaf(series.cosine), leaf(series.half_arc)


@jit
def short_steps(lat: Any, lon: Any, radian: float, diameter: float, out: Any) -> None:
    """`geo._short_steps`, in miles by the earth's diameter in miles."""
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
    """`tracks.thin`: the rows into `out`, and how many. `columns` are time, onground, track and vertical_rate; `spans`
    bucket, straight and hole in ms."""
    time, ground, course, rate = columns
    bucket, straight, hole = spans
    half, whole = np.float32(180), np.float32(360)  # of single precision, as the courses are
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
                if not keep and abs(apart) >= turning / 2:  # a remainder is slow, and mostly it is clear without
                    keep = abs((apart + half) % whole - half) >= turning
                if keep:
                    out[found] = i
                    found += 1
                there, seen = long, i
            here = now
    return found


@leaf
def opened(time: int, begin: int, size: int) -> int:
    """When the bucket of a time begins, by that of the time before it: mostly the same or the next, and dividing is
    slow."""
    if begin <= time < begin + size:
        return begin
    if begin + size <= time < begin + 2 * size:
        return begin + size
    return time - time % size


@jit
def planes(values: Any, rows: Any, first: Any, step: float, lost: int, place: tuple[int, int, int], out: Any) -> None:
    """One column of `tracks._bodies`, of the legs that begin at `first` among `rows`; `place` is how many bytes a row
    has before this column, in it and in all."""
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
    """`motion._unlikely` into `held` and `far`, and how many of both. `columns` are address, time, latitude, longitude,
    groundspeed and onground."""
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
    """`crowds._in_company` into `rows`, and how many. `columns` are address, time, latitude, longitude and altitude;
    `span` ms to a minute, `grid` the degrees it begins at and half cells to a degree, two to the power of `wide` half
    cells to a square."""
    time, altitude = columns[1], columns[4]
    begin, square = np.empty(len(time), dtype=np.int64), np.empty(len(time), dtype=np.int64)
    count = stretches(columns, floor, span, grid, wide, begin, square)
    bits = 10
    while count >> bits - 1 > 0:  # a table twice as long as there are stretches
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
    """Whether enough were counted in a square, or in one before it whose edge this is."""
    if seen[slot(square, 0, shift)] >= enough:
        return True
    for side in range(1, 4 if square & 3 else 1):
        if square & side == side and seen[slot(square, side, shift)] >= enough:
            return True
    return False


@jit
def slot(square: int, side: int, shift: Any) -> Any:
    """The place in a table of a square, or of the one before it to the south (2), the west (1) or both (3)."""
    return (np.uint64((square >> 2) - (side & 1) - ((side >> 1) << 12)) * GOLDEN) >> shift


@jit
def stretches(columns: Any, floor: float, span: int, grid: Any, wide: int, begin: Any, square: Any) -> int:
    """Where rows begin that an airframe has above the floor in one square and minute, with the square and in its lowest
    bits whether it is at its southern (2) and western (1) edge; what is lost of the time in front is years."""
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
        begin[found], square[found] = i, key  # overwritten by the next row where none begins: no branch to guess
        found += (key != last) | (address[i] != address[i - 1])
        last = key
    return found
