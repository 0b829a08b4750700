"""Which flights flew which route, with what probability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from flightwatch.records import DAY, MATCH, AircraftFilter, Route, conform, empty
from flightwatch.routes.airframes import Airframes
from flightwatch.routes.crossing import crossed
from flightwatch.routes.ends import Ends, joint

LEAST = 0.01
"""A flight less likely than this on a route is left out: candidate lists are calibrated in whole per cents at best, and
thousands of far-fetched flights would otherwise add up to traffic that never was."""


def match(flights: pd.DataFrame, routes: Sequence[Route], aircraft: pd.DataFrame | None = None) -> pd.DataFrame:
    """A MATCH row for each flight that may have flown a route.

    The probability is that of the departure being in the origin times that of the arrival being in the destination,
    from the candidates of both ends. `anywhere` is certain, so a flight with one end unknown still counts for a watch
    of the other end. `aircraft` (AIRCRAFT rows) gives flags, operators and missing types. A route that is `over` a
    place counts only flights seen there; to find aircraft that merely pass through, the flights need their `track`.
    """
    if flights.empty or not routes:
        return empty(MATCH)
    found = Flown(flights, aircraft).on(routes)
    columns = {
        "route": np.array([route.name for route in routes], dtype=object)[found.route],
        "flight_id": flights["flight_id"].to_numpy(dtype=object)[found.flight],
        "icao24": flights["icao24"].to_numpy(dtype=object)[found.flight],
        "day": flight_days(flights)[found.flight],
        "probability": found.probability,
        "confirmed": found.confirmed,
    }
    return conform(pd.DataFrame(columns), MATCH)


@dataclass(frozen=True)
class Matches:
    """Matches as columns: index of the route, index of the flight, probability, whether both ends were seen or
    reported."""

    route: npt.NDArray[np.int64]
    flight: npt.NDArray[np.int64]
    probability: npt.NDArray[np.float64]
    confirmed: npt.NDArray[np.bool_]


class Flown:
    """Many flights, prepared once so that they can be matched with many routes."""

    def __init__(self, flights: pd.DataFrame, aircraft: pd.DataFrame | None) -> None:
        self.flights = flights
        self.departures, self.arrivals = Ends(flights, "departure"), Ends(flights, "arrival")
        self.airframes = Airframes(flights, aircraft)

    def on(self, routes: Sequence[Route]) -> Matches:
        """The flights that may have flown each route."""
        masks: dict[AircraftFilter, npt.NDArray[np.bool_]] = {}
        parts: list[tuple[Any, ...]] = [(np.empty(0, int), np.empty(0, int), np.empty(0), np.empty(0, bool))]
        for number, route in enumerate(routes):
            if route.aircraft not in masks:
                masks[route.aircraft] = self.airframes.mask(route.aircraft)
            left, reached = route.origin_airports, route.destination_airports
            rows, likely = joint(self.departures.column(left), self.arrivals.column(reached))
            keep = masks[route.aircraft][rows] & (likely >= LEAST)
            rows, likely = rows[keep], likely[keep]
            if route.over:
                seen = crossed(self.flights, rows, route.over)
                rows, likely = rows[seen], likely[seen]
            sure = self.departures.confirmed(rows, left) & self.arrivals.confirmed(rows, reached)
            parts.append((np.full(len(rows), number), rows, likely, sure))
        return Matches(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def flight_days(flights: pd.DataFrame) -> npt.NDArray[np.datetime64]:
    """The UTC date each flight counts for: that of its first fix."""
    days: npt.NDArray[np.datetime64] = (
        flights["firstseen"].dt.tz_convert("UTC").dt.tz_localize(None).dt.floor("D").to_numpy()
    )
    return days.astype(DAY)
