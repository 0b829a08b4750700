"""What the sources heard where a route would show, day by day, and how that compares with the best they ever heard."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from flightwatch.routes.cells import Segment, text
from flightwatch.routes.looked import Days, Floats, hours_of

FULLY = 0.9
"""Share of a day that must be watched for its traffic to count as usual."""

PRIOR_HOURS = 12.0
"""Aircraft-hours a day added to what is heard, in proportion to the time watched: half of what one aircraft always
aloft makes. If a part usually hears three a day, hearing none says little; if it hears 200, hearing none says
everything."""

PRIOR_WEEKS = 1.0
"""Weight, in weeks, that pulls a weekday's share to the mean: after one Saturday its share counts half, after a season
of them nine tenths."""

SUSTAINED_DAYS = 7
"""The best level is the highest median of this many days: a week evens out weekdays, and a single day's peak is not a
level."""

RECENT_DAYS = 14
"""Among the newest days, two in a row make a level, so that a new receiver counts from its second day, not its
fourth."""

USUAL_DAYS = 28
"""Days before, with whose median a day's index is compared."""


def traffic(heard: pd.DataFrame, span: Days, parts: list[Segment]) -> Floats:
    """Aircraft-hours of each day in each part. If several sources hear a cell, the one that hears most counts."""
    names = sorted({cell for part in parts for cell in part.cells})
    place = {text(cell): number for number, cell in enumerate(names)}
    cell = heard["cell"].astype(object).map(place)
    rows = heard[cell.notna().to_numpy()]
    if rows.empty:
        return np.zeros((len(span), len(parts)))
    column = cell.dropna().to_numpy(dtype=np.int64)
    most = pd.Series(rows["aircraft"].to_numpy(dtype=np.float64)).groupby([hours_of(rows["hour"]), column]).max()
    when = most.index.get_level_values(0).to_numpy() // 24 - span[0]
    inside = (when >= 0) & (when < len(span))
    where = (when[inside], most.index.get_level_values(1).to_numpy()[inside])
    table = sparse.csr_matrix((most.to_numpy()[inside], where), shape=(len(span), len(names)))
    numbers = {cell: number for number, cell in enumerate(names)}
    pairs = np.array([(numbers[c], p) for p, part in enumerate(parts) for c in part.cells])
    member = sparse.csr_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(names), len(parts)))
    daily: Floats = (table @ member).toarray()
    return daily


def even(level: Floats, looked: Floats, span: Days) -> Floats:
    """The level without its weekly rhythm, which is learned from the fully watched days. Both are days × columns."""
    good = (looked >= FULLY) & (level > 0)
    mean = np.where(good, level, 0).sum(axis=0) / np.maximum(good.sum(axis=0), 1)
    weekday = (span + 3) % 7  # 1970-01-01 was a Thursday; Monday is 0
    rhythm = np.ones((7, level.shape[1]))
    for number in range(7):
        rows = weekday == number
        total = np.where(good[rows], level[rows], 0).sum(axis=0)
        drawn = (total + PRIOR_WEEKS * mean) / (good[rows].sum(axis=0) + PRIOR_WEEKS)
        rhythm[number] = np.where(mean > 0, drawn / np.maximum(mean, 1e-9), 1.0)
    flat: Floats = level / np.maximum(rhythm[weekday], 1e-9)
    return flat


def against_best(level: Floats) -> Floats:
    """Each day's level divided by the best level held, at most 1.

    Held means as the median of a week, or lately on two days in a row. The best is taken over all given days, including
    later ones: it only sets the unit, which is the same for all days of a column.
    """
    heard = level[: 1 + np.flatnonzero(level.any(axis=1)).max(initial=-1)]  # days still to come are not the newest
    if len(heard) < SUSTAINED_DAYS:
        best: Floats = heard.max(axis=0, initial=0.0)
    else:
        week = np.lib.stride_tricks.sliding_window_view(heard, SUSTAINED_DAYS, axis=0)
        recent = heard[-RECENT_DAYS:]
        best = np.maximum(np.median(week, axis=-1).max(axis=0), np.minimum(recent[1:], recent[:-1]).max(axis=0))
        best = np.where(best > 0, best, heard.max(axis=0))
    share: Floats = np.clip(level / np.maximum(best, 1e-9), 0.0, 1.0)
    return share


def scaled(level: Floats, looked: Floats, span: Days) -> Floats:
    """Coverage: the level without its weekly rhythm, divided by the best one; 0 if nobody looked."""
    share: Floats = np.where(looked > 0, against_best(even(level, looked, span)), 0.0)
    return share


def index(level: Floats) -> Floats:
    """Each day's level divided by the median of the days before it; NaN for the first."""
    usual = pd.DataFrame(level).rolling(USUAL_DAYS, min_periods=SUSTAINED_DAYS).median().shift(1).to_numpy()
    ratio: npt.NDArray[np.float64] = np.divide(level, usual, out=np.full_like(level, np.nan), where=usual > 0)
    return ratio
