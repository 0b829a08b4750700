"""From scores to findings: what is flagged, what is held back, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from flightwatch.detection.baseline import GUARD, HALF_LIFE, teachable
from flightwatch.detection.counts import surprise
from flightwatch.detection.features import COUNT_NAMES, HOT, NAMES, Seen, strongest_window, surge
from flightwatch.detection.model import Model
from flightwatch.detection.panel import Panel, rolling

Array = npt.NDArray[Any]

STEADY = 1.5  # coverage off by a smaller factor is noise of counting receivers. Held back from 1.25 on, recall at one
# false alert per route-year fell from 0.89 to 0.85; from 1.5 on, to 0.88 (benchmarks/detection)
EXPLAINED = 1.3  # what remains after the change has p above 0.05: not remarkable by itself

_COUNTS = [NAMES.index(name) for name in COUNT_NAMES]


@dataclass(frozen=True)
class Verdict:
    """All arrays are days × routes; `threshold` has one value per route. The `held` arrays say why a score over the
    threshold was not flagged."""

    score: Array
    threshold: Array
    flagged: Array
    window: Array
    observed: Array
    expected: Array
    variance: Array
    coverage: Array
    usual_coverage: Array
    history: Array
    held_short: Array
    held_coverage: Array
    held_suspect: Array
    unseen: Array


def judge(panel: Panel, seen: Seen, model: Model, first: int = 0) -> Verdict:
    """The verdict on every day from row `first` on (earlier days have score -inf and no flag).

    A day is flagged if its score is over the threshold, it has more flights than usual, and nothing else explains them.

    Held back: fewer watched days than the settings ask for; a change of coverage that could explain the excess; a
    hardly watched day without flights, or one that is unusual only because little is expected of hardly watched days;
    flights with doubted positions, without which nothing is unusual.
    """
    score = np.full(panel.shape, -np.inf)
    score[first:] = model.scores(seen.values[first:])
    threshold = model.thresholds(panel.routes)
    window, observed, expected, variance = strongest_window(seen)
    coverage, usual = window_coverage(panel, window)
    history = np.cumsum(panel.coverage > 0, axis=0)
    high = (score > threshold) & surge(observed, expected)
    short = history < model.settings.min_history_days
    nothing = unseen(panel)
    explained = explained_by_coverage(observed, expected, variance, coverage, usual) | nothing
    dim = high & ~teachable(panel.coverage)
    if dim.any():
        told = (observed[dim], expected[dim], variance[dim], coverage[dim], usual[dim])
        explained[dim] |= model.raw(as_if_watched(seen.values[dim], *told)) <= threshold[np.nonzero(dim)[1]]
    return Verdict(
        score=score,
        threshold=threshold,
        flagged=high & ~short & ~explained,
        window=window,
        observed=observed,
        expected=expected,
        variance=variance,
        coverage=coverage,
        usual_coverage=usual,
        history=history,
        held_short=high & short,
        held_coverage=high & ~short & explained,
        held_suspect=_ghosts(panel, seen) & ~high,
        unseen=nothing,
    )


def window_coverage(panel: Panel, window: Array) -> tuple[Array, Array]:
    """The mean coverage of each day's window, and the route's usual coverage before it (decayed mean)."""
    now = np.zeros(panel.shape)
    usual = np.zeros(panel.shape)
    decay = 0.5 ** (1 / HALF_LIFE)
    mean, weight = np.zeros((len(panel.days) + 1, panel.shape[1])), np.zeros(len(panel.days) + 1)
    for t, today in enumerate(panel.coverage):
        mean[t + 1], weight[t + 1] = decay * mean[t] + today, decay * weight[t] + 1
    level = np.divide(mean, weight[:, None], out=np.zeros_like(mean), where=weight[:, None] > 0)
    for w in np.unique(window):
        at = np.maximum(np.arange(len(panel.days)) + 1 - int(w) - GUARD, 0)
        here = window == w
        now[here] = (rolling(panel.coverage, int(w)) / np.minimum(np.arange(1, len(panel.days) + 1), w)[:, None])[here]
        usual[here] = level[at][here]
    return now, usual


def explained_by_coverage(observed: Array, expected: Array, variance: Array, now: Array, usual: Array) -> Array:
    """Whether the excess would be ordinary if the change of coverage were misjudged by as much as its own size.

    Counts are already corrected for coverage. But coverage that jumped is itself uncertain, in both directions: a
    receiver may add more than assumed, and a day thought blind may have been well watched.
    """
    ratio = np.maximum(now, 1e-3) / np.maximum(usual, 1e-3)
    factor = np.where(usual > 0, np.maximum(ratio, 1 / ratio), 1.0)
    doubtful = factor > STEADY
    more = expected * factor
    return doubtful & (surprise(observed, more, np.maximum(variance * factor**2, more)) < EXPLAINED)


def as_if_watched(values: Array, observed: Array, expected: Array, variance: Array, now: Array, usual: Array) -> Array:
    """The features (… × NAMES), with counts no more surprising than if the window had been watched as usual.

    Little is expected of hardly watched days, so one flight in an outage makes the flights before it look like a surge.
    With `unseen` days held back, outages still raised an episode on such a day (benchmarks/detection).
    """
    factor = np.maximum(np.maximum(usual, 1e-3) / np.maximum(now, 1e-3), 1.0)
    most = surprise(observed, expected * factor, np.maximum(variance * factor**2, expected * factor))
    out = values.copy()
    out[..., _COUNTS] = np.minimum(out[..., _COUNTS], most[..., None])
    return out


def unseen(panel: Panel) -> Array:
    """Days watched less than half as well as usual on which nothing was counted: they are no news.

    With every such day, the flights of the days before look stranger, because less is expected and none is added. The
    same goes for the neighbours. All episodes raised by an outage opened on such a day (benchmarks/detection).
    """
    return (panel.count <= 0) & ~teachable(panel.coverage)


def _ghosts(panel: Panel, seen: Seen) -> Array:
    """Days that would be unusual if flights with doubted positions counted in full."""
    out = np.zeros(panel.shape, dtype=bool)
    if not panel.suspect.any():
        return out
    for w, (_, expected, variance) in seen.windows.items():
        recent = rolling(panel.suspect, w) > 0
        out |= recent & (surprise(rolling(panel.seen, w), expected, variance) > HOT)
    return out
