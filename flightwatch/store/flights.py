"""Reads flights: by day, airframe, airport, id; where airframes were before; what was corrected.

Superseded flights (see `built`) are left out unless asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
import pandas as pd
from sqlalchemy import Select, Table, and_, exists, func, or_, select, union_all
from sqlalchemy.sql import ColumnElement

from flightwatch.records import FLIGHT, empty
from flightwatch.store import schema
from flightwatch.store.base import Names, day_text, frame, loose, ms, names
from flightwatch.store.built import DAY_MS, KEY, BuiltRows
from flightwatch.units import INSTANT, millis

Days = tuple[date, date]


class FlightRows(BuiltRows):
    """flight, track, candidate and flight_update."""

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
        status: Names = None,
        rules_version: str | None = None,
        superseded: bool = False,
        with_track: bool = False,
        limit: int | None = None,
        newest: bool = False,
        columns: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Flights by firstseen: on the UTC dates `days` (first and last, inclusive), in [since, until), and so on.

        `airports` finds every flight that may have begun or ended there, however improbable. A callsign that ends in *
        stands for all with that beginning. `newest` with `limit` gives the last ones. By its id, a superseded flight is
        found if nothing replaced it: an alert may rest on it. `track` is filled only if asked for. `columns` names the
        wanted columns: without the others, a year of flights is read several times as fast.
        """
        t = schema.flight
        wanted_columns = {*FLIGHT} if columns is None else {*columns, "firstseen", *KEY}
        query = select(*(c for c in t.columns if c.name in wanted_columns))
        if rules_version is not None:
            query = query.where(t.c.rules_version == rules_version)
        elif not superseded:
            query = query.where(~t.c.superseded if ids is None else ~t.c.superseded | ~_replaced(t))
        if days is not None:
            since, until = _span(days)
        wanted = {"icao24": icao24, "flight_id": ids, "typecode": typecodes, "status": status}
        query = query.where(*self._among_all(wanted), *_within(t, since, until))
        if callsign is not None:
            query = query.where(or_(*(_called(t, name) for name in names(callsign) or [])))
        found: Any = query
        if airports is not None:
            found = self._at_airports(query, names(airports) or [], *_within(schema.candidate, since, until))
        at = found.selected_columns
        order = [at["firstseen"].desc(), at["flight_id"].desc()] if newest else [at["firstseen"], at["flight_id"]]
        made = self._read(found.order_by(*order, at["rules_version"]).limit(limit), with_track=with_track)
        return made if columns is None else made[[name for name in FLIGHT if name in columns]]

    def last_flights(self, icao24s: Iterable[str], before: datetime, *, with_track: bool = False) -> pd.DataFrame:
        """The last flight of each airframe that began before that time."""
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
        """For each airframe of `scope` (icao24, since), the last flight that began before its `since`, but at most
        `within` before."""
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
        typecodes: Names = None,
        airports: Names = None,
    ) -> pd.DataFrame:
        """How often airframes were at airports: icao24, typecode, operator, airport, flights.

        For these airframes and all others known to be of these types. Only ends that were seen, on approach or reported
        count: a guess is no evidence for the next guess.
        """
        t, a = schema.flight, schema.aircraft
        if icao24s is not None and typecodes is not None:
            alike = select(a.c.icao24).where(a.c.typecode.in_(names(typecodes) or []))
            icao24s = {*icao24s, *(icao24 for (icao24,) in self.rows(alike))}
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

    def days_with_flights(self) -> Days | None:
        """The UTC dates of the first and last flight; None if there is none."""
        t = schema.flight
        ends = (select(end(t.c.firstseen)).scalar_subquery() for end in (func.min, func.max))
        first, last = self.rows(select(*ends))[0]  # each end alone is one index step; both at once read the whole index
        if first is None:
            return None
        epoch = date(1970, 1, 1)
        return epoch + timedelta(days=first // DAY_MS), epoch + timedelta(days=last // DAY_MS)

    def _among_all(self, wanted: dict[str, Names]) -> list[ColumnElement[bool]]:
        """Conditions that each column has one of its names; None is no restriction."""
        t = schema.flight
        return [self.among(t.c[name], names(values) or []) for name, values in wanted.items() if values is not None]

    def _at_airports(self, query: Select[Any], airports: list[str], *within: ColumnElement[bool]) -> Any:
        """The flights of a query that have one of the airports as best or possible end. Three queries in one, so that
        each uses its own index (with OR, PostgreSQL reads whole days). No two return the same flight, so rows need not
        be sorted to remove duplicates."""
        t, c = schema.flight, schema.candidate
        departed, arrived = t.c.estdepartureairport.in_(airports), t.c.estarrivalairport.in_(airports)
        possible = select(c.c.flight_id).where(c.c.airport.in_(airports), *within)
        return union_all(
            query.where(departed),
            query.where(arrived, ~departed),
            query.where(t.c.flight_id.in_(possible), ~departed, ~arrived),
        )

    def _read(self, query: Any, *, with_track: bool) -> pd.DataFrame:
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


def _replaced(t: Table) -> ColumnElement[bool]:
    """The condition that a flight with the same id, not superseded, exists."""
    other = t.alias("other")
    return exists().where(other.c["flight_id"] == t.c["flight_id"], ~other.c["superseded"])


def _called(table: Table, callsign: str) -> ColumnElement[bool]:
    """The condition for that callsign; if it ends in *, for all with that beginning."""
    if callsign.endswith("*"):
        begun: ColumnElement[bool] = table.c["callsign"].startswith(callsign[:-1], autoescape=True)
        return begun
    return table.c["callsign"] == callsign


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
