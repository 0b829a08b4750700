"""Memory that a round needed goes back to the system."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

PROGRAM = """
import os
from pathlib import Path
from flightwatch.jobs.memory import give_back

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

held = [bytes(2000) for _ in range(50_000)]  # a hundred megabytes in small pieces, as strings and tracks are
last = held[-1]  # one that lives on at the end keeps the allocator from shrinking by itself
del held
before = resident()
give_back()
print(before - resident())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries give back by themselves or not at all")
def test_what_is_free_between_things_that_live_on_is_given_back() -> None:
    told = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, cwd=ROOT)

    assert int(told.stdout) > 50e6
