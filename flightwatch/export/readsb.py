"""Tracks as readsb trace files, which tar1090-style viewers, `traffic` and our own backfill read."""

from __future__ import annotations

import gzip
import json
from datetime import UTC
from typing import Any

import numpy as np
import pandas as pd

from flightwatch.plots.picture import decoded
from flightwatch.units import millis

NEW_LEG = 2  # flag bit of a row (readsb README-json.md, trace files): start of a new leg


def readsb_traces(flights: pd.DataFrame) -> dict[str, bytes]:
    """Path in an archive (`2024/12/14/traces/1f/trace_full_140a1f.json`) -> gzip content, one file per airframe and
    UTC day as readsb's globe_history has them. Rows are the thinned fixes, the first of each flight marked as a leg.
    """
    rows: dict[tuple[str, str], list[list[Any]]] = {}
    heads: dict[tuple[str, str], dict[str, Any]] = {}
    for flight in flights.sort_values("firstseen").to_dict("records"):
        track = decoded(flight.get("track"))
        icao24 = str(flight.get("icao24") or "")
        if track is None or track.empty or not icao24:
            continue
        days = track["time"].dt.strftime("%Y/%m/%d").to_numpy(dtype=object)
        for day in dict.fromkeys(days.tolist()):
            part = track[days == day].reset_index(drop=True)
            key = (icao24, str(day))
            head = heads.setdefault(key, _head(flight, str(day)))
            own = _rows(part, head["timestamp"], str(flight.get("callsign") or ""))
            if day == days[0]:
                own[0][6] |= NEW_LEG
            rows.setdefault(key, []).extend(own)
    out = {}
    for (icao24, day), trace in rows.items():
        body = json.dumps({**heads[icao24, day], "trace": sorted(trace, key=lambda r: r[0])}, separators=(",", ":"))
        out[f"{day}/traces/{icao24[-2:]}/trace_full_{icao24}.json"] = gzip.compress(body.encode(), 9, mtime=0)
    return out


def _head(flight: dict[Any, Any], day: str) -> dict[str, Any]:
    base = pd.Timestamp(day.replace("/", "-"), tz=UTC).timestamp()
    told = {"icao": flight["icao24"], "r": flight.get("registration"), "t": flight.get("typecode")}
    return {**{k: str(v) for k, v in told.items() if v}, "dbFlags": 0, "timestamp": base}


def _rows(track: pd.DataFrame, base: float, callsign: str) -> list[list[Any]]:
    """Rows of 14 entries; as in readsb, the aircraft object with the callsign is in the first of every four."""
    seconds = millis(track["time"]) / 1000 - base
    ground = track["onground"].to_numpy(bool)
    out = []
    for i, at in enumerate(seconds):
        row = track.iloc[i]
        altitude = "ground" if ground[i] else _number(row["altitude"])
        geometric = _number(row["geoaltitude"]) if "geoaltitude" in track else None
        thing = {"type": "adsb_icao", "flight": f"{callsign:<8}"} if i % 4 == 0 and callsign else None
        speed, course, rate = (_number(row[k], 1) for k in ("groundspeed", "track", "vertical_rate"))
        place = [round(float(row["latitude"]), 6), round(float(row["longitude"]), 6)]
        rest = ["adsb_icao", geometric, None, None, None]
        out.append([round(float(at), 2), *place, altitude, speed, course, 0, rate, thing, *rest])
    return out


def _number(value: Any, digits: int = 0) -> float | int | None:
    if not np.isfinite(float(value)):
        return None
    return round(float(value), digits) if digits else round(float(value))
