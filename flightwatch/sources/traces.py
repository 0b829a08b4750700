"""readsb trace files: one aircraft's day as rows of numbers, alone, in folders, in daily tars.

A row is positional and has grown: 9 entries before 2022, 14 after, 15 in special builds. The details (callsign, squawk,
quality) are only on every fourth row and are carried forward within a leg. The content is gzip although the name says
`.json`. See readsb's README-json, "trace jsons".
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import msgspec
import pandas as pd

from flightwatch import geo
from flightwatch.errors import InputError
from flightwatch.records import Fetched, Poll
from flightwatch.sources import archive, inflate, rows, scanner
from flightwatch.sources import columns as col
from flightwatch.sources.archive import Member, Tally
from flightwatch.sources.quiet import quiet
from flightwatch.sources.rows import AnyTrace, Stack, decode

BATCH_MEMBERS = 64  # per piece: from 50 on a row costs the same; smaller pieces add pandas overhead (benchmarks/ingest)
BATCH_BYTES = 4 * 2**20  # gzipped, of one piece: about 150,000 rows, 60 MB while decoding
NAME = re.compile(r"trace_(?:full|recent)_(?P<hex>~?[0-9a-fA-F]{6})\.json(?:\.gz)?\Z")
ANY_JSON = re.compile(r"\.json(?:\.gz)?\Z")
MEMBERS = "flightwatch-members/1"
LISTED = b'{"format":"flightwatch-members/1"'  # how such a list begins
_TIMESTAMP = re.compile(rb'"timestamp"\s*:\s*([0-9]{9,10}(?:\.[0-9]+)?)')


@dataclass(frozen=True)
class Watch:
    """Which airframes of an archive are wanted. Any one condition is enough; a watch without conditions takes all.

    `circles` are (latitude, longitude, radius in NM): airframes with at least one position inside are kept whole.
    """

    types: frozenset[str] = frozenset()
    military: bool = False
    icao24: frozenset[str] = frozenset()
    circles: tuple[tuple[float, float, float], ...] = ()

    def by_address_only(self) -> bool:
        """Whether a member's name is enough to reject it unread."""
        return bool(self.icao24) and not (self.types or self.military or self.circles)

    def takes(self, trace: AnyTrace) -> bool:
        if not (self.types or self.military or self.icao24 or self.circles):
            return True
        if trace.icao.lower() in self.icao24 or (trace.t or "").upper() in self.types:
            return True
        if self.military and int(trace.dbFlags or 0) & 1:
            return True
        return bool(self.circles) and self._touches(trace)

    def _touches(self, trace: AnyTrace) -> bool:
        lat, lon = rows.positions(trace)
        return any(bool((geo.distance(lat, lon, a, b) <= radius).any()) for a, b, radius in self.circles)


@dataclass(frozen=True)
class Piece:
    """The unit of a backfill: some members of one archive, read and parsed by `load`, in any process.

    `name` is the same in every run over the same archive, so a finished piece can be skipped. `day` is the UTC day its
    rows begin on, by the first member's own timestamp; None if that could not be read.
    """

    name: str
    day: date | None
    source: str
    members: tuple[Member, ...]
    watch: Watch | None = None

    @property
    def size(self) -> int:
        """Bytes as stored in the archive."""
        return sum(m.size for m in self.members)

    def load(self) -> Fetched:
        """Never raises for the contents of the members: a broken one is counted and left out.

        The body is the list of the members that were read, each with its hash (`members_list`).
        """
        with quiet():
            observations, aircraft, rejected, taken, size = _load(self.members, self.source, self.watch)
        listed = members_list(self.name.partition("!")[0], taken) if taken else None
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
            sha256=hashlib.sha256(listed).hexdigest() if listed is not None else "",
            planned=False,
        )
        return Fetched(poll, observations, aircraft, rejected, listed)


def members_list(archive: str, taken: Sequence[tuple[str, int, str]]) -> bytes:
    """Which members of which archive the rows came from: name, bytes and SHA-256 of each as stored in the archive.

    An archive is published by others and not kept here. With this list anybody can fetch it and check what was read.

    >>> members_list("v2024.12.14-planes-readsb-prod-0", [("traces/9c/trace_full_152c9c.json", 3, "ab")])[:43]
    b'{"format":"flightwatch-members/1","archive"'
    """
    rows = [{"name": name, "bytes": size, "sha256": digest} for name, size, digest in taken]
    return msgspec.json.encode({"format": MEMBERS, "archive": archive, "members": rows})


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
    """The pieces of folders, trace files and tars, in order; those named in `done` are skipped.

    `watch` leaves unwanted airframes out: by the member's name if addresses are enough, or else once it is read.
    `tally` is filled with what the archives turned out to contain. Raises InputError for a path that does not exist, a
    file that is not a trace, and where an archive cannot be read any further, after yielding the pieces before it.
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
    """Members bundled by day, in order, including finished ones, so that the names stay the same from run to run."""
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
            size += len(member.data) if member.data is not None else 30_000  # for a file not read yet, the usual size
    except InputError:
        if held:
            yield from piece()
        raise
    if held:
        yield from piece()


def day_of(member: Member) -> date | None:
    """The UTC day of a trace's base time, from its first two kilobytes; None if it is not there.

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
        scanner.HEAD.decode(body)
    except rows.FAULTS as error:
        raise InputError(f"{path}: is not a readsb trace ({error})") from None


def read(data: bytes, *, source: str = "readsb", name: str = "trace") -> Fetched:
    """One trace body, plain or gzip. Raises InputError if it is not one."""
    member = Member(name, data=data)
    piece = Piece(name, day_of(member), source, (member,))
    fetched = piece.load()
    for reason in ("truncated member", "unreadable member"):
        if fetched.rejected[reason]:
            raise InputError(f"{name}: {reason.replace('member', 'trace')}")
    return fetched


def _load(
    members: Sequence[Member], source: str, watch: Watch | None = None
) -> tuple[pd.DataFrame, pd.DataFrame, Counter[str], list[tuple[str, int, str]], int]:
    rejected: Counter[str] = Counter()
    taken: list[tuple[str, int, str]] = []
    size = 0
    stack = Stack()
    for member in members:
        try:
            data = member.read()
        except InputError:
            rejected["unreadable member"] += 1
            continue
        size += len(data)
        trace = decode(data, rejected)
        if trace is None:
            continue
        if watch is None or watch.takes(trace):
            stack.add(trace, rejected)
            taken.append((member.name, len(data), hashlib.sha256(data).hexdigest()))
        else:
            rejected["not watched"] += rows.size(trace)
    observations, aircraft = stack.tables(source, rejected)
    return observations, aircraft, rejected, taken, size
