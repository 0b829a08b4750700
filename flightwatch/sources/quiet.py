"""Garbage collection held back while a body is decoded.

A decoder builds a hundred thousand objects that are alive together and never form cycles; collecting meanwhile looks
at all of them again and again for nothing, and takes a third of the time (benchmarks/ingest).
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_depth = 0
_enabled = False


@contextmanager
def quiet() -> Iterator[None]:
    """Collection off inside, as it was before outside; several threads may be inside at once.

    >>> with quiet():
    ...     gc.isenabled()
    False
    >>> gc.isenabled()
    True
    """
    global _depth, _enabled  # noqa: PLW0603  (the collector is one per process, and so is this count)
    with _lock:
        if _depth == 0:
            _enabled = gc.isenabled()
            gc.disable()
        _depth += 1
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if _depth == 0 and _enabled:
                gc.enable()


@contextmanager
def frozen() -> Iterator[None]:
    """What there is already (modules, mostly, a million objects) is not looked at by collections inside.

    For long runs that make much and keep little: a full collection then costs a millisecond instead of 130, and there
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
