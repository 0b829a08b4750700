"""Which flights were seen over a place, whether or not they landed there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from flightwatch import geo, tracks

JOINED_S = 1800.0
"""Two fixes of a thinned track at most this far apart in time are joined by a great circle. Over a longer gap nobody
saw where the aircraft went, and a straight line would put it over countries it flew around."""

STEP_NM = 20.0
"""Spacing of points on the joining line: a third of the radius around an airport."""


def crossed(
    flights: pd.DataFrame, rows: npt.NDArray[np.int64], circles: Sequence[tuple[float, float, float]]
) -> npt.NDArray[np.bool_]:
    """Whether each of these flights has a fix in one of the circles (latitude, longitude, NM).

    Read from the stored track if the frame has it, else from the first and the last fix alone, which misses aircraft
    that only passed through.
    """
    paths = [_path(flights, int(row)) for row in rows]
    owner = np.repeat(np.arange(len(rows)), [len(path) for path in paths])
    points = np.concatenate([np.empty((0, 2)), *paths])
    inside = np.zeros(len(points), dtype=bool)
    for lat, lon, radius in circles:
        inside |= geo.distance(lat, lon, points[:, 0], points[:, 1]) <= radius
    found: npt.NDArray[np.bool_] = np.bincount(owner[inside], minlength=len(rows)) > 0
    return found


def _path(flights: pd.DataFrame, row: int) -> npt.NDArray[np.float64]:
    """Positions of a flight, latitude and longitude."""
    data = flights["track"].iat[row] if "track" in flights else None
    if isinstance(data, bytes) and data:
        return _filled(tracks.decode(data))
    ends = [[flights[f"{end}_{axis}"].iat[row] for axis in ("latitude", "longitude")] for end in ("first", "last")]
    known = np.array(ends, dtype=np.float64)
    return known[np.isfinite(known).all(axis=1)]


def _filled(track: pd.DataFrame) -> npt.NDArray[np.float64]:
    """The fixes of a track, with points added between those that are joined."""
    fixes: npt.NDArray[np.float64] = track[["latitude", "longitude"]].to_numpy(dtype=np.float64)
    fixes, when = fixes[np.isfinite(fixes).all(axis=1)], track["time"][np.isfinite(fixes).all(axis=1)]
    if len(fixes) < 2:
        return fixes
    gap = np.diff(when.dt.as_unit("ms").astype("int64").to_numpy()) / 1000
    far = geo.distance(fixes[:-1, 0], fixes[:-1, 1], fixes[1:, 0], fixes[1:, 1])
    parts = [fixes]
    for at in np.flatnonzero((far > STEP_NM) & (gap <= JOINED_S)):
        share = np.linspace(0, 1, int(far[at] / STEP_NM) + 2)[1:-1]
        (lat1, lon1), (lat2, lon2) = fixes[at], fixes[at + 1]
        parts.append(np.column_stack(geo.interpolate(lat1, lon1, lat2, lon2, share)))
    return np.concatenate(parts)
