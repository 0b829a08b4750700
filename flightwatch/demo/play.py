"""The reference case through the real parts: archive, backfill, poller, store, model, alert, mail and Slack.

Only the world and the clock are simulated: the clock jumps from poll to poll; everything else is what a newsroom would
run.
"""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flightwatch import config, evidence, explore
from flightwatch.demo.archive import write_archive
from flightwatch.demo.feed import Feed
from flightwatch.demo.report import Found, Packed, report
from flightwatch.demo.settings import WEBHOOK_FILE, config_toml
from flightwatch.demo.sinks import Mail, MailSink, SlackSink
from flightwatch.demo.truth import truth
from flightwatch.demo.world import World
from flightwatch.errors import UsageError
from flightwatch.jobs.backfill import backfill, pool
from flightwatch.jobs.context import Context
from flightwatch.jobs.cycle import tick
from flightwatch.jobs.setup import context
from flightwatch.sources import traces
from flightwatch.store import Store, open_store
from flightwatch.telling import Episode

MARK = "truth.json"
PACK = "evidence"
LEFT = ("flightwatch.db", "config.toml", "alert.eml", "slack.json", "map.png", f"{PACK}.zip", MARK, WEBHOOK_FILE)

Echo = Callable[[str], None]


@dataclass(frozen=True)
class Result:
    """The result of a play, for calls from a program."""

    directory: Path
    alerts: tuple[Episode, ...]
    opened: tuple[datetime, ...]
    truth: dict[str, Any]
    mails: int
    posts: int
    seconds: float
    evidence: Path | None
    """The pack's folder; None if there was no alert."""


def play(directory: Path, *, seed: int = 1, echo: Echo = print, days: int = 188, poll_s: int = 900) -> Result:
    """Play one world and leave its database, configuration, alert, map and truth in `directory`.

    Results of an earlier play there are replaced; a folder with a database of another origin is refused.
    """
    began = time.perf_counter()
    _clear(directory)
    with _quiet(), Feed(World.generate(seed, days=days)) as feed, MailSink() as mail, SlackSink() as slack:
        world = feed.world
        echo(_intro(world))
        settings = _configure(directory, feed, mail, slack, poll_s)
        clock = _Clock(world.live)
        with open_store(settings.database.url, create=True) as store:
            ctx = context(settings, store, live=True, clock=clock, sleep=clock.sleep)
            ctx.clock = clock
            _history(ctx, world, echo)
            _live(ctx, feed, clock, poll_s, echo)
            found = _found(store, feed, mail, slack)
            _leave(directory, found, mail.messages, slack.messages)
            packed = _pack(directory, store, found, clock())
        true = truth(world)
        (directory / MARK).write_text(json.dumps(true))
        seconds = time.perf_counter() - began
        echo(report(found, true, directory, seconds, packed))
    opened = tuple(e.alert.opened for e in found.alerts)
    return Result(
        directory,
        found.alerts,
        opened,
        true,
        len(mail.messages),
        len(slack.messages),
        seconds,
        packed.pack.folder if packed else None,
    )


class _Clock:
    """The demo's time. Waiting costs nothing and does not advance it: it is set from poll to poll."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __call__(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, tz=UTC)

    def sleep(self, seconds: float) -> None:
        """Do not wait."""


def _clear(directory: Path) -> None:
    """Remove what an earlier play left; never anything else."""
    directory.mkdir(parents=True, exist_ok=True)
    if (directory / "flightwatch.db").exists() and not (directory / MARK).exists():
        raise UsageError(f"{directory} holds a database that no demo left there: choose another folder with --dir")
    for name in LEFT:
        (directory / name).unlink(missing_ok=True)
    if (directory / PACK / "manifest.json").exists():
        shutil.rmtree(directory / PACK)
    for rest in directory.glob("flightwatch.db-*"):  # SQLite's write-ahead log
        rest.unlink()
    (directory / MARK).write_text("{}")  # an interrupted play can be repeated


@contextmanager
def _quiet() -> Iterator[None]:
    """Job logs from ERROR on: what they warn of, the feed's outage, is part of the play."""
    log = logging.getLogger("flightwatch")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)


def _configure(directory: Path, feed: Feed, mail: MailSink, slack: SlackSink, poll_s: int) -> config.Settings:
    (directory / WEBHOOK_FILE).write_text(slack.url)
    (directory / WEBHOOK_FILE).chmod(0o600)
    file = directory / "config.toml"
    file.write_text(config_toml("sqlite:///flightwatch.db", feed.url, mail.port, poll_s=poll_s))
    return config.load(file, environ={})


def _history(ctx: Context, world: World, echo: Echo) -> None:
    """Half a year of archive, written as readsb writes it and read like any other."""
    with tempfile.TemporaryDirectory(prefix="flightwatch-demo-") as folder, pool(0) as executor:
        archives = write_archive(world, Path(folder))
        done = backfill(ctx, traces.pieces(archives), executor=executor)
    refused = sum(done.rejected.values())
    echo(
        f"History   {len(archives)} days of readsb archive read: {done.kept:,} positions kept, {refused:,} refused, "
        f"{done.flights:,} flights built."
    )


def _live(ctx: Context, feed: Feed, clock: _Clock, poll_s: int, echo: Echo) -> None:
    """The polled days: every job of the daemon when it is due, poll by poll."""
    world = feed.world
    known: set[int] = set()
    moment = world.live
    while moment <= world.end:
        clock.seconds = moment
        feed.set_time(min(moment, world.end - 1))
        tick(ctx, clock(), everything=moment + poll_s > world.end)
        for alert in ctx.store.alerts():
            if alert.id not in known:
                known.add(alert.id)
                echo(f"{clock():%d %b %H:%M}  alert {alert.id} opened: {alert.headline}")
        moment += poll_s
    echo(
        f"Live      {(world.end - world.live) / 86400:.0f} days polled: {feed.requests:,} requests, "
        f"{feed.failures:,} refused while the feed was down."
    )


def _found(store: Store, feed: Feed, mail: MailSink, slack: SlackSink) -> Found:
    episodes = tuple(store.episodes())
    ids = sorted({f for e in episodes for f in e.flights})
    flights = store.flights(ids=ids, with_track=True)
    return Found(episodes, flights, tuple(store.notices()), len(mail.messages), len(slack.messages))


def _leave(directory: Path, found: Found, mails: list[Mail], posts: list[dict[str, Any]]) -> None:
    """The alert as sent."""
    first = next((m for m in mails if found.alerts and _about(m)), mails[0] if mails else None)
    if first is not None:
        (directory / "alert.eml").write_bytes(first.raw)
    (directory / "slack.json").write_text(json.dumps(posts, indent=1, ensure_ascii=False))


def _pack(directory: Path, store: Store, found: Found, now: datetime) -> Packed | None:
    """The first alert as an evidence pack, folder and ZIP, and the result of checking it; its map also as a separate
    file."""
    if not found.alerts:
        return None
    pack = evidence.export(explore.Explorer(store), found.alerts[0].alert, directory / PACK, now=now)
    shutil.copyfile(pack.folder / "pictures" / "map.png", directory / "map.png")
    return Packed(pack, evidence.verify(pack.folder))


def _about(mail: Mail) -> bool:
    """Whether a mail is about an alert, not about a channel or a source."""
    return any(part.get_content_type() == "image/png" for part in mail.message.walk())


def _intro(world: World) -> str:
    legs = len(world.legs)
    return (
        f"World     seed {world.seed}: {legs:,} flights of {len(world.airframes)} aircraft, {world.first_day} to "
        f"{world.last_day}; from {world.live_day} on Il-76s fly to Benghazi and Al Khadim."
    )
