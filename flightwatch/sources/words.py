"""Which texts of a column are equal, given their places in a body: loops meant to be compiled by numba.

Without numba they run as Python, for tests only.
"""

from __future__ import annotations

from typing import Any

from flightwatch.compiled import jit
from flightwatch.sources.kernel import same

AT, SIZE, HEAD, TAIL = range(4)
"""What is stored about a text: where it begins, how long it is, the bytes at its ends. For a callsign, squawk,
registration or position type that is the whole text, so the body need not be read from memory again."""
EITHER = 7  # this many bytes of either end: 56 bits, which no shift makes negative
HEAD_FACTOR, TAIL_FACTOR = 0x4F1BBCDD, 0x5BD1E995  # odd and below 2^31, like the numbers they multiply: within 63 bits
PROBES = 256  # a limit, because texts made to collide would otherwise all be compared with each other


@jit
def known(b: Any, begin: int, end: int, texts: Any, n: int, r: int) -> None:
    """Stores what is needed of text number `n` of row `r`, while it is in the processor's cache."""
    head, tail = 0, 0
    for k in range(begin, min(begin + EITHER, end)):
        head = head << 8 | b[k]
    for k in range(max(end - EITHER, begin), end):
        tail = tail << 8 | b[k]
    texts[n, r, AT], texts[n, r, SIZE], texts[n, r, HEAD], texts[n, r, TAIL] = begin, end - begin, head, tail


@jit
def distinct(b: Any, texts: Any, codes: Any, spans: Any, slots: Any) -> int:
    """How many distinct texts a column has, given where they begin and end; -1 if too many collide.

    `codes` are set to the number of each row's text (-1: empty), `spans` to the distinct texts, in the same form.
    `slots` is the hash table: zeros, a power of two and more than there are rows. It is a loop of its own because
    inside `row` it would make that loop a third slower.
    """
    count, code = 0, -1
    for r in range(len(texts)):
        if texts[r, SIZE] == 0:
            code = -1
        elif code < 0 or not equal(b, spans, code, texts, r):
            code = looked_up(b, texts, r, count, spans, slots)
            if code < 0:
                return -1
            count = max(count, code + 1)
        codes[r] = code
    return count


@jit
def equal(b: Any, spans: Any, code: int, texts: Any, r: int) -> bool:
    """Whether it is that text; the body is read only if the text is longer than the stored bytes of both ends."""
    if spans[code, HEAD] != texts[r, HEAD] or spans[code, TAIL] != texts[r, TAIL]:
        return False
    size = texts[r, SIZE]
    if spans[code, SIZE] != size:
        return False
    return size <= 2 * EITHER or same(b, spans[code, AT], spans[code, AT] + size, texts[r, AT], texts[r, AT] + size)


@jit
def folded(word: int) -> int:
    """Folds 56 bits into 31."""
    return (word ^ word >> 25) & 0x7FFFFFFF


@jit
def looked_up(b: Any, texts: Any, r: int, count: int, spans: Any, slots: Any) -> int:
    """The number of a text, which is `count` if it is new."""
    place = (folded(texts[r, HEAD]) * HEAD_FACTOR ^ folded(texts[r, TAIL]) * TAIL_FACTOR) >> 20 ^ texts[r, SIZE]
    for _ in range(PROBES):
        place &= len(slots) - 1
        code = slots[place] - 1
        if code < 0:
            for part in range(4):
                spans[count, part] = texts[r, part]
            slots[place] = count + 1
            return count
        if equal(b, spans, code, texts, r):
            return int(code)
        place += 1
    return -1


@jit
def gather(b: Any, spans: Any, count: int, out: Any) -> int:
    """The texts one after the other, each followed by a line feed, which no text contains; returns the number of
    bytes."""
    at = 0
    for n in range(count):
        size = spans[n, SIZE]
        for k in range(size):
            if size > 2 * EITHER:
                out[at + k] = b[spans[n, AT] + k]
            elif k < EITHER:
                out[at + k] = spans[n, HEAD] >> 8 * (min(size, EITHER) - 1 - k) & 255
            else:
                out[at + k] = spans[n, TAIL] >> 8 * (size - 1 - k) & 255
        at += size
        out[at] = 10
        at += 1
    return at
