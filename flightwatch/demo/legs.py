"""One leg is a path through points, with a climb, a cruise and a descent; all legs of the world are stored in columns.

Where an aircraft is at a moment depends on its leg alone, so the archive and the live feed, which sample different
moments, see the same flight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from flightwatch import geo

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

TAKEOFF_KT, LANDING_KT, TAXI_KT = 155.0, 140.0, 14.0  # usual jet values; they only shape the ends of a profile
TAXI_NM = 0.6  # from stand to runway at an ordinary field


@dataclass(frozen=True)
class Legs:
    """Legs in columns, ordered by `offblock`. Times are seconds since 1970 UTC, `path` is (n, points, lat/lon).

    `dark` holds up to three spans per leg, (n, 3, 2), in which the transponder is off.
    """

    airframe: Ints
    origin: npt.NDArray[np.object_]
    destination: npt.NDArray[np.object_]
    callsign: npt.NDArray[np.object_]
    kind: npt.NDArray[np.object_]
    offblock: Floats
    takeoff: Floats
    landing: Floats
    onblock: Floats
    climb_s: Floats
    descent_s: Floats
    cruise_ft: Floats
    cruise_kt: Floats
    elevation: Floats
    path: Floats
    along: Floats
    dark: Floats

    def __len__(self) -> int:
        return len(self.offblock)

    def take(self, rows: Any) -> Self:
        """Some of the legs, in the order asked for."""
        return type(self)(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    def active(self, start: float, end: float) -> Ints:
        """Row numbers of the legs off their blocks at any moment of a span."""
        return np.flatnonzero((self.offblock < end) & (self.onblock >= start))


@dataclass(frozen=True)
class State:
    """Where aircraft are at given moments; altitude is feet above the standard pressure level, NaN on the ground."""

    latitude: Floats
    longitude: Floats
    altitude: Floats
    groundspeed: Floats
    track: Floats
    vertical_rate: Floats
    onground: npt.NDArray[np.bool_]


def path_of(points: Sequence[tuple[float, float]], width: int) -> tuple[Floats, Floats]:
    """A path padded to `width` points by repeating its last, and the distance flown at each, NM."""
    way = np.array([*points, *[points[-1]] * (width - len(points))], dtype=float)
    steps = geo.distance(way[:-1, 0], way[:-1, 1], way[1:, 0], way[1:, 1])
    return way, np.concatenate([[0.0], np.cumsum(steps)])


def profile(total_nm: float, kt: float, ft: float, climb_fpm: float, descent_fpm: float) -> tuple[float, ...]:
    """Seconds of climb, cruise and descent, and the level reached: a short hop stays lower.

    >>> [round(x) for x in profile(800, 450, 35000, 1800, 1700)]
    [1167, 4806, 1235, 35000]
    >>> [round(x) for x in profile(90, 450, 35000, 1800, 1700)]
    [448, 108, 474, 13437]
    """
    climb, descent = ft / climb_fpm * 60, ft / descent_fpm * 60
    used = climb * (TAKEOFF_KT + kt) / 7200 + descent * (LANDING_KT + kt) / 7200
    scale = min(1.0, 0.85 * total_nm / used)
    cruise = (total_nm - scale * used) / kt * 3600
    return scale * climb, cruise, scale * descent, scale * ft


def state(legs: Legs, rows: Ints, when: Floats) -> State:
    """Where legs `rows` are at the moments `when` (s); before take-off and after landing they roll on the ground."""
    takeoff, landing = legs.takeoff[rows], legs.landing[rows]
    flown = np.clip(when, takeoff, landing)
    up, down = flown - takeoff, landing - flown
    onground = (when < takeoff) | (when > landing)
    speed, distance = _progress(legs, rows, up, down)
    latitude, longitude, track = _place(legs, rows, distance)
    altitude, rate = _height(legs, rows, up, down)
    away = TAXI_NM * _from_runway(legs, rows, when)
    # Off to the side of the course, so that the stand is never on it.
    latitude, longitude = geo.destination(latitude, longitude, track + 90.0, away)
    return State(
        latitude=latitude,
        longitude=longitude,
        altitude=np.where(onground, np.nan, altitude),
        groundspeed=np.where(onground, TAXI_KT, speed),
        track=track,
        vertical_rate=np.where(onground, np.nan, rate),
        onground=onground,
    )


def when_at(legs: Legs, row: int, distance: float) -> float:
    """When a leg has flown `distance` NM, s since 1970; infinite if it is shorter."""
    up = np.linspace(0.0, legs.landing[row] - legs.takeoff[row], 1000)
    _, flown = _progress(legs, np.full(len(up), row), up, up[-1] - up)
    return float(legs.takeoff[row] + np.interp(distance, flown, up, right=np.inf))


def _progress(legs: Legs, rows: Ints, up: Floats, down: Floats) -> tuple[Floats, Floats]:
    """Speed, and distance from the start: speed grows evenly in the climb and falls evenly in the descent."""
    climb, descent, cruise = legs.climb_s[rows], legs.descent_s[rows], legs.cruise_kt[rows]
    gain, loss = (cruise - TAKEOFF_KT) / climb, (cruise - LANDING_KT) / descent
    climbing, sinking = up < climb, down < descent
    speed = np.where(climbing, TAKEOFF_KT + gain * up, np.where(sinking, LANDING_KT + loss * down, cruise))
    start = (TAKEOFF_KT * up + gain * up**2 / 2) / 3600
    level = (climb * (TAKEOFF_KT + cruise) / 2 + (up - climb) * cruise) / 3600
    end = legs.along[rows, -1] - (LANDING_KT * down + loss * down**2 / 2) / 3600
    return speed, np.where(climbing, start, np.where(sinking, end, level))


def _height(legs: Legs, rows: Ints, up: Floats, down: Floats) -> tuple[Floats, Floats]:
    """Altitude and rate: half as steep again at the bottom, half as steep at the top (thinner air)."""
    climb, descent, top = legs.climb_s[rows], legs.descent_s[rows], legs.cruise_ft[rows]
    first, last = legs.elevation[rows, 0], legs.elevation[rows, 1]
    u, v = np.minimum(up / climb, 1.0), np.minimum(down / descent, 1.0)
    rising = first + (top - first) * u * (1.5 - 0.5 * u)
    sinking = last + (top - last) * v * (1.5 - 0.5 * v)
    rate_up = (top - first) * (1.5 - u) / climb * 60
    rate_down = -(top - last) * (1.5 - v) / descent * 60
    climbing, descending = up < climb, down < descent
    altitude = np.where(climbing, rising, np.where(descending, sinking, top))
    return altitude, np.where(climbing, rate_up, np.where(descending, rate_down, 0.0))


def _place(legs: Legs, rows: Ints, distance: Floats) -> tuple[Floats, Floats, Floats]:
    """Position and course after `distance` NM, on great circles between the points of the path."""
    along = legs.along[rows]
    segment = np.clip((along <= distance[:, None]).sum(axis=1) - 1, 0, along.shape[1] - 2)
    while True:  # padding repeats the last point: step back to the last segment with a length
        short = (along[np.arange(len(rows)), segment + 1] - along[np.arange(len(rows)), segment] <= 0) & (segment > 0)
        if not short.any():
            break
        segment = segment - short
    here = np.arange(len(rows))
    a, b = legs.path[rows, segment], legs.path[rows, segment + 1]
    length = along[here, segment + 1] - along[here, segment]
    share = np.clip((distance - along[here, segment]) / np.maximum(length, 1e-9), 0, 1)
    latitude, longitude = geo.interpolate(a[:, 0], a[:, 1], b[:, 0], b[:, 1], share)
    # Course towards the segment's end; on its last mile the segment's own course, because at its end the other is
    # undefined.
    near = share * length > length - 1.0
    lat0, lon0 = np.where(near, a[:, 0], latitude), np.where(near, a[:, 1], longitude)
    return latitude, longitude, geo.bearing(lat0, lon0, b[:, 0], b[:, 1])


def _from_runway(legs: Legs, rows: Ints, when: Floats) -> Floats:
    """Position on the ground between the runway's end (0) and the stand (1); 0 in the air."""
    out = (legs.takeoff[rows] - when) / np.maximum(legs.takeoff[rows] - legs.offblock[rows], 1.0)
    back = (when - legs.landing[rows]) / np.maximum(legs.onblock[rows] - legs.landing[rows], 1.0)
    return np.asarray(np.clip(out, 0, 1) + np.clip(back, 0, 1))
