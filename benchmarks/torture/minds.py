"""R11, R12: a daemon that is lied to about the time, whose scheduler dies, whose job hangs."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from benchmarks.torture.databases import ROOT
from benchmarks.torture.herd import POLL_S, ended, herd, resident_mb, until
from benchmarks.torture.result import Line

SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
static long shift(void) {
    long by = 0;
    FILE *f = fopen(getenv("CLOCK_SHIFT_FILE"), "r");
    if (f) { if (fscanf(f, "%ld", &by) != 1) by = 0; fclose(f); }
    return by;
}
int clock_gettime(clockid_t which, struct timespec *t) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int r = real(which, t);
    if (which == CLOCK_REALTIME) t->tv_sec += shift();
    return r;
}
time_t time(time_t *out) {
    struct timespec t; clock_gettime(CLOCK_REALTIME, &t); if (out) *out = t.tv_sec; return t.tv_sec;
}
int gettimeofday(struct timeval *v, void *z) {
    struct timespec t; clock_gettime(CLOCK_REALTIME, &t); v->tv_sec = t.tv_sec; v->tv_usec = t.tv_nsec / 1000; return 0;
}
"""
"""A wall clock that can be set for one process: the C library's time is shifted by the seconds in a file."""

JUMPS = {"−2 h": -7200, "+2 h": 7200, "+10 years": 315_576_000}


def clock() -> list[Line]:
    """R11: the wall clock jumps under a running daemon."""
    if shutil.which("gcc") is None:
        return [Line("R11", "the wall clock jumps", 0, None, None, "", "no C compiler here", False)]
    waits, grown, twice = {}, {}, 0
    for name, by in JUMPS.items():
        with tempfile.TemporaryDirectory() as folder:
            source, library, file = (Path(folder) / n for n in ("shim.c", "shim.so", "shift"))
            source.write_text(SHIM)
            file.write_text("0")
            subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
            environ = {"LD_PRELOAD": str(library), "CLOCK_SHIFT_FILE": str(file)}
            with herd("SQLite", environ=environ, think_s=2) as (ours, _):
                one = ours.start()
                until(lambda: ours.thought() > 5, 120)  # everything is loaded by then
                time.sleep(5)
                before, memory = len(ours.polls()), resident_mb(one.pid)
                file.write_text(str(by))
                began = time.monotonic()
                until(lambda least=before + 1: len(ours.polls()) > least, 60)
                waits[name] = time.monotonic() - began
                time.sleep(3)
                grown[name] = resident_mb(one.pid) - memory
                real = [t.timestamp() - (by if abs(t.timestamp() - time.time()) > 3600 else 0) for t in ours.polls()]
                twice += sum(b - a < POLL_S / 2 for a, b in pairwise(real))
    measured = "; ".join(f"{n}: two rounds within {waits[n]:.1f} s, memory {grown[n]:+.0f} MB" for n in JUMPS)
    measured += (
        f"; {twice} rounds twice; DST nights in three zones by tests of the quiet hours, the scheduler is in UTC"
    )
    ok = max(waits.values()) <= 5.0 * POLL_S and max(grown.values()) <= 20 and not twice
    bar = "next cycle ≤ 2 intervals; memory +≤ 20 MB; 0 cycles twice"
    return [Line("R11", "the wall clock of a running daemon is set", len(JUMPS), None, twice, bar, measured, ok)]


KILLER = """
import sys, threading, time
from apscheduler.schedulers.background import BackgroundScheduler
from flightwatch.cli import main

def die(self):
    if threading.current_thread() is self._thread and time.monotonic() - began > 6:
        raise RuntimeError("the scheduler's thread is killed")
    return real(self)

began, real = time.monotonic(), BackgroundScheduler._process_jobs
BackgroundScheduler._process_jobs = die
sys.exit(main())
"""


def watchdog() -> list[Line]:
    """R12: the scheduler's thread dies, a job hangs, SIGTERM comes while one hangs."""
    told: list[str] = []
    with tempfile.TemporaryDirectory() as folder, herd("SQLite") as (ours, _):
        script = Path(folder) / "killer.py"
        script.write_text(KILLER)
        ours.program = (str(script),)
        ours.environ = {"PYTHONPATH": str(ROOT)}
        code, took = ended(ours.start(), 60)
        dead_ok = code == 70
        told.append(f"dead scheduler: exit {code}")
    with herd("SQLite", hung_after_s=4) as (ours, world):
        (world.folder / "hang").touch()
        one = ours.start()
        until(lambda: (world.folder / "hanging").exists(), 60)
        code, took = ended(one, 60)
        hung_ok = code == 70 and took <= 4 + 2 + 8 + 4
        told.append(f"hung job: exit {code} after {took:.0f} s (limit 4 s)")
    with herd("SQLite") as (ours, world):
        (world.folder / "hang").touch()
        one = ours.start()
        until(lambda: (world.folder / "hanging").exists(), 60)
        one.terminate()
        code, took = ended(one, 60)
        term_ok = code == 0 and took <= 10
        told.append(f"SIGTERM meanwhile: exit {code} after {took:.1f} s")
    bar = "exit ≠ 0 when the scheduler is dead or a job hangs; SIGTERM → exit 0 in ≤ 10 s"
    ok = dead_ok and hung_ok and term_ok
    return [
        Line(
            "R12",
            "scheduler thread killed; job hung; SIGTERM during a hung job",
            3,
            None,
            None,
            bar,
            "; ".join(told),
            ok,
        )
    ]
