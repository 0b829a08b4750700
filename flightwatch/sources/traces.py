"""readsb trace files: one aircraft's day as rows of numbers, alone, in folders, in daily tars.

A row is positional and has grown: 9 entries before 2022, 14 after, 15 in special builds. The details (callsign,
squawk, quality) hang on every fourth row only and are carried forward within a leg. The content is gzip although the
name says `.json`. See readsb's README-json, "trace jsons".
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from flightwatch import geo
from flightwatch.errors import InputError
from flightwatch.records import AIRCRAFT, OBSERVATION, Fetched, Poll, empty
from flightwatch.sources import archive, inflate
from flightwatch.sources import columns as col
from flightwatch.sources.archive import Member, Tally

BATCH_MEMBERS = 100  # of one piece: 50 to 200 cost the same a row, fewer pay pandas per piece (benchmarks/ingest)
BATCH_BYTES = 16 * 2**20  # gzipped, of one piece: about 600,000 rows, 250 MB while decoding
CARRY_S = 1800.0  # s without a row after which the last callsign is no longer believed: time to land and start anew
NEW_LEG, GEOMETRIC_ALTITUDE = 2, 8  # bits of row[6] (README-json)
NAME = re.compile(r"trace_(?:full|recent)_(?P<hex>~?[0-9a-fA-F]{6})\.json(?:\.gz)?\Z")
ANY_JSON = re.compile(r"\.json(?:\.gz)?\Z")
_TIMESTAMP = re.compile(rb'"timestamp"\s*:\s*([0-9]{9,10}(?:\.[0-9]+)?)')


class Detail(msgspec.Struct, gc=False):
    flight: str | None = None
    squawk: str | None = None
    nic: float | None = None
    type: str | None = None


class Row(msgspec.Struct, array_like=True, gc=False):
    t: float
    lat: float
    lon: float
    alt: float | str | None = None
    gs: float | None = None
    track: float | None = None
    flags: float | None = 0.0
    rate: float | None = None
    detail: Detail | None = None
    type: str | None = None
    geom: float | None = None


class Trace(msgspec.Struct, gc=False):
    icao: str
    timestamp: float
    trace: list[Row]
    r: str | None = None
    t: str | None = None
    dbFlags: float | None = None
    ownOp: str | None = None


class RawTrace(msgspec.Struct):
    icao: str
    timestamp: float
    trace: list[msgspec.Raw]
    r: str | None = None
    t: str | None = None
    dbFlags: float | None = None
    ownOp: str | None = None


_TRACE = msgspec.json.Decoder(Trace)
_RAW = msgspec.json.Decoder(RawTrace)
_ROW = msgspec.json.Decoder(Row)
_GET = attrgetter(*Row.__struct_fields__)
_FAULTS = (msgspec.MsgspecError, ValueError, RecursionError)


@dataclass(frozen=True)
class Watch:
    """Which airframes of an archive are wanted; any one condition is enough, and a watch without any takes all.

    `circles` are (latitude, longitude, radius in NM): airframes with at least one position inside are kept whole.
    """

    types: frozenset[str] = frozenset()
    military: bool = False
    icao24: frozenset[str] = frozenset()
    circles: tuple[tuple[float, float, float], ...] = ()

    def by_address_only(self) -> bool:
        """Whether a member's name is enough to refuse it unread."""
        return bool(self.icao24) and not (self.types or self.military or self.circles)

    def takes(self, trace: Trace) -> bool:
        if not (self.types or self.military or self.icao24 or self.circles):
            return True
        if trace.icao.lower() in self.icao24 or (trace.t or "").upper() in self.types:
            return True
        if self.military and int(trace.dbFlags or 0) & 1:
            return True
        return bool(self.circles) and self._touches(trace)

    def _touches(self, trace: Trace) -> bool:
        lat = np.array([r.lat for r in trace.trace], dtype=np.float64)
        lon = np.array([r.lon for r in trace.trace], dtype=np.float64)
        return any(bool((geo.distance(lat, lon, a, b) <= radius).any()) for a, b, radius in self.circles)


@dataclass(frozen=True)
class Piece:
    """The unit of a backfill: some members of one archive, read and parsed by `load`, in any process.

    `name` is the same in every run over the same archive, so a finished piece can be skipped. `day` is the UTC day
    its rows begin on, by the first member's own timestamp; None when that could not be read.
    """

    name: str
    day: date | None
    source: str
    members: tuple[Member, ...]
    watch: Watch | None = None

    @property
    def size(self) -> int:
        """Bytes as they lie in the archive."""
        return sum(m.size for m in self.members)

    def load(self) -> Fetched:
        """Never raises for what is in the members: a broken one is counted and left out."""
        observations, aircraft, rejected, digest, size = _load(self.members, self.source, self.watch)
        start = datetime.combine(self.day, time(), UTC) if self.day else _first(observations)
        poll = Poll(
            source=self.source,
            query=self.name,
            started=start,
            finished=start + timedelta(days=1),
            outcome="ok" if len(observations) else "empty",
            kept=len(observations),
            rejected=dict(rejected),
            bytes=size,
            sha256=digest,
            planned=False,
        )
        return Fetched(poll, observations, aircraft, rejected)


def _first(observations: pd.DataFrame) -> datetime:
    if not len(observations):
        return datetime(1970, 1, 1, tzinfo=UTC)
    first: datetime = observations["time"].min().to_pydatetime()
    return first.replace(hour=0, minute=0, second=0, microsecond=0)


def pieces(
    paths: Sequence[Path | str],
    *,
    source: str = "readsb",
    done: Container[str] = (),
    watch: Watch | None = None,
    batch: int = BATCH_MEMBERS,
    tally: Tally | None = None,
) -> Iterator[Piece]:
    """The pieces of folders, trace files and tars, in order; those named in `done` are passed over.

    `watch` leaves unwanted airframes out: by the member's name where addresses decide, else once it is read. `tally` is
    filled with what the archives turned out to be. Raises InputError for a path that is not there, a file that is no
    trace, and where an archive cannot be read on: the pieces before it have been given.
    """
    tally = tally if tally is not None else Tally()
    for name, files in archive.groups([Path(p) for p in paths]):
        lone = files[0].is_file() and len(files) == 1
        before = tally.members
        found = archive.members(name, files, NAME, tally)
        if lone and not archive._looks_like_tar(files[0]):
            _check_trace(files[0])
        yield from batches(name, found, source=source, done=done, watch=watch, batch=batch)
        if tally.members == before:
            raise InputError(f"{files[0]}: holds no readsb traces (files named trace_full_<icao24>.json)")


def batches(
    name: str,
    members: Iterator[Member],
    *,
    source: str = "readsb",
    done: Container[str] = (),
    watch: Watch | None = None,
    batch: int = BATCH_MEMBERS,
) -> Iterator[Piece]:
    """Members bundled by day, in order, whatever is already done: so the names stay the same from run to run."""
    held: list[Member] = []
    named = watch.icao24 if watch is not None and watch.by_address_only() else None
    day: date | None = None
    size = 0

    def piece() -> Iterator[Piece]:
        label = f"{name}!{held[0].name}+{len(held) - 1}"
        if label not in done:
            yield Piece(label, day, source, tuple(held), watch)

    try:
        for member in members:
            hexed = NAME.search(member.name)
            if named is not None and hexed and hexed["hex"].lower() not in named:
                continue
            began = day_of(member)
            if held and (len(held) >= batch or size > BATCH_BYTES or began != day):
                yield from piece()
                held, size = [], 0
            day = began if not held else day
            held.append(member)
            size += len(member.data) if member.data is not None else 30_000  # of a file not read yet; the usual size
    except InputError:
        if held:
            yield from piece()
        raise
    if held:
        yield from piece()


def day_of(member: Member) -> date | None:
    """The UTC day of a trace's base time, from its first two kilobytes; None when it does not tell.

    The folder a file lies in may be wrong; its own timestamp is what its rows count from.
    """
    try:
        if member.data is not None:
            head = member.data[:2048]
        else:
            assert member.path is not None
            with member.path.open("rb") as file:
                head = file.read(2048)
        if inflate.is_gzip(head):
            head = next(inflate.chunks([head]), b"")
    except (OSError, inflate.InflateError):
        return None
    found = _TIMESTAMP.search(head)
    when = float(found[1]) if found else 0.0
    return datetime.fromtimestamp(when, UTC).date() if col.EARLIEST_S <= when <= col.LATEST_S else None


def _check_trace(path: Path) -> None:
    """A file named by hand must be a trace: one clear line if it is not."""
    try:
        body = inflate.whole(Member(path.name, path=path).read())
    except inflate.InflateError as error:
        raise InputError(f"{path}: {error}") from None
    if body.lstrip()[:1] == b"<":
        raise InputError(f"{path}: is a web page (HTML), expected a readsb trace in JSON")
    try:
        _RAW.decode(body)
    except _FAULTS as error:
        raise InputError(f"{path}: is not a readsb trace ({error})") from None


def read(data: bytes, *, source: str = "readsb", name: str = "trace") -> Fetched:
    """One trace body, plain or gzip. Raises InputError when it is none."""
    member = Member(name, data=data)
    piece = Piece(name, day_of(member), source, (member,))
    fetched = piece.load()
    for reason in ("truncated member", "unreadable member"):
        if fetched.rejected[reason]:
            raise InputError(f"{name}: {reason.replace('member', 'trace')}")
    return fetched


def _load(
    members: Sequence[Member], source: str, watch: Watch | None = None
) -> tuple[pd.DataFrame, pd.DataFrame, Counter[str], str, int]:
    rejected: Counter[str] = Counter()
    digest = hashlib.sha256()
    size = 0
    traces: list[Trace] = []
    for member in members:
        try:
            data = member.read()
        except InputError:
            rejected["unreadable member"] += 1
            continue
        digest.update(data)
        size += len(data)
        trace = decode(data, rejected)
        if trace is None:
            continue
        if watch is None or watch.takes(trace):
            traces.append(trace)
        else:
            rejected["not watched"] += len(trace.trace)
    observations, aircraft = tables(traces, source, rejected)
    return observations, aircraft, rejected, digest.hexdigest(), size


def decode(data: bytes, rejected: Counter[str]) -> Trace | None:
    """One member's trace; None, with the reason counted, when nothing of it can be used."""
    try:
        body = inflate.whole(data)
    except inflate.InflateError as error:
        rejected["truncated member" if "truncated" in str(error) else "unreadable member"] += 1
        return None
    try:
        trace = _TRACE.decode(body)
    except _FAULTS:
        try:
            raw = _RAW.decode(body)
        except _FAULTS:
            rejected["unreadable member"] += 1
            return None
        trace = Trace(raw.icao, raw.timestamp, _rows(raw.trace, rejected), raw.r, raw.t, raw.dbFlags, raw.ownOp)
    if not col.EARLIEST_S <= trace.timestamp <= col.LATEST_S:
        rejected["impossible time"] += len(trace.trace)
        return None
    return trace


def _rows(raw: list[Any], rejected: Counter[str]) -> list[Row]:
    out: list[Row] = []
    for row in raw:
        try:
            out.append(_ROW.decode(row))
        except _FAULTS:
            rejected["malformed row"] += 1
    return out


def tables(traces: Sequence[Trace], source: str, rejected: Counter[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """OBSERVATION and AIRCRAFT frames of many traces at once."""
    address, usable, foreign = col.addresses([t.icao for t in traces])
    for i in np.flatnonzero(~usable).tolist():
        rejected["non-ICAO address" if foreign[i] else "no address"] += len(traces[i].trace)
    traces = [t for t, good in zip(traces, usable, strict=True) if good]
    address = address[usable]
    if not traces:
        return empty(OBSERVATION), empty(AIRCRAFT)
    known = {
        "address": address,
        "flags": [t.dbFlags or 0 for t in traces],
        "registration": np.array([t.r or "" for t in traces], dtype=object),
        "typecode": np.array([t.t or "" for t in traces], dtype=object),
        "operator": np.array([t.ownOp or "" for t in traces], dtype=object),
    }
    counts = np.array([len(t.trace) for t in traces])
    if not counts.sum():
        return empty(OBSERVATION), col.aircraft(known, source)
    values = zip(*map(_GET, chain.from_iterable(t.trace for t in traces)), strict=True)
    part = dict(zip(Row.__struct_fields__, values, strict=True))
    base = np.repeat(np.array([t.timestamp for t in traces]), counts)
    member = np.repeat(np.arange(len(traces)), counts)
    observations = _arrange(part, base=base, member=member, address=address, source=source, rejected=rejected)
    return observations, col.aircraft(known, source)


def _arrange(
    part: dict[str, Any], *, base: col.Floats, member: Any, address: Any, source: str, rejected: Counter[str]
) -> pd.DataFrame:
    offset, lat, lon = (np.array(part[f], dtype=np.float64) for f in ("t", "lat", "lon"))
    raw = np.array([f or 0 for f in part["flags"]], dtype=np.float64)
    flags = np.where((raw >= 0) & (raw < 256), raw, 0).astype(np.int64)
    with np.errstate(invalid="ignore"):
        timed = (offset >= -86_400) & (offset <= 3 * 86_400)  # a trace holds a day, the live one 25 h
    none, bad = col.position_faults(lat, lon)
    keep = timed & ~none & ~bad
    for reason, mask in (
        ("no position", none),
        ("position out of range", bad),
        ("impossible time", ~timed & ~none & ~bad),
    ):
        if mask.any():
            rejected[reason] += int(mask.sum())
    fields = _altitudes(part, flags)
    fields["groundspeed"], fields["track"], fields["vertical_rate"] = (
        col.small(np.array(part[f], dtype=np.float64)) for f in ("gs", "track", "rate")
    )
    fields |= _carried(part["detail"], member, offset, (flags & NEW_LEG) != 0)
    fields["position_type"] = col.texts(np.array([t or "" for t in part["type"]], dtype=object), col.position_type)
    fields["address"] = address[member]
    fields["time"] = np.round((base + offset) * 1000).astype(np.int64) if timed.all() else _times(base, offset, timed)
    fields["latitude"], fields["longitude"] = lat, lon
    if not keep.all():
        fields = {name: values[keep] for name, values in fields.items()}
    return col.observations(fields, source)


def _times(base: col.Floats, offset: col.Floats, timed: col.Bools) -> Any:
    return np.round((base + np.where(timed, offset, 0)) * 1000).astype(np.int64)


def _altitudes(part: dict[str, Any], flags: Any) -> dict[str, Any]:
    """Barometric and geometric altitude and the ground flag; flag 8 says that row[3] is the geometric one."""
    said = part["alt"]
    text = np.fromiter((a.__class__ is str for a in said), dtype=bool, count=len(said))
    ground = text & np.fromiter((a == "ground" for a in said), dtype=bool, count=len(said))
    first = col.small(np.array([None if a.__class__ is str else a for a in said], dtype=np.float64))
    geom = col.small(np.array(part["geom"], dtype=np.float64))
    geometric = (flags & GEOMETRIC_ALTITUDE) != 0
    return {
        "altitude": np.where(geometric, np.float32(np.nan), first),
        "geoaltitude": np.where(geometric & np.isnan(geom), first, geom),
        "onground": ground,
    }


def _carried(details: Sequence[Detail | None], member: Any, offset: col.Floats, leg: col.Bools) -> dict[str, Any]:
    """Callsign, squawk and nic of every row: the last told within the same aircraft and leg.

    A leg ends at readsb's own mark, or at a silence long enough to land and start anew under another callsign.
    """
    count = len(details)
    fresh = np.ones(count, dtype=bool)
    fresh[1:] = (np.diff(member) != 0) | ~(np.diff(offset) < CARRY_S) | leg[1:]
    start = np.maximum.accumulate(np.where(fresh, np.arange(count), 0))
    where = [i for i, d in enumerate(details) if d is not None]
    told = [details[i] for i in where]
    out: dict[str, Any] = {}
    for name, key, clean in (("callsign", "flight", col.callsign), ("squawk", "squawk", col.squawk)):
        out[name] = _fill(where, [getattr(d, key) for d in told], start, count, clean)
    number = np.full(count + 1, -1, dtype=np.int8)
    places = np.array([i for i, d in zip(where, told, strict=True) if d.nic is not None], dtype=np.int64)  # type: ignore[union-attr]
    number[places] = col.nic(np.array([d.nic for d in told if d is not None and d.nic is not None], dtype=np.float64))
    out["nic"] = number[_last(places, start, count)]
    return out


def _last(places: Any, start: Any, count: int) -> Any:
    """For each row the last of `places` at or before it and within its leg; `count` (one past the end) where none."""
    seen = np.full(count, -1, dtype=np.int64)
    seen[places] = places
    np.maximum.accumulate(seen, out=seen)
    return np.where(seen >= start, seen, count)


def _fill(
    where: list[int], values: list[str | None], start: Any, count: int, clean: Callable[[str], str]
) -> pd.Categorical:
    places = np.array([i for i, v in zip(where, values, strict=True) if v is not None], dtype=np.int64)
    codes, distinct = pd.factorize(np.array([v for v in values if v is not None], dtype=object))
    of_row = np.zeros(count + 1, dtype=np.int64)  # 0 is the empty text
    of_row[places] = codes + 1
    return col.recode(of_row[_last(places, start, count)], ["", *map(clean, distinct)])
