"""A trained model: what was pooled from the past, the forest, the tail reference, and what its scores mean."""

from __future__ import annotations

import platform
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from flightwatch.detection import forest, surprises
from flightwatch.detection.calibration import Calibration
from flightwatch.detection.features import Rates
from flightwatch.detection.settings import Settings

Array = npt.NDArray[Any]

RECIPE = "9"  # version of features, forest, scale and twin; another recipe makes another model of the same data
FOREST_WEIGHT = 1.0  # relative to the sum of surprises, of 0, 0.25, 0.5, 1, 2 and 4: see docs/benchmarks/detection.md


@dataclass(frozen=True)
class Model:
    """`id` stands for recipe, seed, data and settings; two models with the same id judge alike.

    `usual` is each feature's share of learning days with p below 1 in 10, the reference for drift. Where several rates
    are stated, `groups` holds, by rate, a calibration on the routes of that rate alone.
    """

    id: str
    seed: int
    trees: int
    first_day: np.datetime64
    last_day: np.datetime64
    route_days: int
    data_hash: str
    settings: Settings
    rates: Rates
    forest: Any
    start: float
    scale: float
    usual: dict[str, float]
    drift: float
    calibration: Calibration
    groups: dict[float, Calibration] = field(default_factory=dict)

    @property
    def threshold(self) -> float:
        """The score threshold that keeps the stated false-alert rate."""
        stated = self.settings.false_alerts_per_route_year
        return self.worth(stated).threshold(stated)

    def worth(self, stated: float) -> Calibration:
        """What scores mean on the routes with this stated rate: a rate has to hold on its own routes."""
        return self.groups.get(stated, self.calibration)

    def thresholds(self, routes: Array) -> Array:
        """The threshold of each of these routes, by its stated rate."""
        rates = self.settings.rates
        known = {rate: self.worth(rate).threshold(rate) for rate in set(rates.values())}
        return np.array([known[rates[r]] if r in rates else self.threshold for r in routes.tolist()])

    def raw(self, rows: Array) -> Array:
        """The scores of feature rows: sum of surprises plus forest, on one scale. Higher is stranger."""
        short = (forest.shortness(self.forest, rows) - self.start) / self.scale
        total: Array = surprises.parts(rows).sum(axis=1) + FOREST_WEIGHT * short
        return total

    def contributions(self, rows: Array) -> Array:
        """Each feature's share of the score; a row adds up to `raw`."""
        both: Array = surprises.parts(rows) + FOREST_WEIGHT / self.scale * forest.contributions(self.forest, rows)
        return both

    def scores(self, values: Array) -> Array:
        """Days × routes, of features days × routes × names."""
        return self.raw(values.reshape(-1, values.shape[-1])).reshape(values.shape[:-1])

    def to_record(self) -> dict[str, Any]:
        """What is needed to make the model again and to check that it is the same: recipe, seed, data hash, versions.

        It does not hold the fit; `detection.from_record` fits again from the same route-days.
        """
        rates = (0.1, 0.3, 0.5, 1.0, 3.0)
        return {
            "id": self.id,
            "recipe": RECIPE,
            "seed": self.seed,
            "trees": self.trees,
            "first_day": str(self.first_day.astype("datetime64[D]")),
            "last_day": str(self.last_day.astype("datetime64[D]")),
            "route_days": self.route_days,
            "data_hash": self.data_hash,
            "settings": asdict(self.settings),
            "threshold": self.threshold,
            "thresholds": {f"{r:g}": self.calibration.threshold(r) for r in rates},
            "twin_route_years": self.calibration.route_years,
            "prior": {"rate_a": self.rates.forward.a, "rate_b": self.rates.forward.b, "pairs": self.rates.pairs},
            "drift": self.drift,
            "usual": self.usual,
            "versions": versions(),
        }


def versions() -> dict[str, str]:
    """Versions of the libraries that a fit may depend on."""
    import scipy
    import sklearn

    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "scikit-learn": sklearn.__version__,
    }
