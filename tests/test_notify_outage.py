"""Channels that are down for hours, on a simulated clock: real store, real local servers, the daemon's worker."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from flightwatch import notify
from flightwatch.errors import DeliveryError
from flightwatch.notify import email, http
from flightwatch.notify.outbox import Policy, State
from flightwatch.notify.quiet import Quiet
from flightwatch.notify.worker import Clock, Trouble, Worker
from flightwatch.store import Store, open_store
from flightwatch.telling import Alert, Changes, Delivery, Episode, Message
from tests.fakes.http import HttpServer, Request
from tests.fakes.smtp import MailServer
from tests.test_notify_send import settings

START = datetime(2024, 12, 14, 20, 0, tzinfo=UTC)
TICK_S = 10  # simulated seconds between two checks of the outbox


class SimulatedClock:
    def __init__(self) -> None:
        self.time = START

    def pause(self, seconds: float) -> bool:
        self.time += timedelta(seconds=seconds)
        return False

    def clock(self) -> Clock:
        return Clock(lambda: self.time, self.pause)


class Desk:
    """A store with alerts, and one worker per channel, driven as by the daemon."""

    def __init__(self, store: Store, clock: SimulatedClock) -> None:
        self.store, self.clock, self.count = store, clock, 0
        self.states: dict[str, State] = {}
        self.troubles: list[Trouble] = []

    def alert(self, *channels: str, severity: str = "high", kinds: tuple[str, ...] = ("opened",)) -> int:
        """An alert with one message of each kind for each channel."""
        self.count += 1
        number = self.count
        now = self.clock.time
        day = date(2024, 1, 1) + timedelta(days=number)
        alert = Alert(number, f"route {number}", (f"route {number}",), now, day, day, "open", severity, "h", {}, now)
        for kind in kinds:
            message = Message(
                f"alert-{number}-{kind}", f"alert-{number}", f"[flightwatch] alert {number} {kind}", f"{kind}.",
                severity, footer=f"See it all: flightwatch alerts show {number}",
            )  # fmt: skip
            rows = [
                Delivery(0, number, channel, kind, message.record(), "pending", 0, now, now) for channel in channels
            ]
            changes = Changes(opened=(Episode(alert),)) if kind == "opened" else Changes(updated=(Episode(alert),))
            self.store.save_alerts(changes, rows, now=now)
        return number

    def run(self, channel: notify.Channel, seconds: float, *, policy: Policy | None = None) -> None:
        """Run the worker every few seconds of simulated time, for that long."""
        until = self.clock.time + timedelta(seconds=seconds)
        policy = policy or Policy(spacing_s=channel.spacing_s)
        worker = Worker(channel, self.store, policy, self.clock.clock(), random.Random(7))
        while self.clock.time < until:
            state, troubles = worker.drain(self.states.get(channel.name, State()))
            self.states[channel.name] = State.of(state.record())  # as it comes back from the store
            self.troubles += troubles
            self.clock.pause(TICK_S)

    def rows(self, state: str, channel: str) -> list[Delivery]:
        return self.store.deliveries(state=state, channel=channel)


@pytest.fixture
def desk() -> Iterator[Desk]:
    with open_store("sqlite://", create=True) as store:
        yield Desk(store, SimulatedClock())


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "READ_S", 0.1)
    monkeypatch.setattr(email, "TIMEOUT_S", 0.1)


def slack(server: HttpServer) -> notify.Channel:
    return notify.build(settings("slack", webhook=f"{server.url}/services/T00/B00/sEcReT"))


OUTAGE_S = 6 * 3600


@pytest.mark.parametrize("how", ["429 Retry-After=30 slow down", "500 down", "503 Retry-After=60 x", "hang", "reset"])
def test_slack_down_for_six_hours_delivers_each_alert_once_when_it_recovers(how: str, desk: Desk) -> None:
    times: list[datetime] = []

    def answer(_: Request) -> str:
        times.append(desk.clock.time)
        return how if desk.clock.time < START + timedelta(seconds=OUTAGE_S) else "200 ok"

    with HttpServer(answer=answer, hang_s=0.2) as server:
        desk.alert("slack")
        desk.alert("slack", kinds=("opened", "updated"))
        desk.run(slack(server), OUTAGE_S + 1200)

        texts = [request.json["text"] for request in server.taken]
    assert desk.rows("pending", "slack") == desk.rows("dead", "slack") == []
    for words in ("alert 1 opened", "alert 2 opened", "alert 2 updated"):
        assert sum(words in text for text in texts) == 1
    order = [next(i for i, t in enumerate(texts) if f"alert 2 {kind}" in t) for kind in ("opened", "updated")]
    assert order == sorted(order)
    waits = [(b - a).total_seconds() for a, b in pairwise(times)]
    refused = waits[: -len(texts)]
    if "Retry-After" in how:
        assert min(refused) >= float(how.split("Retry-After=")[1].split(maxsplit=1)[0])
    assert min(waits) >= 1.0
    assert len(times) < 800


@pytest.mark.parametrize("how", ["451 4.7.1 greylisted", "421 4.3.2 shutting down", "stall", "refused"])
def test_mail_down_for_six_hours_delivers_each_alert_once_when_it_recovers(how: str, desk: Desk) -> None:
    with MailServer() as probe:
        port = probe.port
    channel = notify.build(settings("email", port=port))
    desk.alert("email", kinds=("opened", "updated"))
    if how == "refused":
        desk.run(channel, OUTAGE_S)
    else:
        with MailServer(default=how, port=port) as server:
            desk.run(channel, OUTAGE_S)
            assert server.mails == []
    with MailServer(port=port) as server:
        desk.run(channel, 1200)
        subjects = [mail.message["Subject"] for mail in server.mails]

    assert [s.removeprefix("(may be a repeat) ") for s in subjects] == [
        "[flightwatch] alert 1 opened", "[flightwatch] alert 1 updated",
    ]  # fmt: skip
    assert desk.rows("pending", "email") == []


def test_two_hundred_waiting_alerts_are_out_within_five_minutes_as_digests(desk: Desk) -> None:
    up = False
    times: list[datetime] = []

    def answer(_: Request) -> str:
        times.append(desk.clock.time)
        return "200 ok" if up else "429 Retry-After=30"

    with HttpServer(answer=answer) as server:
        channel = slack(server)
        for number in range(200):
            desk.alert("slack", severity=("info", "watch", "high")[number % 3])
        desk.run(channel, 3600)
        up, recovered = True, desk.clock.time
        desk.run(channel, 300)
        bodies = [request.body.decode() for request in server.taken]

    assert desk.rows("pending", "slack") == []
    assert len(bodies) == 8
    for number in range(1, 201):
        assert sum(f"alerts show {number})" in body for body in bodies) == 1
    spacing = [(b - a).total_seconds() for a, b in pairwise(times) if b > recovered]
    assert min(spacing) >= 1.0
    assert "200 ok" not in bodies[0]
    assert "25 high" in bodies[0]


@pytest.mark.parametrize("reply", ["403 action_prohibited", "404 no_service", "410 channel_is_archived"])
def test_a_final_answer_of_slack_ends_it_after_one_try_and_is_told_once(reply: str, desk: Desk) -> None:
    with HttpServer(default=reply) as server:
        desk.alert("slack")
        desk.run(slack(server), 600)
        assert len(server.requests) == 1
        desk.alert("slack")
        desk.run(slack(server), 3600)

        requests = len(server.requests)
    assert requests == 2
    assert [d.attempts for d in desk.rows("dead", "slack")] == [1, 1]
    assert desk.states["slack"].broken
    assert [t.kind for t in desk.troubles] == ["broken", "dead"]
    assert desk.troubles[0].titles == ("[flightwatch] alert 1 opened",)
    assert "sEcReT" not in repr(desk.troubles)


def test_a_final_answer_to_a_mail_ends_it_after_one_try(desk: Desk) -> None:
    with MailServer(["550 5.7.1 not here"]) as server:
        channel = notify.build(settings("email", port=server.port))
        desk.alert("email")
        desk.run(channel, 60)
        desk.alert("email")
        desk.run(channel, 1200)

    assert [t.kind for t in desk.troubles] == ["broken", "recovered"]
    assert len(server.mails) == 1
    assert desk.states["email"].broken == ""


def test_a_message_is_given_up_after_a_day_and_not_before_a_first_try(desk: Desk) -> None:
    with HttpServer(default="500 down") as server:
        number = desk.alert("slack")
        desk.clock.pause(26 * 3600)  # the daemon was off
        desk.run(slack(server), 10)

    [dead] = desk.rows("dead", "slack")
    assert dead.alert == number
    assert dead.attempts == 1
    assert "given up after 24 hours" in dead.answer
    assert desk.troubles[0].kind == "dead"


def test_a_send_nobody_saw_the_answer_of_is_repeated_as_a_possible_repeat(desk: Desk) -> None:
    with HttpServer(["taken-reset", "200 ok"]) as server:
        desk.alert("slack")
        desk.run(slack(server), 120)
        first, second = (request.json["text"] for request in server.taken)

    assert not first.startswith("(may be a repeat)")
    assert second == f"(may be a repeat) {first}"


def test_at_most_once_prefers_a_miss_to_a_repeat(desk: Desk) -> None:
    with HttpServer(["taken-reset", "200 ok"]) as server:
        desk.alert("slack")
        desk.run(slack(server), 120, policy=Policy(spacing_s=1.0, at_most_once=True))

    assert len(server.taken) == 1
    assert [d.state for d in desk.store.deliveries(channel="slack")] == ["dead"]
    assert "perhaps it arrived" in desk.store.deliveries(channel="slack")[0].answer


def test_what_was_being_sent_at_a_crash_is_sent_again_as_a_possible_repeat(desk: Desk) -> None:
    class Killed(BaseException):
        pass

    def crash(name: str) -> None:
        if name == "after_send":
            raise Killed

    with HttpServer() as server:
        desk.alert("slack")
        policy = Policy(spacing_s=1.0)
        worker = Worker(slack(server), desk.store, policy, desk.clock.clock(), random.Random(1), crash_point=crash)
        with pytest.raises(Killed):
            worker.drain(State())
        desk.store.recover_deliveries()
        desk.run(slack(server), 60)
        texts = [request.json["text"] for request in server.taken]

    assert len(texts) == 2
    assert texts[1] == f"(may be a repeat) {texts[0]}"


def test_a_channel_that_hangs_does_not_delay_the_other(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "READ_S", 3.0)
    with HttpServer(default="hang", hang_s=3.0) as posts, MailServer() as mails:
        desk.alert("slack", "email")

        def hang() -> None:
            with suppress(DeliveryError):
                slack(posts).send(Message("u", "t", "t", "s", "info"))

        hanging = threading.Thread(target=hang, daemon=True)
        hanging.start()
        while not posts.requests:
            time.sleep(0.01)

        desk.run(notify.build(settings("email", port=mails.port)), TICK_S)

        assert hanging.is_alive()
    assert len(mails.mails) == 1


def test_quiet_hours_delay_all_but_the_gravest_and_send_the_rest_as_one(desk: Desk) -> None:
    night = Quiet(datetime(2000, 1, 1, 22).time(), datetime(2000, 1, 1, 7).time(), "Europe/Berlin")  # noqa: DTZ001
    policy = Policy(spacing_s=1.0, quiet=night)
    with HttpServer() as server:
        channel = slack(server)
        desk.run(channel, 2 * 3600, policy=policy)  # 20:00 to 22:00 UTC, quiet since 21:00
        for _ in range(3):
            desk.alert("slack", severity="watch")
        desk.alert("slack", severity="high")
        desk.run(channel, 600, policy=policy)
        at_night = [request.json["text"] for request in server.taken]
        desk.run(channel, 9 * 3600, policy=policy)  # past 06:00 UTC
        texts = [request.json["text"] for request in server.taken]

    assert at_night == [at_night[0]]
    assert "alert 4" in at_night[0]
    assert len(texts) == 2
    assert "3 messages" in texts[1]
    assert desk.rows("pending", "slack") == []


@pytest.mark.parametrize(
    ("zone", "when", "end"),
    [
        ("Europe/Berlin", "2025-03-29T23:30", "2025-03-30T05:00"),  # the night an hour is skipped
        ("Europe/Berlin", "2025-10-25T23:30", "2025-10-26T06:00"),  # the night an hour is repeated
        ("America/New_York", "2025-03-09T04:00", "2025-03-09T11:00"),
        ("America/New_York", "2025-11-02T04:00", "2025-11-02T12:00"),
        ("Australia/Lord_Howe", "2025-10-04T14:00", "2025-10-04T20:00"),  # half an hour of summer time
        ("UTC", "2025-06-01T23:00", "2025-06-02T07:00"),
    ],
)
def test_quiet_hours_end_by_the_wall_clock_of_their_zone(zone: str, when: str, end: str) -> None:
    night = Quiet(
        datetime.fromisoformat("2000-01-01T22:00").time(), datetime.fromisoformat("2000-01-01T07:00").time(), zone
    )
    moment = datetime.fromisoformat(when).replace(tzinfo=UTC)

    assert night.now(moment)
    assert night.over(moment) == datetime.fromisoformat(end).replace(tzinfo=UTC)
    assert not night.now(night.over(moment))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_whatever_the_servers_answer_nothing_is_lost_and_order_is_kept(seed: int, desk: Desk) -> None:
    """Random schedules of refusals: every alert arrives once, and again only where the first answer was not seen."""
    rng = random.Random(seed)
    doubtful = 0

    def answer(_: Request) -> Any:
        nonlocal doubtful
        if desk.clock.time > START + timedelta(hours=8) or rng.random() < 0.3:
            return "200 ok"
        reply = rng.choice(["429 Retry-After=45", "500 x", "502 x", "503 Retry-After=5", "reset", "taken-reset"])
        doubtful += reply == "taken-reset"
        return reply

    with HttpServer(answer=answer) as server:
        channel = slack(server)
        for _ in range(30):
            desk.alert("slack", kinds=("opened", "updated") if rng.random() < 0.5 else ("opened",))
            desk.run(channel, rng.expovariate(1 / 600))
        desk.run(channel, 9 * 3600)
        bodies = [request.body.decode() for request in server.taken]

    assert {d.state for d in desk.store.deliveries(channel="slack")} == {"sent"}
    copies = 0
    for delivery in desk.store.deliveries(channel="slack"):
        words = f"alert {delivery.alert} {delivery.kind}"
        found = [
            i for i, body in enumerate(bodies) if f"{words}:" in body or f"{words}*" in body or f"{words}\\" in body
        ]
        assert found
        copies += len(found) - 1
    if not doubtful:
        assert copies == 0
