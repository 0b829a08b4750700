"""A composed story: three months of history, then a working week of polls in which a rare route surges.

Ordinary traffic between ordinary places, and one flight a month from Minsk to Benghazi; from the third live day on, two
Il-76s a day, also from Moscow. Seen all the way, so that counts are whole numbers.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flightwatch import config
from flightwatch.jobs.backfill import backfill
from flightwatch.jobs.context import Context
from flightwatch.jobs.cycle import tick
from flightwatch.jobs.setup import context
from flightwatch.sources import traces
from flightwatch.store import Store, open_store
from tests.fakes.channels import channels
from tests.fakes.http import HttpServer, Request
from tests.fakes.sky import Feed, Sky, Trip
from tests.fakes.smtp import Mail, MailServer

LIVE = datetime(2024, 12, 8, tzinfo=UTC)
HISTORY, DAYS = 100, 5
SURGE = LIVE + timedelta(days=2)
WATCHED = "Moscow and Minsk to Benghazi"
DAY, HOUR = timedelta(days=1), timedelta(hours=1)

# origin, destination, type, flights a day
ORDINARY = (
    ("EDDF", "LIRF", "A320", 1.0),
    ("LGAV", "LCLK", "A320", 0.8),
    ("HECA", "LTFM", "B738", 0.6),
    ("UMMS", "LTFM", "B738", 0.3),
)

CONFIG = """
contact = "desk@example.org"
[database]
url = "sqlite:///flightwatch.db"
[discover]
pairs = "none"
[detection]
false_alerts_per_route_year = 0.5
[http]
allow_private = true
[[source]]
kind = "adsblol"
url = "{feed}"
military = true
interval_s = 600
spacing_s = 0
allow_private = true
[daemon]
poll_s = 600
think_s = 21600
"""


def trips(seed: int = 7, *, surge: bool = True) -> list[Trip]:
    """Everything that flies, history and week."""
    rng = random.Random(seed)
    out: list[Trip] = []
    for day in range(-HISTORY, DAYS):
        start = LIVE + day * DAY
        for number, (origin, destination, typecode, rate) in enumerate(ORDINARY):
            if rng.random() < rate:
                at = start + timedelta(minutes=rng.randrange(240, 1000))
                icao24 = f"4b{number:02x}{day % 7:02x}"
                out.append(Trip(icao24, f"ORD{number}{day % 7}", origin, destination, at, typecode=typecode))
        if day < 0 and day % 30 == 12:
            out.append(Trip("152001", "RSD7001", "UMMS", "HLLB", start + 8 * HOUR, flags=1))
        if surge and start >= SURGE:
            n = (start - SURGE).days
            out.append(Trip(f"1520{10 + n:02d}", f"RSD{n}01", "UMMS", "HLLB", start + 2 * HOUR, flags=1))
            out.append(Trip(f"1520{30 + n:02d}", f"RSD{n}02", "UUWW", "HLLB", start + 9 * HOUR, flags=1))
    return out


def configure(folder: Path, feed: str, smtp: int, slack: str) -> config.Settings:
    (folder / "slack").write_text(f"{slack}/services/T0/B0/secret")
    (folder / "slack").chmod(0o600)
    (folder / "flightwatch.toml").write_text(CONFIG.format(feed=feed) + channels(smtp))
    return config.load(folder / "flightwatch.toml", environ={})


class Clock:
    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def desk(settings: config.Settings, store: Store, clock: Clock) -> Context:
    ctx = context(settings, store, live=True, clock=clock, sleep=lambda _: None)
    ctx.clock = clock
    return ctx


def history(ctx: Context, sky: Sky, folder: Path) -> None:
    """The days before the week, as an archive."""
    folders = sky.write_traces(folder, [d for d in sky.days() if d < LIVE.date()])
    backfill(ctx, traces.pieces(folders))


def moments(sky: Sky, first: datetime, last: datetime, *, every: int = 10) -> list[datetime]:
    """When to poll: every half hour, and every ten minutes while any aircraft flies."""
    heard = set(sky.minutes)
    out, when = [], first
    while when < last:
        if when.minute % 30 == 0 or any(when - timedelta(minutes=m) in heard for m in range(every)):
            out.append(when)
        when += timedelta(minutes=every)
    return out


@dataclass
class Played:
    """The story's end: a folder with flightwatch.toml and flightwatch.db, `eve.db` from right before the step that
    opened the alert (at `opened`), and what was sent."""

    folder: Path
    sky: Sky
    end: datetime
    opened: datetime
    mails: list[Mail]
    posts: list[Request]
    asked: int


def play(folder: Path) -> Played:
    sky = Sky(trips())
    opened: list[datetime] = []
    with Feed(sky, LIVE) as feed, MailServer() as mail, HttpServer() as slack:
        settings = configure(folder, feed.url, mail.port, slack.url)
        with open_store(settings.database.url, create=True) as store:
            clock = Clock(LIVE)
            ctx = desk(settings, store, clock)
            history(ctx, sky, folder / "globe")
            for now in (when := moments(sky, LIVE, LIVE + DAYS * DAY)):
                if not opened and now.minute == 0 and now.hour % 6 == 0:
                    (folder / "eve.db").unlink(missing_ok=True)
                    store.backup(folder / "eve.db")
                clock.now = feed.now = now
                tick(ctx, now, everything=now == when[-1])
                if not opened and store.alerts():
                    opened.append(now)
        return Played(folder, sky, when[-1], opened[0], mail.mails, slack.taken, len(feed.requests))
