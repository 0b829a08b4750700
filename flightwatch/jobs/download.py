"""Published history and tables: whole days of positions, finished flights by airport, who airframes are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import pandas as pd

from flightwatch.errors import FlightwatchError, SourceError
from flightwatch.jobs.backfill import Report, backfill, done
from flightwatch.jobs.context import Context
from flightwatch.records import AIRCRAFT, Poll, concat
from flightwatch.sources import identity
from flightwatch.sources.daily import Archive
from flightwatch.sources.http import Client
from flightwatch.sources.skyflights import FlightsPiece
from flightwatch.sources.traces import Watch

USUAL_DAYS = 30  # days before, of the same archive, whose size says what a whole day weighs


@dataclass
class Days:
    """What became of the days that were asked for."""

    report: Report = field(default_factory=Report)
    polls: list[Poll] = field(default_factory=list)
    known: int = 0

    @property
    def whole(self) -> int:
        return sum(p.outcome in ("ok", "empty") for p in self.polls)


def span(first: date, last: date) -> Iterator[date]:
    for n in range((last - first).days + 1):
        yield first + timedelta(days=n)


def watched(ctx: Context) -> Watch:
    """What the configured sources ask for: their types, airframes and areas. A watch of nothing takes everything."""
    sources = [s for s in ctx.settings.sources if s.enabled]
    circles = dict.fromkeys(c for s in sources for area in s.areas for c in ctx.places.area(area))
    return Watch(
        types=frozenset(t for s in sources for t in s.types),
        military=any(s.military for s in sources),
        icao24=frozenset(i.lower() for s in sources for i in s.icao24),
        circles=tuple(circles),
    )


def archived_days(
    ctx: Context,
    archive: Archive,
    days: Iterable[date],
    *,
    watch: Watch | None,
    executor: Executor | None = None,
    progress: Callable[[Report], None] = lambda report: None,
) -> Days:
    """Days of the published archive, streamed one after the other; each is a row in the store with what came of it.

    A day that was read whole is passed over; one that broke is read again from its first piece not stored yet.
    """
    found = Days()
    for day in days:
        held = done(ctx, archive.source)
        one = archive.day(day)
        if one.release is not None and one.release.tag in held:
            found.known += 1
            continue
        report = backfill(ctx, archive.pieces(one, done=held, watch=watch), executor=executor, progress=progress)
        one.rows = report.kept
        poll = one.poll(archive.source, _usual(ctx, archive.source, day))
        ctx.store.save_polls([poll])
        found.polls.append(poll)
        _add(found.report, report)
        if ctx.stopping():
            break
    return found


def _usual(ctx: Context, source: str, day: date) -> list[int]:
    """Bytes of the whole days before."""
    polls = ctx.store.polls(source=source)
    days = polls["started"].dt.date
    recent = (days < day) & (days >= day - timedelta(days=USUAL_DAYS))
    whole = recent & (polls["outcome"] == "ok") & ~polls["query"].str.contains("!", regex=False)
    return [int(n) for n in polls.loc[whole, "bytes"]]


def _add(total: Report, one: Report) -> None:
    total.pieces += one.pieces
    total.kept += one.kept
    total.flights += one.flights
    total.rejected.update(one.rejected)
    total.day = one.day or total.day


def reported_flights(
    ctx: Context, pieces: Iterable[FlightsPiece], progress: Callable[[Report], None] = lambda report: None
) -> Days:
    """Finished flights as a provider reports them, airport by airport and day by day."""
    found = Days()
    for piece in pieces:
        poll, flights = piece.load()
        with ctx.store.transaction():
            ctx.store.save_polls([poll])
            if len(flights):
                ctx.store.upsert_flights(flights)
                ctx.changed(flights["firstseen"])
        found.polls.append(poll)
        found.report.pieces += 1
        found.report.flights += len(flights)
        found.report.rejected.update(poll.rejected)
        found.report.day = piece.day
        progress(found.report)
        if poll.outcome in ("auth", "rate_limited", "blocked"):
            break  # the next question would get the same answer
    return found


@dataclass
class Identities:
    """What tables of airframes said."""

    rows: dict[str, int] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    trouble: dict[str, str] = field(default_factory=dict)
    airframes: int = 0
    changed: int = 0
    conflicts: int = 0


def update_aircraft(
    ctx: Context,
    client: Client,
    now: datetime,
    *,
    tables: Iterable[str] = (),
    everyone: bool = False,
    base: str = "",
    dry_run: bool = False,
) -> Identities:
    """Fetch tables of airframes and store what they say, of the airframes we know or of `everyone`.

    A table that cannot be had is noted, the others are used; SourceError when none can.
    """
    found = Identities()
    frames = []
    for name in tables or identity.TABLES:
        table = identity.TABLES[name]
        try:
            values, refused = table.parse(identity.download(table, client, now.date(), base=base), now.date())
        except FlightwatchError as error:
            found.trouble[name] = str(error)
            continue
        found.rows[name] = len(values)
        found.refused += refused
        frames.append(values)
    if not frames:
        raise SourceError("; ".join(f"{n}: {t}" for n, t in found.trouble.items()), outcome="server")
    values = pd.concat(frames, ignore_index=True)
    if not everyone:
        known = set(ctx.store.aircraft()["icao24"]) | set(ctx.store.flights(columns=["icao24"])["icao24"])
        values = values[values["icao24"].isin(known)].reset_index(drop=True)
    aircraft = concat([identity.union(values)], AIRCRAFT)
    found.airframes = len(aircraft)
    found.conflicts = len(identity.conflicts(values))
    if dry_run or aircraft.empty:
        return found
    found.changed = ctx.store.save_aircraft(aircraft, at=now)
    return found
