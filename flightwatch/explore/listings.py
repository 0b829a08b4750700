"""Alerts and routes as tables."""

from __future__ import annotations

import pandas as pd

from flightwatch.explore.tables import EXTRA
from flightwatch.store import Store
from flightwatch.telling import Alert
from flightwatch.words import number

ROUTE_COLUMNS = (
    "route", "origin", "destination", "origin_airports", "destination_airports", "discovered", "days", "flights",
)  # fmt: skip


def alerts(store: Store, status: str | None) -> pd.DataFrame:
    """One row per alert, newest first."""
    rows = [
        {
            "id": a.id,
            "route": a.route,
            "routes": list(a.routes),
            "opened": pd.Timestamp(a.opened),
            "first_day": pd.Timestamp(a.first_day),
            "last_day": pd.Timestamp(a.last_day),
            "status": a.status,
            "severity": a.severity,
            "headline": a.headline,
            "flights": int(a.evidence.get("listed", len(store.alert_flights(a.id)))),
            "expected_flights": float(a.evidence.get("expected_flights", float("nan"))),
            "updated": pd.Timestamp(a.updated),
            "by": a.by,
            "reason": a.reason,
        }
        for a in store.alerts(status)
    ]
    return pd.DataFrame(rows, columns=list(EXTRA["alerts"]))


def routes(store: Store) -> pd.DataFrame:
    """One row per watched route, with the numbers of days and flights counted for it."""
    counted = store.route_days()
    sums = {str(name): own["flights"] for name, own in counted.groupby("route", observed=True)}
    rows = [
        {
            "route": route.name,
            "origin": ", ".join(route.origin) or "anywhere",
            "destination": ", ".join(route.destination) or "anywhere",
            "origin_airports": sorted(route.origin_airports or []),
            "destination_airports": sorted(route.destination_airports or []),
            "discovered": route.discovered,
            "days": len(sums[route.name]) if route.name in sums else 0,
            "flights": float(sums[route.name].sum()) if route.name in sums else 0.0,
        }
        for route in store.routes()
    ]
    return pd.DataFrame(rows, columns=list(ROUTE_COLUMNS))


def how_many(flights: pd.DataFrame, alert: Alert | None = None) -> str:
    """The flights of a map and their days in words; an alert counts one direction. A flight with an unseen end is only
    possible.

    >>> day = pd.to_datetime(["2024-12-14", "2024-12-15"], utc=True)
    >>> how_many(pd.DataFrame({"firstseen": day, "route_probability": [0.9, 0.3]}))
    '2 possible flights, 1.2 expected, 14 December 2024 to 15 December 2024'
    """
    count = len(flights)
    if not count:
        return ""
    what = f"{count} flight{'' if count == 1 else 's'}"
    evidence = alert.evidence if alert is not None else {}
    listed, back = int(evidence.get("listed", 0)), int(evidence.get("homeward", 0))
    if listed and back and listed + back == count:
        possible = "" if evidence.get("confirmed_flights") == listed else "possible "  # not all were seen at both ends
        what = f"{listed} {possible}flight{'' if listed == 1 else 's'} and {back} back"
    elif "route_probability" in flights:
        expected = number(float(flights["route_probability"].sum()))
        if expected != str(count):
            what = f"{count} possible flight{'' if count == 1 else 's'}, {expected} expected"
    first, last = flights["firstseen"].min(), flights["firstseen"].max()
    return f"{what}, {first:%-d %B %Y}" + ("" if first.date() == last.date() else f" to {last:%-d %B %Y}")
