"""Published history and tables: whole days of positions, finished flights by airport, identities of airframes."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time

import pandas as pd

from flightwatch.errors import FlightwatchError, SourceError
from flightwatch.jobs.backfill import Done, Report, backfill, done
from flightwatch.jobs.context import PACE, Context
from flightwatch.records import AIRCRAFT, Poll, concat
from flightwatch.sources import identity
from flightwatch.sources import pace as pacing
from flightwatch.sources.daily import Archive
from flightwatch.sources.http import Client
from flightwatch.sources.opensky import CREDITS
from flightwatch.sources.pace import Pace, Rule
from flightwatch.sources.skyflights import FlightsPiece
from flightwatch.sources.traces import Watch

DAY = timedelta(days=1)
FLIGHTS_PACE = f"{PACE}opensky/flights"  # OpenSky counts the credits for flights separately from those for positions
FLIGHTS_SPACING_S = 1.0
DAY_CREDITS = 30  # for one past UTC day of flights (OpenSky REST documentation, "API credit usage")
USUAL_DAYS = 30  # earlier days of the same archive, whose size shows how large a complete day is


@dataclass
class Days:
    """The result for each day asked for."""

    report: Report = field(default_factory=Report)
    polls: list[Poll] = field(default_factory=list)
    known: int = 0
    otherwise: int = 0
    """Of the known days, those that were read with a different filter than the present one."""

    @property
    def whole(self) -> int:
        return sum(p.outcome in ("ok", "empty") for p in self.polls)


def span(first: date, last: date) -> Iterator[date]:
    for n in range((last - first).days + 1):
        yield first + timedelta(days=n)


def watched(ctx: Context) -> Watch:
    """What the configured sources ask for: their types, airframes and areas. An empty watch takes everything."""
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
    again: bool = False,
) -> Days:
    """Days of the published archive, streamed one after the other; each is a row in the store with its result.

    A day that was read completely is skipped, and counted if it was read with a different filter. A day that broke off
    is resumed at its first piece not stored yet. `again` reads everything anew.
    """
    found = Days()
    words = _filter(watch)
    for day in days:
        held = Done(()) if again else done(ctx, archive.source)
        one = archive.day(day)
        if one.release is not None and one.release.tag in held:
            found.known += 1
            polls = ctx.store.polls(source=archive.source, since=_midnight(day), until=_midnight(day + DAY))
            notes = polls.loc[polls["query"] == one.release.tag, "note"]
            found.otherwise += not notes.str.endswith(words).any()
            continue
        report = backfill(ctx, archive.pieces(one, done=held, watch=watch), executor=executor, progress=progress)
        one.rows = report.kept
        poll = one.poll(archive.source, _usual(ctx, archive.source, day))
        if poll.outcome in ("ok", "empty"):
            poll = replace(poll, note="; ".join(text for text in (poll.note, words) if text))
        ctx.store.save_polls([poll])
        found.polls.append(poll)
        _add(found.report, report)
        if ctx.stopping():
            break
    return found


def _midnight(day: date) -> datetime:
    return datetime.combine(day, clock_time(), UTC)


def _filter(watch: Watch | None) -> str:
    """Which airframes of an archive were taken, as a short text that differs if they do.

    >>> _filter(None), _filter(Watch()) == _filter(None), _filter(Watch(military=True))
    ('all aircraft', True, 'filter 2ab0f620: military')
    """
    if watch is None or not (watch.types or watch.military or watch.icao24 or watch.circles):
        return "all aircraft"
    parts = (sorted(watch.types), watch.military, sorted(watch.icao24), sorted(watch.circles))
    kinds = zip(("types", "military", "airframes", "areas"), parts, strict=True)
    digest = hashlib.sha256(repr(parts).encode()).hexdigest()[:8]
    return f"filter {digest}: {', '.join(name for name, own in kinds if own)}"


def _usual(ctx: Context, source: str, day: date) -> list[int]:
    """Sizes in bytes of the complete days before."""
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
    ctx: Context,
    pieces: Iterable[FlightsPiece],
    progress: Callable[[Report], None] = lambda report: None,
    *,
    rule: Rule | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Days:
    """Finished flights as a provider reports them, airport by airport and day by day.

    The provider's spacing and daily credits (`rule`) are kept in the store, across restarts too. What exceeds them is
    left for tomorrow, and reported.
    """
    found = Days()
    rule = rule or Rule(FLIGHTS_SPACING_S, CREDITS)
    pace = Pace.from_record(json.loads(ctx.store.get_mark(FLIGHTS_PACE) or "null"))
    for piece in pieces:
        wait, why = pacing.pause(pace, rule, ctx.clock().timestamp(), DAY_CREDITS)
        if why:
            now, note = ctx.clock(), f"not asked for another {wait / 3600:.1f} h: {why}; the same command goes on then"
            found.polls.append(Poll(piece.source, piece.name, now, now, "rate_limited", note=note, planned=False))
            break
        sleep(wait)
        pace = pacing.asked(pace, ctx.clock().timestamp(), DAY_CREDITS)
        ctx.store.set_mark(FLIGHTS_PACE, json.dumps(pace.to_record()))
        poll, flights, asked_to_wait = piece.load()
        pace = pacing.answered(
            pace, rule, ctx.clock().timestamp(), poll.outcome, why=poll.note, retry_after=asked_to_wait
        )
        with ctx.store.transaction():
            ctx.store.set_mark(FLIGHTS_PACE, json.dumps(pace.to_record()))
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
            break  # the next request would get the same answer
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
    """Fetch tables of airframes and store their contents, for the airframes we know or for `everyone`.

    A table that cannot be fetched is noted and the others are used; SourceError if none can.
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
