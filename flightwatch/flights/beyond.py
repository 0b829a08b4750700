"""How much there is to fly on to: what an aircraft in cruise may pass the airports around it for.

Over Europe thousands of fields lie ahead of any track; south of Crete there is the coast of Libya and then little for a
thousand miles. An aircraft lost in cruise lands at one of those near it the more probably, the less lies beyond.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from flightwatch import geo
from flightwatch.airports import Airports

Floats = npt.NDArray[np.float64]

NEAREST_NM = 300.0  # nearer ones are candidates themselves (`likelihood.radius`)
BUSY = 0.6  # of `Airports.traffic`: ten callsigns; below, nobody crosses a continent for it
PULL = 1.5  # how much traffic draws, as the fitted weight of it for jets
TURN = 3.0  # how much what lies aside draws less, as the fitted weight of being off the track far out
USUAL = 6.5  # of the sum's logarithm: over central Europe it is 6.2 to 6.9, over the United States 5.8 to 6.5
GRID_DEG, GRID_TRACK, GRID_NM = 2.0, 15.0, 500.0  # so finely it is worked out; nothing changes within
CHUNK = 512


def ahead(latitude: Floats, longitude: Floats, track: Floats, range_nm: Floats, airports: Airports) -> Floats:
    """Log of the sum of all busy airports ahead within range, less what is usual over Europe; 0 for unknown tracks.

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
    """Per cell the logarithm of the sum, from unit vectors: of the place, and of a point a degree ahead."""
    lat, lon, track, reach = cells.T
    here = geo.unit_vectors(lat, lon)
    next_ = geo.unit_vectors(*geo.destination(lat, lon, track, 60.0))
    along = next_ - here * (next_ * here).sum(axis=1, keepdims=True)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    # Single precision: a hundredth of a mile, at half the cost.
    cosine = np.clip(here.astype(np.float32) @ fields.T, -1.0, 1.0)
    miles = np.arccos(cosine) * np.float32(np.degrees(60.0))
    off = (along.astype(np.float32) @ fields.T) / np.sqrt(np.maximum(1 - cosine * cosine, 1e-6))
    share = np.exp(np.float32(TURN) * (np.minimum(off, 1.0) - 1)) / np.maximum(miles, np.float32(NEAREST_NM))
    share[(miles <= NEAREST_NM) | (miles >= reach[:, None].astype(np.float32))] = 0.0
    return np.log(np.maximum(NEAREST_NM * (share @ pull).astype(float), 1.0))
