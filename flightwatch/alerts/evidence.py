"""What an alert was judged on, as a JSON-serialisable record that is stored with it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import pandas as pd

from flightwatch.alerts.rest import Leg

FINDING_FIELDS = (
    "route", "day", "model", "window_days", "observed", "expected", "lower", "upper", "multiple", "probability",
    "score", "coverage", "history_days", "reasons", "contributions",
)  # fmt: skip

END_FIELDS = (
    ("from", "estdepartureairport", "departure_method", "departure_candidates"),
    ("to", "estarrivalairport", "arrival_method", "arrival_candidates"),
)


def peak(finding: Mapping[str, Any]) -> dict[str, Any]:
    """A finding as evidence: plain values, None for what is not a finite number."""
    return {name: plain(finding.get(name)) for name in FINDING_FIELDS}


def plain(value: Any) -> Any:
    """JSON-serialisable: dates as text, numbers finite or None, containers likewise.

    >>> plain(float("inf")), plain(pd.Timestamp("2024-12-14")), plain({"a": [1, float("nan")]})
    (None, '2024-12-14', {'a': [1, None]})
    """
    if isinstance(value, pd.Timestamp | date):
        return pd.Timestamp(value).date().isoformat()
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def strength(record: Mapping[str, Any]) -> tuple[float, float, str]:
    """A key for choosing the strongest: rarest, then strangest, then latest."""
    probability = record.get("probability")
    return (-(1.0 if probability is None else probability), record.get("score") or 0.0, str(record.get("day")))


def entry(leg: Leg, row: Mapping[str, Any] | None, *, home: bool) -> dict[str, Any]:
    """One flight of the episode: how likely it flew the route, and where it probably came from and went."""
    out: dict[str, Any] = {
        "day": leg.day.isoformat(), "icao24": leg.icao24, "p": round(leg.probability, 4),
        "confirmed": leg.confirmed, "home": home,
    }  # fmt: skip
    if row is not None:
        for end, airport, method, candidates in END_FIELDS:
            out[end] = str(row.get(airport) or "")
            out[f"{end}_method"] = str(row.get(method) or "unknown")
            shares = row.get(candidates)
            out[f"{end}_p"] = round(float((shares or {}).get(out[end], 0.0)), 4) if isinstance(shares, dict) else 0.0
        out["source"] = str(row.get("source") or "")
        out["suspect"] = str(row.get("suspect") or "")
        out["registration"] = str(row.get("registration") or "")
    return out


def totals(flights: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The sums shown to people, over the outbound flights (without return flights)."""
    out = [f for f in flights.values() if not f.get("home")]
    return {
        "listed": len(out),
        "expected_flights": round(sum(float(f["p"]) for f in out), 2),
        "confirmed_flights": sum(1 for f in out if f["confirmed"]),
        "homeward": len(flights) - len(out),
        "aircraft": len({f["icao24"] for f in out if f["icao24"]}),
        "sources": sorted({name for f in flights.values() for name in str(f.get("source", "")).split()}),
        "suspect": sum(1 for f in out if f.get("suspect")),
    }


def news(told: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What is new since people were last told, one sentence each. `told` is as `tell` keeps it.

    >>> told = {"flights": {"a": "HLLB"}, "routes": ["r"]}
    >>> news(told, {"flights": {"a": {"to": "HLGN"}, "b": {"to": "HLLB"}}, "routes": {"r": {}}})
    ['1 more flight', 'destination of a corrected from HLLB to HLGN']
    """
    old, new = told["flights"], after["flights"]
    out = []
    added = [name for name in new if name not in old]
    if added:
        ways_home = sum(1 for name in added if new[name].get("home"))
        parts = [_more(len(added) - ways_home, "flight"), _more(ways_home, "return flight")]
        out.append(" and ".join(part for part in parts if part))
    gone = sum(1 for name in old if name not in new)
    if gone:
        out.append(f"{gone} flight{_s(gone)} no longer counted after a correction")
    for name, flight in new.items():
        to = str(flight.get("to", ""))
        if name in old and old[name] != to:
            out.append(f"destination of {name} corrected from {old[name] or 'unknown'} to {to or 'unknown'}")
    joined = [route for route in after["routes"] if route not in told["routes"]]
    if joined:
        out.append(f"also seen by {', '.join(joined)}")
    return out


def _more(count: int, what: str) -> str:
    return f"{count} more {what}{_s(count)}" if count else ""


def _s(count: int) -> str:
    return "" if count == 1 else "s"


def rows_by_id(flights: pd.DataFrame, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The flight rows of these ids, as dictionaries."""
    wanted = flights[flights["flight_id"].isin(set(ids))]
    columns: Sequence[str] = [c for c in wanted.columns if c != "track"]
    return {str(row["flight_id"]): row for row in wanted[columns].to_dict("records")}
