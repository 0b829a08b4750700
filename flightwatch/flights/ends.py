"""At which airports flights ended, each with its probability; what is missing to one is unknown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flightwatch.airports import Airports
from flightwatch.flights import weights
from flightwatch.flights.likelihood import Edges, Floats, Ints, edge_features, pair_features, pairs

OBSERVED_NM = 3.0  # a ground fix so far from the reference point is on the field: Denver and Moscow reach 2.5 NM
OBSERVED = 0.99  # of a ground fix on a field; 1 % for two fields side by side and wrong ground bits
KEPT = 0.005  # candidates below are left to "unknown"
NAMED = 0.5  # from here one airport stands out
APPROACH_NM = 12.0  # so near and below APPROACH_FT over the field, and named: it was on approach
APPROACH_FT = 4000.0


@dataclass(frozen=True)
class Candidates:
    """For each end the airports that may be it: `edge` (rows of the ends), `place` (airport positions), probability.

    Ordered by edge, then most probable first; `miles` from the fix to the airport.
    """

    edge: Ints
    place: Ints
    probability: Floats
    miles: Floats


def judge(edges: Edges, grounded: npt.NDArray[np.bool_], airports: Airports, arrival: bool) -> Candidates:
    """Candidates for ends with nothing known but the fix itself. `grounded` ends were seen on the ground."""
    near, miles = airports.nearest(edges.latitude, edges.longitude, within_nm=OBSERVED_NM)
    seen = grounded & (near[:, 0] >= 0)
    rows = np.flatnonzero(~grounded)
    open_ = inferred(edges.taken(rows), airports, arrival)
    where = np.flatnonzero(seen)
    return _sorted(
        np.concatenate([where, rows[open_.edge]]),
        np.concatenate([near[where, 0], open_.place]),
        np.concatenate([np.full(len(where), OBSERVED), open_.probability]),
        np.concatenate([miles[where, 0], open_.miles]),
    )


def inferred(edges: Edges, airports: Airports, arrival: bool) -> Candidates:
    """The conditional logit of `likelihood`, over all airports in reach and "none of them"."""
    oriented = edges if arrival else edges.reversed()
    weight = weights.ARRIVAL if arrival else weights.DEPARTURE
    edge, place, miles = pairs(oriented, airports)
    utility = pair_features(oriented, airports, edge, place, miles) @ weight.pair
    none = edge_features(oriented) @ weight.edge
    probability = softmax(utility, none, edge)
    keep = probability >= KEPT
    return _sorted(edge[keep], place[keep], probability[keep], miles[keep])


def softmax(utility: Floats, none: Floats, edge: Ints) -> Floats:
    """Probability of each alternative within its edge, `none` being one more alternative of every edge."""
    top = none.copy()
    np.maximum.at(top, edge, utility)
    weight = np.exp(utility - top[edge])
    total = np.exp(none - top) + np.bincount(edge, weight, minlength=len(none))
    share: Floats = weight / total[edge]
    return share


def _sorted(edge: Ints, place: Ints, probability: Floats, miles: Floats) -> Candidates:
    order = np.lexsort((place, -probability, edge))
    return Candidates(edge[order], place[order], probability[order], miles[order])
