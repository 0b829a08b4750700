"""Flights: legs as the rules of a version saw them, their tracks, and what was corrected afterwards.

A flight built by newer rules takes the place of the older ones of its airframe and time: those stay, marked
superseded, and are left out unless asked for, so that no flight counts twice and none that only the old rules saw is
lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
import pandas as pd
from sqlalchemy import Connection, Select, Table, and_, func, select, union
from sqlalchemy.sql import ColumnElement

from flightwatch.records import FLIGHT, conform, empty
from flightwatch.store import bulk, schema
from flightwatch.store.base import Base, Names, day_text, dumped, frame, loose, ms, names
from flightwatch.units import INSTANT, millis

DAY_MS = 86_400_000
KEY = ["flight_id", "rules_version"]
Days = tuple[date, date]


class FlightRows(Base):
    """flight, track, candidate and flight_update."""

    def replace_flights(
        self,
        flights: pd.DataFrame,
        scope: pd.DataFrame,
        updates: pd.DataFrame | None = None,
        *,
        rules_version: str | None = None,
        at: datetime | None = None,
    ) -> None:
        """In `scope` (icao24, since) these are the flights from now on, in one transaction.

        Rows of the same rules version whose firstseen is not before `since` go; those of other versions are marked
        superseded. `rules_version` is needed when there is no flight left to read it from. `updates` has flight_id,
        field, before, after, reason and is noted with the time `at`.
        """
        version = rules_version or (str(flights["rules_version"].iloc[0]) if len(flights) else None)
        if version is None:
            raise ValueError("rules_version must be given when no flights are")
        with self.transaction() as connection:
            self._clear(connection, scope, version)
            self._insert(connection, flights)
            if updates is not None and len(updates):
                assert at is not None, "updates need the time they were made"
                self._note_updates(connection, updates, at)

    def upsert_flights(self, flights: pd.DataFrame) -> tuple[int, int]:
        """Add flights, or bring those that are there up to date: how many were new, how many were there."""
        c = schema.candidate
        with self.transaction() as connection:
            there = self._present(connection, flights)
            if there:
                connection.execute(c.delete().where(self.among(c.c.flight_id, sorted({i for i, _ in there}))))
            self._insert(connection, flights)
        total = len(flights.drop_duplicates(KEY))
        return total - len(there), len(there)

    def flights(
        self,
        days: Days | None = None,
        *,
        icao24: Names = None,
        ids: Names = None,
        airports: Names = None,
        since: datetime | None = None,
        until: datetime | None = None,
        callsign: Names = None,
        typecodes: Names = None,
        rules_version: str | None = None,
        superseded: bool = False,
        with_track: bool = False,
        limit: int | None = None,
        newest: bool = False,
        columns: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Flights by firstseen: of the UTC dates `days` (first and last, both in), in [since, until), and so on.

        `airports` finds every flight that may have begun or ended there, however improbable. `newest` with `limit`
        gives the last ones. `track` is filled only when asked for. `columns` names those wanted of a whole flight: a
        year of flights is read several times as fast without what nobody looks at.
        """
        t = schema.flight
        query = select(*(c for c in t.columns if c.name != "superseded" and (columns is None or c.name in columns)))
        if rules_version is not None:
            query = query.where(t.c.rules_version == rules_version)
        elif not superseded:
            query = query.where(~t.c.superseded)
        if days is not None:
            since, until = _span(days)
        wanted = {"icao24": icao24, "flight_id": ids, "typecode": typecodes, "callsign": callsign}
        query = query.where(*self._among_all(wanted), *_within(t, since, until))
        if airports is not None:
            query = query.where(t.c.flight_id.in_(self._at_airports(names(airports) or [], since, until)))
        order = [t.c.firstseen.desc(), t.c.flight_id.desc()] if newest else [t.c.firstseen, t.c.flight_id]
        return self._read(query.order_by(*order, t.c.rules_version).limit(limit), with_track=with_track)

    def last_flights(self, icao24s: Iterable[str], before: datetime, *, with_track: bool = False) -> pd.DataFrame:
        """Of each airframe the last flight that began before that time."""
        t = schema.flight
        last = (
            select(t.c.icao24, func.max(t.c.firstseen).label("firstseen"))
            .where(and_(self.among(t.c.icao24, icao24s), t.c.firstseen < ms(before), ~t.c.superseded))
            .group_by(t.c.icao24)
            .subquery()
        )
        query = (
            select(*(c for c in t.columns if c.name != "superseded"))
            .join(last, and_(t.c.icao24 == last.c.icao24, t.c.firstseen == last.c.firstseen))
            .where(~t.c.superseded)
            .order_by(t.c.icao24, t.c.flight_id)
        )
        return self._read(query, with_track=with_track)

    def flights_before(self, scope: pd.DataFrame, *, within: timedelta, with_track: bool = False) -> pd.DataFrame:
        """Of each airframe of `scope` (icao24, since) the last flight that began before its `since`, if that was not
        longer ago than `within`."""
        since = dict(zip(scope["icao24"], millis(scope["since"]).tolist(), strict=True))
        if not since:
            return empty(FLIGHT)
        t = schema.flight
        found = self.rows(
            select(t.c.icao24, t.c.firstseen, t.c.flight_id).where(
                self.among(t.c.icao24, since),
                t.c.firstseen >= min(since.values()) - round(within.total_seconds() * 1000),
                t.c.firstseen < max(since.values()),
                ~t.c.superseded,
            )
        )
        last = {icao24: flight for icao24, first, flight in sorted(found) if first < since[icao24]}
        return self.flights(ids=list(last.values()), with_track=with_track)

    def visits(
        self,
        before: datetime | None = None,
        since: datetime | None = None,
        *,
        icao24s: Iterable[str] | None = None,
        airports: Names = None,
    ) -> pd.DataFrame:
        """How often airframes were at airports: icao24, typecode, operator, airport, flights.

        Counted are ends that were seen, on approach or reported; a guess is no evidence for the next guess.
        """
        t, a = schema.flight, schema.aircraft
        parts = []
        for side in ("departure", "arrival"):
            airport = t.c[f"est{side}airport"]
            query = select(t.c.icao24, t.c.typecode, airport.label("airport")).where(
                and_(airport != "", t.c[f"{side}_method"].in_(("observed", "approach", "reported")), ~t.c.superseded)
            )
            if airports is not None:
                query = query.where(airport.in_(names(airports) or []))
            if icao24s is not None:
                query = query.where(self.among(t.c.icao24, icao24s))
            parts.append(query.where(*_within(t, since, before)))
        ends = parts[0].union_all(parts[1]).subquery()
        operator = func.coalesce(a.c.operator, "")
        got = self.columns(
            select(ends.c.icao24, ends.c.typecode, operator.label("operator"), ends.c.airport, func.count().label("n"))
            .select_from(ends.outerjoin(a, a.c.icao24 == ends.c.icao24))
            .group_by(ends.c.icao24, ends.c.typecode, operator, ends.c.airport)
            .order_by(ends.c.icao24, ends.c.airport, ends.c.typecode)
        )
        got["flights"] = got.pop("n")
        return loose(got, flights="int64")

    def flight_updates(
        self, ids: Names = None, since: datetime | None = None, until: datetime | None = None
    ) -> pd.DataFrame:
        """Corrections of flights, oldest first: flight_id, at, field, before, after, reason."""
        t = schema.flight_update
        query = select(t.c.flight_id, t.c.at, t.c.field, t.c.before, t.c.after, t.c.reason).order_by(t.c.at, t.c.id)
        if ids is not None:
            query = query.where(self.among(t.c.flight_id, names(ids) or []))
        if since is not None:
            query = query.where(t.c.at >= ms(since))
        if until is not None:
            query = query.where(t.c.at < ms(until))
        got = self.columns(query)
        return loose(got, at=INSTANT)

    def save_flight_updates(self, updates: pd.DataFrame, *, at: datetime) -> None:
        """Note corrections: flight_id, field, before, after, reason."""
        with self.transaction() as connection:
            self._note_updates(connection, updates, at)

    def days_with_flights(self) -> Days | None:
        """The UTC dates of the first and the last flight; None when there is none."""
        t = schema.flight
        ends = (select(end(t.c.firstseen)).scalar_subquery() for end in (func.min, func.max))
        first, last = self.rows(select(*ends))[0]  # one end each is one step in the index, both together all of it
        if first is None:
            return None
        epoch = date(1970, 1, 1)
        return epoch + timedelta(days=first // DAY_MS), epoch + timedelta(days=last // DAY_MS)

    def _among_all(self, wanted: dict[str, Names]) -> list[ColumnElement[bool]]:
        """Conditions that each column is one of its names; None restricts nothing."""
        t = schema.flight
        return [self.among(t.c[name], names(values) or []) for name, values in wanted.items() if values is not None]

    def _at_airports(self, airports: list[str], since: datetime | None, until: datetime | None) -> Any:
        """Ids of flights with one of the airports as best or possible end; each part uses an index of its own."""
        t, c = schema.flight, schema.candidate
        parts = []
        for table, airport in ((t, t.c.estdepartureairport), (t, t.c.estarrivalairport), (c, c.c.airport)):
            parts.append(select(table.c["flight_id"]).where(airport.in_(airports), *_within(table, since, until)))
        return union(*parts)

    def _read(self, query: Select[Any], *, with_track: bool) -> pd.DataFrame:
        with self.reading():
            got = self.columns(query)
            for name in ("departure_candidates", "arrival_candidates", "provenance"):
                if name in got:
                    got[name] = [msgspec.json.decode(text) for text in got[name]]
            if set(got) | {"track"} != set(FLIGHT):
                return frame(got, {name: column for name, column in FLIGHT.items() if name in got})
            got["track"] = [None] * len(got["flight_id"])
            if with_track and got["flight_id"]:
                t = schema.track
                kept = {
                    (i, v): c for i, v, c in self.rows(select(t).where(self.among(t.c.flight_id, got["flight_id"])))
                }
                got["track"] = [kept.get(k) for k in zip(got["flight_id"], got["rules_version"], strict=True)]
        return frame(got, FLIGHT)

    def _clear(self, connection: Connection, scope: pd.DataFrame, version: str) -> None:
        t = schema.flight
        since = dict(zip(scope["icao24"], millis(scope["since"]).tolist(), strict=True))
        if not since:
            return
        gone: list[str] = []
        old: list[tuple[str, str]] = []
        rows = connection.execute(
            select(t.c.icao24, t.c.flight_id, t.c.rules_version, t.c.firstseen).where(
                self.among(t.c.icao24, since), t.c.firstseen >= min(since.values())
            )
        )
        for row in rows:
            if row.firstseen >= since[row.icao24]:
                if row.rules_version == version:
                    gone.append(row.flight_id)
                else:
                    old.append((row.flight_id, row.rules_version))
        if gone:
            for table in (schema.flight, schema.track, schema.candidate):
                connection.execute(
                    table.delete().where(self.among(table.c["flight_id"], gone), table.c["rules_version"] == version)
                )
        for other in {v for _, v in old}:
            ids = [i for i, v in old if v == other]
            connection.execute(
                t.update()
                .where(and_(self.among(t.c.flight_id, ids), t.c.rules_version == other))
                .values(superseded=True)
            )

    def _insert(self, connection: Connection, flights: pd.DataFrame) -> None:
        if not len(flights):
            return
        rows = conform(flights, FLIGHT).drop_duplicates(KEY, keep="last")
        columns = bulk.columns_of(rows, schema.flight, dialect=self.dialect)
        for side in ("departure_candidates", "arrival_candidates"):
            columns[side] = [dumped(c) if c else "{}" for c in rows[side]]
        columns["provenance"] = [dumped(list(p)) if p is not None else "[]" for p in rows["provenance"]]
        bulk.write(connection, schema.flight, {**columns, "superseded": [False] * len(rows)})
        tracked = rows[rows["track"].notna()]
        bulk.write(
            connection,
            schema.track,
            {**{k: tracked[k].tolist() for k in KEY}, "content": [bytes(b) for b in tracked["track"]]},
        )
        self._insert_candidates(connection, rows, columns["firstseen"])

    def _insert_candidates(self, connection: Connection, rows: pd.DataFrame, firstseen: list[int]) -> None:
        """Possible ends besides the best one, so that a search by airport finds them through an index."""
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
        """Which of the flights are stored already, by id and rules version."""
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


def _within(table: Table, since: datetime | None, until: datetime | None) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if since is not None:
        found.append(table.c["firstseen"] >= ms(since))
    if until is not None:
        found.append(table.c["firstseen"] < ms(until))
    return found


def _span(days: Days) -> tuple[datetime, datetime]:
    first, last = (pd.Timestamp(day_text(d), tz="UTC") for d in days)
    return first.to_pydatetime(), (last + pd.Timedelta(days=1)).to_pydatetime()
