"""The sum of surprises: the strongest count window plus everything else that is odd. It keeps growing where a forest
saturates.

Features are -log10 of probabilities, so a sum is the product of independent tails (Fisher 1932). The count windows say
the same thing five times, so only the strongest counts; the same goes for the two kinds of newcomers. The sum is in
fixed units, so unlabelled surges in the training past do not shift it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from flightwatch.detection.features import COUNT_NAMES, NAMES

Array = npt.NDArray[Any]

WEIGHTS = {
    "new14": 1.0,
    "region14": 1.0,
    "heavy14": 1.4,
    "night14": 1.4,
    "rev14": 0.5,
    "nbr7": 0.5,
    "kin": 0.75,
}
"""Relative to the strongest count window. Heavy types and nights count more than their surprise, because their shares
are shrunk. Returns, neighbours and relatives count less, because part of what they say is in the counts already. Chosen
from several values each, on scenario worlds and demo worlds together (docs/benchmarks/detection.md)."""

UNIT = 12.5
"""The sum exceeded by one ordinary day in a thousand of the scenario, where the forest's scale is 1 too."""

ALIKE = (tuple(COUNT_NAMES), ("new14", "region14"))
"""Features that say the same thing; only the strongest of each group counts."""

_GROUPS = tuple(np.array([NAMES.index(n) for n in group]) for group in ALIKE)
_FACTORS = np.array([WEIGHTS.get(n, 1.0) for n in NAMES]) / UNIT


def parts(rows: Array) -> Array:
    """Each feature's part; a row of them adds up to its sum of surprises.

    >>> row = np.zeros((1, len(NAMES)))
    >>> row[0, [NAMES.index("s3"), NAMES.index("s7"), NAMES.index("rev14")]] = 2.0, 5.0, 1.0
    >>> [float(x) for x in (parts(row) * UNIT)[0] if x]
    [5.0, 0.5]
    """
    out: Array = rows * _FACTORS
    for group in _GROUPS:
        strongest = out[:, group].argmax(axis=1)
        keep = np.arange(len(group)) == strongest[:, None]
        out[:, group] = np.where(keep, out[:, group], 0.0)
    return out
