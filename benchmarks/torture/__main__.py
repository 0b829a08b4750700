"""Runs the acceptance tests, prints one table and, with `--write`, puts it into docs/reliability.md.

    python -m benchmarks.torture [--quick] [--only R1,R2] [--write]

The full size is about half an hour on two cores; `--quick` is what fits a pull request. A PostgreSQL is started for the
run unless FLIGHTWATCH_TEST_POSTGRES names one. Exit code 1 when a bar is missed.
"""

from __future__ import annotations

import argparse
import logging
import os
import platform
import sqlite3
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.torture import chain, daemons, databases, full, sending, soak, suites
from benchmarks.torture.result import Line, markdown

DOC = databases.ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- torture: begin -->", "<!-- torture: end -->"

Test = tuple[str, Callable[[bool], list[Line]]]


def tests() -> list[Test]:
    """Each test with its size in full and in quick."""
    parts: list[Test] = [
        ("R1", lambda quick: chain.run(16 if quick else 200)),
        ("R2", lambda quick: sending.run(30 if quick else 300)),
        ("R6", lambda quick: full.run()),
        ("R7", lambda quick: daemons.cut_off(1 if quick else 5)),
        ("R9", lambda quick: daemons.leaders(3 if quick else 20)),
        ("R10", lambda quick: daemons.frozen(1)),
        ("R11", lambda quick: daemons.clock()),
        ("R12", lambda quick: daemons.watchdog()),
        ("R13", lambda quick: soak.run(240 if quick else 1440)),
    ]
    parts += [(s.test, lambda quick, s=s: [suites.run(s)]) for s in suites.SUITES]  # type: ignore[misc]
    return sorted(parts, key=lambda part: int(part[0][1:]))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.torture", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the size that fits a pull request")
    parser.add_argument("--only", default="", help="tests by name, by comma")
    parser.add_argument("--write", action="store_true", help=f"put the table into {DOC.name}")
    chosen = parser.parse_args()
    only = {name for name in chosen.only.split(",") if name}
    logging.disable(logging.WARNING)
    lines: list[Line] = []
    with databases.server() as server:
        if server is None:
            print("no PostgreSQL can be started here: SQLite only", file=sys.stderr)
        for name, test in tests():
            if only and name not in only:
                continue
            began = time.monotonic()
            try:
                found = test(chosen.quick)
            except Exception as e:
                found = [Line(name, "broke off", 0, None, None, "", f"{type(e).__name__}: {e}", False)]
            lines += found
            for line in found:
                print(" | ".join(line.cells()), f"[{time.monotonic() - began:.0f} s]", file=sys.stderr, flush=True)
    print(markdown(lines))
    if chosen.write:
        write(DOC, lines, "quick" if chosen.quick else "full CI")
    return int(not all(line.ok for line in lines))


def write(doc: Path, lines: list[Line], size: str) -> None:
    """Put the table between its two marks in the page, with where and when it was measured; lines of tests that did not
    run this time stay as they were."""
    text = doc.read_text()
    head, _, rest = text.partition(BEGIN)
    old, _, tail = rest.partition(END)
    ran = {line.test for line in lines}
    kept = [row for row in old.splitlines() if row.startswith("| R") and row.split("|")[1].strip() not in ran]
    table = markdown(lines).splitlines()
    rows = sorted([*table[2:], *kept], key=lambda row: int(row.split("|")[1].strip()[1:]))
    where = (
        f"Measured {datetime.now(UTC):%Y-%m-%d} ({size} size; Python {platform.python_version()}, SQLite "
        f"{sqlite3.sqlite_version}, {os.cpu_count()} cores shared with other work)."
    )
    doc.write_text(f"{head}{BEGIN}\n{where}\n\n" + "\n".join([*table[:2], *rows]) + f"\n{END}{tail}")


if __name__ == "__main__":
    sys.exit(main())
