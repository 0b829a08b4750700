"""Trips become legs: each gets a free airframe of the right fleet at the right field, and physically possible times.

An airframe is never in two places and never jumps: it always leaves from where it last landed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from flightwatch.airports import Airport, load
from flightwatch.demo.fleet import KINDS, POOLS, Airframe
from flightwatch.demo.legs import Floats, Legs, path_of, profile, when_at
from flightwatch.demo.network import LINES, SPARSE, way
from flightwatch.demo.trips import OPEN, Hidden, Trip

POINTS = 9  # the longest way has five points between the ends; the rest is padding
TURN_S = 2 * 3600.0  # rest of an airframe at base before its next trip
WIND = 0.04  # share of the cruise speed, one standard deviation over legs: 15-20 kt, usual at these levels


@dataclass(frozen=True)
class Plane:
    """An airframe's number and home; `free` is when it can leave again, s since 1970."""

    number: int
    airframe: Airframe
    home: str
    free: list[float] = field(default_factory=lambda: [0.0])


def lay(trips: list[Trip], fleet: dict[str, list[Airframe]], rng: np.random.Generator) -> tuple[Legs, list[Airframe]]:
    """All legs in order of leaving the blocks, and the airframes that their numbers refer to.

    A trip without a free airframe does not take place, as in life.
    """
    frames = [a for pool in fleet.values() for a in pool]
    planes = _homes(fleet, rng)
    rows: list[dict[str, Any]] = []
    for trip in sorted(trips, key=lambda t: t.start):
        plane = _choose(trip, planes, rng)
        if plane is None:
            continue
        out = _leg(trip, plane, trip.start, rng)
        start = float(out["onblock"]) + trip.stay_s
        back = _leg(trip, plane, start, rng, back=True)
        plane.free[0] = float(back["onblock"]) + TURN_S
        rows += [out, back]
    rows.sort(key=lambda r: (r["offblock"], r["airframe"]))
    return _columns(rows), frames


def _homes(fleet: dict[str, list[Airframe]], rng: np.random.Generator) -> dict[str, list[Plane]]:
    """Give every airframe a home among the fields its fleet flies from, in proportion to the traffic there."""
    traffic: dict[str, dict[str, float]] = {name: {} for name in POOLS}
    for line in LINES:
        homes = traffic[line.pool]
        homes[line.base] = homes.get(line.base, 0.0) + 7 * line.daily
    for route in SPARSE:
        total = sum(w for _, w in route.origins)
        for airport, weight in route.origins:
            homes = traffic[route.pool]
            homes[airport] = homes.get(airport, 0.0) + route.weekly * weight / total
    planes: dict[str, list[Plane]] = {}
    number = 0
    for name, frames in fleet.items():
        places = _apportion(traffic[name], len(frames))
        rng.shuffle(places)
        planes[name] = [
            Plane(number + i, frame, home) for i, (frame, home) in enumerate(zip(frames, places, strict=True))
        ]
        number += len(frames)
    return planes


def _apportion(traffic: dict[str, float], seats: int) -> list[str]:
    """Assigns seats by Sainte-Laguë, so that a small base gets one before a big one gets its fifth.

    >>> _apportion({"A": 6.0, "B": 1.0}, 4)
    ['A', 'A', 'A', 'B']
    """
    given = dict.fromkeys(traffic, 0)
    for _ in range(seats):
        best = max(traffic, key=lambda place: traffic[place] / (2 * given[place] + 1))
        given[best] += 1
    return [place for place, count in given.items() for _ in range(count)]


def _choose(trip: Trip, planes: dict[str, list[Plane]], rng: np.random.Generator) -> Plane | None:
    """A free plane at the first field that has one; the first planes of a fleet fly more than the last (regulars)."""
    for pool in trip.pools:
        for origin in trip.origins:
            free = [p for p in planes[pool] if p.home == origin and p.free[0] <= trip.start]
            if free:
                return free[min(int(rng.exponential(1.2)), len(free) - 1)]
    return None


@cache
def airport(code: str) -> Airport:
    """An airport of the world; the network names only ones that exist."""
    found = load().find(code)
    if found is None:
        raise KeyError(f"the demo's network names {code}, which is no known airport")
    return found


@cache
def _way(origin: str, destination: str) -> tuple[Floats, Floats]:
    first, last = airport(origin), airport(destination)
    northern = max(first.latitude, last.latitude)
    between = [p for p in way(first.country, last.country) if p[0] < northern]  # nobody flies north first from Mozdok
    return path_of([(first.latitude, first.longitude), *between, (last.latitude, last.longitude)], POINTS)


def _leg(trip: Trip, plane: Plane, start: float, rng: np.random.Generator, *, back: bool = False) -> dict[str, Any]:
    ends = (plane.home, trip.destination)
    origin, destination = ends[::-1] if back else ends
    kind = KINDS[plane.airframe.typecode]
    path, along = _way(origin, destination)
    first, last = airport(origin), airport(destination)
    speed = kind.cruise_kt * (1 + WIND * float(np.clip(rng.normal(), -2, 2)))
    level = kind.cruise_ft + 1000.0 * rng.integers(-2, 3)
    climb, cruise, descent, height = profile(float(along[-1]), speed, level, kind.climb_fpm, kind.descent_fpm)
    takeoff = start + rng.uniform(5, 14) * 60
    landing = takeoff + climb + cruise + descent
    return {
        "airframe": plane.number,
        "origin": origin,
        "destination": destination,
        "callsign": _callsign(trip, plane.airframe, origin, rng),
        "kind": trip.kind,
        "offblock": start,
        "takeoff": takeoff,
        "landing": landing,
        "onblock": landing + rng.uniform(4, 10) * 60,
        "climb_s": climb,
        "descent_s": descent,
        "cruise_ft": max(height, first.elevation_ft + 2000.0, last.elevation_ft + 2000.0),
        "cruise_kt": speed,
        "elevation": (first.elevation_ft, last.elevation_ft),
        "path": path,
        "along": along,
        "hidden": trip.back if back else trip.out,
    }


def _callsign(trip: Trip, frame: Airframe, origin: str, rng: np.random.Generator) -> str:
    """Flight numbers: fixed for a regular line, any four digits for the military and charters."""
    if trip.kind == "airliner":
        number = 100 + sum(ord(c) * k for k, c in enumerate(origin + trip.destination, 1)) % 800
        return f"{frame.operator}{number}"
    return f"{frame.operator}{rng.integers(1000, 9999)}"


def _darken(legs: Legs, hidden: Iterable[Hidden]) -> None:
    """Fill in the spans without transponder, s since 1970; unused ones stay empty (end before start)."""
    for row, leg in enumerate(hidden):
        if leg == OPEN:
            continue
        takeoff, landing = legs.takeoff[row], legs.landing[row]
        if leg.first_nm > 0:
            legs.dark[row, 0] = (takeoff - 7200.0, when_at(legs, row, leg.first_nm))
        if leg.last_nm > 0:
            legs.dark[row, 1] = (when_at(legs, row, float(legs.along[row, -1]) - leg.last_nm), np.inf)
        if leg.hole_min > 0:
            cruise = landing - takeoff - legs.climb_s[row] - legs.descent_s[row]
            middle = takeoff + legs.climb_s[row] + leg.hole_at * cruise
            legs.dark[row, 2] = (middle, middle + leg.hole_min * 60)


def _columns(rows: list[dict[str, Any]]) -> Legs:
    def column(name: str, dtype: Any = float) -> npt.NDArray[Any]:
        return np.array([r[name] for r in rows], dtype=dtype)

    texts = ("origin", "destination", "callsign", "kind")
    numbers = ("offblock", "takeoff", "landing", "onblock", "climb_s", "descent_s", "cruise_ft", "cruise_kt")
    legs = Legs(
        airframe=column("airframe", np.int64),
        dark=np.tile([np.inf, -np.inf], (len(rows), 3, 1)),
        **{name: column(name, object) for name in texts},
        **{name: column(name) for name in (*numbers, "elevation", "path", "along")},
    )
    _darken(legs, column("hidden", object))
    return legs
