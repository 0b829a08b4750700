"""A daily tar to flights in SQLite (`backfill`), against inflating and parsing its files."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.ingest import world
from benchmarks.ingest.stages import Row
from flightwatch.sources import archive
from flightwatch.sources.archive import Tally

GLOBAL_AIRCRAFT = 60_000


def measure(count: int, folder: Path) -> dict[str, float]:
    """The backfill in a new process, then memory with two workers, and the reference on the same archive."""
    tar = folder / f"day{count}.tar"
    world.write_tar(tar, count)
    found = _fresh(tar, folder / f"run{count}", 1)
    pooled = _fresh(tar, folder / f"pool{count}", 2)
    found |= {"reading_mb": pooled["reading_mb"], "writing_mb": pooled["peak_mb"]}
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
    command = [sys.executable, "-m", "benchmarks.ingest.backfill", str(tar), str(work), str(workers)]
    told = subprocess.run(command, check=True, capture_output=True)
    found: dict[str, float] = json.loads(told.stdout.splitlines()[-1])
    return found


def rows(small: int, folder: Path | None = None) -> list[Row]:
    """The archive with n and 4n aircraft: ratio to the reference, extrapolation, memory and growth."""
    with tempfile.TemporaryDirectory(dir=folder) as made:
        one, four = measure(small, Path(made)), measure(4 * small, Path(made))
    minutes = four["cpu_s"] / (4 * small) * GLOBAL_AIRCRAFT / 60
    note = f"{4 * small:,} aircraft, {four['rows']:,.0f} rows, {four['flights']:,.0f} flights"
    return [
        Row("archive to flights in SQLite", "gzip + json.loads", four["reference_s"], four["cpu_s"],
            four["cpu_s"] / four["reference_s"], 0.65, note),
        Row(f"… extrapolated to {GLOBAL_AIRCRAFT:,} aircraft, processor minutes", "", 0, 0, minutes, 5.0),
        Row("… time of 4n by time of n", "n", one["cpu_s"], four["cpu_s"], four["cpu_s"] / one["cpu_s"], 4.5),
        Row("… peak memory of a reading worker at 4n, MB", "", 0, 0, four["reading_mb"], 400,
            f"at n: {one['reading_mb']:.0f}; the writer beside two workers {four['writing_mb']:.0f}, at n "
            f"{one['writing_mb']:.0f}; all in one process {four['peak_mb']:.0f}, at n {one['peak_mb']:.0f}"),
    ]  # fmt: skip
