"""A worker killed while it sends: nothing lost, at most one repeat per kill, and each repeat recognisable."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flightwatch.store import open_store
from flightwatch.telling import Delivery, Message
from tests.fakes.smtp import Mail, MailServer

WORKER = """
import random, sys, time
from datetime import UTC, datetime
from types import SimpleNamespace
from flightwatch import notify
from flightwatch.notify.outbox import Policy, State
from flightwatch.notify.worker import Clock, Worker
from flightwatch.store import open_store

url, port, crash_at = sys.argv[1], int(sys.argv[2]), sys.argv[3]
settings = SimpleNamespace(
    kind="email", name="email", host="127.0.0.1", port=port, security="none", username="", sender="fw@example.org",
    recipients=("desk@example.org",), secret=lambda key: None,
)
count = 0

def crash_point(name):
    global count
    if name == crash_at:
        count += 1
        if count == 2:
            print("here", flush=True)
            time.sleep(60)

with open_store(url) as store:
    store.recover_deliveries()
    print("ready", flush=True)
    clock = Clock(lambda: datetime.now(UTC), lambda seconds: bool(time.sleep(seconds)))
    worker = Worker(notify.build(settings), store, Policy(digest_over=10**6), clock, random.Random(1),
                    crash_point=crash_point)
    state = State()
    while True:
        state, _ = worker.drain(state)
        time.sleep(0.01)
"""


class Outbox:
    """A database with messages, a mail server, and workers that are started and killed."""

    def __init__(self, folder: Path, server: MailServer) -> None:
        self.url, self.server, self.count = f"sqlite:///{folder / 'fw.db'}", server, 0
        self.script = folder / "worker.py"
        self.script.write_text(WORKER)
        with open_store(self.url, create=True):
            pass

    def put(self, messages: int) -> None:
        now = datetime.now(UTC)
        with open_store(self.url) as store:
            rows = []
            for number in range(self.count, self.count + messages):
                message = Message(
                    f"message-{number}", f"message-{number}", f"[flightwatch] number {number}", "S.", "info"
                )
                rows.append(Delivery(0, None, "email", "notice", message.record(), "pending", 0, now, now))
            store.add_deliveries(rows)
        self.count += messages

    def start(self, crash_at: str = "") -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(self.script), self.url, str(self.server.port), crash_at],
            stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent.parent,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    def finish(self) -> None:
        process = self.start()
        until = time.monotonic() + 60
        with open_store(self.url, readonly=True) as store:
            while store.deliveries(state=["pending", "sending"]) and time.monotonic() < until:
                time.sleep(0.05)
        kill(process)


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def check(mails: list[Mail], count: int, kills: int) -> int:
    """Checks that every message arrived; returns the number of repeats, each marked and with the same id."""
    copies = Counter(mail.message["X-Flightwatch-Alert"] for mail in mails)
    assert set(copies) == {f"message-{number}" for number in range(count)}
    repeats = [name for name, number in copies.items() if number > 1]
    assert sum(copies.values()) - len(copies) <= kills
    for name in repeats:
        own = [mail.message for mail in mails if mail.message["X-Flightwatch-Alert"] == name]
        assert len({mail["Message-ID"] for mail in own}) == 1
        assert all(mail["Subject"].startswith("(may be a repeat) ") for mail in own[1:])
    return len(repeats)


@pytest.mark.slow
def test_thirty_kills_at_random_moments_lose_nothing(tmp_path: Path) -> None:
    rng = random.Random(4)
    kills = 30
    with MailServer(on_mail=lambda mail: time.sleep(0.01)) as server:
        outbox = Outbox(tmp_path, server)
        for _ in range(kills):
            outbox.put(8)
            process = outbox.start()
            time.sleep(rng.uniform(0, 0.3))
            kill(process)
        outbox.finish()

    repeats = check(server.mails, outbox.count, kills)
    print(f"{kills} kills, {outbox.count} messages, 0 lost, {repeats} repeated")


@pytest.mark.slow
@pytest.mark.parametrize(("crash_at", "repeats"), [("claimed", 0), ("after_send", 1), ("finished", 0)])
def test_a_kill_in_each_named_window_loses_nothing(crash_at: str, repeats: int, tmp_path: Path) -> None:
    with MailServer() as server:
        outbox = Outbox(tmp_path, server)
        outbox.put(4)
        process = outbox.start(crash_at)
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        kill(process)
        outbox.finish()

    assert check(server.mails, 4, 1) == repeats
