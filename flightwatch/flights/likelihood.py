"""How well landing at an airport explains the last fix of a flight; with time reversed, how well departing from it
does.

A conditional logit: every airport in reach is an alternative with a utility linear in the features below, and "none of
them" is one more. The weights are fitted by maximum likelihood on real flights whose ends were seen and then cut off.
`python -m benchmarks.flights.fit` fits them, prints them and says how well they are calibrated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from flightwatch import geo
from flightwatch.airports import Airports
from flightwatch.flights.beyond import ahead

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PATH_FT_PER_NM = 318.0  # a three-degree path, the standard descent (ICAO PANS-OPS: 5.24 %)
AHEAD_MOST = 3.0  # bound of the value; over the emptiest ocean it is -3.3
LEVEL_FPM = 250.0  # level flight, soft limit: an autopilot holds 100, and rates are reported in steps of 64
AIRWAY_NM = 60.0  # soft limit; beyond it tracks follow airways; 60 and 100 fit the recordings equally well
FINAL_NM = 10.0  # soft limit; centrelines are joined this far out, further away being aligned with one is chance
HUB = 1.5  # of `Airports.traffic`: four hundred callsigns; light aircraft use smaller ones. 1.2 fits as well, 2.0 worse
JET_RUNWAY_FT = 4000.0  # a type that needs this much is a jet or as heavy as one
RUNWAY_UNKNOWN_FT = 2500.0  # fields whose length OurAirports does not give: their median lies among the small strips
UNDER_FT = 1500.0  # soft limit for a descent that would end this far below a field: levelling off on the way is usual


@dataclass(frozen=True)
class Edges:
    """The last fixes of flights (or first fixes, with the track reversed and the sign of the vertical rate changed).

    One value per flight end: deg, ft, kt, ft/min, and the type's runway need and range. `loop` says how much of the
    distance flown led back: 0 straight from the other end, 1 full circle. `way` is the course made good from there, NaN
    if it is near. `speed_kt` is the speed assumed for times; `light` is 1 for light aircraft, which avoid airline hubs;
    `work` is 1 for types that go out to work and come home.
    """

    latitude: Floats
    longitude: Floats
    altitude: Floats
    groundspeed: Floats
    track: Floats
    vertical_rate: Floats
    runway_ft: Floats
    range_nm: Floats
    loop: Floats
    way: Floats
    speed_kt: Floats
    light: Floats
    work: Floats

    def __len__(self) -> int:
        return len(self.latitude)

    def taken(self, rows: Any) -> Edges:
        return Edges(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    def reversed(self) -> Edges:
        """Time reversed: a departure looks like an arrival flown backwards."""
        return replace(self, track=(self.track + 180.0) % 360.0, vertical_rate=-self.vertical_rate)


PAIR_FEATURES = (
    "near", "far", "steep", "level_far", "off_near", "off_mid", "off_far", "off_track_wide", "runway", "small",
    "served", "closed", "too_short", "lined_up", "descending_far", "climbing_near", "at_field", "served_jet", "size",
    "steep_level", "abeam", "traffic_jet", "hub_light", "aside", "under",
)  # fmt: skip
HINT_FEATURES = ("home", "home_loop", "home_work", "visits", "share")
DISTANCE = ("near", "far")
SHARED = ("runway", "small", "served", "closed", "too_short", "served_jet", "size", "traffic_jet", "hub_light")
"""Features of the airport alone, which count before anything is seen of the flight."""

EDGE_FEATURES = ("none", "high", "cruise", "descending", "climbing", "low", "slow", "ahead")


def radius(edges: Edges) -> Floats:
    """How far to look for airports, NM: the descent plus a detour of 40; from cruise altitude, a whole region ahead."""
    height = np.nan_to_num(edges.altitude, nan=10_000.0)
    return np.clip(40 + 2.2 * height / PATH_FT_PER_NM, 40, 300)


def pairs(edges: Edges, airports: Airports) -> tuple[Ints, Ints, Floats]:
    """Every edge with every airport that may explain it: edge row, airport position, and the miles between.

    Beyond 60 NM, only fields within 90 degrees of the track with a runway the type can use: others add next to nothing
    to the sum, and there are thousands of them.
    """
    lists = airports.around(edges.latitude, edges.longitude, radius(edges))
    edge = np.repeat(np.arange(len(edges)), [len(x) for x in lists])
    place = np.concatenate([np.asarray(sorted(x), dtype=np.int64) for x in lists]) if lists else np.zeros(0, np.int64)
    miles = geo.distance(
        edges.latitude[edge], edges.longitude[edge], airports.latitude[place], airports.longitude[place]
    )
    course = geo.bearing(
        edges.latitude[edge], edges.longitude[edge], airports.latitude[place], airports.longitude[place]
    )
    with np.errstate(invalid="ignore"):
        ahead = ~(geo.angle_difference(course, edges.track[edge]) > 90)
    long_enough = ~(airports.runway[place] < 0.6 * edges.runway_ft[edge])
    keep = (miles < 60) | (ahead & long_enough & (airports.runway[place] > 3000))
    return edge[keep], place[keep], miles[keep]


def pair_features(edges: Edges, airports: Airports, edge: Ints, place: Ints, miles: Floats) -> Floats:
    """The PAIR_FEATURES of each pair, all of order one."""
    lat, lon, track = edges.latitude[edge], edges.longitude[edge], edges.track[edge]
    known = ~np.isnan(edges.altitude[edge])
    height = np.where(known, np.maximum(edges.altitude[edge] - airports.elevation[place], 0.0), 4000.0)
    needed = height / PATH_FT_PER_NM
    course = geo.bearing(lat, lon, airports.latitude[place], airports.longitude[place])
    off = np.where(np.isnan(track), 60.0, geo.angle_difference(track, course))
    turn = 1 - np.cos(np.radians(off))
    aim = _aim(off, turn, miles)
    told = np.nan_to_num(edges.vertical_rate[edge])
    rate = np.clip(told / 1500.0, -1.5, 1.5)
    minutes = 60 * miles / np.clip(np.nan_to_num(edges.groundspeed[edge], nan=200.0), 40.0, 600.0)
    runway = np.where(np.isnan(airports.runway[place]), RUNWAY_UNKNOWN_FT, airports.runway[place])
    short = np.maximum(edges.runway_ft[edge] - runway, 0) / np.maximum(edges.runway_ft[edge], 1)
    ratio = np.log((miles + 2.0) / (needed + 2.0))
    final = (miles < 15) & (height < 5000)
    level = np.exp(-((told / LEVEL_FPM) ** 2))
    jet, light = edges.runway_ft[edge] >= JET_RUNWAY_FT, edges.light[edge]
    lined = np.where(final, _lined_up(airports, place, course, track) * np.exp(-((miles / FINAL_NM) ** 2)), 0.0)
    aside = np.sin(np.radians(np.minimum(geo.angle_difference(edges.way[edge], course), 90.0)))
    return np.stack(
        [
            np.log1p(miles),
            np.log1p(miles / 40.0),
            np.maximum(-ratio, 0.0) ** 2,
            np.maximum(ratio, 0.0) ** 2,
            turn * (miles < 6),
            aim * ((miles >= 6) & (miles < 25)),
            aim * (miles >= 25),
            np.maximum(off - 60.0, 0) / 60.0 * (miles >= 25),
            np.log(runway / 5000.0),
            (runway < 3000).astype(float),
            airports.served[place],
            airports.closed[place].astype(float),
            short,
            lined,
            np.maximum(-rate, 0.0) * np.maximum(ratio, 0.0),
            np.maximum(rate, 0.0) * (miles < 40),
            (miles < 2.5) & (height < 1500),
            airports.served[place] * jet,
            np.nan_to_num(np.log(airports.total_runway[place] / 5000.0), nan=-0.7),
            np.maximum(-ratio, 0.0) * level,
            np.abs(np.sin(np.radians(off))) * miles / 20.0,
            airports.traffic[place] * jet,
            np.maximum(airports.traffic[place] - HUB, 0.0) * light,
            np.nan_to_num(aside) * (1 - edges.loop[edge]),
            np.log1p(np.maximum(-height - told * minutes, 0.0) / UNDER_FT),
        ],
        axis=-1,
    ).astype(float)


def _aim(off: Any, turn: Any, miles: Floats) -> Floats:
    """How far off the field the track points; 1 at right angles.

    Near a field, most aircraft fly straight at it and the others may point anywhere, so the first degrees count most
    (as the root of the angle). Far out, tracks follow airways, and only the rough direction counts.
    """
    near = np.exp(-((miles / AIRWAY_NM) ** 2))
    aim: Floats = near * np.sqrt(off / 90.0) + (1 - near) * turn
    return aim


def edge_features(edges: Edges, airports: Airports) -> Floats:
    """The EDGE_FEATURES of each edge, which speak for "none of the airports around"."""
    height = np.nan_to_num(edges.altitude, nan=10_000.0)
    rate = np.clip(np.nan_to_num(edges.vertical_rate) / 1500.0, -1.5, 1.5)
    cruise = (height > 20_000) & (np.abs(rate) < 0.25)
    way = np.zeros(len(edges))
    at = edges.taken(np.flatnonzero(cruise))
    way[cruise] = np.clip(ahead(at.latitude, at.longitude, at.track, at.range_nm, airports), -AHEAD_MOST, AHEAD_MOST)
    return np.stack(
        [
            np.ones(len(edges)),
            np.minimum(height / 10_000.0, 4.0),
            cruise.astype(float),
            np.maximum(-rate, 0.0),
            np.maximum(rate, 0.0),
            (height < 3000).astype(float),
            (np.nan_to_num(edges.groundspeed, nan=200.0) < 140).astype(float),
            way,
        ],
        axis=-1,
    )


def _lined_up(airports: Airports, place: Ints, course: Any, track: Any) -> Floats:
    """1 on the extended centreline of a runway and along it, falling off over ten degrees; 0 if no runway is known."""
    headings = airports.headings[place]
    with np.errstate(invalid="ignore"):
        along = np.abs((headings - track[:, None] + 90) % 180 - 90)
        centre = np.abs((headings - course[:, None] + 90) % 180 - 90)
        score = np.exp(-((along / 10.0) ** 2) - (centre / 10.0) ** 2)
    return np.nan_to_num(score).max(axis=1) if score.size else np.zeros(len(place))
