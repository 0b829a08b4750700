"""Traces read by the compiled scanner (`kernel`), if numba is installed and there are enough of them.

A trace it cannot read is left to the general decoder, so the result is the same with and without it; it takes a third
of the time (benchmarks/ingest). Loading it costs about as much as reading a few hundred traces, so it is loaded after
that many.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from itertools import count
from types import ModuleType
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from flightwatch.compiled import numba
from flightwatch.sources import columns as col

PATIENCE = 256
"""Traces read before the scanner is loaded: they take about a second, as long as loading it."""

ROW_BYTES = 40  # no receiver's row is shorter; a text of nothing but brackets reserves no room
_TRACE = re.compile(rb'"trace"\s*:\s*\[')
_NAMES = np.frombuffer("".join(col.POSITION_TYPES).encode(), dtype=np.uint8)
_ENDS = np.cumsum([len(name) for name in col.POSITION_TYPES])
_NTH = count(1)  # counts the traces this process has seen


class Head(msgspec.Struct, gc=False):
    """Everything about a trace, with its rows as text."""

    icao: str
    timestamp: float
    trace: list[msgspec.Raw]
    r: str | None = None
    t: str | None = None
    dbFlags: float | None = None
    ownOp: str | None = None


HEAD = msgspec.json.Decoder(Head)


@dataclass(frozen=True)
class Scanned:
    """A trace whose rows are already columns: `wide` are time, latitude, longitude; `narrow` and `codes` are the other
    numbers, as `kernel.scan` leaves them; and the texts that the callsign and squawk codes stand for."""

    icao: str
    timestamp: float
    r: str | None
    t: str | None
    dbFlags: float | None
    ownOp: str | None
    wide: npt.NDArray[np.float64]
    narrow: npt.NDArray[np.float32]
    codes: npt.NDArray[np.int32]
    callsigns: list[str]
    squawks: list[str]

    def __len__(self) -> int:
        return int(self.wide.shape[1])


@cache
def _kernel() -> ModuleType:
    from flightwatch.sources import kernel

    return kernel


def scan(body: bytes) -> Scanned | None:
    """The trace; None if the general decoder has to read it, or nothing is compiled (yet)."""
    if next(_NTH) <= PATIENCE or numba() is None:
        return None
    return read(body, np.frombuffer(body + b"\0", dtype=np.uint8))


def read(body: bytes, text: Any) -> Scanned | None:
    """The same with or without compilation; `text` is the body followed by a zero byte, as the kernel needs it."""
    found = _TRACE.search(body)
    if not found:
        return None
    room = min(body.count(b"["), len(body) // ROW_BYTES) + 1
    wide, narrow = np.empty((3, room)), np.empty((7, room), dtype=np.float32)
    codes, signs, squawks = (np.empty(shape, dtype=np.int32) for shape in ((4, room), (room, 2), (room, 2)))
    opened = found.end() - 1
    rows, closed, said, dialled = _kernel().scan(text, opened, _NAMES, _ENDS, wide, narrow, codes, signs, squawks)
    if rows < 0:
        return None
    try:
        head = HEAD.decode(body[: opened + 1] + body[closed:])
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    if head.trace:  # the list found was another one, deeper in the text
        return None
    texts = ([body[a:b].decode() for a, b in spans.tolist()] for spans in (signs[:said], squawks[:dialled]))
    return Scanned(
        head.icao, head.timestamp, head.r, head.t, head.dbFlags, head.ownOp,
        wide[:, :rows].copy(), narrow[:, :rows].copy(), codes[:, :rows].copy(), *texts,
    )  # fmt: skip
