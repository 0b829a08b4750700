"""Named places where a test may kill the process, so that every window in which something could be lost is tested."""

from __future__ import annotations

import os
import signal

VARIABLE = "FLIGHTWATCH_CRASH_AT"


def crash_point(name: str) -> None:
    """Die by SIGKILL here if FLIGHTWATCH_CRASH_AT names this place, or this place and the pass at which to die
    (`after_send:3`)."""
    wanted, _, times = os.environ.get(VARIABLE, "").partition(":")
    if wanted != name:
        return
    left = int(times or 1) - 1
    if left:
        os.environ[VARIABLE] = f"{name}:{left}"
        return
    os.kill(os.getpid(), signal.SIGKILL)
