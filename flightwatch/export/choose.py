"""Which rows in which format, as requested on the command line."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pandas as pd

from flightwatch.errors import UsageError
from flightwatch.explore import Explorer, to_traffic_frame
from flightwatch.explore.tables import DayLike
from flightwatch.export.geojson import geojson
from flightwatch.export.kml import kml
from flightwatch.export.readsb import readsb_traces
from flightwatch.export.tables import csv, json_bytes, parquet

KINDS = ("flights", "tracks", "route-days", "findings", "alerts")
FORMATS = ("csv", "json", "parquet", "geojson", "kml", "readsb")
MAPPED = ("geojson", "kml", "readsb")


def export(
    db: Explorer,
    kind: str,
    fmt: str,
    *,
    route: str | None = None,
    days: DayLike = None,
    alert: int | None = None,
    icao24: str | None = None,
) -> bytes:
    """The rows of a kind as one file's bytes; `readsb` gives a ZIP of trace files.

    `flights` and `tracks` are selected by route, days, alert and airframe; `route-days` and `findings` by route and
    days. GeoJSON, KML and readsb are for flights and tracks, and give the same for both.
    """
    if kind not in KINDS:
        raise UsageError(f"cannot export {kind!r}; there are {', '.join(KINDS)}")
    if fmt not in FORMATS:
        raise UsageError(f"no format {fmt!r}; there are {', '.join(FORMATS)}")
    if fmt in MAPPED:
        if kind not in ("flights", "tracks"):
            raise UsageError(f"{kind} have no place on a map: choose csv, json or parquet")
        flights = db.tracked_flights(route, days, alert=alert, icao24=icao24)
        return mapped(flights, fmt, db.airports)
    frame = frame_of(db, kind, route=route, days=days, alert=alert, icao24=icao24)
    return {"csv": csv, "parquet": parquet}[fmt](frame) if fmt != "json" else json_bytes(kind, frame)


def frame_of(
    db: Explorer,
    kind: str,
    *,
    route: str | None = None,
    days: DayLike = None,
    alert: int | None = None,
    icao24: str | None = None,
) -> pd.DataFrame:
    """The rows of a kind as a frame with the public columns."""
    if kind == "flights":
        return db.flights(route, days, alert=alert, icao24=icao24)
    if kind == "tracks":
        return to_traffic_frame(db.tracked_flights(route, days, alert=alert, icao24=icao24))
    if alert is not None and route is None and kind != "alerts":
        found = db.alert(alert)
        route, days = found.route, days if days is not None else (found.first_day, found.last_day)
    if kind == "alerts":
        held = db.alerts()
        return held[held["id"] == db.alert(alert).id] if alert is not None else held
    return db.route_days(route, days) if kind == "route-days" else db.findings(route, days)


def mapped(flights: pd.DataFrame, fmt: str, airports: Any) -> bytes:
    """Flights with their tracks as GeoJSON, KML, or a ZIP of readsb traces."""
    if fmt == "geojson":
        return geojson(flights, airports)
    if fmt == "kml":
        return kml(flights)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as pack:
        for name, body in sorted(readsb_traces(flights).items()):
            pack.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), body)
    return out.getvalue()
