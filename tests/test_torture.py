"""The acceptance tests of `make torture` in a size that fits every change; the full size is in docs/reliability.md."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from benchmarks.torture import chain, daemons, full, sending, suites
from benchmarks.torture.result import Line

DOC = Path(__file__).parent.parent / "docs" / "reliability.md"

pytestmark = pytest.mark.slow


def holds(lines: list[Line]) -> None:
    assert lines
    for line in lines:
        assert line.ok, " | ".join(line.cells())


def test_the_whole_chain_killed_anywhere_comes_to_the_same_rows_as_one_never_killed() -> None:
    holds([chain._run("SQLite", 3, seed=3)])


def test_killed_while_sending_nothing_is_lost_and_repeats_say_so() -> None:
    # ten random kills are too few for the share of repeats that the full size is held to
    for line in sending.run(12):
        assert line.lost == 0, " | ".join(line.cells())
        assert line.doubled <= line.trials, " | ".join(line.cells())


def test_a_full_disk_stops_polling_and_not_telling() -> None:
    if shutil.which("mount") is None:
        pytest.skip("no small disk can be mounted here")
    lines = full.run()
    if "can be mounted" in lines[0].measured:
        pytest.skip(lines[0].measured)
    holds(lines)


def test_a_dead_scheduler_a_hung_job_and_a_stop_meanwhile_end_the_daemon_as_they_should() -> None:
    holds(daemons.watchdog())


def test_the_page_holds_lines_of_known_tests_and_every_one_of_them_holds() -> None:
    text = DOC.read_text()
    rows = [row for row in text.splitlines() if re.match(r"\| R\d+ ", row)]

    known = {f"R{n}" for n in (1, 2, 6, 7, 9, 10, 11, 12, 13)} | {suite.test for suite in suites.SUITES}
    assert {"R1", "R2", "R9", "R10", "R12"} <= {row.split("|")[1].strip() for row in rows} <= known
    assert all(row.rstrip(" |").endswith("holds") for row in rows)
