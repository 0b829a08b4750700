"""How many airports lie ahead of an aircraft in cruise, for which it may pass by the ones around it.

Over Europe, thousands of fields lie ahead of any track; south of Crete there is the coast of Libya and then little for
a thousand miles. The less lies beyond, the more probable it is that an aircraft lost in cruise landed at one of the
fields near it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from flightwatch import geo
from flightwatch.airports import Airports

Floats = npt.NDArray[np.float64]

NEAREST_NM = 300.0  # nearer airports are candidates themselves (`likelihood.radius`)
BUSY = 0.6  # of `Airports.traffic`: ten callsigns; nobody crosses a continent for a quieter field
PULL = 1.5  # how strongly traffic attracts; near its weight for jets when set (1.4; in version 3: 1.3 and 0.5)
TURN = 3.0  # how much less a field aside attracts; `off_far` when set: -2.1 and -2.3 (in version 3: -1.9 and -2.7)
USUAL = 6.5  # log of the sum: 6.2 to 6.9 over central Europe, 5.8 to 6.5 over the United States
GRID_DEG, GRID_TRACK, GRID_NM = 2.0, 15.0, 500.0  # resolution of the calculation; nothing changes within one cell
CHUNK = 512


def ahead(latitude: Floats, longitude: Floats, track: Floats, range_nm: Floats, airports: Airports) -> Floats:
    """Log of the sum over all busy airports ahead within range, minus the usual value over Europe; 0 for unknown
    tracks.

    >>> from flightwatch import airports
    >>> places = airports.load()
    >>> zurich_eastwards, crete_southwards = [47.0, 8.0, 90.0, 4200.0], [34.5, 22.0, 190.0, 4200.0]
    >>> ahead(*np.array([zurich_eastwards, crete_southwards]).T, places).round(0).tolist()
    [0.0, -2.0]
    """
    cells = np.stack(
        [
            np.rint(latitude / GRID_DEG) * GRID_DEG,
            np.rint(longitude / GRID_DEG) * GRID_DEG,
            np.rint(track / GRID_TRACK) * GRID_TRACK % 360,
            np.rint(range_nm / GRID_NM) * GRID_NM,
        ],
        axis=-1,
    )
    known = ~np.isnan(cells).any(axis=1)
    out = np.zeros(len(cells))
    single, back = np.unique(cells[known], axis=0, return_inverse=True)
    busy = np.flatnonzero(airports.traffic > BUSY)
    fields = geo.unit_vectors(airports.latitude[busy], airports.longitude[busy]).astype(np.float32)
    pull = np.exp(PULL * airports.traffic[busy]).astype(np.float32)
    parts = [_sums(single[lo : lo + CHUNK], fields, pull) for lo in range(0, len(single), CHUNK)]
    if parts:
        out[known] = np.concatenate(parts)[back.ravel()] - USUAL
    return out


def _sums(cells: Floats, fields: Any, pull: Any) -> Any:
    """The log of the sum for each cell, from unit vectors: of the place, and of a point one degree ahead."""
    lat, lon, track, reach = cells.T
    here = geo.unit_vectors(lat, lon)
    next_ = geo.unit_vectors(*geo.destination(lat, lon, track, 60.0))
    along = next_ - here * (next_ * here).sum(axis=1, keepdims=True)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    # Single precision is accurate to a hundredth of a mile, at half the cost.
    cosine = np.clip(here.astype(np.float32) @ fields.T, -1.0, 1.0)
    miles = np.arccos(cosine) * np.float32(np.degrees(60.0))
    off = (along.astype(np.float32) @ fields.T) / np.sqrt(np.maximum(1 - cosine * cosine, 1e-6))
    share = np.exp(np.float32(TURN) * (np.minimum(off, 1.0) - 1)) / np.maximum(miles, np.float32(NEAREST_NM))
    share[(miles <= NEAREST_NM) | (miles >= reach[:, None].astype(np.float32))] = 0.0
    return np.log(np.maximum(NEAREST_NM * (share @ pull).astype(float), 1.0))
