"""Runs the acceptance tests, prints one table and, with `--write`, writes it to docs/reliability.md.

    python -m benchmarks.torture [--quick] [--only R1,R2] [--rest] [--write]

The full size takes some 40 minutes on two otherwise idle cores; `--quick` is for pull requests. Each test's lines are
written as soon as it is done and replace only that test's old lines, so an interrupted run continues with `--rest`. A
PostgreSQL is started for the run unless FLIGHTWATCH_TEST_POSTGRES names one. Exit code 1 if a bar is missed.
"""

from __future__ import annotations

import argparse
import logging
import os
import platform
import re
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.torture import chain, daemons, databases, full, minds, sending, soak, suites
from benchmarks.torture.result import COLUMNS, Line, markdown

DOC = databases.ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- torture: begin -->", "<!-- torture: end -->"

Test = tuple[str, Callable[[bool], list[Line]]]
HEAD = "| " + " | ".join(COLUMNS) + " |", "| " + " | ".join(["---"] * len(COLUMNS)) + " |"


def timed() -> list[Test]:
    """Tests that measure how long something takes: one after the other, with the machine to themselves."""
    return [
        ("R1", lambda quick: chain.run(16 if quick else 200)),
        ("R6", lambda quick: full.run()),
        ("R7", lambda quick: daemons.cut_off(1, 12) if quick else daemons.cut_off(5, 600)),
        ("R9", lambda quick: daemons.leaders(3, 1) if quick else daemons.leaders(20, 5)),
        (
            "R10",
            lambda quick: (
                daemons.frozen(1, lease_s=5, asleep_s=15) if quick else daemons.frozen(1, lease_s=45, asleep_s=120)
            ),
        ),
        ("R11", lambda quick: minds.clock()),
        ("R12", lambda quick: minds.watchdog()),
    ]


def counted() -> list[Test]:
    """Tests that only count: two at a time."""
    parts: list[Test] = [
        ("R13", lambda quick: soak.run(360 if quick else 1440)),
        ("R2", lambda quick: sending.run(30 if quick else 300)),
    ]
    return parts + [_quoted(suite) for suite in suites.SUITES]


def _quoted(suite: suites.Suite) -> Test:
    return suite.test, lambda quick: [suites.run(suite)]


class Table:
    """Results so far, printed and written as they come."""

    def __init__(self, size: str, doc: Path | None) -> None:
        self.size, self.doc = size, doc
        self.lines: list[Line] = []
        self._lock = threading.Lock()

    def try_(self, name: str, test: Callable[[bool], list[Line]]) -> None:
        began = time.monotonic()
        try:
            found = test(self.size == "quick")
        except Exception as e:
            found = [Line(name, "broke off", 0, None, None, "", f"{type(e).__name__}: {e}", False)]
        with self._lock:
            self.lines += found
            for line in found:
                took = f"[{time.monotonic() - began:.0f} s]"
                print(" | ".join(line.cells(self.run)), took, file=sys.stderr, flush=True)
            if self.doc is not None:
                write(self.doc, found, self.run)

    @property
    def run(self) -> str:
        return f"{datetime.now(UTC):%Y-%m-%d}, {self.size}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.torture", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the size that fits a pull request")
    parser.add_argument("--only", default="", help="tests by name, by comma")
    parser.add_argument("--rest", action="store_true", help="leave out what holds in this size, measured today")
    parser.add_argument("--write", action="store_true", help=f"put the table into {DOC.name}")
    chosen = parser.parse_args()
    table = Table("quick" if chosen.quick else "full", DOC if chosen.write else None)
    only = {name for name in chosen.only.split(",") if name}
    known = {name for name, _ in (*timed(), *counted())}
    if only - known:
        parser.error(
            f"there is no {', '.join(sorted(only - known))}; there are {', '.join(sorted(known, key=_number))}"
        )
    done = standing(DOC.read_text(), table.run) if chosen.rest else set()
    logging.disable(logging.WARNING)
    with databases.server() as server:
        if server is None:
            print("no PostgreSQL can be started here: SQLite only", file=sys.stderr)
        wanted = (only or known) - done
        for name, test in timed():
            if name in wanted:
                table.try_(name, test)
        with ThreadPoolExecutor(2) as lanes:
            for name, test in counted():
                if name in wanted:
                    lanes.submit(table.try_, name, test)
    print(markdown(sorted(table.lines, key=lambda line: _number(line.test)), table.run))
    return int(not all(line.ok for line in table.lines))


def _number(name: str) -> int:
    return int(name[1:])


def _name(row: str) -> str:
    return row.split("|")[1].strip()


def standing(text: str, run: str) -> set[str]:
    """The tests whose lines in the page all hold and are of this day and size."""
    rows = [row for row in text.splitlines() if re.match(r"\| R\d+ \|", row)]
    good = {_name(row) for row in rows}
    return good - {_name(row) for row in rows if f"| {run} | holds |" not in row}


def write(doc: Path, lines: Sequence[Line], run: str) -> None:
    """Write the lines between the page's two marks, in place of those of the same tests; all others stay."""
    text = doc.read_text()
    head, _, rest = text.partition(BEGIN)
    old, _, tail = rest.partition(END)
    ran = {line.test for line in lines}
    kept = [row for row in old.splitlines() if re.match(r"\| R\d+ \|", row) and _name(row) not in ran]
    rows = sorted([*markdown(lines, run).splitlines()[2:], *kept], key=lambda row: _number(_name(row)))
    where = (
        f"Each line says when it was measured and in which size (*full*: the size the bars ask for). Last: Python "
        f"{platform.python_version()}, SQLite {sqlite3.sqlite_version}, {os.cpu_count()} cores."
    )
    doc.write_text(f"{head}{BEGIN}\n{where}\n\n" + "\n".join([*HEAD, *rows]) + f"\n{END}{tail}")


if __name__ == "__main__":
    sys.exit(main())
