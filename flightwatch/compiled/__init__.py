"""Loops over columns that numba compiles (extra `compiled`), and who may use them.

Loading numba takes 0.4 s and 100 MiB, so only code that expects much data loads it: the readers of traces and
heatmaps. All other code calls `loops`, which returns them once numba is in memory anyway. Each loop gives the same
result, to the last bit, as the NumPy code it replaces, so no result shows which of them ran. Without numba the loops
run as Python, for tests only.
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
GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: multiplicative hashing (Knuth, TAOCP 3, 6.4)
PLACE = np.uintp  # an unsigned index: checks for negative ones keep loops from being vectorised


@cache
def numba() -> ModuleType | None:
    """numba, loaded; None if it is not installed."""
    try:
        import numba as found
    except ImportError:
        return None
    module: ModuleType = found
    return module


def loaded() -> bool:
    """Whether numba has been loaded; asking loads nothing."""
    return "numba" in sys.modules and numba() is not None


def loops() -> ModuleType | None:
    """The loops over fixes (`compiled.fixes`) if numba has been loaded; else None."""
    return _fixes() if loaded() else None


@cache
def _fixes() -> ModuleType:
    from flightwatch.compiled import fixes

    return fixes


def jit(function: F) -> F:
    """Compile, and cache on disk for the next process if there is a place for it."""
    return _compiled(function, "never")


def leaf(function: F) -> F:
    """The same, inlined at each call: calls would make up a fifth of the time."""
    return _compiled(function, "always")


def _compiled(function: F, inline: str) -> F:
    compiler = numba()
    if compiler is None:
        return function
    options = {"nogil": True, "error_model": "numpy", "inline": inline}
    try:
        kept: F = compiler.njit(cache=True, **options)(function)
    except RuntimeError:  # neither this folder nor the user's cache is writable
        kept = compiler.njit(**options)(function)
    return kept


def shown(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The values as a loop reads them: contiguous and read-only. Columns of a frame are read-only, others writable;
    numba compiles for each separately, so all are made read-only."""
    seen = np.ascontiguousarray(values).view()
    seen.flags.writeable = False
    return seen
