"""From observations of any number of airframes to their flights."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from flightwatch import aircraft as craft
from flightwatch import airports as fields
from flightwatch import geo, motion, records, tracks, units
from flightwatch.airports import Airports
from flightwatch.flights.ends import Ends, settle
from flightwatch.flights.fixes import Columns, Fixes, prepare
from flightwatch.flights.legs import Legs, grounded, split, starts, type_columns
from flightwatch.flights.rates import complete
from flightwatch.flights.table import Sides, ends_of, past, write_end
from flightwatch.flights.version import RULES_VERSION

OPEN_MS = 45 * 60_000  # a flight may still be airborne this long after its last fix; then it has landed or is lost


def build(
    observations: pd.DataFrame,
    *,
    aircraft: pd.DataFrame | None = None,
    airports: Airports | None = None,
    visits: pd.DataFrame | None = None,
    asof: datetime | None = None,
) -> pd.DataFrame:
    """The flights in the observations, a FLIGHT frame ordered by airframe and time.

    Rows may come in any order and more than once. `aircraft` (AIRCRAFT columns) gives types and registrations;
    `visits`, how often an airframe, type or operator was seen at an airport; `asof` is the present, for flights that
    may still be airborne, or None for history.
    """
    places = airports if airports is not None else fields.load()
    fixes = prepare(observations)
    known = _known(fixes, aircraft)
    columns = fixes.columns
    types = type_columns([craft.performance(t) for t in known["typecode"]], known["address"])
    ground = grounded(columns, places, types)
    legs = split(columns, ground, places, types)
    if not len(legs):
        return records.empty(records.FLIGHT)
    columns = complete(columns, legs.first, legs.last)
    out = describe(replace(fixes, columns=columns), legs, known)
    both = _ends(columns, legs, ground, out)
    for side, found in zip(("departure", "arrival"), settle(both, places, past(visits, out, places)), strict=True):
        write_end(out, side, found, both, places)
    out["status"] = _status(out, asof)
    return records.conform(pd.DataFrame(out), records.FLIGHT)


def _known(fixes: Fixes, aircraft: pd.DataFrame | None) -> pd.DataFrame:
    """Registration, type and operator of each airframe, by ascending address."""
    address = fixes.columns["address"][starts(fixes.columns["address"])]
    frame = pd.DataFrame({"address": address})
    frame["icao24"] = pd.Series([units.icao24_text(int(a)) for a in address], dtype=object)
    if aircraft is not None and len(aircraft):
        told = aircraft.drop_duplicates("icao24").set_index("icao24")
        for name in ("registration", "typecode", "operator"):
            frame[name] = frame["icao24"].map(told[name].astype(object)) if name in told else ""
    for name in ("registration", "typecode", "operator"):
        column = frame[name] if name in frame else pd.Series("", index=frame.index)
        frame[name] = column.astype(object).where(column.notna(), "")
    return frame


def _ends(columns: Columns, legs: Legs, ground: Any, out: dict[str, Any]) -> Ends:
    names = ("latitude", "longitude", "altitude", "groundspeed", "track", "vertical_rate")
    first, last = ({k: columns[k][rows].astype(float) for k in names} for rows in (legs.first, legs.last))
    ranges = _ranges(legs, len(columns["time"]))
    fastest = np.nan_to_num(np.fmax.reduceat(columns["groundspeed"], ranges)[::2]).astype(float)
    shared = np.array(["duplicate address" in s for s in out["suspect"]])
    return ends_of(
        Sides(first, last, ground[legs.first], ground[legs.last]),
        np.where(shared, -1, columns["address"][legs.first].astype(np.int64)),
        (columns["time"][legs.first], columns["time"][legs.last]),
        out["typecode"],
        fastest,
        np.array(out["distance_nm"]),
    )


def describe(fixes: Fixes, legs: Legs, known: pd.DataFrame) -> dict[str, Any]:
    """Everything about the legs that does not need an airport."""
    columns = fixes.columns
    airframe = np.searchsorted(known["address"], columns["address"][legs.first])
    out: dict[str, Any] = {
        name: known[name].to_numpy()[airframe] for name in ("icao24", "registration", "typecode", "operator")
    }
    time = columns["time"]
    out["firstseen"], out["lastseen"] = units.instants(time[legs.first]), units.instants(time[legs.last])
    begun = map(units.instant, time[legs.first].tolist())  # plain datetimes: pandas' own take three times as long
    out["flight_id"] = [records.flight_id(i, t) for i, t in zip(out["icao24"], begun, strict=True)]
    for name, rows in (("first", legs.first), ("last", legs.last)):
        for key in ("latitude", "longitude", "altitude"):
            out[f"{name}_{key}"] = columns[key][rows].astype(float)
        out[f"{name}_altitude"] = np.where(columns["onground"][rows], np.nan, out[f"{name}_altitude"])
    out["points"] = legs.last - legs.first + 1
    out["suspect"] = _suspicions(fixes, legs)
    out["rules_version"] = RULES_VERSION
    return out | _told(fixes, legs)


TRACK_COLUMNS = (
    "latitude",
    "longitude",
    "altitude",
    "geoaltitude",
    "groundspeed",
    "track",
    "vertical_rate",
    "onground",
)


def _told(fixes: Fixes, legs: Legs) -> dict[str, Any]:
    """What is known per leg rather than per fix: callsigns, sources, the polls its rows came from, its track."""
    size = legs.last - legs.first + 1
    starts = np.concatenate([[0], np.cumsum(size[:-1])])  # first row of each leg among the rows of all legs
    columns = {k: fixes.columns[k] for k in ("time", "callsign", "source", "poll", *TRACK_COLUMNS)}
    if size.sum() < len(columns["time"]):
        spans = [slice(*span) for span in zip(legs.first.tolist(), (legs.last + 1).tolist(), strict=True)]
        columns = {k: np.concatenate([v[span] for span in spans]) for k, v in columns.items()}
    time = columns["time"]
    gap, miles = np.zeros(len(time), dtype=np.int64), np.zeros(len(time))
    np.subtract(time[1:], time[:-1], out=gap[1:])
    miles[1:] = geo.steps(columns["latitude"], columns["longitude"])
    gap[starts] = miles[starts] = 0
    signs = callsigns(columns["callsign"], time, starts, fixes.callsigns)
    sources = _distinct(columns["source"], starts)
    return {
        "callsign": [best for best, _ in signs],
        "callsigns": [" ".join(spoken) for _, spoken in signs],
        "source": [" ".join(fixes.sources[c] for c in codes if fixes.sources[c]) for codes in sources],
        "provenance": [[p for p in polls if p >= 0] for polls in _distinct(columns["poll"], starts)],
        "longest_gap_s": np.maximum.reduceat(gap, starts) / 1000,
        "distance_nm": np.add.reduceat(miles, starts),
        "track": tracks.pack_all(columns, starts),
    }


def _distinct(values: Any, starts: Any) -> list[list[int]]:
    """The distinct values in each stretch, ascending; most stretches have only one."""
    low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    ends = [*starts[1:].tolist(), len(values)]
    rows = zip(low.tolist(), high.tolist(), starts.tolist(), ends, strict=True)
    return [[a] if a == b else np.unique(values[lo:hi]).tolist() for a, b, lo, hi in rows]


def callsigns(codes: Any, time: Any, starts: Any, names: list[str]) -> list[tuple[str, list[str]]]:
    """For each stretch, the callsign broadcast longest, and all callsigns in order of appearance; silence does not
    count."""
    begins = np.ones(len(codes), dtype=bool)
    begins[1:] = codes[1:] != codes[:-1]
    begins[starts] = True
    runs = np.flatnonzero(begins)
    after = np.append(runs[1:], len(codes))
    until = np.where(np.isin(after, starts) | (after == len(codes)), time[after - 1] + 1, time[after % len(codes)])
    held: list[dict[int, int]] = [{} for _ in range(len(starts))]
    stretch = np.searchsorted(starts, runs, "right") - 1
    for leg, code, lasted in zip(stretch.tolist(), codes[runs].tolist(), (until - time[runs]).tolist(), strict=True):
        if code:
            held[leg][code] = held[leg].get(code, 0) + lasted
    return [(names[max(h, key=lambda c: h[c])], [names[c] for c in h]) if h else ("", []) for h in held]


def _ranges(legs: Legs, rows: int) -> Any:
    """Where legs begin and end among this many rows, for `reduceat`; the last leg may end at the last row."""
    bounds = np.stack([legs.first, legs.last + 1], axis=1).ravel()
    return bounds[bounds < rows]


def _suspicions(fixes: Fixes, legs: Legs) -> list[str]:
    """The marks of the fixes in each leg, and of fixes set aside during it; stale fixes are too common to report."""
    columns, doubted = fixes.columns, fixes.doubted
    inside = np.bitwise_or.reduceat(columns["bits"], _ranges(legs, len(columns["bits"])))[::2]
    if len(doubted["address"]):
        inside |= _doubts_inside(columns, doubted, legs)
    inside &= ~np.uint8(motion.STALE)
    names = list(records.SUSPECT.items())
    return [", ".join(name for bit, name in names if value & bit) for value in inside.tolist()]


def _doubts_inside(columns: Columns, doubted: Columns, legs: Legs) -> npt.NDArray[np.uint8]:
    out = np.zeros(len(legs), dtype=np.uint8)
    base = min(int(columns["time"].min()), int(doubted["time"].min()))
    span = np.int64(max(int(columns["time"].max()), int(doubted["time"].max())) - base + 1)

    def line(address: Any, time: Any) -> Any:
        return address.astype(np.int64) * span + (time - base)

    start = line(columns["address"][legs.first], columns["time"][legs.first])
    end = line(columns["address"][legs.last], columns["time"][legs.last])
    order = np.argsort(start, kind="stable")
    at = line(doubted["address"], doubted["time"])
    leg = np.searchsorted(start[order], at, "right") - 1
    good = (leg >= 0) & (at <= end[order[np.maximum(leg, 0)]])
    np.bitwise_or.at(out, order[leg[good]], doubted["bits"][good])
    return out


def _status(out: dict[str, Any], asof: datetime | None) -> list[str]:
    landed = np.isin(out["arrival_method"], ("observed", "approach"))
    status = np.where(landed, "landed", "lost").astype(object)
    if asof is not None:
        fresh = units.millis(asof) - units.millis(out["lastseen"]) < OPEN_MS
        status[fresh & (np.array(out["arrival_method"]) != "observed")] = "airborne"
    return [str(s) for s in status]
