"""Goes through history with only what was known at the time: which alerts would have opened, and when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from flightwatch.detection import features, forest
from flightwatch.detection.calibration import DAYS_PER_YEAR
from flightwatch.detection.decide import judge
from flightwatch.detection.findings import compose
from flightwatch.detection.panel import Panel, build
from flightwatch.detection.settings import Settings
from flightwatch.detection.start import starts
from flightwatch.detection.training import mark, train_panel
from flightwatch.errors import InputError
from flightwatch.records import DAY

Array = npt.NDArray[Any]

FIRST_TRAINING = 60  # days before the first model: the shortest history an alert may rest on
ALERT = (
    "id",
    "route",
    "opened",
    "since",
    "last_day",
    "days_flagged",
    "window_days",
    "observed",
    "expected",
    "multiple",
    "probability",
    "score",
    "threshold",
    "model",
    "headline",
    "reasons",
)
GROWTH = 1.5  # a new model once the past is half as long again: weekly training changes little and costs most


@dataclass(frozen=True)
class Backtest:
    """`alerts`: one row per episode that would have opened. `findings`: FINDING rows of their days. `days`: the days of
    their routes, for the pictures (route, day, flights, usual, coverage, flagged). `summary`: fit for JSON."""

    alerts: pd.DataFrame
    findings: pd.DataFrame
    days: pd.DataFrame
    summary: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """`alerts` in the format of `flightwatch alerts --json`, and the `summary`."""
        rows = []
        for row in self.alerts.to_dict("records"):
            told = {k: _instant(v) if isinstance(v, pd.Timestamp) else v for k, v in row.items()}
            rows.append(told)
        return {"alerts": rows, "summary": self.summary}


def backtest(
    route_days: pd.DataFrame,
    *,
    settings: Settings | None = None,
    since: date | None = None,
    until: date | None = None,
    route: str | None = None,
    seed: int = 0,
    trees: int = forest.TREES,
    progress: Callable[[float], None] | None = None,
) -> Backtest:
    """Trains on the past, judges the days ahead, trains again when the past has grown by half, and so on to the end.

    Judges the days from `since` (default: after the first 60) to `until`; later days have no influence. Later models do
    not learn from days flagged on the way. `route` limits what is reported, not what is learned from.
    """
    settings, panel = settings or Settings(), build(route_days)
    if route is not None and route not in panel.routes:
        raise InputError(f"route-days: no route is named {route!r}")
    end = len(panel.days) if until is None else int(np.searchsorted(panel.days, np.datetime64(until, "D"), "right"))
    wanted = 0 if since is None else int(np.searchsorted(panel.days, np.datetime64(since, "D")))
    start = max(wanted, FIRST_TRAINING)
    if start >= end:
        raise InputError(f"a backtest needs more than {FIRST_TRAINING} days before the last day judged")
    trail = _Trail.of(panel)
    first = start
    while start < end:
        stop = min(max(int(start * GROWTH), start + 7), end)
        _stretch(panel, (start, stop), trail, settings, seed=seed, trees=trees)
        start = stop
        if progress is not None:
            progress((stop - first) / (end - first))
    return _tell(panel, trail, (first, end), settings, route)


@dataclass
class _Trail:
    """What the walk has collected so far."""

    flagged: Array
    usual: Array
    found: list[pd.DataFrame]
    models: list[dict[str, Any]]
    held: dict[str, int]

    @classmethod
    def of(cls, panel: Panel) -> _Trail:
        nothing = {"short history": 0, "coverage changed": 0, "doubted positions": 0}
        return cls(np.zeros(panel.shape, dtype=bool), np.full(panel.shape, np.nan), [], [], nothing)


def _stretch(panel: Panel, span: tuple[int, int], trail: _Trail, settings: Settings, *, seed: int, trees: int) -> None:
    """Trains one model, judges the days ahead with it, and adds both to the trail."""
    start, stop = span
    known, ahead = panel.until(start), panel.until(stop)
    teaches = mark(known, None, settings) & ~trail.flagged[:start]
    model = train_panel(known, teaches, seed=seed, settings=settings, trees=trees)
    seen = features.see(ahead, model.rates, mark(ahead, None, settings) & ~trail.flagged[:stop])
    verdict = judge(ahead, seen, model, start)
    trail.flagged[start:stop] = verdict.flagged[start:stop]
    trail.usual[start:stop] = seen.windows[7][1][start:stop] / 7
    t, r = np.nonzero(verdict.flagged)
    trail.found.append(compose(ahead, seen, model, verdict, (t, r)))
    trail.models.append({"id": model.id, "trained_to": str(model.last_day), "threshold": model.threshold})
    held = (verdict.held_short, verdict.held_coverage, verdict.held_suspect)
    for reason, days in zip(trail.held, held, strict=True):
        trail.held[reason] += int(days[start:].sum())


def _tell(panel: Panel, trail: _Trail, span: tuple[int, int], settings: Settings, route: str | None) -> Backtest:
    first, end = span
    found = pd.concat(trail.found, ignore_index=True).sort_values(["route", "day"], ignore_index=True)
    mine = np.ones(panel.shape[1], dtype=bool) if route is None else panel.routes == route
    found = found[found["route"].isin(panel.routes[mine])].reset_index(drop=True)
    alerts = _episodes(panel, found, settings.episode_gap_days)
    watched = (panel.coverage[first:end, mine] > 0).sum(axis=0) / DAYS_PER_YEAR
    years = float(watched.sum())
    rates = [settings.stated(r) for r in panel.routes[mine].tolist()]
    expected = float(watched @ np.array(rates))
    summary = {
        "routes": int(mine.sum()),
        "first_day": str(panel.days[first]),
        "last_day": str(panel.days[end - 1]),
        "route_years": round(years, 2),
        "alerts": len(alerts),
        "flagged_days": len(found),
        "stated_false_alerts_per_route_year": round(expected / years, 3) if years else 0.0,
        "alerts_per_route_year": round(len(alerts) / years, 3) if years else 0.0,
        "false_alerts_expected": round(expected, 1),
        "held_back_days": trail.held if route is None else {},
        "models": trail.models,
    }
    return Backtest(alerts, found, _days(panel, trail, span, set(alerts["route"])), summary)


def _episodes(panel: Panel, found: pd.DataFrame, gap_days: int) -> pd.DataFrame:
    """One row per episode: findings of a route no more than `gap_days` apart."""
    if not len(found):
        return pd.DataFrame(columns=list(ALERT))
    new = (found["route"] != found["route"].shift()) | (found["day"].diff().dt.days > gap_days)
    rows = []
    for _, days in found.assign(since=starts(panel, found, gap_days)).groupby(new.cumsum(), sort=False):
        top = days.loc[days["score"].idxmax()]
        rows.append(
            {
                "id": 0,
                "route": top["route"],
                "opened": days["day"].iloc[0],
                "since": days["since"].min(),
                "last_day": days["day"].iloc[-1],
                "days_flagged": len(days),
                **{k: top[k] for k in ("window_days", "observed", "expected", "multiple", "probability", "score")},
                "threshold": top["threshold"],
                "model": top["model"],
                "headline": top["reasons"][0],
                "reasons": top["reasons"],
            }
        )
    alerts = pd.DataFrame(rows, columns=list(ALERT)).sort_values(["opened", "route"], ignore_index=True)
    alerts["id"] = np.arange(1, len(alerts) + 1)
    return alerts


def _days(panel: Panel, trail: _Trail, span: tuple[int, int], routes: set[str]) -> pd.DataFrame:
    first, end = span
    columns = [i for i, r in enumerate(panel.routes) if r in routes]
    r, t = (x.ravel() for x in np.meshgrid(columns, np.arange(first, end), indexing="ij"))
    r = r.astype(int)
    return pd.DataFrame(
        {
            "route": panel.routes[r] if len(r) else [],
            "day": panel.days[t].astype(DAY),
            "flights": panel.seen[t, r],
            "usual": trail.usual[t, r],
            "coverage": panel.coverage[t, r],
            "flagged": trail.flagged[t, r],
        }
    )


def _instant(day: pd.Timestamp) -> str:
    return f"{day:%Y-%m-%dT%H:%M:%SZ}"
