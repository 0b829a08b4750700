"""From columns named as in readsb's aircraft object to the OBSERVATION and AIRCRAFT frames.

All sources with such rows end here: answers of readsb and its descendants, however they were decoded, OpenSky states,
BaseStation lines and tables of positions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from flightwatch.records import AIRCRAFT, OBSERVATION, empty
from flightwatch.sources import columns as col

NAN = float("nan")
OLDEST_FIX_S = 14 * 86_400  # readsb keeps `lastPosition` for up to 14 days (track.h)
STALE = 4  # a bit of records.SUSPECT


class LastPosition(msgspec.Struct, gc=False):
    """Where the aircraft was last heard, if the regular position is older than a minute."""

    lat: float
    lon: float
    seen_pos: float
    nic: float = NAN


def nothing() -> tuple[pd.DataFrame, pd.DataFrame]:
    """The two frames without rows."""
    return empty(OBSERVATION), empty(AIRCRAFT)


def arrange(
    part: dict[str, Any], now_ms: Any, source: str, rejected: Counter[str], *, suspect: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The frames from columns named as in the aircraft object; `now_ms` is one number, or one per row.

    `hex` are texts, or addresses if the masks `usable` and `foreign` are given; `alt_baro` are numbers and words, or
    numbers if the mask `ground` is given.
    """
    if "usable" in part:
        address, usable, foreign = part["hex"], part["usable"], part["foreign"]
    else:
        address, usable, foreign = col.addresses(part["hex"])
    lat, lon, seen, quality = (np.array(part[f], dtype=np.float64) for f in ("lat", "lon", "seen_pos", "nic"))
    marks = np.full(len(address), suspect, dtype=np.uint8)
    old = _use_last_position(part["lastPosition"], lat=lat, lon=lon, seen=seen, quality=quality, marks=marks)
    with np.errstate(invalid="ignore"):
        timed = (seen >= -1) & (seen <= OLDEST_FIX_S)  # -1: readsb rounds, and the clocks of two machines differ
    none, bad = col.position_faults(lat, lon)
    keep = usable & ~none & ~bad & timed
    _count(rejected, foreign=foreign, usable=usable, none=none, bad=bad, timed=timed)

    base = np.broadcast_to(np.asarray(now_ms, dtype=np.float64), len(address))[keep]
    when = np.round(base) - np.round(seen[keep] * 1000)
    fields = _movement(part, old, keep)
    fields |= {
        "address": address[keep],
        "time": when.astype(np.int64),
        "latitude": lat[keep],
        "longitude": lon[keep],
        "nic": col.nic(quality[keep]),
        "suspect": marks[keep],
    }
    for name, key, clean in (
        ("callsign", "flight", col.callsigns),
        ("squawk", "squawk", col.squawks),
        ("position_type", "type", col.position_types),
    ):
        fields[name] = col.texts(_texts(part[key], keep), clean)
    known = {
        "address": address[usable],
        "flags": np.array(part["dbFlags"], dtype=np.float64)[usable],
        "registration": _texts(part["r"], usable),
        "typecode": _texts(part["t"], usable),
        "operator": _texts(part["ownOp"], usable),
    }
    return col.observations(fields, source), col.aircraft(known, source)


def _texts(values: Any, rows: col.Bools) -> Any:
    return (values if isinstance(values, col.Coded) else np.array(values, dtype=object))[rows]


def _use_last_position(
    last: Sequence[LastPosition | None],
    *,
    lat: col.Floats,
    lon: col.Floats,
    seen: col.Floats,
    quality: col.Floats,
    marks: Any,
) -> col.Bools:
    """Fills in `lastPosition` where a row has no position of its own, marked stale, and returns where it did."""
    old = np.zeros(len(lat), dtype=bool)
    for i in np.flatnonzero(np.isnan(lat) | np.isnan(lon)).tolist():
        found = last[i]
        if found is not None:
            lat[i], lon[i], seen[i], quality[i] = found.lat, found.lon, found.seen_pos, found.nic
            marks[i] |= STALE
            old[i] = True
    return old


def _movement(part: dict[str, Any], old: col.Bools, keep: col.Bools) -> dict[str, Any]:
    """Altitudes, speed, track, vertical rate and ground flag of the kept rows.

    A row from `lastPosition` gets none of them: they are current, the position is not.
    """
    said = part["alt_baro"]
    if "ground" in part:
        ground, baro = part["ground"], said
    else:
        ground = np.array([a == "ground" if a.__class__ is str else False for a in said], dtype=bool)
        baro = np.array([NAN if a.__class__ is str else a for a in said], dtype=np.float64)
    track, rate = np.array(part["track"], dtype=np.float64), np.array(part["baro_rate"], dtype=np.float64)
    track = np.where(np.isnan(track), np.array(part["calc_track"], dtype=np.float64), track)
    rate = np.where(np.isnan(rate), np.array(part["geom_rate"], dtype=np.float64), rate)
    out: dict[str, Any] = {}
    for name, values in (
        ("altitude", baro),
        ("geoaltitude", np.array(part["alt_geom"], dtype=np.float64)),
        ("groundspeed", np.array(part["gs"], dtype=np.float64)),
        ("track", track),
        ("vertical_rate", rate),
    ):
        out[name] = col.small(np.where(old, NAN, values)[keep])
    out["onground"] = (ground & ~old)[keep]
    return out


def _count(rejected: Counter[str], *, foreign: Any, usable: Any, none: Any, bad: Any, timed: Any) -> None:
    """Counts each refused row under exactly one reason, so that kept and refused add up to what came."""
    left = np.ones(len(usable), dtype=bool)
    for reason, mask in (
        ("non-ICAO address", foreign),
        ("no address", ~usable),
        ("no position", none),
        ("position out of range", bad),
        ("impossible time", ~timed),
    ):
        if number := int((mask & left).sum()):
            rejected[reason] += number
        left &= ~mask
