"""What the demo requests from its feed: the cargo and transport types worldwide, all aircraft in two circles."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from flightwatch import geo

TYPES = ("IL76", "A124", "AN12", "AN26", "AN72", "T154", "B744", "A400", "C130", "C17")

AREA = {
    "demo-crete-and-libya": (34.2, 22.5, 250),
    "demo-levant": (33.5, 32.0, 250),
}
"""Circles of latitude, longitude and NM; 250 NM is what the providers allow."""


def near(lat: Any, lon: Any, latitude: float, longitude: float, radius_nm: float) -> npt.NDArray[np.bool_]:
    """Which points lie in a circle.

    >>> near([34.0, 40.0], [22.0, 22.0], 34.2, 22.5, 250).tolist()
    [True, False]
    """
    return np.asarray(geo.distance(latitude, longitude, lat, lon) <= radius_nm)
