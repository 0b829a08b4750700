"""What the sources heard in a part of a route, day by day, against what they hear there at best and usually."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from flightwatch.routes.cells import Segment, text
from flightwatch.routes.looked import Days, Floats, hours_of

FULLY = 0.9
"""Share of a day watched from which its traffic says what is usual."""

PRIOR_HOURS = 12.0
"""Aircraft-hours a day by which few are drawn towards "as usual": half of what one aircraft always aloft makes.
A cell that usually hears three a day says nothing by hearing none; one that hears 200 says it all."""

PRIOR_WEEKS = 4.0
"""Weeks' worth by which a weekday's share is drawn to the mean: fewer weeks than that are mostly chance."""

SUSTAINED_DAYS = 7
"""The best level is the highest median of so many days: a week evens out weekdays, and a day's blip is no level."""

RECENT_DAYS = 14
"""In the newest days two in a row make a level, so that a new receiver counts from its second day, not its fourth."""

USUAL_DAYS = 28
"""Days before, whose median is what a day's index is told against."""


def traffic(heard: pd.DataFrame, span: Days, parts: list[Segment]) -> Floats:
    """Aircraft-hours of each day in each part. Where several sources hear a cell, the one that hears most counts."""
    names = sorted({cell for part in parts for cell in part.cells})
    place = {text(cell): number for number, cell in enumerate(names)}
    cell = heard["cell"].astype(object).map(place)
    rows = heard[cell.notna().to_numpy()]
    if rows.empty:
        return np.zeros((len(span), len(parts)))
    column = cell.dropna().to_numpy(dtype=np.int64)
    hour = hours_of(rows["hour"])
    most = pd.Series(rows["aircraft"].to_numpy(dtype=np.float64)).groupby([hour, column]).max()
    when = most.index.get_level_values(0).to_numpy() // 24 - span[0]
    table = sparse.csr_matrix(
        (most.to_numpy(), (when, most.index.get_level_values(1).to_numpy())), shape=(len(span), len(names))
    )
    numbers = {cell: number for number, cell in enumerate(names)}
    inside = [(numbers[c], p) for p, part in enumerate(parts) for c in part.cells]
    member = sparse.csr_matrix((np.ones(len(inside)), tuple(zip(*inside, strict=True))), shape=(len(names), len(parts)))
    daily: Floats = (table @ member).toarray()
    return daily


def levels(daily: Floats, share: Floats, span: Days, silent: npt.NDArray[np.bool_]) -> Floats:
    """Traffic against the mean of the well-watched days, free of the weekly rhythm; 1 is the mean.

    Days that were read without being listened to (`silent`: imported lists) are taken at the share looked.
    """
    good = (share >= FULLY) & ~silent
    if not good.any():
        return np.repeat(share[:, None], daily.shape[1], axis=1)
    mean = daily[good].mean(axis=0)
    weekday = (span + 3) % 7  # 1970-01-01 was a Thursday; Monday is 0
    rhythm = np.ones((7, daily.shape[1]))
    for number in range(7):
        rows = daily[good & (weekday == number)]
        drawn = (rows.sum(axis=0) + PRIOR_WEEKS * mean) / (len(rows) + PRIOR_WEEKS)
        rhythm[number] = np.where(mean > 0, drawn / np.maximum(mean, 1e-9), 1.0)
    even = daily / np.maximum(rhythm[weekday], 1e-9)
    level: Floats = (even + PRIOR_HOURS * share[:, None]) / (mean + PRIOR_HOURS)
    level[silent] = 1.0
    return level


def best(level: Floats) -> Floats:
    """The highest level held: as the median of a week, or lately on two days in a row."""
    if len(level) < SUSTAINED_DAYS:
        return np.asarray(level.max(axis=0))
    week = np.lib.stride_tricks.sliding_window_view(level, SUSTAINED_DAYS, axis=0)
    recent = level[-RECENT_DAYS:]
    pairs = np.minimum(recent[1:], recent[:-1])
    held: Floats = np.maximum(np.median(week, axis=-1).max(axis=0), pairs.max(axis=0))
    return np.where(held > 0, held, level.max(axis=0))


def index(level: Floats) -> Floats:
    """Each day's level over the median of the days before it; NaN for the first."""
    usual = pd.DataFrame(level).rolling(USUAL_DAYS, min_periods=SUSTAINED_DAYS).median().shift(1).to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: Floats = np.where(usual > 0, level / usual, np.nan)
    return ratio
