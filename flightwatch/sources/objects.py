"""Reads the aircraft objects of an answer straight from the text into columns: loops meant to be compiled by numba.

They know the form that readsb and its descendants write. If the text is anything else (a number we keep with an
exponent, a list where a text belongs, an escape in a key, objects three deep), they give up with -1 and the general
decoder reads the answer, so what is refused and why never depends on this file. Null means missing, as it does there.
Without numba the same loops run as Python, for tests only.

The text is UTF-8 and ends in a zero byte, which never occurs in valid text, so every loop stops there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from flightwatch.compiled import PLACE, jit, leaf
from flightwatch.sources.kernel import (
    BACKSLASH,
    BEGIN,
    CLOSE,
    COLON,
    COMMA,
    DIGITS,
    DOT,
    END,
    MINUS,
    N_,
    NAN,
    NINE,
    OPEN,
    QUOTE,
    TILDE,
    ZERO,
    literal,
    maybe,
    string,
)
from flightwatch.sources.words import HEAD, SIZE, TAIL, known

NUMBERS = (
    "seen_pos",
    "dbFlags",
    "alt_geom",
    "gs",
    "track",
    "calc_track",
    "baro_rate",
    "geom_rate",
    "lat",
    "lon",
    "nic",
)
TEXTS = ("type", "flight", "squawk", "r", "t", "ownOp")
ZEROS = 2  # this many of the numbers are 0 when missing, the others NaN
FIRST_TEXT = len(NUMBERS)
HEX, ALTITUDE, LAST = (FIRST_TEXT + len(TEXTS) + n for n in range(3))
KEYS = (*NUMBERS, *TEXTS, "hex", "alt_baro", "lastPosition")
LAST_KEYS = ("lat", "lon", "seen_pos", "nic")
ALT, LAST_LAT, LAST_NIC = len(NUMBERS), len(NUMBERS) + 1, len(NUMBERS) + 4  # rows of `numbers` after those with names
GROUND, ADDRESS = 0, 1  # rows of `codes`
NO_ADDRESS, FOREIGN = -1, -2  # instead of an address
ALL_TOLD = 7  # of `lastPosition`: latitude, longitude and time, one bit each

PLACES = 64  # hash slots: a key's length and its first and last letter decide
FACTOR = 15  # with this factor no two of our keys collide


def _place(key: str) -> int:
    return (FACTOR * ord(key[0]) + ord(key[-1]) + len(key)) % PLACES


BYTES = np.frombuffer("".join(KEYS).encode(), dtype=np.uint8)
ENDS = np.cumsum([len(key) for key in KEYS])
FIELDS = np.full(PLACES, -1)
for _field, _key in enumerate(KEYS):
    FIELDS[_place(_key)] = _field
OF_LAST = np.full(len(KEYS), -1)  # a field's place in `LAST_KEYS`
OF_LAST[[KEYS.index(key) for key in LAST_KEYS]] = np.arange(len(LAST_KEYS))
PLAIN_ESCAPES = np.zeros(256, dtype=np.bool_)
PLAIN_ESCAPES[list(b'"\\/bfnrt')] = True
NIBBLES = np.full(256, -1)
NIBBLES[list(b"0123456789abcdef")] = range(16)
NIBBLES[list(b"ABCDEF")] = range(10, 16)


@jit
def space(b: Any, i: int) -> int:
    while b[PLACE(i)] <= 32 and (b[PLACE(i)] == 32 or b[PLACE(i)] == 10 or b[PLACE(i)] == 13 or b[PLACE(i)] == 9):
        i += 1
    return i


@jit
def closing(b: Any, i: int) -> int:
    """Where the text whose opening quote is at `i` has its closing quote; escapes except `\\u` are skipped."""
    i += 1
    while b[PLACE(i)] != QUOTE:
        if b[PLACE(i)] < 32:
            return -1
        if b[PLACE(i)] == BACKSLASH:
            i += 1
            if not PLAIN_ESCAPES[b[PLACE(i)]]:
                return -1
        i += 1
    return i


@leaf
def beyond(b: Any, i: int) -> int:
    """The place after a number that is not needed."""
    if b[PLACE(i)] == MINUS:
        i += 1
    begin = i
    while ZERO <= b[PLACE(i)] <= NINE:
        i += 1
    digits = i - begin
    if digits == 0 or (digits > 1 and b[PLACE(begin)] == ZERO):
        return -1
    if b[PLACE(i)] == DOT:
        begin = i + 1
        i = begin
        while ZERO <= b[PLACE(i)] <= NINE:
            i += 1
        if i == begin:
            return -1
        digits += i - begin
    return i if digits <= DIGITS else -1


@jit
def opened(b: Any, i: int, close: int) -> tuple[int, bool]:
    """The place of the first entry of the list or object that opens at `i`; or, if it has none, the place after it and
    that fact."""
    i = space(b, i + 1)
    return (i + 1, False) if b[PLACE(i)] == close else (i, True)


@jit
def onward(b: Any, i: int, close: int) -> tuple[int, bool]:
    """After an entry: the place of the next one; or, if there is none, the place after the list or object and that
    fact."""
    i = space(b, i)
    if b[PLACE(i)] == COMMA:
        return space(b, i + 1), True
    return (i + 1 if b[PLACE(i)] == close else -1), False


@jit
def told(b: Any, i: int) -> tuple[float, int]:
    """`kernel.maybe`, instantiated once: it is long, and compiling it takes a second each time."""
    return maybe(b, i)


@jit
def scalar(b: Any, i: int) -> int:
    """The place after a text, number or literal."""
    if b[PLACE(i)] == QUOTE:
        end = closing(b, i)
        return end + 1 if end >= 0 else -1
    if b[PLACE(i)] == MINUS or ZERO <= b[PLACE(i)] <= NINE:
        return beyond(b, i)
    return literal(b, i)


@jit
def items(b: Any, i: int) -> int:
    """The place after a scalar or a list of them."""
    if b[i] != OPEN:
        return scalar(b, i)
    i, more = opened(b, i, CLOSE)
    while more:
        i = scalar(b, i)
        if i < 0:
            return -1
        i, more = onward(b, i, CLOSE)
    return i


@jit
def members(b: Any, i: int) -> int:
    """The place after an object of scalars and lists of them."""
    i, more = opened(b, i, END)
    while more:
        _, i = key(b, i)
        if i >= 0:
            i = items(b, i)
        if i < 0:
            return -1
        i, more = onward(b, i, END)
    return i


@leaf
def key(b: Any, i: int) -> tuple[int, int]:
    """Which of our fields the key whose quote is at `i` is (-1: none), and where its value begins."""
    if b[PLACE(i)] != QUOTE:
        return -1, -1
    begin = i + 1
    i = begin
    while b[PLACE(i)] != QUOTE:
        if b[PLACE(i)] < 32 or b[PLACE(i)] == BACKSLASH:
            return -1, -1
        i += 1
    field = -1
    if i > begin:
        field = FIELDS[(FACTOR * b[PLACE(begin)] + b[PLACE(i - 1)] + i - begin) & PLACES - 1]
    if field >= 0:
        first = ENDS[field - 1] if field else 0
        if not named(b, begin, i, first, ENDS[field]):
            field = -1
    i = space(b, i + 1)
    return field, space(b, i + 1) if b[i] == COLON else -1


@jit
def named(b: Any, begin: int, end: int, first: int, last: int) -> bool:
    """Whether the key is the one stored there in `BYTES`."""
    if last - first != end - begin:
        return False
    while begin < end and b[begin] == BYTES[first]:
        begin, first = begin + 1, first + 1
    return begin == end


@jit
def text(b: Any, i: int, n: int, r: int, texts: Any) -> int:
    """The place after text number `n` of row `r`, or after null; what is needed of the text is stored."""
    begin = end = i
    if b[i] == N_:
        i = literal(b, i)
    elif b[i] != QUOTE:
        return -1
    else:
        begin, end = i + 1, closing(b, i)
        i = end + 1 if end >= 0 else -1
    known(b, begin, end, texts, n, r)
    return i


@jit
def address(b: Any, i: int) -> tuple[int, int]:
    """The address in a `hex`, `NO_ADDRESS` or `FOREIGN`, and the place after it."""
    if b[i] != QUOTE:
        return NO_ADDRESS, literal(b, i) if b[i] == N_ else -1
    end = string(b, i)
    if end < 0:
        return NO_ADDRESS, -1
    if end - i - 1 != 6:
        return FOREIGN if b[i + 1] == TILDE else NO_ADDRESS, end + 1
    found = 0
    for k in range(i + 1, end):
        nibble = NIBBLES[b[k]]
        if nibble < 0:
            return NO_ADDRESS, end + 1
        found = found << 4 | nibble
    return found, end + 1


@jit
def altitude(b: Any, i: int, r: int, numbers: Any, codes: Any) -> int:
    """The place after `alt_baro`, which is a number or the word for being on the ground."""
    numbers[ALT, r] = NAN
    codes[GROUND, r] = 0
    if b[i] != QUOTE:
        numbers[ALT, r], i = told(b, i)
        return i
    end = string(b, i)
    if end - i - 1 == 6 and b[i + 1] == 103 and b[i + 2] == 114 and b[i + 3] == 111:
        codes[GROUND, r] = int(b[i + 4] == 117 and b[i + 5] == N_ and b[i + 6] == 100)
    return end + 1 if end >= 0 else -1


@jit
def last_position(b: Any, i: int, r: int, numbers: Any) -> int:
    """The place after `lastPosition` or null; if it lacks required fields, the general decoder has to report it."""
    for field in range(LAST_LAT, LAST_NIC + 1):
        numbers[field, r] = NAN
    if b[i] != BEGIN:
        return literal(b, i) if b[i] == N_ else -1
    seen = 0
    i, more = opened(b, i, END)
    while more:
        field, i = key(b, i)
        if i < 0:
            return -1
        place = OF_LAST[field] if field >= 0 else -1
        if place < 0:
            i = items(b, i)
        else:
            numbers[LAST_LAT + place, r], i = told(b, i) if b[i] != N_ else (NAN, -1)
            seen |= 1 << place
        if i < 0:
            return -1
        i, more = onward(b, i, END)
    return i if seen & ALL_TOLD == ALL_TOLD else -1


@jit
def blank(r: int, numbers: Any, codes: Any, texts: Any) -> None:
    """Resets the row to all missing."""
    for field in range(len(numbers)):
        numbers[field, r] = 0.0 if field < ZEROS else NAN
    for n in range(len(TEXTS)):
        texts[n, r, SIZE] = texts[n, r, HEAD] = texts[n, r, TAIL] = 0
    codes[GROUND, r], codes[ADDRESS, r] = 0, NO_ADDRESS


@jit
def row(b: Any, i: int, r: int, numbers: Any, codes: Any, texts: Any) -> int:
    """The place after the object that opens at `i`, which is stored as row `r`."""
    blank(r, numbers, codes, texts)
    i, more = opened(b, i, END)
    while more:
        field, i = key(b, i)
        if i < 0:
            return -1
        if field < 0:
            i = members(b, i) if b[i] == BEGIN else items(b, i)
        elif field < FIRST_TEXT:
            numbers[field, r], i = told(b, i)
            if field < ZEROS and np.isnan(numbers[field, r]):
                numbers[field, r] = 0.0
        elif field < HEX:
            i = text(b, i, field - FIRST_TEXT, r, texts)
        elif field == HEX:
            codes[ADDRESS, r], i = address(b, i)
        elif field == ALTITUDE:
            i = altitude(b, i, r, numbers, codes)
        else:
            i = last_position(b, i, r, numbers)
        if i < 0:
            return -1
        i, more = onward(b, i, END)
    return i


@jit
def scan(b: Any, i: int, numbers: Any, codes: Any, texts: Any) -> tuple[int, int]:
    """All objects of the list that opens at `i`: how many, and where it closes; -1 if the text is not plain.

    Each object gets a column in `numbers` (NUMBERS, the altitude, those of `lastPosition`) and `codes` (on the ground,
    address), and an entry in `texts` for each of TEXTS.
    """
    r = 0
    i, more = opened(b, i, CLOSE)
    while more:
        if b[i] != BEGIN or r == numbers.shape[1]:
            return -1, 0
        i = row(b, i, r, numbers, codes, texts)
        if i < 0:
            return -1, 0
        r += 1
        i, more = onward(b, i, CLOSE)
    return (r, i - 1) if i >= 0 else (-1, 0)
