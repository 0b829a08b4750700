"""One route and day in full: what was seen, what is usual, what counted how much, what would have kept it quiet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from flightwatch.detection import features
from flightwatch.detection.decide import judge
from flightwatch.detection.features import NAMES, Around
from flightwatch.detection.findings import compose
from flightwatch.detection.model import Model
from flightwatch.detection.panel import Panel, build
from flightwatch.detection.training import mark
from flightwatch.detection.words import FEATURES, flights
from flightwatch.errors import InputError
from flightwatch.words import number

Array = npt.NDArray[Any]

MOST_FEWER = 40  # flights removed at most; beyond, the exact number says no more


@dataclass(frozen=True)
class Explanation:
    """`finding` is the FINDING row; `weights` are (what, part of the score), largest first; they add up to the score.

    `fewer` is the smallest number of latest flights without which it would not be flagged. It is None if it is not
    flagged, or if it is flagged even without 40.
    """

    finding: dict[str, Any]
    weights: tuple[tuple[str, float], ...]
    fewer: int | None
    sentences: tuple[str, ...]


def explain(
    route_days: pd.DataFrame, route: str, day: date, *, model: Model, exclude: pd.DataFrame | None = None
) -> Explanation:
    """Why `score` judged this route and day as it did. Needs the same panel, model and excluded days."""
    panel = build(route_days[pd.to_datetime(route_days["day"]) <= pd.Timestamp(day)])
    t = len(panel.days) - 1
    r = int(np.searchsorted(panel.routes, route))
    if panel.days[t] != np.datetime64(day, "D") or r >= len(panel.routes) or panel.routes[r] != route:
        raise InputError(f"route-days: nothing is known of {route!r} on {day}")
    teaches = mark(panel, exclude, model.settings)
    seen = features.see(panel, model.rates, teaches)
    verdict = judge(panel, seen, model, t)
    row = compose(panel, seen, model, verdict, (np.array([t]), np.array([r]))).iloc[0].to_dict()
    told = model.contributions(seen.values[t, [r]])[0]
    order = np.argsort(-np.abs(told))
    weights = tuple((FEATURES[NAMES[i]], float(told[i])) for i in order)
    fewer = _fewer(panel, seen.around, teaches, model, r) if row["flagged"] else None
    return Explanation(row, weights, fewer, (*row["reasons"], _band(row), *_without(row, fewer)))


def _band(row: dict[str, Any]) -> str:
    return (
        f"usual is {number(row['expected'])}, in nine of ten such windows {number(row['lower'])} to "
        f"{number(row['upper'])}; this rests on {row['history_days']} watched days"
    )


def _without(row: dict[str, Any], fewer: int | None) -> list[str]:
    if not row["flagged"]:
        return []
    if fewer is None:
        return [f"even without {MOST_FEWER} of its flights it would be reported"]
    return [f"without the last {flights(fewer)} it would not be reported"]


def _fewer(panel: Panel, around: Around, teaches: Array, model: Model, r: int) -> int | None:
    """Judges copies of the route without its last one, two, three … flights, all at once; neighbours stay the same."""
    most = min(int(np.ceil(panel.seen[-42:, r].sum())), MOST_FEWER)
    columns = np.full(most, r)
    copies = panel.pick(columns)
    left = np.ones(copies.shape)
    for j in range(most):
        left[:, j] = _kept(panel.count[:, r], float(j + 1))
    thinned = {n: getattr(copies, n) * left for n in ("count", "clean", "seen", "suspect")}
    attributes = {k: v * left for k, v in copies.attributes.items()}
    copies = replace(copies, attributes=attributes, **thinned)
    same = Around(around.index[:, columns], around.hot[:, columns], around.kin[:, columns])
    verdict = judge(copies, features.see(copies, model.rates, teaches[:, columns], same), model, len(panel.days) - 1)
    quiet = np.flatnonzero(~verdict.flagged[-1])
    return int(quiet[0]) + 1 if len(quiet) else None


def _kept(counts: Array, fewer: float) -> Array:
    """The share of each day's flights that is left without the latest `fewer`.

    >>> _kept(np.array([2.0, 0.0, 1.0]), 2.0).tolist()
    [0.5, 1.0, 0.0]
    """
    later = np.cumsum(counts[::-1])[::-1] - counts
    taken = np.clip(fewer - later, 0.0, counts)
    share: Array = 1 - np.divide(taken, counts, out=np.zeros_like(counts), where=counts > 0)
    return share
