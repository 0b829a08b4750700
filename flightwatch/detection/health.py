"""Whether a newly trained model may be used, and whether traffic has drifted away from the one in use."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from flightwatch.detection import features, twin
from flightwatch.detection.decide import judge
from flightwatch.detection.features import NAMES
from flightwatch.detection.model import Model
from flightwatch.detection.panel import build
from flightwatch.detection.training import USUAL, mark, try_on

TRIAL_YEARS = 200.0  # route-years of the second twin: a hundred episodes at the default rate
TOLERANCE = 1.5  # times the stated rate, on a twin of another seed; the noise of a hundred episodes is 10 %
RECENT_DAYS = 30
MOST_FLAGGED = 0.05  # of recent route-days; a model that flags more no longer knows what is ordinary
DRIFTED = 2.0  # a feature is unusual twice as often (or half as often) as when learned
FEWEST = 20.0  # unusual days to be expected before a ratio counts as drift


@dataclass(frozen=True)
class Trial:
    """`fit`: the model may be used; `reasons`: why not."""

    fit: bool
    stated: float
    realised: float
    flagged: float
    reasons: tuple[str, ...]


def trial(model: Model, route_days: pd.DataFrame, exclude: pd.DataFrame | None = None) -> Trial:
    """Tries a model on an event-free twin of another seed, and on the last 30 days of its own past.

    `route_days` are those it was trained on.
    """
    panel = build(route_days)
    seen = features.see(panel, model.rates, mark(panel, exclude, model.settings))
    world = twin.simulate(
        panel, seen.memory, model.rates, seed=model.seed + 7919, route_years=TRIAL_YEARS, drift=model.drift
    )
    stated = model.settings.false_alerts_per_route_year
    other = try_on(model, world, features.see(world, model.rates)).worth(stated)
    realised = float(other.rate(np.array(model.threshold)))
    flagged = float(judge(panel, seen, model).flagged[-RECENT_DAYS:].mean())
    # Plus three standard errors of a Poisson count: at a low stated rate there are few episodes to count.
    most = TOLERANCE * stated + 3 * np.sqrt(stated / other.route_years)
    reasons = []
    if not np.isfinite(model.threshold):
        reasons.append("no threshold could be found")
    if realised > most:
        reasons.append(f"opens {realised:.2g} episodes per route-year on ordinary traffic, {stated:g} are stated")
    if flagged > MOST_FLAGGED:
        reasons.append(f"flags {flagged:.1%} of the last {RECENT_DAYS} days")
    return Trial(not reasons, stated, realised, flagged, tuple(reasons))


def drift(model: Model, route_days: pd.DataFrame, since: date) -> pd.DataFrame:
    """How often each feature is unusual (p < 0.1) from `since` on, compared with the days the model learned from.

    Columns: feature, learned and recent (shares of route-days), ratio, drifted. Alerts show as drift too. If many
    features move together without alerts, traffic has changed and the model should be trained again.
    """
    panel = build(route_days)
    seen = features.see(panel, model.rates, mark(panel, None, model.settings))
    first = int(np.searchsorted(panel.days, np.datetime64(since, "D")))
    rows = seen.values[first:].reshape(-1, len(NAMES))
    recent = (rows > USUAL).mean(axis=0) if len(rows) else np.full(len(NAMES), np.nan)
    learned = np.array([model.usual[n] for n in NAMES])
    # Half a day is added to each, so that a feature that was never unusual has a ratio too.
    ratio = (recent * len(rows) + 0.5) / (learned * len(rows) + 0.5)
    enough = np.maximum(recent, learned) * len(rows) >= FEWEST
    return pd.DataFrame(
        {
            "feature": NAMES,
            "learned": learned,
            "recent": recent,
            "ratio": ratio,
            "drifted": enough & ((ratio > DRIFTED) | (ratio < 1 / DRIFTED)),
        }
    )
