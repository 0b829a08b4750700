"""Route-days in, findings out."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from flightwatch.detection import features, words
from flightwatch.detection.counts import nb_quantile
from flightwatch.detection.decide import Verdict, judge
from flightwatch.detection.features import NAMES, Seen
from flightwatch.detection.model import Model
from flightwatch.detection.panel import Panel, build
from flightwatch.detection.settings import Settings
from flightwatch.detection.training import mark, train
from flightwatch.records import DAY, FINDING, conform

Array = npt.NDArray[Any]

WORTH_WORDS = 0.5  # of the threshold: days with a higher score get contributions


def score(
    route_days: pd.DataFrame,
    *,
    settings: Settings | None = None,
    model: Model | None = None,
    since: date | None = None,
    exclude: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """A finding for every route and day (from `since` on), each from that day and earlier ones only.

    Needs only `route`, `day`, `flights`; further columns of ROUTE_DAY are used if present. Without a `model`, one is
    trained on the days before `since`, or on all days. `exclude` (route, day) names days not to learn from.
    """
    if model is None:
        past = route_days if since is None else route_days[pd.to_datetime(route_days["day"]) < pd.Timestamp(since)]
        model = train(past if len(past) else route_days, settings=settings, exclude=exclude)
    panel = build(route_days)
    seen = features.see(panel, model.rates, mark(panel, exclude, model.settings))
    first = 0 if since is None else int(np.searchsorted(panel.days, np.datetime64(since, "D")))
    r, t = (x.ravel() for x in np.meshgrid(np.arange(panel.shape[1]), np.arange(first, panel.shape[0]), indexing="ij"))
    return compose(panel, seen, model, judge(panel, seen, model, first), (t, r))


def compose(panel: Panel, seen: Seen, model: Model, verdict: Verdict, at: tuple[Array, Array]) -> pd.DataFrame:
    """The verdict on these (days, routes) as a FINDING frame."""
    t, r = at
    observed, expected, variance = verdict.observed[at], verdict.expected[at], verdict.variance[at]
    lower, upper = (nb_quantile(q, expected, variance) for q in (0.05, 0.95))
    with np.errstate(divide="ignore", invalid="ignore"):
        multiple = np.where(observed > 0, observed / expected, 0.0)
    reasons, shares = _words(panel, seen, model, verdict, at)
    frame = pd.DataFrame(
        {
            "route": panel.routes[r],
            "day": panel.days[t].astype(DAY),
            "model": model.id,
            "window_days": verdict.window[at],
            "observed": observed,
            "expected": expected,
            "lower": lower,
            "upper": upper,
            "multiple": multiple,
            "probability": model.calibration.probability(verdict.score[at]),
            "score": verdict.score[at],
            "threshold": verdict.threshold[r],
            "flagged": verdict.flagged[at],
            "reasons": reasons,
            "contributions": shares,
            "coverage": verdict.coverage[at],
            "history_days": verdict.history[at],
        }
    )
    return conform(frame, FINDING)


def _words(panel: Panel, seen: Seen, model: Model, verdict: Verdict, at: tuple[Array, Array]) -> tuple[Array, Array]:
    """Reasons and contributions per row; contributions only for rows near the threshold or held back."""
    t, r = at
    reasons, shares = np.empty(len(t), dtype=object), np.empty(len(t), dtype=object)
    rows = seen.values[at]
    near = (verdict.score[at] > WORTH_WORDS * verdict.threshold[r]) | verdict.held_suspect[at]
    told = np.zeros(rows.shape)
    if near.any():
        told[near] = model.contributions(rows[near])
    # Rounded, so that a hundred thousand quiet days share a few hundred sentences; cached during this call.
    headline = cache(words.headline)
    heads = zip(
        verdict.observed[at].round(2).tolist(),
        verdict.window[at].tolist(),
        np.where(verdict.expected[at] < 1, verdict.expected[at].round(3), verdict.expected[at].round(1)).tolist(),
        strict=True,
    )
    for i, head in enumerate(heads):
        reasons[i], shares[i] = [headline(*head)], {}
    held = verdict.held_short[at] | verdict.held_coverage[at] | verdict.held_suspect[at]
    rates = [model.settings.stated(name) for name in panel.routes.tolist()]
    for i in np.flatnonzero(near | held | (verdict.score[at] > verdict.threshold[r])).tolist():
        reasons[i] += words.sentences((int(t[i]), int(r[i])), panel, verdict, rows[i], model.worth(rates[r[i]]))
        if near[i]:
            shares[i] = dict(zip(NAMES, told[i].tolist(), strict=True))
    return reasons, shares
