"""How much counts scatter around the usual: pooled over routes, then each route's own factor."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from flightwatch.detection.baseline import GUARD, HALF_LIFE, WINDOWS, Memory, Prior
from flightwatch.detection.panel import rolling

Array = npt.NDArray[Any]

SMALLEST_MEAN = 0.02  # flights per window; below, residuals are all zero and say nothing about scatter
FEWEST_WINDOWS = 50
TRIM = 0.998  # residuals above this quantile are taken for unlabelled surges
LEAST_TAU2 = 0.05  # weeks differ by a fifth even where a short past has not shown it. Without this, sixty days of
# timetables fit 0, every busy route of their twin looks unusual, and the threshold rises for all: recall on Hong Kong's
# boards was 0.88, and is 0.93 with 0.05 to 0.2 (benchmarks/detection)
MOST_PHI, MOST_TAU2 = 5.0, 2.0  # pairs and batches, not convoys; beyond, surges got into the fit
OWN_WEIGHT = 4.0  # windows of evidence at which a route's own scatter weighs as much as the pooled one
OWN_MEAN = 3.0  # flights per window at which its residual gets a quarter of the full weight
OWN_CAP = 9.0  # limit of squared residuals, so that one surge does not excuse the next
OWN_RANGE = (0.2, 5.0)
ALONE_DAYS = 7
USUAL_PAIRS = 0.1  # share of flights, until the past shows another; 0.09 to 0.12 seen in benchmarks/detection
PAIRS_WEIGHT = 50.0
MOST_PAIRS = 0.5
SLOW_MEAN = 0.3  # flights per week; below, the product of two residuals is noise


def fit(counts: Array, memory: Memory) -> Prior:
    """The memory's prior with phi and tau2 for each window, from non-negative least squares on squared residuals."""
    phi, tau2 = {}, {}
    for window in WINDOWS:
        phi[window], tau2[window] = _fit_window(counts, memory, window)
    return replace(memory.prior, phi=phi, tau2=tau2)


def _fit_window(counts: Array, memory: Memory, window: int) -> tuple[float, float]:
    from scipy import optimize

    seen, mean, variance = _base(counts, memory, window)
    days = slice(min(60, len(counts) // 2), len(counts), max(window // 2, 1))
    y, m, v = seen[days].ravel(), mean[days].ravel(), variance[days].ravel()
    use = m > SMALLEST_MEAN
    if use.sum() < FEWEST_WINDOWS:
        return 0.0, LEAST_TAU2
    y, m, v = y[use], m[use], v[use]
    z = (y - m) / np.sqrt(v * (1 + 0.2 * m))
    keep = z <= np.quantile(z, TRIM)
    m, excess = m[keep], ((y - m) ** 2 - v)[keep]
    weight = 1 / (m * (1 + m))
    found, _ = optimize.nnls(np.column_stack([m, m * m]) * weight[:, None], excess * weight)
    return float(min(found[0], MOST_PHI)), float(np.clip(found[1], LEAST_TAU2, MOST_TAU2))


def predict(counts: Array, memory: Memory, window: int) -> tuple[Array, Array, Array]:
    """Observed count, usual count and variance of the last `window` days, for every day and route.

    variance = mean + mean²/a (the rate is not known exactly) + phi·mean + tau2·mean², times the route's own factor.
    """
    seen, mean, variance = pooled_variance(counts, memory, window)
    return seen, mean, variance * own_factor(seen, mean, variance, window)


def pooled_variance(counts: Array, memory: Memory, window: int) -> tuple[Array, Array, Array]:
    """Observed, usual and variance with the scatter all routes share, without the route's own factor."""
    seen, mean, variance = _base(counts, memory, window)
    prior = memory.prior
    return seen, mean, variance + prior.phi.get(window, 0.0) * mean + prior.tau2.get(window, 0.0) * mean**2


def _base(counts: Array, memory: Memory, window: int) -> tuple[Array, Array, Array]:
    a, b = memory.rate(window + GUARD)
    mean = a / b * rolling(memory.exposure, window)
    return rolling(counts, window), mean, mean + mean**2 / a


def own_factor(seen: Array, mean: Array, variance: Array, window: int) -> Array:
    """Each route's squared residuals relative to the pooled variance: below 1 for a timetable, above 1 for bursts.

    Causal, decayed, shrunk. Windows that overlap the judged one are left out.
    """
    z2 = np.minimum((seen - mean) ** 2 / np.maximum(variance, 1e-9), OWN_CAP)
    weight = (mean / (mean + OWN_MEAN)) ** 2
    residual = weight * z2
    decay = 0.5 ** (1 / (1.5 * HALF_LIFE))
    lag = window + GUARD
    above, below = np.zeros(seen.shape[1]), np.zeros(seen.shape[1])
    out = np.ones(seen.shape)
    for t in range(len(seen)):
        past = t - lag
        if past >= 28:  # before four weeks, the memory means nothing
            above = decay * above + residual[past]
            below = decay * below + weight[past]
        out[t] = (OWN_WEIGHT + above / window) / (OWN_WEIGHT + below / window)
    return np.clip(out, *OWN_RANGE)


def pairs(counts: Array) -> float:
    """How often a flight brings a second one on the same day, from days with no other flight within a week.

    Such days cannot be part of a busy spell, so neither a surge nor a good month looks like pairs.
    """
    week = rolling(counts, ALONE_DAYS + 1)
    after = np.zeros(counts.shape)
    after[:-ALONE_DAYS] = week[ALONE_DAYS:]
    alone = (counts > 0.5) & (week - counts < 0.5) & (after - counts < 0.5)
    alone[:ALONE_DAYS] = alone[-ALONE_DAYS:] = False
    of = alone.sum() + PAIRS_WEIGHT
    return float(min(((counts >= 1.5) & alone).sum() + PAIRS_WEIGHT * USUAL_PAIRS, MOST_PAIRS * of) / of)


def slow(counts: Array, memory: Memory) -> tuple[float, float]:
    """How similar residuals of one route stay over two to four weeks, in units of mean²; and from how many windows.

    The memory's own error biases the level, equally so in a simulated world, so only differences mean something.
    """
    seen, mean, variance = pooled_variance(counts, memory, 7)
    reach = np.sqrt(OWN_CAP * variance)
    residual = np.clip(seen - mean, -reach, reach)
    up = down = 0.0
    windows = 0
    for lag in (14, 21, 28):
        days = np.arange(max(60, lag), len(counts), 3)
        if not len(days):
            continue
        m1, m2 = mean[days], mean[days - lag]
        weight = (np.minimum(m1, m2) > SLOW_MEAN) / ((1 + m1) * (1 + m2))
        up += float((weight * residual[days] * residual[days - lag]).sum())
        down += float((weight * m1 * m2).sum())
        windows += int((weight > 0).sum())
    return (up / down if down else 0.0), windows / 21
