"""The acceptance tests of `make torture`, small enough for every change; the full size is in docs/reliability.md."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from benchmarks.torture import __main__ as torture
from benchmarks.torture import chain, full, minds, sending
from benchmarks.torture.result import Line

DOC = Path(__file__).parent.parent / "docs" / "reliability.md"

pytestmark = pytest.mark.slow


def holds(lines: list[Line]) -> None:
    assert lines
    for line in lines:
        assert line.ok or line.late, " | ".join(line.cells())


def test_the_whole_chain_killed_anywhere_comes_to_the_same_rows_as_one_never_killed() -> None:
    holds([chain._run("SQLite", 3, seed=3)])


def test_killed_while_sending_nothing_is_lost_and_repeats_say_so() -> None:
    # ten random kills are too few for the full size's bar on repeats
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
    holds(minds.watchdog())


def test_the_page_holds_lines_of_known_tests_and_says_in_words_which_does_not_hold() -> None:
    text = DOC.read_text()
    rows = [row for row in text.splitlines() if re.match(r"\| R\d+ ", row)]

    known = {name for name, _ in (*torture.timed(), *torture.counted())}
    assert {"R1", "R2", "R9", "R10", "R12"} <= {row.split("|")[1].strip() for row in rows} <= known
    results = {(row.split("|")[1].strip(), row.rstrip(" |").rpartition("|")[2].strip()) for row in rows}
    assert {result for _, result in results} <= {"holds", "FAILS"}
    told = {bullet.split("**")[1] for bullet in text.split("\n- ") if "It does not hold" in bullet}
    assert {name for name, result in results if result == "FAILS"} == told


def test_lines_are_written_one_test_at_a_time_and_take_the_place_of_that_test_s_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{torture.BEGIN}\nold\n{torture.END}\nafter\n")

    def line(test: str, what: str, *, ok: bool = True) -> Line:
        return Line(test, what, 1, 0, None, "0", "0 | or\nso", ok)

    torture.write(page, [line("R10", "a"), line("R10", "b")], "2026-01-01, full")
    torture.write(page, [line("R2", "c")], "2026-01-02, quick")
    torture.write(page, [line("R10", "d"), line("R10", "e", ok=False)], "2026-01-03, full")

    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in text.splitlines() if row.startswith("| R")]
    assert [(r[0], r[1], r[7], r[8]) for r in rows] == [
        ("R2", "c", "2026-01-02, quick", "holds"),
        ("R10", "d", "2026-01-03, full", "holds"),
        ("R10", "e", "2026-01-03, full", "FAILS"),
    ]
    assert torture.standing(text, "2026-01-02, quick") == {"R2"}
    assert torture.standing(text, "2026-01-03, full") == set()


def test_a_test_that_breaks_off_is_a_line_that_fails_and_stops_no_other(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"{torture.BEGIN}\n{torture.END}")
    table = torture.Table("quick", page)

    def breaks(quick: bool) -> list[Line]:
        assert quick
        raise OSError("no room")

    table.try_("R6", breaks)
    table.try_("R7", lambda quick: [Line("R7", "x", 1, 0, 0, "0", "0", True)])

    assert [line.ok for line in table.lines] == [False, True]
    assert "OSError: no room" in page.read_text()
