"""Route-days: how many flights each route had each day, by whom and of what kind, including days without any."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from flightwatch.airports import Airports
from flightwatch.records import DAY, MATCH, ROUTE_DAY, Route, conform
from flightwatch.routes.match import Flown, flight_days
from flightwatch.routes.newcomers import at_least_once, unseen
from flightwatch.routes.resolve import reverse

Floats = npt.NDArray[np.float64]

NIGHT = (22.0, 5.0)
"""Local solar time. At 22 h the sun is down on every date of the year south of 63 N, and 5 h is the earliest sunrise at
32 N (cos H = -tan(latitude) tan(23.44 degrees)): in Libya these hours are dark all year, and no ramp works by day."""


def tally(
    matches: pd.DataFrame,
    flights: pd.DataFrame,
    routes: Sequence[Route],
    days: tuple[date, date],
    coverage: pd.DataFrame | None = None,
    earlier: pd.DataFrame | None = None,
    *,
    aircraft: pd.DataFrame | None = None,
    airports: Airports | None = None,
) -> pd.DataFrame:
    """One ROUTE_DAY row for each route and day from first to last, zeros included, sorted by route as given, then day.

    `flights` must hold the flights of the matches in those days; with those of the 180 days before as well,
    `region_newcomers` knows who was there before. `earlier` are matches of those 180 days (`matches` may hold them as
    well). `coverage` is the result of `coverage()`; without it every day counts as watched, with it a day that it does
    not list counts as not watched. `airports` give the longitude of departures that were reported, not seen.
    """
    panel = _Panel(routes, days)
    every = matches if earlier is None or earlier.empty else pd.concat([earlier, matches], ignore_index=True)
    every = conform(every, MATCH).drop_duplicates(["route", "flight_id"], keep="last")
    where = panel.cell(every["route"], every["day"].to_numpy())
    rows = every[where >= 0].reset_index(drop=True)
    cell, likely = where[where >= 0], rows["probability"].to_numpy()
    at = _positions(rows, flights)
    flown = Flown(flights, aircraft)
    airframes = flown.airframes
    crowd = _names(every["icao24"], every["flight_id"])
    own = crowd[where >= 0]
    new = likely * unseen(
        panel.keys(rows, own), rows["day"], panel.keys(every, crowd), every["day"], every["probability"]
    )
    columns = {
        "flights": panel.sum(cell, likely),
        "confirmed": panel.sum(cell, rows["confirmed"].to_numpy(dtype=float)),
        "aircraft": panel.sum(*at_least_once(cell, own, likely)),
        "newcomers": panel.sum(cell, new),
        "region_newcomers": panel.sum(cell, likely * _new_to_region(panel, rows, flights, flown)),
        "heavy": panel.sum(cell, likely * (airframes.heavy | airframes.military)[at]),
        "military": panel.sum(cell, likely * airframes.flagged[at]),
        "night": panel.sum(cell, likely * at_night(flights, airports)[at]),
        "reverse": panel.sum(*_reverse(panel, flights, flown)),
        "suspect": panel.sum(cell, likely * (flights["suspect"].fillna("") != "").to_numpy()[at]),
    } | panel.covered(coverage)
    return conform(pd.DataFrame(panel.labels() | columns), ROUTE_DAY)


class _Panel:
    """Routes × days, and the index of each route and day in it."""

    def __init__(self, routes: Sequence[Route], days: tuple[date, date]) -> None:
        self.routes = list(routes)
        self.names = pd.Index([route.name for route in routes], dtype=object)
        if self.names.has_duplicates:
            raise ValueError(f"two routes are called {self.names[self.names.duplicated()][0]!r}")
        self.first = np.datetime64(days[0], "D")
        self.length = int((np.datetime64(days[1], "D") - self.first).astype(int)) + 1
        self.size = len(self.routes) * max(self.length, 0)

    def cell(self, route: pd.Series, day: Any) -> npt.NDArray[np.int64]:
        """The index of each (route, day); -1 outside."""
        which = self.names.get_indexer(route.astype(object))
        since = (np.asarray(day).astype("datetime64[D]") - self.first).astype(np.int64)
        inside = (which >= 0) & (since >= 0) & (since < self.length)
        return np.where(inside, which * self.length + since, -1)

    def keys(self, rows: pd.DataFrame, airframe: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Route and airframe as one number."""
        found: npt.NDArray[np.int64] = (
            self.names.get_indexer(rows["route"].astype(object)) + (len(self.names) + 1) * airframe
        )
        return found

    def sum(self, cell: npt.NDArray[np.int64], values: Any) -> Floats:
        weights = np.asarray(values, dtype=np.float64)
        return np.bincount(cell, weights=weights, minlength=self.size).astype(np.float64)

    def labels(self) -> dict[str, Any]:
        days = (self.first + np.arange(max(self.length, 0))).astype(DAY)

        def spread(values: list[str]) -> Any:
            return np.repeat(np.array(values, dtype=object), max(self.length, 0))

        return {
            "route": spread(list(self.names)),
            "day": np.tile(days, len(self.routes)),
            "origin_group": spread([_group(route.origin) for route in self.routes]),
            "destination_group": spread([_group(route.destination) for route in self.routes]),
        }

    def covered(self, coverage: pd.DataFrame | None) -> dict[str, Floats]:
        """What `coverage()` says of each cell; without it all days are watched, and a day that it does not list is
        not."""
        if coverage is None:
            return {}
        where = self.cell(coverage["route"], coverage["day"].to_numpy())
        found = {}
        for name, missing in (("coverage", 0.0), ("looked", 0.0), ("traffic", -1.0)):
            if name in coverage:
                found[name] = np.full(self.size, missing)
                found[name][where[where >= 0]] = coverage[name].to_numpy(dtype=float)[where >= 0]
        return found


def _group(ends: tuple[str, ...]) -> str:
    return "+".join(sorted(end.lower() for end in ends))


def _positions(rows: pd.DataFrame, flights: pd.DataFrame) -> npt.NDArray[np.int64]:
    at: npt.NDArray[np.int64] = pd.Index(flights["flight_id"].astype(object)).get_indexer(rows["flight_id"])
    if (at < 0).any():
        raise ValueError(f"{(at < 0).sum()} matched flights of these days are not among the flights given")
    return at


def _names(icao24: pd.Series, flight_id: pd.Series) -> npt.NDArray[np.int64]:
    """Airframes as numbers; a flight of an unknown airframe (imported lists) is an airframe of its own."""
    unknown = icao24.fillna("") == ""
    codes: npt.NDArray[np.int64] = pd.factorize(icao24.where(~unknown, "flight " + flight_id.astype(object)))[0]
    return codes.astype(np.int64)


def _new_to_region(panel: _Panel, rows: pd.DataFrame, flights: pd.DataFrame, flown: Flown) -> Floats:
    """Probability that the airframe of each row had not arrived at the route's destination in the days before."""
    arrivals, day = flown.arrivals, flight_days(flights)
    crowd, names = pd.factorize(flights["icao24"].fillna("").astype(object))
    who = pd.Index(names).get_indexer(rows["icao24"].astype(object))
    sets = {route.destination_airports: number for number, route in enumerate(panel.routes)}
    region = np.array([sets[route.destination_airports] for route in panel.routes], dtype=np.int64)
    parts = [(np.full(len(at), number), at, p) for end, number in sets.items() for at, p in [arrivals.column(end)]]
    if not parts or rows.empty:
        return np.ones(len(rows))
    number, at, p = (np.concatenate(part) for part in zip(*parts, strict=True))
    wanted = region[panel.names.get_indexer(rows["route"].astype(object))] + (len(panel.routes) + 1) * who
    known = np.asarray(names, dtype=object)[crowd[at]] != ""  # airframes without an address are never recognised again
    held = number + (len(panel.routes) + 1) * crowd[at]
    return unseen(wanted, rows["day"], held[known], pd.Series(day[at][known]), p[known])


def at_night(flights: pd.DataFrame, airports: Airports | None = None) -> npt.NDArray[np.bool_]:
    """Whether each flight left by night, in local solar time at its first fix, else at its departure airport."""
    longitude = flights["first_longitude"].to_numpy(dtype=float, copy=True)
    if airports is not None:
        told = flights["estdepartureairport"].map(airports.frame["longitude"]).to_numpy(dtype=float)
        longitude = np.where(np.isnan(longitude), told, longitude)
    first = flights["firstseen"]
    hour = (first.dt.hour + first.dt.minute / 60).to_numpy() + longitude / 15
    solar = np.mod(hour, 24)
    night: npt.NDArray[np.bool_] = (solar >= NIGHT[0]) | (solar < NIGHT[1])
    return night


def _reverse(panel: _Panel, flights: pd.DataFrame, flown: Flown) -> tuple[Any, Any]:
    """Flights of these days in the other direction. A route that is its own reverse has none: they are counted
    already."""
    directed = [route for route in panel.routes if route.origin_airports != route.destination_airports]
    back = flown.on(reverse(directed))
    names = pd.Series([route.name for route in directed], dtype=object).iloc[back.route]
    cell = panel.cell(names, flight_days(flights)[back.flight])
    return cell[cell >= 0], back.probability[cell >= 0]
