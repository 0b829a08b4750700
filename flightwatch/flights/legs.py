"""Where one flight ends and the next begins.

A leg belongs to the airframe, whatever its callsign. It ends where a landing was seen (a stay on the ground, not a
touch-and-go), or where a silence left room for one: time to descend, turn round and climb again that the distance flown
does not explain. All silences are judged at once, as columns; the rows between them are not visited one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from flightwatch import geo
from flightwatch.aircraft import Performance
from flightwatch.airports import Airports
from flightwatch.flights.fixes import Columns

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

MINUTE = 60_000
SILENCE_MS = 5 * MINUTE  # shorter is never a stop: nothing lands, turns round and is back up in five minutes
GROUND_SILENCE_MS = 15 * MINUTE  # with a ground fix on one side: parked; private-jets and OPDI use 10-15 min when low
LOW_SILENCE_MS = 15 * MINUTE  # OPDI A4: a gap over 15 min below 5,000 ft is a landing; here: near a field
LONG_SILENCE_MS = 30 * MINUTE  # and over 30 min anywhere; gliders and light aircraft vanish behind hills for less
NEAR_FIELD_NM = 10.0
LOW_FT = 5000.0  # above a nearby field; OPDI A4
STOP_MIN = 12.0  # shortest time on the ground for passengers, cargo or fuel between unseen landing and take-off
QUICK_STOP_MIN = 4.0  # the same where both fixes are low and within 6 NM of a field
LOST_SHARE = 0.4  # of descent and climb time is lost compared with flying on: about 60 % of cruise speed on average
HOLE_SHARE = 0.6  # a hole in the cruise: at least this share of the time was needed to get from edge to edge
HOLE_ANGLE = 60.0  # and roughly in the direction flown before or after
STAY_MS = 2 * MINUTE  # this long on the ground is a landing; touch-and-goes last under one
STOPPED_KT = 30.0  # or this slow: below any take-off or landing roll
TAXI_IN_MS = 15 * MINUTE  # ground fixes that still belong to the arrival
TAXI_OUT_MS = 30 * MINUTE  # and to the departure
MIN_FIXES = 3
BLOCK = 1 << 17  # rows per pass, as in `motion`
STRIDES = (1024, 256, 64, 16, 1)  # rows: an airframe begins only between two samples with different addresses
LOOK = 4  # rows: sampling distance; fixes a minute apart or closer are never read one by one
FEW = 8  # pick rows one by one while at most one in this many is needed, as in `motion`
ENDURANCE_FACTOR = 1.2  # over range / cruise speed: nobody stays up longer
FIELD_NM = 2.5  # the fixes of a big field lie up to this far from its reference point
FIELD_FT = 900.0  # pressure altitude against elevation: 30 hPa


@dataclass(frozen=True)
class Legs:
    """Rows of each leg in the columns: `first` to `last` inclusive; `takeoff` to `touchdown` are airborne."""

    first: Ints
    last: Ints
    takeoff: Ints
    touchdown: Ints

    def __len__(self) -> int:
        return len(self.first)


def split(columns: Columns, ground: Mask, airports: Airports, types: Columns) -> Legs:
    """The legs of all airframes. `ground` comes from `grounded`, `types` (figures per airframe) from `type_columns`."""
    if not len(ground):
        empty = np.zeros(0, dtype=np.int64)
        return Legs(empty, empty, empty, empty)
    begins, silences = _breaks(columns, types["address"])
    stop = silences[stops(columns, ground, silences, airports, types)]
    cuts = np.sort(np.concatenate([begins, stop]))
    change = np.flatnonzero(ground[1:] != ground[:-1]) + 1
    cuts = np.sort(np.concatenate([cuts, _stays(columns, ground, change, cuts, silences)]))
    return _trimmed(columns["time"], ground, change, cuts)


def _breaks(columns: Columns, addresses: Any) -> tuple[Ints, Ints]:
    """First rows of airframes (or of parts of shared addresses), and the rows that follow a silence inside one."""
    address, part, time = columns["address"], columns["part"], columns["time"]
    begin = np.unique(np.searchsorted(address, addresses.astype(address.dtype)))
    begin = begin[begin < len(address)]
    if part.strides[0] and part.any():  # usually one 0 is broadcast to all rows
        begin = np.union1d(begin, np.flatnonzero(part[1:] != part[:-1]) + 1)
    quiet = _silences(time, begin[1:])
    return begin, quiet[(address[quiet] == address[quiet - 1]) & (part[quiet] == part[quiet - 1])]


def _silences(time: Any, starts: Ints) -> Ints:
    """The rows that follow a silence. Times ascend except at the rows `starts`, and any of those may be in the result.

    Two samples closer together than a silence have none between them, unless an airframe begins there: then every row
    is checked.
    """
    blocks = range(1, len(time), BLOCK)
    open_ = [(starts - 1) // LOOK, np.array([(len(time) - 1) // LOOK])]
    for lo in blocks:
        seen = time[lo - 1 : lo + BLOCK : LOOK]
        open_.append(np.flatnonzero(seen[1:] - seen[:-1] > SILENCE_MS) + lo // LOOK)
    stretches = np.unique(np.concatenate(open_))
    if len(stretches) * LOOK * FEW > len(time):  # fixes minutes apart: checking all rows is faster than picking
        found = [np.flatnonzero(np.diff(time[lo - 1 : lo + BLOCK]) > SILENCE_MS) + lo for lo in blocks]
        return np.concatenate([np.zeros(0, dtype=np.int64), *found])
    rows = (stretches[:, None] * LOOK + np.arange(1, LOOK + 1)).ravel()
    rows = rows[rows < len(time)]
    quiet: Ints = rows[time[rows] - time[rows - 1] > SILENCE_MS]
    return quiet


def starts(address: Any) -> Ints:
    """The first row of each airframe; addresses must be ascending.

    >>> starts(np.array([4, 4, 4, 7, 9, 9])).tolist()
    [0, 3, 4]
    """
    width = end = len(address) - 1
    found = np.zeros(min(len(address), 1), dtype=np.int64)
    for stride in STRIDES:
        looks = np.minimum(found[:, None] + np.arange(0, width + stride, stride), end)
        seen = address[looks]
        found, width = looks[:, :-1][seen[:, 1:] != seen[:, :-1]], stride
    return np.append(np.zeros(min(len(address), 1), dtype=np.int64), found + 1)


def type_columns(performances: list[Performance], addresses: Any) -> Columns:
    """Performance figures as columns, one row per address (ascending)."""
    names = ("cruise_kt", "max_kt", "range_nm", "climb_fpm", "descent_fpm", "min_runway_ft", "ceiling_ft")
    out: Columns = {name: np.array([getattr(p, name) for p in performances], dtype=float) for name in names}
    out["address"] = np.asarray(addresses)
    out["hovers"] = np.array([p.kind in ("helicopter", "glider") for p in performances], dtype=bool)
    out["known"] = np.array([p.kind != "unknown" for p in performances], dtype=bool)
    return out


def grounded(columns: Columns, airports: Airports, types: Columns) -> Mask:
    """On the ground: the aircraft says so, or it is too slow to fly and at the elevation of a field at its position.

    The second rule is for sources that do not report it. It leaves out helicopters and gliders, which do fly that
    slowly.
    """
    ground: Mask = columns["onground"].copy()
    with np.errstate(invalid="ignore"):
        slow = np.flatnonzero((columns["groundspeed"] < STOPPED_KT) > ground)  # slow and not marked on the ground yet
    slow = slow[~np.isnan(columns["altitude"][slow])]
    slow = slow[~types["hovers"][_airframe(columns, slow, types)]]
    if len(slow):
        near, _ = airports.nearest(columns["latitude"][slow], columns["longitude"][slow], within_nm=FIELD_NM)
        there = near[:, 0] >= 0
        slow, field = slow[there], near[there, 0]
        ground[slow[np.abs(columns["altitude"][slow] - airports.elevation[field]) < FIELD_FT]] = True
    return ground


def _airframe(columns: Columns, rows: Ints, types: Columns) -> Ints:
    found: Ints = np.searchsorted(types["address"], columns["address"][rows])
    return found


def stops(columns: Columns, ground: Mask, at: Ints, airports: Airports, types: Columns) -> Mask:
    """Which silences (those before the rows `at`) hide a landing and a take-off."""
    if not len(at):
        return np.zeros(0, dtype=bool)
    time, long = columns["time"], columns["time"][at] - columns["time"][at - 1] >= GROUND_SILENCE_MS
    before, after = ground[at - 1], ground[at]
    stop: Mask = (before | after) & long
    open_ = np.flatnonzero(~stop)
    craft = _airframe(columns, at[open_], types)
    figures = {k: v[craft] for k, v in types.items()}
    between = _between(columns, ground, at[open_], airports, figures)
    between &= ~(before ^ after)[open_]
    minutes = (time[at] - time[at - 1])[open_] / MINUTE
    between |= minutes / 60 > ENDURANCE_FACTOR * figures["range_nm"] / figures["cruise_kt"]
    stop[open_] = between
    return stop


def _between(columns: Columns, ground: Mask, at: Ints, airports: Airports, figures: Columns) -> Mask:
    """Which silences left time for a landing and a take-off that the distance flown does not explain."""
    a, b = at - 1, at
    lat, lon, time = columns["latitude"], columns["longitude"], columns["time"]
    minutes = (time[b] - time[a]) / MINUTE
    miles = geo.distance(lat[a], lon[a], lat[b], lon[b])
    speed = np.fmax(columns["groundspeed"][a], columns["groundspeed"][b]).astype(float)
    speed = np.maximum(np.where(np.isnan(speed), figures["cruise_kt"], speed), 40.0)
    spare = minutes - miles / speed * 60
    before, near_before = _height(columns, a, ground, airports)
    after, near_after = _height(columns, b, ground, airports)
    lost = LOST_SHARE * (before / figures["descent_fpm"] + after / figures["climb_fpm"])
    low = np.minimum(before, after) < LOW_FT
    at_field = (near_before < 6) & (near_after < 6) & (np.maximum(before, after) < LOW_FT)
    room = spare >= np.where(at_field, QUICK_STOP_MIN, STOP_MIN) + lost
    steady = _steady(columns, a, b, miles)
    hole = (minutes - spare >= HOLE_SHARE * minutes) & steady
    near = low & (np.minimum(near_before, near_after) < NEAR_FIELD_NM)
    quiet = np.select([at_field, near], [SILENCE_MS, LOW_SILENCE_MS], LONG_SILENCE_MS) <= time[b] - time[a]
    stop: Mask = room & quiet & (low | ~hole)
    high = np.flatnonzero(stop & ~low)
    chosen = {k: v[high] for k, v in figures.items()}
    stop[high] = _field_between(columns, a[high], b[high], minutes[high], chosen, airports)
    return stop


def _height(columns: Columns, rows: Ints, ground: Mask, airports: Airports) -> tuple[Floats, Floats]:
    """Feet above the nearest field (its elevation stands for the terrain) and miles to it; unknown counts as high."""
    near, miles = airports.nearest(columns["latitude"][rows], columns["longitude"][rows], within_nm=60)
    floor = np.where(near[:, 0] >= 0, airports.elevation[near[:, 0]], 0.0)
    altitude = np.where(np.isnan(columns["altitude"][rows]), 20_000.0, columns["altitude"][rows])
    height: Floats = np.where(ground[rows], 0.0, np.maximum(altitude - floor, 0.0))
    return height, miles[:, 0]


def _steady(columns: Columns, a: Ints, b: Ints, miles: Floats) -> Mask:
    """Whether the far edge lies roughly where the aircraft was heading before, or came from after; true for unknown
    tracks."""
    lat, lon, track = columns["latitude"], columns["longitude"], columns["track"]
    course = geo.bearing(lat[a], lon[a], lat[b], lon[b])
    with np.errstate(invalid="ignore"):
        off = np.fmin(geo.angle_difference(track[a], course), geo.angle_difference(track[b], course))
    steady: Mask = ~(off > HOLE_ANGLE) | (miles < 5)
    return steady


def _field_between(columns: Columns, a: Ints, b: Ints, minutes: Floats, figures: Any, airports: Airports) -> Mask:
    """Whether some field long enough can be reached, used and left again in the time. Over the ocean none can."""
    lat, lon = columns["latitude"], columns["longitude"]
    lat_mid, lon_mid = geo.interpolate(lat[a], lon[a], lat[b], lon[b], 0.5)
    reach = np.clip((minutes - STOP_MIN) / 60 * figures["cruise_kt"] / 2, 0, figures["range_nm"] / 2)
    near, miles = airports.nearest(lat_mid, lon_mid, k=12)
    runway = airports.runway[near]
    fits = ~(runway < figures["min_runway_ft"][:, None])
    found: Mask = ((miles <= reach[:, None]) & fits).any(axis=1) | (reach > 150)
    return found


def _stays(columns: Columns, ground: Mask, change: Ints, cuts: Ints, silences: Ints) -> Ints:
    """Where to cut each stay on the ground between two flights: at its longest silence, or else half way."""
    time, speed = columns["time"], columns["groundspeed"]
    first, after = change[:-1], change[1:]
    stay = ground[first] & (np.searchsorted(cuts, first, "left") == np.searchsorted(cuts, after, "right"))
    first, after = first[stay], after[stay]
    long = time[after - 1] - time[first] >= STAY_MS
    for i in np.flatnonzero(~long).tolist():
        long[i] = (speed[first[i] : after[i]] < STOPPED_KT).any()
    first, after = first[long], after[long]
    middle = (time[first] + time[after - 1]) // 2
    out = np.maximum(_bisect(time, first, after, middle), first + 1)
    lo, hi = np.searchsorted(silences, first, "left"), np.searchsorted(silences, after, "right")
    for i in np.flatnonzero(hi > lo).tolist():
        rows = silences[lo[i] : hi[i]]
        out[i] = rows[np.argmax(time[rows] - time[rows - 1])]
    where: Ints = out
    return where


def _trimmed(time: Any, ground: Mask, change: Ints, cuts: Ints) -> Legs:
    """Legs that contain some flying, without the hours parked before and after."""
    first = cuts
    last = np.append(cuts[1:], len(ground)) - 1
    edges = np.concatenate([[-1], change, [len(ground)]])
    takeoff = np.where(ground[first], edges[np.searchsorted(edges, first, "right")], first)
    touchdown = np.where(ground[last], edges[np.searchsorted(edges, last, "right") - 1] - 1, last)
    flown = touchdown - takeoff + 1 >= MIN_FIXES
    first, last, takeoff, touchdown = first[flown], last[flown], takeoff[flown], touchdown[flown]
    first = _bisect(time, first, takeoff, time[takeoff] - TAXI_OUT_MS)
    last = _bisect(time, touchdown, last + 1, time[touchdown] + TAXI_IN_MS + 1) - 1
    return Legs(first, last, takeoff, touchdown)


def _bisect(time: Any, lo: Ints, hi: Ints, value: Ints) -> Ints:
    """In each of the row ranges [lo, hi), the first row whose time is not below the value; `hi` if there is none."""
    step = 1 << int((hi - lo).max(initial=0)).bit_length()
    while step := step // 2:
        probe = lo + step
        below = (probe <= hi) & (time[np.minimum(probe, hi) - 1] < value)
        lo = np.where(below, probe, lo)
    return lo
