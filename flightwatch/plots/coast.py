"""The bundled coastlines and borders, read once."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

Line = npt.NDArray[np.float64]
"""Longitude and latitude in degrees, one row per point."""

SEAM = 179.99  # degrees: where Natural Earth cuts countries at the date line, which is no coast


@dataclass(frozen=True)
class Country:
    """A country's name and its polygons; each polygon is an outer ring and its holes."""

    name: str
    polygons: tuple[tuple[Line, ...], ...]

    def label_point(self) -> tuple[float, float]:
        """Longitude and latitude of the middle of the largest polygon (by the area of its box)."""
        outer = max((p[0] for p in self.polygons), key=lambda r: float(np.prod(np.ptp(r, axis=0))))
        return _centroid(outer)


@dataclass(frozen=True)
class World:
    """Countries to fill, coasts and borders to stroke."""

    countries: tuple[Country, ...]
    coasts: tuple[Line, ...]
    borders: tuple[Line, ...]


@cache
def world() -> World:
    """The whole file: 241 countries, about 2 MB in memory."""
    raw = json.loads(zlib.decompress(files("flightwatch").joinpath("data/coastline.json.zz").read_bytes()))
    arcs = [np.cumsum(np.array(a, dtype=np.int64).reshape(-1, 2), axis=0) * raw["step"] for a in raw["arcs"]]
    used: Counter[int] = Counter()
    countries = []
    for country in raw["countries"]:
        polygons = tuple(tuple(_ring(ring, arcs) for ring in polygon) for polygon in country["polygons"])
        used.update(a if a >= 0 else ~a for polygon in country["polygons"] for ring in polygon for a in ring)
        countries.append(Country(country["name"], polygons))
    coasts = tuple(_without_seam(arcs[i]) for i, n in used.items() if n == 1)
    borders = tuple(arcs[i] for i, n in used.items() if n > 1)
    return World(tuple(c for c in countries if c.polygons), coasts, borders)


def _ring(numbers: list[int], arcs: list[Line]) -> Line:
    """A ring put together from its arcs; a negative number is the arc's complement, walked backwards."""
    return np.concatenate([arcs[n] if n >= 0 else arcs[~n][::-1] for n in numbers])


def _without_seam(line: Line) -> Line:
    """The coast with the cut at the date line (and Antarctica's edge along the pole) blanked out."""
    on_seam = (np.abs(line[:, 0]) >= SEAM) | (line[:, 1] <= -SEAM / 2)
    out = line.copy()
    out[on_seam] = np.nan
    return out


def _centroid(ring: Line) -> tuple[float, float]:
    x, y = ring[:, 0], ring[:, 1]
    cross = x * np.roll(y, -1) - np.roll(x, -1) * y
    area = cross.sum()
    if abs(area) < 1e-9:
        return float(x.mean()), float(y.mean())
    return (
        float(((x + np.roll(x, -1)) * cross).sum() / (3 * area)),
        float(((y + np.roll(y, -1)) * cross).sum() / (3 * area)),
    )
