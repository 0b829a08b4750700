"""Answers with thousands of aircraft, read by the compiled loops (`objects`) where numba is installed.

An answer they cannot read is left to the general decoder, so the result is the same with and without them; they take a
third of the time (benchmarks/ingest). Loading them once takes half a second and 130 MiB, which a daemon that watches a
region never spends.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from itertools import count
from types import ModuleType
from typing import Any

import msgspec
import numpy as np

from flightwatch.compiled import numba
from flightwatch.sources.columns import Coded
from flightwatch.sources.frames import LastPosition

LARGE = 4 * 2**20
"""Bytes of an answer from which the loops are used: 7,000 aircraft, half the world. They save 20 ms of such an answer,
so loading them pays off within half an hour of polls."""

PATIENCE = 1  # large answers read before they are loaded: a single one may be a file somebody looks at
ROW_BYTES = 30  # no aircraft with a position takes less; a text of nothing but brackets reserves no room
_LIST = re.compile(rb'"(?:aircraft|ac)"\s*:\s*\[')
_NAME = re.compile(rb'"(?:aircraft|ac)"')
_NTH = count(1)  # counts the large answers this process has seen
_FAULTS = (msgspec.MsgspecError, ValueError, RecursionError)


class Head(msgspec.Struct, gc=False):
    """Everything we take from an answer except its rows."""

    now: float = float("nan")


_HEAD = msgspec.json.Decoder(Head)
_TEXT = msgspec.json.Decoder(str)

Scanned = tuple[dict[str, Any], float, Counter[str]]
"""Columns as `frames.arrange` takes them, the answer's `now` as sent, and an empty count of refused rows."""


@cache
def _loops() -> tuple[ModuleType, ModuleType, bool]:
    """The loops over the objects, those over their texts, and whether they are compiled."""
    from flightwatch.sources import objects, words

    return objects, words, numba() is not None


def scan(body: bytes, most: int) -> Scanned | None:
    """A large answer of at most this many aircraft; None if the general decoder has to read it, or nothing is compiled
    (yet)."""
    if len(body) < LARGE or next(_NTH) <= PATIENCE or not _loops()[2]:
        return None
    return read(body, np.frombuffer(body + b"\0", dtype=np.uint8), most)


def read(body: bytes, text: Any, most: int) -> Scanned | None:
    """The same for any size, with or without compilation; `text` is the body followed by a zero byte."""
    found = _LIST.search(body)
    if not found or not (body.isascii() or _utf8(body)) or b'"alt_baro"' not in body:
        return None  # without that key it may be from dump1090-mutability, which has other names
    loops, opened = _loops()[0], found.end() - 1
    room = min(most, len(body) // ROW_BYTES) + 1
    numbers, codes = np.empty((loops.LAST_NIC + 1, room)), np.empty((loops.ADDRESS + 1, room), dtype=np.int32)
    texts = np.empty((len(loops.TEXTS), room, 4), dtype=np.int64)
    rows, closed = loops.scan(text, opened, numbers, codes, texts)
    now = _now(body[: opened + 1], body[closed:]) if 0 < rows <= most else None
    if now is None:
        return None
    part = _columns(numbers[:, :rows], codes[:, :rows])
    for name, places in zip(loops.TEXTS, texts, strict=True):
        coded = _coded(text, places[:rows])
        if coded is None:
            return None
        part[name] = coded
    return part, now, Counter()


def _utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _now(head: bytes, tail: bytes) -> float | None:
    """`now` of the answer, from everything around its list; None if that may contain another list."""
    around = head + tail
    if len(_NAME.findall(around)) != 1 or b"\\" in around or head.count(b"{") != 1 or head.count(b"[") != 1:
        return None
    try:
        return _HEAD.decode(around).now
    except _FAULTS:
        return None


def _coded(text: Any, places: Any) -> Coded | None:
    """A column of texts, given by their places; None if the general decoder has to say what is wrong."""
    loops, rows = _loops()[1], len(places)
    codes, spans = np.empty(rows, dtype=np.int32), np.empty((rows, 4), dtype=np.int64)
    count = loops.distinct(text, places, codes, spans, np.zeros(2 << rows.bit_length(), dtype=np.int32))
    if count < 0:
        return None
    out = np.empty(int(spans[:count, loops.SIZE].sum()) + count, dtype=np.uint8)
    loops.gather(text, spans, count, out)
    told = out.tobytes().decode()
    names = told.split("\n")[:count]
    if "\\" in told:
        try:
            names = [_TEXT.decode(f'"{name}"') if "\\" in name else name for name in names]
        except _FAULTS:
            return None
    return Coded(codes, names)


def _columns(numbers: Any, codes: Any) -> dict[str, Any]:
    """The columns that hold numbers."""
    loops = _loops()[0]
    address = codes[loops.ADDRESS]
    return dict(zip(loops.NUMBERS, numbers, strict=False)) | {
        "hex": np.maximum(address, 0).astype(np.uint32),
        "usable": (address > 0) & (address < 0xFFFFFF),
        "foreign": address == loops.FOREIGN,
        "alt_baro": numbers[loops.ALT],
        "ground": codes[loops.GROUND].astype(bool),
        "lastPosition": _last_positions(numbers[loops.LAST_LAT : loops.LAST_NIC + 1]),
    }


def _last_positions(told: Any) -> list[LastPosition | None]:
    out: list[LastPosition | None] = [None] * told.shape[1]
    for i in np.flatnonzero(~np.isnan(told[0])).tolist():
        out[i] = LastPosition(*told[:, i].tolist())
    return out
