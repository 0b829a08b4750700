"""Places by name: which airports "eastern-libya", "HLLB", "LY" or "anywhere" mean, and which circles cover an area."""

from __future__ import annotations

import difflib
import functools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from flightwatch import geo
from flightwatch.airports import Airports
from flightwatch.errors import ConfigError

ANYWHERE = "anywhere"

Circle = tuple[float, float, float]
"""Latitude, longitude, radius in NM."""

FEED_RADIUS = 250.0
"""NM: the largest circle that the public v2 feeds accept (`/point/{lat}/{lon}/{radius}`)."""

AROUND = 150.0
"""NM around each airport of an area that is made of airports: where a jet at cruise altitude begins its descent (35,000
ft at 3 degrees are 110 NM) and a little before, so that the whole approach is heard."""


OVER = 60.0
"""NM around an airport in which an aircraft counts as over its place: the size of a terminal area. With the 54 fields
of Libya this is most of the country north of the desert."""


class PlaceLike(Protocol):
    """What a place is made of; `config.PlaceSettings` is one."""

    @property
    def name(self) -> str: ...
    @property
    def airports(self) -> tuple[str, ...]: ...
    @property
    def country(self) -> tuple[str, ...]: ...
    @property
    def polygon(self) -> Path | None: ...
    def all_circles(self) -> tuple[Circle, ...]: ...


@dataclass(frozen=True)
class Places:
    """The named places over a set of airports. Names, codes and countries may be in any case."""

    places: dict[str, PlaceLike]
    airports: Airports

    def airports_of(self, name: str) -> frozenset[str] | None:
        """The airports that a place name, an airport code or a country code means; None for `anywhere`.

        A place's name wins over a code. Raises ConfigError with the likely meanings.

        >>> from flightwatch import airports
        >>> sorted(resolve([], airports.load()).airports_of("hltq"))
        ['HLGN']
        """
        if name.strip().lower() == ANYWHERE:
            return None
        return _airports_of(self, name.strip().lower())

    def union(self, names: Iterable[str]) -> frozenset[str] | None:
        """The airports of several places together; None if one of them is `anywhere`."""
        found: set[str] = set()
        for name in names:
            airports = self.airports_of(name)
            if airports is None:
                return None
            found |= airports
        return frozenset(found)

    def area(self, name: str) -> list[Circle]:
        """Circles that cover a place, none larger than a feed accepts: its own, or circles around its airports."""
        place = self.places.get(name.strip().lower())
        if place is not None and place.all_circles():
            return [circle for given in place.all_circles() for circle in _answerable(given)]
        ids = self.airports_of(name)
        if ids is None:
            raise ConfigError("area 'anywhere' cannot be asked for in circles: use types, military or icao24")
        rows = self.airports.frame.loc[sorted(ids)]
        return _cover(rows["latitude"].to_numpy(), rows["longitude"].to_numpy())

    def circles(self, name: str) -> list[Circle]:
        """What counts as being over a place: its own circles, or `OVER` NM around each of its airports."""
        place = self.places.get(name.strip().lower())
        if place is not None and place.all_circles():
            return list(place.all_circles())
        ids = self.airports_of(name)
        if ids is None:
            raise ConfigError("over = 'anywhere' says nothing: leave it out")
        rows = self.airports.frame.loc[sorted(ids), ["latitude", "longitude"]]
        return [(float(lat), float(lon), OVER) for lat, lon in rows.itertuples(index=False)]

    def near(self, name: str) -> list[str]:
        """What an unknown name may mean: up to five names of places, then airports by code or name."""
        wanted = name.strip().lower()
        close = difflib.get_close_matches(wanted, self.places, n=3, cutoff=0.6)
        named = [self.places[key].name for key in close]
        codes = [f"{code} ({self.airports.frame.at[code, 'name']})" for code in self.airports.suggest(name)]
        return (named + codes)[:5]


def resolve(places: Sequence[PlaceLike], airports: Airports) -> Places:
    """The configured places over these airports. Each is looked up once now, so that a wrong code is reported at once.

    Raises ConfigError listing every place that cannot be resolved.
    """
    found = Places({place.name.strip().lower(): place for place in places}, airports)
    problems = []
    for place in places:
        try:
            if not found.airports_of(place.name) and not place.all_circles():
                problems.append(f"place {place.name!r} holds no airport")
        except ConfigError as error:
            problems.append(str(error))
    if problems:
        raise ConfigError("\n".join(problems))
    return found


@functools.lru_cache(maxsize=4096)
def _lookup(airports: Airports, country: str) -> frozenset[str]:
    return frozenset(airports.in_country(country))


def _airports_of(places: Places, name: str) -> frozenset[str]:
    place = places.places.get(name)
    if place is not None:
        return _members(place, places.airports)
    airport = places.airports.find(name)
    if airport is not None:
        return frozenset({airport.id})
    if len(name) == 2 and (country := _lookup(places.airports, name.upper())):
        return country
    close = places.near(name)
    hint = f"; did you mean {', '.join(close)}?" if close else "; `flightwatch routes list` shows the places in use"
    raise ConfigError(f"there is no place, airport or country {name!r}{hint}")


def _members(place: PlaceLike, airports: Airports) -> frozenset[str]:
    """Every airport that any key of the place includes."""
    found: set[str] = set()
    for code in place.airports:
        airport = airports.find(code)
        if airport is None:
            close = ", ".join(airports.suggest(code))
            hint = f"; did you mean {close}?" if close else ""
            raise ConfigError(f"place {place.name!r}: there is no airport {code!r}{hint}")
        found.add(airport.id)
    for country in place.country:
        inside = _lookup(airports, country)
        if not inside:
            raise ConfigError(f"place {place.name!r}: no airport lies in a country {country!r}; use ISO 3166 codes")
        found |= inside
    for circle in place.all_circles():
        found |= set(airports.within(*circle))
    if place.polygon is not None:
        for ring, holes in rings(place.polygon, place.name):
            found |= set(airports.in_polygon(ring)).difference(*(airports.in_polygon(hole) for hole in holes))
    return frozenset(found)


Ring = list[tuple[float, float]]


def rings(path: Path, name: str) -> list[tuple[Ring, list[Ring]]]:
    """The polygons of a GeoJSON file, each as its outer ring and its holes, corners as (latitude, longitude).

    GeoJSON (RFC 7946) has longitude first, which is swapped here. Features and collections are unpacked.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        found = [_turned(polygon) for polygon in _polygons(data)]
    except OSError as error:
        raise ConfigError(f"place {name!r}: polygon file {path} cannot be read ({error.strerror})") from None
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        raise ConfigError(f"place {name!r}: polygon file {path} is not GeoJSON with polygons") from None
    if not found:
        raise ConfigError(f"place {name!r}: polygon file {path} holds no Polygon or MultiPolygon")
    return found


def _polygons(data: dict[str, Any]) -> list[Any]:
    kind = data["type"]
    if kind == "FeatureCollection":
        return [polygon for feature in data["features"] for polygon in _polygons(feature)]
    if kind == "Feature":
        return _polygons(data["geometry"])
    if kind == "GeometryCollection":
        return [polygon for geometry in data["geometries"] for polygon in _polygons(geometry)]
    return {"Polygon": [data.get("coordinates")], "MultiPolygon": data.get("coordinates")}.get(kind) or []


def _turned(polygon: Any) -> tuple[Ring, list[Ring]]:
    outer, *holes = [[(float(point[1]), float(point[0])) for point in ring] for ring in polygon]
    if any(not (-90 <= lat <= 90 and -180 <= lon <= 180) for lat, lon in outer) or len(outer) < 4:
        raise ValueError("not a ring on the Earth")
    return outer, holes


def _answerable(circle: Circle) -> list[Circle]:
    """The circle itself, or circles of the feeds' radius that cover it without gaps.

    A square grid of step r·√2 is covered by circles of radius r at its nodes; the grid is 5 % closer because it is on a
    sphere.
    """
    lat, lon, radius = circle
    if radius <= FEED_RADIUS:
        return [circle]
    step = FEED_RADIUS * np.sqrt(2) * 0.95
    around = np.arange(-np.ceil(radius / step), np.ceil(radius / step) + 1) * step
    centres = [
        (float(y), float(x))
        for north in around
        for y, _ in [geo.destination(lat, lon, 0.0 if north >= 0 else 180.0, abs(north))]
        for east in around
        for _, x in [geo.destination(y, lon, 90.0 if east >= 0 else 270.0, abs(east))]
    ]
    return [(y, x, FEED_RADIUS) for y, x in centres if geo.distance(lat, lon, y, x) <= radius + FEED_RADIUS]


def _cover(latitude: Any, longitude: Any) -> list[Circle]:
    """Circles of a feed's radius such that each airport has `AROUND` NM of air in one of them.

    Greedy: the airport with the most uncovered neighbours becomes a centre, until none is left; within ln(n) of the
    fewest.
    """
    reach = FEED_RADIUS - AROUND
    near = geo.distance(latitude[:, None], longitude[:, None], latitude[None, :], longitude[None, :]) <= reach
    left = np.ones(len(latitude), dtype=bool)
    circles: list[Circle] = []
    while left.any():
        best = int((near & left).sum(axis=1).argmax())
        circles.append((float(latitude[best]), float(longitude[best]), FEED_RADIUS))
        left &= ~near[best]
    return circles
