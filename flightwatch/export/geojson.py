"""Tracks as GeoJSON (RFC 7946): longitude first, WGS84, lines cut where they cross 180°."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from flightwatch.explore.tables import FLIGHT_COLUMNS
from flightwatch.export.tables import jsonable
from flightwatch.plots.picture import SEEN, collect, decoded
from flightwatch.units import iso

Line = npt.NDArray[np.float64]


def cut(line: Line) -> list[Line]:
    """The line in pieces that do not cross the date line; the crossing point is at ±180 on both sides (§3.1.9).

    >>> [piece.tolist() for piece in cut(np.array([[179.0, 10.0], [-179.0, 20.0]]))]
    [[[179.0, 10.0], [180.0, 15.0]], [[-180.0, 15.0], [-179.0, 20.0]]]
    """
    jumps = np.flatnonzero(np.abs(np.diff(line[:, 0])) > 180)
    out, start, head = [], 0, np.empty((0, 2))
    for i in jumps.tolist():
        a, b = line[i], line[i + 1]
        side = 180.0 if a[0] > 0 else -180.0
        step = b[0] + 2 * side - a[0]
        latitude = a[1] + (b[1] - a[1]) * ((side - a[0]) / step if step else 0.5)
        out.append(np.vstack([head, line[start : i + 1], [[side, latitude]]]))
        head, start = np.array([[-side, latitude]]), i + 1
    return [*out, np.vstack([head, line[start:]])]


def geometry(line: Line) -> dict[str, Any]:
    """A LineString, or a MultiLineString if the line had to be cut; a Point for a single fix."""
    if len(line) == 1:
        return {"type": "Point", "coordinates": _rounded(line)[0]}
    pieces = [_rounded(piece) for piece in cut(line) if len(piece) > 1]
    if len(pieces) == 1:
        return {"type": "LineString", "coordinates": pieces[0]}
    return {"type": "MultiLineString", "coordinates": pieces}


def _rounded(line: Line) -> list[list[float]]:
    return [[round(float(x), 5), round(float(y), 5)] for x, y in line]  # 1e-5° is one metre, as tracks are stored


def geojson(flights: pd.DataFrame, airports: Any = None) -> bytes:
    """A FeatureCollection: a feature `kind: heard` per flight, and with `airports` those of `kind: inferred`.

    An inferred feature says which `part` of the flight nobody heard: the way from (`departure`) or to (`arrival`) an
    `airport` where nobody saw it, with its `probability`; or a `silence` between two fixes or the `whole` flight, drawn
    the shortest way, without a known probability.

    `times` (ISO 8601) and `altitudes_ft` are given beside the coordinates in the order of the fixes; a feature that is
    cut at the date line has two more coordinates than times for every cut.
    """
    features = []
    known = getattr(airports, "frame", airports)
    for flight in flights.to_dict("records"):
        track = decoded(flight.get("track"))
        told = {name: jsonable(flight.get(name)) for name in FLIGHT_COLUMNS if name in flight}
        if track is not None and len(track):
            line = track[["longitude", "latitude"]].to_numpy(float)
            properties = {
                **told,
                "kind": "heard",
                "times": [iso(t) for t in track["time"]],
                "altitudes_ft": [jsonable(a) for a in track["altitude"]],
            }
            features.append(
                {"type": "Feature", "id": told.get("flight_id"), "geometry": geometry(line), "properties": properties}
            )
        if known is not None:
            features += _inferred(flight, known)
    body = json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)
    return body.encode("utf-8", "replace")


def _inferred(flight: dict[Any, Any], known: pd.DataFrame) -> list[dict[str, Any]]:
    picture = collect(pd.DataFrame([flight]), known)
    return [
        {
            "type": "Feature",
            "geometry": geometry(dash.line),
            "properties": {
                "kind": "inferred",
                "flight_id": str(flight["flight_id"]),
                "part": dash.part,
                "airport": dash.airport or None,
                "probability": round(dash.share, 4) if dash.airport else None,
            },
        }
        for dash in picture.dashed
        if not dash.airport or flight.get(f"{dash.part}_method") not in SEEN
    ]
