"""From the first record to the single alert, through the real store, feed, mail and Slack; and what a kill loses."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import flightwatch
from flightwatch import config
from flightwatch.cli import app
from flightwatch.jobs.backfill import backfill
from flightwatch.jobs.context import Context
from flightwatch.jobs.cycle import tick
from flightwatch.leader import lead
from flightwatch.sources import traces
from flightwatch.store import Store, open_store
from tests.fakes import week
from tests.fakes.http import HttpServer
from tests.fakes.sky import Feed
from tests.fakes.smtp import MailServer
from tests.fakes.week import DAY, DAYS, HOUR, LIVE, SURGE, WATCHED, Clock, Played
from tests.tables import count, dump

ROOT = Path(flightwatch.__file__).parents[1]

pytestmark = pytest.mark.slow


class Desk:
    """The story continued in a copy of its database, at its own time."""

    def __init__(self, folder: Path, played: Played, database: str, now: datetime) -> None:
        self.folder, self.now = folder, now
        shutil.copy(played.folder / database, folder / "flightwatch.db")
        self.feed, self.mail, self.slack = Feed(played.sky, now), MailServer(), HttpServer()

    @property
    def db(self) -> Path:
        return self.folder / "flightwatch.db"

    def configure(self) -> config.Settings:
        return week.configure(self.folder, self.feed.url, self.mail.port, self.slack.url)

    def cycle(self, now: datetime | None = None) -> list[str]:
        """One full cycle at that time; the jobs that failed."""
        self.feed.now = now = now or self.now
        settings = self.configure()
        with open_store(settings.database.url, create=True) as store:
            ctx = week.desk(settings, store, Clock(now))
            with lead(store, 45, stop=threading.Event(), standby=False):
                return tick(ctx, now, everything=True)

    def sent(self) -> Counter[str]:
        return Counter(mail=len(self.mail.mails), slack=len(self.slack.taken))


@contextmanager
def going_on(folder: Path, played: Played, database: str, now: datetime) -> Iterator[Desk]:
    folder.mkdir(exist_ok=True)
    desk = Desk(folder, played, database, now)
    with desk.feed, desk.mail, desk.slack:
        desk.configure()
        yield desk


@pytest.fixture
def after(tmp_path: Path, played: Played) -> Iterator[Desk]:
    """The desk after the week."""
    with going_on(tmp_path, played, "flightwatch.db", played.end) as desk:
        yield desk


@pytest.fixture
def eve(tmp_path: Path, played: Played) -> Iterator[Desk]:
    """The desk right before the step that opens the alert."""
    with going_on(tmp_path, played, "eve.db", played.opened) as desk:
        yield desk


def opened(db: Path) -> list[Any]:
    with open_store(f"sqlite:///{db}", readonly=True) as store:
        return store.alerts()


def rows(db: Path, kind: str) -> Counter[str]:
    """Deliveries of a kind by channel."""
    with open_store(f"sqlite:///{db}", readonly=True) as store:
        return Counter(d.channel for d in store.deliveries() if d.kind == kind)


def test_the_week_ends_in_one_alert_that_names_every_watch_it_is_seen_by(played: Played) -> None:
    (alert,) = opened(played.folder / "flightwatch.db")

    assert alert.route == WATCHED
    assert {WATCHED, "Russia and Belarus to eastern Libya"} <= set(alert.routes)
    assert SURGE < alert.opened <= SURGE + 3 * DAY
    assert alert.first_day >= SURGE.date() - timedelta(days=3)


def test_the_message_was_sent_once_on_each_channel_and_says_what_how_many_and_who(played: Played) -> None:
    db = played.folder / "flightwatch.db"
    first = played.mails[0].message

    assert rows(db, "opened") == {"email": 1, "slack": 1}
    assert count(db, "delivery", "state <> 'sent'") == 0
    assert len(played.mails) == len(played.posts) == count(db, "delivery") / 2
    assert len({m.message["Message-ID"] for m in played.mails}) == len(played.mails)
    text = first.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    for word in (WATCHED, "usual", "RSD001", "IL76", "Benina"):
        assert word in first["Subject"] + text
    assert any(part.get_content_type() == "image/png" for part in first.walk())
    assert WATCHED in played.posts[0].body.decode()


def test_the_alert_rests_on_flights_that_were_flown_and_every_one_counts_once(played: Played) -> None:
    with open_store(f"sqlite:///{played.folder / 'flightwatch.db'}", readonly=True) as store:
        flights = store.flights(ids=store.alert_flights(1))

    flown = [t for t in played.sky.trips if t.start >= SURGE and t.destination == "HLLB"]
    assert sorted(flights["callsign"]) == sorted(t.callsign for t in flown if t.start < played.end - 6 * HOUR)
    assert set(flights["estarrivalairport"]) == {"HLLB"}


def test_polling_every_ten_minutes_finds_the_flights_the_archive_finds(played: Played, tmp_path: Path) -> None:
    days = [d for d in played.sky.days() if d >= LIVE.date()]
    with (
        open_store("sqlite://", create=True) as store,
        open_store(f"sqlite:///{played.folder / 'flightwatch.db'}", readonly=True) as live,
    ):
        backfill(Context(config.Settings(), store), traces.pieces(played.sky.write_traces(tmp_path, days)))
        archived, polled = (
            store.flights(until=played.end - 6 * HOUR),
            live.flights(since=LIVE, until=played.end - 6 * HOUR),
        )

    def told(flights: Any) -> list[tuple[str, ...]]:
        columns = ["icao24", "callsign", "estdepartureairport", "estarrivalairport", "typecode"]
        return sorted(map(tuple, flights[columns].to_numpy().tolist()))

    assert told(polled) == told(archived)
    assert len(polled) > 10


def test_a_second_run_raises_no_second_alert_and_sends_nothing(after: Desk) -> None:
    told = dump(after.db, ["alert_flight", "delivery"])

    assert after.cycle() == []
    once = dump(after.db, [*KEPT, "delivery"], without=WRITTEN)
    assert after.cycle() == []
    twice = dump(after.db, [*KEPT, "delivery"], without=WRITTEN)
    assert after.cycle(after.now + timedelta(minutes=10)) == []

    assert twice == once
    assert dump(after.db, ["alert_flight", "delivery"]) == told
    assert [(a.id, a.status) for a in opened(after.db)] == [(1, "open")]
    assert after.sent() == Counter()


def test_days_that_were_dismissed_do_not_alert_again(after: Desk) -> None:
    done = CliRunner().invoke(
        app, ["alerts", "dismiss", "1", "--reason", "an exercise", "--by", "desk", "--db", str(after.db)]
    )
    assert done.exit_code == 0, done.output

    for hours in (1, 7):
        assert after.cycle(after.now + timedelta(hours=hours)) == []

    (alert,) = opened(after.db)
    assert (alert.status, alert.reason, alert.by) == ("dismissed", "an exercise", "desk")
    assert after.sent() == Counter()


def test_an_acknowledged_alert_stays_one_alert(after: Desk) -> None:
    done = CliRunner().invoke(app, ["alerts", "ack", "1", "--by", "desk", "--db", str(after.db)])
    assert done.exit_code == 0, done.output

    assert after.cycle(after.now + HOUR) == []

    assert [a.status for a in opened(after.db)] == ["acknowledged"]


def test_a_first_run_on_a_history_with_a_surge_sends_nothing(tmp_path: Path, played: Played) -> None:
    """Everything, including the surge, comes from the archive; what is found is a finding, not news."""
    end = LIVE + DAYS * DAY
    with Feed(played.sky, end) as feed, MailServer() as mail, HttpServer() as slack:
        settings = week.configure(tmp_path, feed.url, mail.port, slack.url)
        with open_store(settings.database.url, create=True) as store:
            ctx = week.desk(settings, store, Clock(end))
            backfill(ctx, traces.pieces(played.sky.write_traces(tmp_path / "globe")))
            after_backfill = len(store.deliveries())
            assert tick(ctx, end, everything=True) == []
            found, alerts, told = store.findings(route=WATCHED, flagged=True), store.alerts(), store.deliveries()

    assert after_backfill == 0
    assert len(found) >= 1
    assert alerts == []
    assert [d for d in told if d.kind != "notice"] == []


def test_a_dry_run_stores_nothing_and_sends_nothing(eve: Desk) -> None:
    before = dump(eve.db)
    eve.feed.now = datetime.now(tz=UTC)

    done = CliRunner().invoke(app, ["once", "--dry-run", "--config", str(eve.folder / "flightwatch.toml")])

    assert done.exit_code == 0, done.output
    assert "adsblol" in done.output
    assert len(eve.feed.requests) > 0
    assert dump(eve.db) == before
    assert eve.sent() == Counter()


CYCLE = """
import sys, threading
from datetime import datetime
from pathlib import Path
from flightwatch import config
from flightwatch.jobs.cycle import tick
from flightwatch.leader import lead
from flightwatch.store import open_store
from tests.fakes import week

folder, now = Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2])
settings = config.load(folder / "flightwatch.toml", environ={})
with open_store(settings.database.url, create=True) as store:
    ctx = week.desk(settings, store, week.Clock(now))
    with lead(store, 45, stop=threading.Event(), standby=False):
        sys.exit(len(tick(ctx, now, everything=True)))
"""


def in_a_process(desk: Desk, crash_at: str = "") -> int:
    environ = os.environ | {"PYTHONPATH": str(ROOT), "FLIGHTWATCH_CRASH_AT": crash_at}
    command = [sys.executable, "-c", CYCLE, str(desk.folder), desk.now.isoformat()]
    return subprocess.run(command, env=environ, check=False, capture_output=True, timeout=300).returncode


KEPT = ("poll", "observation", "flight", "track", "route_day", "match", "finding", "alert", "alert_flight")
WRITTEN = ("revision", "created")  # how often and when a row was written, not what it says
POINTS = ("after_poll_saved", "after_flights_saved", "after_judged", "after_alert_saved", "claimed", "after_send")


@pytest.fixture(scope="module")
def undisturbed(played: Played, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """What the cycle stores when nobody kills it."""
    with going_on(tmp_path_factory.mktemp("undisturbed"), played, "eve.db", played.opened) as desk:
        assert desk.cycle() == []
        return dump(desk.db, KEPT, without=WRITTEN)


@pytest.mark.parametrize("point", POINTS)
def test_killed_between_two_steps_the_next_run_makes_up_for_it(
    eve: Desk, undisturbed: dict[str, list[Any]], point: str
) -> None:
    assert opened(eve.db) == []

    assert in_a_process(eve, point) == -signal.SIGKILL
    assert in_a_process(eve) == 0

    assert dump(eve.db, KEPT, without=WRITTEN) == undisturbed
    assert len(opened(eve.db)) == 1
    assert rows(eve.db, "opened") == {"email": 1, "slack": 1}
    assert count(eve.db, "delivery", "state = 'sent'") == count(eve.db, "delivery")
    repeats = 1 if point == "after_send" else 0
    assert len(eve.slack.taken) == 1
    assert len(eve.mail.mails) == 1 + repeats
    assert len({m.message["Message-ID"] for m in eve.mail.mails}) == 1
    with open_store(f"sqlite:///{eve.db}", readonly=True) as store:
        assert_sound(store)


def assert_sound(store: Store) -> None:
    assert len(store.flights()) == store.flights()["flight_id"].nunique()
    for episode in store.episodes():
        assert episode.flights
        assert len(store.deliveries(alert=episode.alert.id)) >= 2
