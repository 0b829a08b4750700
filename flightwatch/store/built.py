"""Writes flights: new ones replace old ones, and no flight counts twice.

A flight built by newer rules replaces the older ones of its airframe and time. Those stay, marked superseded, and are
left out unless asked for, so that no flight that only the old rules saw is lost. The same goes for a flight from a list
that was also seen, and for a flight of an alert that nothing replaces.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

import pandas as pd
from sqlalchemy import Connection, and_, select

from flightwatch.records import FLIGHT, conform
from flightwatch.store import bulk, schema
from flightwatch.store.base import Base, dumped, ms
from flightwatch.units import millis

DAY_MS = 86_400_000
KEY = ["flight_id", "rules_version"]


class BuiltRows(Base):
    """flight, track, candidate and flight_update, as they are written."""

    def replace_flights(
        self,
        flights: pd.DataFrame,
        scope: pd.DataFrame,
        updates: pd.DataFrame | None = None,
        *,
        rules_version: str | None = None,
        at: datetime | None = None,
        keep: Collection[str] = (),
    ) -> None:
        """Make these the flights in `scope` (icao24, since), in one transaction.

        Rows of the same rules version whose firstseen is not before `since` are deleted; those of other versions are
        marked superseded. Flights named in `keep` stay as they are. `rules_version` is needed if there is no flight
        left to read it from. `updates` has flight_id, field, before, after, reason; it is stored with the time `at`.
        """
        version = rules_version or (str(flights["rules_version"].iloc[0]) if len(flights) else None)
        if version is None:
            raise ValueError("rules_version must be given when no flights are")
        with self.transaction() as connection:
            self._clear(connection, scope, flights, version, frozenset(keep))
            self._insert(connection, flights)
            if updates is not None and len(updates):
                assert at is not None, "updates need the time they were made"
                self._note_updates(connection, updates, at)

    def upsert_flights(self, flights: pd.DataFrame) -> tuple[int, int]:
        """Add flights, or update those already stored; returns how many were new and how many were stored."""
        c = schema.candidate
        with self.transaction() as connection:
            there = self._present(connection, flights)
            if there:
                connection.execute(c.delete().where(self.among(c.c.flight_id, sorted({i for i, _ in there}))))
            self._insert(connection, flights)
        total = len(flights.drop_duplicates(KEY))
        return total - len(there), len(there)

    def save_flight_updates(self, updates: pd.DataFrame, *, at: datetime) -> None:
        """Store corrections: flight_id, field, before, after, reason."""
        with self.transaction() as connection:
            self._note_updates(connection, updates, at)

    def _clear(
        self, connection: Connection, scope: pd.DataFrame, flights: pd.DataFrame, version: str, keep: frozenset[str]
    ) -> None:
        """Delete what the new flights replace. A flight of an alert that nothing replaces is only superseded."""
        t = schema.flight
        since = dict(zip(scope["icao24"], millis(scope["since"]).tolist(), strict=True))
        if not since:
            return
        columns = (t.c.icao24, t.c.flight_id, t.c.rules_version, t.c.firstseen, t.c.lastseen)
        held = select(*columns).where(self.among(t.c.icao24, since), t.c.firstseen >= min(since.values()))
        gone: list[str] = []
        old: dict[str, list[str]] = {}
        flown = _spans(zip(flights["icao24"], _millis(flights, "firstseen"), _millis(flights, "lastseen"), strict=True))
        for row in connection.execute(held):
            if row.firstseen < since[row.icao24] or row.flight_id in keep:
                continue
            if row.rules_version == version:
                gone.append(row.flight_id)
            elif row.rules_version.isdigit() or _same(row.firstseen, row.lastseen, flown.get(row.icao24, ())):
                old.setdefault(row.rules_version, []).append(row.flight_id)
        a = schema.alert_flight
        told = {r.flight_id for r in connection.execute(select(a.c.flight_id).where(self.among(a.c.flight_id, gone)))}
        kept = sorted(told - set(flights["flight_id"]))
        old.setdefault(version, []).extend(kept)
        gone = sorted(set(gone) - set(kept))
        for table in (schema.flight, schema.track, schema.candidate):
            own = and_(self.among(table.c["flight_id"], gone), table.c["rules_version"] == version)
            connection.execute(table.delete().where(own))
        for other, ids in old.items():
            older = and_(self.among(t.c.flight_id, ids), t.c.rules_version == other)
            connection.execute(t.update().where(older).values(superseded=True))

    def _seen_already(self, connection: Connection, flights: pd.DataFrame) -> list[bool]:
        """Which of these reported flights (not built by our rules) are stored as flights that were seen."""
        first, last = _millis(flights, "firstseen"), _millis(flights, "lastseen")
        reported = [not version.isdigit() for version in flights["rules_version"]]
        icao24s = {i for i, r in zip(flights["icao24"], reported, strict=True) if i and r}
        if not icao24s:
            return [False] * len(flights)
        t = schema.flight
        query = select(t.c.icao24, t.c.firstseen, t.c.lastseen, t.c.rules_version).where(
            self.among(t.c.icao24, icao24s),
            t.c.firstseen >= min(first) - DAY_MS,  # the longest flights last 19 h
            t.c.firstseen <= max(last),
            ~t.c.superseded,
        )
        seen = _spans(tuple(row[:3]) for row in connection.execute(query) if row.rules_version.isdigit())
        rows = zip(flights["icao24"], first, last, reported, strict=True)
        return [r and _same(begin, end, seen.get(i, ())) for i, begin, end, r in rows]

    def _insert(self, connection: Connection, flights: pd.DataFrame) -> None:
        if not len(flights):
            return
        rows = conform(flights, FLIGHT).drop_duplicates(KEY, keep="last")
        columns = bulk.columns_of(rows, schema.flight, dialect=self.dialect)
        for side in ("departure_candidates", "arrival_candidates"):
            columns[side] = [dumped(c) if c else "{}" for c in rows[side]]
        columns["provenance"] = [dumped(list(p)) if p is not None else "[]" for p in rows["provenance"]]
        bulk.write(connection, schema.flight, {**columns, "superseded": self._seen_already(connection, rows)})
        tracked = rows[rows["track"].notna()]
        bulk.write(
            connection,
            schema.track,
            {**{k: tracked[k].tolist() for k in KEY}, "content": [bytes(b) for b in tracked["track"]]},
        )
        self._insert_candidates(connection, rows, columns["firstseen"])

    def _insert_candidates(self, connection: Connection, rows: pd.DataFrame, firstseen: list[int]) -> None:
        """Store possible ends besides the best one, so that a search by airport finds them through an index."""
        ends = zip(
            rows["flight_id"],
            rows["rules_version"],
            firstseen,
            rows["estdepartureairport"],
            rows["departure_candidates"],
            rows["estarrivalairport"],
            rows["arrival_candidates"],
            strict=True,
        )
        found = {
            (airport, when, flight, version)
            for flight, version, when, *sides in ends
            for best, candidates in ((sides[0], sides[1]), (sides[2], sides[3]))
            for airport in (candidates or ())
            if airport != best
        }
        keys = ("airport", "firstseen", "flight_id", "rules_version")
        if found:
            bulk.write(
                connection, schema.candidate, dict(zip(keys, zip(*sorted(found), strict=True), strict=True)), update={}
            )

    def _present(self, connection: Connection, flights: pd.DataFrame) -> set[tuple[str, str]]:
        """Which of the flights are already stored, by id and rules version."""
        t = schema.flight
        wanted = set(zip(flights["flight_id"], flights["rules_version"], strict=True))
        query = select(t.c.flight_id, t.c.rules_version).where(
            self.among(t.c.flight_id, sorted({i for i, _ in wanted}))
        )
        return {(row[0], row[1]) for row in connection.execute(query)} & wanted

    def _note_updates(self, connection: Connection, updates: pd.DataFrame, at: datetime) -> None:
        t = schema.flight_update
        for row in updates.itertuples(index=False):
            values = {n: bulk.clean(str(getattr(row, n))) for n in ("flight_id", "field", "before", "after", "reason")}
            same = and_(*(t.c[n] == values[n] for n in ("flight_id", "field", "before", "after")), t.c.at == ms(at))
            if connection.execute(select(t.c.id).where(same)).first() is None:
                connection.execute(t.insert().values(**values, at=ms(at)))


def _millis(flights: pd.DataFrame, name: str) -> list[int]:
    return list(millis(flights[name]).tolist())


def _spans(rows: Iterable[tuple[str, int, int]]) -> dict[str, list[tuple[int, int]]]:
    """The times each airframe flew, from and to."""
    spans: dict[str, list[tuple[int, int]]] = {}
    for icao24, first, last in rows:
        spans.setdefault(icao24, []).append((first, last))
    return spans


def _same(first: int, last: int, others: Iterable[tuple[int, int]]) -> bool:
    """Whether a flight of that span is one of the others: the middle of one falls into the other. Consecutive legs
    whose reported times overlap by minutes stay two.

    >>> _same(0, 100, [(10, 130)]), _same(0, 100, [(95, 300)])
    (True, False)
    """
    middle = (first + last) // 2
    return any(a <= middle <= b or first <= (a + b) // 2 <= last for a, b in others)
