"""The map projection: Lambert's azimuthal equal-area, in nautical miles from the map's centre.

Equal areas, almost straight great circles within 60° of the centre, no trouble at the date line or the poles, and a
scale bar accurate to 2 % within 1,500 NM of the centre. (Snyder, Map Projections: A Working Manual, 1987, p. 185.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from flightwatch.geo import EARTH_RADIUS_NM
from flightwatch.plots.coast import Line

FAR = -0.85  # cosine of 148°: nearer the antipode shapes turn inside out, so such places are left out


@dataclass(frozen=True)
class Projection:
    """The projection centred on a place, degrees.

    >>> x, y = Projection(0.0, 179.0)([0.0, 1.0], [-179.0, 179.0])
    >>> [round(float(v)) for v in (*x, *y)]
    [120, 0, 0, 60]
    """

    latitude: float
    longitude: float

    def __call__(self, latitude: Any, longitude: Any) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """x and y in nautical miles; NaN on the far side of the Earth."""
        phi, turn = np.radians(np.asarray(latitude, float)), np.radians(np.asarray(longitude, float) - self.longitude)
        sin0, cos0 = np.sin(np.radians(self.latitude)), np.cos(np.radians(self.latitude))
        cosine = sin0 * np.sin(phi) + cos0 * np.cos(phi) * np.cos(turn)
        with np.errstate(invalid="ignore", divide="ignore"):
            k = np.where(cosine > FAR, np.sqrt(2 / (1 + cosine)), np.nan) * EARTH_RADIUS_NM
        x = k * np.cos(phi) * np.sin(turn)
        y = k * (cos0 * np.sin(phi) - sin0 * np.cos(phi) * np.cos(turn))
        return x, y

    def line(self, line: Line) -> npt.NDArray[np.float64]:
        """A line of (longitude, latitude) as points on the map."""
        return np.column_stack(self(line[:, 1], line[:, 0]))


def centred_on(latitude: Any, longitude: Any) -> Projection:
    """The projection centred on the middle of the places' box on the map (first guess: their mean direction).

    >>> p = centred_on([10.0, 10.0], [170.0, -170.0])
    >>> round(p.latitude), abs(round(p.longitude))
    (10, 180)
    """
    phi, lam = np.radians(np.asarray(latitude, float)), np.radians(np.asarray(longitude, float))
    x, y, z = (np.nanmean(v) for v in (np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)))
    return Projection(float(np.degrees(np.arctan2(z, np.hypot(x, y)))), float(np.degrees(np.arctan2(y, x))))
