"""Where a route would show: the 2° cells around its ends and along the great circles between them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flightwatch import geo
from flightwatch.airports import Airports
from flightwatch.records import Route

CELL = 2
"""Degrees: the cells of HEARD."""

END_NM = 250.0
"""NM around an airport that count as its end: half an hour's flight, in which a jet descends, and the largest circle a
public feed answers, so that what is requested together is judged together."""

ENDS_TAKEN = 3
"""For an end with many airports, how many represent it when great circles to the other end are drawn."""

STEP_NM = 60.0
"""Step between two points of a great circle: half the height of a cell, so that none is skipped along a meridian."""

WEIGHTS = {"origin": 0.4, "between": 0.2, "destination": 0.4}
"""A flight counts for a route only when both ends are known. So the ends weigh alike, in a geometric mean. What is
heard between them joins the two halves of a flight, but so does the airframe's address."""

Cell = tuple[int, int]


@dataclass(frozen=True)
class Segment:
    """One part of a route: its cells, by south-west corner, and its weight in the route's coverage."""

    name: str
    cells: frozenset[Cell]
    weight: float


def segments(route: Route, airports: Airports) -> tuple[Segment, ...]:
    """The parts of a route.

    A watch of one end has only that end, a watch of a place flown over only that place, and a watch of neither has no
    part.
    """
    ends = {"origin": route.origin_airports, "destination": route.destination_airports}
    if route.over:
        return (Segment("over", frozenset().union(*(_inside(tuple(circle)) for circle in route.over)), 1.0),)
    cells = {name: _around(frozenset(ids), airports) for name, ids in ends.items() if ids is not None}
    if len(cells) == 2:
        between = _between(route, airports) - cells["origin"] - cells["destination"]
        if between:
            cells["between"] = between
    total = sum(WEIGHTS[name] for name in cells)
    return tuple(Segment(name, found, WEIGHTS[name] / total) for name, found in cells.items())


def text(cell: Cell) -> str:
    """A cell as HEARD writes it.

    >>> text((32, 20))
    '32,20'
    """
    return f"{cell[0]},{cell[1]}"


def cell_of(latitude: npt.ArrayLike, longitude: npt.ArrayLike) -> list[Cell]:
    """The cells of points.

    >>> cell_of([32.1, -0.5, 90.0], [20.3, -179.9, 180.0])
    [(32, 20), (-2, -180), (88, -180)]
    """
    south = np.clip(np.floor(np.asarray(latitude, float) / CELL) * CELL, -90, 90 - CELL)
    west = (np.floor(np.asarray(longitude, float) / CELL) * CELL + 180) % 360 - 180
    return list(zip(south.astype(int).tolist(), west.astype(int).tolist(), strict=True))


@functools.lru_cache(maxsize=1024)
def _around(ids: frozenset[str], airports: Airports) -> frozenset[Cell]:
    at = [place for place in (airports.position(i) for i in sorted(ids)) if place is not None]
    near = [_neighbours(c) for c in set(cell_of(airports.latitude[at], airports.longitude[at]))]
    return frozenset().union(*near)


@functools.lru_cache(maxsize=4096)
def _inside(circle: tuple[float, float, float]) -> frozenset[Cell]:
    """The cells whose centre lies in a circle, and the one that holds its own."""
    lat, lon, radius = circle
    south, west = np.meshgrid(np.arange(-90, 90, CELL), np.arange(-180, 180, CELL))
    keep = geo.distance(lat, lon, south + CELL / 2, west + CELL / 2) <= radius
    return frozenset(zip(south[keep].tolist(), west[keep].tolist(), strict=True)) | set(cell_of([lat], [lon]))


@functools.lru_cache(maxsize=16200)  # there are no more cells than this
def _neighbours(cell: Cell) -> frozenset[Cell]:
    """Cells whose centre is within `END_NM` of this cell's centre."""
    lat, lon = cell[0] + CELL / 2, cell[1] + CELL / 2
    reach = END_NM / 60
    wide = 180.0 if abs(lat) + reach >= 89 else min(180.0, reach / np.cos(np.radians(abs(lat) + reach)))
    north = np.arange(-np.ceil(reach / CELL), np.ceil(reach / CELL) + 1) * CELL
    east = np.arange(-np.ceil(wide / CELL), np.ceil(wide / CELL) + 1) * CELL
    lats, lons = (grid.ravel() for grid in np.meshgrid(lat + north, lon + east))
    keep = (np.abs(lats) < 90) & (geo.distance(lat, lon, np.clip(lats, -90, 90), lons) <= END_NM)
    return frozenset(cell_of(lats[keep], lons[keep])) | {cell}


def _between(route: Route, airports: Airports) -> frozenset[Cell]:
    found: set[Cell] = set()
    for a in _standing_for(route.origin_airports or frozenset(), airports):
        for b in _standing_for(route.destination_airports or frozenset(), airports):
            lat1, lon1, lat2, lon2 = (*_position(a, airports), *_position(b, airports))
            steps = max(2, int(geo.distance(lat1, lon1, lat2, lon2) / STEP_NM) + 1)
            found |= set(cell_of(*geo.interpolate(lat1, lon1, lat2, lon2, np.linspace(0, 1, steps))))
    return frozenset(found)


def _position(where: int, airports: Airports) -> tuple[float, float]:
    return float(airports.latitude[where]), float(airports.longitude[where])


def _standing_for(ids: frozenset[str], airports: Airports) -> Sequence[int]:
    """Airports spread evenly over an end's list, in order of their ids: the same ones on every run."""
    at = [place for place in (airports.position(i) for i in sorted(ids)) if place is not None]
    if len(at) <= ENDS_TAKEN:
        return at
    return [at[i] for i in np.linspace(0, len(at) - 1, ENDS_TAKEN).round().astype(int)]
