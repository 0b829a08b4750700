"""Flights, routes and findings are read as they were stored; rebuilding replaces what it should."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from flightwatch.records import FINDING, FLIGHT, MATCH, ROUTE_DAY, AircraftFilter, Route, conform, empty
from flightwatch.store import Store
from flightwatch.telling import Changes, Episode
from tests.fakes.stored import NOW, airframes, alert, legs, message


def test_flights_come_back_as_they_went_in(store: Store) -> None:
    made = legs(NOW, NOW + timedelta(days=1))

    assert store.upsert_flights(made) == (2, 0)
    assert store.upsert_flights(made) == (0, 2)

    assert_frame_equal(store.flights(with_track=True), made)
    assert store.flights()["track"].tolist() == [None, None]
    assert store.counts(["flight", "track", "candidate"]) == {"flight": 2, "track": 2, "candidate": 2}


def test_flights_are_found_by_day_airframe_airport_and_id(store: Store) -> None:
    midnight = datetime(2024, 12, 15, tzinfo=UTC)
    store.upsert_flights(legs(midnight - timedelta(milliseconds=1), midnight))
    store.upsert_flights(legs(midnight, icao24="abcdef", estarrivalairport="UMMS", arrival_candidates={"UMMS": 1.0}))

    def ids(**conditions: Any) -> list[str]:
        return sorted(store.flights(**conditions)["flight_id"])

    assert ids(days=(date(2024, 12, 14), date(2024, 12, 14))) == ["140a1f-20241214T235959Z"]
    assert ids(icao24="abcdef") == ["abcdef-20241215T000000Z"]
    assert ids(ids=["abcdef-20241215T000000Z", "nobody"]) == ["abcdef-20241215T000000Z"]
    assert ids(airports=["UMMS"]) == ["abcdef-20241215T000000Z"]
    assert len(ids(airports="LY-BCQ")) == 2, "a possible end counts"
    assert ids(airports="LY-BCQ", since=midnight) == ["140a1f-20241215T000000Z"]
    assert len(ids(airports="UUWW")) == 3
    assert ids(newest=True, limit=1) == ["abcdef-20241215T000000Z"]
    assert store.last_flights(["140a1f"], midnight)["flight_id"].tolist() == ["140a1f-20241214T235959Z"]
    assert store.days_with_flights() == (date(2024, 12, 14), date(2024, 12, 15))


def test_only_the_wanted_columns_are_read(store: Store) -> None:
    store.upsert_flights(legs(NOW, NOW + timedelta(days=1)))

    some = ["icao24", "arrival_candidates"]

    for conditions in ({}, {"airports": "HLLB"}, {"newest": True, "limit": 2}):
        found = store.flights(columns=some, **conditions)
        assert list(found.columns) == some
        assert found["arrival_candidates"].tolist() == [{"HLLB": 0.62, "LY-BCQ": 0.31}] * 2


def test_rebuilding_replaces_flights_of_the_scope_only(store: Store) -> None:
    early, late = NOW, NOW + timedelta(days=1)
    store.upsert_flights(legs(early, late))
    store.upsert_flights(legs(late, icao24="abcdef"))
    scope = pd.DataFrame({"icao24": ["140a1f"], "since": [pd.Timestamp(late)]})
    moved = legs(late + timedelta(minutes=5), arrival_candidates={"HLLB": 0.62})
    update = pd.DataFrame(
        [{"flight_id": "x", "field": "arrival", "before": "HLLB", "after": "LY-BCQ", "reason": "seen there next"}]
    )

    for _ in range(2):
        store.replace_flights(moved, scope, update, at=NOW)

    assert sorted(store.flights()["firstseen"]) == [
        pd.Timestamp(early),
        pd.Timestamp(late),
        pd.Timestamp(late) + timedelta(minutes=5),
    ]
    assert store.flights(icao24="abcdef", with_track=True)["track"].tolist() == [b"\x01track"]
    assert store.counts(["track", "candidate"]) == {"track": 3, "candidate": 2}
    assert store.flight_updates("x")["after"].tolist() == ["LY-BCQ"]


def test_flights_of_older_rules_stay_but_count_only_where_no_newer_ones_do(store: Store) -> None:
    early, late = NOW, NOW + timedelta(days=1)
    store.upsert_flights(legs(early, late))

    scope = pd.DataFrame({"icao24": ["140a1f"], "since": [pd.Timestamp(late)]})
    store.replace_flights(legs(late, rules_version="2"), scope)

    assert store.flights()["rules_version"].tolist() == ["1", "2"]
    assert store.flights(superseded=True)["rules_version"].tolist() == ["1", "1", "2"]
    assert store.flights(rules_version="1")["rules_version"].tolist() == ["1", "1"]


def test_open_legs_are_found_by_their_state(store: Store) -> None:
    store.upsert_flights(legs(NOW, NOW + timedelta(days=1)).assign(status=["landed", "airborne"]))

    waiting = store.flights(status="airborne", columns=["icao24", "firstseen"])
    assert waiting.columns.tolist() == ["icao24", "firstseen"]
    assert waiting["firstseen"].tolist() == [pd.Timestamp(NOW + timedelta(days=1))]
    assert len(store.flights(status=["landed", "airborne"])) == 2


def test_a_flight_that_is_reported_and_seen_counts_once(store: Store) -> None:
    next_day = NOW + timedelta(days=1)
    reported = {"rules_version": "list-1", "track": None}
    early = legs(NOW + timedelta(minutes=10), **reported)
    store.upsert_flights(early)
    store.upsert_flights(legs(next_day, **reported))
    scope = pd.DataFrame({"icao24": ["140a1f"], "since": [pd.Timestamp(NOW)]})

    store.replace_flights(legs(NOW), scope)
    assert store.flights()["rules_version"].tolist() == ["1", "list-1"]

    store.replace_flights(legs(NOW, next_day), scope)
    late = legs(next_day + timedelta(minutes=20), next_day + timedelta(hours=4), **reported)
    store.upsert_flights(late)
    assert store.flights()["rules_version"].tolist() == ["1", "1", "list-1"]
    assert store.flights()["firstseen"].iloc[-1] == pd.Timestamp(next_day) + timedelta(hours=4)


def test_a_flight_an_alert_rests_on_stays_although_nothing_like_it_is_built_again(store: Store) -> None:
    told, other = legs(NOW), legs(NOW + timedelta(days=1))
    store.upsert_flights(told)
    store.upsert_flights(other)
    store.save_alerts(Changes(opened=(Episode(alert(), tuple(told["flight_id"])),)), now=NOW)
    scope = pd.DataFrame({"icao24": ["140a1f"], "since": [pd.Timestamp(NOW)]})

    store.replace_flights(empty(FLIGHT), scope, rules_version="1")

    assert store.flights().empty
    assert_frame_equal(store.flights(ids=store.alert_flights(1), with_track=True), told)
    assert store.flights(ids=other["flight_id"]).empty
    store.replace_flights(legs(NOW, rules_version="2"), scope)
    assert store.flights(ids=store.alert_flights(1))["rules_version"].tolist() == ["2"]
    store.replace_flights(told, scope)
    assert store.flights()["rules_version"].tolist() == ["1"]


def test_nothing_left_of_an_airframe_needs_the_version_that_says_so(store: Store) -> None:
    store.upsert_flights(legs(NOW))
    scope = pd.DataFrame({"icao24": ["140a1f"], "since": [pd.Timestamp(NOW)]})

    with pytest.raises(ValueError, match="rules_version"):
        store.replace_flights(empty(FLIGHT), scope)
    store.replace_flights(empty(FLIGHT), scope, rules_version="1")

    assert store.flights().empty


def test_visits_count_ends_that_were_seen_and_not_guesses(store: Store) -> None:
    store.save_aircraft(airframes(operator="224th"), at=NOW)
    store.upsert_flights(legs(NOW, NOW + timedelta(days=1)))

    seen = store.visits()

    assert seen.to_dict("records") == [
        {"icao24": "140a1f", "typecode": "IL76", "operator": "224th", "airport": "UUWW", "flights": 2}
    ]
    assert store.visits(before=NOW).empty
    assert store.visits(icao24s=["abcdef"]).empty
    assert store.visits(icao24s=["abcdef"], typecodes=["IL76"])["flights"].tolist() == [2]


def test_a_changed_definition_is_a_new_version_of_the_route(store: Store) -> None:
    route = Route("r", ("moscow",), ("benghazi",), frozenset({"UUWW"}), None, AircraftFilter(types=("IL76",)))

    assert store.save_routes([route], at=NOW) == ["r"]
    assert store.save_routes([route], at=NOW) == []
    wider = replace(route, origin_airports=frozenset({"UUWW", "UMMS"}))
    assert store.save_routes([wider], at=NOW) == ["r"]

    kept = store.routes()
    assert [replace(r, digest="") for r in kept] == [wider]
    assert store.counts(["route"]) == {"route": 2}
    assert store.save_routes([], at=NOW) == []
    assert store.routes() == []


def test_route_days_and_matches_come_back_as_they_went_in(store: Store) -> None:
    days = pd.date_range("2024-12-01", periods=400, unit="s")
    tallied = conform(
        pd.DataFrame({"route": "r", "day": days, "flights": np.linspace(0, 1, 400), "coverage": 0.5}), ROUTE_DAY
    )
    matched = conform(
        pd.DataFrame(
            {"route": "r", "flight_id": "f", "icao24": "140a1f", "day": days, "probability": 0.6, "confirmed": True}
        ),
        MATCH,
    )
    for _ in range(2):
        store.replace_route_days(tallied)
        store.replace_matches(matched, (date(2024, 12, 1), date(2026, 12, 31)))

    assert_frame_equal(store.route_days("r"), tallied)
    assert_frame_equal(store.matches(["r"]), matched)
    assert len(store.route_days(["r"], date(2024, 12, 2), date(2024, 12, 3))) == 2
    store.replace_matches(empty(MATCH), (date(2024, 12, 2), date(2024, 12, 3)), "other")
    assert len(store.matches()) == 400
    store.replace_matches(empty(MATCH), (date(2024, 12, 2), date(2024, 12, 3)))
    assert len(store.matches()) == 398
    first = store.first_matches("r").iloc[0]
    assert (first["first"], first["flights"]) == (pd.Timestamp("2024-12-01"), 398)
    store.forget_routes("r")
    assert store.counts(["match", "route_day"]) == {"match": 0, "route_day": 0}


def test_newcomers_are_those_not_seen_on_the_route_in_the_time_before(store: Store) -> None:
    flown = [
        ("r", "a", 1),
        ("r", "b", 170),
        ("r", "a", 200),
        ("r", "c", 200),
        ("r", "c", 201),
        ("s", "b", 200),
        ("r", "b", 210),
    ]
    start = date(2024, 1, 1)
    rows = [
        {
            "route": r,
            "icao24": who,
            "flight_id": f"{who}{n}",
            "day": start + timedelta(days=n),
            "probability": 1.0,
            "confirmed": True,
        }
        for r, who, n in flown
    ]
    store.replace_matches(conform(pd.DataFrame(rows), MATCH), (start, start + timedelta(days=400)))

    week = (start + timedelta(days=199), start + timedelta(days=205))

    assert store.newcomers("r", week, memory_days=180)[["icao24", "flights"]].values.tolist() == [["a", 1], ["c", 2]]
    assert store.newcomers("r", week, memory_days=365)["icao24"].tolist() == ["c"]
    assert store.newcomers("s", week, memory_days=180)["icao24"].tolist() == ["b"]


def judged(day: str, model: str, flagged: bool) -> pd.DataFrame:
    values: dict[str, Any] = dict.fromkeys(FINDING, 1.5)
    values |= {"route": "r", "day": day, "model": model, "multiple": float("inf"), "expected": float("nan")}
    values |= {"window_days": 7, "history_days": 90, "flagged": flagged, "reasons": ["3, usual is 1"]}
    values |= {"contributions": {"count": np.float64(0.4)}}
    return conform(pd.DataFrame([values]), FINDING)


def test_of_several_models_the_latest_judgement_is_shown(store: Store) -> None:
    store.save_findings(judged("2024-12-14", "b", flagged=True), at=NOW)
    store.save_findings(judged("2024-12-14", "a", flagged=False), at=NOW + timedelta(days=1))
    store.save_findings(judged("2024-12-15", "a", flagged=True), at=NOW)

    assert store.findings("r")["model"].tolist() == ["a", "a"]
    assert_frame_equal(store.findings(model="b"), judged("2024-12-14", "b", flagged=True))
    assert store.findings(flagged=True)["day"].dt.day.tolist() == [15]
    assert store.findings(until=date(2024, 12, 14))["reasons"].tolist() == [["3, usual is 1"]]


def test_models_are_kept_with_their_artefact(store: Store) -> None:
    assert store.model() is None
    store.save_model({"id": "m1", "seed": 7}, b"fit", at=NOW)
    store.save_model({"id": "m2", "seed": np.int64(8)}, at=NOW + timedelta(days=1))

    assert [m["id"] for m in store.models()] == ["m1", "m2"]
    assert store.model("m1") == ({"id": "m1", "seed": 7, "created": NOW}, b"fit")
    newest = store.model()
    assert newest is not None
    assert newest[0]["seed"] == 8


def test_an_alert_its_flights_and_its_deliveries_are_one(store: Store) -> None:
    changes = Changes(opened=(Episode(alert(), ("f1", "f2")),))

    stored = store.save_alerts(changes, [message(), message("slack")], now=NOW)

    assert [d.id for d in stored] == [1, 2]
    assert store.alerts() == [alert()]
    assert store.episodes("open") == [Episode(alert(), ("f1", "f2"))]
    assert store.deliveries() == stored
    assert store.next_alert_id() == 2
    assert store.alerts(route="RU-LY")
    assert not store.alerts("closed")

    assert store.save_alerts(changes, [message(), message("slack")], now=NOW) == []
    assert store.counts(["alert", "alert_flight", "delivery", "alert_event"]) == {
        "alert": 1,
        "alert_flight": 2,
        "delivery": 2,
        "alert_event": 1,
    }
