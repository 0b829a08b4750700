"""R13: a day of cycles on a simulated clock; what the process holds is measured all along."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from datetime import timedelta
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.torture import chain
from benchmarks.torture.databases import ROOT
from benchmarks.torture.result import Line

PER_HOUR = 60
WARM = 2  # hours; the first alert, and with it the first map, comes in the third: everything is loaded then
BAR = (
    "memory after the first map (hour 3) +≤ 5 MB; fds and threads constant; WAL ≤ 64 MB; growth of the file linear ±5 %"
)


def run(cycles: int) -> list[Line]:
    """Runs in its own process, so that only the jobs are measured; a line per hour goes to stderr."""
    command = [sys.executable, "-m", "benchmarks.torture.soak", str(cycles)]
    ended = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if ended.returncode:
        return [Line("R13", "soak", 0, None, None, BAR, f"broke off with {ended.returncode}", False)]
    hours = json.loads(ended.stdout.strip().splitlines()[-1])
    steady = hours[WARM:] or hours
    memory = [h["mb"] for h in steady]
    grown = max(memory) - memory[0]
    fds, threads = {h["fds"] for h in steady}, {h["threads"] for h in steady}
    wal = max(h["wal"] for h in hours)
    size = [h["db"] for h in steady]
    uneven = _uneven(size)
    measured = (
        f"memory {memory[0]:.0f} MB (median) in hour {WARM + 1}, {grown:+.1f} MB at most until hour {len(hours)}; "
        f"fds {_span(fds)}, threads {_span(threads)}; WAL at most {wal:.1f} MB; "
        f"file {size[-1]:.1f} MB, {100 * uneven:.1f} % off a line; "
        f"{hours[-1]['rows']:,} positions, {hours[-1]['alerts']} alerts"
    )
    ok = grown <= 5 and len(fds) == len(threads) == 1 and wal <= 64 and uneven <= 0.05
    what = f"{cycles / PER_HOUR:.0f} h of polls each minute, judged every 5 minutes"
    return [Line("R13", what, cycles, None, None, BAR, measured, ok)]


def routes(cycles: int) -> int:
    """One route has its busy day each hour, to the end: every hour writes as much as the one before."""
    return int(timedelta(minutes=cycles) / chain.story.STEP) // chain.story.EVERY + 1


def _span(values: set[int]) -> str:
    return str(min(values)) if len(values) == 1 else f"{min(values)}–{max(values)}"


def _uneven(size: list[float]) -> float:
    """How far the file's size deviates from the best-fitting straight line, as a share of the whole."""
    hours = np.arange(len(size))
    line = np.polyval(np.polyfit(hours, size, 1), hours)
    return float(np.abs(np.array(size) - line).max() / size[-1])


def main(cycles: int) -> None:
    from flightwatch.jobs.cycle import tick
    from flightwatch.jobs.warm import warm

    hours: list[dict[str, float]] = []
    seen: list[float] = []
    with (
        tempfile.TemporaryDirectory() as name,
        chain.prepared("SQLite", Path(name), routes(cycles)) as (settings, world, model),
    ):
        daemon = settings.daemon.model_copy(update={"poll_s": 60.0, "think_s": 300.0})
        sources = tuple(s.model_copy(update={"interval_s": 60.0}) for s in settings.sources)
        settings = settings.model_copy(update={"daemon": daemon, "sources": sources})
        with chain.at_work(settings, model) as (ctx, hands):
            warm(ctx)
            store = ctx.store
            for cycle in range(cycles):
                hands.now = chain.story.LIVE + timedelta(minutes=cycle)
                world.set_cycle(timedelta(minutes=cycle) / chain.story.STEP)
                failed = tick(ctx, hands.now)
                assert not failed, failed
                seen.append(_memory())
                if cycle % PER_HOUR == PER_HOUR - 1:
                    facts = store.facts()
                    store.checkpoint()
                    counts = store.counts(["observation", "alert"])
                    hours.append(
                        {
                            "mb": median(seen[-PER_HOUR:]), "fds": len(os.listdir("/proc/self/fd")),
                            "threads": threading.active_count(),
                            "wal": facts["wal_bytes"] / 1e6, "db": store.facts()["bytes"] / 1e6,
                            "rows": counts["observation"], "alerts": counts["alert"],
                        }
                    )  # fmt: skip
                    print(f"R13 hour {len(hours)}: {json.dumps(hours[-1])}", file=sys.stderr, flush=True)
    print(json.dumps(hours))


def _memory() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main(int(sys.argv[1]))
