"""Climb and descent at the ends of flights where the source gave none: from the altitudes of the last two minutes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Columns = dict[str, npt.NDArray[Any]]

WINDOW_MS = 120_000  # long enough to average out the 25 ft steps of the altitude, short enough to see a descent begin
SHORTEST_MS = 20_000


def rate(columns: Columns, row: int, other: int) -> float:
    """The rate in ft/min at `row`, as given or from the altitudes between it and `other`, the leg's far end; NaN:
    unknown.

    >>> c = {"time": np.array([0, 60_000]), "altitude": np.array([9000.0, 8000.0]), "vertical_rate": np.full(2, np.nan)}
    >>> rate(c, 1, 0)
    -1000.0
    """
    told = float(columns["vertical_rate"][row])
    if not np.isnan(told):
        return told
    lo, hi = min(row, other), max(row, other) + 1
    time = columns["time"][lo:hi]
    at = columns["time"][row]
    near = slice(
        lo + int(np.searchsorted(time, at - WINDOW_MS, "left")),
        lo + int(np.searchsorted(time, at + WINDOW_MS, "right")),
    )
    known = np.flatnonzero(~np.isnan(columns["altitude"][near])) + near.start
    if len(known) < 2:
        return told
    first, last = int(known[0]), int(known[-1])
    elapsed = int(columns["time"][last] - columns["time"][first])
    if elapsed < SHORTEST_MS:
        return told
    return float(columns["altitude"][last] - columns["altitude"][first]) / elapsed * 60_000


def complete(columns: Columns, first: npt.NDArray[np.int64], last: npt.NDArray[np.int64]) -> Columns:
    """The columns, with missing rates of the first and last row of each leg filled in."""
    told = columns["vertical_rate"]
    air = ~columns["onground"]
    wanted = [(a, b) for a, b in zip(first, last, strict=True) if np.isnan(told[a]) and air[a]]
    wanted += [(b, a) for a, b in zip(first, last, strict=True) if np.isnan(told[b]) and air[b]]
    if not wanted:
        return columns
    filled = told.copy()
    for row, other in wanted:
        filled[row] = rate(columns, int(row), int(other))
    return {**columns, "vertical_rate": filled}
