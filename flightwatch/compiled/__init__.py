"""Loops over columns made to be compiled by numba (extra `compiled`), and who may use them.

Loading numba takes 0.4 s and 100 MiB, so only those load it who know that much data is coming: the readers of traces
and heatmaps. Everybody else asks `loops`, which are there once it is in memory anyway. Each loop gives to the last bit
what the passes over whole columns give that stand beside it, so nobody can tell by a result which of them ran. Without
numba the loops run as Python, for tests only.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

F = TypeVar("F", bound=Callable[..., Any])
GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2^64 by the golden ratio: multiplicative hashing (Knuth, TAOCP 3, 6.4)
PLACE = np.uintp  # of an index: one that may be negative is looked at first, which keeps a loop from going by several


@cache
def numba() -> ModuleType | None:
    """numba, loaded; None where it is not installed."""
    try:
        import numba as found
    except ImportError:
        return None
    module: ModuleType = found
    return module


def loaded() -> bool:
    """Whether somebody has loaded numba; nothing is loaded by asking."""
    return "numba" in sys.modules and numba() is not None


def loops() -> ModuleType | None:
    """The loops over fixes (`compiled.fixes`), once somebody has loaded numba; else None."""
    return _fixes() if loaded() else None


@cache
def _fixes() -> ModuleType:
    from flightwatch.compiled import fixes

    return fixes


def jit(function: F) -> F:
    """Compiled, and kept on disk for the next process where there is a place to keep it."""
    return _compiled(function, "never")


def leaf(function: F) -> F:
    """The same, written out where it is called: a call for every number would be a fifth of the time."""
    return _compiled(function, "always")


def _compiled(function: F, inline: str) -> F:
    compiler = numba()
    if compiler is None:
        return function
    options = {"nogil": True, "error_model": "numpy", "inline": inline}
    try:
        kept: F = compiler.njit(cache=True, **options)(function)
    except RuntimeError:  # neither beside this file nor in the user's cache may be written
        kept = compiler.njit(**options)(function)
    return kept


def shown(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The values for a loop to look at: lying together and not to be written. Columns out of a frame may not be written
    and others may; each kind is compiled for by itself, so all are given as the first."""
    seen = np.ascontiguousarray(values).view()
    seen.flags.writeable = False
    return seen
