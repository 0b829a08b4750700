"""What is usual on a route: a causal Gamma-Poisson memory, corrected for coverage.

A window of w days is judged by the memory of the days up to w + 7 days before its end, so a surge does not raise its
own baseline. A day counts at most a high quantile of what was expected, so an unnoticed surge teaches little.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from flightwatch.detection.counts import gamma_prior
from flightwatch.detection.panel import Panel, rolling

Array = npt.NDArray[Any]

WINDOWS = (3, 7, 14, 28)  # from a burst within days to a slow build-up of a month
GUARD = 7  # days before a window that are left out: the start of a ramp would already raise the usual
HALF_LIFE = 60.0  # days; a season: a schedule that ended is forgotten within half a year
WEEKDAY_LAG = 14  # days before a new weekday pattern counts, for the same reason as GUARD
WEEKDAY_WEIGHT = 10.0  # flights at which a route's own weekday shares weigh as much as the pooled ones
BADLY_WATCHED = 0.5  # below this share of the route's usual coverage a day teaches nothing
REGION_WEIGHT = 6.0  # flights at which the neighbours' index weighs as much as an index of 1
REGION_DAYS = 7
REGION_HISTORY = 28  # watched days after which a neighbour's own usual is known: the longest window
INDEX_RANGE = (0.2, 5.0)  # anything beyond is an outage or a new receiver, which coverage must show, not neighbours


@dataclass(frozen=True)
class Prior:
    """What is known of a route before it is watched, and how counts scatter. Fitted once, pooled over routes.

    Rates are Gamma(a, b) flights per day of full coverage; `weekday` are factors with mean 1; per window of days `phi`
    (flights come in pairs: variance ∝ mean) and `tau2` (weeks differ: variance ∝ mean²).
    """

    a: float
    b: float
    weekday: tuple[float, ...] = (1.0,) * 7
    phi: dict[int, float] = field(default_factory=dict)
    tau2: dict[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Memory:
    """Decayed flights and exposure known at the start of each day (row t: of the days before t)."""

    prior: Prior
    exposure: Array
    flights: Array
    watched: Array

    def rate(self, lag: int) -> tuple[Array, Array]:
        """Gamma (a, b) of each day's rate, from days at least `lag` before."""
        days = len(self.exposure)
        at = np.maximum(np.arange(days) + 1 - lag, 0)
        return self.prior.a + self.flights[at], self.prior.b + self.watched[at]


def pooled(counts: Array, exposure: Array, weekday: Array, period: int = 7) -> Prior:
    """The prior of rates and weekdays from a training span; dispersion comes later, it needs the memory."""
    profile = np.ones(period)
    if period > 1:
        flights = np.array([counts[weekday == k].sum() for k in range(period)])
        watched = np.array([exposure[weekday == k].sum() for k in range(period)])
        # A week of even traffic is added, so that no weekday without flights becomes impossible.
        level = (flights.sum() + 1) / max(watched.sum(), 1e-9)
        profile = (flights + WEEKDAY_WEIGHT / period) / (watched * level + WEEKDAY_WEIGHT / period)
        profile = profile / profile.mean()
    a, b = gamma_prior(counts.sum(0), (exposure * profile[weekday][:, None]).sum(0))
    return Prior(a, b, tuple(float(p) for p in profile))


def teachable(coverage: Array) -> Array:
    """Days watched at least half as well as the route usually was on the days before."""
    decay = 0.5 ** (1 / HALF_LIFE)
    usual, weight = np.zeros(coverage.shape[1]), np.zeros(coverage.shape[1])
    fit = np.empty(coverage.shape, dtype=bool)
    for t, today in enumerate(coverage):
        fit[t] = (today > 0) & (today * weight >= BADLY_WATCHED * usual)
        usual, weight = decay * usual + today, decay * weight + (today > 0)
    return fit


def remember(
    counts: Array,
    exposure: Array,
    teaches: Array,
    weekday: Array,
    *,
    prior: Prior,
    half_life: float = HALF_LIFE,
) -> Memory:
    """Goes through the days once, all routes together. Row t of the result depends only on days before t."""
    days, routes = counts.shape
    decay = 0.5 ** (1 / half_life)
    profile = _Weekdays(prior, routes)
    corrected = np.empty_like(exposure)
    flights, watched = np.zeros((days + 1, routes)), np.zeros((days + 1, routes))
    for t in range(days):
        if t >= WEEKDAY_LAG:
            u = t - WEEKDAY_LAG
            profile.learn(weekday[u], counts[u] * teaches[u], exposure[u] * teaches[u])
        corrected[t] = exposure[t] * profile.factor(weekday[t])
        a = prior.a + flights[t]
        expected = a / (prior.b + watched[t]) * corrected[t]
        most = np.ceil(expected + 3 * np.sqrt(expected + expected**2 / a) + 1)
        flights[t + 1] = decay * flights[t] + np.minimum(counts[t], most) * teaches[t]
        watched[t + 1] = decay * watched[t] + corrected[t] * teaches[t]
    return Memory(prior, corrected, flights, watched)


class _Weekdays:
    """Running flights and exposure by weekday. A route's own shares are shrunk to the pooled ones."""

    def __init__(self, prior: Prior, routes: int) -> None:
        self.pooled = np.array(prior.weekday)
        self.flights = np.zeros((len(self.pooled), routes))
        self.watched = np.zeros((len(self.pooled), routes))

    def learn(self, weekday: int, flights: Array, watched: Array) -> None:
        self.flights[weekday] += flights
        self.watched[weekday] += watched

    def factor(self, weekday: int) -> Array:
        period = len(self.pooled)
        if period == 1:
            return np.ones(self.flights.shape[1])
        # Relative to one rate for all weekdays: a weekday not watched yet keeps the pooled factor.
        rate = self.flights.sum(0) / np.maximum(self.watched.sum(0), 1e-9)
        weight = WEEKDAY_WEIGHT / period
        factors = (self.flights + weight * self.pooled[:, None]) / (rate * self.watched + weight)
        factor: Array = factors[weekday] / factors.mean(0)
        return factor


def regional_index(panel: Panel, memory: Memory) -> Array:
    """How busy the other routes at both ends are over a week, relative to their own usual.

    When all neighbours double, the cause is a receiver, a fair or a holiday: no news. Each neighbour counts at most its
    own high quantile, so one surge (or one flight counted by several overlapping watches) does not hide itself. A
    neighbour with less than four weeks of history does not count: while any rate is expected of it, a busy route looks
    like a doubling.
    """
    seen = rolling(panel.count, REGION_DAYS)
    lag = REGION_DAYS + GUARD
    a, b = memory.rate(lag)
    expected = a / b * rolling(memory.exposure, REGION_DAYS)
    most = expected + 3 * np.sqrt(expected + expected**2 / a) + 1
    watched = np.cumsum(panel.coverage > 0, axis=0)
    known = np.vstack([np.zeros((lag, panel.shape[1])), watched])[: len(watched)] >= REGION_HISTORY
    seen, expected = np.minimum(seen, most) * known, expected * known
    index = np.ones(panel.shape)
    for group in (panel.origin, panel.destination):
        ratio = (others(seen, group) + REGION_WEIGHT) / (others(expected, group) + REGION_WEIGHT)
        index *= np.sqrt(np.maximum(ratio, 1e-9))
    return np.clip(index, *INDEX_RANGE)


def others(values: Array, group: Array) -> Array:
    """For each day and route, the sum over the other routes of its group.

    >>> others(np.array([[1.0, 2.0, 4.0]]), np.array([0, 0, 1])).tolist()
    [[2.0, 1.0, 0.0]]
    """
    order = np.argsort(group, kind="stable")
    first = np.flatnonzero(np.r_[True, np.diff(group[order]) > 0])
    sums = np.add.reduceat(values[:, order], first, axis=1)
    position = np.searchsorted(group[order][first], group)
    # Rounding errors of the subtraction must not become tiny negative counts.
    rest: Array = np.maximum(sums[:, position] - values, 0.0)
    return rest
