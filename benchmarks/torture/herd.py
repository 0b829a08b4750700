"""Real daemons on one database, for tests that kill, freeze, hang and cut them off."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.torture import databases, story
from benchmarks.torture.databases import ROOT
from benchmarks.torture.servers import Outside, outside
from flightwatch.store import open_store
from flightwatch.telling import Delivery, Message
from tests.fakes.program import came_true

POLL_S = 1.0  # the beat of these daemons; a cycle made twice shows as two polls closer than half of it
LEASE_S = 5.0  # the shortest the settings allow; with the default of 45 s, a frozen leader is replaced 40 s later


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
        """The process id of the lease holder, if it is one of ours and its lease has not run out."""
        with open_store(self.url, readonly=True) as store:
            lease = store.lease("leader")
        if lease is None or lease.expires <= datetime.now(UTC):
            return None
        return int(lease.holder.split(":")[-2])

    def led_by_another(self, old: int | None, within: float) -> float:
        """Seconds until one of ours other than `old` leads; `within` if none does."""
        began = time.monotonic()
        ours = {one.pid for one in self.running}
        while time.monotonic() - began < within:
            now = self.leader()
            if now is not None and now != old and now in ours:
                return time.monotonic() - began
            time.sleep(0.01)
        return within

    def ready(self, within: float = 30.0) -> None:
        """Wait until all living ones but the leader have said that they stand by: a kill should measure a takeover, not
        how long a new process takes to load."""
        log = self.config.with_name("daemons.log")
        wanted = len(self.running) - 1 - self.straight
        if not until(lambda: log.read_text(errors="replace").count("standing by") >= wanted, within):
            self.straight += 1  # one found the lead free when it came, and never stood by

    def polls(self) -> list[datetime]:
        """When each round was made, in the order they were stored."""
        with open_store(self.url, readonly=True) as store:
            found = store.polls().sort_values("id")
        return list(found["started"].dt.to_pydatetime())

    def thought(self) -> int:
        """The last poll from which the daemon has built flights."""
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


def put(url: str, first: int, count: int) -> None:
    now = datetime.now(UTC)
    with open_store(url) as store:
        messages = [Message(f"m{n}", f"m{n}", f"number {n}", "S.", "info") for n in range(first, first + count)]
        store.add_deliveries(
            [Delivery(0, None, "email", "notice", m.record(), "pending", 0, now, now) for m in messages]
        )


def settled(ours: Herd, world: Outside, sent: int, within: float = 60.0) -> int:
    """Messages still not received after a while."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        have = {t["text"].removeprefix("(may be a repeat) ") for t in world.taken()}
        if len(have) >= sent:
            return 0
        time.sleep(0.2)
    return sent - len(have)


def until(true: Callable[..., bool], within: float) -> bool:
    return came_true(true, within) is not None


def resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def ended(one: subprocess.Popen[bytes], within: float) -> tuple[int | None, float]:
    began = time.monotonic()
    try:
        return one.wait(within), time.monotonic() - began
    except subprocess.TimeoutExpired:
        return None, within
