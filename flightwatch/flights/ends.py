"""At which airports flights began and ended, with probabilities; whatever they lack to 1 is unknown.

Three kinds of evidence, in this order: what the first or last fix looks like (`likelihood`); the flight's other end and
where the airframe was seen before; and the airframe's next appearance: if one stop lies between two of its flights,
that stop must explain both, in the time there was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from flightwatch import geo
from flightwatch.airports import Airports
from flightwatch.flights import weights
from flightwatch.flights.likelihood import (
    DISTANCE,
    EDGE_FEATURES,
    PAIR_FEATURES,
    SHARED,
    Edges,
    Floats,
    Ints,
    edge_features,
    pair_features,
    pairs,
)

Mask = npt.NDArray[np.bool_]

OBSERVED_NM = 3.0  # a ground fix this near the reference point is on the field: Denver and Moscow reach 2.5 NM
OBSERVED = 0.99  # for a ground fix on a field; 1 % for two fields side by side and wrong ground bits
KEPT = 0.004  # candidates below this go to "unknown"
JOIN_MS = 72 * 3_600_000  # a next appearance later than this says little: there was time for flights nobody saw
GROUND_MIN = 10.0  # shortest stop, minutes; the limit is soft over as many again
LOST_SHARE = 0.4  # share of the descent's time lost compared with flying on, as in `legs`
DESCENT_FPM = 1600.0


@dataclass(frozen=True)
class Candidates:
    """The airports that each end may be at: `edge` (row of the end), `place` (airport position), probability.

    Ordered by edge, then by descending probability; `miles` is the distance from the fix to the airport.
    """

    edge: Ints
    place: Ints
    probability: Floats
    miles: Floats


@dataclass(frozen=True)
class Pairs:
    """Ends paired with airports that may explain them: the utility of each pair from the fix alone, the parts of it
    that belong to the airport itself (`shared`) and to the distance, and what past visits and the flight's other end
    add. `none` is the utility of "none of them", for each end.
    """

    edge: Ints
    place: Ints
    miles: Floats
    utility: Floats
    shared: Floats
    none: Floats
    visits: Floats
    home: Floats
    distance: Floats

    def total(self) -> Floats:
        return self.utility + self.visits + self.home


@dataclass(frozen=True)
class Hints:
    """Other evidence about single (end, airport) pairs: one value each, 0 for pairs without any."""

    edge: Ints
    place: Ints
    value: Floats

    def of(self, edge: Ints, place: Ints) -> Floats:
        keys = self.edge.astype(np.int64) << 32 | self.place
        order = np.argsort(keys, kind="stable")
        if not len(keys):
            return np.zeros(len(edge))
        wanted = edge.astype(np.int64) << 32 | place
        at = np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)
        return np.where(keys[order][at] == wanted, self.value[order][at], 0.0)


def nothing() -> Hints:
    none = np.zeros(0, dtype=np.int64)
    return Hints(none, none, np.zeros(0))


@dataclass(frozen=True)
class Ends:
    """All flights of a batch, ordered by airframe and time: both ends, times in ms, and whether each end was on the
    ground.

    `airframe` numbers the airframes; flights of doubtful identity have -1 and are not joined to others.
    """

    airframe: Ints
    firstseen: Ints
    lastseen: Ints
    departure: Edges
    arrival: Edges
    departed_ground: Mask
    arrived_ground: Mask


def settle(ends: Ends, airports: Airports, visits: tuple[Hints, Hints]) -> tuple[Candidates, Candidates]:
    """Departure and arrival candidates of all flights, from all available evidence. `visits` holds those of both
    ends."""
    seen = [
        observed(edges, ground, airports)
        for edges, ground in ((ends.departure, ends.departed_ground), (ends.arrival, ends.arrived_ground))
    ]
    open_ = [
        weighed(ends.departure, seen[0] < 0, airports, False, visits[0]),
        weighed(ends.arrival, seen[1] < 0, airports, True, visits[1]),
    ]
    alone = [choose(p, s, e, airports) for p, s, e in zip(open_, seen, (ends.departure, ends.arrival), strict=True)]
    other = [homes(open_[0], alone[1], ends.departure, weights.DEPARTURE)]
    other.append(homes(open_[1], alone[0], ends.arrival, weights.ARRIVAL))
    departures, arrivals = joined(ends, other[0], other[1], seen[0], seen[1], airports)
    return departures, arrivals


def observed(edges: Edges, grounded: Mask, airports: Airports) -> Ints:
    """The field where each end was seen on the ground; -1 in the air, -2 on the ground where we know no field."""
    near, _ = airports.nearest(edges.latitude, edges.longitude, within_nm=OBSERVED_NM)
    return np.where(grounded, np.where(near[:, 0] >= 0, near[:, 0], -2), -1)


def weighed(edges: Edges, rows: Mask, airports: Airports, arrival: bool, visits: Hints) -> Pairs:
    """Utilities of the airports in reach of the ends in `rows`, from the fix itself and from past visits."""
    which = np.flatnonzero(rows)
    oriented = (edges if arrival else edges.reversed()).taken(which)
    edge, place, miles = pairs(oriented, airports)
    found = _weighed(oriented, edge, place, miles, airports, arrival)
    none = np.zeros(len(edges))
    none[which] = found.none
    seen = visits.of(which[edge], place)
    past = _table(arrival)["visits"] * seen + _table(arrival)["share"] * shares(seen, edge, len(oriented))
    return replace(found, edge=which[edge], none=none, visits=past)


def shares(visits: Floats, edge: Ints, n: int) -> Floats:
    """Of all visits to the places in reach of an end, the share of this place; low where there are few visits in all.

    Only whole visits count. Visits by similar aircraft (`table.past`) add fractions, which say nothing about the habits
    of this airframe.
    """
    times = np.floor(np.expm1(visits) + 1e-6)
    share: Floats = times / (np.bincount(edge, times, minlength=n)[edge] + 1.0)
    return share


def _weighed(oriented: Edges, edge: Ints, place: Ints, miles: Floats, airports: Airports, arrival: bool) -> Pairs:
    weight = _table(arrival)
    features = pair_features(oriented, airports, edge, place, miles)
    pair = np.array([weight[name] for name in PAIR_FEATURES])
    own = [PAIR_FEATURES.index(name) for name in SHARED]
    none = edge_features(oriented, airports) @ np.array([weight[name] for name in EDGE_FEATURES])
    far = [PAIR_FEATURES.index(name) for name in DISTANCE]
    zero = np.zeros(len(edge))
    return Pairs(
        edge,
        place,
        miles,
        features @ pair,
        features[:, own] @ pair[own],
        none,
        zero,
        zero,
        features[:, far] @ pair[far],
    )


def _table(arrival: bool) -> dict[str, float]:
    return weights.ARRIVAL if arrival else weights.DEPARTURE


def homes(open_: Pairs, other: Candidates, edges: Edges, weight: dict[str, float]) -> Pairs:
    """The same utilities, given where the flight's other end probably was: round trips end where they began."""
    home = Hints(other.edge, other.place, other.probability).of(open_.edge, open_.place)
    pull = weight["home"] + weight["home_loop"] * edges.loop + weight["home_work"] * edges.work
    return replace(open_, home=home * pull[open_.edge])


def choose(open_: Pairs, seen: Ints, edges: Edges, airports: Airports) -> Candidates:
    """Probabilities with each end judged separately; an end seen on the ground is where it was seen."""
    probability = softmax(open_.total(), open_.none, open_.edge)
    at = np.flatnonzero(seen >= 0)
    miles = geo.distance(
        edges.latitude[at], edges.longitude[at], airports.latitude[seen[at]], airports.longitude[seen[at]]
    )
    return ordered(
        np.concatenate([at, open_.edge]),
        np.concatenate([seen[at], open_.place]),
        np.concatenate([np.full(len(at), OBSERVED), probability]),
        np.concatenate([miles, open_.miles]),
    )


def softmax(utility: Floats, none: Floats, edge: Ints) -> Floats:
    """Probability of each alternative within its edge; `none` is one more alternative of every edge."""
    share: Floats = np.exp(utility - evidence(utility, none, edge)[edge])
    return share


def evidence(utility: Floats, none: Floats, edge: Ints) -> Floats:
    """Log of the sum over all alternatives of each edge: how well it can be explained at all."""
    top = none.copy()
    np.maximum.at(top, edge, utility)
    total = np.exp(none - top) + np.bincount(edge, np.exp(utility - top[edge]), minlength=len(none))
    out: Floats = top + np.log(total)
    return out


def ordered(edge: Ints, place: Ints, probability: Floats, miles: Floats) -> Candidates:
    keep = np.flatnonzero(probability >= KEPT)
    order = keep[np.lexsort((place[keep], -probability[keep], edge[keep]))]
    return Candidates(edge[order], place[order], probability[order], miles[order])


def joined(
    ends: Ends, departures: Pairs, arrivals: Pairs, left: Ints, reached: Ints, airports: Airports
) -> tuple[Candidates, Candidates]:
    """Candidates of all ends; for a stop between two flights of an airframe, from both sides together.

    `left` and `reached` say where ends were seen on the ground. A stop seen from one side keeps that place and passes
    it to the other side. For a stop seen from neither side, both fixes and the time between them decide.
    """
    gap = ends.firstseen[1:] - ends.lastseen[:-1]
    pair = (ends.airframe[1:] == ends.airframe[:-1]) & (ends.airframe[1:] >= 0) & (gap > 0) & (gap <= JOIN_MS)
    before = np.flatnonzero(pair & ((reached[:-1] == -1) | (left[1:] == -1)))
    alone = choose(departures, left, ends.departure, airports), choose(arrivals, reached, ends.arrival, airports)
    if not len(before):
        return alone
    stop, place, probability = _stops(ends, before, departures, arrivals, left, reached, airports)
    apart = np.clip(1.0 - np.bincount(stop, probability, minlength=len(before)), 0.0, 1.0).astype(float)
    sides = ((ends.departure, left, alone[0], before + 1), (ends.arrival, reached, alone[1], before))
    found = [_mixed(*side, (stop, place, probability), apart, airports) for side in sides]
    return found[0], found[1]


def _mixed(
    edges: Edges, seen: Ints, alone: Candidates, rows: Ints, stops: tuple[Ints, Ints, Floats], apart: Floats,
    airports: Airports,
) -> Candidates:  # fmt: skip
    """One side's candidates: those of the stop, mixed with the end judged separately in case there was no single
    stop."""
    stop, place, probability = stops
    share = np.ones(len(edges))
    open_ = seen[rows] == -1
    share[rows[open_]] = apart[open_]
    new = open_[stop]
    edge = np.concatenate([alone.edge, rows[stop[new]]])
    where = np.concatenate([alone.place, place[new]])
    keys, back = np.unique(edge << 32 | where, return_inverse=True)
    parts = np.concatenate([alone.probability * share[alone.edge], probability[new]])
    total = np.bincount(back, parts).astype(float)
    edge, where = keys >> 32, keys & 0xFFFFFFFF
    miles = geo.distance(
        edges.latitude[edge], edges.longitude[edge], airports.latitude[where], airports.longitude[where]
    )
    return ordered(edge, where, total, miles)


def _stops(
    ends: Ends, before: Ints, departures: Pairs, arrivals: Pairs, left: Ints, reached: Ints, airports: Airports
) -> tuple[Ints, Ints, Floats]:
    """Where each stop was: stop number, airport, probability. The rest to 1 means that there were other flights
    between.

    With A the airport, the fixes before and after are independent given A, so P(A | both) is proportional to P(before |
    A) P(after | A) P(A). The utilities contain P(A) twice, so the airport's share is subtracted once; and the edge of
    reception is the same going in and coming out, so part of the distance's share is subtracted. If the flights were
    not joined, each end is explained separately, and the second fix may be anywhere the aircraft could reach in the
    meantime.
    """
    after = before + 1
    gap_min = (ends.firstseen[after] - ends.lastseen[before]) / 60_000
    both = (reached[before] == -1) & (left[after] == -1)
    sides = ((ends.arrival, before, reached, arrivals, True), (ends.departure, after, left, departures, False))
    brought = [_side(open_, seen, rows, len(edges)) for edges, rows, seen, open_, _ in sides]
    keys = np.unique(np.concatenate([number << 32 | where for number, where in brought]))
    stop, place = keys >> 32, keys & 0xFFFFFFFF
    total, shared, spent = np.zeros(len(stop)), np.zeros(len(stop)), np.full(len(stop), GROUND_MIN)
    none = np.where(both, weights.JOINT["apart"], weights.JOINT["apart_seen"])
    for edges, rows, seen, open_, arrival in sides:
        value, own, minutes = _utilities(edges, rows, seen, open_, (stop, place), airports, arrival)
        total, shared, spent = total + value, shared + own, spent + minutes
        none += np.where(seen[rows] == -1, evidence(open_.total(), open_.none, open_.edge)[rows], 0.0)
    speed = np.maximum(ends.arrival.speed_kt[before], ends.departure.speed_kt[after])
    none -= np.where(both, weights.JOINT["area"] * np.log1p(speed * gap_min / 60), 0.0)
    none += weights.JOINT["wait"] * np.log1p(gap_min / 60)
    total -= np.where(both[stop], shared / 2, 0.0) + np.logaddexp(0.0, (spent - gap_min[stop]) / GROUND_MIN)
    return stop, place, softmax(total, none, stop)


def _side(open_: Pairs, seen: Ints, rows: Ints, n: int) -> tuple[Ints, Ints]:
    """The candidates from one side of the stops: stop number and airport."""
    number = np.full(n, -1, dtype=np.int64)
    number[rows] = np.arange(len(rows))
    mine = number[open_.edge]
    fixed = np.flatnonzero(seen[rows] >= 0)
    return np.concatenate([mine[mine >= 0], fixed]), np.concatenate([open_.place[mine >= 0], seen[rows[fixed]]])


def _utilities(
    edges: Edges, rows: Ints, seen: Ints, open_: Pairs, pair: tuple[Ints, Ints], airports: Airports, arrival: bool
) -> tuple[Floats, Floats, Floats]:
    """For stops and airports, from one side: utility, the part that both sides have in common, minutes from the fix."""
    stop, place = pair
    edge = rows[stop]
    oriented = edges if arrival else edges.reversed()
    miles = geo.distance(
        edges.latitude[edge], edges.longitude[edge], airports.latitude[place], airports.longitude[place]
    )
    at = np.flatnonzero(seen[edge] == -1)
    found = _weighed(oriented, edge[at], place[at], miles[at], airports, arrival)
    visits = Hints(open_.edge, open_.place, open_.visits).of(edge[at], place[at])
    home = Hints(open_.edge, open_.place, open_.home).of(edge[at], place[at])
    value = np.where(seen[edge] == place, 0.0, -weights.JOINT["elsewhere"])
    value[at] = found.utility + visits + home
    own = np.zeros(len(stop))
    own[at] = found.shared + visits + 2 * weights.JOINT["edge"] * found.distance
    height = np.maximum(np.nan_to_num(edges.altitude[edge], nan=4000.0) - airports.elevation[place], 0.0)
    minutes = 60 * miles / np.maximum(edges.speed_kt[edge], 80.0) + LOST_SHARE * height / DESCENT_FPM
    return value, own, np.where(seen[edge] == -1, minutes, 0.0)
