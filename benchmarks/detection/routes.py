"""The main scenario: all detectors on the same worlds, at thresholds set on event-free worlds and at their own."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.detection import competitors, metrics, product
from benchmarks.detection.scenario import Recipe, World, without_events, world
from benchmarks.detection.tables import table
from flightwatch.detection.across import benjamini_hochberg

Array = npt.NDArray[Any]

EVENT_SEED, NULL_SEED = 52_000, 51_000
RATES = (1.0, 0.3, 0.1)
ALPHAS = (1e-1, 1e-2, 1e-3, 3e-4)

OURS = ("forest", product.SUM, product.BOTH, product.PRODUCT)


@dataclass(frozen=True)
class Run:
    """Scores by detector, the thresholds our model set itself by rate, and its calibrated probabilities."""

    world: World
    scores: dict[str, Array]
    own: dict[float, float]
    probability: Array


def run(recipe: Recipe, seed: int, cache: Path) -> Run:
    """One world judged by all; kept in `cache`, because a world takes a minute."""
    w = world(recipe, seed)
    file = cache / f"{_key(recipe)}-{seed}-all.npz"
    if file.exists():
        kept = dict(np.load(file))
        own = {r: float(t) for r, t in zip(RATES, kept.pop("own"), strict=True)}
        probability = kept.pop("probability").astype(float)
        return Run(w, {k: v.astype(float) for k, v in kept.items()}, own, probability)
    began = time.perf_counter()
    judged = product.judge(w, seed % 1000)
    scores = judged.scores | competitors.all_of(w, seed % 1000)
    both = judged.scores[product.BOTH]
    own = {r: judged.model.calibration.threshold(r) for r in RATES}
    probability = judged.model.calibration.probability(both)
    cache.mkdir(parents=True, exist_ok=True)
    kept = {k: v.astype(np.float32) for k, v in scores.items()}
    np.savez(file, own=np.array([own[r] for r in RATES]), probability=probability.astype(np.float32), **kept)
    print(f"  world {seed}: {time.perf_counter() - began:.0f} s", flush=True)
    return Run(w, {k: v.astype(float) for k, v in kept.items()}, own, probability)


def _key(recipe: Recipe) -> str:
    return f"{recipe.routes}x{recipe.days}-e{recipe.events:g}"


def compare(seeds: int, recipe: Recipe, cache: Path) -> str:
    """The main table and what is based on the same runs: self-set thresholds, probabilities, many routes."""
    quiet = [run(without_events(recipe), NULL_SEED + k, cache) for k in range(seeds)]
    events = [run(recipe, EVENT_SEED + k, cache) for k in range(seeds)]
    rows = [_row(name, quiet, events) for name in quiet[0].scores]
    rows.sort(key=lambda r: float(r[1].split()[0]))
    head = [
        "detector",
        "recall at 1.0",
        "within 7 d",
        "delay",
        "recall at 0.1",
        "within 7 d",
        "delay",
        "weekly precision",
    ]
    text = [
        f"### Surges on sparse routes\n\n{seeds} worlds with events and {seeds} without, {recipe.routes:,} routes × "
        f"{recipe.days} days, the first {recipe.train_end} to learn from. Thresholds: set on the event-free worlds to "
        "1.0 and 0.1 false alerts (episodes) per route-year. Recall over events of which at least two flights were "
        "seen, ± standard error over worlds; a missed event counts as 28 days of delay; weekly precision is the real "
        "share of the first seven alerts of a week.\n",
        table(head, rows),
        _own(quiet, events),
        _probabilities(quiet),
        _together(events),
    ]
    return "\n".join(text)


def _row(name: str, quiet: list[Run], events: list[Run]) -> list[str]:
    cells = []
    for rate in (1.0, 0.1):
        at = metrics.threshold([q.scores[name] for q in quiet], [q.world for q in quiet], rate)
        found = [metrics.found(e.scores[name], e.world, at) for e in events]
        recall = np.array([f["recall"] for f in found])
        mean = metrics.mean(found)
        error = recall.std(ddof=1) / np.sqrt(len(recall)) if len(recall) > 1 else float("nan")
        cells += [f"{recall.mean():.3f} ± {error:.3f}", f"{mean['within7']:.2f}", f"{mean['delay']:.1f}"]
    precise = np.mean([metrics.precision(e.scores[name], e.world) for e in events])
    return [f"**{name}**" if name in OURS else name, *cells, f"{precise:.2f}"]


def _own(quiet: list[Run], events: list[Run]) -> str:
    name = product.PRODUCT
    rows = []
    for rate in RATES:
        far = [metrics.false_rate(e.scores[name], e.world, e.own[rate]) for e in events]
        calm = [metrics.false_rate(q.scores[name], q.world, q.own[rate]) for q in quiet]
        found = metrics.mean([metrics.found(e.scores[name], e.world, e.own[rate]) for e in events])
        rows.append(
            [
                f"{rate:g}",
                f"{np.mean(far):.3f} ± {np.std(far):.3f}",
                f"×{np.mean(far) / rate:.2f}",
                f"{np.mean(calm):.3f}",
                *(f"{found[k]:.2f}" for k in ("recall", "within7", "small", "large")),
                f"{found['delay']:.1f}",
            ]
        )
    head = ["stated", "realised", "ratio", "on event-free worlds", "recall", "within 7 d", "small", "large", "delay"]
    return (
        "\n### Thresholds the product sets itself\n\nEach model's threshold from its own twin, "
        "learned from a past with unlabelled surges on 10 % of the routes. Realised: false episodes per quiet "
        "route-year of the same worlds (mean ± deviation over worlds); small: at most five extra flights seen.\n\n"
        + table(head, rows)
    )


def _probabilities(quiet: list[Run]) -> str:
    rows = []
    for alpha in ALPHAS:
        days = [(q.probability[q.world.train_end :] <= alpha * 1.001).mean() for q in quiet]
        rows.append([f"{alpha:g}", f"{np.mean(days):.2g}", f"×{np.mean(days) / alpha:.2f}"])
    return (
        "\n### Stated probabilities\n\nShare of event-free route-days whose calibrated probability is at most α. None "
        "below 3 in 10,000 is ever stated.\n\n" + table(["α", "realised", "ratio"], rows)
    )


def _together(events: list[Run]) -> str:
    rows = []
    for share in (0.05, 0.1, 0.2):
        far, false, recall = [], [], []
        for e in events:
            p = np.where(np.isfinite(e.scores[product.PRODUCT]), e.probability, 1.0)
            kept = np.stack([benjamini_hochberg(day, share) for day in p]).astype(float)
            far.append(metrics.false_rate(kept, e.world, 0.5))
            recall.append(metrics.found(kept, e.world, 0.5)["recall"])
            false.append(_false_share(kept > 0.5, e.world))
        rows.append([f"{share:g}", f"{np.mean(far):.3f}", f"{np.mean(recall):.2f}", f"{np.mean(false):.0%}"])
    return (
        "\n### All routes together\n\nBenjamini-Hochberg per day over all routes on the calibrated probabilities.\n\n"
        + table(["share allowed", "false episodes per route-year", "recall", "share of episodes false"], rows)
    )


def _false_share(flagged: Array, w: World) -> float:
    opened = metrics.openings(flagged & metrics.scored(w), metrics.GAP)
    real = np.zeros(opened.shape, dtype=bool)
    for e in w.events.itertuples():
        real[e.start : e.end + 15, e.route] = True
    return float((opened & ~real).sum() / max(opened.sum(), 1))


def agreement(seeds: int, recipe: Recipe, say: Callable[[str], None]) -> str:
    """How far two seeds agree on the alerts of a world, by number of trees."""
    rows = []
    w = world(recipe, EVENT_SEED)
    for trees in (100, 200, 300, 500):
        opened = []
        for seed in range(max(seeds, 2)):
            judged = product.judge(w, seed, rate=0.5, trees=trees)
            over = (judged.scores[product.BOTH] > judged.model.threshold) & metrics.scored(w)
            opened.append(metrics.openings(over, metrics.GAP))
        say(f"  {trees} trees")
        shared = [_shared(a, b) for i, a in enumerate(opened) for b in opened[i + 1 :]]
        rows.append([str(trees), f"{np.mean(shared):.0%}", f"{np.mean([o.sum() for o in opened]):.0f}"])
    return (
        "\n### Two seeds, the same alerts?\n\nShare of the alerts of either seed (another forest and twin) that the "
        "other opens within three days on the same route, at 0.5 false alerts per route-year.\n\n"
        + table(["trees", "shared alerts", "alerts"], rows)
    )


def _shared(a: Array, b: Array) -> float:
    def near(x: Array) -> Array:
        out = x.copy()
        for lag in (1, 2, 3):
            out[lag:] |= x[:-lag]
            out[:-lag] |= x[lag:]
        return out

    return float(((a & near(b)).sum() + (b & near(a)).sum()) / (a.sum() + b.sum()))
