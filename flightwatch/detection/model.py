"""A trained model: what was pooled from the past, the forest, the tail reference, and what its scores are worth."""

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

RECIPE = "8"  # the meaning of features, forest, scale and twin; a change makes another model of the same data
FOREST_WEIGHT = 0.5  # of 0.25, 0.5 and 1 beside the sum of surprises (benchmarks/detection)


@dataclass(frozen=True)
class Model:
    """`id` names recipe, seed, data and settings; two models with one id judge alike.

    `usual` is each feature's share of learning days with p below 1 in 10, what drift is measured against. `groups` are
    calibrations on the routes of one stated rate alone, by that rate, where several rates are stated.
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
        """The score over which the stated false-alert rate is kept."""
        stated = self.settings.false_alerts_per_route_year
        return self.worth(stated).threshold(stated)

    def worth(self, stated: float) -> Calibration:
        """What scores are worth on the routes this rate is stated for: a rate has to hold where it is stated."""
        return self.groups.get(stated, self.calibration)

    def thresholds(self, routes: Array) -> Array:
        """The same for each of these routes, by the rate that is stated for it."""
        rates = self.settings.rates
        known = {rate: self.worth(rate).threshold(rate) for rate in set(rates.values())}
        return np.array([known[rates[r]] if r in rates else self.threshold for r in routes.tolist()])

    def raw(self, rows: Array) -> Array:
        """The scores of feature rows: sum of surprises and forest on one scale, added. Higher is stranger."""
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
        """What is needed to make the model again and to know it is the same: recipe, seed, data hash, versions.

        The fit itself is not in it; `detection.from_record` makes it anew from the same route-days.
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
    """The libraries whose change may change a fit."""
    import scipy
    import sklearn

    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "scikit-learn": sklearn.__version__,
    }
