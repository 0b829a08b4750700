"""How long counting takes: 1,000 routes × 400 days over 200,000 flights. `python benchmarks/routes/tally.py`.

Processor time, so that other work on the machine does not count. The flights are drawn at random between 600 airports
with Zipf popularity, two candidates for each arrival. A tenth of the routes are arrivals from anywhere, a quarter
filter by type.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from flightwatch import airports, routes
from flightwatch.records import AIRCRAFT, FLIGHT, HEARD, ROUTE_DAY, AircraftFilter, Route, conform

START, DAYS = date(2024, 1, 1), 400
SECOND = int(pd.Timestamp(START, tz="UTC").timestamp())


def world(rng: np.random.Generator, pool: np.ndarray, size: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Flights and their airframes."""
    popular = 1 / np.arange(1, len(pool) + 1)
    start, stop, other = (rng.choice(pool, size, p=popular / popular.sum()) for _ in range(3))
    hexes = np.unique([f"{n:06x}" for n in rng.integers(0x100000, 0x1FFFFF, 20_000)])
    icao24, likely = rng.choice(hexes, size), rng.random(size) * 0.6 + 0.3
    when = pd.to_datetime(SECOND + rng.integers(0, DAYS * 86400, size), unit="s", utc=True)
    rows = {
        "flight_id": [f"{h}-{n}" for n, h in enumerate(icao24)],
        "icao24": icao24,
        "firstseen": when,
        "lastseen": when,
        "departure_candidates": [{a: 1.0} for a in start],
        "departure_method": "observed",
        "estdepartureairport": start,
        "arrival_candidates": [{a: p, b: 0.1} for a, b, p in zip(stop, other, likely, strict=True)],
        "typecode": rng.choice(["IL76", "B738", "A320", "AN12", ""], size),
        "first_longitude": rng.uniform(-180, 180, size),
        "provenance": None,
        "track": None,
        "rules_version": "1",
    }
    known = pd.DataFrame({"icao24": hexes, "flags": rng.integers(0, 2, len(hexes))})
    return conform(pd.DataFrame(rows), FLIGHT), conform(known, AIRCRAFT)


def watched(rng: np.random.Generator, pool: np.ndarray, count: int) -> list[Route]:
    """Routes between sets of 1 to 19 airports."""

    def end() -> frozenset[str]:
        return frozenset(rng.choice(pool, rng.integers(1, 20), replace=False))

    kinds = [AircraftFilter(types=("IL76",)), AircraftFilter(), AircraftFilter(), AircraftFilter()]
    return [
        Route(f"r{n}", (f"o{n % 40}",), (f"d{n % 30}",), None if n % 10 == 0 else end(), end(), kinds[n % 4])
        for n in range(count)
    ]


def listening(rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two million cell-hours with traffic heard, and a poll every minute."""
    cells = np.array([f"{s},{w}" for s in range(-40, 70, 2) for w in range(-20, 80, 2)][::4], dtype=object)
    where, hour = np.nonzero(rng.random((len(cells), DAYS * 24)) < 0.3)
    heard = {"cell": cells[where], "hour": pd.to_datetime(SECOND + hour * 3600, unit="s", utc=True), "source": "a"}
    heard["aircraft"] = rng.integers(1, 30, len(where))
    when = pd.to_datetime(SECOND + np.arange(DAYS * 1440) * 60, unit="s", utc=True)
    polls = pd.DataFrame({"source": "a", "started": when, "finished": when, "outcome": "ok", "planned": True})
    return conform(pd.DataFrame(heard), HEARD), polls


def timed(name: str, call: Callable[[], Any], into: dict[str, float]) -> Any:
    before = time.process_time()
    answer = call()
    into[name] = round(time.process_time() - before, 2)
    return answer


def main(flights: int = 200_000, count: int = 1_000) -> None:
    rng = np.random.default_rng(1)
    known = airports.load()
    pool = rng.choice(known.ids, 600, replace=False)
    flown, aircraft = world(rng, pool, flights)
    routes_ = watched(rng, pool, count)
    days = (START, START + timedelta(days=DAYS - 1))
    heard, polls = listening(rng)
    seconds: dict[str, float] = {}
    found = timed("match", lambda: routes.match(flown, routes_, aircraft), seconds)
    covered = timed("coverage", lambda: routes.coverage(heard, polls, routes_, known, days), seconds)
    panel = timed(
        "tally",
        lambda: routes.tally(found, flown, routes_, days, covered, aircraft=aircraft, airports=known),
        seconds,
    )
    timed("weigh", lambda: routes.weigh(conform(panel, ROUTE_DAY)), seconds)
    timed("discover countries", lambda: routes.discover(flown, known, "country", aircraft=aircraft), seconds)
    counts = {"flights": len(flown), "matches": len(found), "route_days": len(panel), "heard": len(heard)}
    json.dump({"counts": counts, "processor_seconds": seconds}, sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
