"""The ends of flights as columns, from observations or from flights already built, and back into a flight frame."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from flightwatch import aircraft as craft
from flightwatch import geo
from flightwatch.airports import Airports
from flightwatch.flights.ends import Candidates, Ends, Hints, nothing
from flightwatch.flights.likelihood import JET_RUNWAY_FT, Edges, Floats

NAMED = 0.5  # from here on an airport is named
APPROACH_NM = 12.0  # a named airport this near, with the fix below APPROACH_FT over it, was being approached
APPROACH_FT = 4000.0
JET_KT = 330.0  # an unknown type that flies faster than this over ground needs a jet's runway
LIGHT_KT = 250.0  # types that cruise slower: pistons, helicopters, light turboprops
LIGHT_UNKNOWN_KT = 200.0  # and unknown types never seen faster than this over ground
SLOWEST_KT = 80.0
NEAR_NM = 15.0  # nearer to the flight's other end than this, the course made good from there says nothing
OPERATOR_SHARE, TYPE_SHARE = 0.25, 0.1
"""What a visit by another airframe of the operator, or of the type, counts relative to one of its own. Set by
reasoning, since the recordings hold too few operators to fit it."""
LIKES_MOST = 0.25
"""And what all of those count together at most: x 1.9 in the odds. Only ends that were seen are visits, so a dark field
has none, however many land there; the many visits seen at its neighbour must not decide between the two."""

# Resolution kept in tracks (tracks._COLUMNS), so that a second look from the stored track sees the same numbers.
STEPS = {"altitude": 25.0, "groundspeed": 0.5, "track": 0.1, "vertical_rate": 32.0}


@dataclass(frozen=True)
class Sides:
    """Both ends of each flight as seen: values of the first and last fix by name, and whether on the ground."""

    first: dict[str, Any]
    last: dict[str, Any]
    departed_ground: npt.NDArray[np.bool_]
    arrived_ground: npt.NDArray[np.bool_]


def ends_of(sides: Sides, airframe: Any, times: tuple[Any, Any], types: Any, fastest: Floats, flown: Floats) -> Ends:
    """Ends for `ends.settle`: times (first, last) in ms, typecode, fastest ground speed and miles flown per flight."""
    performances = {t: craft.performance(t) for t in set(types)}
    known = np.array([known_type(t) for t in types], dtype=bool)
    runway = np.array([performances[t].min_runway_ft for t in types], dtype=float)
    runway = np.where(~known & (fastest > JET_KT), JET_RUNWAY_FT, runway)
    cruise = np.array([performances[t].cruise_kt for t in types], dtype=float)
    speed = np.where(known, cruise, np.maximum(fastest, SLOWEST_KT))
    light = np.where(known, cruise < LIGHT_KT, fastest < LIGHT_UNKNOWN_KT).astype(float)
    reach = np.array([performances[t].range_nm for t in types], dtype=float)
    at_work = {t for t in performances if craft.returns(t)}
    work = np.array([t in at_work for t in types], dtype=float)
    here, there = ((side["latitude"], side["longitude"]) for side in (sides.first, sides.last))
    direct = geo.distance(*here, *there)
    loop = np.clip(1 - direct / np.maximum(flown, 1.0), 0.0, 1.0)
    edges = [
        Edges(
            latitude=side["latitude"],
            longitude=side["longitude"],
            altitude=_stepped(side, "altitude"),
            groundspeed=_stepped(side, "groundspeed"),
            track=_stepped(side, "track"),
            vertical_rate=_stepped(side, "vertical_rate"),
            runway_ft=runway,
            range_nm=reach,
            loop=loop,
            way=np.where(direct > NEAR_NM, (geo.bearing(*at, *other) + 180.0) % 360.0, np.nan),
            speed_kt=speed,
            light=light,
            work=work,
        )
        for side, at, other in ((sides.first, here, there), (sides.last, there, here))
    ]
    return Ends(airframe, times[0], times[1], edges[0], edges[1], sides.departed_ground, sides.arrived_ground)


def known_type(typecode: str) -> bool:
    """Whether the type tells what the aircraft can do; for other types the fastest fix does."""
    found = craft.performance(typecode)
    return found.kind != "unknown" or not found.generic


def _stepped(side: dict[str, Any], name: str) -> Floats:
    values: Floats = np.rint(side[name] / STEPS[name]) * STEPS[name]
    return values


def past(visits: pd.DataFrame | None, flights: dict[str, Any], airports: Airports) -> tuple[Hints, Hints]:
    """Past visits as hints for both ends: log(1 + visits), with visits by similar aircraft counting less.

    `visits` has icao24, typecode, operator, airport and flights; `flights` has icao24, typecode and operator per
    flight.
    """
    if visits is None or not len(visits):
        return nothing(), nothing()
    rows = pd.DataFrame({k: np.asarray(flights[k], dtype=object) for k in ("icao24", "typecode", "operator")})
    rows["flight"] = np.arange(len(rows))
    seen = visits.assign(place=[airports.position(str(a)) for a in visits["airport"]]).dropna(subset=["place"])
    parts: dict[str, pd.DataFrame] = {}
    for key, share in (("icao24", 1.0), ("operator", OPERATOR_SHARE), ("typecode", TYPE_SHARE)):
        if key not in seen:
            continue
        told = seen.assign(**{key: seen[key].astype(object).fillna("")})
        total = told[told[key] != ""].groupby([key, "place"], as_index=False)["flights"].sum()
        part = rows[["flight", key]].merge(total, on=key)
        parts[key] = part[["flight", "place"]].assign(n=part["flights"] * share)
    likes = [parts[key] for key in parts if key != "icao24"]
    if likes:
        together = _summed(likes)
        likes = [together.assign(n=together["n"].clip(upper=LIKES_MOST))]
    table = _summed([parts["icao24"], *likes])
    value = np.log1p(table["n"].to_numpy(dtype=float))
    hints = Hints(table["flight"].to_numpy(np.int64), table["place"].to_numpy(np.int64), value)
    return hints, hints


def _summed(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(parts).groupby(["flight", "place"], as_index=False)["n"].sum()


def write_end(out: dict[str, Any], side: str, found: Candidates, ends: Ends, airports: Airports) -> None:
    """Writes the columns of one end: all candidates, the best one if it is named, and how it is known."""
    departure = side == "departure"
    edges = ends.departure if departure else ends.arrival
    on_ground = ends.departed_ground if departure else ends.arrived_ground
    n = len(edges)
    bounds = np.searchsorted(found.edge, np.arange(n + 1))
    names = [str(x) for x in airports.ids[found.place]]
    shares = np.round(found.probability, 4).tolist()
    best, method = [""] * n, ["unknown"] * n
    probability, miles = np.zeros(n), np.full(n, np.nan)
    table: list[dict[str, float]] = []
    for i, (lo, hi) in enumerate(zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)):
        table.append(dict(zip(names[lo:hi], shares[lo:hi], strict=True)))
        if lo == hi or shares[lo] < NAMED:
            continue
        best[i], probability[i], miles[i] = names[lo], shares[lo], found.miles[lo]
        height = edges.altitude[i] - airports.elevation[found.place[lo]]
        near = miles[i] <= APPROACH_NM and height <= APPROACH_FT
        method[i] = "observed" if on_ground[i] else "approach" if near else "inferred"
    out[f"est{side}airport"], out[f"{side}_method"] = best, method
    out[f"{side}_probability"], out[f"{side}_distance_nm"] = probability, miles
    out[f"{side}_candidates"] = table
