"""Reads the rows of a trace straight from the text into columns: loops over bytes, meant to be compiled by numba.

It knows only the plain form that readsb writes. If the text is anything else (an escape, an exponent, a text where a
number belongs, an object in an object), it gives up with -1 and the general decoder reads the trace, so what is refused
and why never depends on this file. Without numba the same loops run as Python, for tests only.

Texts end in a zero byte, which never occurs in valid text, so every loop stops there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from flightwatch.compiled import PLACE, jit, leaf

QUOTE, COMMA, MINUS, DOT, ZERO, NINE, COLON = 34, 44, 45, 46, 48, 57, 58
OPEN, BACKSLASH, CLOSE, BEGIN, END = 91, 92, 93, 123, 125
F_, N_, T_, TILDE = 102, 110, 116, 126
DIGITS = 15  # this many are exact in a double, and so is ten to that power: one division then rounds correctly
POWERS = np.array([10.0**n for n in range(DIGITS + 1)])
NAN = float("nan")
UNKNOWN = 13  # of `columns.POSITION_TYPES`
ALT, GS, TRACK, FLAGS, RATE, GEOM, NIC = range(7)  # rows of `narrow`
PLACES = np.array([-1, -1, -1, ALT, GS, TRACK, FLAGS, RATE, -1, -1, GEOM])  # where a row's entries go in `narrow`


@leaf
def space(b: Any, i: int) -> int:
    while b[PLACE(i)] == 32 or b[PLACE(i)] == 10 or b[PLACE(i)] == 13 or b[PLACE(i)] == 9:
        i += 1
    return i


@leaf
def number(b: Any, i: int) -> tuple[float, int]:
    """A JSON number without exponent, and the place after it."""
    negative = b[PLACE(i)] == MINUS
    if negative:
        i += 1
    begin, whole, decimals = i, 0, 0
    while ZERO <= b[PLACE(i)] <= NINE:
        whole = whole * 10 + (b[PLACE(i)] - ZERO)
        i += 1
    digits = i - begin
    if digits == 0 or (digits > 1 and b[PLACE(begin)] == ZERO):
        return 0.0, -1
    if b[PLACE(i)] == DOT:
        begin = i + 1
        i = begin
        while ZERO <= b[PLACE(i)] <= NINE:
            whole = whole * 10 + (b[PLACE(i)] - ZERO)
            i += 1
        decimals = i - begin
        if decimals == 0:
            return 0.0, -1
    if digits + decimals > DIGITS or (negative and whole == 0):
        return 0.0, -1
    value = whole / POWERS[decimals]
    return (-value if negative else value), i


@leaf
def maybe(b: Any, i: int) -> tuple[float, int]:
    """A number, or null as NaN, and the place after it."""
    if b[i] == N_:
        return NAN, literal(b, i)
    return number(b, i)


@leaf
def string(b: Any, i: int) -> int:
    """Where the plain text whose opening quote is at `i` has its closing quote."""
    i += 1
    while b[PLACE(i)] != QUOTE:
        if b[PLACE(i)] < 32 or b[PLACE(i)] > TILDE or b[PLACE(i)] == BACKSLASH:
            return -1
        i += 1
    return i


@leaf
def literal(b: Any, i: int) -> int:
    """The place after null, true or false."""
    if b[i] == N_ and b[i + 1] == 117 and b[i + 2] == 108 and b[i + 3] == 108:
        return i + 4
    if b[i] == T_ and b[i + 1] == 114 and b[i + 2] == 117 and b[i + 3] == 101:
        return i + 4
    if b[i] == F_ and b[i + 1] == 97 and b[i + 2] == 108 and b[i + 3] == 115 and b[i + 4] == 101:
        return i + 5
    return -1


@leaf
def null(b: Any, i: int) -> int:
    return literal(b, i) if b[i] == N_ else -1


@jit
def scalar(b: Any, i: int) -> int:
    """The place after any text, number or literal."""
    c = b[i]
    if c == QUOTE:
        i = string(b, i)
        return i + 1 if i >= 0 else -1
    if c == MINUS or ZERO <= c <= NINE:
        return number(b, i)[1]
    return literal(b, i)


@jit
def value(b: Any, i: int) -> int:
    """The place after a scalar or a list of scalars."""
    if b[i] != OPEN:
        return scalar(b, i)
    i = space(b, i + 1)
    if b[i] == CLOSE:
        return i + 1
    while True:
        i = scalar(b, i)
        if i < 0:
            return -1
        i = space(b, i)
        if b[i] == CLOSE:
            return i + 1
        if b[i] != COMMA:
            return -1
        i = space(b, i + 1)


@jit
def text(b: Any, i: int) -> tuple[int, int, int]:
    """Where a text or null begins and ends (0, -1 for null), and the place after it."""
    if b[i] == QUOTE:
        end = string(b, i)
        return i + 1, end, end + 1 if end >= 0 else -1
    return 0, -1, null(b, i)


@jit
def is_flight(b: Any, i: int) -> bool:
    return bool(
        b[i] == F_ and b[i + 1] == 108 and b[i + 2] == 105 and b[i + 3] == 103 and b[i + 4] == 104 and b[i + 5] == T_
    )


@jit
def is_squawk(b: Any, i: int) -> bool:
    return bool(
        b[i] == 115 and b[i + 1] == 113 and b[i + 2] == 117 and b[i + 3] == 97 and b[i + 4] == 119 and b[i + 5] == 107
    )


@jit
def detail(b: Any, i: int) -> tuple[int, int, int, int, int, float]:
    """The place after a row's details, where its callsign and its squawk begin and end, and the nic."""
    flight, flight_end, squawk, squawk_end, nic = 0, -1, 0, -1, NAN
    i = space(b, i + 1)
    if b[i] == END:
        return i + 1, flight, flight_end, squawk, squawk_end, nic
    while b[i] == QUOTE:
        key, end = i + 1, string(b, i)
        if end < 0:
            break
        i = space(b, end + 1)
        if b[i] != COLON:
            break
        i = space(b, i + 1)
        if end - key == 6 and is_flight(b, key):
            flight, flight_end, i = text(b, i)
        elif end - key == 6 and is_squawk(b, key):
            squawk, squawk_end, i = text(b, i)
        elif end - key == 3 and b[key] == N_ and b[key + 1] == 105 and b[key + 2] == 99:
            nic, i = maybe(b, i)
        else:
            i = value(b, i)
        if i < 0:
            break
        i = space(b, i)
        if b[i] == END:
            return i + 1, flight, flight_end, squawk, squawk_end, nic
        if b[i] != COMMA:
            break
        i = space(b, i + 1)
    return -1, flight, flight_end, squawk, squawk_end, nic


@jit
def same(b: Any, first: int, last: int, begin: int, end: int) -> bool:
    """Whether two stretches of the text hold the same bytes."""
    if last - first != end - begin:
        return False
    while begin < end and b[first] == b[begin]:
        first, begin = first + 1, begin + 1
    return begin == end


@jit
def kind_of(b: Any, i: int, end: int, names: Any, ends: Any) -> int:
    """Which of the names (stored one after the other, with the end of each) the text is; -1 for none."""
    begin = 0
    for code in range(len(ends)):
        size = ends[code] - begin
        if size == end - i:
            k = 0
            while k < size and names[begin + k] == b[i + k]:
                k += 1
            if k == size:
                return code
        begin = ends[code]
    return -1


@jit
def noted(b: Any, begin: int, end: int, spans: Any, count: int) -> int:
    """The number of distinct texts after adding this one, which is nearly always the same as the one before."""
    if count and same(b, spans[count - 1, 0], spans[count - 1, 1], begin, end):
        return count
    if count == len(spans):
        return -1
    spans[count, 0], spans[count, 1] = begin, end
    return count + 1


@jit
def describe(
    b: Any, i: int, r: int, narrow: Any, codes: Any, signs: Any, squawks: Any, said: int, dialled: int
) -> tuple[int, int, int]:
    """Stores a row's details. Returns the place after them (or after null), and how many callsigns and squawks there
    are."""
    if b[i] != BEGIN:
        return null(b, i), said, dialled
    i, flight, flight_end, squawk, squawk_end, nic = detail(b, i)
    narrow[NIC, r] = nic
    if i >= 0 and flight_end >= 0:
        said = noted(b, flight, flight_end, signs, said)
        codes[2, r] = said - 1
    if i >= 0 and squawk_end >= 0:
        dialled = noted(b, squawk, squawk_end, squawks, dialled)
        codes[3, r] = dialled - 1
    return (-1 if said < 0 or dialled < 0 else i), said, dialled


@jit
def entry(b: Any, i: int, f: int, r: int, narrow: Any, codes: Any, names: Any, ends: Any) -> int:
    """The place after entry number `f` of a row, which is stored if it is one of ours."""
    if f > 10:
        return value(b, i)
    if f == 9:
        begin, end, i = text(b, i)
        if i >= 0 and end >= 0:
            codes[1, r] = kind_of(b, begin, end, names, ends)
        return i if codes[1, r] >= 0 else -1
    if f == 3 and b[i] == QUOTE:
        codes[0, r] = 1
        return i + 8 if is_ground(b, i + 1) else -1
    if f == 6 and b[i] == N_:  # flags are always present
        return -1
    narrow[PLACES[f], r], i = maybe(b, i)
    return i


@jit
def is_ground(b: Any, i: int) -> bool:
    return bool(
        b[i] == 103 and b[i + 1] == 114 and b[i + 2] == 111 and b[i + 3] == 117 and b[i + 4] == N_ and b[i + 5] == 100
        and b[i + 6] == QUOTE
    )  # fmt: skip


@jit
def begin_row(b: Any, i: int, r: int, wide: Any, narrow: Any, codes: Any) -> int:
    """The place after time, latitude and longitude, which every row has; the other values are reset to missing."""
    for place in range(7):
        narrow[place, r] = 0.0 if place == FLAGS else NAN
    codes[0, r], codes[1, r], codes[2, r], codes[3, r] = 0, UNKNOWN, -1, -1
    for f in range(3):
        wide[f, r], i = number(b, i)
        if i < 0:
            return -1
        i = space(b, i)
        if f < 2:
            if b[i] != COMMA:
                return -1
            i = space(b, i + 1)
    return i


@jit
def scan(
    b: Any, i: int, names: Any, ends: Any, wide: Any, narrow: Any, codes: Any, signs: Any, squawks: Any
) -> tuple[int, int, int, int]:
    """All rows of the list that opens at `i`: how many, where it closes, how many callsigns and squawks; -1 rows if the
    text is not plain. `codes` are, for each row, on the ground, kind, callsign and squawk (-1: missing)."""
    r, said, dialled = 0, 0, 0
    i = space(b, i + 1)
    while b[i] == OPEN and r < wide.shape[1]:
        i = begin_row(b, space(b, i + 1), r, wide, narrow, codes)
        f = 3
        while i >= 0 and b[i] == COMMA:
            i = space(b, i + 1)
            if f == 8:
                i, said, dialled = describe(b, i, r, narrow, codes, signs, squawks, said, dialled)
            else:
                i = entry(b, i, f, r, narrow, codes, names, ends)
            if i >= 0:
                i = space(b, i)
            f += 1
        if i < 0 or b[i] != CLOSE:
            break
        r += 1
        i = space(b, i + 1)
        if b[i] == CLOSE:
            return r, i, said, dialled
        if b[i] != COMMA:
            break
        i = space(b, i + 1)
    return -1, 0, 0, 0
