"""Farrington's method as improved by Noufaily et al. 2013 ("flexible"), batched over series and days.

Quasi-Poisson regression on past weeks with a trend and, for long series, a ten-level seasonal factor. Past outbreaks
are weighted down by their Anscombe residuals. The trend is kept if it is significant and does not extrapolate. The
score is -log10 of the negative-binomial tail of what was seen. Follows surveillance::farringtonFlexible of R.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from flightwatch.detection.counts import nb_tail
from flightwatch.detection.panel import rolling

Array = npt.NDArray[Any]

REWEIGHT = 2.58  # Anscombe residuals above this are taken for past outbreaks
TREND_P = 0.05
CHUNK = 20_000
YEARS, HALF_WINDOW, SEASONS, SKIPPED = 5, 3, 10, 26
"""For weekly series: years back, weeks on either side of today's, levels of the seasonal factor, last weeks left out.
"""


def daily(counts: Array, exposure: Array, first: int, *, weeks: int = 26, skipped: int = 4) -> Array:
    """Scores of days × routes from rolling weeks: `weeks` past weeks without overlap, without the last `skipped`."""
    y, x = rolling(counts, 7), rolling(exposure, 7) / 7
    back = -7 * np.arange(skipped, skipped + weeks)
    design = np.column_stack([np.ones(weeks), back / 100.0])
    out = np.full(counts.shape, -np.inf)
    days, routes = (a.ravel() for a in np.meshgrid(np.arange(first, len(y)), np.arange(y.shape[1]), indexing="ij"))
    for s in range(0, len(days), CHUNK):
        t, r = days[s : s + CHUNK], routes[s : s + CHUNK]
        at = t[:, None] + back
        known = at >= 6
        at = np.maximum(at, 0)
        past = np.where(known, y[at, r[:, None]], 0.0)
        offset = np.log(np.maximum(np.where(known, x[at, r[:, None]], 1.0), 1e-3))
        now = np.log(np.maximum(x[t, r], 1e-3))
        mean, phi = _predict(past, design, np.array([1.0, 0.0]), offset, now, known.astype(float))
        out[t, r] = -np.log10(nb_tail(y[t, r], mean, phi * mean))
    return out


def weekly(counts: Array, first: int) -> tuple[Array, Array, Array]:
    """Score, mean and dispersion of weekly series (weeks × series) of at least five years, from week `first` on."""
    back = np.arange(-52 * YEARS - HALF_WINDOW, -SKIPPED)
    design, now = _seasonal_design(back)
    out = [np.full(counts.shape, np.nan) for _ in range(3)]
    weeks, series = (
        a.ravel() for a in np.meshgrid(np.arange(first, len(counts)), np.arange(counts.shape[1]), indexing="ij")
    )
    for s in range(0, len(weeks), CHUNK // 5):
        t, r = weeks[s : s + CHUNK // 5], series[s : s + CHUNK // 5]
        past = counts[t[:, None] + back, r[:, None]]
        mean, phi = _predict(past, design, now, np.zeros_like(past), np.zeros(len(t)), np.ones_like(past))
        phi = np.maximum(phi, 1.0)
        for array, value in zip(out, (-np.log10(nb_tail(counts[t, r], mean, phi * mean)), mean, phi), strict=True):
            array[t, r] = value
    return out[0], out[1], out[2]


def _seasonal_design(back: Array) -> tuple[Array, Array]:
    """Intercept, trend, and the season's level relative to now: the weeks around today's date are one of ten."""
    width = (52 - (2 * HALF_WINDOW + 1)) // (SEASONS - 1)
    away = (back + HALF_WINDOW) % 52
    level = np.where(
        away <= 2 * HALF_WINDOW, SEASONS, np.minimum((away - 2 * HALF_WINDOW - 1) // width + 1, SEASONS - 1)
    )
    design = np.zeros((len(back), 1 + SEASONS))
    design[:, 0], design[:, 1] = 1.0, back / 100.0
    for i, k in enumerate(level):
        if k < SEASONS:
            design[i, 1 + k] = 1.0
    now = np.zeros(1 + SEASONS)
    now[0] = 1.0
    return design, now


def _predict(
    past: Array, design: Array, now: Array, offset: Array, offset_now: Array, known: Array
) -> tuple[Array, Array]:
    """Mean and dispersion of this week, with the trend where it is significant and stays below what was seen."""
    beta, _, inverse, phi = _robust(past, design, offset, known)
    trended = beta @ now + offset_now
    error = np.sqrt(np.maximum(phi * inverse[:, 1, 1], 1e-12))
    keep = np.arange(design.shape[1]) != 1
    flat_beta, _, _, flat_phi = _robust(past, design[:, keep], offset, known)
    flat = flat_beta @ now[keep] + offset_now
    free = np.maximum((known > 0).sum(axis=1) - design.shape[1], 1)
    significant = 2 * stats.t.sf(np.abs(beta[:, 1]) / error, free) < TREND_P
    use = significant & (np.exp(np.clip(trended, -50, 50)) <= past.max(axis=1))
    mean = np.exp(np.clip(np.where(use, trended, flat), -7, 12))
    return mean, np.where(use, phi, flat_phi)


def _robust(past: Array, design: Array, offset: Array, known: Array) -> tuple[Array, Array, Array, Array]:
    """Fit, weigh past outbreaks down, fit again."""
    beta, mean, inverse = _irls(past, design, offset, known)
    phi = _dispersion(past, mean, known, design.shape[1])
    squares = (design[:, :, None] * design[:, None, :]).reshape(len(design), -1)
    leverage = np.clip(known * mean * (inverse.reshape(len(past), -1) @ squares.T), 0, 0.99)
    residual = 1.5 * (past ** (2 / 3) * mean ** (-1 / 6) - np.sqrt(mean)) / np.sqrt(phi[:, None] * (1 - leverage))
    weight = np.where((residual > REWEIGHT) & (known > 0), np.maximum(residual, 1e-9) ** -2.0, 1.0) * (known > 0)
    weight *= ((known > 0).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-9))[:, None]
    beta, mean, inverse = _irls(past, design, offset, weight)
    return beta, mean, inverse, _dispersion(past, mean, weight, design.shape[1])


def _dispersion(past: Array, mean: Array, weight: Array, parameters: int) -> Array:
    free = np.maximum((weight > 0).sum(axis=1) - parameters, 1)
    return np.maximum((weight * (past - mean) ** 2 / np.maximum(mean, 1e-9)).sum(axis=1) / free, 1.0)


def _irls(past: Array, design: Array, offset: Array, weight: Array, rounds: int = 12) -> tuple[Array, Array, Array]:
    """Weighted Poisson regressions with a common design, all fitted at once."""
    p = design.shape[1]
    squares = (design[:, :, None] * design[:, None, :]).reshape(len(design), p * p)
    ridge = 1e-6 * np.eye(p)
    mean = np.maximum(past, 0.1)
    eta = np.log(mean)
    beta = np.zeros((len(past), p))
    for _ in range(rounds):
        w = weight * mean
        left = (w @ squares).reshape(-1, p, p) + ridge
        right = (w * (eta - offset + (past - mean) / mean)) @ design
        beta = np.linalg.solve(left, right[..., None])[..., 0]
        eta = np.clip(beta @ design.T + offset, -9, 12)
        mean = np.exp(eta)
    return beta, mean, np.linalg.inv(((weight * mean) @ squares).reshape(-1, p, p) + ridge)
