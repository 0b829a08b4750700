"""Composed flights, airframes and routes for tests of what counts where."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pandas as pd

from flightwatch import routes, tracks
from flightwatch.records import AIRCRAFT, FLIGHT, OBSERVATION, AircraftFilter, Route, conform, flight_id

DAY = date(2024, 12, 14)
NOON = datetime(2024, 12, 14, 12, tzinfo=UTC)


def route(name="r", origin=("A",), destination=("B",), **wanted) -> Route:
    ends = [None if end is None else frozenset(end) for end in (origin, destination)]
    return Route(name, origin or ("anywhere",), destination or ("anywhere",), *ends, AircraftFilter(**wanted))


def flight(departure, arrival, when=NOON, icao24="140a1f", **more) -> dict:
    """One flight; an end is a candidates dict, an airport seen for sure, or None for unknown."""
    row = {"icao24": icao24, "firstseen": when, "lastseen": when + timedelta(hours=5), "rules_version": "1"}
    row |= {"flight_id": flight_id(icao24, when), "provenance": [], "track": None}
    for end, given_ in (("departure", departure), ("arrival", arrival)):
        sure = isinstance(given_, str)
        candidates = {given_: 1.0} if sure else (given_ or {})
        best = max(candidates, key=candidates.get) if candidates else ""
        row |= {
            f"est{end}airport": best,
            f"{end}_candidates": candidates,
            f"{end}_probability": candidates.get(best, 0.0),
            f"{end}_method": "observed" if sure else ("inferred" if candidates else "unknown"),
        }
    return row | more


def frame(*flights: dict) -> pd.DataFrame:
    return conform(pd.DataFrame(list(flights)), FLIGHT)


def aircraft(**known: dict) -> pd.DataFrame:
    return conform(
        pd.DataFrame([{"icao24": icao24.removeprefix("x"), "flags": 0} | row for icao24, row in known.items()]),
        AIRCRAFT,
    )


def track(points, minutes) -> bytes:
    """An encoded track of fixes so many minutes apart."""
    rows = {
        "time": [NOON + timedelta(minutes=minutes * n) for n in range(len(points))],
        "latitude": [lat for lat, _ in points],
        "longitude": [lon for _, lon in points],
        "address": 0x140A1F,
        "altitude": 35000.0,
        "groundspeed": 450.0,
    }
    return tracks.encode(conform(pd.DataFrame(rows), OBSERVATION))


def tallied(flights, watched, days=(DAY, DAY), **more) -> pd.DataFrame:
    known = more.get("aircraft")
    return routes.tally(routes.match(flights, watched, known), flights, watched, days, **more)
