"""Puts heatmap records in the order of aircraft and time in one pass: loops meant to be compiled by numba.

Files list all aircraft slice by slice, so counting the records of each aircraft is enough to know where each record
goes; the latest callsign and squawk are picked up on the way. Without numba the loops run as Python, for tests only.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from flightwatch.compiled import PLACE, jit
from flightwatch.sources.sweep import (
    ALTITUDE_FT,
    DEGREES,
    GROUND,
    INFO,
    MAGIC,
    NO_ALTITUDE,
    NO_SPEED,
    NOT_ICAO,
    NOWHERE,
    POLE,
    REMEMBERED_MS,
    SPEED_KT,
    UNKNOWN,
)

EARLIEST, LATEST = -(2**63), 2**63 - 1  # of all possible times, until one has been seen


@jit
def apart(words: Any, part: tuple[int, int], out: Any) -> tuple[int, int, int, int, int, int]:
    """`sweep._apart` for the records of a file (four int32 each): writes positions with their times and callsigns with
    theirs into `out`; returns the first and last time of a slice, and how many positions, callsigns, foreign addresses
    and bad places there are."""
    fixes, when, infos, told = out
    first, last, now = LATEST, EARLIEST, EARLIEST
    found, said, foreign, bad = 0, 0, 0, 0
    for i in range(len(words)):
        number, lat, lon = words[i, 0], words[i, 1], words[i, 2]
        address = number & 0xFFFFFF
        if number == MAGIC:
            now = int(lat) << 32 | int(lon) & 0xFFFFFFFF
            first, last = min(first, now), max(last, now)
        elif first > last:  # the index of the slices
            continue
        elif number & NOT_ICAO:
            foreign += 1
        elif part[1] > 1 and address % part[1] != part[0]:
            continue
        elif lat > 0 and lat & INFO:
            copied(words, i, infos, said)
            told[said] = now
            said += 1
        elif 0 < address < 0xFFFFFF:
            near = -NOWHERE < lat < NOWHERE and -NOWHERE < lon < NOWHERE
            if near or not (-POLE < lat < POLE and -2 * POLE <= lon <= 2 * POLE):
                bad += 1
            else:
                copied(words, i, fixes, found)
                when[found] = now
                found += 1
    return first, last, found, said, foreign, bad


@jit
def copied(words: Any, i: int, out: Any, at: int) -> None:
    """Copies a record word by word, since a slice would create an array for each."""
    for k in range(4):
        out[at, k] = words[i, k]


@jit
def count(words: Any, numbers: Any, seen: Any, sizes: Any, found: int) -> int:
    """Numbers the addresses of these records (four int32 each) in order of appearance, from 1, and counts the records
    of each; returns how many addresses there are."""
    for i in range(len(words)):
        address = words[i, 0] & 0xFFFFFF
        if numbers[address] == 0:
            seen[found] = address
            found += 1
            numbers[address] = found
        sizes[numbers[address] - 1] += 1
    return found


@jit
def know(
    words: Any, time: Any, infos: Any, told: Any, first: int, numbers: Any, last: Any, when: Any, whose: Any, known: Any
) -> bool:
    """For each record of a file, whose it is, and the latest information row of that address, 0 for none; and whether
    times ascend.

    `told` are the times of `infos`, whose rows begin at `first`. `last` and `when` are the latest row of each number
    (0: of an address without positions), with its time.
    """
    j = 0
    for i in range(len(words)):
        now = time[i]
        if i > 0 and now < time[i - 1]:
            return False
        while j < len(told) and told[j] <= now:
            j = note(infos, told, first, j, numbers, last, when)
        number = numbers[words[i, 0] & 0xFFFFFF]
        whose[i] = number - 1
        known[i] = last[number] if now - when[number] <= REMEMBERED_MS else 0
    while j < len(told):
        j = note(infos, told, first, j, numbers, last, when)
    return True


@jit
def note(infos: Any, told: Any, first: int, j: int, numbers: Any, last: Any, when: Any) -> int:
    """Remembers the information about an address; returns the index of the next."""
    number = numbers[infos[j, 0] & 0xFFFFFF]
    last[number], when[number] = first + j, told[j]
    return j + 1


@jit
def arrange(whose: Any, sizes: Any, order: Any) -> None:
    """The records of a file by number: each is then written next to the one before it, and few pages are open at a
    time."""
    sizes[:] = 0
    for number in whose:
        sizes[number] += 1
    at = 0
    for number in range(len(sizes)):
        size = sizes[number]
        sizes[number] = at
        at += size
    for i in range(len(whose)):
        order[sizes[whose[i]]] = i
        sizes[whose[i]] += 1


@jit
def place(words: Any, time: Any, whose: Any, known: Any, codes: Any, order: Any, to: Any, out: Any) -> None:
    """Puts the records of one file into the columns `out`, each at the next place `to` of its number."""
    address, stamp, lat, lon, altitude, speed, ground, kind, sign, squawk = out
    nothing, step = np.float32(np.nan), np.float32(SPEED_KT)
    for k in range(len(words)):
        i = PLACE(order[k])
        number, said = PLACE(whose[i]), PLACE(known[i])
        at = PLACE(to[number])
        to[number] = at + PLACE(1)
        address[at], kind[at] = words[i, 0] & 0xFFFFFF, min((words[i, 0] >> 27) & 31, UNKNOWN)
        stamp[at], lat[at], lon[at] = time[i], words[i, 1] * DEGREES, words[i, 2] * DEGREES
        height, tenths = np.int16(words[i, 3] & 0xFFFF), words[i, 3] >> 16
        untold = (height == GROUND) | (height == NO_ALTITUDE)
        altitude[at] = nothing if untold else np.float32(height * ALTITUDE_FT)
        speed[at] = nothing if tenths == NO_SPEED else np.float32(tenths) * step
        ground[at] = height == GROUND
        sign[at], squawk[at] = codes[said, 0], codes[said, 1]
