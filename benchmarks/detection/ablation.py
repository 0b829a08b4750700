"""What each feature group, the forest itself, coverage and neighbours contribute."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.detection import metrics, product
from benchmarks.detection.routes import EVENT_SEED, NULL_SEED
from benchmarks.detection.scenario import Recipe, World, without_events, world
from benchmarks.detection.tables import table
from flightwatch.detection.features import NAMES

Array = npt.NDArray[Any]

USED = tuple(n for n in NAMES if n != "region14")  # which the scenario does not model
PARTS = ("forest", product.SUM, product.BOTH)


def ablate(seeds: int, recipe: Recipe) -> str:
    """Recall at 1.0 and 0.1 with everything, and with one part left out."""
    quiet = [world(without_events(recipe), NULL_SEED + k) for k in range(seeds)]
    events = [world(recipe, EVENT_SEED + k) for k in range(seeds)]
    worlds = [*quiet, *events]
    judged = [product.judge(w, k) for k, w in enumerate(worlds)]
    rows = []
    sets = {"everything": USED, **{f"without {k}": _but(v) for k, v in product.WITHOUT.items()}}
    for label, names in sets.items():
        scores = [product.subset(w, j, names, k) for k, (w, j) in enumerate(zip(worlds, judged, strict=True))]
        rows.append([label, *_cells(scores, quiet, events)])
        print(f"  {label}", flush=True)
    for label, known in (
        ("without coverage", (False, True)),
        ("without the regional index and neighbours", (True, False)),
    ):
        seen = [product.blind(w, coverage=known[0], neighbours=known[1]) for w in worlds]
        scores = [product.judge(w, k).scores for k, w in enumerate(seen)]
        rows.append([label, *_cells(scores, quiet, events)])
        print(f"  {label}", flush=True)
    head = ["", *(f"{p}, {r:g}" for p in PARTS for r in (1.0, 0.1))]
    return (
        f"\n### What each part contributes\n\nRecall at 1.0 and 0.1 false alerts per route-year, thresholds set on "
        f"{seeds} event-free worlds, {seeds} worlds with events, {recipe.routes} routes each.\n\n" + table(head, rows)
    )


def _but(left_out: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(n for n in USED if n not in left_out)


def _cells(scores: list[dict[str, Array]], quiet: list[World], events: list[World]) -> list[str]:
    out = []
    for part in PARTS:
        calm = [s[part] for s in scores[: len(quiet)]]
        busy = [s[part] for s in scores[len(quiet) :]]
        for rate in (1.0, 0.1):
            at = metrics.threshold(calm, quiet, rate)
            out.append(f"{np.mean([metrics.found(s, w, at)['recall'] for s, w in zip(busy, events, strict=True)]):.3f}")
    return out
