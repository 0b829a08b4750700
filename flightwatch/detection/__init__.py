"""Says which route-days are unusually busy, how sure that is, and why.

`score(route_days)` judges, `train(route_days)` learns what is ordinary. Pure: no clock, no files, no configuration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flightwatch.detection.findings import score
    from flightwatch.detection.model import Model, train
    from flightwatch.detection.settings import Settings
    from flightwatch.detection.start import episode_start

_HOMES = {
    "Model": "model",
    "Settings": "settings",
    "episode_start": "start",
    "score": "findings",
    "train": "model",
}

__all__ = ["Model", "Settings", "episode_start", "score", "train"]


def __getattr__(name: str) -> Any:
    """Loads numpy, scipy and scikit-learn only when something is asked for: the command line must answer at once."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
