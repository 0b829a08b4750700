"""From routes as configured to routes over airports."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from typing import Protocol

from flightwatch.airports import Airports
from flightwatch.errors import ConfigError
from flightwatch.places import Places
from flightwatch.records import AircraftFilter, Route


class FilterLike(Protocol):
    """`config.AircraftSettings` is one."""

    @property
    def types(self) -> tuple[str, ...]: ...
    @property
    def military(self) -> bool | None: ...
    @property
    def operators(self) -> tuple[str, ...]: ...
    @property
    def icao24(self) -> tuple[str, ...]: ...
    @property
    def heavy(self) -> bool | None: ...
    @property
    def hidden_types(self) -> tuple[str, ...]: ...


class RouteLike(Protocol):
    """`config.RouteSettings` is one."""

    @property
    def name(self) -> str: ...
    @property
    def origin(self) -> tuple[str, ...]: ...
    @property
    def destination(self) -> tuple[str, ...]: ...
    @property
    def over(self) -> tuple[str, ...]: ...
    @property
    def aircraft(self) -> FilterLike: ...
    @property
    def enabled(self) -> bool: ...


def resolve(settings: Sequence[RouteLike], places: Places, airports: Airports) -> list[Route]:
    """The enabled routes with the airports their ends mean, in the order of the configuration.

    Raises ConfigError listing every end that cannot be resolved, with near misses.
    """
    found, problems = [], []
    for route in settings:
        if not route.enabled:
            continue
        try:
            found.append(_resolved(route, places))
        except ConfigError as error:
            problems.append(f"route {route.name!r}: {error}")
    if problems:
        raise ConfigError("\n".join(problems))
    return found


def _resolved(route: RouteLike, places: Places) -> Route:
    origin, destination = places.union(route.origin), places.union(route.destination)
    for key, names, ends in (("from", route.origin, origin), ("to", route.destination, destination)):
        if ends is not None and not ends:
            raise ConfigError(f"{key} = {', '.join(names)} holds no airport")
    wanted = AircraftFilter(
        types=tuple(sorted(t.upper() for t in route.aircraft.types)),
        military=route.aircraft.military,
        operators=tuple(sorted(route.aircraft.operators)),
        icao24=tuple(sorted(a.lower() for a in route.aircraft.icao24)),
        heavy=route.aircraft.heavy,
        hidden_types=tuple(sorted(t.upper() for t in route.aircraft.hidden_types)),
    )
    over = tuple(circle for name in route.over for circle in places.circles(name))
    bare = Route(route.name, tuple(route.origin), tuple(route.destination), origin, destination, wanted, over=over)
    return replace(bare, digest=digest(bare))


def digest(route: Route) -> str:
    """What the route counts, as 16 hex digits: airports of both ends, filter, circles crossed; not the words for them.

    A place that gains an airport makes a new version of every route that uses it, because the counts are no longer the
    same.
    """
    ends = [None if end is None else sorted(end) for end in (route.origin_airports, route.destination_airports)]
    over = [sorted(list(circle) for circle in route.over)] if route.over else []
    text = json.dumps([*ends, asdict(route.aircraft), *over], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def reverse(routes: Iterable[Route]) -> list[Route]:
    """The same routes flown the other way, under the same names."""
    return [
        replace(
            route,
            origin=route.destination,
            destination=route.origin,
            origin_airports=route.destination_airports,
            destination_airports=route.origin_airports,
        )
        for route in routes
    ]
