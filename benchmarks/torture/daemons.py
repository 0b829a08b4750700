"""R7, R9, R10: real daemons in processes of their own, killed, frozen and cut off from their database."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from benchmarks.torture import databases
from benchmarks.torture.databases import ROOT
from benchmarks.torture.herd import POLL_S, Herd, ended, herd, put, resident_mb, settled, until
from benchmarks.torture.result import Line, percentile
from flightwatch.store import open_store

HELD_MB = 5.0  # "flat", as R13 has it


def doubled(polls: list[datetime], changes: list[datetime] | None = None) -> int:
    """Rounds made twice: stored out of order, or closer together than half a beat.

    With `changes` (when the lead changed hands), the latter counts only around them: a leader that is late with a round
    on a busy machine is on time with the next.
    """
    near = timedelta(seconds=POLL_S)
    found = 0
    for a, b in pairwise(polls):
        around = changes is None or any(a - near <= when <= b + near for when in changes)
        found += b < a or ((b - a).total_seconds() < POLL_S / 2 and around)
    return found


def leaders(kills: int, cuts: int) -> list[Line]:
    """R9: four daemons; the leader is killed, or loses the database session that holds its lock, again and again."""
    found = [_deposed(kind, kills, "the leader killed", _kill) for kind in databases.kinds()]
    if "PostgreSQL" in databases.kinds():
        found.append(_deposed("PostgreSQL", cuts, "the session of the leader's lock ended by the server", _cut))
    return found


def _kill(ours: Herd, leader: int) -> None:
    ours.process(leader).kill()


def _cut(ours: Herd, leader: int) -> None:
    """The lock is free at once, while its holder lives on and has to notice."""
    with open_store(ours.url) as store, store.reading() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
            "WHERE l.locktype = 'advisory' AND l.granted AND a.datname = current_database() "
            "AND a.application_name = 'flightwatch leader'"
        )


def _deposed(kind: str, times: int, what: str, depose: Callable[[Herd, int], None]) -> Line:
    """Four daemons on one database; the leader is deposed `times` times, with messages waiting to be sent."""
    with herd(kind) as (ours, world):
        for _ in range(4):
            ours.start()
        took, when, codes, sent = [], [], set(), 0
        ours.led_by_another(None, 60)
        for _ in range(times):
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
            when.append(datetime.now(UTC))
            depose(ours, old)
            took.append(ours.led_by_another(old, 60))
            codes.add(ended(ours.process(old), 30)[0])
        lost = settled(ours, world, sent)
        twice = doubled(ours.polls(), when)
        texts = [t["text"] for t in world.taken()]
        again = len(texts) - len({t.removeprefix("(may be a repeat) ") for t in texts})
        marked = sum(t.startswith("(may be a repeat) ") for t in texts)
        rounds = len(ours.polls())
    p95 = percentile(took, 0.95)
    measured = (
        f"{rounds} rounds, {twice} made twice; takeover median {percentile(took, 0.5):.2f} s, p95 {p95:.2f} s, max "
        f"{max(took):.2f} s; {sent} messages, {again} repeats, all marked; the deposed ended with {sorted(codes)}"
    )
    ok = not (twice or lost) and p95 <= 2.0 and again <= marked and codes <= {-signal.SIGKILL, 75}
    bar = "0 cycles twice; takeover p95 ≤ 2 s; 0 double sends outside R2's window"
    return Line("R9", f"4 daemons on one {kind}, {what}", times, lost, twice, bar, measured, ok)


def frozen(trials: int, *, lease_s: float, asleep_s: float) -> list[Line]:
    """R10: the leader is frozen until its lease has run out, then thawed."""
    found = []
    for kind in databases.kinds():
        took, codes, twice = [], [], 0
        with herd(kind, lease_s=lease_s) as (ours, _):
            for _ in range(trials):
                while sum(one.poll() is None for one in ours.running) < 2:
                    ours.start()
                ours.led_by_another(None, 60)
                time.sleep(8)  # until the other one stands by
                old = ours.leader()
                sleeper = ours.process(old)
                sleeper.send_signal(signal.SIGSTOP)
                began = time.monotonic()
                took.append(ours.led_by_another(old, 2 * lease_s))
                time.sleep(max(0.0, asleep_s - (time.monotonic() - began)))
                sleeper.send_signal(signal.SIGCONT)
                try:
                    codes.append(sleeper.wait(30))
                except subprocess.TimeoutExpired:
                    codes.append(-1)
            twice = doubled(ours.polls())
        measured = (
            f"stopped for {asleep_s:.0f} s: takeover after {max(took):.1f} s at most, the lease being {lease_s:.0f} s; "
            f"the thawed one exited with {sorted(set(codes))} and had written nothing ({twice} rounds out of order)"
        )
        ok = not twice and max(took) < 60 and set(codes) == {75}
        bar = "standby leads ≤ 60 s; the thawed one commits nothing"
        found.append(Line("R10", f"leader frozen (SIGSTOP) and thawed, {kind}", trials, None, twice, bar, measured, ok))
    return found


def _held(held_s: float) -> Line:
    """Another process holds SQLite's write lock, far longer than the 5 s a writer waits."""
    with herd("SQLite") as (ours, world):
        one = ours.start()
        until(lambda: len(ours.polls()) >= 3, 60)
        with closing(sqlite3.connect(ours.url.removeprefix("sqlite:///"))) as other:
            other.execute("BEGIN IMMEDIATE")
            held_from, memory = len(ours.polls()), resident_mb(one.pid)
            time.sleep(held_s)
            during, grown = len(ours.polls()) - held_from, resident_mb(one.pid) - memory
            other.rollback()
        put(ours.url, 0, 3)
        back = time.monotonic()
        until(lambda: len(ours.polls()) > held_from, 60)
        back = time.monotonic() - back
        lost = settled(ours, world, 3)
        alive = one.poll() is None
    measured = (
        f"{during} rounds while it was held, memory {grown:+.1f} MB; the next round {back:.1f} s after; the daemon "
        f"{'lived' if alive else 'died'}"
    )
    ok = alive and not lost and back <= 60 and during == 0 and grown <= HELD_MB
    bar = "cycles resume ≤ 1 interval (of 60 s); 0 lost; memory flat"
    return Line("R7", f"SQLite locked by another process for {held_s:.0f} s", 1, lost, None, bar, measured, ok)


def cut_off(restarts: int, held_s: float) -> list[Line]:
    """R7: another process locks SQLite; PostgreSQL goes away and comes back."""
    found = [_held(held_s)]
    bar = "cycles resume ≤ 1 interval (of 60 s); 0 lost"
    url = os.environ.get(databases.GIVEN, "")
    home = (parse_qs(urlsplit(url).query).get("host") or [""])[0]
    if not home or not Path(home, "data/postmaster.pid").exists():
        return found
    with herd("PostgreSQL") as (ours, world):
        ours.start()
        until(lambda: len(ours.polls()) >= 3, 60)
        gaps, anew, sent = [], 0, 0
        for _ in range(restarts):
            os.kill(int(Path(home, "data/postmaster.pid").read_text().split()[0]), signal.SIGINT)
            until(lambda: not Path(home, "data/postmaster.pid").exists(), 30)
            time.sleep(2)
            environ = os.environ | {"FLIGHTWATCH_POSTGRES_HOME": home}
            subprocess.run([ROOT / ".ci" / "postgres", "start"], env=environ, check=True, capture_output=True)
            before, began = len(ours.polls()), time.monotonic()
            put(ours.url, sent, 2)
            sent += 2
            while len(ours.polls()) <= before and time.monotonic() - began < 60:
                if all(one.poll() is not None for one in ours.running):  # as a service manager does
                    anew += 1
                    ours.start()
                time.sleep(0.1)
            gaps.append(time.monotonic() - began)
        lost = settled(ours, world, sent)
        twice = doubled(ours.polls())
    measured = (
        f"back after at most {max(gaps):.1f} s; {anew} times started anew by the service manager; {twice} rounds twice"
    )
    found.append(Line("R7", "PostgreSQL stopped and started", restarts, lost, twice, bar, measured,
                      not lost and not twice and max(gaps) <= 60))  # fmt: skip
    return found
