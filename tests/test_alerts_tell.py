"""What an alert says, and to whom: the message, one delivery per channel, and what the store returns."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from flightwatch import alerts
from flightwatch.records import FLIGHT, conform, empty
from flightwatch.store import open_store
from flightwatch.telling import Alert, Changes, Episode, Message, Telling
from tests.fakes.episodes import MOSCOW_MINSK, RUSSIA, World, surge


@pytest.fixture
def world() -> World:
    return World()


def alert_of(world: World) -> tuple[Alert, pd.DataFrame]:
    surge(world, MOSCOW_MINSK, RUSSIA)
    world.judge(MOSCOW_MINSK, 12, 3.0)
    world.update(12)
    return world.episodes[1].alert, conform(pd.DataFrame(world.flights), FLIGHT)


def test_the_message_says_what_how_unusual_how_sure_and_what_it_is_not(world: World) -> None:
    alert, flights = alert_of(world)

    message = alerts.message(alert, flights, None, "opened", zone="Europe/Berlin")

    assert message.title == "[flightwatch] HIGH Moscow and Minsk to Benghazi: 3 flights in 7 days (usual 0.1)"
    facts = dict(message.facts)
    assert "30 times the usual" in facts["How unusual"]
    assert "at most 1 ordinary day in 10,000 is as strange" in facts["How unusual"]
    assert facts["How sure"].startswith("0 seen at both ends, 2.7 expected")
    assert "adsblol" in facts["Rests on"]
    assert "90%" in facts["Rests on"]
    assert "200 watched days" in facts["Rests on"]
    assert RUSSIA in facts["Also seen by"]
    assert any("Nobody saw the landing of 3 of 3 flights" in note for note in message.notes)
    assert any("Cargo" in note for note in message.notes)
    assert any("adsb.lol, Open Database License" in note for note in message.notes)
    assert 'flightwatch alerts ack 1 --note "' in message.footer
    first = message.flights[0]
    assert first["departed"] == "2024-12-09 02:00 UTC (03:00 Europe/Berlin)"
    assert first["to"] == "probably HLLB (90%)"
    assert first["link"] == "https://globe.adsbexchange.com/?icao=152cba&showTrace=2024-12-09"


def test_an_update_begins_with_the_news_and_every_update_has_its_own_uid(world: World) -> None:
    alert, flights = alert_of(world)
    told = alert.evidence["told"]
    later = replace(alert, evidence=alert.evidence | {"told": told | {"count": 2}})
    latest = replace(alert, evidence=alert.evidence | {"told": told | {"count": 3}})

    opened = alerts.message(alert, flights)
    second = alerts.message(later, flights, kind="updated", news=("1 more flight",))
    third = alerts.message(latest, flights, kind="updated", news=("1 more flight",))

    assert second.summary.startswith("New: 1 more flight.")
    assert len({opened.uid, second.uid, third.uid}) == 3
    assert opened.thread == second.thread == third.thread


def test_one_delivery_per_channel_that_wants_to_hear(world: World) -> None:
    surge(world, MOSCOW_MINSK)
    changes = world.update(12)
    now = datetime(2024, 12, 13, 12, tzinfo=UTC)
    audiences = [
        alerts.Audience("email"),
        alerts.Audience("slack", "high"),
        alerts.Audience("libya", routes=("*libya*",)),
    ]

    rows = alerts.announce(
        changes, audiences, now=now,
        render=lambda e, t, zone, drawn: alerts.message(e.alert, empty(FLIGHT), kind=t.kind, news=t.news),
    )  # fmt: skip

    assert [(d.channel, d.kind, d.alert, d.state) for d in rows] == [("email", "opened", 1, "pending")]
    assert rows[0].message["title"].startswith("[flightwatch] WATCH")


def test_a_message_links_to_the_alerts_page_where_reports_are_published(world: World) -> None:
    alert, flights = alert_of(world)

    linked = alerts.message(alert, flights, None, "opened", base_url="https://news.example/fw/")
    plain = alerts.message(alert, flights, None, "opened")

    assert linked.link == "https://news.example/fw/alerts/1.html"
    assert plain.link == ""
    assert type(linked).of(linked.record()) == linked


def test_each_channel_reads_its_own_local_time_beside_utc_and_each_zone_is_rendered_once(world: World) -> None:
    surge(world, MOSCOW_MINSK)
    changes = world.update(12)
    now = datetime(2024, 12, 13, 12, tzinfo=UTC)
    zones: list[str] = []

    def render(episode: Episode, telling: Telling, zone: str, drawn: bool) -> Message:
        zones.append(zone)
        return alerts.message(episode.alert, conform(pd.DataFrame(world.flights), FLIGHT), kind=telling.kind, zone=zone)

    desks = {"kyiv": "Europe/Kyiv", "utc": "UTC", "berlin": "Europe/Berlin", "warsaw": "Europe/Berlin"}
    rows = alerts.announce(changes, [alerts.Audience(c, zone=z) for c, z in desks.items()], now=now, render=render)

    assert sorted(zones) == ["Europe/Berlin", "Europe/Kyiv", "UTC"]
    departed = {d.channel: d.message["flights"][0]["departed"] for d in rows}
    assert departed["utc"].endswith(" UTC")
    assert departed["kyiv"].startswith(departed["utc"])
    assert departed["kyiv"].endswith(" Europe/Kyiv)")
    assert departed["berlin"] == departed["warsaw"] != departed["kyiv"]


def test_a_channel_that_shows_no_map_gets_none_and_for_it_alone_none_is_drawn(world: World) -> None:
    surge(world, MOSCOW_MINSK)
    changes = world.update(12)
    now = datetime(2024, 12, 13, 12, tzinfo=UTC)
    ways: list[bool] = []

    def render(episode: Episode, telling: Telling, zone: str, drawn: bool) -> Message:
        ways.append(drawn)
        return alerts.message(episode.alert, empty(FLIGHT), kind=telling.kind, picture=b"PNG" if drawn else None)

    desk, hook = alerts.Audience("email"), alerts.Audience("slack", pictures=False)
    both = alerts.announce(changes, [desk, hook], now=now, render=render)
    alerts.announce(changes, [hook], now=now, render=render)

    assert {d.channel: Message.of(d.message).picture for d in both} == {"email": b"PNG", "slack": None}
    assert ways == [True, False, False]


def test_alerts_that_come_back_from_the_store_are_the_same_and_change_nothing(world: World) -> None:
    surge(world, MOSCOW_MINSK, RUSSIA)
    changes = world.update(12)
    now = datetime(2024, 12, 13, 12, tzinfo=UTC)
    flights = conform(pd.DataFrame(world.flights), FLIGHT)
    rows = alerts.announce(
        changes, [alerts.Audience("email")], now=now,
        render=lambda e, t, zone, drawn: alerts.message(e.alert, flights, kind=t.kind),
    )  # fmt: skip

    with open_store("sqlite://", create=True) as store:
        store.save_alerts(changes, rows, now=now)
        world.episodes = {e.alert.id: e for e in store.episodes()}
        kept = [Message.of(d.message) for d in store.deliveries()]

    assert tuple(e.alert for e in world.episodes.values()) == tuple(e.alert for e in changes.opened)
    assert world.update(12, hours=13) == Changes()
    assert kept == [Message.of(row.message) for row in rows]


def test_evidence_is_plain_json_and_survives_a_round_trip(world: World) -> None:
    import json

    surge(world, MOSCOW_MINSK)
    world.judge(MOSCOW_MINSK, 12, 2.7, multiple=np.inf, contributions={"s7": np.float64(0.4)})

    [episode] = world.update(12).opened

    assert json.loads(json.dumps(episode.alert.evidence, allow_nan=False)) == episode.alert.evidence
