"""An archive to flights in SQLite, by the job the command runs, in a separate process.

Workers import the module they were started from, so this one imports nothing that the command does not.
"""

from __future__ import annotations

import json
import re
import resource
import sys
import time
from multiprocessing import active_children
from pathlib import Path

KIB = 1024 / 1e6  # in megabytes


def run(tar: Path, folder: Path, workers: int) -> dict[str, float]:
    """Read the archive here or with a pool of workers; returns processor seconds, peak memory and counts."""
    from flightwatch import config
    from flightwatch.jobs.backfill import Report, backfill, pool
    from flightwatch.jobs.context import Context
    from flightwatch.sources import traces
    from flightwatch.store import open_store

    (folder / "config.toml").write_text('contact = "bench@example.org"\n')
    settings = config.load(folder / "config.toml", environ={})
    reading = 0.0

    def look(_: Report) -> None:
        nonlocal reading
        reading = max(reading, *(peak_kib(child.pid) * KIB for child in active_children()), 0.0)

    with open_store(f"sqlite:///{folder / 'bench.db'}", create=True) as store, pool(workers) as executor:
        ctx = Context(settings, store)
        ctx.airports.nearest([0.0], [0.0])  # done once per process, so not part of a day
        began = time.process_time()
        report = backfill(ctx, traces.pieces([tar]), executor=executor, progress=look)
        spent = time.process_time() - began
    peak = peak_kib() * KIB
    return {"cpu_s": spent, "peak_mb": peak, "reading_mb": reading, "rows": report.kept, "flights": report.flights}


def peak_kib(process: int | str | None = "self") -> float:
    """Peak memory of one process: `ru_maxrss` would count what the parent held before it started us."""
    status = Path(f"/proc/{process}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return float(found[1]) if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))))
