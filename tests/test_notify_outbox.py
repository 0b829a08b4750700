"""The outbox's rules: when a message is sent, in which order, with which others, and when it is given up."""

from __future__ import annotations

import random
from datetime import UTC, datetime, time, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flightwatch.errors import ConfigError, DeliveryError
from flightwatch.notify import outbox
from flightwatch.notify.digest import digest
from flightwatch.notify.outbox import Policy, State
from flightwatch.notify.quiet import Quiet
from flightwatch.notify.worker import Clock, Worker
from flightwatch.store import open_store
from flightwatch.telling import Delivery, Message

NOW = datetime(2024, 12, 14, 2, 0, tzinfo=UTC)


def row(
    number: int, *, alert: int | None = None, severity: str = "info", wait_s: float = 0, kind: str = "opened"
) -> Delivery:
    message = Message(f"u{number}", f"t{alert}", f"[flightwatch] title {number}", "Summary.", severity)
    later = NOW + timedelta(seconds=wait_s)
    return Delivery(number, alert, "slack", kind, message.record(), "pending", 0, later, NOW)


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 5), (2, 15), (3, 45), (4, 120), (5, 300), (6, 900), (60, 900)])
def test_retries_wait_longer_each_time_up_to_a_quarter_of_an_hour(attempts: int, seconds: float) -> None:
    waits = [
        (outbox.next_try(attempts, DeliveryError("x"), NOW, random.Random(seed)) - NOW).total_seconds()  # type: ignore[operator]
        for seed in range(200)
    ]

    assert seconds * 0.8 <= min(waits) < max(waits) <= seconds * 1.2


@given(st.floats(0, 1e6), st.integers(1, 100), st.integers())
def test_retry_after_is_never_undercut_and_at_most_six_hours(asked: float, attempts: int, seed: int) -> None:
    again = outbox.next_try(attempts, DeliveryError("429", retry_after=asked), NOW, random.Random(seed))

    assert again is not None
    waited = (again - NOW).total_seconds()
    assert waited >= min(asked, outbox.LONGEST_S)
    assert waited <= outbox.LONGEST_S + 6


@given(
    st.lists(st.tuples(st.integers(1, 6), st.sampled_from(["info", "watch", "high"]), st.integers(-5, 5)), max_size=30)
)
def test_a_batch_keeps_the_order_of_each_alert_and_sends_only_what_is_due(
    given_rows: list[tuple[int, str, int]],
) -> None:
    rows = [row(i, alert=a, severity=s, wait_s=w * 60) for i, (a, s, w) in enumerate(given_rows)]
    shuffled = list(rows)
    random.Random(1).shuffle(shuffled)

    got = outbox.batch(shuffled, Policy(), NOW)

    assert len(got) <= 25
    assert all(d.next_try <= NOW for d in got)
    for alert in {d.alert for d in got}:
        ids = [d.id for d in got if d.alert == alert]
        assert ids == [d.id for d in rows if d.alert == alert][: len(ids)]
    ready = [
        d
        for d in rows
        if d.next_try <= NOW and all(e.next_try <= NOW for e in rows if e.alert == d.alert and e.id < d.id)
    ]
    assert len(got) == (min(25, len(ready)) if len(ready) > 5 else min(1, len(ready)))


def test_the_gravest_goes_first() -> None:
    rows = [row(1, alert=1), row(2, alert=2, severity="watch"), row(3, alert=3, severity="high"), row(4, alert=4)]

    assert outbox.batch(rows, Policy(), NOW)[0].id == 3


def test_a_digest_names_every_message_and_is_recognisable() -> None:
    messages = [Message.of(row(n, alert=n, severity="watch" if n % 2 else "high").message) for n in range(8)]

    one, again = digest(messages), digest(messages)

    assert one == again
    assert one.title == "[flightwatch] HIGH 8 messages: 4 high, 4 watch"
    assert [label for label, _ in one.facts] == [f"title {n}" for n in range(8)]
    assert digest(messages[:1]) == messages[0]
    assert digest(messages[1:]).uid != one.uid


def test_quiet_hours_hold_all_but_what_passes_and_tests() -> None:
    policy = Policy(quiet=Quiet(time(22), time(7), "UTC", unless="watch"))

    assert outbox.batch([row(1, severity="info")], policy, NOW) == []
    assert outbox.batch([row(1, severity="watch")], policy, NOW)
    assert outbox.batch([row(1, severity="info", kind="test")], policy, NOW)
    assert outbox.batch([row(1, severity="info")], policy, NOW + timedelta(hours=6))


def test_quiet_hours_without_an_exception_hold_everything() -> None:
    policy = Policy(quiet=Quiet(time(22), time(7), "UTC", unless=None))

    assert outbox.batch([row(1, severity="high")], policy, NOW) == []


def test_the_policy_is_read_from_the_settings() -> None:
    night = SimpleNamespace(begin=time(22), end=time(7), zone="Europe/Kyiv", unless="high")
    policy = Policy.of(
        SimpleNamespace(spacing_s=1.0),
        SimpleNamespace(quiet_hours=night, delivery="at-most-once"),
        SimpleNamespace(digest_over=3, expire_hours=2.0),
    )

    assert policy == Policy(1.0, 3, 2.0, Quiet(time(22), time(7), "Europe/Kyiv", "high"), True)


def test_a_state_survives_a_restart_to_the_microsecond() -> None:
    state = State(3, NOW + timedelta(microseconds=7), "410", NOW - timedelta(microseconds=1))

    assert State.of(state.record()) == state
    assert State.of(None) == State()


class Broken:
    """A channel that raises what it is given."""

    name, spacing_s = "slack", 0.0

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.sent = list(errors), []

    def send(self, message: Message, *, doubtful: bool = False) -> str:
        if self.errors:
            raise self.errors.pop(0)
        self.sent.append((message.title, doubtful))
        return "ok"


USUAL = Policy()


def drain(channel: Broken, *deliveries: Delivery, policy: Policy = USUAL, claim: bool = False) -> list[Delivery]:
    with open_store("sqlite://", create=True) as store:
        stored = store.add_deliveries(deliveries)
        if claim:  # as left by a process killed while sending
            for delivery in stored:
                store.claim_delivery(delivery.id, NOW)
            store.recover_deliveries()
        clock = Clock(lambda: NOW + timedelta(hours=1), lambda seconds: True)
        Worker(channel, store, policy, clock, random.Random(1)).drain(State())
        return store.deliveries()


def test_whatever_a_channel_raises_the_message_stays_in_the_outbox() -> None:
    channel = Broken(KeyError("a bug"))

    [kept] = drain(channel, row(1))

    assert (kept.state, kept.attempts, kept.doubtful) == ("pending", 1, True)
    assert kept.answer == "channel slack: KeyError"


def test_a_channel_that_is_wrongly_configured_is_broken() -> None:
    [dead] = drain(Broken(ConfigError("the address must be https")), row(1))

    assert (dead.state, dead.answer) == ("dead", "the address must be https")


def test_after_a_crash_at_most_once_gives_up_what_may_have_arrived_and_at_least_once_repeats_it() -> None:
    careful, thorough = Broken(), Broken()

    [dropped] = drain(careful, row(1), policy=Policy(at_most_once=True), claim=True)
    [repeated] = drain(thorough, row(1), claim=True)

    assert (dropped.state, careful.sent) == ("dead", [])
    assert repeated.state == "sent"
    assert thorough.sent == [("[flightwatch] title 1", True)]
