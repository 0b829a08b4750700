"""Alerts and routes as tables."""

from __future__ import annotations

import pandas as pd

from flightwatch.explore.tables import EXTRA
from flightwatch.store import Store

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
    """One row per watched route, with how many days and flights were counted for it."""
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
