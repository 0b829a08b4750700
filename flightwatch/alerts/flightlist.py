"""The flights of an alert as rows of plain strings."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import pandas as pd

from flightwatch.alerts.words import doubts, moment
from flightwatch.units import percent
from flightwatch.words import number

SEEN = ("observed", "approach", "reported")
WORTH_NAMING = 0.1  # a second candidate below one in ten would only take up space
TRACKER = "https://globe.adsbexchange.com/?icao={icao24}&showTrace={day}"
"""A public tracker that shows an airframe's track on a day (tar1090 query parameters `icao`, `showTrace`)."""


def row(
    flight_id: str,
    listed: Mapping[str, Any],
    flight: Mapping[str, Any] | None,
    *,
    zone: str = "UTC",
    tracker: str = TRACKER,
    names: Callable[[str], str] = str,
) -> dict[str, str]:
    """One flight for people: who, when, from where to where, how certain, and where to see its track.

    `listed` is its entry in the alert's evidence, which is enough if the flight row is not available.
    """
    data: Mapping[str, Any] = flight or {}
    icao24 = str(data.get("icao24") or listed.get("icao24", ""))
    firstseen = data.get("firstseen")
    when = pd.Timestamp(firstseen).to_pydatetime() if firstseen is not None else None
    day = str(listed.get("day", ""))
    ends = [end(data, "departure", listed, "from", names), end(data, "arrival", listed, "to", names)]
    shown = " ".join(ends)
    out = {
        "flight": flight_id,
        "departed": _departed(when, day, zone),
        "callsign": str(data.get("callsign") or ""),
        "registration": str(data.get("registration") or listed.get("registration", "")),
        "typecode": str(data.get("typecode") or ""),
        "icao24": icao24,
        "from": ends[0],
        "to": ends[1],
        "leg": "return" if listed.get("home") else "",
        "counted": "" if listed.get("home") else _share(float(listed.get("p", 0.0)), shown),
        "doubt": doubts(str(data.get("suspect") or listed.get("suspect", ""))),
        "link": tracker.format(icao24=icao24, day=day) if icao24 else "",
    }
    return {key: value for key, value in out.items() if value}


def _departed(when: datetime | None, day: str, zone: str) -> str:
    return moment(when, zone) if when is not None else day


def _share(probability: float, shown: str) -> str:
    """How much the flight adds to the count, unless that is one, or repeats what is shown at an end.

    >>> _share(0.62, "UUWW probably HLLB (62%)"), _share(0.97, "UUWW HLLB"), _share(0.4, "UUWW unknown")
    ('', '', 'counts as 0.4 of a flight')
    """
    if probability >= 0.95 or f"({percent(probability)})" in shown:
        return ""
    return f"counts as {number(probability)} of a flight"


def end(
    flight: Mapping[str, Any], side: str, listed: Mapping[str, Any], key: str, names: Callable[[str], str] = str
) -> str:
    """One end of a flight and how it is known.

    >>> dark = {"estarrivalairport": "HLLB", "arrival_method": "inferred", "arrival_probability": 0.62}
    >>> end(dark, "arrival", {}, "to")
    'probably HLLB (62%)'
    >>> end({**dark, "arrival_candidates": {"HLLB": 0.62, "HL59": 0.3, "HLGN": 0.04}}, "arrival", {}, "to")
    'probably HLLB (62%), else HL59 (30%)'
    >>> end({"arrival_method": "unknown", "arrival_candidates": {"HLLB": 0.31, "HLGN": 0.2}}, "arrival", {}, "to")
    'unknown, perhaps HLLB (31%) or HLGN (20%)'
    """
    airport = str(flight.get(f"est{side}airport") or "") or str(listed.get(key, ""))
    method = str(flight.get(f"{side}_method") or listed.get(f"{key}_method", "unknown"))
    if airport and method in SEEN:
        return names(airport)
    if airport:
        share = flight.get(f"{side}_probability", listed.get(f"{key}_p"))
        known = share is not None and math.isfinite(float(share)) and float(share) > 0
        likely = f"probably {names(airport)} ({percent(float(share or 0))})" if known else f"probably {names(airport)}"
        others = [
            (name, p) for name, p in _best(flight, side) if name != airport and WORTH_NAMING <= p <= float(share or 0)
        ]
        return likely + "".join(f", else {names(name)} ({percent(p)})" for name, p in others[:1])
    best = _best(flight, side)
    perhaps = " or ".join(f"{names(name)} ({percent(p)})" for name, p in best)
    return f"unknown, perhaps {perhaps}" if perhaps else "unknown"


def _best(flight: Mapping[str, Any], side: str) -> list[tuple[str, float]]:
    shares = flight.get(f"{side}_candidates")
    ordered = sorted(shares.items(), key=lambda item: -item[1])[:2] if isinstance(shares, dict) else []
    return [(str(name), float(p)) for name, p in ordered]
