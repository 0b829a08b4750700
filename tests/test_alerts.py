"""Findings become episodes: one story is one alert, told once, kept up to date, closed when quiet."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from flightwatch import alerts
from flightwatch.alerts.words import DOUBTS
from flightwatch.detection import calibration
from flightwatch.records import FLIGHT, SUSPECT, conform
from flightwatch.telling import Changes
from flightwatch.words import LEAST_PROBABILITY
from tests.fakes.episodes import BACK, DAY0, MOSCOW_MINSK, PAIR, ROUTES, RUSSIA, World, surge


@pytest.fixture
def world() -> World:
    return World()


def test_a_surge_opens_one_alert_back_dated_to_its_first_flight(world: World) -> None:
    surge(world, MOSCOW_MINSK)

    changes = world.update(12)

    [episode] = changes.opened
    assert episode.alert.first_day == DAY0 + timedelta(days=8)
    assert episode.alert.last_day == DAY0 + timedelta(days=12)
    assert len(episode.flights) == 3
    assert [(t.alert, t.kind) for t in changes.tell] == [(1, "opened")]


def test_a_second_run_raises_no_second_alert_and_changes_nothing(world: World) -> None:
    surge(world, MOSCOW_MINSK)
    world.update(12)

    again = world.update(12, hours=13)

    assert again == Changes()


def test_routes_that_rest_on_the_same_flights_share_one_alert_named_by_the_most_specific(world: World) -> None:
    surge(world, MOSCOW_MINSK, RUSSIA, PAIR)

    changes = world.update(12)

    [episode] = changes.opened
    assert episode.alert.route == MOSCOW_MINSK
    assert set(episode.alert.routes) == {MOSCOW_MINSK, RUSSIA, PAIR}


def test_a_route_on_other_flights_has_its_own_alert(world: World) -> None:
    surge(world, MOSCOW_MINSK)
    world.fly(11, "Hmeimim to eastern Libya", icao24="160001")
    world.fly(12, "Hmeimim to eastern Libya", icao24="160002")
    world.judge("Hmeimim to eastern Libya", 12, 1.8)

    changes = world.update(12)

    assert [e.alert.route for e in changes.opened] == [MOSCOW_MINSK, "Hmeimim to eastern Libya"]
    assert [e.alert.id for e in changes.opened] == [1, 2]


def test_the_flights_home_belong_to_the_alert_of_the_flights_out(world: World) -> None:
    for day, airframe in ((8, "152cba"), (10, "152cbb"), (12, "152cba")):
        world.fly(day, MOSCOW_MINSK, icao24=airframe, hour=1)
        world.fly(day, BACK, icao24=airframe, hour=15)
    world.judge(MOSCOW_MINSK, 12, 2.7)
    world.judge(BACK, 12, 2.7)

    [episode] = world.update(12).opened

    assert episode.alert.route == MOSCOW_MINSK
    assert episode.alert.routes == (MOSCOW_MINSK, BACK)
    assert episode.alert.evidence["homeward"] == 3
    assert episode.alert.evidence["listed"] == 3


def test_a_surge_on_the_reverse_route_by_other_airframes_is_a_story_of_its_own(world: World) -> None:
    surge(world, MOSCOW_MINSK)
    for day in (10, 11, 12):
        world.fly(day, BACK, icao24=f"43000{day - 10}")
    world.judge(BACK, 12, 2.7)

    assert len(world.update(12).opened) == 2


def test_more_flights_extend_the_episode_and_are_told_after_a_pause(world: World) -> None:
    surge(world, MOSCOW_MINSK)
    world.update(12)
    world.fly(13, MOSCOW_MINSK, icao24="152cbc")
    world.judge(MOSCOW_MINSK, 13, 3.6)

    soon = world.update(12, hours=14)
    later = world.update(13, hours=1)

    assert soon.opened == ()
    assert len(soon.updated) == 1
    assert len(soon.updated[0].flights) == 4
    # three flights and more make it high: raised severity does not wait for the pause
    assert soon.tell[0].kind == "updated"
    assert "severity raised from watch to high" in soon.tell[0].news
    assert later.tell == ()


def test_news_that_is_not_graver_waits_for_the_pause(world: World) -> None:
    surge(world, MOSCOW_MINSK)
    world.judge(MOSCOW_MINSK, 12, 3.0)
    world.update(12)
    world.fly(13, MOSCOW_MINSK, icao24="152cbc")
    world.judge(MOSCOW_MINSK, 13, 4.0)

    assert world.update(12, hours=14).tell == ()
    [telling] = world.update(12, hours=19).tell

    assert telling.news == ("1 more flight",)


def test_a_corrected_destination_is_told(world: World) -> None:
    surge(world, MOSCOW_MINSK, RUSSIA)
    world.update(12)
    world.flights[0] |= {"estarrivalairport": "HLGN", "arrival_candidates": {"HLGN": 0.9}}

    [telling] = world.update(13).tell

    assert telling.kind == "updated"
    assert telling.news == (f"destination of {world.flights[0]['flight_id']} corrected from HLLB to HLGN",)


def test_severity_does_not_fall_while_an_episode_lasts(world: World) -> None:
    surge(world, MOSCOW_MINSK)
    world.judge(MOSCOW_MINSK, 12, 3.0)
    world.update(12)
    world.judge(MOSCOW_MINSK, 12, 1.2)

    world.update(13)

    assert world.episodes[1].alert.severity == "high"


def test_a_quiet_route_closes_its_alert_and_says_so_once(world: World) -> None:
    surge(world, MOSCOW_MINSK)
    world.update(12)
    world.set(1, status="acknowledged")
    world.quiet(MOSCOW_MINSK, 13, 26)
    assert world.update(26).closed == ()
    world.quiet(MOSCOW_MINSK, 27, 27)

    changes = world.update(27)

    assert [t.kind for t in changes.tell] == ["closed"]
    assert world.episodes[1].alert.status == "closed"
    assert world.update(28) == Changes()


def test_a_route_nobody_looked_at_is_not_called_quiet(world: World) -> None:
    surge(world, MOSCOW_MINSK)
    world.update(12)
    world.set(1, status="acknowledged")

    assert world.update(30).closed == ()


def test_findings_after_a_quiet_fortnight_open_a_new_alert_with_its_own_first_day(world: World) -> None:
    surge(world, MOSCOW_MINSK)
    world.update(12)
    world.quiet(MOSCOW_MINSK, 13, 30)
    world.update(28)
    for day in (29, 30):
        world.fly(day, MOSCOW_MINSK, icao24="152cff")
    world.judge(MOSCOW_MINSK, 30, 4.5, window_days=28)

    changes = world.update(30)

    [episode] = changes.opened
    assert episode.alert.id == 2
    assert episode.alert.first_day == DAY0 + timedelta(days=29)
    assert len(episode.flights) == 2


def test_an_alert_nobody_acknowledges_is_told_again_after_the_repeat_interval(world: World) -> None:
    surge(world, MOSCOW_MINSK)
    world.update(12)
    assert world.update(13, hours=11).tell == ()

    [telling] = world.update(13, hours=13).tell
    world.set(1, status="acknowledged")

    assert telling.news == ("nobody has acknowledged it yet",)
    assert world.update(15).tell == ()


def test_two_alerts_that_turn_out_to_rest_on_the_same_flights_become_one(world: World) -> None:
    for day in (10, 12):
        world.fly(day, MOSCOW_MINSK, icao24="152cba")
    world.judge(MOSCOW_MINSK, 12, 1.8)
    world.fly(11, RUSSIA, icao24="152cbb")
    world.fly(12, RUSSIA, icao24="152cbc")
    world.judge(RUSSIA, 12, 1.8)
    assert len(world.update(12).opened) == 2
    for match in list(world.matches):
        other = RUSSIA if match["route"] == MOSCOW_MINSK else MOSCOW_MINSK
        world.matches.append(match | {"route": other})

    changes = world.update(13)

    assert [e.alert.id for e in changes.closed] == [2]
    assert changes.closed[0].alert.reason == "joined to alert 1"
    assert set(world.episodes[1].alert.routes) == {MOSCOW_MINSK, RUSSIA}
    assert "closed" not in {t.kind for t in changes.tell}
    assert world.update(13, hours=13) == Changes()


def test_flights_listed_before_the_matches_reach_back_stay_listed(world: World) -> None:
    surge(world, MOSCOW_MINSK)
    world.update(12)
    world.matches = world.matches[1:]

    world.update(13)

    assert len(world.episodes[1].flights) == 3


@pytest.mark.parametrize(
    ("changed", "level"),
    [
        ({}, "high"),
        ({"observed": 2.4}, "watch"),
        ({"multiple": 3.0}, "watch"),
        ({"multiple": 1.5}, "info"),
        ({"multiple": float("inf")}, "high"),
        ({"probability": 0.01}, "watch"),
        ({"certainty": 0.4}, "watch"),
        ({"certainty": 0.2}, "info"),
        ({"coverage": 0.1}, "info"),
        ({"history_days": 30}, "info"),
        ({"identified": False}, "watch"),
        ({"observed": 0.6}, "info"),
    ],
)
def test_severity_follows_plain_rules(changed: dict[str, Any], level: str) -> None:
    sure = {
        "observed": 4.0, "multiple": 40.0, "probability": 1e-4, "certainty": 0.8, "coverage": 0.9,
        "history_days": 200, "identified": True,
    }  # fmt: skip

    name, why = alerts.severity(**(sure | changed))

    assert name == level
    assert why


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_the_rows_does_not_matter_and_twice_is_once(seed: int) -> None:
    """Random findings on random flights: shuffled input gives the same alerts, and a second run none."""
    rng = np.random.default_rng(seed)
    world = World()
    names = [route.name for route in ROUTES]
    for _ in range(40):
        chosen = rng.choice(names, size=rng.integers(1, 4), replace=False)
        world.fly(
            int(rng.integers(0, 60)), *chosen, icao24=f"{int(rng.integers(1, 20)):06x}", hour=int(rng.integers(0, 24)),
            p=float(rng.uniform(0.1, 1)), suspect="teleport" if rng.random() < 0.1 else "",
        )  # fmt: skip
    world.flights = list({f["flight_id"]: f for f in world.flights}.values())
    world.matches = list({(m["route"], m["flight_id"]): m for m in world.matches}.values())
    for name in names:
        for day in range(60):
            world.judge(name, day, float(rng.uniform(0, 4)), flagged=bool(rng.random() < 0.08))
    other = World()
    other.flights, other.matches, other.findings = list(world.flights), list(world.matches), list(world.findings)
    for rows in (other.flights, other.matches, other.findings):
        rng.shuffle(rows)  # type: ignore[arg-type]

    first, second = world.update(60), other.update(60)

    assert first == second
    starts = [(e.alert.route, e.alert.first_day) for e in world.episodes.values()]
    assert len(set(starts)) == len(starts)
    for hour in range(13, 20):
        world.update(60, hours=hour)
    assert world.update(60, hours=20) == Changes()


@pytest.mark.parametrize("seed", range(2))
def test_walking_through_days_every_finding_is_in_an_alert_and_every_alert_is_told_once(seed: int) -> None:
    """As the daemon does it: each day judged again, with only the last 60 days, nothing silenced."""
    rng = np.random.default_rng(100 + seed)
    history, world = World(), World()
    names = [route.name for route in ROUTES]
    told: list[tuple[int, str]] = []
    found: set[tuple[str, date]] = set()
    for day in range(90):
        if rng.random() < 0.4:
            chosen = rng.choice(names, size=rng.integers(1, 4), replace=False)
            history.fly(day, *chosen, icao24=f"{int(rng.integers(1, 12)):06x}", hour=int(rng.integers(0, 24)))
        for name in names:
            flagged = bool(rng.random() < 0.03)
            history.judge(name, day, float(rng.uniform(1, 4)), flagged=flagged)
            if flagged:
                found.add((name, DAY0 + timedelta(days=day)))
        since = DAY0 + timedelta(days=day - 60)
        world.findings = [row for row in history.findings if row["day"] >= since]
        world.matches = [row for row in history.matches if row["day"] >= since]
        world.flights = history.flights

        changes = world.update(day, hours=20)
        told += [(telling.alert, telling.kind) for telling in changes.tell]
        if day % 9 == 0:
            assert world.update(day, hours=20.1) == Changes()

    covered = {
        (route, date.fromisoformat(d))
        for episode in world.episodes.values()
        for route, record in episode.alert.evidence["routes"].items()
        for d in record["days"]
    }
    assert found <= covered
    for number, episode in world.episodes.items():
        assert told.count((number, "opened")) == 1
        joined = episode.alert.reason.startswith("joined")
        assert told.count((number, "closed")) == (episode.alert.status == "closed" and not joined)


def facts(world: World) -> dict[str, str]:
    [episode] = world.update(12).opened
    return dict(alerts.message(episode.alert, conform(pd.DataFrame(world.flights), FLIGHT)).facts)


def test_how_rare_it_is_is_said_once_and_in_the_words_of_the_finding(world: World) -> None:
    rare = "in 118 simulated years of ordinary traffic on such routes this did not happen"
    surge(world, MOSCOW_MINSK)
    world.judge(MOSCOW_MINSK, 12, 2.7, reasons=["third flight", *(f"sign {n}" for n in range(5)), rare])

    told = facts(world)

    assert f"I{rare[1:]}." in told["How unusual"]
    assert "ordinary day" not in told["How unusual"]
    assert "simulated" not in told["Why it fired"]


@pytest.mark.parametrize(
    ("routes", "said"),
    [((MOSCOW_MINSK,), "flew this route"), ((MOSCOW_MINSK, RUSSIA), "one of the routes of this alert")],
)
def test_the_expected_flights_are_said_of_the_routes_they_are_counted_for(
    world: World, routes: tuple[str, ...], said: str
) -> None:
    surge(world, *routes)

    assert said in facts(world)["How sure"]


def test_a_rarity_no_calibration_carries_is_told_as_a_bound() -> None:
    assert LEAST_PROBABILITY == calibration.LEAST_PROBABILITY


def test_every_mark_of_a_doubted_position_has_words() -> None:
    assert set(DOUBTS) == set(SUSPECT.values())


def test_a_message_lists_flights_of_one_day_by_their_time(world: World) -> None:
    world.fly(12, MOSCOW_MINSK, icao24="152c01", hour=9)
    world.fly(12, MOSCOW_MINSK, icao24="152c02", hour=4)
    world.judge(MOSCOW_MINSK, 12, 1.8)
    [episode] = world.update(12).opened

    message = alerts.message(episode.alert, conform(pd.DataFrame(world.flights), FLIGHT))

    assert [flight["icao24"] for flight in message.flights] == ["152c02", "152c01"]
