"""Makes `coastline.json.zz` from Natural Earth's countries as TopoJSON (npm package `world-atlas`).

    python coastline_build.py countries-50m.json coastline.json.zz

Needed only when Natural Earth publishes a new version; the result is checked in. See README.md beside it.
"""

from __future__ import annotations

import json
import sys
import zlib
from pathlib import Path
from typing import Any

STEP = 0.01  # degrees, 1.1 km: a pixel of a 1000 px map of Libya is 2 km


def arcs(topology: dict[str, Any]) -> list[list[tuple[int, int]]]:
    """Every arc as absolute points in units of STEP, repeats left out (TopoJSON 1.0 §2.1.3: delta-coded, quantised)."""
    (kx, ky), (tx, ty) = topology["transform"]["scale"], topology["transform"]["translate"]
    out = []
    for arc in topology["arcs"]:
        x = y = 0
        points: list[tuple[int, int]] = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            point = (round((x * kx + tx) / STEP), round((y * ky + ty) / STEP))
            if not points or points[-1] != point:
                points.append(point)
        out.append(points if len(points) > 1 else points * 2)
    return out


def rings(geometry: dict[str, Any]) -> list[list[list[int]]]:
    """Polygons of a country, each a list of rings, each a list of arc numbers (negative: reversed)."""
    if geometry["type"] == "Polygon":
        return [geometry["arcs"]]
    return list(geometry["arcs"]) if geometry["type"] == "MultiPolygon" else []


def build(topology: dict[str, Any]) -> bytes:
    """The compact form: JSON of delta-coded arcs and countries as rings of arcs, compressed."""
    deltas = []
    for points in arcs(topology):
        x = y = 0
        flat: list[int] = []
        for px, py in points:
            flat += [px - x, py - y]
            x, y = px, py
        deltas.append(flat)
    countries = [
        {"name": g["properties"]["name"], "polygons": rings(g)} for g in topology["objects"]["countries"]["geometries"]
    ]
    body = json.dumps({"step": STEP, "arcs": deltas, "countries": countries}, separators=(",", ":"))
    return zlib.compress(body.encode(), 9)


if __name__ == "__main__":
    Path(sys.argv[2]).write_bytes(build(json.loads(Path(sys.argv[1]).read_text())))
