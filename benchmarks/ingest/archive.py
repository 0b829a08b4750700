"""A daily tar to flights in SQLite, through the very job the command runs, in a process of its own."""

from __future__ import annotations

import gzip
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from multiprocessing import active_children
from pathlib import Path

from benchmarks.ingest import world
from benchmarks.ingest.stages import Row
from flightwatch.sources import archive
from flightwatch.sources.archive import Tally

GLOBAL_AIRCRAFT = 60_000


def run(tar: Path, folder: Path, workers: int) -> dict[str, float]:
    """Read the archive in this process, or with such a pool; processor seconds, peak memory and what came of it."""
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
        reading = max(reading, *(peak_kib(child.pid) / 1024 for child in active_children()), 0.0)

    with open_store(f"sqlite:///{folder / 'bench.db'}", create=True) as store, pool(workers) as executor:
        ctx = Context(settings, store)
        ctx.airports.nearest([0.0], [0.0])  # what a process does once is not part of a day
        began = time.process_time()
        report = backfill(ctx, traces.pieces([tar]), executor=executor, progress=look)
        spent = time.process_time() - began
    peak = peak_kib() / 1024
    return {"cpu_s": spent, "peak_mib": peak, "reading_mib": reading, "rows": report.kept, "flights": report.flights}


def peak_kib(process: int | str | None = "self") -> float:
    """Of one process alone: `ru_maxrss` would count what the parent held before it started us."""
    status = Path(f"/proc/{process}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return float(found[1]) if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def measure(count: int, folder: Path) -> dict[str, float]:
    """The same in a fresh process, then memory with two that read, beside the reference on the same archive."""
    tar = folder / f"day{count}.tar"
    world.write_tar(tar, count)
    found = _fresh(tar, folder / f"run{count}", 1)
    pooled = _fresh(tar, folder / f"pool{count}", 2)
    found |= {"reading_mib": pooled["reading_mib"], "writing_mib": pooled["peak_mib"]}
    began = time.process_time()
    with tar.open("rb") as file:
        for member in archive.tar(file, tar.name, re.compile("json$"), Tally()):
            json.loads(gzip.decompress(member.read()))
    found["reference_s"] = time.process_time() - began
    found["bytes"] = tar.stat().st_size
    tar.unlink()
    return found


def _fresh(tar: Path, work: Path, workers: int) -> dict[str, float]:
    work.mkdir()
    command = [sys.executable, "-m", "benchmarks.ingest.archive", str(tar), str(work), str(workers)]
    told = subprocess.run(command, check=True, capture_output=True)
    found: dict[str, float] = json.loads(told.stdout.splitlines()[-1])
    return found


def rows(small: int, folder: Path | None = None) -> list[Row]:
    """The archive at n and 4n aircraft: ratio to the reference, extrapolation, memory and growth."""
    with tempfile.TemporaryDirectory(dir=folder) as made:
        one, four = measure(small, Path(made)), measure(4 * small, Path(made))
    minutes = four["cpu_s"] / (4 * small) * GLOBAL_AIRCRAFT / 60
    note = f"{4 * small:,} aircraft, {four['rows']:,.0f} rows, {four['flights']:,.0f} flights"
    return [
        Row("archive to flights in SQLite", "gzip + json.loads", four["reference_s"], four["cpu_s"],
            four["cpu_s"] / four["reference_s"], 0.65, note),
        Row(f"… extrapolated to {GLOBAL_AIRCRAFT:,} aircraft, processor minutes", "", 0, 0, minutes, 5.0),
        Row("… time of 4n by time of n", "n", one["cpu_s"], four["cpu_s"], four["cpu_s"] / one["cpu_s"], 4.5),
        Row("… peak memory of a reading worker at 4n, MiB", "", 0, 0, four["reading_mib"], 400,
            f"at n: {one['reading_mib']:.0f}; the writer beside two workers {four['writing_mib']:.0f}, at n "
            f"{one['writing_mib']:.0f}; all in one process {four['peak_mib']:.0f}, at n {one['peak_mib']:.0f}"),
    ]  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))))
