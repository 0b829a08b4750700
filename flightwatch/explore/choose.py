"""Selects flights: by route, days, alert, airframe, callsign, type, airport."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from flightwatch.airports import Airports
from flightwatch.errors import UsageError
from flightwatch.explore.tables import FLIGHT_COLUMNS, Days
from flightwatch.store import Store

TRACKED = (*FLIGHT_COLUMNS, "callsigns", "provenance", "track")


@dataclass(frozen=True)
class Wanted:
    """The selection; None means any. Flights of a route are those that flew it with a probability of at least
    `at_least`."""

    route: str | None = None
    days: Days | None = None
    alert: int | None = None
    icao24: str | None = None
    callsign: str | None = None
    typecode: str | None = None
    at_least: float = 0.05
    airport: str | None = None


def choose(store: Store, wanted: Wanted, *, with_track: bool = False) -> pd.DataFrame:
    """The flights by time of their first fix; those of a route with `route_probability` and `confirmed`."""
    ids: set[str] | None = None
    matches = None
    if wanted.route is not None:
        matches = store.matches(wanted.route, wanted.days)
        matches = matches[matches["probability"] >= wanted.at_least]
        ids = set(matches["flight_id"])
    if wanted.alert is not None:
        own = set(store.alert_flights(wanted.alert))
        ids = own if ids is None else ids & own
    found = store.flights(
        wanted.days,
        ids=None if ids is None else sorted(ids),
        icao24=None if wanted.icao24 is None else [wanted.icao24.lower()],
        callsign=None if wanted.callsign is None else [wanted.callsign.upper()],
        typecodes=None if wanted.typecode is None else [wanted.typecode.upper()],
        airports=None if wanted.airport is None else [wanted.airport],
        with_track=with_track,
    )
    columns = TRACKED if with_track else FLIGHT_COLUMNS
    found = found[list(columns)].reset_index(drop=True)
    if matches is None:
        return found
    told = matches.drop_duplicates("flight_id").set_index("flight_id")
    return found.assign(
        route_probability=found["flight_id"].map(told["probability"]),
        confirmed=found["flight_id"].map(told["confirmed"]).astype(bool),
    )


def airport_id(airports: Airports, code: str) -> str:
    """Our id of an airport given by ICAO, IATA or own id; UsageError with the nearest ones if there is none."""
    airport = airports.find(code)
    if airport is None:
        near = airports.suggest(code)[:3]
        raise UsageError(f"no airport {code!r}" + (f"; did you mean {' or '.join(near)}?" if near else ""))
    return airport.id
