"""How long training, a day's scoring and a backtest take."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from benchmarks.detection.scenario import Recipe, World, world
from benchmarks.detection.tables import table
from flightwatch import detection


def speed(recipe: Recipe) -> str:
    """Wall and processor seconds; on a busy machine, only the latter count."""
    frame = as_frame(world(recipe, 55_000))
    last = frame["day"].max()
    past = frame[frame["day"] < last]
    model = detection.train(past)
    small = frame[frame["route"] < "r0040"]
    rows = [
        _row(f"train on {recipe.routes:,} × {recipe.days} days", lambda: detection.train(past)),
        _row("score one day with all history", lambda: detection.score(frame, model=model, since=last.date())),
        _row(f"backtest {recipe.routes:,} × {recipe.days} days", lambda: detection.backtest(frame)),
        _row("train and score 40 routes", lambda: detection.score(small, model=detection.train(small))),
    ]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return (
        "\n### Time\n\n" + table(["", "wall s", "processor s"], rows) + f"\nPeak memory of the run {memory:.0f} MB.\n"
    )


def as_frame(w: World) -> pd.DataFrame:
    """A world as route-days, as a user would have them."""
    p = w.panel
    days, routes = p.shape
    columns = {"flights": p.count, "confirmed": p.count, "reverse": p.reverse, "coverage": p.coverage}
    columns |= {a: p.attributes[a] for a in ("newcomers", "heavy", "night")}
    return pd.DataFrame(
        {
            "route": np.repeat(p.routes, days),
            "day": np.tile(p.days.astype("datetime64[s]"), routes),
            "origin_group": np.repeat([f"o{g}" for g in p.origin], days),
            "destination_group": np.repeat([f"d{g}" for g in p.destination], days),
            **{k: v.T.ravel() for k, v in columns.items()},
        }
    )


def _row(label: str, work: Callable[[], object]) -> list[str]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return [label, f"{time.perf_counter() - wall:.1f}", f"{time.process_time() - cpu:.1f}"]
