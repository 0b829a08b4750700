"""Alerts, deliveries, notices and leases: related rows are stored in one transaction, by one writer at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

import pytest

from flightwatch.errors import NotLeaderError, StoreError, UsageError
from flightwatch.store import Store, open_store
from flightwatch.telling import Changes, Episode, Message, Notice, Silence
from tests.fakes.stored import NOW, airframes, alert, failing, fixes, heard, legs, message, poll


def test_a_failure_while_alerting_leaves_neither_alert_nor_delivery(store: Store) -> None:
    broken = replace(message(), message={"picture": object()})

    with pytest.raises(TypeError):
        store.save_alerts(Changes(opened=(Episode(alert(), ("f1",)),)), [message("slack"), broken], now=NOW)

    assert store.counts(["alert", "alert_flight", "delivery", "alert_event"]) == dict.fromkeys(
        ["alert", "alert_flight", "delivery", "alert_event"], 0
    )


def test_every_change_of_an_alert_is_told_once_and_remembered(store: Store) -> None:
    store.save_alerts(Changes(opened=(Episode(alert(), ("f1",)),)), [message()], now=NOW)
    for n in (1, 2):
        grown = alert(headline=f"{3 + n} flights", updated=NOW + timedelta(days=n))
        update = Changes(updated=(Episode(grown, ("f2", "f1")),))
        assert len(store.save_alerts(update, [message(kind="updated")], now=NOW + timedelta(days=n))) == 1
    dismissed = store.set_alert(1, "dismissed", by="desk", reason="an exercise", now=NOW + timedelta(days=3))

    assert (dismissed.status, dismissed.by, dismissed.reason) == ("dismissed", "desk", "an exercise")
    assert store.alert_flights(1) == ["f1", "f2"]
    assert store.alert_events(1)["headline"].tolist() == [
        "3 flights, usual is none",
        "4 flights",
        "5 flights",
        "5 flights",
    ]
    assert store.alert_events(1)["status"].tolist() == ["open", "open", "open", "dismissed"]
    with pytest.raises(UsageError, match="no alert 9"):
        store.alert(9)


def test_a_notice_is_told_once_per_channel(store: Store) -> None:
    told = [message("mail", "notice", None, "down"), message("slack", "notice", None, "down")]

    assert len(store.add_deliveries(told)) == 2
    assert store.add_deliveries(told) == []
    assert len(store.add_deliveries([message("mail", "notice", None, "up")])) == 1


def test_a_delivery_is_sent_by_one_and_in_doubt_after_a_crash(store: Store) -> None:
    store.add_deliveries([message(kind="notice", alert=None)])
    assert store.due_deliveries(NOW - timedelta(seconds=1)) == []
    (due,) = store.due_deliveries(NOW, "mail")

    taken = store.claim_delivery(due.id, NOW)
    assert taken is not None
    assert (taken.state, taken.attempts) == ("sending", 1)
    assert store.claim_delivery(due.id, NOW) is None

    (again,) = store.recover_deliveries()
    assert (again.state, again.doubtful) == ("pending", True)
    assert store.recover_deliveries() == []

    store.claim_delivery(due.id, NOW)
    store.finish_delivery(due.id, "pending", answer="451 later", next_try=NOW + timedelta(seconds=5))
    assert store.due_deliveries(NOW) == []
    assert store.claim_delivery(due.id, NOW) is None
    store.claim_delivery(due.id, NOW + timedelta(seconds=5))
    store.finish_delivery(due.id, "sent", answer="250 ok", sent=NOW + timedelta(seconds=6))

    (done,) = store.deliveries(state="sent")
    assert (done.attempts, done.sent, done.answer) == (3, NOW + timedelta(seconds=6), "250 ok")
    assert store.delivery_counts() == {("mail", "sent"): 1}
    with pytest.raises(UsageError):
        store.retry_delivery(done.id, NOW)


def test_a_message_keeps_its_map_until_it_was_taken_and_its_words_for_good(store: Store) -> None:
    told = replace(
        message(kind="notice", alert=None), message=Message("u", "t", "T", "S.", "high", picture=b"x").record()
    )
    (made,) = store.add_deliveries([told])

    for state in ("pending", "dead"):
        store.finish_delivery(made.id, state, answer="no")
        assert Message.of(store.deliveries(id=made.id)[0].message).picture == b"x"
    store.finish_delivery(made.id, "sent", answer="ok", sent=NOW)

    (kept,) = store.deliveries(id=made.id)
    assert Message.of(kept.message) == Message("u", "t", "T", "S.", "high")


def test_a_dead_delivery_can_be_tried_again(store: Store) -> None:
    (made,) = store.add_deliveries([message(kind="test", alert=None)])
    store.claim_delivery(made.id, NOW)
    store.finish_delivery(made.id, "dead", answer="550 no")

    assert store.retry_delivery(made.id, NOW + timedelta(days=2)).state == "pending"
    assert [d.id for d in store.due_deliveries(NOW + timedelta(days=2))] == [made.id]


def test_silences_hold_until_they_expire(store: Store) -> None:
    silence = store.add_silence(Silence(0, "RU-*", "exercise", "desk", NOW, NOW + timedelta(days=2)))

    assert store.silences(NOW) == [silence]
    store.expire_silence(silence.id, NOW + timedelta(days=1))
    assert store.silences(NOW + timedelta(days=1)) == []
    assert len(store.silences()) == 1
    with pytest.raises(UsageError, match="no running silence"):
        store.expire_silence(silence.id, NOW + timedelta(days=1))


def test_a_running_cause_is_one_notice(store: Store) -> None:
    down = Notice("source adsblol", "adsb.lol is silent", NOW, ("r",), date(2024, 12, 14), date(2024, 12, 14))

    assert store.save_notices([down]) == [down]
    assert store.save_notices([replace(down, started=NOW + timedelta(hours=1), text="still")]) == []
    assert [(n.started, n.text) for n in store.notices(running=True)] == [(NOW, "still")]
    store.save_notices([replace(down, ended=NOW + timedelta(hours=2))])
    assert store.notices(running=True) == []
    again = replace(down, started=NOW + timedelta(days=1))
    assert store.save_notices([again]) == [again]
    assert len(store.notices()) == 2


def test_marks_are_kept_and_forgotten(store: Store) -> None:
    store.set_mark("job:poll", "1")
    store.set_mark("job:poll", "2")
    store.set_mark("other", "x")

    assert store.get_mark("job:poll") == "2"
    assert store.marks("job:") == {"job:poll": "2"}
    store.set_mark("job:poll", None)
    assert store.get_mark("job:poll") is None


def test_a_cycle_is_taken_once_and_given_back_when_its_work_fails(store: Store) -> None:
    with pytest.raises(RuntimeError):
        failing(store, lambda: store.claim_cycle("poll", NOW, "a"))

    assert store.claim_cycle("poll", NOW, "b")
    assert not store.claim_cycle("poll", NOW, "a")


def test_a_lease_passes_on_when_it_expires_and_the_old_holder_is_fenced(store: Store, database_url: str) -> None:
    old = store.take_lease("leader", "a", NOW, 30)
    assert old is not None
    store.fence(old)
    store.set_mark("x", "1")
    later = NOW + timedelta(seconds=31)

    with open_store(database_url) as other:
        assert other.take_lease("leader", "b", NOW, 30) is None
        new = other.take_lease("leader", "b", later, 30)
        assert new is not None
        assert (new.epoch, new.holder) == (2, "b")

        with pytest.raises(NotLeaderError):
            store.set_mark("x", "2")
        assert store.get_mark("x") == "1"
        store.fence(None)
        assert store.renew_lease(old, later, 30) is None
        kept = other.renew_lease(new, later + timedelta(seconds=20), 30)
        assert kept == store.lease("leader")
        other.release_lease(new, later)
        assert store.take_lease("leader", "a", later, 30) is not None


@dataclass(frozen=True)
class Keep:
    observations_days: float = 14.0
    bodies_days: float = 7.0
    polls_days: float = 400.0
    heard_days: float = 800.0
    tracks_days: float = 800.0
    deliveries_days: float = 400.0


def test_pruning_forgets_the_old_but_never_what_an_alert_rests_on(store: Store) -> None:
    old = NOW - timedelta(days=30)
    for n, address in enumerate((0x140A1F, 0xABCDEF)):
        store.save_fetched(
            poll(-30 * 1440 + n, sha256=f"{n}"), fixes(50, address=address, start=old), airframes(), heard(), b"{}"
        )
    store.save_fetched(poll(sha256="new"), fixes(5, address=0xABCDEF), airframes(), heard(), b"[]")
    flown = legs(old, lastseen=old + timedelta(minutes=2), provenance=[1])
    store.upsert_flights(flown)
    store.save_alerts(Changes(opened=(Episode(alert(), tuple(flown["flight_id"])),)), now=NOW)

    gone = store.prune(Keep(), NOW)

    assert gone["body"] == 1
    assert (store.body("0"), store.body("1"), store.body("new")) == (b"{}", None, b"[]")
    left = store.observations()
    assert left.groupby("address").size().to_dict() == {0x140A1F: 24, 0xABCDEF: 5}  # 2 minutes at 5.1 s
    assert gone["observation"] == 50 + 26
    assert store.prune(Keep(), NOW)["observation"] == 0
    store.prune(Keep(), NOW + timedelta(days=1000))
    assert store.polls()["id"].tolist() == [1]
    assert len(store.flights()) == 1


def test_several_writes_in_one_transaction_are_all_or_nothing(store: Store) -> None:
    def work() -> bool:
        store.set_mark("a", "1")
        store.upsert_flights(legs(NOW))
        return store.get_mark("a") == "1"  # a transaction sees its own writes

    with pytest.raises(RuntimeError):
        failing(store, work)

    assert store.get_mark("a") is None
    assert store.flights().empty


def test_a_store_opened_read_only_cannot_write(store: Store, database_url: str) -> None:
    store.set_mark("a", "1")
    with open_store(database_url, readonly=True) as reader:
        assert reader.get_mark("a") == "1"
        with pytest.raises(AssertionError):
            reader.set_mark("a", "2")
        with pytest.raises(StoreError), reader.reading() as connection:
            connection.exec_driver_sql("UPDATE mark SET value = '3'")
    assert store.get_mark("a") == "1"
