"""Memory given back: what a round of judging and drawing needed for a second is not kept for the next five minutes."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from functools import cache


@cache
def _trim() -> Callable[[int], int] | None:
    """glibc's malloc_trim; None where the C library has none (musl, macOS)."""
    try:
        found: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return None
    return found


def give_back(*, unused: bool = False) -> None:
    """Let the C library return free pages to the system; with `unused`, first of all what only refers to itself.

    It keeps them between arrays that live on, and a daemon's size then grows with every larger round it ever had. In a
    day of an alert each hour a heap of 114 MB is 97 MB in memory after it (docs/reliability.md, R13).
    """
    if unused:
        gc.collect()
    trim = _trim()
    if trim is not None:
        trim(0)
