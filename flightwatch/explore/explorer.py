"""One open database to explore."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from types import TracebackType
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from flightwatch import airports as fields
from flightwatch import plots
from flightwatch.errors import UsageError
from flightwatch.explore import listings, traffic, why, zoom
from flightwatch.explore.choose import Wanted, airport_id, choose
from flightwatch.explore.note import Note
from flightwatch.explore.tables import DayLike, Days, known, span
from flightwatch.explore.uncertain import with_bounds
from flightwatch.records import Route
from flightwatch.store import Store
from flightwatch.telling import Alert
from flightwatch.units import instant_of_day


class Explorer:
    """Tables and pictures of one database. Everything is read when requested, so it is always current."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.airports = fields.load()

    def __enter__(self) -> Explorer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        days = self.store.days_with_flights()
        held = f"flights of {days[0]} to {days[1]}" if days else "no flights yet"
        return f"<flightwatch database: {held}, {len(self.store.alerts())} alerts>"

    def close(self) -> None:
        """Close the database."""
        self.store.close()

    # -- what was found --------------------------------------------------------------------------------------------

    def alerts(self, status: str | None = None) -> pd.DataFrame:
        """Alerts, newest first: see `columns("alerts")`. `status`: open, acknowledged, dismissed or closed."""
        return listings.alerts(self.store, status)

    def alert(self, number: int | Alert | None = None) -> Alert:
        """One alert in full, by default the newest; UsageError listing the existing ones if there is no such alert."""
        if isinstance(number, Alert):
            return number
        held = self.store.alerts()
        for alert in held:
            if number is None or alert.id == number:
                return alert
        if number is None:
            raise UsageError("no alert has been raised yet; `routes()` lists what is watched")
        listed = ", ".join(f"{a.id} ({a.route})" for a in held[:5])
        more = f" and {len(held) - 5} more" if len(held) > 5 else ""
        raise UsageError(f"no alert {number}; " + (f"there are {listed}{more}" if held else "none has been raised yet"))

    def why(self, alert: int | Alert) -> Note:
        """The alert as an editor's note: what was counted against what, how certain it is, and what could be wrong."""
        return why.note(self, self.alert(alert))

    def findings(self, route: str | None = None, days: DayLike = None, *, flagged: bool | None = None) -> pd.DataFrame:
        """Judgements per route and day by the newest model that judged it: see `columns("findings")`."""
        first, last = self._span(days) or (None, None)
        return self.store.findings(self._route(route), first, last, flagged)

    # -- what was counted ------------------------------------------------------------------------------------------

    def routes(self) -> pd.DataFrame:
        """The watched routes: name, origin, destination (as configured), their airports, discovered, days, flights."""
        return listings.routes(self.store)

    def route(self, name: str) -> Route:
        """One route's definition; UsageError with the nearest names if there is no such route."""
        held = {r.name: r for r in self.store.routes()}
        return held[known(name, held, "route")]

    def route_days(self, route: str | None = None, days: DayLike = None) -> pd.DataFrame:
        """Expected flights per route and day, zeros included, with coverage and bounds: `columns("route_days")`.

        `coverage` says how well the day was watched, 0 to 1: a zero on a day with little coverage says little.
        """
        first, last = self._span(days) or (None, None)
        name = self._route(route)
        counted = self.store.route_days(name, first, last)
        if counted.empty:
            return counted.assign(flights_lower=0.0, flights_upper=0.0)
        whole = (counted["day"].min().date(), counted["day"].max().date())
        return with_bounds(counted, self.store.matches(name, whole))

    def flights(
        self,
        route: str | None = None,
        days: DayLike = None,
        *,
        alert: int | Alert | None = None,
        icao24: str | None = None,
        callsign: str | None = None,
        typecode: str | None = None,
        airport: str | None = None,
        at_least: float = 0.05,
    ) -> pd.DataFrame:
        """Flights ordered by time of their first fix: see `columns("flights")`.

        With `route`, those that flew it with a probability of at least `at_least`, in `route_probability`. `airport`
        (ICAO, IATA or our id) finds flights that may have begun or ended there.
        """
        wanted = Wanted(self._route(route), self._span(days), self._alert(alert), icao24, callsign, typecode, at_least)
        if airport is not None:
            wanted = replace(wanted, airport=airport_id(self.airports, airport))
        return choose(self.store, wanted)

    def tracked_flights(
        self,
        route: str | None = None,
        days: DayLike = None,
        *,
        alert: int | Alert | None = None,
        icao24: str | None = None,
        at_least: float = 0.05,
    ) -> pd.DataFrame:
        """Like `flights`, with `track` (packed; see `track()`), `callsigns` and `provenance`: for maps and exports."""
        wanted = Wanted(self._route(route), self._span(days), self._alert(alert), icao24, at_least=at_least)
        return choose(self.store, wanted, with_track=True)

    def track(self, flight: Any) -> pd.DataFrame:
        """The fixes of one flight, given by its id or its row: see `columns("track")`, thinned to what a map needs."""
        name = str(flight if isinstance(flight, str) else flight["flight_id"])
        found = self.store.flights(ids=[name], with_track=True)
        if found.empty:
            own = self.store.flights(icao24=[name[:6]], columns=["flight_id", "firstseen"])
            pool = own["flight_id"].tolist() or self.store.flights(limit=500, newest=True)["flight_id"].tolist()
            known(name, pool, "flight")
        return traffic.one(found.iloc[0].to_dict())

    def traffic_frame(self, route: str | None = None, days: DayLike = None, **which: Any) -> pd.DataFrame:
        """The tracks of flights in one frame for the `traffic` library; selects like `tracked_flights`."""
        return traffic.to_traffic_frame(self.tracked_flights(route, days, **which))

    def aircraft(self, icao24: str | None = None) -> pd.DataFrame:
        """The airframes: registration, typecode, operator, flags, and the source of each value."""
        return self.store.aircraft(None if icao24 is None else [icao24.lower()])

    # -- what was watched ------------------------------------------------------------------------------------------

    def coverage(self, route: str | None = None, days: DayLike = None) -> pd.DataFrame:
        """route, day, coverage (0 to 1), flights: how well each day was watched where the route would show."""
        first, last = self._span(days) or (None, None)
        return self.store.route_days(self._route(route), first, last)[["route", "day", "coverage", "flights"]]

    def polls(self, days: DayLike = None, *, source: str | None = None) -> pd.DataFrame:
        """Every request to a source and every piece of history read, with its result: `columns("polls")`."""
        return self.store.polls(*self._instants(days), source)

    def heard(self, days: DayLike = None) -> pd.DataFrame:
        """Different airframes heard per 2° cell, hour and source."""
        return self.store.heard(*self._instants(days))

    def models(self) -> pd.DataFrame:
        """The models that judged, oldest first: id, created, training days, seed, threshold and library versions."""
        return pd.DataFrame(self.store.models())

    # -- pictures --------------------------------------------------------------------------------------------------

    def plot_route(self, route: str, days: DayLike = None, *, every: int | None = None) -> Figure:
        """Flights on the route through time against what is usual, with coverage and flagged days."""
        name = self.route(route).name
        counted = self.store.route_days(name, *(self._span(days) or (None, None)))
        return plots.route_days(counted, self.findings(name, days), title=name, every=every)

    def plot_calendar(self, route: str, days: DayLike = None) -> Figure:
        """The route's days as squares, one column per week."""
        name = self.route(route).name
        counted = self.store.route_days(name, *(self._span(days) or (None, None)))
        return plots.calendar(counted, self.findings(name, days), title=name)

    def plot_aircraft(
        self, route: str | None = None, days: DayLike = None, *, alert: int | Alert | None = None
    ) -> Figure:
        """Which airframes flew when, newcomers marked: those new to the route, or to the routes of the alert."""
        found = None if alert is None else self.alert(alert)
        chosen = self.flights(route, days, alert=found)
        names = [route] if route or found is None else [r for r in found.routes if self._held(r)]
        history = []
        if len(chosen):
            first = chosen["firstseen"].min().date()
            before = (first - timedelta(days=plots.NEW_AFTER_DAYS + 1), first)
            history = [self.flights(name, before) for name in names]
        known = pd.concat(history, ignore_index=True) if history else None
        title = route or (found.route if found is not None else "Aircraft by day")
        return plots.aircraft_strip(chosen, history=known, title=title)

    def plot_contributions(self, alert: int | Alert) -> Figure:
        """What made the alert's strangest day strange, feature by feature."""
        finding = why.strongest(self, self.alert(alert))
        if finding is None:
            raise UsageError("the findings behind this alert are no longer stored")
        return plots.contributions(finding)

    def map(self, flights: pd.DataFrame | int | Alert | str, *, zoomable: bool = False, title: str = "") -> Any:
        """The flights on a map: rows of `flights()`, an alert (or its number), or a route's name.

        A matplotlib Figure that shows anywhere; `zoomable=True` gives a folium map, which loads its scripts and tiles
        from the network when viewed (package extra `notebook`).
        """
        chosen, title = self._to_draw(flights, title)
        if zoomable:
            return zoom.zoomable(chosen, self.airports)
        told = flights if isinstance(flights, pd.DataFrame) else chosen
        alert = self.alert(flights) if isinstance(flights, int | Alert) else None
        span = listings.how_many(told, alert)
        return plots.route_map(chosen, self.airports, title=title, subtitle=span)

    # -- within ----------------------------------------------------------------------------------------------------

    def _to_draw(self, flights: pd.DataFrame | int | Alert | str, title: str) -> tuple[pd.DataFrame, str]:
        if isinstance(flights, str):
            return self.tracked_flights(flights), title or self.route(flights).name
        if isinstance(flights, int | Alert):
            alert = self.alert(flights)
            return self.tracked_flights(alert=alert), title or alert.route
        if "track" in flights and flights["track"].notna().any():
            return flights, title
        return self.store.flights(ids=flights["flight_id"].tolist(), with_track=True), title

    def _held(self, route: str) -> bool:
        return any(r.name == route for r in self.store.routes())

    def _alert(self, alert: int | Alert | None) -> int | None:
        return None if alert is None else self.alert(alert).id

    def _route(self, route: str | None) -> str | None:
        return None if route is None else self.route(route).name

    def _span(self, days: DayLike) -> Days | None:
        held = self.store.days_with_flights() if isinstance(days, int) else None
        return span(days, held[1] if held else None)

    def _instants(self, days: DayLike) -> tuple[datetime | None, datetime | None]:
        wanted = self._span(days)
        if wanted is None:
            return None, None
        return instant_of_day(wanted[0]), instant_of_day(date.fromordinal(wanted[1].toordinal() + 1))

    def last_day(self) -> date:
        """The last UTC date with flights; UsageError in an empty database."""
        held = self.store.days_with_flights()
        if held is None:
            raise UsageError("the database holds no flights yet: run `flightwatch backfill` or `flightwatch run`")
        return held[1]

    def week(self, until: date | None = None) -> Days:
        """The seven days up to a date (default: the last one with flights)."""
        last = until or self.last_day()
        return last - timedelta(days=6), last
