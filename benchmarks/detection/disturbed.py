"""Receivers added everywhere, and a source that fails: the alerts each adds to those of the same undisturbed worlds.

As in production, every few days a new model is trained on what was known, without flagged days. It judges the days
until the next one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.detection import metrics
from benchmarks.detection.scenario import Recipe, World, without_events, world
from benchmarks.detection.tables import table
from flightwatch.detection import features
from flightwatch.detection.baseline import teachable
from flightwatch.detection.decide import judge
from flightwatch.detection.settings import Settings
from flightwatch.detection.training import train_panel

Array = npt.NDArray[Any]

SEED = 53_000
RATES = (1.0, 0.3, 0.1)
TEACHES = 0.3  # days flagged at this stated rate are left out of the next training
LEARNED = 230  # the first model; an episode and its pause fit between it and the first change
EVERY = 21  # days; the product trains weekly, which would take three times as long to measure
CHANGE = 260
OUTAGE = (300, 305)  # five days with a tenth of the coverage everywhere
NEAR = 3  # days: an episode that opens this close to one of the calm world is not due to the change


def disturbed(seeds: int, recipe: Recipe) -> str:
    """Alert rates at the product's own thresholds, beside those of undisturbed worlds, and episodes that only the
    disturbed world opens."""
    calm = without_events(recipe)
    kinds = {"calm": calm, "grown": replace(calm, shock_day=CHANGE), "outage": replace(calm, outage=OUTAGE)}
    over: dict[str, list[dict[float, Array]]] = {kind: [] for kind in kinds}
    for n in range(seeds):
        for kind, each in kinds.items():
            over[kind].append(walk(world(each, SEED + n), n))
            print(f"  world {n}, {kind}", flush=True)
    grown = [(CHANGE, CHANGE + 40), (CHANGE + 40, recipe.days)]
    failed = [OUTAGE, (OUTAGE[1], OUTAGE[1] + 10), (OUTAGE[1] + 10, recipe.days)]
    worlds = (
        f"{seeds} event-free worlds of {recipe.routes} routes, a new model every {EVERY} days, thresholds set by the "
        "product itself"
    )
    return (
        f"### Receivers added everywhere\n\nOn day {CHANGE} the coverage of every poor group triples. False episodes "
        f"per route-year, {worlds}; beside the rate the same days of the same worlds without it, and the ratio.\n\n"
        + table(["stated", "first 40 days", "after"], _beside(over["grown"], over["calm"], grown))
        + f"\n### A source fails\n\nDays {OUTAGE[0]} to {OUTAGE[1] - 1}: a tenth of the coverage everywhere. Episodes "
        f"opened per route-year, {worlds}; beside the rate the same days of the same worlds without it. An episode is "
        f"raised by the outage when the world left alone has none open, and opens none within {NEAR} days.\n\n"
        + table(
            ["stated", "during", "ten days after", "later", "raised by it during", "opened during"],
            [
                [*cells, *_raised(over["outage"], over["calm"], rate)]
                for cells, rate in zip(_beside(over["outage"], over["calm"], failed), RATES, strict=True)
            ],
        )
    )


def walk(w: World, seed: int) -> dict[float, Array]:
    """The flagged days × routes by stated rate, judged with models trained on what was known before."""
    flagged = {rate: np.zeros(w.panel.shape, dtype=bool) for rate in RATES}
    for start in range(LEARNED, len(w.panel.days), EVERY):
        stop = min(start + EVERY, len(w.panel.days))
        past, ahead = w.panel.until(start), w.panel.until(stop)
        quiet = ~flagged[TEACHES]
        model = train_panel(
            past,
            teachable(past.coverage) & quiet[:start],
            seed=seed,
            settings=Settings(false_alerts_per_route_year=TEACHES),
        )
        seen = features.see(ahead, model.rates, teachable(ahead.coverage) & quiet[:stop])
        for rate in RATES:
            stated = replace(model, settings=replace(model.settings, false_alerts_per_route_year=rate))
            flagged[rate][start:stop] = judge(ahead, seen, stated, start).flagged[start:stop]
    return flagged


def _beside(
    runs: list[dict[float, Array]], calm: list[dict[float, Array]], spans: list[tuple[int, int]]
) -> list[list[str]]:
    rows = []
    for rate in RATES:
        cells = [f"{rate:g}"]
        for span in spans:
            mine, theirs = (np.mean([_rate(each[rate], span) for each in some]) for some in (runs, calm))
            cells.append(f"{mine:.3f} / {theirs:.3f} = ×{mine / max(theirs, 1e-9):.2f}")
        rows.append(cells)
    return rows


def _rate(flagged: Array, span: tuple[int, int]) -> float:
    opened = metrics.openings(flagged, metrics.GAP)[span[0] : span[1]]
    return float(opened.sum() / (opened.size / metrics.DAYS_PER_YEAR))


def _raised(runs: list[dict[float, Array]], calm: list[dict[float, Array]], rate: float) -> list[str]:
    opened = raised = 0
    for mine, theirs in zip(runs, calm, strict=True):
        new = metrics.openings(mine[rate], metrics.GAP)[OUTAGE[0] : OUTAGE[1]]
        known = theirs[rate][OUTAGE[0] - metrics.GAP : OUTAGE[1] + NEAR].any(axis=0)
        opened += int(new.sum())
        raised += int((new & ~known).sum())
    return [str(raised), str(opened)]
