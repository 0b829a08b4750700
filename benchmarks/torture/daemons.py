"""R7, R9 to R12: real daemons in processes of their own, killed, frozen, cut off, hung and lied to about the time."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from benchmarks.torture import databases, story
from benchmarks.torture.databases import ROOT
from benchmarks.torture.result import Line, percentile
from benchmarks.torture.servers import Outside, outside
from flightwatch.records import Delivery, Message
from flightwatch.store import open_store

POLL_S = 1.0  # the beat of these daemons; a cycle made twice shows as two polls closer than half of it
LEASE_S = 5.0  # the shortest the settings allow; with the default of 45 s a frozen leader is replaced so much later


@dataclass
class Herd:
    """Daemons on one database."""

    url: str
    config: Path
    environ: dict[str, str] = field(default_factory=dict)
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    program: tuple[str, ...] = ("-m", "flightwatch")
    straight: int = 0

    def start(self) -> subprocess.Popen[bytes]:
        log = self.config.with_name("daemons.log").open("ab")
        command = [sys.executable, *self.program, "run", "--config", str(self.config)]
        one = subprocess.Popen(command, cwd=ROOT, stderr=log, stdout=log, env=os.environ | self.environ)
        log.close()
        self.running.append(one)
        return one

    def end(self) -> None:
        for one in self.running:
            if one.poll() is None:
                one.send_signal(signal.SIGCONT)
                one.kill()
                one.wait()

    def leader(self) -> int | None:
        """The process id of whoever holds the lease, if that is one of ours and its lease has not run out."""
        with open_store(self.url, readonly=True) as store:
            lease = store.lease("leader")
        if lease is None or lease.expires <= datetime.now(UTC):
            return None
        return int(lease.holder.split(":")[-2])

    def led_by_another(self, old: int | None, within: float) -> float:
        """Seconds until one of ours leads that is not `old`; `within` when none does."""
        began = time.monotonic()
        ours = {one.pid for one in self.running}
        while time.monotonic() - began < within:
            now = self.leader()
            if now is not None and now != old and now in ours:
                return time.monotonic() - began
            time.sleep(0.01)
        return within

    def ready(self, within: float = 30.0) -> None:
        """Wait until every one that lives has said that it stands by, save the leader: what a kill shall measure is a
        takeover, not how long a new process takes to load."""
        log = self.config.with_name("daemons.log")
        wanted = len(self.running) - 1 - self.straight
        if not _until(lambda: log.read_text(errors="replace").count("standing by") >= wanted, within):
            self.straight += 1  # one found the lead free when it came, and never stood by

    def polls(self) -> list[datetime]:
        """When each round was asked, in the order in which they were stored."""
        with open_store(self.url, readonly=True) as store:
            found = store.polls().sort_values("id")
        return list(found["started"].dt.to_pydatetime())

    def thought(self) -> int:
        """Up to which poll the daemon has built flights."""
        with open_store(self.url, readonly=True) as store:
            return int(store.get_mark("flights:poll") or -1)

    def process(self, pid: int | None) -> subprocess.Popen[bytes]:
        return next(one for one in self.running if one.pid == pid)


@contextmanager
def herd(kind: str, *, environ: dict[str, str] | None = None, **daemon: float) -> Iterator[tuple[Herd, Outside]]:
    beats = {"poll_s": POLL_S, "think_s": 3600, "deliver_s": 0.5, "lease_s": LEASE_S} | daemon
    with (
        tempfile.TemporaryDirectory() as name,
        databases.fresh(kind, Path(name)) as url,
        outside(Path(name), 0) as world,
    ):
        file = Path(name) / "config.toml"
        file.write_text(story.config(url, world.feed, world.smtp, Path(name) / "slack-webhook", 0, **beats))
        open_store(url, create=True).close()
        ours = Herd(url, file, environ or {})
        try:
            yield ours, world
        finally:
            ours.end()


def doubled(polls: list[datetime], changes: list[datetime] | None = None) -> int:
    """Rounds made twice: stored out of order, or closer together than half a beat. With `changes` (when the lead changed
    hands) the latter only around those: one leader that is late with a round on a busy machine is on time with the next.
    """
    near = timedelta(seconds=POLL_S)
    found = 0
    for a, b in pairwise(polls):
        around = changes is None or any(a - near <= when <= b + near for when in changes)
        found += b < a or ((b - a).total_seconds() < POLL_S / 2 and around)
    return found


def put(url: str, first: int, count: int) -> None:
    now = datetime.now(UTC)
    with open_store(url) as store:
        messages = [Message(f"m{n}", f"m{n}", f"number {n}", "S.", "info") for n in range(first, first + count)]
        store.add_deliveries(
            [Delivery(0, None, "email", "notice", m.record(), "pending", 0, now, now) for m in messages]
        )


def leaders(kills: int) -> list[Line]:
    """R9: four daemons, the leader killed again and again."""
    found = []
    for kind in databases.kinds():
        with herd(kind) as (ours, world):
            for _ in range(4):
                ours.start()
            took, killed, sent = [], [], 0
            ours.led_by_another(None, 60)
            for _ in range(kills):
                time.sleep(1.5)
                while sum(one.poll() is None for one in ours.running) < 4:
                    ours.start()
                ours.ready()
                put(ours.url, sent, 3)
                sent += 3
                old = ours.leader()
                if old is None or ours.process(old).poll() is not None:
                    ours.led_by_another(None, 60)
                    old = ours.leader()
                killed.append(datetime.now(UTC))
                ours.process(old).kill()
                took.append(ours.led_by_another(old, 60))
            lost = _settled(ours, world, sent)
            twice = doubled(ours.polls(), killed)
            texts = [t["text"] for t in world.taken()]
            again = len(texts) - len({t.removeprefix("(may be a repeat) ") for t in texts})
            marked = sum(t.startswith("(may be a repeat) ") for t in texts)
            rounds = len(ours.polls())
        p95 = percentile(took, 0.95)
        measured = (
            f"{rounds} rounds, {twice} made twice; takeover median {percentile(took, 0.5):.2f} s, p95 {p95:.2f} s, max "
            f"{max(took):.2f} s; {sent} messages, {again} repeats, all marked"
        )
        ok = not (twice or lost) and p95 <= 2.0 and again <= marked
        bar = "0 cycles twice; takeover p95 ≤ 2 s; 0 double sends outside R2's window"
        found.append(Line("R9", f"4 daemons on one {kind}, the leader killed", kills, lost, twice, bar, measured, ok))
    return found


def _settled(ours: Herd, world: Outside, sent: int, within: float = 60.0) -> int:
    """Messages still not received after a while."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        have = {t["text"].removeprefix("(may be a repeat) ") for t in world.taken()}
        if len(have) >= sent:
            return 0
        time.sleep(0.2)
    return sent - len(have)


def frozen(trials: int, *, asleep_s: float = 15.0) -> list[Line]:
    """R10: the leader is stopped past its lease, and thawed."""
    found = []
    for kind in databases.kinds():
        took, codes, twice = [], [], 0
        with herd(kind) as (ours, _):
            for _ in range(trials):
                while sum(one.poll() is None for one in ours.running) < 2:
                    ours.start()
                ours.led_by_another(None, 60)
                time.sleep(8)  # until the other one stands by
                old = ours.leader()
                sleeper = ours.process(old)
                sleeper.send_signal(signal.SIGSTOP)
                began = time.monotonic()
                took.append(ours.led_by_another(old, 60))
                time.sleep(max(0.0, asleep_s - (time.monotonic() - began)))
                sleeper.send_signal(signal.SIGCONT)
                try:
                    codes.append(sleeper.wait(30))
                except subprocess.TimeoutExpired:
                    codes.append(-1)
            twice = doubled(ours.polls())
        measured = (
            f"takeover max {max(took):.1f} s with a lease of {LEASE_S:.0f} s (45 s by default); the thawed one ended with "
            f"{sorted(set(codes))} and had written nothing ({twice} rounds out of order)"
        )
        ok = not twice and max(took) < 60 and set(codes) == {75}
        bar = "standby leads ≤ 60 s; the thawed one commits nothing"
        found.append(Line("R10", f"leader frozen (SIGSTOP) and thawed, {kind}", trials, None, twice, bar, measured, ok))
    return found


# ruff: noqa: E501  # tables and sentences that are measured, not read here; the C of the clock
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
time_t time(time_t *out) { struct timespec t; clock_gettime(CLOCK_REALTIME, &t); if (out) *out = t.tv_sec; return t.tv_sec; }
int gettimeofday(struct timeval *v, void *z) {
    struct timespec t; clock_gettime(CLOCK_REALTIME, &t); v->tv_sec = t.tv_sec; v->tv_usec = t.tv_nsec / 1000; return 0;
}
"""
"""A wall clock that can be set for one process: what it asks the C library for is shifted by the seconds in a file."""

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
                _until(lambda: ours.thought() > 5, 120)  # what is loaded once is loaded
                time.sleep(5)
                before, memory = len(ours.polls()), _resident_mb(one.pid)
                file.write_text(str(by))
                began = time.monotonic()
                _until(lambda least=before + 1: len(ours.polls()) > least, 60)
                waits[name] = time.monotonic() - began
                time.sleep(3)
                grown[name] = _resident_mb(one.pid) - memory
                real = [t.timestamp() - (by if abs(t.timestamp() - time.time()) > 3600 else 0) for t in ours.polls()]
                twice += sum(b - a < POLL_S / 2 for a, b in pairwise(real))
    measured = "; ".join(f"{n}: two rounds within {waits[n]:.1f} s, memory {grown[n]:+.0f} MB" for n in JUMPS)
    measured += (
        f"; {twice} rounds twice; DST nights in three zones by tests of the quiet hours, the scheduler is in UTC"
    )
    ok = max(waits.values()) <= 5.0 * POLL_S and max(grown.values()) <= 20 and not twice
    bar = "next cycle ≤ 2 intervals; memory +≤ 20 MB; 0 cycles twice"
    return [Line("R11", "the wall clock of a running daemon is set", len(JUMPS), None, twice, bar, measured, ok)]


def _until(true: Callable[..., bool], within: float) -> bool:
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > within:
            return False
        time.sleep(0.02)
    return True


def _resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


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
        code, took = _ended(ours.start(), 60)
        dead_ok = code == 70
        told.append(f"dead scheduler: exit {code}")
    with herd("SQLite", hung_after_s=4) as (ours, world):
        (world.folder / "hang").touch()
        one = ours.start()
        _until(lambda: (world.folder / "hanging").exists(), 60)
        code, took = _ended(one, 60)
        hung_ok = code == 70 and took <= 4 + 2 + 8 + 4
        told.append(f"hung job: exit {code} after {took:.0f} s (limit 4 s)")
    with herd("SQLite") as (ours, world):
        (world.folder / "hang").touch()
        one = ours.start()
        _until(lambda: (world.folder / "hanging").exists(), 60)
        one.terminate()
        code, took = _ended(one, 60)
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


def _ended(one: subprocess.Popen[bytes], within: float) -> tuple[int | None, float]:
    began = time.monotonic()
    try:
        return one.wait(within), time.monotonic() - began
    except subprocess.TimeoutExpired:
        return None, within


def cut_off(restarts: int) -> list[Line]:
    """R7: another process holds SQLite; PostgreSQL goes away and comes back."""
    found = []
    with herd("SQLite") as (ours, world):
        one = ours.start()
        _until(lambda: len(ours.polls()) >= 3, 60)
        with closing(sqlite3.connect(ours.url.removeprefix("sqlite:///"))) as other:
            other.execute("BEGIN IMMEDIATE")
            held_from = len(ours.polls())
            time.sleep(12)  # past the 5 s a writer waits
            during = len(ours.polls()) - held_from
            other.rollback()
        put(ours.url, 0, 3)
        back = time.monotonic()
        _until(lambda: len(ours.polls()) > held_from, 60)
        back = time.monotonic() - back
        lost = _settled(ours, world, 3)
        alive = one.poll() is None
    measured = (
        f"{during} rounds while it was held, the next {back:.1f} s after; the daemon {'lived' if alive else 'died'}"
    )
    bar = "cycles resume ≤ 1 interval (of 60 s); 0 lost"
    found.append(Line("R7", "SQLite locked by another process for 12 s", 1, lost, None, bar, measured,
                      alive and not lost and back <= 60 and during == 0))  # fmt: skip
    url = os.environ.get(databases.GIVEN, "")
    home = (parse_qs(urlsplit(url).query).get("host") or [""])[0]
    if not home or not Path(home, "data/postmaster.pid").exists():
        return found
    with herd("PostgreSQL") as (ours, world):
        ours.start()
        _until(lambda: len(ours.polls()) >= 3, 60)
        gaps, ended, sent = [], 0, 0
        for _ in range(restarts):
            os.kill(int(Path(home, "data/postmaster.pid").read_text().split()[0]), signal.SIGINT)
            _until(lambda: not Path(home, "data/postmaster.pid").exists(), 30)
            time.sleep(2)
            environ = os.environ | {"FLIGHTWATCH_POSTGRES_HOME": home}
            subprocess.run([ROOT / ".ci" / "postgres", "start"], env=environ, check=True, capture_output=True)
            before, began = len(ours.polls()), time.monotonic()
            put(ours.url, sent, 2)
            sent += 2
            while len(ours.polls()) <= before and time.monotonic() - began < 60:
                if all(one.poll() is not None for one in ours.running):  # as a service manager does
                    ended += 1
                    ours.start()
                time.sleep(0.1)
            gaps.append(time.monotonic() - began)
        lost = _settled(ours, world, sent)
        twice = doubled(ours.polls())
    measured = (
        f"back after at most {max(gaps):.1f} s; {ended} times started anew by the service manager; {twice} rounds twice"
    )
    found.append(Line("R7", "PostgreSQL stopped and started", restarts, lost, twice, bar, measured,
                      not lost and not twice and max(gaps) <= 60))  # fmt: skip
    return found
