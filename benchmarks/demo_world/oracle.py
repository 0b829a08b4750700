"""Flights as a perfect builder would make them from what was heard: tells the detector's faults from the builder's."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd

from flightwatch.demo.world import World
from flightwatch.records import FLIGHT, conform, flight_id
from flightwatch.units import instants


def as_flights(world: World, asof: datetime) -> pd.DataFrame:
    """A flight for every leg heard before `asof`, both ends known."""
    fixes = world.written
    before = fixes.take(np.flatnonzero(fixes.when < asof.timestamp()))
    lost = np.zeros(len(before), dtype=bool)
    for day in world.faults.lost:
        lost |= (before.when >= day) & (before.when < day + 86400)
    if world.faults.outage is not None:
        lost |= (before.when >= world.faults.outage[0]) & (before.when < world.faults.outage[1])
    kept = before.take(np.flatnonzero(~lost))
    legs, first, count = np.unique(kept.leg, return_index=True, return_counts=True)
    last = first + count - 1
    frames = [world.airframes[i] for i in world.legs.airframe[legs]]
    starts = instants(np.round(kept.when[first] * 1000).astype("int64"))
    table = {
        "flight_id": [flight_id(a.icao24, t.to_pydatetime()) for a, t in zip(frames, starts, strict=True)],
        "icao24": [a.icao24 for a in frames],
        "callsign": world.legs.callsign[legs],
        "registration": [a.registration for a in frames],
        "typecode": [a.typecode for a in frames],
        "firstseen": starts,
        "lastseen": instants(np.round(kept.when[last] * 1000).astype("int64")),
        "points": count,
        "status": "landed",
        "first_latitude": kept.latitude[first],
        "first_longitude": kept.longitude[first],
        "last_latitude": kept.latitude[last],
        "last_longitude": kept.longitude[last],
        "rules_version": "truth",
    }
    for end, names in (("departure", world.legs.origin[legs]), ("arrival", world.legs.destination[legs])):
        table |= {
            f"est{end}airport": names,
            f"{end}_method": "observed",
            f"{end}_probability": 1.0,
            f"{end}_candidates": [{name: 1.0} for name in names],
        }
    return conform(pd.DataFrame(table), FLIGHT)
