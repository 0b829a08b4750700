"""One scale of coverage for all days of a route."""

from __future__ import annotations

import numpy as np
import pandas as pd

from flightwatch.routes.level import scaled


def weigh(route_days: pd.DataFrame) -> pd.DataFrame:
    """The route-days with `coverage` recomputed from `looked` and `traffic`, relative to the best of all the given
    days.

    `traffic` depends on its day alone and never changes; the best level does, when a receiver is added. So days that
    were tallied at different times get a common scale only here: pass all stored days of a route at once, judge the
    result, and store the rows that changed. Days without measured traffic (-1) keep the coverage they have.
    """
    measured = route_days["traffic"].to_numpy(dtype=float) >= 0
    if not measured.any():
        return route_days.copy()
    rows = route_days[measured]
    days = rows["day"].to_numpy().astype("datetime64[D]").astype(np.int64)
    route, names = pd.factorize(rows["route"].astype(object))
    span = np.arange(days.min(), days.max() + 1)
    level, looked = np.zeros((len(span), len(names))), np.zeros((len(span), len(names)))
    level[days - span[0], route] = rows["traffic"].to_numpy(dtype=float)
    looked[days - span[0], route] = rows["looked"].to_numpy(dtype=float)
    share = scaled(level, looked, span)
    told = route_days["coverage"].to_numpy(dtype=float, copy=True)
    told[measured] = share[days - span[0], route]
    return route_days.assign(coverage=told)
