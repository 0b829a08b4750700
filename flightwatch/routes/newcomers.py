"""Who was there before, when being there is itself only probable."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MEMORY_DAYS = 180
"""How long an airframe counts as known on a route: half a year, the span in which editors ask "was it here before?";
long enough that a heavy check (weeks) does not turn a regular into a newcomer."""

NEVER_CERTAIN = 1 - 1e-12
"""Keeps the logarithm of "was not there" finite."""


def unseen(key: Ints, day: Any, known_key: Ints, known_day: Any, known_probability: Any) -> Floats:
    """Probability that nothing with the same key was there in the `MEMORY_DAYS` before each day.

    The product, over those earlier flights, of one minus their probability. Flights of the same day do not count, so
    two flights of a newcomer on its first day both count as a newcomer's, in either order.

    >>> import numpy as np
    >>> d = np.array(["2024-12-01", "2024-12-05"], dtype="datetime64[D]")
    >>> unseen(np.array([7, 7]), d, np.array([7, 7]), d, np.array([0.75, 1.0])).tolist()
    [1.0, 0.25]
    """
    when, known_when = _days(day), _days(known_day)
    if not len(known_key) or not len(key):
        return np.ones(len(key))
    start = min(int(when.min()), int(known_when.min())) - MEMORY_DAYS
    span = max(int(when.max()), int(known_when.max())) - start + 1
    place = known_key * span + (known_when - start)
    order = np.argsort(place, kind="stable")
    place = place[order]
    absent = np.log1p(-np.minimum(np.asarray(known_probability, dtype=np.float64), NEVER_CERTAIN))[order]
    total = np.concatenate([[0.0], np.cumsum(absent)])
    until, which = np.unique(key * span + (when - start), return_inverse=True)  # sorted: the search stays in cache
    left, right = np.searchsorted(place, until - MEMORY_DAYS), np.searchsorted(place, until)
    absence: Floats = np.exp(np.minimum(total[right] - total[left], 0.0))[which]
    return absence


def at_least_once(cell: Ints, airframe: Ints, probability: Floats) -> tuple[Ints, Floats]:
    """For each airframe and cell the probability that it was there at least once: the cells and those values."""
    if not len(cell):
        return cell, probability
    pairs, which = np.unique(cell * (int(airframe.max()) + 1) + airframe, return_inverse=True)
    absent = np.log1p(-np.minimum(probability, NEVER_CERTAIN))
    return pairs // (int(airframe.max()) + 1), -np.expm1(np.bincount(which, weights=absent))


def _days(day: Any) -> Ints:
    return np.asarray(day).astype("datetime64[D]").astype(np.int64)
