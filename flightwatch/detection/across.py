"""Findings of all watched routes taken together: among many routes, one is always unusual by chance."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Array = npt.NDArray[Any]


def across_routes(found: pd.DataFrame, *, share: float = 0.2) -> pd.Series:
    """Which findings hold when all routes judged on the same day are taken together, aligned with `found`.

    Benjamini-Hochberg per day on the calibrated probabilities: of the findings it keeps, at most about `share` are
    expected to be ordinary traffic. Probabilities are no finer than the calibration, so among more than a few thousand
    routes a single one cannot pass alone, only several together.
    """
    kept = pd.Series(False, index=found.index)
    for _, day in found.groupby("day", sort=False):
        p = np.where(day["observed"] > day["expected"], day["probability"], 1.0)
        kept[day.index] = benjamini_hochberg(p, share)
    return kept


def benjamini_hochberg(p: Array, share: float) -> Array:
    """Which of the hypotheses to reject so that at most `share` of the rejections are expected to be wrong.

    >>> benjamini_hochberg(np.array([0.001, 0.02, 0.9]), 0.05).tolist()
    [True, True, False]
    """
    order = np.argsort(p, kind="stable")
    passed = p[order] <= share * np.arange(1, len(p) + 1) / len(p)
    out = np.zeros(len(p), dtype=bool)
    if passed.any():
        out[order[: int(np.flatnonzero(passed)[-1]) + 1]] = True
    return out


def statement(found: pd.DataFrame, *, share: float = 0.2) -> str:
    """One sentence on the latest day of `found`, for a summary over all routes."""
    last = found[found["day"] == found["day"].max()]
    flagged = last["flagged"]
    together = int((across_routes(last, share=share) & flagged).sum())
    return (
        f"{int(flagged.sum())} of {len(last)} routes are flagged; taken together {together} of them stand, "
        f"of which at most about {share:.0%} are expected to be ordinary traffic"
    )
