"""Routes nobody named: pairs of countries or of airports with history."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import sparse

from flightwatch.airports import Airports
from flightwatch.errors import ConfigError
from flightwatch.records import Route
from flightwatch.routes.airframes import Airframes
from flightwatch.routes.ends import Ends
from flightwatch.routes.resolve import digest

MODES = ("country", "airport", "none")


def discover(
    flights: pd.DataFrame,
    airports: Airports,
    mode: str = "country",
    *,
    aircraft: pd.DataFrame | None = None,
    known: Iterable[Route] = (),
    min_flights: float = 3.0,
    max_routes: int = 1000,
) -> list[Route]:
    """Every directed pair with at least `min_flights` expected flights among these, the busiest `max_routes` of them.

    Pairs of a country or airport with itself are left out, and so are pairs that a `known` route already counts.
    Flights of airframes whose owners asked not to be shown do not create routes.
    """
    if mode not in MODES:
        raise ConfigError(f"discover.pairs is one of {', '.join(MODES)}, not {mode!r}")
    if mode == "none" or flights.empty or max_routes <= 0:
        return []
    shown = flights[~Airframes(flights, aircraft).hidden].reset_index(drop=True)
    country = {str(a): str(c) for a, c in airports.frame["country"].items()}
    labels = {"country": country, "airport": {a: a for a in country}}[mode]
    starts, departures = _grouped(Ends(shown, "departure"), labels)
    stops, arrivals = _grouped(Ends(shown, "arrival"), labels)
    expected = (departures.T @ arrivals).tocoo()
    pairs = [
        (-round(float(n), 9), starts[i], stops[j])
        for i, j, n in zip(expected.row, expected.col, expected.data, strict=True)
        if starts[i] != stops[j] and n >= min_flights - 1e-9  # these are sums of probabilities
    ]
    members = _members(labels)
    taken = {route.digest or digest(route) for route in known}
    found: list[Route] = []
    for _, start, stop in sorted(pairs):
        route = Route(f"{start} to {stop}", (start,), (stop,), members[start], members[stop], discovered=True)
        route = replace(route, digest=digest(route))
        if route.digest not in taken and len(found) < max_routes:
            found.append(route)
    return found


def _grouped(ends: Ends, labels: dict[str, str]) -> tuple[list[str], sparse.csr_matrix]:
    """Flights × labels: the probability that this end lies in each country (or is each airport)."""
    named = [(code, labels[airport]) for airport, code in ends.airports.items() if labels.get(airport)]
    names = sorted({label for _, label in named})
    place = {label: column for column, label in enumerate(names)}
    rows, columns = [code for code, _ in named], [place[label] for _, label in named]
    groups = sparse.csr_matrix((np.ones(len(named)), (rows, columns)), shape=(len(ends.airports), len(names)))
    return names, ends.matrix.tocsr() @ groups


def _members(labels: dict[str, str]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for airport, label in labels.items():
        found.setdefault(label, set()).add(airport)
    return {label: frozenset(ids) for label, ids in found.items()}
