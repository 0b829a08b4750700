"""The first flight-day of the surge that a finding belongs to."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from flightwatch.detection.baseline import HALF_LIFE, WINDOWS
from flightwatch.detection.counts import surprise
from flightwatch.detection.panel import Panel, build
from flightwatch.records import DAY

Array = npt.NDArray[Any]

LONGEST = 42  # days back from a finding: the longest window plus an episode's pause; older flights had older findings


def episode_start(route_days: pd.DataFrame, found: pd.DataFrame, *, gap_days: int = 14) -> pd.Series:
    """For each flagged finding, the first flight-day of its episode (NaT for the others), aligned with `found`.

    Of all spans that end with the finding and begin with a flight, it is the most surprising one, given the route's
    usual rate before it. Findings no more than `gap_days` apart share the earliest start so far.
    """
    flagged = found[found["flagged"]].sort_values(["route", "day"])
    out = pd.Series(np.full(len(found), np.datetime64("NaT")).astype(DAY), index=found.index)
    if len(flagged):
        out[flagged.index] = starts(build(route_days), flagged, gap_days)
    return out


def starts(panel: Panel, flagged: pd.DataFrame, gap_days: int) -> pd.Series:
    """`episode_start` of flagged findings sorted by route and day."""
    column = {name: i for i, name in enumerate(panel.routes)}
    out, previous = [], ("", pd.Timestamp(0), pd.Timestamp(0))
    for name, day in zip(flagged["route"], flagged["day"], strict=True):
        t = int((day.to_datetime64().astype("datetime64[D]") - panel.days[0]).astype(int))
        first = pd.Timestamp(panel.days[_begin(panel, t, column[name])])
        if previous[0] == name and (day - previous[1]).days <= gap_days:
            first = min(first, previous[2])
        out.append(first)
        previous = (name, day, first)
    return pd.Series(out, index=flagged.index).astype(DAY)


def _begin(panel: Panel, t: int, r: int) -> int:
    """The first day of the most surprising span that ends on `t`."""
    low = max(t - LONGEST + 1, 0)
    spans = np.arange(low, t + 1)[panel.count[low : t + 1, r] > 0]
    if not len(spans):
        return t
    decay = 0.5 ** (np.arange(low)[::-1] / HALF_LIFE)
    before = (decay * panel.count[:low, r]).sum()
    watched = (decay * panel.coverage[:low, r]).sum()
    # Half a flight per longest window: assumed for a route without any past.
    rate = (before + 0.5) / (watched + max(WINDOWS))
    total = np.cumsum(panel.count[low : t + 1, r][::-1])[::-1]
    exposure = np.cumsum(panel.coverage[low : t + 1, r][::-1])[::-1]
    mean = rate * np.maximum(exposure[spans - low], 0.02)
    news = surprise(total[spans - low], mean, mean + mean**2 / (before + 0.5))
    return int(spans[int(np.argmax(news))])
