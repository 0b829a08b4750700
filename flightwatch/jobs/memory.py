"""Returns memory to the system after a round of judging and drawing, so that it is not held for the next five minutes;
or keeps it, for work that ends soon."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable
from functools import cache

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # glibc's malloc.h
APART = 128 * 1024  # bytes; glibc's own first threshold
ALL = 2**30  # bytes; no array is larger


@cache
def _of_glibc(name: str) -> Callable[..., int] | None:
    """A function of the C library; None if it has none of that name (musl, macOS)."""
    try:
        found: Callable[..., int] = getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError):
        return None
    return found


def keep_apart() -> None:
    """Give every array of 128 KiB and more its own pages, which return to the system when it is freed.

    glibc does so at first, but raises the threshold to the size of the largest array ever freed. From then on arrays
    lie among long-lived objects, in as many heaps as there are threads. Over a day that is 3 to 4 MB. Arrow, in which
    pandas keeps texts where it is installed, keeps 2 MB more each time a round was larger; it uses the C library's
    allocator now, too (docs/reliability.md, R13).
    """
    mallopt = _of_glibc("mallopt")
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, APART)
        mallopt(M_ARENA_MAX, 1)
        arrow = sys.modules.get("pyarrow")
        if arrow is not None:
            arrow.set_memory_pool(arrow.system_memory_pool())


def keep_all() -> None:
    """Keep the memory of freed arrays until the process ends, which is soon: it reads heatmaps.

    Otherwise large arrays get fresh pages from the system and return them, one array after the other, and clearing
    those is an eighth of the work (benchmarks/ingest).
    """
    mallopt = _of_glibc("mallopt")
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, ALL)
        mallopt(M_TRIM_THRESHOLD, ALL)


def give_back(*, unused: bool = False) -> None:
    """Make the C library return free pages to the system; with `unused`, collect reference cycles first.

    Otherwise it keeps free pages that lie between live arrays, and a daemon's size grows with every round larger than
    the ones before. In a day of an alert each hour, a heap of 114 MB is 97 MB in memory after it (docs/reliability.md,
    R13).
    """
    if unused:
        gc.collect()
    trim = _of_glibc("malloc_trim")
    if trim is not None:
        trim(0)
