"""Other ways to find surges, each a function from a world to scores of days × routes; higher is stranger."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from benchmarks.detection import farrington
from benchmarks.detection.scenario import World
from flightwatch.detection import features
from flightwatch.detection.baseline import WINDOWS
from flightwatch.detection.counts import nb_tail
from flightwatch.detection.dispersion import predict
from flightwatch.detection.panel import Panel, rolling

Array = npt.NDArray[Any]

FORWARD = (1.0, 2.0, 4.0, 8.0, 16.0)  # extra flights a week at full coverage, the alternatives of Shiryaev-Roberts


def raw_forest(w: World, seed: int) -> Array:
    """One isolation forest for all routes on the daily count: the obvious version."""
    from sklearn.ensemble import IsolationForest

    counts = w.panel.count.reshape(-1, 1)
    learned = w.panel.count[: w.train_end].reshape(-1, 1)
    forest = IsolationForest(n_estimators=100, contamination=0.01, random_state=seed).fit(learned)
    values, which = np.unique(counts, return_inverse=True)
    return -forest.score_samples(values.reshape(-1, 1))[which.ravel()].reshape(w.panel.shape)


def rolling_forest(w: World, seed: int) -> Array:
    """On count, weekday, 7-day mean and deviation, as in tutorials."""
    from sklearn.ensemble import IsolationForest

    y = w.panel.count
    average = rolling(y, 7) / 7
    spread = np.sqrt(np.maximum(rolling(y * y, 7) / 7 - average**2, 0))
    weekday = np.broadcast_to(w.panel.weekday[:, None], y.shape)
    rows = np.stack([y, weekday, average, spread], axis=-1)
    forest = IsolationForest(n_estimators=100, contamination=0.01, random_state=seed).fit(
        rows[: w.train_end].reshape(-1, 4)
    )
    return -forest.score_samples(rows.reshape(-1, 4)).reshape(y.shape)


def ears(counts: Array, *, method: str = "C2", baseline: int = 7, days: int = 1, least: float = 0.5) -> Array:
    """EARS C1, C2, C3 (Hutwagner 2003; surveillance::earsC): standardised excess over a moving baseline."""
    y = rolling(counts, days)
    lag = (0 if method == "C1" else 2) + days - 1
    first = baseline + lag
    total, squares = (np.vstack([np.zeros(y.shape[1]), np.cumsum(a, axis=0)]) for a in (y, y * y))
    t = np.arange(first, len(y))
    s, q = (a[t - lag] - a[t - lag - baseline] for a in (total, squares))
    deviation = np.sqrt(np.maximum(q - s**2 / baseline, 0) / (baseline - 1))
    z = np.full(y.shape, -np.inf)
    z[t] = (y[t] - s / baseline) / np.maximum(deviation, least)
    if method == "C3":
        above = np.maximum(np.where(np.isfinite(z), z, 0) - 1, 0)
        z[2:] = z[2:] + above[1:-1] + above[:-2]
    return z


def nb_week(w: World, *, corrected: bool = True) -> Array:
    """-log10 of the negative-binomial tail of seven days, with exposure and regional index, or with neither."""
    return _nb(w, (7,), corrected)


def nb_scan(w: World) -> Array:
    """The smallest tail over windows, without corrections: the usual scan statistic."""
    return _nb(w, WINDOWS, False)


def _nb(w: World, windows: tuple[int, ...], corrected: bool) -> Array:
    panel = w.panel if corrected else _blind(w.panel)
    rates = features.fit(panel.until(w.train_end))
    memory = features.see(panel, rates).memory
    tails = [nb_tail(*predict(panel.count, memory, k)) for k in windows]
    return -np.log10(np.maximum(np.minimum.reduce(tails), 1e-300))


def _blind(panel: Panel) -> Panel:
    """The panel without knowledge of coverage and neighbours."""
    from dataclasses import replace

    alone = np.arange(panel.shape[1])
    return replace(panel, coverage=np.ones(panel.shape), origin=alone, destination=alone)


def oracle(w: World) -> Array:
    """Shiryaev-Roberts on weekly likelihood ratios against the true mean and frailty: the best that counts allow.

    Not deployable: it reads the truth.
    """
    seen = rolling(w.panel.count, 7)
    mean = rolling(np.maximum(w.true_mean, 1e-6), 7)
    variance = 1.25 * mean + mean**2 / w.frailty
    cover = np.clip(rolling(w.panel.coverage, 7) / 7, 0.05, 1.0)
    base = _log_nb(seen, mean, variance)
    total = np.zeros(seen.shape)
    for extra in FORWARD:
        more = extra * cover
        ratio = np.exp(np.clip(_log_nb(seen, mean + more, variance + 1.25 * more) - base, -30, 30))
        evidence = np.zeros((7, seen.shape[1]))
        for t in range(7, len(seen)):
            evidence[t % 7] = np.minimum(ratio[t] * (evidence[t % 7] + 1), 1e250)
            total[t] += evidence.mean(axis=0) / len(FORWARD)
    return np.log10(np.maximum(total, 1e-12))


def _log_nb(y: Array, mean: Array, variance: Array) -> Array:
    over = np.maximum(variance - mean, 1e-6 * mean)
    r = mean * mean / over
    return (
        special.gammaln(y + r)
        - special.gammaln(r)
        - special.gammaln(y + 1)
        + r * np.log(r / (r + mean))
        + y * np.log(mean / (r + mean))
    )


def all_of(w: World, seed: int) -> dict[str, Array]:
    """Every competitor's score on a world."""
    y, first = w.panel.count, w.train_end - 20
    return {
        "forest on raw counts": raw_forest(w, seed),
        "forest on count, weekday, rolling mean and deviation": rolling_forest(w, seed),
        "EARS C2, 7-day baseline": ears(y),
        "EARS C2 on 7-day sums, 28-day baseline": ears(y, baseline=28, days=7),
        "Farrington flexible": farrington.daily(y, np.ones_like(y), first),
        "Farrington flexible, with exposure": farrington.daily(y, w.panel.coverage, first),
        "NB tail, scan over windows": nb_scan(w),
        "NB tail, 7 days, with exposure and regional index": nb_week(w),
        "count oracle (Shiryaev-Roberts on the true rates)": oracle(w),
    }
