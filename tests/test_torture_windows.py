"""Single windows in which something was or could be lost: each as small as possible."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from benchmarks.torture import story
from flightwatch import config
from flightwatch.daemon import Beat
from flightwatch.errors import NotLeaderError, StoreError
from flightwatch.jobs.context import Context
from flightwatch.jobs.cycle import attempt, tick
from flightwatch.jobs.deliver import deliver, hurry
from flightwatch.jobs.setup import context
from flightwatch.leader import lead
from flightwatch.notify.outbox import State
from flightwatch.store import Store, open_store
from flightwatch.telling import Delivery, Message
from tests.fakes.http import HttpServer
from tests.fakes.smtp import MailServer

NOW = datetime(2024, 12, 14, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(str(tmp_path / "fw.db"), create=True) as opened:
        yield opened


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


def desk(folder: Path, store: Store, mail: MailServer, feed: str = "http://127.0.0.1:1") -> Context:
    (folder / "slack").write_text("http://127.0.0.1:1/services/T0/B0/x")
    file = folder / "config.toml"
    file.write_text(story.config("sqlite://", feed, mail.port, folder / "slack", 0))
    ctx = context(config.load(file, environ={}), store, live=True, channels=["email"], sleep=lambda _: None)
    ctx.clock = lambda: NOW
    return ctx


def put(store: Store, number: int = 1, *, next_try: datetime = NOW) -> Delivery:
    message = Message(f"m{number}", f"m{number}", f"number {number}", "S.", "info")
    row = Delivery(0, None, "email", "notice", message.record(), "pending", 0, next_try, NOW)
    return store.add_deliveries([row])[0]


def test_what_a_dead_leader_was_sending_is_taken_up_by_the_next(store: Store) -> None:
    sending = put(store)
    store.claim_delivery(sending.id, NOW)

    with lead(store, 45, stop=threading.Event(), standby=False):
        [found] = store.deliveries()

    assert (found.state, found.doubtful) == ("pending", True)


def test_a_run_that_broke_off_while_sending_is_made_up_for_by_the_next_and_marked(
    tmp_path: Path, store: Store, mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store)
    ctx = desk(tmp_path, store, mail)
    finish = store.finish_delivery

    def full(*_: Any, **__: Any) -> None:
        raise StoreError("the disk is full", kind="full")

    monkeypatch.setattr(store, "finish_delivery", full)
    with pytest.raises(StoreError):
        deliver(ctx, ctx.channels[0], NOW)
    monkeypatch.setattr(store, "finish_delivery", finish)
    deliver(ctx, ctx.channels[0], NOW)

    assert [m.message["Subject"] for m in mail.mails] == ["number 1", "(may be a repeat) number 1"]
    assert [d.state for d in store.deliveries()] == ["sent"]


def test_messages_do_not_wait_for_the_time_of_a_clock_that_was_wrong(
    tmp_path: Path, store: Store, mail: MailServer
) -> None:
    ahead = NOW + timedelta(days=3650)
    put(store, next_try=ahead)
    store.set_mark("channel:email", json.dumps(State(1, ahead, "", ahead).record()))
    ctx = desk(tmp_path, store, mail)

    hurry(ctx, NOW)
    deliver(ctx, ctx.channels[0], NOW)

    assert len(mail.mails) == 1


def test_ten_years_of_missed_beats_are_one(store: Store) -> None:
    beat = Beat(timedelta(seconds=5))
    ahead = NOW + timedelta(days=3650)

    assert beat.get_next_fire_time(None, NOW) == NOW + timedelta(seconds=5)
    assert beat.get_next_fire_time(NOW, NOW) == NOW + timedelta(seconds=5)
    assert beat.get_next_fire_time(NOW, ahead) == ahead + timedelta(seconds=5)


def test_whoever_lost_the_lead_stops_and_stores_nothing(tmp_path: Path, store: Store, mail: MailServer) -> None:
    ctx = desk(tmp_path, store, mail)
    mine = store.take_lease("leader", "a", NOW, 10)
    assert mine is not None
    store.fence(mine)
    with open_store(str(store.url.database)) as other:
        assert other.take_lease("leader", "b", NOW, 10, force=True)

    with pytest.raises(NotLeaderError):
        attempt(ctx, "poll", lambda c, n: c.store.set_mark("a", "1"), NOW)

    assert store.get_mark("a") is None
    assert store.marks("problem:") == {}


def test_an_airframe_heard_once_a_round_still_has_its_flight(tmp_path: Path, store: Store, mail: MailServer) -> None:
    """With one fix per round, the first is no flight and must be looked at again with the second."""
    cycle = 0

    def answer(_: Any) -> tuple[int, dict[str, str], bytes]:
        now = round(story.moment(cycle).timestamp() * 1000)
        body = {"ac": story.heard(cycle, 1), "now": now, "total": 1, "ctime": now, "ptime": 1}
        return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()

    with HttpServer(answer=answer) as feed:
        ctx = desk(tmp_path, store, mail, feed.url)
        ctx.sources[0].clock = lambda: story.moment(cycle)  # type: ignore[attr-defined]
        for cycle in range(story.PHASES):  # the feed and the clock read it
            assert tick(ctx, story.moment(cycle), everything=True) == []

    flights = store.flights()
    busy = flights[flights["icao24"].str.startswith("48")]
    assert len(busy) == story.SURGE
    assert set(zip(busy["estdepartureairport"], busy["estarrivalairport"], strict=True)) == {story.pairs(1)[0]}
