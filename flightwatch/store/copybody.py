"""Rows in PostgreSQL's binary COPY format, encoded column by column.

Every field is a length and its bytes, big-endian; NULL has length -1 and no bytes (PostgreSQL documentation, COPY,
"Binary Format"). Fixed-size fields come first, so the heads of all rows form one table. The others follow, each at
its row's offset. This takes a third of the time of packing row by row (benchmarks/store).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

HEAD = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
TAIL = b"\xff\xff"
NULL = -1  # the length of a field without a value
PART = 120 * 1024
"""Bytes encoded at a time. They stay in the nearer cache: ten times as much takes a third longer. psycopg would split
more than 128 KiB, and glibc would map fresh pages for each (a quarter longer)."""

TYPES = {"int2": ">i2", "int4": ">i4", "int8": ">i8", "float4": ">f4", "float8": ">f8", "bool": ">u1"}

Sizes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Coded:
    """A column of repeated texts: for each row the index of its text; -1 is the last."""

    codes: npt.NDArray[Any]
    texts: list[str]

    def __len__(self) -> int:
        return len(self.codes)


class Numbers:
    """A column of numbers of one type; NaN is NULL."""

    def __init__(self, kind: str, numbers: Any) -> None:
        self.dtype = np.dtype(TYPES[kind])
        self.numbers = np.asarray(numbers)
        self.width = 4 + self.dtype.itemsize
        self.sizes: Sizes | None = None
        gaps = np.isnan(self.numbers) if self.numbers.dtype.kind == "f" else np.zeros(0, dtype=bool)
        if gaps.any():
            self.sizes = np.where(gaps, 4, self.width)
            told = np.empty(len(gaps), [("length", ">i4"), ("number", self.dtype)])
            told["length"], told["number"] = np.where(gaps, NULL, self.dtype.itemsize), self.numbers
            self.told = told.view(f"V{self.width}")

    def begin(self, heads: npt.NDArray[np.uint8], at: int) -> None:
        """Use this offset in the heads of rows, and write what all rows share."""
        _column(heads, at, ">i4")[:] = self.dtype.itemsize
        self.place = _column(heads, at + 4, self.dtype)

    def fill(self, rows: slice) -> None:
        """Write these rows into the first heads."""
        self.place[: rows.stop - rows.start] = self.numbers[rows]

    def of(self, rows: slice) -> npt.NDArray[Any]:
        """The fields of these rows, all of the widest size."""
        return self.told[rows]


class Texts:
    """A column of texts: each distinct text is encoded once, then copied to its rows."""

    def __init__(self, column: Coded) -> None:
        length, padded = _padded(column.texts)
        self.codes = column.codes
        present = self.codes[:1]
        if (self.codes != present).any():
            present = np.flatnonzero(np.bincount(self.codes + 1, minlength=len(length) + 1)) - 1  # -1 is the last
        longest = int(length[present].max())
        self.width = 4 + longest
        table = np.concatenate([length.astype(">i4").view(np.uint8).reshape(-1, 4), padded[:, :longest]], axis=1)
        self.texts = _whole(table)
        self.sizes: Sizes | None = None
        if (length[present] != longest).any():
            self.sizes = (length + 4)[self.codes]
        self.only = self.texts[present[0]] if len(present) == 1 else None

    def begin(self, heads: npt.NDArray[np.uint8], at: int) -> None:
        """Use this offset in the heads of rows, and write what all rows share."""
        self.place = _column(heads, at, self.texts.dtype)
        if self.only is not None:
            self.place[:] = self.only

    def fill(self, rows: slice) -> None:
        """Write these rows into the first heads."""
        if self.only is None:
            self.place[: rows.stop - rows.start] = self.of(rows)

    def of(self, rows: slice) -> npt.NDArray[Any]:
        """The fields of these rows, all of the widest size."""
        found: npt.NDArray[Any] = self.texts[self.codes[rows]]
        return found


Fields = dict[str, Numbers | Texts]


def fields(columns: Mapping[str, tuple[str, Any]]) -> Fields:
    """The encoders of columns (PostgreSQL type and values), in the order of their fields in a row."""
    made: Fields = {n: Texts(v) if isinstance(v, Coded) else Numbers(kind, v) for n, (kind, v) in columns.items()}
    return dict(sorted(made.items(), key=lambda item: item[1].sizes is not None))


def parts(laid: Fields, count: int) -> Iterator[bytes | memoryview]:
    """The body of a COPY of `count` rows, in parts.

    >>> columns = {"t": ("text", Coded(np.array([0, 1]), ["ab", ""])), "n": ("int2", np.array([7, 8]))}
    >>> b"".join(parts(fields(columns), 2))[len(HEAD):]
    b'\\x00\\x02\\x00\\x00\\x00\\x02\\x00\\x07\\x00\\x00\\x00\\x02ab\\x00\\x02\\x00\\x00\\x00\\x02\\x00\\x08\\x00\\x00\\x00\\x00\\xff\\xff'
    """
    even, uneven = [[f for f in laid.values() if (f.sizes is not None) == kind] for kind in (False, True)]
    room = max(PART // (2 + sum(f.width for f in laid.values())), 1)
    heads = np.empty((min(room, count), 2 + sum(f.width for f in even)), dtype=np.uint8)
    heads[:, 0], heads[:, 1] = divmod(len(laid), 256)
    at = 2
    for field in even:
        field.begin(heads, at)
        at += field.width
    yield HEAD
    for low in range(0, count, room):
        rows = slice(low, min(low + room, count))
        for field in even:
            field.fill(rows)
        yield _joined(heads[: rows.stop - low], uneven, rows)
    yield TAIL


def _joined(heads: npt.NDArray[np.uint8], uneven: list[Numbers | Texts], rows: slice) -> memoryview:
    """The heads of these rows, each followed by its variable-size fields.

    Every field is written as wide as the widest of its column. The excess bytes are overwritten later: by later
    fields of the row, or by the next row's head, because heads are written last.
    """
    sizes = [field.sizes[rows] for field in uneven if field.sizes is not None]
    ends = np.cumsum(sum(sizes, np.full(len(heads), heads.shape[1])))
    starts = np.append(0, ends[:-1])
    out = np.empty(int(ends[-1]) + max((field.width for field in uneven), default=0), dtype=np.uint8)
    at = starts + heads.shape[1]
    for field, size in zip(uneven, sizes, strict=True):
        if field.width <= heads.shape[1]:
            _write(out, at, field.of(rows))
        else:  # wider than a head, so not all excess is overwritten: write exact widths
            for width in np.unique(size).tolist():
                same = size == width
                _write(out, at[same], _whole(_bytes(field.of(rows))[same, :width]))
        at = at + size
    _write(out, starts, _whole(heads))
    return out[: ends[-1]].data


def _write(out: npt.NDArray[np.uint8], at: npt.NDArray[Any], values: npt.NDArray[Any]) -> None:
    """Write each value into these bytes at its offset. Values must not overlap."""
    width = values.dtype.itemsize
    np.ndarray((len(out) - width + 1,), values.dtype, out.data, 0, (1,))[at] = values


def _whole(table: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
    """Each row as one value."""
    return np.ascontiguousarray(table).view(f"V{table.shape[1]}")[:, 0]


def _bytes(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Values as rows of bytes."""
    return np.ascontiguousarray(values).view(np.uint8).reshape(len(values), -1)


def _column(table: npt.NDArray[np.uint8], at: int, kind: Any) -> npt.NDArray[Any]:
    """The bytes at this offset of every row, viewed as values of this type. Writing through this view takes a fifth of
    the time of writing bytes."""
    return np.ndarray((len(table),), kind, table.data, at, table.strides[:1])


def _padded(texts: list[str]) -> tuple[npt.NDArray[Any], npt.NDArray[np.uint8]]:
    """The UTF-8 length of each text, and its bytes padded with zeros to the longest. All are encoded at once, joined
    by NUL, which no text contains (see `bulk.clean`): two thirds of the time of one by one.

    >>> [a.tolist() for a in _padded(["a", "", "é"])]
    [[1, 0, 2], [[97, 0], [0, 0], [195, 169]]]
    """
    every = np.frombuffer("\0".join([*texts, ""]).encode(), dtype=np.uint8)
    ends = np.flatnonzero(every == 0)
    assert len(ends) == len(texts)
    length = np.diff(ends, prepend=-1) - 1
    padded = np.zeros((len(texts), int(length.max())), dtype=np.uint8)
    padded[np.arange(padded.shape[1]) < length[:, None]] = every[every != 0]
    return length, padded
