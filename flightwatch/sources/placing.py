"""Heatmap records put in the order of aircraft and time in one pass: loops made to be compiled by numba.

Files tell everybody slice by slice, so the records of an aircraft only have to be counted to know where each goes; what
was told last of its callsign and squawk is known on the way. Without numba the loops run as Python, for tests only.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from flightwatch.compiled import jit
from flightwatch.sources.sweep import ALTITUDE_FT, DEGREES, GROUND, NO_ALTITUDE, NO_SPEED, REMEMBERED_MS


@jit
def count(words: Any, numbers: Any, seen: Any, sizes: Any, found: int) -> int:
    """Numbers the addresses of these records (four int32 each) as they come, from 1, and counts the records of each;
    how many addresses there are."""
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
    """For each record of a file whose it is, and the row told last of that address, 0 for none; whether times rise.

    `told` are the times of `infos`, whose rows begin at `first`. `last` and `when` are the row told last of each number
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
    """Remembers what was told of an address; the next one to be told."""
    number = numbers[infos[j, 0] & 0xFFFFFF]
    last[number], when[number] = first + j, told[j]
    return j + 1


@jit
def arrange(whose: Any, sizes: Any, order: Any) -> None:
    """The records of a file by number: then each is put beside the one before it, and few pages are open at a time."""
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
    """Puts the records of one file into the columns `out`, each at the next place `to` of its number.

    Speeds are left in tenths of a knot.
    """
    address, stamp, lat, lon, altitude, speed, ground, kind, sign, squawk = out
    for k in range(len(words)):
        i = order[k]
        at = to[whose[i]]
        to[whose[i]] = at + 1
        address[at], kind[at] = words[i, 0] & 0xFFFFFF, (words[i, 0] >> 27) & 31
        stamp[at], lat[at], lon[at] = time[i], words[i, 1] * DEGREES, words[i, 2] * DEGREES
        height, tenths = np.int16(words[i, 3] & 0xFFFF), words[i, 3] >> 16
        altitude[at] = np.nan if height in (GROUND, NO_ALTITUDE) else height * ALTITUDE_FT
        speed[at] = np.nan if tenths == NO_SPEED else tenths
        ground[at] = height == GROUND
        sign[at], squawk[at] = codes[known[i], 0], codes[known[i], 1]
