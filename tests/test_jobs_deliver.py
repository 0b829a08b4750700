"""The outbox as the daemon's jobs drive it: real store and servers, one channel reporting on the other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flightwatch import config
from flightwatch.jobs.context import Context
from flightwatch.jobs.deliver import audiences, deliver, send_test
from flightwatch.jobs.setup import context
from flightwatch.jobs.status import health
from flightwatch.store import Store, open_store
from flightwatch.telling import Delivery, Message
from tests.fakes.channels import channels
from tests.fakes.http import HttpServer
from tests.fakes.smtp import MailServer

NOW = datetime(2024, 12, 14, 12, tzinfo=UTC)

CONFIG = """
contact = "desk@example.org"
watchlist = false
[database]
url = "sqlite:///fw.db"
[alerts]
zone = "Europe/Berlin"
"""


class Desk:
    def __init__(self, folder: Path, script: list[str], mail: MailServer, slack: str = "") -> None:
        self.slack, self.now = HttpServer(script), NOW
        self.mail = mail
        (folder / "slack").write_text(f"{self.slack.url}/services/T00/B00/sEcReT12")
        (folder / "slack").chmod(0o600)
        more = f'zone = "Europe/Kyiv"\n{slack}'
        told = channels(self.mail.port, email='min_severity = "watch"', slack=more)
        (folder / "fw.toml").write_text(CONFIG + told)
        self.settings = config.load(folder / "fw.toml", environ={})
        self.ctx: Context

    def put(self, number: int, severity: str = "high") -> None:
        message = Message(f"m{number}", f"m{number}", f"number {number}", "S.", severity).record()
        rows = [Delivery(0, None, c, "notice", message, "pending", 0, self.now, self.now) for c in ("email", "slack")]
        self.ctx.store.add_deliveries(rows)

    def beat(self, minutes: float = 0.0) -> None:
        self.now += timedelta(minutes=minutes)
        for channel in (*self.ctx.channels, *self.ctx.channels):  # what one tells, the other sends in its next beat
            deliver(self.ctx, channel, self.now)

    def mails(self) -> list[str]:
        return [str(mail.message["Subject"]) for mail in self.mail.mails]


@pytest.fixture
def desk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Desk]:
    with MailServer() as mail:
        made = Desk(tmp_path, list(request.param), mail)
        with made.slack, open_store(made.settings.database.url, create=True) as store:
            yield at_work(made, store)


def at_work(made: Desk, store: Store) -> Desk:
    made.ctx = context(made.settings, store, clock=lambda: made.now)
    made.ctx.clock = lambda: made.now

    def pause(seconds: float) -> bool:
        made.now += timedelta(seconds=seconds)
        return False

    made.ctx.pause = pause
    return made


def channel_check(desk: Desk) -> Any:
    return next(c for c in health(desk.settings, desk.now) if c.name == "channel slack")


@pytest.mark.parametrize("desk", [["404 no_service", "404 no_service", "200 ok"]], indirect=True)
def test_a_broken_channel_is_shown_by_health_and_told_once_by_the_other_and_so_is_that_it_works_again(
    desk: Desk,
) -> None:
    desk.put(1)
    desk.beat()

    assert not channel_check(desk).ok
    assert "404" in channel_check(desk).text
    assert "sEcReT12" not in channel_check(desk).text
    assert desk.mails() == ["number 1", "[flightwatch] channel slack: broken, it refuses messages for good"]
    body = desk.mail.mails[1].message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "Not delivered there: number 1" in body
    assert "flightwatch deliveries list --state dead" in body

    desk.put(2)
    desk.beat(20)
    desk.put(3)
    desk.beat(20)

    told = [subject for subject in desk.mails() if subject.startswith("[flightwatch] channel slack")]
    assert sum("broken" in subject for subject in told) == 1
    assert told[-1].endswith("works again")
    assert channel_check(desk).ok
    assert [d.state for d in desk.ctx.store.deliveries(channel="slack") if d.message["title"] == "number 3"] == ["sent"]


@pytest.mark.parametrize("desk", [["503"] * 5], indirect=True)
def test_a_channel_that_does_not_answer_is_shown_by_health_until_it_does(desk: Desk) -> None:
    desk.put(1)
    desk.beat()
    assert channel_check(desk).ok, "one failed try is ordinary trouble"

    for _ in range(60):
        if len(desk.slack.requests) < 5:
            desk.beat(0.5)

    assert len(desk.slack.requests) == 5
    assert not channel_check(desk).ok
    assert "the last 5 tries failed" in channel_check(desk).text

    desk.beat(20)  # no wait is longer than 15 minutes plus jitter
    assert channel_check(desk).ok
    assert [request.json["text"].split(":")[0] for request in desk.slack.taken] == ["number 1"]


def test_what_is_found_at_night_is_one_digest_in_the_morning_but_what_is_grave_is_told_at_once(tmp_path: Path) -> None:
    night = 'quiet_hours = { from = "22:00", to = "07:00", zone = "Europe/Kyiv", unless = "high" }'
    with MailServer() as mail:
        desk = Desk(tmp_path, [], mail, night)
        with desk.slack, open_store(desk.settings.database.url, create=True) as store:
            at_work(desk, store).now = datetime(2024, 12, 14, 22, tzinfo=UTC)  # midnight in Kyiv
            for number in range(6):
                desk.put(number, "watch")
                desk.beat(10)
            desk.put(6, "high")
            desk.beat(10)
            at_night = [request.json["text"] for request in desk.slack.taken]
            desk.now = datetime(2024, 12, 15, 5, tzinfo=UTC)  # seven there
            desk.beat()
            waiting = store.deliveries(state="pending")

    assert len(desk.mails()) == 7, "the desk that has no quiet hours heard of each when it was found"
    assert [text.split(":")[0] for text in at_night] == ["number 6"]
    [digest] = [json.dumps(request.json) for request in desk.slack.taken[1:]]
    assert all(f"number {number}" in digest for number in range(6))
    assert not waiting


@pytest.mark.parametrize("desk", [[]], indirect=True)
def test_a_test_message_goes_to_every_channel_by_the_real_way(desk: Desk) -> None:
    rows = send_test(desk.ctx, desk.now)

    assert {(row.channel, row.state, row.kind) for row in rows} == {
        ("email", "sent", "test"),
        ("slack", "sent", "test"),
    }
    assert "TEST" in desk.mails()[0]
    assert "TEST" in desk.slack.taken[0].json["text"]


@pytest.mark.parametrize("desk", [[]], indirect=True)
def test_each_channel_hears_from_its_severity_on_and_in_its_own_time_and_with_a_map_where_one_is_shown(
    desk: Desk,
) -> None:
    found = {a.channel: (a.severity, a.zone, a.pictures) for a in audiences(desk.ctx)}

    assert found == {"email": ("watch", "Europe/Berlin", True), "slack": ("info", "Europe/Kyiv", False)}
