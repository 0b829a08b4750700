"""Recorded bodies and tables of positions: one `aircraft.json` or v2 answer per file, or lines of JSON, plain or gzip.

Lines may be whole bodies, or single aircraft objects with their own `now`, as readsb's `--net-json-port` writes them.
One tool in use writes its own dialect of the latter (`gscp` for the ground speed, the details nested under
`flightdict`); both are read. A file of lines is read in batches, so its size does not matter.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import IO, Any

import msgspec
import numpy as np

from flightwatch.errors import InputError, SourceError
from flightwatch.records import Fetched, Poll
from flightwatch.sources import columns as col
from flightwatch.sources import frames, inflate, positions, readsb
from flightwatch.units import instant

BATCH_LINES = 20_000  # per Fetched: about 50 MB while it is parsed
BATCH_BYTES = 16 * 2**20  # where lines are whole bodies
MAX_LINE = 64 * 2**20  # bytes; a line may be a whole body
MAX_FILE = 20 * 2**30  # bytes decoded, of one recording
_NAME = re.compile(r"\.(json|jsonl|ndjson|gz|csv|parquet|log)\Z")
_FAULTS = (msgspec.MsgspecError, ValueError, RecursionError)
NAN = float("nan")


class Nested(msgspec.Struct, gc=False):
    """The `flightdict` of the dialect: readsb's detail object."""

    type: str | None = None
    flight: str | None = None
    alt_geom: float | None = None
    baro_rate: float | None = None
    geom_rate: float | None = None
    squawk: str | None = None
    nic: float | None = None


class Line(readsb.Aircraft, gc=False):
    """One aircraft object on its own line."""

    now: float = NAN
    gscp: float = NAN
    flightdict: Nested | None = None


class LooseLine(readsb.Loose, gc=False):
    now: float | None = None
    gscp: float | None = None
    flightdict: Nested | None = None


class Peek(msgspec.Struct):
    """Enough of a line to distinguish a whole body from a single aircraft."""

    aircraft: msgspec.Raw = readsb._NOTHING
    ac: msgspec.Raw = readsb._NOTHING
    hex: msgspec.Raw = readsb._NOTHING
    now: msgspec.Raw = readsb._NOTHING


_LINE = msgspec.json.Decoder(Line)
_LOOSE = msgspec.json.Decoder(LooseLine)
_PEEK = msgspec.json.Decoder(Peek)
_FIELDS = Line.__struct_fields__
_GET = attrgetter(*_FIELDS)


def read(path: Path | str, *, source: str = "snapshots") -> Iterator[Fetched]:
    """The contents of a file, or of every file below a folder: one Fetched per body, or per batch of lines.

    The poll's `query` is the file's name and the batch's number, its `started` the first time in it: the same in every
    run. Raises InputError with the file's name if it is missing, cut short (after yielding what came before) or not
    such a recording.
    """
    for file, name in files(Path(path)):
        yield from one(file, name, source=source)


def files(path: Path) -> list[tuple[Path, str]]:
    """A file, or every recording below a folder in order of their names, each with the name used for it."""
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    if not path.is_dir():
        return [(path, path.name)]
    found = [p for p in sorted(path.rglob("*")) if p.is_file() and not p.is_symlink() and _NAME.search(p.name)]
    if not found:
        raise InputError(f"{path}: no recordings in this folder (files ending in .json, .jsonl, .csv, .parquet or .gz)")
    return [(p, p.relative_to(path).as_posix()) for p in found]


def one(path: Path, name: str, *, source: str = "snapshots") -> Iterator[Fetched]:
    """The contents of a single file; see `read`. A table of positions is read by `positions`."""
    try:
        with path.open("rb") as file:
            if not positions.is_table(_head(file)):
                file.seek(0)
                yield from _opened(file, path, name, source)
                return
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None
    yield from positions.read(path, name, source=source)


def _head(file: IO[bytes]) -> bytes:
    """The first bytes of the content, decompressed; empty if they cannot be read."""
    head = file.read(2**14)
    if not inflate.is_gzip(head):
        return head
    try:
        return next(inflate.chunks([head], ratio=2000), b"")
    except inflate.InflateError:
        return b""


def _opened(file: IO[bytes], path: Path, name: str, source: str) -> Iterator[Fetched]:
    lines = _lines(_blocks(file), path)
    first = next(lines, b"").lstrip(b"\xef\xbb\xbf")
    if first.lstrip()[:1] == b"<":
        raise InputError(f"{path}: is a web page (HTML), expected recorded JSON")
    if not first.strip():
        raise InputError(f"{path}: is empty")
    second = next(lines, None)
    alone = second is None and (b'"aircraft"' in first or b'"ac"' in first)
    left = lines if second is None else chain([second], lines)
    if alone or not _is_line(first):
        yield _body(_rest(first, left, path), name, source, path)
        return
    number, held, size, cut = 0, [first], len(first), None
    try:
        for line in left:
            held.append(line)
            size += len(line)
            if len(held) >= BATCH_LINES or size > BATCH_BYTES:
                yield from _batch(held, f"{name}#{number:05d}", source)
                number, held, size = number + 1, [], 0
    except InputError as error:  # yield what was whole, then report that the file is cut
        cut = error
    if held:
        yield from _batch(held, f"{name}#{number:05d}", source)
    if cut is not None:
        raise cut


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    """The decoded content in blocks; gzip is detected by content, whatever the name says."""
    head = file.read(2**18)
    parts = _parts(head, file)
    return inflate.chunks(parts, limit=MAX_FILE) if inflate.is_gzip(head) else parts


def _parts(head: bytes, file: IO[bytes]) -> Iterator[bytes]:
    while head:
        yield head
        head = file.read(2**18)


def _lines(blocks: Iterable[bytes], path: Path) -> Iterator[bytes]:
    rest: list[bytes] = []
    held = 0
    count = 0
    try:
        for block in blocks:
            if b"\n" not in block:
                rest.append(block)
                held += len(block)
                if held > MAX_LINE:
                    raise InputError(f"{path}: a line of more than {MAX_LINE:,} bytes")
                continue
            whole = (b"".join(rest) + block).split(b"\n") if rest else block.split(b"\n")
            rest, held = [whole[-1]], len(whole[-1])
            for line in whole[:-1]:
                if line.strip():
                    count += 1
                    yield line.strip()
    except inflate.InflateError as error:
        raise InputError(f"{path}: {error}, after {count:,} whole lines") from None
    last = b"".join(rest).strip()
    if last:
        yield last


def _is_line(first: bytes) -> bool:
    """Whether the first line is a whole JSON object that is an aircraft, or one of several bodies."""
    try:
        seen = _PEEK.decode(first)
    except _FAULTS:
        return False
    return any(bytes(value) for value in (seen.aircraft, seen.ac, seen.hex, seen.now))


def _rest(first: bytes, lines: Iterable[bytes], path: Path) -> bytes:
    parts, size = [first], len(first)
    for line in lines:
        size += len(line)
        if size > inflate.MAX_DECODED:
            raise InputError(f"{path}: one body of more than {inflate.MAX_DECODED:,} bytes")
        parts.append(line)
    return b"\n".join(parts)


def _body(body: bytes, name: str, source: str, path: Path) -> Fetched:
    try:
        found = readsb.parse(body, source=source)
    except SourceError as error:
        raise InputError(f"{path}: {error}") from None
    return _fetched(found, name, source, body)


def _fetched(found: readsb.Parsed, name: str, source: str, body: bytes) -> Fetched:
    kept = len(found.observations)
    when = found.now or _began(found)
    poll = Poll(
        source=source,
        query=name,
        started=when,
        finished=when,
        outcome="ok" if kept else "empty",
        kept=kept,
        rejected=dict(found.rejected),
        bytes=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
        planned=False,
    )
    return Fetched(poll, found.observations, found.aircraft, found.rejected)


def _began(found: readsb.Parsed) -> datetime:
    if not len(found.observations):
        return datetime(1970, 1, 1, tzinfo=UTC)
    first: datetime = found.observations["time"].min().to_pydatetime()
    return first


def _batch(lines: list[bytes], name: str, source: str) -> Iterator[Fetched]:
    """A batch of lines: single aircraft together as one Fetched, whole bodies each as its own."""
    rejected: Counter[str] = Counter()
    rows: list[Line] = []
    single: list[bytes] = []
    for number, line in enumerate(lines):
        if b'"aircraft"' not in line and b'"ac"' not in line:
            single.append(line)
            row = _line(line)
            if row is None:
                rejected["malformed row"] += 1
            else:
                rows.append(row)
            continue
        try:
            found = readsb.parse(line, source=source)
        except SourceError:
            rejected["malformed row"] += 1
            continue
        yield _fetched(found, f"{name}.{number}", source, line)
    if rows or rejected:
        yield _fetched(_rows(rows, rejected, source), name, source, b"\n".join(single))


def _line(line: bytes) -> Line | None:
    try:
        return _LINE.decode(line)
    except _FAULTS:
        pass
    try:
        loose = _LOOSE.decode(line)
    except _FAULTS:
        return None
    return Line(**{f: v for f in _FIELDS if (v := getattr(loose, f)) is not None})


def _rows(rows: list[Line], rejected: Counter[str], source: str) -> readsb.Parsed:
    if not rows:
        empty = frames.nothing()
        return readsb.Parsed(*empty, rejected, None)
    part: dict[str, Any] = dict(zip(_FIELDS, zip(*map(_GET, rows), strict=True), strict=True))
    now = np.array(part["now"], dtype=np.float64)
    now = np.where(now > readsb.MILLISECONDS_FROM, now / 1000, now)
    timed = (now >= col.EARLIEST_S) & (now <= col.LATEST_S)
    gone = [i for i in np.flatnonzero(~timed).tolist() if part["hex"][i]]  # without an address, refused for that
    speed = np.array(part["gs"], dtype=np.float64)
    part["gs"] = np.where(np.isnan(speed), np.array(part["gscp"], dtype=np.float64), speed)
    _unnest(part)
    if gone:
        rejected["impossible time"] += len(gone)
        left = np.setdiff1d(np.arange(len(rows)), gone)
        part = {k: [v[i] for i in left.tolist()] for k, v in part.items()}
        now = now[left]
    now = np.where((now >= col.EARLIEST_S) & (now <= col.LATEST_S), now, 0.0)
    observations, aircraft = frames.arrange(part, np.round(now * 1000), source, rejected)
    first = instant(round(now[now > 0].min() * 1000)) if (now > 0).any() else None
    return readsb.Parsed(observations, aircraft, rejected, first)


def _unnest(part: dict[str, Any]) -> None:
    """Copies the details of `flightdict` where the line itself has none; the line's own value wins."""
    nested = part["flightdict"]
    where = [i for i, d in enumerate(nested) if d is not None]
    if not where:
        return
    for field in ("type", "flight", "squawk", "alt_geom", "baro_rate", "geom_rate", "nic"):
        values = list(part[field])
        for i in where:
            own = values[i]
            if own == "" or col.absent(own):
                inner = getattr(nested[i], field)
                values[i] = own if inner is None else inner
        part[field] = values
