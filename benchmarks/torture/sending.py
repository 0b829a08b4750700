"""R2: SIGKILL while sending."""

from __future__ import annotations

import os
import random
import signal
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchmarks.torture import databases
from benchmarks.torture.result import Line
from benchmarks.torture.servers import Outside, outside
from flightwatch import notify
from flightwatch.notify.outbox import Policy, State
from flightwatch.notify.worker import Clock, Worker
from flightwatch.store import open_store
from flightwatch.telling import Delivery, Message

MESSAGES = 8  # put into the outbox before each kill, so that the worker is always busy
NAMED = ("claimed", "after_send", "finished")
REPEAT = "(may be a repeat) "
BAR = "0 lost; repeats ≤ 1 per kill and ≤ 10 % of random kills, same Message-ID, marked"


def put(url: str, first: int) -> None:
    now = datetime.now(UTC)
    rows = []
    for number in range(first, first + MESSAGES):
        message = Message(f"message-{number}", f"message-{number}", f"[flightwatch] number {number}", "S.", "info")
        rows.append(Delivery(0, None, "email", "notice", message.record(), "pending", 0, now, now))
    with open_store(url) as store:
        store.add_deliveries(rows)


def work(url: str, port: int, told: int, at: str) -> None:
    """The worker of the mail channel, until the outbox is empty; kills itself at `at`."""
    settings = SimpleNamespace(
        kind="email", name="email", host="127.0.0.1", port=port, security="none", username="", sender="fw@example.org",
        recipients=("desk@example.org",), secret=lambda key: None,
    )  # fmt: skip
    seen: Counter[str] = Counter()

    def crash_point(name: str) -> None:
        seen[name] += 1
        if at == name and seen[name] == 2:
            os.kill(os.getpid(), signal.SIGKILL)

    with open_store(url) as store:
        store.recover_deliveries()
        os.write(told, b"ready")
        clock = Clock(lambda: datetime.now(UTC), lambda seconds: bool(time.sleep(seconds)))
        policy = Policy(digest_over=10**6)
        worker = Worker(notify.build(settings), store, policy, clock, random.Random(1), crash_point=crash_point)
        state = State()
        while store.deliveries(state=["pending", "sending"]):
            state, _ = worker.drain(state)


def once(url: str, port: int, at: str | float | None) -> bool:
    """Runs a worker in its own process; returns whether it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        work(url, port, writing, at if isinstance(at, str) else "")
        os._exit(0)
    os.close(writing)
    os.read(reading, 5)
    if isinstance(at, float):
        time.sleep(at)
        os.kill(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.close(reading)
    assert status in (0, -signal.SIGKILL), status
    return status != 0


def run(kills: int, *, seed: int = 4) -> list[Line]:
    """Random kills, and one in five at a named place, on SQLite."""
    rng = random.Random(seed)
    done: Counter[str] = Counter()
    with (
        tempfile.TemporaryDirectory() as folder,
        databases.fresh("SQLite", Path(folder)) as url,
        outside(Path(folder), 0) as world,
    ):
        open_store(url, create=True).close()
        count = 0
        while done.total() < kills:
            put(url, count)
            count += MESSAGES
            at: str | float = NAMED[count // MESSAGES // 5 % 3] if count // MESSAGES % 5 == 0 else rng.uniform(0, 0.12)
            if once(url, world.smtp, at):
                done[at if isinstance(at, str) else "random"] += 1
        once(url, world.smtp, None)
        return [_line(world, count, done)]


def _line(world: Outside, count: int, done: Counter[str]) -> Line:
    copies: dict[str, list[Any]] = {}
    for taken in world.taken():
        copies.setdefault(taken["text"].removeprefix(REPEAT), []).append(taken)
    lost = sum(f"[flightwatch] number {n}" not in copies for n in range(count))
    twice = sum(len(own) - 1 for own in copies.values())
    unmarked = sum(not t["text"].startswith(REPEAT) for own in copies.values() for t in own[1:])
    other_id = sum(len({t["uid"] for t in own}) != 1 for own in copies.values())
    by_chance = twice - done["after_send"]  # a kill there always makes a repeat
    share = by_chance / max(1, done["random"])
    measured = (
        f"{count} messages, {done['random']} random kills and {done.total() - done['random']} at named places; {twice} "
        f"repeats ({done['after_send']} forced), {100 * share:.1f} % of random kills; {unmarked} unmarked, {other_id} "
        "with another id"
    )
    ok = not (lost or unmarked or other_id) and twice <= done.total() and share <= 0.10
    return Line("R2", "SIGKILL while sending mail", done.total(), lost, twice, BAR, measured, ok)
