"""A score compared with the truth: recall, delay, false episodes, and the threshold for a stated rate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.detection.scenario import World
from flightwatch.detection.calibration import DAYS_PER_YEAR, openings

Array = npt.NDArray[Any]

GAP = 14  # days; findings closer together are one episode
GRACE = 3  # days after an event in which an episode may still open and be right
MISSED = 28.0  # days of delay that a missed event counts as
DETECTABLE = 2  # flights seen; nobody can find an event with fewer
MOST_ON = 0.10  # of quiet days; if the alarm is always on, few episodes open, but that is no threshold
STEPS = 160


def threshold(scores: Sequence[Array], worlds: Sequence[World], rate: float) -> float:
    """The lowest threshold that opens at most `rate` episodes per quiet route-year on these worlds."""
    quiet = [w.quiet for w in worlds]
    days = sum(int(q.sum()) for q in quiet)
    values = np.concatenate([s[q] for s, q in zip(scores, quiet, strict=True)])
    values = values[np.isfinite(values)]
    best = np.inf
    for at in np.unique(np.quantile(values, 1 - np.geomspace(2e-7, 0.5, STEPS)))[::-1]:
        over = [(s > at) & scored(w) for s, w in zip(scores, worlds, strict=True)]
        opened = sum(int((openings(o, GAP) & q).sum()) for o, q in zip(over, quiet, strict=True))
        on = sum(int((o & q).sum()) for o, q in zip(over, quiet, strict=True))
        if opened > rate * days / DAYS_PER_YEAR or on > MOST_ON * days:
            break
        best = float(at)
    return best


def scored(w: World) -> Array:
    """Days × routes from the end of training on."""
    mask = np.zeros(w.panel.shape, dtype=bool)
    mask[w.train_end :] = True
    return mask


def false_rate(score: Array, w: World, at: float) -> float:
    """Episodes opened per quiet route-year."""
    opened = openings((score > at) & scored(w), GAP)
    quiet = w.quiet
    return float((opened & quiet).sum() / (quiet.sum() / DAYS_PER_YEAR))


def found(score: Array, w: World, at: float) -> dict[str, float]:
    """Recall and delay over events with at least two flights seen; an episode must open during the event."""
    opened = openings((score > at) & scored(w), GAP)
    rows = []
    for e in w.events[w.events["extra"] >= DETECTABLE].itertuples():
        days = np.flatnonzero(opened[e.start : e.end + 1 + GRACE, e.route])
        rows.append((len(days) > 0, float(days[0]) if len(days) else np.nan, e.extra <= 5, e.kind == "military"))
    hit, delay, small, military = (np.array(c) for c in zip(*rows, strict=True))
    late = np.minimum(np.nan_to_num(delay, nan=MISSED), MISSED)
    return {
        "recall": hit.mean(),
        "within7": (hit & (late <= 7)).mean(),
        "delay": late.mean(),
        "small": hit[small].mean(),
        "large": hit[~small].mean(),
        "military": hit[military].mean(),
        "civil": hit[~military].mean(),
    }


def precision(score: Array, w: World, per_week: int = 7) -> float:
    """How many of a week's first seven alerts (the routes with the highest scores, not alerted lately) are real."""
    real = np.zeros(w.panel.shape, dtype=bool)
    for e in w.events[w.events["extra"] >= DETECTABLE].itertuples():
        real[e.start : e.end + 1 + GRACE, e.route] = True
    last = np.full(w.panel.shape[1], -(10**6))
    hits = shown = 0
    for day in range(w.train_end, w.panel.shape[0] - 6, 7):
        week = np.nan_to_num(score[day : day + 7], nan=-np.inf)
        top, when = week.max(axis=0), day + week.argmax(axis=0)
        top = np.where(day - last <= GAP, -np.inf, top)
        for r in np.argsort(-top)[:per_week]:
            if np.isfinite(top[r]):
                shown += 1
                hits += int(real[when[r], r])
                last[r] = day + 6
    return hits / max(shown, 1)


def mean(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """Column means."""
    return {str(k): float(v) for k, v in pd.DataFrame(rows).mean().items()}
