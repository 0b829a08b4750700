"""Memory that a round needed goes back to the system."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

RESIDENT = """
import os
from pathlib import Path
from flightwatch.jobs.memory import give_back, keep_all, keep_apart

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
"""
SMALL = """
held = [bytes(2000) for _ in range(50_000)]  # a hundred megabytes in small pieces, as strings and tracks are
last = held[-1]  # one that lives on at the end keeps the allocator from shrinking by itself
del held
before = resident()
give_back()
print(before - resident())
"""
LARGE = """
keep_apart()
bytearray(b"x") * 8_000_000  # forgotten at once: from now on glibc would keep arrays of up to 8 MB in its heap
held = [bytearray(b"x") * 1_000_000 for _ in range(100)]
last = held[-1]
before = resident()
del held
print(before - resident())
"""
GLIBC = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="other C libraries give back by themselves or not at all"
)


def given_back(program: str) -> int:
    command = [sys.executable, "-c", RESIDENT + program]
    return int(subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout)


@GLIBC
def test_what_is_free_between_things_that_live_on_is_given_back() -> None:
    assert given_back(SMALL) > 50e6


@GLIBC
def test_an_array_that_is_forgotten_goes_back_at_once_also_after_a_larger_one() -> None:
    assert given_back(LARGE) > 90e6


@GLIBC
def test_work_that_ends_soon_keeps_what_it_had() -> None:
    assert given_back(LARGE.replace("keep_apart()", "keep_all()")) < 1e6


@GLIBC
def test_arrow_asks_the_c_library_where_it_is_installed() -> None:
    pytest.importorskip("pyarrow")
    program = "import pyarrow; keep_apart(); print(int(pyarrow.default_memory_pool().backend_name == 'system'))"
    assert given_back(program) == 1


def test_a_process_that_reads_archives_loads_nothing_of_the_store_the_detector_or_the_pictures() -> None:
    heavy = ["sqlalchemy", "sklearn", "matplotlib", "jinja2", "apscheduler"]
    code = "import sys, flightwatch.jobs.backfill; print([h for h in sys.argv[1:] if h in sys.modules])"

    command = [sys.executable, "-c", code, *heavy]
    told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)

    assert told.stdout.strip() == "[]"
