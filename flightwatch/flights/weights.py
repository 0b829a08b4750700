"""The fitted constants of `likelihood`, printed by `python -m benchmarks.flights.fit`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Weights:
    """Of the pair features and of the edge features, in their order."""

    pair: npt.NDArray[np.float64]
    edge: npt.NDArray[np.float64]


ARRIVAL = Weights(
    pair=np.array([-0.8, -0.8, -2.0, -0.6, -0.4, -1.0, -2.0, -1.0, 0.6, -0.5, 1.0, -2.0, -4.0, 2.5, -0.8, -1.0, 1.5]),
    edge=np.array([-4.0, 0.6, 1.0, -1.0, 1.5, -0.5, 0.8]),
)
DEPARTURE = Weights(
    pair=np.array([-0.8, -0.8, -2.0, -0.6, -0.4, -1.0, -1.5, -1.0, 0.6, -0.5, 1.0, -2.0, -4.0, 2.0, -0.8, -1.0, 1.5]),
    edge=np.array([-4.0, 0.6, 1.0, -1.0, 1.5, -0.5, 0.8]),
)
