"""Which findings belong to one story: of one route close in time, of several routes with the same flights, out and
back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from flightwatch.alerts.rest import Case, Leg
from flightwatch.records import Route

SAME_FLIGHTS = 0.5
"""Two routes have the same flights if the smaller shares this much of its expected flights with the larger."""

TURNAROUND = timedelta(days=4)
"""A return leg leaves within this time of the outbound one. Cargo crews turn round in hours, and a leg with an
unseen stop in a day or two. In the benchmarks' worlds returns come after 0-2 days, doubled here for crew rest and
unseen legs."""


@dataclass(frozen=True)
class Run:
    """The flagged findings of one route that belong together."""

    route: str
    cases: tuple[Case, ...]

    @property
    def start(self) -> date:
        """Back-dated to the first flight that contributes to the first finding."""
        return self.cases[0].start

    @property
    def first(self) -> date:
        return self.cases[0].day

    @property
    def last(self) -> date:
        return self.cases[-1].day

    @property
    def days(self) -> set[date]:
        return {case.day for case in self.cases}

    @property
    def weights(self) -> dict[str, float]:
        """Flight → probability, for every flight in any of its findings."""
        return {leg.flight_id: leg.probability for case in self.cases for leg in case.legs}

    @property
    def airframes(self) -> dict[str, list[Leg]]:
        """Airframe → its flights, in order of time (a flight's id ends with its first fix)."""
        out: dict[str, list[Leg]] = {}
        seen = {leg.flight_id: leg for case in self.cases for leg in case.legs}
        for name in sorted(seen):
            if seen[name].icao24:
                out.setdefault(seen[name].icao24, []).append(seen[name])
        return out


def runs(cases: Iterable[Case], gap_days: int) -> list[Run]:
    """Groups the findings of one route with at most `gap_days` between them."""
    by_route: dict[str, list[Case]] = {}
    for case in cases:
        by_route.setdefault(case.route, []).append(case)
    out = []
    for route, own in sorted(by_route.items()):
        own.sort(key=lambda case: case.day)
        piece = [own[0]]
        for case in own[1:]:
            if (case.day - piece[-1].day).days > gap_days:
                out.append(Run(route, tuple(piece)))
                piece = []
            piece.append(case)
        out.append(Run(route, tuple(piece)))
    return out


def shared(a: Mapping[str, float], b: Mapping[str, float]) -> float:
    """How much of the smaller set's expected flights is in the other, 0 to 1.

    >>> shared({"x": 0.9, "y": 0.9}, {"x": 0.9, "z": 0.1})
    0.9
    """
    smaller, larger = sorted((a, b), key=lambda weights: sum(weights.values()))
    total = sum(smaller.values())
    return sum(p for flight, p in smaller.items() if flight in larger) / total if total else 0.0


def is_return(out: Run, back: Run, routes: Mapping[str, Route]) -> bool:
    """Whether `back` is the way home of `out`: the ends swapped, and mostly the same airframes soon after."""
    here, there = routes.get(out.route), routes.get(back.route)
    if here is None or there is None or not reverse(here, there):
        return False
    fewer, more = sorted((out.airframes, back.airframes), key=len)
    met = sum(1 for airframe, legs in fewer.items() if _near(legs, more.get(airframe, ())))
    return bool(fewer) and met / len(fewer) >= SAME_FLIGHTS


def _near(legs: Sequence[Leg], others: Sequence[Leg]) -> bool:
    return any(abs(a.day - b.day) <= TURNAROUND for a in legs for b in others)


def _led(a: Run, b: Run) -> int:
    """By how many airframes a's flights come first, minus those whose flights on b do."""
    others = b.airframes
    firsts = [(legs[0].flight_id, others[name][0].flight_id) for name, legs in a.airframes.items() if name in others]
    return sum((mine < theirs) - (mine > theirs) for mine, theirs in firsts)


def reverse(a: Route, b: Route) -> bool:
    """Whether b may lead from where a ends back to where a begins; one open end matches anything, two open ends match
    nothing."""
    if a.origin_airports is None and a.destination_airports is None:
        return False
    return _touch(a.origin_airports, b.destination_airports) and _touch(a.destination_airports, b.origin_airports)


def _touch(a: frozenset[str] | None, b: frozenset[str] | None) -> bool:
    return a is None or b is None or bool(a & b)


def stories(items: Sequence[Run], routes: Mapping[str, Route]) -> list[list[Run]]:
    """The runs in groups of one story each, the earliest start first."""
    parent = list(range(len(items)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    weights = [run.weights for run in items]
    for i, a in enumerate(items):
        for j in range(i):
            b = items[j]
            together = a.start <= b.last + TURNAROUND and b.start <= a.last + TURNAROUND
            if together and (shared(weights[i], weights[j]) >= SAME_FLIGHTS or is_return(a, b, routes)):
                parent[root(i)] = root(j)
    groups: dict[int, list[Run]] = {}
    for i, run in enumerate(items):
        groups.setdefault(root(i), []).append(run)
    return sorted(groups.values(), key=lambda group: (min(run.start for run in group), group[0].route))


def outbound(group: Sequence[Run], routes: Mapping[str, Route]) -> list[Run]:
    """The runs in the direction that was flown first; the others are returns."""

    def order(run: Run) -> tuple[int, date, float, str]:
        behind = sum(1 for other in group if is_return(other, run, routes) and _led(other, run) > 0)
        return (behind, run.start, -sum(run.weights.values()), run.route)

    first = min(group, key=order)
    return [
        run
        for run in group
        if run is first or shared(run.weights, first.weights) >= SAME_FLIGHTS or not is_return(first, run, routes)
    ]


def leading(group: Sequence[Run], routes: Mapping[str, Route]) -> Run:
    """The run whose route names the alert.

    Among those with most of the flights: a configured watch before a discovered pair, then the most specific (fewest
    airports at its ends), then the strongest.
    """
    heaviest = max(sum(run.weights.values()) for run in group)
    main = [run for run in group if sum(run.weights.values()) >= heaviest * 2 / 3]

    def order(run: Run) -> tuple[bool, float, float, str]:
        route = routes.get(run.route)
        strongest = min(float(case.finding["probability"]) for case in run.cases)
        return (route is None or route.discovered, _airports(route), strongest, run.route)

    return min(main, key=order)


def _airports(route: Route | None) -> float:
    if route is None:
        return float("inf")
    ends = (route.origin_airports, route.destination_airports)
    return sum(float("inf") if end is None else len(end) for end in ends)
