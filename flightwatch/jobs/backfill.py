"""Loads history: pieces of archives and recordings to flights. It can be resumed, and running it twice changes nothing.

The unit of work is pure: it takes some pieces and the open legs before them, and returns flights and open legs. It runs
here, in a pool of processes, or wherever an executor runs it; only one process writes.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

from flightwatch import flights as rules
from flightwatch import ingest
from flightwatch.jobs.build import LONGEST_LEG, commit, compute, each, fixes_at, owners
from flightwatch.jobs.cluster import Cluster
from flightwatch.jobs.context import Context
from flightwatch.jobs.memory import keep_all
from flightwatch.records import OBSERVATION, Fetched, Poll, concat
from flightwatch.sources import flightlist
from flightwatch.sources.quiet import frozen, quiet
from flightwatch.sources.traces import LISTED
from flightwatch.units import icao24_text

CHUNK_BYTES = 4 * 2**20
"""Compressed bytes processed at once: about 150,000 rows, so that small days share one pass over pandas."""


AHEAD = 3
"""Chunks read ahead of the writer by processes here: two in progress and one waiting, so memory stays bounded."""

PENDING = 1 << 62
"""Poll ids from here on are positions of pieces in a chunk that is not stored yet."""


class Piece(Protocol):
    """What `sources.traces.pieces` yields: something with a name that loads itself, in any process."""

    @property
    def name(self) -> str: ...
    @property
    def day(self) -> date | None: ...
    @property
    def size(self) -> int: ...
    def load(self) -> Fetched: ...


@dataclass
class Report:
    """The result of a backfill. `rejected` counts refused records by reason."""

    pieces: int = 0
    skipped: int = 0
    kept: int = 0
    flights: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    day: date | None = None


@dataclass(frozen=True)
class Cleaned:
    """One piece after cleaning, ready to be stored; everything in it can be sent between processes."""

    poll: Poll
    observations: pd.DataFrame
    aircraft: pd.DataFrame
    heard: pd.DataFrame
    listed: bytes | None = None


def clean(pieces: Sequence[Piece]) -> list[Cleaned]:
    """The unit of work: load and clean pieces. Pure, except for reading the files that the pieces name."""
    with quiet():
        return [_clean(piece.load()) for piece in pieces]


def _clean(fetched: Fetched) -> Cleaned:
    observations, refused = ingest.clean(fetched.observations)
    rejected = Counter(fetched.rejected) + refused
    poll = replace(fetched.poll, kept=len(observations), rejected=dict(sorted(rejected.items())))
    listed = fetched.body if fetched.body is not None and fetched.body.startswith(LISTED) else None
    return Cleaned(poll, observations, fetched.aircraft, ingest.heard(observations), listed)


def chunks(pieces: Iterable[Piece]) -> Iterator[list[Piece]]:
    """Bundles pieces up to CHUNK_BYTES, in order."""
    held: list[Piece] = []
    for piece in pieces:
        if held and sum(p.size for p in held) + piece.size > CHUNK_BYTES:
            yield held
            held = []
        held.append(piece)
    if held:
        yield held


def backfill(
    ctx: Context,
    pieces: Iterable[Piece],
    *,
    done: Done | None = None,
    executor: Executor | None = None,
    progress: Callable[[Report], None] = lambda report: None,
) -> Report:
    """Turns every piece not stored yet into flights. Each chunk is one transaction, so a kill loses work at most, never
    rows."""
    report = Report()
    with frozen():
        _work(ctx, _cleaned(pieces, executor), report, done, progress)
    report.skipped = done.hits if done else 0
    return report


def _work(
    ctx: Context,
    chunks: Iterable[list[Cleaned]],
    report: Report,
    done: Done | None,
    progress: Callable[[Report], None],
) -> None:
    for cleaned in chunks:
        with quiet():
            report.flights += store(ctx, cleaned)
        report.pieces += len(cleaned)
        report.day = cleaned[-1].poll.started.date()
        for one in cleaned:
            report.kept += one.poll.kept
            report.rejected.update(one.poll.rejected)
        report.skipped = done.hits if done else 0
        progress(report)
        if ctx.stopping():
            break


def _cleaned(pieces: Iterable[Piece], executor: Executor | None) -> Iterator[list[Cleaned]]:
    """The chunks in order; with an executor, a few are processed ahead of the writer."""
    if executor is None:
        yield from map(clean, chunks(pieces))
        return
    ahead: list[Future[list[Cleaned]]] = []
    for chunk in chunks(pieces):
        ahead.append(executor.submit(clean, chunk))
        if len(ahead) > getattr(executor, "ahead", AHEAD):
            yield ahead.pop(0).result()
    for future in ahead:
        yield future.result()


def store(ctx: Context, cleaned: Sequence[Cleaned]) -> int:
    """Writes one chunk to the store: polls, what was heard, flights, and the open legs that the next chunk will need.

    Everything is computed first and written in one transaction. Until then, a piece's rows carry a placeholder for the
    poll id that the transaction gives them.
    """
    rows = concat([c.observations.assign(poll=PENDING + n) for n, c in enumerate(cleaned)], OBSERVATION)
    if rows.empty:
        _save_pieces(ctx, cleaned)
        return 0
    _save_aircraft(ctx, cleaned)  # first, because the type of a flight comes from them; a kill in between loses nothing
    whole = _with_neighbours(ctx, rows)
    if whole.empty:
        _save_pieces(ctx, cleaned)
        return 0
    start = whole.groupby("address")["time"].min()
    scope = pd.DataFrame({"icao24": [icao24_text(a) for a in start.index], "since": list(start)})
    built = compute(ctx, whole, scope, None)
    tail = rules.tail(whole, built.own)
    with ctx.store.transaction():
        ids = _save_pieces(ctx, cleaned)
        numbers = {PENDING + n: i for n, i in enumerate(ids)}
        flights = built.flights.assign(
            provenance=[[numbers.get(p, p) for p in given] for given in built.flights["provenance"]]
        )
        commit(ctx, replace(built, flights=flights))
        given = tail["poll"].to_numpy()
        own = given >= PENDING
        ctx.store.keep_tail(tail.assign(poll=np.where(own, np.array(ids)[np.where(own, given - PENDING, 0)], given)))
    return len(built.own)


def _with_neighbours(ctx: Context, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows together with the stored fixes of the same legs: those open when the rows begin, and those that continue
    when the rows end. History may be read in any order, and next to what was polled.

    A stored flight that began before the rows or continues after them, and whose fixes are no longer all available, is
    not built again: the rows inside it are left out.
    """
    own = rows.groupby("address")["time"].agg(["min", "max"])
    own.index = pd.Index([icao24_text(a) for a in own.index], dtype=object)
    icao24s = list(own.index)
    begin, end = own["min"].min() - LONGEST_LEG, own["max"].max()
    held = ctx.store.flights(
        icao24=icao24s,
        since=(begin - LONGEST_LEG).to_pydatetime(),
        until=end.to_pydatetime(),
        columns=["flight_id", "icao24", "firstseen", "lastseen"],
    )
    until = max([end, *held["lastseen"].nlargest(1)]) + pd.Timedelta(milliseconds=1)
    stored = ctx.store.observations(icao24s, since=begin.to_pydatetime(), until=until.to_pydatetime())
    if held.empty and stored.empty:
        return rows
    begun, ended = fixes_at(held, "firstseen", stored), fixes_at(held, "lastseen", stored)
    across = held["lastseen"] > each(own["max"], held["icao24"])
    cut = held[~begun & ~across & (held["lastseen"] >= begin)].groupby("icao24")["lastseen"].max()
    on = held[across & begun & ended].groupby("icao24")["lastseen"].max()
    fixed = held[across & ~(begun & ended)].groupby("icao24")["firstseen"].min()
    owner = owners(stored)
    before = (stored["time"] < each(own["min"], owner)) & ~(stored["time"] <= each(cut, owner))
    after = (stored["time"] > each(own["max"], owner)) & (stored["time"] <= each(on, owner))
    past = held[~begun & ~across & (held["firstseen"] < each(own["min"], held["icao24"]))]
    done = past.groupby("icao24")["lastseen"].max()
    owner = owners(rows)
    free = ~(rows["time"] >= each(fixed, owner)) & ~(rows["time"] <= each(done, owner))
    return concat([rows[free], stored[before | after]], OBSERVATION)


def _save_aircraft(ctx: Context, cleaned: Sequence[Cleaned]) -> None:
    with ctx.store.transaction():
        for started in sorted({c.poll.started for c in cleaned}):
            same = [c.aircraft for c in cleaned if c.poll.started == started and len(c.aircraft)]
            if same:
                ctx.store.save_aircraft(pd.concat(same, ignore_index=True), at=started)


def _save_pieces(ctx: Context, cleaned: Sequence[Cleaned]) -> list[int]:
    polls, known = [c.poll for c in cleaned], [c.aircraft for c in cleaned]
    return ctx.store.save_pieces(polls, known, [c.heard for c in cleaned], [c.listed for c in cleaned])


class Done:
    """The names of the stored pieces; counts how many of the pieces asked for are among them."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = frozenset(names)
        self.hits = 0

    def __contains__(self, name: object) -> bool:
        found = name in self.names
        self.hits += found
        return found


def done(ctx: Context, source: str) -> Done:
    """Which pieces of that source are stored already."""
    polls = ctx.store.polls(source=source)
    stored = ~polls["planned"].astype(bool) & polls["outcome"].isin(["ok", "empty"])
    return Done(polls.loc[stored, "query"])


@dataclass(frozen=True)
class Loaded:
    """A recording that has already been read, as a piece."""

    fetched: Fetched

    @property
    def name(self) -> str:
        return self.fetched.poll.query

    @property
    def day(self) -> date | None:
        return self.fetched.poll.started.date()

    @property
    def size(self) -> int:
        return 26 * len(self.fetched.observations)  # bytes per row in a gzipped trace (benchmarks/ingest)

    def load(self) -> Fetched:
        return self.fetched


@contextmanager
def pool(workers: int, scheduler: str = "", *, keep: bool = False) -> Iterator[Executor | None]:
    """Processes to read with; None (this process) for one worker, and by default on one core. With the address of a
    Dask scheduler (`tcp://host:8786`), its workers. `keep` is for large pieces: the processes keep freed memory."""
    if scheduler:
        with Cluster(scheduler) as cluster:
            yield cluster
        return
    count = workers or os.cpu_count() or 1
    if keep:
        keep_all()
    if count == 1:
        yield None
        return
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=spawn, initializer=keep_all if keep else None) as executor:
        yield executor


@dataclass
class Imported:
    """The result of importing a list of finished flights: new flights, flights already `known`, rows refused by reason.

    `unlisted` are the codes in it that belong to no airport we know; `open_ended` counts the flights kept without a
    known airport at one end, because of such a code or a missing one. Of the ends of kept flights, `empty_ends` had no
    code, and `unread_ends` one that does not look like a code and is not stored.
    """

    new: int = 0
    known: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    unlisted: set[str] = field(default_factory=set)
    open_ended: int = 0
    empty_ends: int = 0
    unread_ends: int = 0


def import_list(ctx: Context, path: Path) -> Imported:
    """Imports a list of finished flights into the store."""
    out = Imported()

    def airport(code: str) -> str | None:
        found = ctx.airports.find(code)
        if found is None:
            out.unlisted.add(code)
        return found.id if found else None

    for flights, refused in flightlist.batches(path, airport=airport):
        with ctx.store.transaction():
            added, there = ctx.store.upsert_flights(flights)
            ctx.changed(flights["firstseen"])
        out.new, out.known = out.new + added, out.known + there
        out.rejected += refused
        ends = flights[["estdepartureairport", "estarrivalairport"]]
        out.open_ended += int((~ends.isin(ctx.airports.ids)).any(axis=1).sum())
        out.empty_ends += int((ends == "").to_numpy().sum()) - refused.unread_ends
        out.unread_ends += refused.unread_ends
    return out
