"""`python -m benchmarks.ingest` prints the table of docs/benchmarks/ingest.md."""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.ingest import archive, live, real, stages
from benchmarks.ingest.stages import Row
from benchmarks.page import merged


def table(rows: list[Row]) -> str:
    """The table in Markdown; missed goals are marked."""
    out = ["| stage | reference | reference s | ours s | ratio | goal | |", "|---|---|---:|---:|---:|---:|---|"]
    for r in rows:
        mark = "" if r.ratio <= r.goal else " (missed)"
        seconds = (f"{r.reference_s:.3f}" if r.reference_s else "", f"{r.ours_s:.3f}" if r.ours_s else "")
        cells = (r.stage, r.reference, *seconds, f"{r.ratio:.2f}{mark}", f"≤ {r.goal:g}", r.note)
        out.append(f"| {' | '.join(cells)} |")
    return "\n".join(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--aircraft", type=int, default=750, help="of the small archive; the large one has four times")
    parser.add_argument("--quick", action="store_true", help="a tenth of everything")
    parser.add_argument("--only", default="", help="snapshot, poll, traces, heatmaps, nearest, archive, live")
    parser.add_argument("--cycles", type=int, default=240, help="minutes of polling; a day has 1,440")
    parser.add_argument(
        "--live", type=int, default=4_000, help="airframes of the polled day; about half are up at a time"
    )
    parser.add_argument("--write", type=Path, default=None, help="put the figures into this page, in place of the old")
    asked = parser.parse_args()
    small, rounds = (75, 2) if asked.quick else (asked.aircraft, asked.rounds)
    size = 10 if asked.quick else 1
    with tempfile.TemporaryDirectory() as made:
        parts: dict[str, Callable[[], list[Row]]] = {
            "snapshot": lambda: [stages.snapshot(rounds, 15_000 // size)],
            "poll": lambda: stages.poll(rounds, Path(made), 15_000 // size),
            "traces": lambda: [stages.trace_columns(rounds, 120 // size)],
            "heatmaps": lambda: stages.heatmaps(rounds, 600 // size),
            "nearest": lambda: [stages.nearest(rounds, 100_000 // size)],
            "archive": lambda: archive.rows(small, Path(made)),
            "live": lambda: live.rows(asked.live // size, max(asked.cycles // size, 6), Path(made)),
        }
        rows = []
        for name, run in parts.items():
            if asked.only and name not in asked.only.split(","):
                continue
            rows += run()
            print(f"{name} done", flush=True)
    page = asked.write.read_text() if asked.write else ""
    if "real" in asked.only.split(","):
        recordings = real.section()
        print(recordings)
        page = merged(page, recordings) if page else page
    print(f"\nPython {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    print(table(rows))
    if asked.write:
        asked.write.write_text(merged(page, table(rows), keys=2))


if __name__ == "__main__":
    main()
