"""R1: the whole chain from feed to mail and Slack, killed at random times and at every named place, compared with a run
that was never killed."""

from __future__ import annotations

import json
import logging
import os
import random
import select
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.torture import databases, story
from benchmarks.torture.result import Line, percentile
from benchmarks.torture.servers import Outside, outside
from flightwatch import config
from flightwatch.jobs.backfill import import_list
from flightwatch.jobs.context import Context
from flightwatch.jobs.cycle import think, tick
from flightwatch.jobs.setup import context
from flightwatch.store import Store, open_store

NAMED = (
    "after_poll_saved", "after_flights_saved", "after_judged", "after_alert_saved", "claimed", "after_send", "finished",
)  # fmt: skip
FOREVER = 1_000_000
NEVER_S = 900.0  # limit for a process that does not reach the place where it should die
BAR = "0 acknowledged cycles missing, 0 half ones, 0 alerts without a row per channel, 0 lost; recovery ≤ 5 s"


@dataclass
class Tally:
    """What was found wrong, and how long recovery took."""

    kills: int = 0
    named: Counter[str] = field(default_factory=Counter)
    missing: int = 0
    partial: int = 0
    without_row: int = 0
    corrupt: int = 0
    recoveries: list[float] = field(default_factory=list)
    """Seconds from a new process to its first acknowledged cycle, without those it waited for a processor."""
    acknowledged: set[int] = field(default_factory=set)


@contextmanager
def prepared(kind: str, folder: Path, routes: int) -> Iterator[tuple[config.Settings, Outside, Any]]:
    """A database with three months of history and a trained model, and the world outside."""
    with databases.fresh(kind, folder) as url, outside(folder, routes) as world:
        file = folder / "config.toml"
        file.write_text(story.config(url, world.feed, world.smtp, folder / "slack-webhook", routes))
        settings = config.load(file, environ={})
        with open_store(settings.database.url, create=True) as store:
            ctx = context(settings, store)
            story.write_history(folder / "history.csv", routes)
            import_list(ctx, folder / "history.csv")
            think(ctx, story.LIVE - story.STEP)
            model = ctx.model
        assert model is not None
        yield settings, world, model


@dataclass
class Hands:
    """The hands of a clock that is set, and moved on by whoever waits."""

    now: datetime = story.LIVE

    def pause(self, seconds: float) -> bool:
        self.now += timedelta(seconds=seconds)
        return False


@contextmanager
def at_work(settings: config.Settings, model: Any) -> Iterator[tuple[Context, Hands]]:
    """The context of a daemon's jobs on such a clock, with a trained model."""
    hands = Hands()

    def clock() -> datetime:
        return hands.now

    with open_store(settings.database.url) as store:
        ctx = context(settings, store, live=True, clock=clock, sleep=lambda _: None)
        ctx.clock, ctx.model, ctx.pause = clock, model, hands.pause
        yield ctx, hands


def live(settings: config.Settings, world: Outside, model: Any, cycles: int, told: int | None = None) -> None:
    """Cycle after cycle, from the last one in the store; each is acknowledged on the pipe `told`."""
    with at_work(settings, model) as (ctx, hands):
        ctx.store.recover_deliveries()
        for cycle in range(next_cycle(ctx.store), cycles):
            world.set_cycle(cycle)
            hands.now = story.moment(cycle)
            _cycle(ctx, hands.now)
            if told is not None:
                os.write(told, f"{cycle} {_waited_s()}\n".encode())


def _waited_s() -> float:
    """How long this process was ready to run without a processor (proc(5), schedstat): caused by others, not by us."""
    with suppress(OSError, IndexError, ValueError):
        return int(Path("/proc/self/schedstat").read_text().split()[1]) / 1e9
    return 0.0


def _cycle(ctx: Context, now: datetime) -> None:
    """One beat of everything. Only the simulated clock waits for a channel's spacing, so it drains until empty."""
    failed = tick(ctx, now, everything=True)
    assert not failed, failed


def next_cycle(store: Store) -> int:
    """The cycle of the last poll, which may not have been processed yet."""
    last = store.get_mark("job:poll:feed")
    return 0 if last is None else round((datetime.fromisoformat(last) - story.LIVE) / story.STEP)


def trial(settings: config.Settings, world: Outside, model: Any, cycles: int, tally: Tally, at: str | float) -> None:
    """One process that runs until it is killed, at a named place or after so many seconds, and what it left."""
    reading, writing = os.pipe()
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        try:
            if isinstance(at, str):
                os.environ["FLIGHTWATCH_CRASH_AT"] = at
            live(settings, world, model, cycles, writing)
            os._exit(0)
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
    os.close(writing)
    said = _listen(reading, began, at, child, tally)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -signal.SIGKILL), f"a process ended by itself with {status}"
    if status:
        tally.kills += 1
        tally.named[at if isinstance(at, str) else "random"] += 1
    tally.acknowledged |= said
    examine(settings, tally)


def _listen(reading: int, began: float, at: str | float, child: int, tally: Tally) -> set[int]:
    """The cycles it acknowledged; kills it at its random time, counted from its first sign of life."""
    said: set[int] = set()
    until = began + NEVER_S if isinstance(at, str) else None
    rest = b""
    while True:
        ready, _, _ = select.select([reading], [], [], 0.01 if until is None else max(0.0, until - time.monotonic()))
        if ready:
            block = os.read(reading, 4096)
            if not block:
                break
            rest += block
            *lines, rest = rest.split(b"\n")
            if lines and not said:
                tally.recoveries.append(time.monotonic() - began - float(lines[0].split()[1]))
                if not isinstance(at, str):
                    until = time.monotonic() + at
            said |= {int(line.split()[0]) for line in lines}
        elif until is not None and time.monotonic() >= until:
            os.kill(child, signal.SIGKILL)
            until = time.monotonic() + NEVER_S
    os.close(reading)
    return said


def examine(settings: config.Settings, tally: Tally) -> None:
    """Compares what the store holds with what was acknowledged."""
    with open_store(settings.database.url, readonly=True) as store:
        polls = store.polls()
        cycles = {round((t - story.LIVE) / story.STEP) for t in polls["started"].dt.to_pydatetime()}
        tally.missing += len(tally.acknowledged - cycles)
        tally.partial += int(polls["kept"].sum()) != store.counts(["observation"])["observation"]
        told = Counter(d.alert for d in store.deliveries() if d.kind == "opened")
        tally.without_row += sum(told[a.id] != 2 for a in store.alerts())
    file = settings.database.url.removeprefix("sqlite:///")
    if file != settings.database.url:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as raw:
            tally.corrupt += raw.execute("PRAGMA quick_check").fetchone() != ("ok",)


def outcome(settings: config.Settings) -> dict[str, Any]:
    """The result of a run, without the times and numbers that killing may change."""
    with open_store(settings.database.url, readonly=True) as store:
        flights = store.flights()
        kept = flights[["flight_id", "estdepartureairport", "estarrivalairport", "status"]]
        return {
            "fixes": store.counts(["observation"])["observation"],
            "flights": sorted(map(tuple, kept.to_numpy().tolist())),
            "alerts": sorted((a.route, str(a.first_day)) for a in store.alerts()),
            "unsent": sorted(d.id for d in store.deliveries() if d.state != "sent"),
        }


def arrived(settings: config.Settings, world: Outside) -> tuple[int, int, int]:
    """Messages lost, messages received more than once, and repeats that do not say that they may be one."""
    with open_store(settings.database.url, readonly=True) as store:
        due = Counter((d.channel, d.message["title"]) for d in store.deliveries())
    copies: dict[tuple[str, str], list[str]] = {}
    for taken in world.taken():
        plain = taken["text"].removeprefix("(may be a repeat) ")
        title = max((t for c, t in due if c == taken["channel"] and plain.startswith(t)), key=len, default=plain)
        copies.setdefault((taken["channel"], title), []).append(taken["text"])
    lost = sum(max(0, n - len(copies.get(key, []))) for key, n in due.items())
    twice = sum(max(0, len(copies.get(key, [])) - n) for key, n in due.items())
    marked = sum(text.startswith("(may be a repeat) ") for own in copies.values() for text in own)
    return lost, twice, max(0, twice - marked)


def run(kills: int, *, seed: int = 1) -> list[Line]:
    """Both databases in parallel, half the kills each: each is one busy process at a time."""
    kinds = databases.kinds()
    command = [sys.executable, "-m", "benchmarks.torture.chain"]
    started = [
        subprocess.Popen(
            [*command, kind, str(kills // len(kinds)), str(seed)],
            cwd=databases.ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for kind in kinds
    ]  # fmt: skip
    found = []
    for kind, one in zip(kinds, started, strict=True):
        said, trouble = one.communicate()
        if one.returncode:
            found.append(Line("R1", f"SIGKILL anywhere between feed and mail, {kind}", 0, None, None, BAR,
                              f"broke off: {trouble.strip()[-300:]}", False))  # fmt: skip
        else:
            found.append(Line(**json.loads(said.splitlines()[-1])))
    return found


def _run(kind: str, kills: int, seed: int) -> Line:
    rng = random.Random(seed)
    routes = max(4, kills // 3)
    tally = Tally()
    with tempfile.TemporaryDirectory() as one, prepared(kind, Path(one), routes) as (settings, world, model):
        while tally.kills < kills:
            at = f"{NAMED[(tally.kills // 2) % len(NAMED)]}:{rng.choice((1, 1, 2))}"
            trial(settings, world, model, FOREVER, tally, at if tally.kills % 2 else rng.uniform(0.0, 0.8))
        with open_store(settings.database.url, readonly=True) as store:
            cycles = max(routes * story.EVERY + story.PHASES, next_cycle(store) + 2)
        trial(settings, world, model, cycles, tally, "none")
        hurt = outcome(settings)
        lost, twice, unmarked = arrived(settings, world)
    with tempfile.TemporaryDirectory() as two, prepared(kind, Path(two), routes) as (settings, world, model):
        live(settings, world, model, cycles)
        calm = outcome(settings)
    slowest = percentile(tally.recoveries, 0.95)
    wrong = tally.missing + tally.partial + tally.without_row + tally.corrupt + unmarked
    same = calm == hurt
    measured = (
        f"{tally.kills} kills ({tally.kills - tally.named['random']} at {len(NAMED)} named places), "
        f"{len(tally.acknowledged)} acknowledged cycles, {len(hurt['alerts'])} alerts; missing {tally.missing}, half "
        f"{tally.partial}, without a row {tally.without_row}; {twice} repeats, all marked; "
        f"recovery p95 {slowest:.1f} s without waiting for a processor; "
        f"{'the same rows as a run never killed' if same else 'NOT the rows of a run never killed'}"
    )
    right = not wrong and not lost and same and tally.kills >= kills and twice <= tally.kills
    return Line("R1", f"SIGKILL anywhere between feed and mail, {kind}", tally.kills, lost + tally.missing,
                tally.partial, BAR, measured, right and slowest <= 5.0, late=right and slowest > 5.0)  # fmt: skip


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    print(json.dumps(asdict(_run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))))
