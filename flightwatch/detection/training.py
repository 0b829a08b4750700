"""Learns from past route-days what is ordinary."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from flightwatch.detection import calibration, features, forest, twin
from flightwatch.detection.baseline import teachable
from flightwatch.detection.calibration import Calibration
from flightwatch.detection.features import NAMES, Seen, surge
from flightwatch.detection.model import RECIPE, Model
from flightwatch.detection.panel import Panel, build
from flightwatch.detection.settings import Settings
from flightwatch.errors import InputError

Array = npt.NDArray[Any]

WARM_UP = 60  # days a route is watched before the forest learns from its rows: about two of the longest windows
FEWEST_ROWS = 20_000  # rows a forest is fitted on; a smaller panel is filled up with rows of its twin
SCALE = 0.999  # the quantile of learning rows that is 1 on the common scale: where alerts begin
TWIN_EPISODES = 80.0  # false episodes a twin should have at the stated rate: a threshold accurate to 11 %
TWIN_YEARS = (200.0, 900.0)  # route-years: enough at usual rates; more costs time, and the tail is continued anyway
FEWEST_EPISODES = 20.0  # of a group of routes: a threshold accurate to 22 %; below, all routes together say more
USUAL = 1.0  # a feature above this has p < 0.1


def train(
    route_days: pd.DataFrame,
    *,
    seed: int = 0,
    settings: Settings | None = None,
    exclude: pd.DataFrame | None = None,
    trees: int = forest.TREES,
) -> Model:
    """The model of these route-days (`route`, `day`, `flights`; further columns of ROUTE_DAY are used if present).

    `exclude` (columns route, day) names days not to learn from: flagged, and not dismissed as ordinary.
    """
    panel = build(route_days)
    settings = settings or Settings()
    return train_panel(panel, mark(panel, exclude, settings), seed=seed, settings=settings, trees=trees)


def from_record(
    record: Mapping[str, Any], route_days: pd.DataFrame, exclude: pd.DataFrame | None = None
) -> Model | None:
    """The same model, made again from the days it was trained on; None if data or recipe are not the same."""
    if record.get("recipe") != RECIPE:
        return None
    day = pd.to_datetime(route_days["day"])
    past = route_days[(day >= record["first_day"]) & (day <= record["last_day"])]
    if past.empty:
        return None
    settings = Settings(**record["settings"])
    panel = build(past)
    teaches = mark(panel, exclude, settings)
    if digest(panel, teaches) != record["data_hash"]:
        return None
    return train_panel(panel, teaches, seed=int(record["seed"]), settings=settings, trees=int(record["trees"]))


def mark(panel: Panel, exclude: pd.DataFrame | None, settings: Settings) -> Array:
    """The days to learn from: watched about as well as usual and not in `exclude`."""
    fit = teachable(panel.coverage) & (panel.coverage >= settings.min_coverage)
    if exclude is not None and len(exclude):
        known = {r: i for i, r in enumerate(panel.routes)}
        column = exclude["route"].map(known).to_numpy(dtype=float)
        row = (pd.to_datetime(exclude["day"]).to_numpy().astype("datetime64[D]") - panel.days[0]).astype(np.int64)
        inside = np.isfinite(column) & (row >= 0) & (row < len(panel.days))
        fit[row[inside], column[inside].astype(np.int64)] = False
    return fit


def train_panel(panel: Panel, teaches: Array, *, seed: int, settings: Settings, trees: int = forest.TREES) -> Model:
    """`train` for an existing panel."""
    if not teaches.any():
        raise InputError("route-days: no watched day to learn from")
    rates = features.fit(panel, teaches)
    seen = features.see(panel, rates, teaches)
    drift = twin.drifting(panel, seen.memory, rates, teaches, seed)
    lowest = min(settings.false_alerts_per_route_year, *settings.rates.values(), 50.0)
    wanted = float(np.clip(TWIN_EPISODES / lowest, *TWIN_YEARS))
    world = twin.simulate(panel, seen.memory, rates, seed=seed, route_years=wanted, drift=drift)
    ordinary = features.see(world, rates)
    rows = _learning_rows(seen, teaches, ordinary, seed)
    fitted = forest.fit(rows, seed, trees)
    nothing = np.zeros(1)
    data = digest(panel, teaches)
    model = Model(
        id=_name(seed, trees, data, settings),
        seed=seed,
        trees=trees,
        first_day=panel.days[0],
        last_day=panel.days[-1],
        route_days=panel.count.size,
        data_hash=data,
        settings=settings,
        rates=rates,
        forest=fitted,
        start=forest.start(fitted),
        scale=_spread(forest.shortness(fitted, rows)),
        usual=dict(zip(NAMES, (rows > USUAL).mean(axis=0).tolist(), strict=True)),
        drift=drift,
        calibration=Calibration(nothing, nothing, nothing, nothing, 1.0),
    )
    return try_on(model, world, ordinary)


def try_on(model: Model, world: Panel, ordinary: Seen) -> Model:
    """The model with its scores calibrated on an event-free twin: over all routes, and over the routes of each stated
    rate (discovered pairs differ from routes on a watch list)."""
    scores = model.scores(ordinary.values[twin.WARM_UP :])
    _, observed, expected, _ = features.strongest_window(ordinary)
    eligible = surge(observed, expected)[twin.WARM_UP :]
    scores, gap = np.where(eligible, scores, -np.inf), model.settings.episode_gap_days
    family = np.arange(len(world.routes)) if world.family is None else world.family
    stated = np.array([model.settings.stated(twin.original(r)) for r in world.routes.tolist()])
    groups = {}
    for rate in np.unique(stated).tolist() if model.settings.rates else []:
        mine = calibration.calibrate(scores[:, stated == rate], gap, family[stated == rate])
        if rate * mine.route_years >= FEWEST_EPISODES:
            groups[rate] = mine
    return replace(model, calibration=calibration.calibrate(scores, gap, family), groups=groups)


def digest(panel: Panel, teaches: Array) -> str:
    """SHA-256 of everything a model learns from."""
    h = hashlib.sha256()
    h.update("\0".join(panel.routes.tolist()).encode())
    days = panel.days.astype("datetime64[D]").astype(np.int64)
    columns = (panel.count, panel.clean, panel.reverse, panel.coverage, *panel.attributes.values())
    for array in (days, panel.origin, panel.destination, teaches, *columns):
        h.update(np.ascontiguousarray(array).tobytes())
    return h.hexdigest()


def _name(seed: int, trees: int, data: str, settings: Settings) -> str:
    text = json.dumps([RECIPE, seed, trees, data, asdict(settings)])
    return f"forest-{RECIPE}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


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
