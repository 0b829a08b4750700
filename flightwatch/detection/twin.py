"""A world like ours in which nothing ever happens: ordinary traffic, drawn from what was learned of each route.

Route rates are drawn from their posterior (a short history stays uncertain), weeks share a gamma frailty, flights come
in pairs, attributes follow each route's shrunk shares, and coverage varies as in the past around today's level. A
threshold set on it is not affected by unlabelled surges in the real past.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from flightwatch.detection import kin
from flightwatch.detection.baseline import Memory, remember
from flightwatch.detection.dispersion import own_factor, pooled_variance, slow
from flightwatch.detection.features import SHARE_WEIGHT, Rates, telling
from flightwatch.detection.panel import ATTRIBUTES, Panel

Array = npt.NDArray[Any]

COPY = "#"  # between a route's name and the number of its copy
WARM_UP = 80  # days before a twin is judged: 60 to warm up, plus the longest window's lag
LATELY = 28  # days whose median is the current coverage: the longest window; an outage of two weeks does not change it
FEWEST_DAYS, MOST_DAYS = 120, 280  # judged days of a twin: longer than an episode, about as much history as people have
LEAST_FRAILTY, MOST_FRAILTY = 0.02, 3.0  # no week is exactly like the next; none is a surge by itself
USUAL_DRIFT = 0.08  # until the past shows another; 0.06 to 0.1 seen in benchmarks/detection
MOST_DRIFT = 0.5
DRIFT_WINDOWS = 200.0  # weeks of routes with traffic at which the past itself weighs half
PILOT_YEARS = 150.0
DRIFT_WEEKS = 8.0  # how long a route stays above or below its usual: a schedule season is two or three of these
TIMETABLE = 0.9  # of the scatter of chance; above this, timetable and chance look the same
REVERSE_WEIGHT = 2.0  # flights from which a route's own share of returns outweighs one return per flight


def simulate(panel: Panel, memory: Memory, rates: Rates, *, seed: int, route_years: float, drift: float = 0.0) -> Panel:
    """A twin panel with at least `route_years` of judged route-years (after WARM_UP), as copies of the routes.

    `drift` is the variance of the routes' drift over the months; `drifting` estimates it.
    """
    rng = np.random.default_rng(seed)
    routes = panel.shape[1]
    judged = int(np.clip(route_years * 365 / routes, FEWEST_DAYS, MOST_DAYS))
    copies = max(int(np.ceil(route_years * 365 / (judged * routes))), 1)
    past = _mirror(len(panel.days), WARM_UP + judged)
    which = np.tile(np.arange(routes), copies)
    copy = np.repeat(np.arange(copies), routes)
    kinship = kin.find(panel)
    flown, watched = (x[-1] for x in memory.rate(1))
    rate = rng.gamma(flown[which])
    kin.alike(rate, flown, kinship)
    weeks = len(past) // 7 + 1
    own = own_factor(*pooled_variance(panel.count, memory, 7), 7)[-1]
    shape = np.clip(_frailty(memory, own), LEAST_FRAILTY, MOST_FRAILTY)[which]
    coverage = lately(panel.coverage)
    better = np.divide(coverage, panel.coverage, out=np.ones_like(coverage), where=panel.coverage > 0)
    week = rng.gamma(1 / shape, shape, (weeks, len(which))) * _wander(rng, drift * np.minimum(own, 1.0)[which], weeks)
    for i in kinship.order():  # a busy week is busy for the whole family
        week[:, i::routes] = week[:, kinship.parent[i] :: routes]
    exposure = (memory.exposure * better)[past][:, which]
    mean = rate / watched[which] * exposure * np.repeat(week, 7, axis=0)[: len(past)]
    whole = _flown(rng, mean, own[which], rates.pairs)
    kin.descend(whole, mean, kinship, copies, rng)
    count = whole.astype(float)
    zero = np.zeros_like(count)
    return replace(
        panel,
        routes=np.char.add(panel.routes[which], np.char.add(COPY, copy.astype(str))),
        days=panel.days[0] + np.arange(len(past)),
        count=count,
        clean=count,
        seen=count,
        suspect=zero,
        reverse=_flown(rng, mean * _returns(panel)[which], own[which], 0.0).astype(float),
        coverage=coverage[past][:, which],
        attributes={a: rng.binomial(whole, _share(panel, a, rates.shares[a])[which]).astype(float) for a in ATTRIBUTES},
        origin=panel.origin[which] + copy * (panel.origin.max() + 1),
        destination=panel.destination[which] + copy * (panel.destination.max() + 1),
        family=kinship.family[which] + copy * routes,
    )


def original(name: str) -> str:
    """The real route of which a twin's route is a copy.

    >>> original("Minsk to #4#12")
    'Minsk to #4'
    """
    return name.rpartition(COPY)[0]


def lately(coverage: Array) -> Array:
    """The coverage (days × routes) as if every day had been watched as well as the newest ones.

    A threshold is for the days to come. On a half-seen route, few counts can be unusual at all. Once receivers are
    added, a threshold from such a past lets through twice the stated rate (benchmarks/detection).

    >>> lately(np.array([[0.2, 0.5]] * 40 + [[0.4, 0.5]] * 40))[[0, 50, 79]].tolist()
    [[0.4, 0.5], [0.4, 0.5], [0.4, 0.5]]
    """
    around = np.arange(len(coverage))[:, None] + np.arange(LATELY) - LATELY // 2
    usual = np.median(coverage[np.clip(around, 0, len(coverage) - 1)], axis=1)
    now = np.median(coverage[-LATELY:], axis=0)
    level = np.divide(now, usual, out=np.ones_like(usual), where=(usual > 0) & (now > 0))
    found: Array = np.minimum(coverage * level, 1.0)
    return found


def _mirror(days: int, wanted: int) -> Array:
    """A past day of the same weekday for each twin day: forward through the past, back, forward …

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


def _frailty(memory: Memory, own: Array) -> Array:
    """Each route's weekly frailty variance: the pooled one times its own factor."""
    frailty: Array = max(memory.prior.tau2.get(7, 0.0), LEAST_FRAILTY) * np.maximum(own, 0.3)
    return frailty


def _flown(rng: np.random.Generator, mean: Array, own: Array, pairs: float) -> Array:
    """Flights per day with that mean: by chance and in pairs, or by timetable where a route scatters less than chance.

    A timetable of n slots a day, each flown with probability mean/n, has the variance mean·own if n = mean/(1 - own).
    """
    first = rng.poisson(mean / (1 + pairs))
    flown: Array = first + rng.binomial(first, pairs)
    timed = own < TIMETABLE
    slots = np.ceil(mean[:, timed] / (1 - own[timed]))
    flown[:, timed] = rng.binomial(
        slots.astype(np.int64), np.divide(mean[:, timed], slots, where=slots > 0, out=0 * slots)
    )
    return flown


def _wander(rng: np.random.Generator, variance: Array, weeks: int) -> Array:
    """Weekly factors with mean 1 that drift, routes across: an autoregression of the logarithm."""
    routes = len(variance)
    keep = np.exp(-1 / DRIFT_WEEKS)
    log = np.empty((weeks, routes))
    log[0] = rng.normal(0, 1, routes)
    for w in range(1, weeks):
        log[w] = keep * log[w - 1] + np.sqrt(1 - keep**2) * rng.normal(0, 1, routes)
    spread = np.log1p(variance)
    factors: Array = np.exp(np.sqrt(spread) * log - spread / 2)
    return factors


def _returns(panel: Panel) -> Array:
    """Reverse flights per flight of each route; all 0 if the panel has none."""
    back, there = panel.reverse.sum(0), panel.count.sum(0)
    if not back.any():
        return np.zeros_like(back)
    ratio: Array = np.clip((back + REVERSE_WEIGHT) / (there + REVERSE_WEIGHT), 0.0, 3.0)
    return ratio


def _share(panel: Panel, name: str, pooled: float) -> Array:
    """Each route's share of such flights, shrunk to the pooled one."""
    known = telling(panel, name)
    with_it, flights = panel.attributes[name][known].sum(0), panel.count[known].sum(0)
    share: Array = np.clip((SHARE_WEIGHT * pooled + with_it) / (SHARE_WEIGHT + flights), 0.0, 1.0)
    return share


def drifting(panel: Panel, memory: Memory, rates: Rates, teaches: Array, seed: int) -> float:
    """The variance of the routes' slow drift: what the real past has more than a twin without drift.

    Residuals of the real past stay similar over weeks for two reasons: routes drift, and the memory errs. A twin
    without drift shows only the second. The drift of a short or sparse past is shrunk to the usual one.
    """
    real, windows = slow(panel.clean * teaches, memory)
    plain = simulate(panel, memory, rates, seed=seed + 1, route_years=PILOT_YEARS)
    past = remember(plain.clean, plain.coverage, plain.coverage > 0, plain.weekday, prior=rates.forward)
    error, _ = slow(plain.clean, past)
    weight = windows / (windows + DRIFT_WINDOWS)
    return float(np.clip(weight * (real - error) + (1 - weight) * USUAL_DRIFT, 0.0, MOST_DRIFT))
