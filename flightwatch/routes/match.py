"""Which flights flew which route, with what probability."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from flightwatch.records import DAY, MATCH, AircraftFilter, Route, conform, empty
from flightwatch.routes.airframes import Airframes
from flightwatch.routes.ends import Ends, joint

LEAST = 0.01
"""A flight less likely than this on a route is left out: candidate lists are calibrated in whole per cents at best, and
thousands of far-fetched flights would otherwise add up to traffic that never was."""


def match(flights: pd.DataFrame, routes: Sequence[Route], aircraft: pd.DataFrame | None = None) -> pd.DataFrame:
    """A MATCH row for each flight that may have flown a route.

    The probability is that of the departure being in the origin times that of the arrival being in the destination,
    from the candidates of both ends; `anywhere` is certain, so a flight with one end unknown still counts for a watch
    of the other end. `aircraft` (AIRCRAFT rows) gives flags, operators and missing types.
    """
    if flights.empty or not routes:
        return empty(MATCH)
    departures, arrivals = Ends(flights, "departure"), Ends(flights, "arrival")
    airframes = Airframes(flights, aircraft)
    masks: dict[AircraftFilter, npt.NDArray[np.bool_]] = {}
    parts: list[tuple[Any, ...]] = []
    for number, route in enumerate(routes):
        mask = masks.get(route.aircraft)
        if mask is None:
            mask = masks[route.aircraft] = airframes.mask(route.aircraft)
        rows, likely = joint(departures.column(route.origin_airports), arrivals.column(route.destination_airports))
        keep = mask[rows] & (likely >= LEAST)
        rows, likely = rows[keep], likely[keep]
        sure = departures.confirmed(rows, route.origin_airports) & arrivals.confirmed(rows, route.destination_airports)
        parts.append((np.full(len(rows), number), rows, likely, sure))
    numbers, rows, likely, sure = (np.concatenate(column) for column in zip(*parts, strict=True))
    found = {
        "route": np.array([route.name for route in routes], dtype=object)[numbers],
        "flight_id": flights["flight_id"].to_numpy(dtype=object)[rows],
        "icao24": flights["icao24"].to_numpy(dtype=object)[rows],
        "day": flight_days(flights)[rows],
        "probability": likely,
        "confirmed": sure,
    }
    return conform(pd.DataFrame(found), MATCH)


def flight_days(flights: pd.DataFrame) -> npt.NDArray[np.datetime64]:
    """The UTC date each flight counts for: that of its first fix."""
    days: npt.NDArray[np.datetime64] = (
        flights["firstseen"].dt.tz_convert("UTC").dt.tz_localize(None).dt.floor("D").to_numpy()
    )
    return days.astype(DAY)
