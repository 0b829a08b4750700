"""A world like ours in which nothing ever happens: ordinary traffic drawn from what was learned of each route.

Route rates are drawn from their posterior (a short history stays uncertain), weeks share a gamma frailty, flights come
in pairs, attributes follow each route's shrunk shares, coverage repeats the past. A threshold set on it does not
inherit the surges nobody labelled in the real past.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from flightwatch.detection.baseline import Memory
from flightwatch.detection.dispersion import own_factor, pooled_variance
from flightwatch.detection.features import SHARE_WEIGHT, Rates
from flightwatch.detection.panel import ATTRIBUTES, Panel

Array = npt.NDArray[Any]

WARM_UP = 80  # days before a twin is judged: 60 to be warm, and the longest window's lag
FEWEST_DAYS, MOST_DAYS = 120, 280  # judged days of a twin: longer than an episode, about the history people have
LEAST_FRAILTY, MOST_FRAILTY = 0.02, 3.0  # no week is exactly like the next; none is a surge by itself
MOST_PAIRS = 0.4
REVERSE_WEIGHT = 2.0  # flights at which a route's own share of returns outweighs one return per flight


def simulate(panel: Panel, memory: Memory, rates: Rates, *, seed: int, route_years: float) -> Panel:
    """A twin panel with at least `route_years` of judged route-years (after WARM_UP), as copies of the routes."""
    rng = np.random.default_rng(seed)
    routes = panel.shape[1]
    judged = int(np.clip(route_years * 365 / routes, FEWEST_DAYS, MOST_DAYS))
    copies = max(int(np.ceil(route_years * 365 / (judged * routes))), 1)
    past = _mirror(len(panel.days), WARM_UP + judged)
    which = np.tile(np.arange(routes), copies)
    copy = np.repeat(np.arange(copies), routes)
    rate = rng.gamma(memory.rate(1)[0][-1][which], 1 / memory.rate(1)[1][-1][which])
    phi, frailty = _scatter(panel, memory)
    weeks = len(past) // 7 + 1
    shape = np.clip(frailty, LEAST_FRAILTY, MOST_FRAILTY)[which]
    mean = rate * memory.exposure[past][:, which]
    mean = mean * np.repeat(rng.gamma(1 / shape, shape, (weeks, len(which))), 7, axis=0)[: len(past)]
    pairs = min(phi / 2, MOST_PAIRS)
    count = rng.poisson(mean / (1 + pairs))
    whole = count + rng.binomial(count, pairs)
    count = whole.astype(float)
    zero = np.zeros_like(count)
    return replace(
        panel,
        routes=np.char.add(panel.routes[which], np.char.add("#", copy.astype(str))),
        days=panel.days[0] + np.arange(len(past)),
        count=count,
        clean=count,
        seen=count,
        suspect=zero,
        reverse=rng.poisson(mean * _returns(panel)[which]).astype(float),
        coverage=panel.coverage[past][:, which],
        attributes={a: rng.binomial(whole, _share(panel, a, rates.shares[a])[which]).astype(float) for a in ATTRIBUTES},
        origin=panel.origin[which] + copy * (panel.origin.max() + 1),
        destination=panel.destination[which] + copy * (panel.destination.max() + 1),
    )


def _mirror(days: int, wanted: int) -> Array:
    """For each twin day a past day of the same weekday: forward through the past, back, forward …

    >>> _mirror(10, 16).tolist()
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 3, 4, 5, 6, 0, 1]
    """
    t = np.arange(wanted)
    lap = t % (2 * days)
    source = np.where(lap < days, lap, 2 * days - 1 - lap)
    source = source - (source - t) % 7
    while (source < 0).any():
        source = np.where(source < 0, source + 7, source)
    return np.minimum(source, days - 1)


def _scatter(panel: Panel, memory: Memory) -> tuple[float, Array]:
    """The weekly pair effect, and each route's weekly frailty variance: pooled times its own factor."""
    phi, tau2 = memory.prior.phi.get(7, 0.0), memory.prior.tau2.get(7, 0.0)
    own = own_factor(*pooled_variance(panel.count, memory, 7), 7)[-1]
    return phi, max(tau2, LEAST_FRAILTY) * np.maximum(own, 0.3)


def _returns(panel: Panel) -> Array:
    """Reverse flights per flight of each route; 0 everywhere when the panel knows of none."""
    back, there = panel.reverse.sum(0), panel.count.sum(0)
    if not back.any():
        return np.zeros_like(back)
    ratio: Array = np.clip((back + REVERSE_WEIGHT) / (there + REVERSE_WEIGHT), 0.0, 3.0)
    return ratio


def _share(panel: Panel, name: str, pooled: float) -> Array:
    """Each route's share of such flights, shrunk to the pooled one."""
    with_it, flights = panel.attributes[name].sum(0), panel.count.sum(0)
    share: Array = np.clip((SHARE_WEIGHT * pooled + with_it) / (SHARE_WEIGHT + flights), 0.0, 1.0)
    return share
