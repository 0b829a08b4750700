"""Says which route-days are unusually busy, how sure that is, and why.

`score(route_days)` judges. `train(route_days)` learns what is ordinary. `backtest(route_days)` judges each past day
with only what was known then. Pure: no clock, no files, no configuration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd

    from flightwatch.detection.across import across_routes, statement
    from flightwatch.detection.cache import seal, unseal
    from flightwatch.detection.findings import score
    from flightwatch.detection.health import Trial, drift, trial
    from flightwatch.detection.model import Model
    from flightwatch.detection.report import backtest_report
    from flightwatch.detection.settings import Settings
    from flightwatch.detection.start import episode_start
    from flightwatch.detection.training import from_record, train
    from flightwatch.detection.walk import Backtest, backtest
    from flightwatch.detection.why import Explanation, explain
    from flightwatch.detection.words import FEATURES


class Detector(Protocol):
    """The interface: route-days in, one FINDING per route and day out; a higher score is stranger."""

    def __call__(self, route_days: pd.DataFrame, *, since: date | None = None) -> pd.DataFrame: ...


_HOMES = {
    "Backtest": "walk",
    "backtest": "walk",
    "backtest_report": "report",
    "Explanation": "why",
    "FEATURES": "words",
    "Model": "model",
    "Settings": "settings",
    "Trial": "health",
    "across_routes": "across",
    "drift": "health",
    "episode_start": "start",
    "explain": "why",
    "from_record": "training",
    "score": "findings",
    "seal": "cache",
    "statement": "across",
    "train": "training",
    "trial": "health",
    "unseal": "cache",
}

__all__ = [
    "FEATURES",
    "Backtest",
    "Detector",
    "Explanation",
    "Model",
    "Settings",
    "Trial",
    "across_routes",
    "backtest",
    "backtest_report",
    "drift",
    "episode_start",
    "explain",
    "from_record",
    "score",
    "seal",
    "statement",
    "train",
    "trial",
    "unseal",
]


def __getattr__(name: str) -> Any:
    """Loads numpy, scipy and scikit-learn only when they are needed: the command line must answer at once."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
