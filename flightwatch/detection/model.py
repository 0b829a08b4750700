"""A trained model: what was pooled from the past, the forest, the tail reference, and what its scores are worth."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from flightwatch.detection import calibration, features, forest, tailsum, twin
from flightwatch.detection.baseline import teachable
from flightwatch.detection.calibration import Calibration
from flightwatch.detection.features import NAMES, Rates, Seen
from flightwatch.detection.panel import Array, Panel, build
from flightwatch.detection.settings import Settings
from flightwatch.errors import InputError

RECIPE = "1"  # the meaning of features, forest and scale; a change makes another model of the same data
WARM_UP = 60  # days a route is watched before its rows teach the forest
FEWEST_ROWS = 20_000  # real rows a forest is fitted on; a small panel is filled up with rows of its twin
SCALE = 0.999  # the quantile of learning rows that is 1 on the common scale
TWIN_EPISODES = 80.0  # false episodes a twin should show at the stated rate: a threshold good to 11 %
TWIN_YEARS = (200.0, 900.0)  # route-years: enough at usual rates; more costs time and the tail is continued anyway


@dataclass(frozen=True)
class Model:
    """`id` names recipe, seed, data and settings; two models with one id judge alike."""

    id: str
    seed: int
    trees: int
    first_day: np.datetime64
    last_day: np.datetime64
    data_hash: str
    settings: Settings
    rates: Rates
    forest: Any
    start: float
    tails: tailsum.Tails
    scale: tuple[float, float]
    calibration: Calibration

    def raw(self, rows: Array) -> Array:
        """The scores of feature rows: forest and tail sum on one scale, added. Higher is stranger."""
        short = forest.shortness(self.forest, rows) - self.start
        total: Array = short / self.scale[0] + tailsum.parts(self.tails, rows).sum(axis=1) / self.scale[1]
        return total

    def contributions(self, rows: Array) -> Array:
        """Each feature's share of the score; a row adds up to `raw`."""
        both: Array = (
            forest.contributions(self.forest, rows) / self.scale[0] + tailsum.parts(self.tails, rows) / self.scale[1]
        )
        return both

    def scores(self, seen: Seen) -> Array:
        """Days × routes."""
        days, routes, n = seen.values.shape
        return self.raw(seen.values.reshape(-1, n)).reshape(days, routes)


def train(
    route_days: pd.DataFrame,
    *,
    seed: int = 0,
    settings: Settings | None = None,
    exclude: pd.DataFrame | None = None,
    trees: int = forest.TREES,
) -> Model:
    """Learns what is ordinary from route-days of the past.

    `exclude` (columns route, day) names days that must not teach: flagged and not dismissed as ordinary.
    """
    panel = build(route_days)
    return train_panel(panel, mark(panel, exclude), seed=seed, settings=settings or Settings(), trees=trees)


def mark(panel: Panel, exclude: pd.DataFrame | None) -> Array:
    """The days fit to learn from: watched as well as usual, and not named in `exclude`."""
    fit = teachable(panel.coverage)
    if exclude is not None and len(exclude):
        known = {r: i for i, r in enumerate(panel.routes)}
        column = exclude["route"].map(known).to_numpy(dtype=float)
        row = (pd.to_datetime(exclude["day"]).to_numpy().astype("datetime64[D]") - panel.days[0]).astype(np.int64)
        inside = np.isfinite(column) & (row >= 0) & (row < len(panel.days))
        fit[row[inside], column[inside].astype(np.int64)] = False
    return fit


def train_panel(panel: Panel, teaches: Array, *, seed: int, settings: Settings, trees: int = forest.TREES) -> Model:
    """`train` for a panel in hand."""
    if not teaches.any():
        raise InputError("route-days: no watched day to learn from")
    rates = features.fit(panel, teaches)
    seen = features.see(panel, rates, teaches)
    wanted = float(np.clip(TWIN_EPISODES / settings.false_alerts_per_route_year, *TWIN_YEARS))
    world = twin.simulate(panel, seen.memory, rates, seed=seed, route_years=wanted)
    ordinary = features.see(world, rates)
    rows = _learning_rows(seen, teaches, ordinary, seed)
    fitted, tails = forest.fit(rows, seed, trees), tailsum.fit(rows)
    scale = _spread(forest.shortness(fitted, rows)), _spread(tailsum.parts(tails, rows).sum(axis=1))
    digest = _digest(panel, teaches)
    name = hashlib.sha256(json.dumps([RECIPE, seed, trees, digest, asdict(settings)]).encode()).hexdigest()[:12]
    nothing = np.zeros(1)
    untried = Calibration(nothing, nothing, nothing, nothing, 1.0)
    model = Model(
        id=f"forest-{RECIPE}-{name}",
        seed=seed,
        trees=trees,
        first_day=panel.days[0],
        last_day=panel.days[-1],
        data_hash=digest,
        settings=settings,
        rates=rates,
        forest=fitted,
        start=forest.start(fitted),
        tails=tails,
        scale=scale,
        calibration=untried,
    )
    return replace(model, calibration=_try_on(model, ordinary))


def _try_on(model: Model, ordinary: Seen) -> Calibration:
    """What the model's scores are worth, counted on the twin."""
    scores = model.scores(ordinary)[twin.WARM_UP :]
    _, observed, expected, _ = strongest_window(ordinary)
    eligible = (observed > expected)[twin.WARM_UP :]
    return calibration.calibrate(np.where(eligible, scores, -np.inf), model.settings.episode_gap_days)


def strongest_window(seen: Seen) -> tuple[Array, Array, Array, Array]:
    """Per day and route the most surprising window: its days, observed, usual, variance; 7 days where none is."""
    windows = list(seen.windows)
    surprises = seen.values[..., [NAMES.index(f"s{w}") for w in windows]]
    best = np.where(surprises.max(axis=-1) > 0, surprises.argmax(axis=-1), windows.index(7))
    stacked = [np.stack([seen.windows[w][i] for w in windows], axis=-1) for i in range(3)]
    observed, expected, variance = (np.take_along_axis(s, best[..., None], axis=-1)[..., 0] for s in stacked)
    return np.array(windows)[best], observed, expected, variance


def _learning_rows(seen: Seen, teaches: Array, ordinary: Seen, seed: int) -> Array:
    warm = min(WARM_UP, len(teaches) // 3)
    n = seen.values.shape[-1]
    rows: Array = seen.values[warm:][teaches[warm:]].reshape(-1, n)
    if len(rows) < FEWEST_ROWS:
        more = ordinary.values[twin.WARM_UP :].reshape(-1, n)
        chosen = np.random.default_rng(seed).choice(len(more), min(FEWEST_ROWS - len(rows), len(more)), replace=False)
        rows = np.concatenate([rows, more[chosen]])
    return rows


def _spread(values: Array) -> float:
    low, high = np.quantile(values, [0.5, SCALE])
    return float(max(high - low, 1e-6))


def _digest(panel: Panel, teaches: Array) -> str:
    """SHA-256 of everything the model learned from."""
    h = hashlib.sha256()
    h.update("\0".join(panel.routes.tolist()).encode())
    days = panel.days.astype("datetime64[D]").astype(np.int64)
    columns = (panel.count, panel.clean, panel.reverse, panel.coverage, *panel.attributes.values())
    for array in (days, panel.origin, panel.destination, teaches, *columns):
        h.update(np.ascontiguousarray(array).tobytes())
    return h.hexdigest()
