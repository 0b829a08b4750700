"""Our own detector on a world: trained on its past, judged by the thresholds it sets itself and by given thresholds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.detection import tailsum
from benchmarks.detection.scenario import World
from flightwatch.detection import features, forest, surprises
from flightwatch.detection.baseline import teachable
from flightwatch.detection.decide import as_if_watched, explained_by_coverage, unseen, window_coverage
from flightwatch.detection.features import COUNT_NAMES, NAMES
from flightwatch.detection.model import FOREST_WEIGHT, Model
from flightwatch.detection.settings import Settings
from flightwatch.detection.training import WARM_UP, train_panel

Array = npt.NDArray[Any]

SUM, BOTH = "sum of surprises", "surprises + forest"
PRODUCT = "the product: surprises + forest, held back where a change of coverage explains it"

WITHOUT = {
    "newcomers": ("new14",),
    "heavy types": ("heavy14",),
    "night": ("night14",),
    "what flies (all three)": ("new14", "heavy14", "night14"),
    "reverse leg": ("rev14",),
    "neighbours": ("nbr7",),
    "relatives": ("kin",),
    "gaps between flights": ("gap",),
    "all but counts": tuple(n for n in NAMES if n not in COUNT_NAMES),
}
"""Feature groups left out, one at a time."""


@dataclass(frozen=True)
class Judged:
    """`scores` by name of the part; days that cannot be a surge (`features.surge`) are -inf, as in the product."""

    model: Model
    scores: dict[str, Array]
    values: Array
    busier: Array


def judge(w: World, seed: int, *, rate: float = 0.1, trees: int = forest.TREES) -> Judged:
    """Trains on the world's first days and scores all of it."""
    past = w.panel.until(w.train_end)
    settings = Settings(false_alerts_per_route_year=rate)
    model = train_panel(past, teachable(past.coverage), seed=seed, settings=settings, trees=trees)
    seen = features.see(w.panel, model.rates)
    window, observed, expected, variance = features.strongest_window(seen)
    busier = features.surge(observed, expected)
    watched = window_coverage(w.panel, window)
    explained = explained_by_coverage(observed, expected, variance, *watched) | unseen(w.panel)
    rows = seen.values.reshape(-1, len(NAMES))
    short = (forest.shortness(model.forest, rows) - model.start) / model.scale
    learned = seen.values[WARM_UP : w.train_end][teachable(past.coverage)[WARM_UP:]]
    tails = tailsum.parts(tailsum.fit(learned), rows).sum(axis=1)
    parts = {
        "forest": short,
        "tail sum (ECOD)": tails,
        SUM: surprises.parts(rows).sum(axis=1),
        BOTH: model.raw(rows),
    }
    shape = w.panel.shape
    scores = {k: np.where(busier, v.reshape(shape), -np.inf) for k, v in parts.items()}
    careful = model.scores(as_if_watched(seen.values, observed, expected, variance, *watched))
    careful = np.where(teachable(w.panel.coverage), np.inf, careful)
    scores[PRODUCT] = np.where(explained, -np.inf, np.minimum(scores[BOTH], careful))
    return Judged(model, scores, seen.values, busier)


def subset(w: World, judged: Judged, names: tuple[str, ...], seed: int) -> dict[str, Array]:
    """Forest and sum of surprises on only some of the features."""
    columns = [NAMES.index(n) for n in names]
    values = judged.values[..., columns]
    teaches = teachable(w.panel.coverage)[WARM_UP : w.train_end]
    learned = values[WARM_UP : w.train_end][teaches]
    rows = values.reshape(-1, len(columns))
    short = forest.shortness(fitted := forest.fit(learned, seed), rows)
    low, high = np.quantile(forest.shortness(fitted, learned), [0.5, 0.999])
    short = (short - low) / max(high - low, 1e-6)
    left = np.zeros((len(rows), len(NAMES)))
    left[:, columns] = rows
    total = surprises.parts(left).sum(axis=1)
    out = {"forest": short, SUM: total, BOTH: total + FOREST_WEIGHT * short}
    return {k: np.where(judged.busier, v.reshape(w.panel.shape), -np.inf) for k, v in out.items()}


def blind(w: World, *, coverage: bool, neighbours: bool) -> World:
    """The world without knowledge of coverage, or of neighbours."""
    panel = w.panel
    if not coverage:
        panel = replace(panel, coverage=np.ones(panel.shape))
    if not neighbours:
        alone = np.arange(panel.shape[1])
        panel = replace(panel, origin=alone, destination=alone)
    return replace(w, panel=panel)
