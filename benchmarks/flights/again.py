"""Ends cut off and judged again by the whole product: legs, ends and joining, with everything else in the recording.

`truth` judges each end by itself. Here the airframe's flights are built again, without the fixes from the cut until it
is next heard beyond the same distance from the field: where nobody hears it land, nobody hears it leave.
"""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import patch

import numpy as np
import pandas as pd

from benchmarks.flights import corpus
from benchmarks.flights import cuts as cutting
from benchmarks.flights.fit import Problem
from flightwatch import airports, flights, ingest, units
from flightwatch.flights import weights
from flightwatch.flights.table import NAMED

KM = 50
HIGHEST_FT = 15_000.0


def answers(arrivals: Problem, departures: Problem, folds: int) -> pd.DataFrame:
    """One row per arrival cut at KM and below HIGHEST_FT, judged by weights fitted without the airframe."""
    fitted = list(zip(arrivals.without(folds), departures.without(folds), strict=True))
    places = airports.load()
    rows = []
    for name, observations in corpus.collections():
        if name == corpus.PARIS:
            continue
        clean, _ = ingest.clean(observations.assign(source=name))
        for address, at, place, left, visits in _cases(corpus.seen(name, observations), clean, places):
            arrival, departure = fitted[address % folds]
            with patch.dict(weights.ARRIVAL, arrival), patch.dict(weights.DEPARTURE, departure):
                best, sure, next_ = asked(left, at, visits, address)
            truth = str(places.ids[place])
            rows.append((name, units.icao24_text(address), truth, best, sure, best == truth, next_))
    frame = pd.DataFrame(rows, columns=["collection", "icao24", "truth", "best", "sure", "right", "next"])
    return frame.assign(named=frame["sure"] >= NAMED)


def _cases(
    seen: corpus.Seen, clean: pd.DataFrame, places: airports.Airports
) -> Iterator[tuple[int, int, int, pd.DataFrame, pd.DataFrame]]:
    columns, legs = seen.columns, seen.legs
    time = units.millis(clean["time"])
    for row, _, place, km, leg in cutting.of(seen, True, np.random.default_rng(1), places):
        if km != KM or not columns["altitude"][row] < HIGHEST_FT:
            continue
        address, at = int(columns["address"][row]), int(columns["time"][row])
        mine = (clean["address"] == address).to_numpy()
        away = corpus.geo.distance(
            clean["latitude"], clean["longitude"], places.latitude[place], places.longitude[place]
        )
        ended = int(columns["time"][legs.last[leg]])
        heard = time[mine & (time > ended) & (np.asarray(away) > KM / 1.852)]
        until = int(heard.min()) if len(heard) else np.iinfo(np.int64).max
        before = columns["address"][legs.first[:leg]] == address
        known = np.concatenate([seen.arrival[:leg][before], seen.departure[:leg][before]])
        fields, times = np.unique(known[known >= 0], return_counts=True)
        visits = pd.DataFrame({"airport": places.ids[fields], "flights": times})
        visits = visits.assign(icao24=units.icao24_text(address), typecode="", operator="")
        yield address, at, place, clean[mine & ((time <= at) | (time >= until))], visits


def asked(left: pd.DataFrame, at: int, visits: pd.DataFrame, address: int) -> tuple[str, float, bool]:
    """The best airport of the flight under way at that time, its probability, and whether the airframe came back."""
    types = pd.DataFrame({"icao24": [units.icao24_text(address)], "typecode": [corpus.typecodes().get(address, "")]})
    found = flights.build(left, aircraft=types, visits=visits)
    first, last = units.millis(found["firstseen"]), units.millis(found["lastseen"])
    mine = np.flatnonzero((first <= at) & (last >= at))
    later = bool((first > at).any())
    if len(mine) != 1 or last[mine[0]] > at:
        return "", 0.0, later  # joined with the next flight: its end is lost
    chances = found["arrival_candidates"].iloc[mine[0]]
    best = max(chances, key=lambda a: chances[a], default="")
    return best, chances.get(best, 0.0), later
