"""What a score means: false alerts per route-year, and a tail probability no finer than was measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

KNOTS = 1_000
FEWEST_EPISODES = 5.0  # below this, the count on a twin is noise; the tail is continued by its mean excess
TAIL_EPISODES = 40  # episode openings that the continuation is fitted on
LEAST_PROBABILITY = 3e-4  # per route-day; 1e-3 holds to ×1.3, 1e-4 came ×3.2 too often (docs/benchmarks/detection.md)
DAYS_PER_YEAR = 365.25


@dataclass(frozen=True)
class Calibration:
    """Results on an event-free twin: thresholds (descending), the episodes they open per route-year, and scores.

    `scores` and `tails` are the upper tail of all judged route-days.
    """

    thresholds: Array
    rates: Array
    scores: Array
    tails: Array
    route_years: float

    def threshold(self, false_alerts: float) -> float:
        """The lowest score threshold that opens at most that many episodes per route-year."""
        wanted = max(false_alerts, 1e-6)
        if wanted * self.route_years < FEWEST_EPISODES:
            return self._beyond(wanted)
        over = np.flatnonzero(self.rates > wanted)
        stop = over[0] if len(over) else len(self.rates)
        return float(self.thresholds[max(stop - 1, 0)])

    def rate(self, score: Array) -> Array:
        """Episodes per route-year that a threshold at this score would open on ordinary traffic, but at least one in
        all the years of the twin."""
        at = np.searchsorted(-self.thresholds, -np.asarray(score), side="left")
        known: Array = self.rates[np.minimum(at, len(self.rates) - 1)]
        return np.maximum(known, 1 / self.route_years)

    def probability(self, score: Array) -> Array:
        """Share of ordinary route-days at least this strange, never smaller than the twin can measure."""
        at = np.searchsorted(self.scores, score, side="left")
        p = np.where(at < len(self.tails), self.tails[np.minimum(at, len(self.tails) - 1)], 0.0)
        floor = max(LEAST_PROBABILITY, 1 / (self.route_years * DAYS_PER_YEAR))
        return np.maximum(p, floor)

    def _beyond(self, wanted: float) -> float:
        """The upper tail of the openings, continued exponentially for rates too low to count."""
        many = np.flatnonzero(self.rates * self.route_years > TAIL_EPISODES)
        base = max(int(many[0]) - 1, 0) if len(many) else len(self.rates) - 1
        start, rate = self.thresholds[base], max(self.rates[base], 1 / self.route_years)
        excess = max(float((self.thresholds[: base + 1] - start).mean()), 1e-6)
        return float(start + excess * np.log(max(rate / wanted, 1.0)))


def calibrate(scores: Array, gap_days: int, families: Array | None = None) -> Calibration:
    """The calibration from scores of event-free days × routes (-inf where no alert was possible).

    Episodes are counted, not days: an episode opens when no day of the `gap_days` before was over the threshold. The
    routes of one of the `families` open one episode together, because all watches that rest on the same flights share
    one alert. All thresholds are counted at once: a day opens an episode for exactly the thresholds between the highest
    score of the days before and its own.
    """
    together = scores if families is None else _strongest(scores, families)
    before = _highest_before(together, gap_days)
    opens = np.isfinite(together) & (together > before)
    up, down = np.sort(together[opens]), np.sort(before[opens])
    years = scores.size / DAYS_PER_YEAR
    thresholds = np.unique(up)[::-1]
    episodes = (len(up) - np.searchsorted(up, thresholds, side="right")) - (
        len(down) - np.searchsorted(down, thresholds, side="right")
    )
    keep = _thin(len(thresholds))
    ordered = np.sort(scores[np.isfinite(scores)])
    tail = len(ordered) - np.unique(np.geomspace(1, len(ordered), KNOTS).astype(int))[::-1]
    return Calibration(
        thresholds=thresholds[keep],
        rates=episodes[keep] / years,
        scores=ordered[tail],
        tails=(len(ordered) - tail + 1) / (scores.size + 1),
        route_years=years,
    )


def _strongest(scores: Array, families: Array) -> Array:
    """The highest score of each family on each day."""
    order = np.argsort(families, kind="stable")
    first = np.flatnonzero(np.r_[True, np.diff(families[order]) != 0])
    best: Array = np.maximum.reduceat(scores[:, order], first, axis=1)
    return best


def _thin(n: int) -> Array:
    """Indices that keep the whole top and thin out the rest geometrically."""
    return (
        np.unique(np.r_[np.arange(min(n, 200)), np.geomspace(1, max(n, 1), KNOTS).astype(int) - 1])
        if n
        else np.arange(0)
    )


def _highest_before(scores: Array, days: int) -> Array:
    """For each day, the highest score of the `days` days before it."""
    best = np.full(scores.shape, -np.inf)
    for lag in range(1, days + 1):
        best[lag:] = np.maximum(best[lag:], scores[:-lag])
    return best


def openings(flagged: Array, gap_days: int) -> Array:
    """The days × routes where an episode opens: flagged, with no flagged day in the `gap_days` before.

    >>> openings(np.array([[1], [1], [0], [0], [1]], dtype=bool), 2)[:, 0].tolist()
    [True, False, False, False, True]
    """
    return flagged & (_highest_before(flagged.astype(float), gap_days) <= 0)
