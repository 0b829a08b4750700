"""Findings become episodes: one story is one alert, told once, kept up to date, closed when quiet."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from flightwatch import alerts
from flightwatch.records import (
    FINDING,
    FLIGHT,
    MATCH,
    Alert,
    Changes,
    Episode,
    Message,
    Notice,
    Route,
    Silence,
    Telling,
    conform,
    empty,
    flight_id,
)
from flightwatch.store import open_store

DAY0 = date(2024, 12, 1)
NOON = timedelta(hours=12)
MOSCOW_MINSK = "Moscow and Minsk to Benghazi"
BACK = "Benghazi to Moscow and Minsk"
RUSSIA = "Russia and Belarus to eastern Libya"
PAIR = "RU-LY"

NORTH, BENGHAZI = frozenset({"UUWW", "UMMS"}), frozenset({"HLLB"})
ROUTES = [
    Route(MOSCOW_MINSK, ("moscow", "minsk"), ("benghazi",), NORTH, BENGHAZI),
    Route(BACK, ("benghazi",), ("moscow", "minsk"), BENGHAZI, NORTH),
    Route(RUSSIA, ("RU", "BY"), ("eastern-libya",), NORTH | {"ULLI"}, BENGHAZI | {"HLGN"}),
    Route(PAIR, ("RU",), ("LY",), frozenset({"UUWW", "ULLI"}), BENGHAZI | {"HLGN", "HLLQ"}, discovered=True),
    Route("Hmeimim to eastern Libya", ("hmeimim",), ("eastern-libya",), frozenset({"OSLK"}), BENGHAZI),
]


class World:
    """Flights, matches and findings composed day by day, and the alerts the store would hold."""

    def __init__(self) -> None:
        self.flights: list[dict[str, Any]] = []
        self.matches: list[dict[str, Any]] = []
        self.findings: list[dict[str, Any]] = []
        self.episodes: dict[int, Episode] = {}

    def fly(self, day: int, *routes: str, icao24: str = "152cba", hour: int = 2, p: float = 0.9, **flight: Any) -> str:
        """One flight on that day, matched to these routes."""
        first = datetime.combine(DAY0 + timedelta(days=day), datetime.min.time(), UTC) + timedelta(hours=hour)
        name = flight_id(icao24, first)
        row = {
            "flight_id": name, "icao24": icao24, "callsign": "RFF7681", "registration": "RA-76842", "typecode": "IL76",
            "firstseen": first, "lastseen": first + timedelta(hours=5), "estdepartureairport": "UUWW",
            "departure_method": "observed", "departure_probability": 1.0, "departure_candidates": {"UUWW": 1.0},
            "estarrivalairport": "HLLB", "arrival_method": "inferred", "arrival_probability": p,
            "arrival_candidates": {"HLLB": p}, "source": "adsblol", "provenance": [1], "rules_version": "1",
            "track": None,
        } | flight  # fmt: skip
        self.flights.append(row)
        confirmed = row["arrival_method"] == "observed"
        for route in routes:
            self.matches.append(
                {"route": route, "flight_id": name, "icao24": icao24, "day": DAY0 + timedelta(days=day),
                 "probability": p, "confirmed": confirmed}
            )  # fmt: skip
        return name

    def judge(self, route: str, day: int, observed: float, *, flagged: bool = True, **finding: Any) -> None:
        """A finding of that day; judging a day again replaces what was found."""
        when = DAY0 + timedelta(days=day)
        self.findings = [f for f in self.findings if (f["route"], f["day"]) != (route, when)]
        self.findings.append(
            {"route": route, "day": when, "model": "m1", "window_days": 7, "observed": observed, "expected": 0.1,
             "lower": 0.0, "upper": 1.0, "multiple": observed / 0.1, "probability": 1e-4, "score": 3.0,
             "threshold": 1.0, "flagged": flagged, "reasons": ["third flight, usual is one"], "contributions": {},
             "coverage": 0.9, "history_days": 200} | finding
        )  # fmt: skip

    def quiet(self, route: str, first: int, last: int) -> None:
        for day in range(first, last + 1):
            self.judge(route, day, 0.0, flagged=False)

    def update(self, day: int, *, hours: float = 12, **options: Any) -> Changes:
        """What the job does: update at that time and store the changes."""
        now = datetime.combine(DAY0 + timedelta(days=day), datetime.min.time(), UTC) + timedelta(hours=hours)
        options.setdefault("routes", ROUTES)
        changes = alerts.update(
            conform(pd.DataFrame(self.findings), FINDING) if self.findings else empty(FINDING),
            conform(pd.DataFrame(self.matches), MATCH) if self.matches else empty(MATCH),
            conform(pd.DataFrame(self.flights), FLIGHT) if self.flights else empty(FLIGHT),
            self.episodes.values(),
            now=now,
            **options,
        )
        for episode in (*changes.opened, *changes.updated, *changes.closed):
            self.episodes[episode.alert.id] = episode
        return changes

    def set(self, number: int, **changed: Any) -> None:
        episode = self.episodes[number]
        self.episodes[number] = replace(episode, alert=replace(episode.alert, **changed))


@pytest.fixture
def world() -> World:
    return World()


def surge(world: World, *routes: str) -> None:
    """Three flights on days 8, 10 and 12, flagged on day 12."""
    for day, airframe in ((8, "152cba"), (10, "152cbb"), (12, "152cba")):
        world.fly(day, *routes, icao24=airframe)
    for route in routes:
        world.judge(route, 12, 2.7)


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


def test_a_dismissed_episode_does_not_come_back_for_the_days_that_were_dismissed(world: World) -> None:
    surge(world, MOSCOW_MINSK)
    world.update(12)
    world.set(1, status="dismissed", reason="airshow")
    world.judge(MOSCOW_MINSK, 13, 2.7)  # the window still holds the three flights

    assert world.update(13) == Changes()


def test_new_flights_after_a_dismissal_alert_when_they_are_unusual_by_themselves(world: World) -> None:
    surge(world, MOSCOW_MINSK)
    world.update(12)
    world.set(1, status="dismissed", reason="airshow")
    world.fly(14, MOSCOW_MINSK, icao24="152cee")
    world.judge(MOSCOW_MINSK, 14, 3.6)
    assert world.update(14).opened == ()  # one flight is not above the usual range
    world.fly(15, MOSCOW_MINSK, icao24="152cef")
    world.judge(MOSCOW_MINSK, 15, 4.5)

    [episode] = world.update(15).opened

    assert episode.alert.first_day == DAY0 + timedelta(days=14)


def test_no_alert_rests_only_on_suspect_flights(world: World) -> None:
    for day in (10, 11, 12):
        world.fly(day, MOSCOW_MINSK, icao24=f"15200{day - 10}", suspect="spoof cluster")
    world.judge(MOSCOW_MINSK, 12, 2.7)

    assert world.update(12) == Changes()


def test_a_surge_with_some_suspect_flights_stands_on_the_others(world: World) -> None:
    surge(world, MOSCOW_MINSK)
    world.fly(12, MOSCOW_MINSK, icao24="15200f", hour=5, suspect="teleport")

    [episode] = world.update(12).opened

    assert episode.alert.evidence["suspect"] == 1


def test_a_surge_that_a_correction_takes_away_is_withdrawn_and_can_come_back_as_itself(world: World) -> None:
    surge(world, MOSCOW_MINSK)
    world.update(12)
    world.judge(MOSCOW_MINSK, 12, 0.9, flagged=False)

    withdrawn = world.update(12, hours=20)
    world.judge(MOSCOW_MINSK, 12, 2.7)
    back = world.update(13)

    assert [t.kind for t in withdrawn.tell] == ["closed"]
    assert "corrected" in withdrawn.tell[0].news[0]
    assert back.opened == ()
    assert world.episodes[1].alert.status == "open"


def test_a_silenced_route_is_kept_untold_until_the_silence_ends(world: World) -> None:
    surge(world, MOSCOW_MINSK)
    start = datetime(2024, 12, 1, tzinfo=UTC)
    hush = Silence(1, "*benghazi*", "exercise", "ann", start, start + timedelta(days=12, hours=18))

    silent = world.update(12, silences=[hush])
    after = world.update(12, hours=19, silences=[hush])

    assert len(silent.opened) == 1
    assert silent.tell == ()
    assert "exercise" in silent.opened[0].alert.evidence["silenced"]
    assert [t.kind for t in after.tell] == ["opened"]


def test_a_silence_on_one_watch_does_not_hide_what_another_found(world: World) -> None:
    surge(world, MOSCOW_MINSK, RUSSIA)
    start = datetime(2024, 12, 1, tzinfo=UTC)
    hush = Silence(1, MOSCOW_MINSK, "", "ann", start, start + timedelta(days=90))

    assert [t.kind for t in world.update(12, silences=[hush]).tell] == ["opened"]


def test_a_data_quality_notice_mutes_the_surge_that_rests_on_it(world: World) -> None:
    surge(world, MOSCOW_MINSK)
    first = DAY0 + timedelta(days=7)
    notice = Notice("receivers:LY", "new receivers near Benghazi", datetime(2024, 12, 8, tzinfo=UTC), ("*",), first)

    changes = world.update(12, notices=[notice])

    assert changes.tell == ()
    assert changes.opened[0].alert.evidence["muted"] == "new receivers near Benghazi"


def test_a_notice_does_not_mute_a_surge_that_stands_without_the_doubted_days(world: World) -> None:
    surge(world, MOSCOW_MINSK)
    day = DAY0 + timedelta(days=12)
    notice = Notice("source:x", "x was down", datetime(2024, 12, 13, tzinfo=UTC), (MOSCOW_MINSK,), day, day)

    assert [t.kind for t in world.update(12, notices=[notice]).tell] == ["opened"]


def test_what_is_found_on_the_first_run_is_never_told_but_later_flights_are(world: World) -> None:
    surge(world, MOSCOW_MINSK)
    assert world.update(12, notify=False).tell == ()
    assert world.update(12, hours=23).tell == ()
    world.fly(13, MOSCOW_MINSK, icao24="152cbc")
    world.judge(MOSCOW_MINSK, 13, 3.6)

    [telling] = world.update(13).tell

    assert telling.kind == "opened"


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


def test_evidence_is_plain_json_and_survives_a_round_trip(world: World) -> None:
    import json

    surge(world, MOSCOW_MINSK)
    world.judge(MOSCOW_MINSK, 12, 2.7, multiple=np.inf, contributions={"s7": np.float64(0.4)})

    [episode] = world.update(12).opened

    assert json.loads(json.dumps(episode.alert.evidence, allow_nan=False)) == episode.alert.evidence


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


def test_alerts_that_come_back_from_the_store_are_the_same_and_change_nothing(world: World) -> None:
    surge(world, MOSCOW_MINSK, RUSSIA)
    changes = world.update(12)
    now = datetime(2024, 12, 13, 12, tzinfo=UTC)
    rows = alerts.announce(
        changes, [alerts.Audience("email")], now=now,
        render=lambda e, t, zone: alerts.message(e.alert, conform(pd.DataFrame(world.flights), FLIGHT), kind=t.kind),
    )  # fmt: skip

    with open_store("sqlite://", create=True) as store:
        store.save_alerts(changes, rows, now=now)
        world.episodes = {e.alert.id: e for e in store.episodes()}
        kept = [Message.of(d.message) for d in store.deliveries()]

    assert tuple(e.alert for e in world.episodes.values()) == tuple(e.alert for e in changes.opened)
    assert world.update(12, hours=13) == Changes()
    assert kept == [Message.of(row.message) for row in rows]


@pytest.mark.parametrize("seed", range(2))
def test_walking_through_days_every_finding_is_in_an_alert_and_every_alert_is_told_once(seed: int) -> None:
    """As the daemon does it: each day judged anew, only the last 60 days at hand, nothing silenced."""
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
    assert "once in 27 years" in facts["How unusual"]
    assert facts["How sure"].startswith("0 seen, 2.7 expected")
    assert "adsblol" in facts["Rests on"]
    assert "90%" in facts["Rests on"]
    assert "200 watched days" in facts["Rests on"]
    assert RUSSIA in facts["Also seen by"]
    assert any("destination of 3 of 3 flights is inferred or unknown" in note for note in message.notes)
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
        render=lambda e, t, zone: alerts.message(e.alert, empty(FLIGHT), kind=t.kind, news=t.news),
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

    def render(episode: Episode, telling: Telling, zone: str) -> Message:
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
