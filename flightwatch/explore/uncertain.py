"""How many flights there may have been, when the ends of some are only probable."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd


def interval(probabilities: Iterable[float], low: float = 0.05, high: float = 0.95) -> tuple[int, int]:
    """The `low` and `high` quantiles of the number of flights, each flight counting with its own probability.

    The exact Poisson-binomial distribution by convolution, taking the flights' ends as independent.

    >>> interval([1.0, 1.0]), interval([0.5] * 6), interval([])
    ((2, 2), (1, 5), (0, 0))
    """
    mass = np.ones(1)
    for p in probabilities:
        mass = np.convolve(mass, [1 - min(max(p, 0.0), 1.0), min(max(p, 0.0), 1.0)])
    below = np.cumsum(mass)
    return int(np.searchsorted(below, low + 1e-12)), int(np.searchsorted(below, high - 1e-12))


def with_bounds(route_days: pd.DataFrame, matches: pd.DataFrame) -> pd.DataFrame:
    """The route-days with `flights_lower` and `flights_upper`; a day without known flights keeps its own count."""
    bounds = {
        key: interval(group)
        for key, group in matches.groupby(["route", "day"], observed=True)["probability"]
        if len(group)
    }
    keys = zip(route_days["route"], pd.to_datetime(route_days["day"]), strict=True)
    own = route_days["flights"].to_numpy(float)
    found = [bounds.get((r, d), (f, f)) for (r, d), f in zip(keys, own, strict=True)]
    return route_days.assign(
        flights_lower=np.array([lower for lower, _ in found], dtype=float),
        flights_upper=np.array([upper for _, upper in found], dtype=float),
    )
