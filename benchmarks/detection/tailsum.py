"""The tail sum: the rarity of each feature's value, added up. It keeps growing where a forest saturates.

A one-sided ECOD (Li et al. 2022) whose tails continue in the feature's own units beyond the largest learned value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

KNOTS = 2_000  # per feature; the upper tail is kept row by row, the rest thinned out


@dataclass(frozen=True)
class Tails:
    """Per feature: ascending values, and -log10 of the share of learning rows at or above each."""

    values: tuple[Array, ...]
    tails: tuple[Array, ...]


def fit(rows: Array) -> Tails:
    """The empirical upper tails of the learning rows.

    >>> parts(fit(np.array([[0.0], [0.0], [0.0], [1.0]])), np.array([[0.0], [1.0], [3.0]])).round(2)[:, 0].tolist()
    [0.0, 0.4, 2.4]
    """
    values, tails = [], []
    for column in rows.T:
        ordered = np.sort(column)
        value, first = np.unique(ordered, return_index=True)
        tail = -np.log10((len(ordered) - first + 1) / (len(ordered) + 1))
        body = max(len(value) - KNOTS, 0)
        keep = np.unique(np.r_[np.linspace(0, body, KNOTS).astype(int), np.arange(body, len(value))])
        values.append(value[keep])
        tails.append(tail[keep])
    return Tails(tuple(values), tuple(tails))


def parts(tails: Tails, rows: Array) -> Array:
    """Each feature's -log10 tail; a row's sum is its tail sum."""
    out = np.zeros(rows.shape)
    for k, (value, tail) in enumerate(zip(tails.values, tails.tails, strict=True)):
        x = rows[:, k]
        # Between two learned values, a row is as rare as the higher one: "at least this much" was seen that often.
        at = np.minimum(np.searchsorted(value, x, side="left"), len(value) - 1)
        out[:, k] = tail[at] + np.maximum(x - value[-1], 0.0)
    return out
