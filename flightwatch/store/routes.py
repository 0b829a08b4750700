"""Route definitions, the flights on each route, its days, and how the days were judged."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
import pandas as pd
from sqlalchemy import Select, and_, exists, func, select

from flightwatch.records import DAY, FINDING, MATCH, ROUTE_DAY, AircraftFilter, Route, conform
from flightwatch.store import bulk, schema
from flightwatch.store.base import Base, Names, day_text, dumped, frame, loose, ms, names, when
from flightwatch.store.flights import Days


class RouteRows(Base):
    """route, match, route_day, finding and model."""

    def save_routes(self, routes: Iterable[Route], *, at: datetime) -> list[str]:
        """Make these the current routes; returns the names of new or changed ones (whose days must be tallied again).
        A changed definition is a new version; the old one is kept."""
        t = schema.route
        changed = []
        with self.transaction() as connection:
            rows = connection.execute(select(t.c.name, t.c.version, t.c.digest, t.c.current)).all()
            newest = {r.name: r for r in sorted(rows, key=lambda r: r.version)}
            connection.execute(t.update().where(t.c.current).values(current=False))
            for route in routes:
                named = route if route.digest else replace(route, digest=_digest(route))
                old = newest.get(route.name)
                if old is not None and old.digest == named.digest:
                    key = and_(t.c.name == route.name, t.c.version == old.version)
                    connection.execute(t.update().where(key).values(current=True))
                    continue
                changed.append(route.name)
                connection.execute(
                    t.insert().values(
                        name=route.name,
                        version=1 if old is None else old.version + 1,
                        digest=named.digest,
                        definition=_definition(named),
                        discovered=route.discovered,
                        current=True,
                        since=ms(at),
                    )
                )
        return changed

    def routes(self) -> list[Route]:
        """The routes as last saved, by name."""
        t = schema.route
        return [_route(r[0]) for r in self.rows(select(t.c.definition).where(t.c.current).order_by(t.c.name))]

    def replace_matches(self, matches: pd.DataFrame, days: Days, routes: Names = None) -> None:
        """Make these the flights of the routes (None: of all) on these days (first and last, inclusive)."""
        t = schema.match
        with self.transaction() as connection:
            old = and_(t.c.day >= day_text(days[0]), t.c.day <= day_text(days[1]))
            if routes is not None:
                old = and_(old, self.among(t.c.route, names(routes) or []))
            connection.execute(t.delete().where(old))
            rows = conform(matches, MATCH).drop_duplicates(["route", "day", "icao24", "flight_id"], keep="last")
            bulk.write(connection, t, bulk.columns_of(rows, t, dialect=self.dialect))

    def matches(self, routes: Names = None, days: Days | None = None, *, flights: Names = None) -> pd.DataFrame:
        """Which flights flew which routes, by route, day and flight; `days` are first and last, inclusive."""
        t = schema.match
        query = self._of(select(t), t, routes, *(days or (None, None)))
        if flights is not None:
            query = query.where(self.among(t.c.flight_id, names(flights) or []))
        return frame(self.columns(query.order_by(t.c.route, t.c.day, t.c.flight_id)), MATCH)

    def first_matches(self, routes: Names = None, before: date | None = None) -> pd.DataFrame:
        """When each airframe first and last flew a route (before that day): route, icao24, first, last, flights."""
        t = schema.match
        query = select(
            t.c.route,
            t.c.icao24,
            func.min(t.c.day).label("first"),
            func.max(t.c.day).label("last"),
            func.count().label("flights"),
        ).group_by(t.c.route, t.c.icao24)
        if routes is not None:
            query = query.where(self.among(t.c.route, names(routes) or []))
        if before is not None:
            query = query.where(t.c.day < day_text(before))
        got = self.columns(query.order_by(t.c.route, t.c.icao24))
        return loose(got, first=DAY, last=DAY, flights="int64")

    def newcomers(self, route: str, days: Days, *, memory_days: int) -> pd.DataFrame:
        """Airframes on a route on these days (first and last, inclusive) that did not fly it in the `memory_days`
        before: icao24, first, flights."""
        t, earlier = schema.match, schema.match.alias("earlier")
        first, last = (day_text(d) for d in days)
        since = day_text(days[0] - timedelta(days=memory_days))
        before = exists().where(
            earlier.c.route == t.c.route, earlier.c.icao24 == t.c.icao24, earlier.c.day >= since, earlier.c.day < first
        )
        query = (
            select(t.c.icao24, func.min(t.c.day).label("first"), func.count().label("flights"))
            .where(t.c.route == route, t.c.day >= first, t.c.day <= last, ~before)
            .group_by(t.c.icao24)
            .order_by(t.c.icao24)
        )
        return loose(self.columns(query), first=DAY, flights="int64")

    def replace_route_days(self, route_days: pd.DataFrame) -> None:
        """Store these route-days, in place of older ones."""
        rows = conform(route_days, ROUTE_DAY).drop_duplicates(["route", "day"], keep="last")
        with self.transaction() as connection:
            bulk.write(connection, schema.route_day, bulk.columns_of(rows, schema.route_day, dialect=self.dialect))

    def route_days(self, routes: Names = None, since: date | None = None, until: date | None = None) -> pd.DataFrame:
        """Route-days by route and day, from `since` to `until`, inclusive."""
        t = schema.route_day
        query = self._of(select(t), t, routes, since, until).order_by(t.c.route, t.c.day)
        return frame(self.columns(query), ROUTE_DAY)

    def forget_routes(self, routes: Names) -> None:
        """Delete the tallied days and matches of routes, so that they can be made from a new definition."""
        with self.transaction() as connection:
            for t in (schema.match, schema.route_day):
                connection.execute(t.delete().where(self.among(t.c.route, names(routes) or [])))

    def save_findings(self, findings: pd.DataFrame, *, at: datetime | None = None) -> None:
        """Store a model's findings on route-days, judged at that time. They replace earlier ones of the same model."""
        rows = conform(findings, FINDING).drop_duplicates(["route", "day", "model"], keep="last")
        columns = bulk.columns_of(rows, schema.finding, dialect=self.dialect)
        columns["reasons"] = [dumped(list(r)) if r is not None else "[]" for r in rows["reasons"]]
        columns["contributions"] = [dumped(dict(c)) if c else "{}" for c in rows["contributions"]]
        columns["judged"] = [0 if at is None else ms(at)] * len(rows)
        with self.transaction() as connection:
            bulk.write(connection, schema.finding, columns)

    def findings(
        self,
        route: Names = None,
        since: date | None = None,
        until: date | None = None,
        flagged: bool | None = None,
        *,
        model: str | None = None,
    ) -> pd.DataFrame:
        """Findings by route and day, both ends inclusive; of several models, the one judged last, or `model`'s."""
        t = schema.finding
        latest = (t.c.judged.desc(), t.c.model.desc())
        order = func.row_number().over(partition_by=(t.c.route, t.c.day), order_by=latest)
        query = self._of(select(t, order.label("turn")), t, route, since, until)
        if model is not None:
            query = query.where(t.c.model == model)
        newest = query.subquery()
        chosen = select(*(newest.c[c.name] for c in t.columns)).where(newest.c.turn == 1)
        if flagged is not None:
            chosen = chosen.where(newest.c.flagged == flagged)
        got = self.columns(chosen.order_by(newest.c.route, newest.c.day))
        for name in ("reasons", "contributions"):
            got[name] = [msgspec.json.decode(text) for text in got[name]]
        return frame(got, FINDING)

    def save_model(self, record: Mapping[str, Any], artefact: bytes | None = None, *, at: datetime) -> str:
        """Store a model's record (with its `id`), what it was trained on, and a cache of its fit; returns its id."""
        with self.transaction() as connection:
            bulk.put(
                connection,
                schema.model,
                id=str(record["id"]),
                created=ms(at),
                record=dumped(dict(record)),
                artefact=artefact,
            )
        return str(record["id"])

    def models(self) -> list[dict[str, Any]]:
        """The records of all models, oldest first, each with `created`."""
        t = schema.model
        found = self.rows(select(t.c.record, t.c.created).order_by(t.c.created, t.c.id))
        return [{**json.loads(r.record), "created": when(r.created)} for r in found]

    def model(self, number: str | None = None) -> tuple[dict[str, Any], bytes | None] | None:
        """A model's record and the cache of its fit; without an id, the newest; None if there is none."""
        t = schema.model
        query = select(t).order_by(t.c.created.desc(), t.c.id.desc()).limit(1)
        found = self.rows(query if number is None else query.where(t.c.id == number))
        if not found:
            return None
        return {**json.loads(found[0].record), "created": when(found[0].created)}, found[0].artefact

    def _of(self, query: Select[Any], t: Any, routes: Names, since: date | None, until: date | None) -> Select[Any]:
        if routes is not None:
            query = query.where(self.among(t.c.route, names(routes) or []))
        if since is not None:
            query = query.where(t.c.day >= day_text(since))
        if until is not None:
            query = query.where(t.c.day <= day_text(until))
        return query


def _definition(route: Route) -> str:
    values = asdict(route)
    for end in ("origin_airports", "destination_airports"):
        values[end] = None if values[end] is None else sorted(values[end])
    return json.dumps(values, sort_keys=True)


def _digest(route: Route) -> str:
    return hashlib.sha256(_definition(route).encode()).hexdigest()[:16]


def _route(text: str) -> Route:
    values = json.loads(text)
    for end in ("origin_airports", "destination_airports"):
        values[end] = None if values[end] is None else frozenset(values[end])
    told: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.pop("aircraft").items()}
    for end in ("origin", "destination"):
        values[end] = tuple(values[end])
    return Route(aircraft=AircraftFilter(**told), **values)
