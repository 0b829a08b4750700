"""Switches garbage collection off while a body is decoded.

A decoder builds a hundred thousand objects that are alive together and never form cycles. Collecting meanwhile scans
all of them again and again for nothing, and takes a third of the time (benchmarks/ingest).
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _Collector:
    """One per process: how many callers want it off, and whether it was on before the first of them."""

    lock = threading.Lock()
    asked = 0
    enabled = False


@contextmanager
def quiet() -> Iterator[None]:
    """Collection is off inside and restored afterwards; several threads may be inside at once.

    >>> with quiet():
    ...     gc.isenabled()
    False
    >>> gc.isenabled()
    True
    """
    with _Collector.lock:
        if _Collector.asked == 0:
            _Collector.enabled = gc.isenabled()
            gc.disable()
        _Collector.asked += 1
    try:
        yield
    finally:
        with _Collector.lock:
            _Collector.asked -= 1
            if _Collector.asked == 0 and _Collector.enabled:
                gc.enable()


@contextmanager
def frozen() -> Iterator[None]:
    """Collections inside skip the objects that already exist (mostly modules, a million objects).

    For long runs that create much and keep little: a full collection then costs a millisecond instead of 130, and there
    is one for every few hundred thousand rows (benchmarks/ingest).

    >>> with frozen():
    ...     gc.get_freeze_count() > 0
    True
    >>> gc.get_freeze_count()
    0
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
