"""The simulated weekly series of Noufaily et al. 2013, for comparison with the literature.

Weeks 1-312 are for training, 313-575 are the baseline, 576-624 the test. Our score uses, per week, the surprise of one,
two and three weeks given the seasonal mean of Farrington's regression, and of one week given our own memory: the
product models no yearly season, so on these series it borrows one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.detection import farrington
from benchmarks.detection.competitors import ears
from benchmarks.detection.tables import table
from flightwatch.detection import forest
from flightwatch.detection.baseline import Prior, pooled, remember
from flightwatch.detection.counts import nb_tail, surprise
from flightwatch.detection.dispersion import fit, predict
from flightwatch.detection.model import FOREST_WEIGHT
from flightwatch.detection.panel import rolling
from flightwatch.detection.surprises import UNIT

Array = npt.NDArray[Any]

ROWS = (
    (0.10, 1.5, 0.0025, 0.6, 0.6),
    (-2.0, 2.0, 0.005, 0.1, 0.3),
    (1.5, 1.0, 0.003, 0.2, -0.4),
    (0.5, 5.0, 0.002, 0.5, 0.5),
    (2.5, 3.0, 0.001, 1.0, 0.1),
    (3.75, 1.1, 0.001, 0.1, -0.1),
    (5.0, 1.2, 0.0001, 0.05, 0.01),
)
"""theta, phi, beta, gamma1, gamma2; each with and without trend, and with 0, 1 or 2 harmonics: 42 scenarios."""

WEEKS, BASELINE, TEST, LEARN = 624, 312, 575, 455
PUBLISHED = {0.005: 0.0127, 0.01: 0.0193, 0.025: 0.0360, 0.05: 0.0608, 0.1: 0.1040}
"""Effective levels of Farrington Flexible in a later replication (nominal: realised)."""


def noufaily(reps: int) -> str:
    """Power of detection at false-positive rates of 1, 2 and 5 % of weeks, and effective levels."""
    calm, _, calm_mean, phi = simulate(reps, seed=12, outbreak=False)
    busy, weeks, mean, _ = simulate(reps, seed=11, outbreak=True)
    without, with_it = _scores(calm, calm_mean, phi), _scores(busy, mean, phi)
    rows = []
    for name in without:
        ordinary = np.nan_to_num(without[name][TEST:], nan=-np.inf)
        score = np.nan_to_num(with_it[name], nan=-np.inf)
        cells = []
        for share in (0.01, 0.02, 0.05):
            at = np.quantile(ordinary, 1 - share)
            hits = [bool((score[w, r] > at).any()) for r, w in enumerate(weeks)]
            first = [bool(score[w[0], r] > at) for r, w in enumerate(weeks)]
            cells += [f"{np.mean(hits):.3f}", f"{np.mean(first):.3f}"]
        rows.append([name, *cells])
    level = without["Farrington flexible"][TEST:]
    levels = [
        [f"{a:g}", f"{(level > -np.log10(a)).mean():.4f}", f"{published:.4f}"] for a, published in PUBLISHED.items()
    ]
    head = ["", *(f"{what} at {s}" for s in ("1 %", "2 %", "5 %") for what in ("found", "in its first week"))]
    return (
        f"\n### Weekly series of Noufaily et al. 2013\n\n42 scenarios × {reps} series, one outbreak each in the last "
        "49 weeks (k = 1-10), four in the baseline. Thresholds at 1, 2 and 5 % false positives of outbreak-free test "
        "weeks.\n\n" + table(head, rows) + "\nEffective levels of Farrington flexible here and as published for a "
        "replication with another noise model:\n\n" + table(["nominal", "here", "published"], levels)
    )


def simulate(reps: int, *, seed: int, outbreak: bool) -> tuple[Array, list[Array], Array, Array]:
    """Counts (weeks × series), the weeks of each current outbreak, the true mean, and phi of each series."""
    rng = np.random.default_rng(seed)
    t = np.arange(1, WEEKS + 1)
    counts, weeks, means, phis = [], [], [], []
    for theta, phi, beta, g1, g2 in ROWS:
        for trend in (0, 1):
            for order in (0, 1, 2):
                j = np.arange(1, order + 1)[:, None]
                wave = (g1 * np.cos(2 * np.pi * j * t / 52) + g2 * np.sin(2 * np.pi * j * t / 52)).sum(axis=0)
                mean = np.exp(theta + beta * trend * t + wave)
                for _ in range(reps):
                    rate = mean if phi == 1 else rng.gamma(mean / (phi - 1), phi - 1)
                    y = rng.poisson(rate).astype(float)
                    for start in rng.choice(np.arange(BASELINE, TEST), 4, replace=False):
                        _add(rng, y, int(start), float(rng.choice([2, 3, 5, 10])), phi * mean[start])
                    if outbreak:
                        start = int(rng.integers(TEST, WEEKS))
                        weeks.append(_add(rng, y, start, float(rng.integers(1, 11)), phi * mean[start]))
                    counts.append(y)
                    means.append(mean)
                    phis.append(phi)
    return np.array(counts).T, weeks, np.array(means).T, np.array(phis)


def _add(rng: np.random.Generator, y: Array, start: int, k: float, variance: float) -> Array:
    """Add an outbreak of Poisson(k·sd) cases, at least two, spread log-normally; returns the weeks it touches."""
    size = 0
    for _ in range(10_000):
        size = int(rng.poisson(k * np.sqrt(variance)))
        if size >= 2:
            break
    at = start + np.floor(rng.lognormal(0, 0.5, max(size, 2))).astype(int)
    at = at[at < WEEKS]
    np.add.at(y, at, 1.0)
    return np.unique(at)


def _scores(y: Array, mean: Array, phi: Array) -> dict[str, Array]:
    out = {f"EARS {c}": ears(y, method=c, least=1e-9) for c in ("C1", "C2", "C3")}
    score, expected, scatter = farrington.weekly(y, LEARN)
    out["Farrington flexible"] = score
    prior: Prior = pooled(y[:TEST], np.ones((TEST, y.shape[1])), np.zeros(TEST, dtype=int), period=1)
    weekday, exposure = np.zeros(WEEKS, dtype=int), np.ones(y.shape)
    memory = remember(y, exposure, exposure > 0, weekday, prior=prior, half_life=26.0)
    prior = fit(
        y[:TEST], remember(y[:TEST], exposure[:TEST], exposure[:TEST] > 0, weekday, prior=prior, half_life=26.0)
    )
    memory = remember(y, exposure, exposure > 0, weekday, prior=prior, half_life=26.0)
    own = predict(y, memory, 3)
    columns = []
    for w in (1, 2, 3):
        m = np.maximum(rolling(np.nan_to_num(expected), w), 1e-3)
        columns.append(surprise(rolling(y, w), m, m * np.maximum(np.nan_to_num(scatter, nan=1.0), 1.0)))
    columns.append(surprise(*own))
    values = np.stack(columns, axis=-1)
    learned = values[LEARN + 3 : TEST].reshape(-1, len(columns))
    fitted = forest.fit(learned, 0)
    rows = values.reshape(-1, len(columns))
    short = _unit(forest.shortness(fitted, rows), forest.shortness(fitted, learned))
    most = rows.max(axis=1) / UNIT
    both = most + FOREST_WEIGHT * short
    for name, s in (("our forest", short), ("our strongest surprise", most), ("our surprise + forest", both)):
        out[name] = s.reshape(y.shape)
    out["the true mean known (not deployable)"] = -np.log10(nb_tail(y, mean, np.maximum(phi, 1 + 1e-6) * mean))
    return out


def _unit(values: Array, learned: Array) -> Array:
    low, high = np.quantile(learned, [0.5, 0.999])
    return (values - low) / max(high - low, 1e-6)
