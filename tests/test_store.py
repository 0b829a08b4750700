"""The store keeps what it is given, gives it back in the same shape, and writing twice is writing once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from flightwatch.errors import NotLeaderError, StoreError, UsageError
from flightwatch.records import (
    AIRCRAFT,
    FINDING,
    FLIGHT,
    HEARD,
    MATCH,
    OBSERVATION,
    ROUTE_DAY,
    AircraftFilter,
    Alert,
    Changes,
    Delivery,
    Episode,
    Message,
    Notice,
    Poll,
    Route,
    Silence,
    conform,
    empty,
    flight_id,
)
from flightwatch.store import Store, open_store

NOW = datetime(2024, 12, 14, 12, tzinfo=UTC)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    with open_store(database_url, create=True) as opened:
        yield opened


def poll(minutes: int = 0, **values: Any) -> Poll:
    started = NOW + timedelta(minutes=minutes)
    made = Poll("adsblol", "type/IL76", started, started + timedelta(seconds=1), "ok", rejected={"no position": 2})
    return replace(made, **values)


def fixes(count: int = 3, *, address: int = 0x140A1F, start: datetime = NOW) -> pd.DataFrame:
    n = np.arange(count)
    frame = pd.DataFrame(
        {
            "address": np.full(count, address, dtype="uint32"),
            "time": pd.Timestamp(start) + pd.to_timedelta(n * 5_123, unit="ms"),
            "latitude": 55.0 + n / 7,
            "longitude": 37.0 - n / 3,
            "altitude": np.where(n % 2, 35_000.1, np.nan),
            "groundspeed": 440.5 + n,
            "onground": n == 0,
            "callsign": np.where(n % 2, "RFF7074", ""),
            "squawk": "7700",
            "position_type": "adsb_icao",
            "nic": 8,
            "source": "adsblol",
            "suspect": (n % 3).astype("uint8"),
        }
    )
    return conform(frame, OBSERVATION)


def airframes(**values: Any) -> pd.DataFrame:
    row = {"icao24": "140a1f", "registration": "RA-76502", "typecode": "IL76", "operator": "", "flags": 1}
    return conform(pd.DataFrame([{**row, "source": "adsblol", **values}]), AIRCRAFT)


def heard(count: int = 5) -> pd.DataFrame:
    row = {"cell": "32,20", "hour": pd.Timestamp(NOW), "source": "adsblol", "aircraft": count}
    return conform(pd.DataFrame([row]), HEARD)


def legs(*starts: datetime, icao24: str = "140a1f", **values: Any) -> pd.DataFrame:
    rows = [
        {
            "flight_id": flight_id(icao24, s),
            "icao24": icao24,
            "callsign": "RFF7074",
            "callsigns": "RFF7074 RFF7075",
            "typecode": "IL76",
            "firstseen": s,
            "lastseen": s + timedelta(hours=4),
            "estdepartureairport": "UUWW",
            "departure_method": "observed",
            "departure_probability": 1.0,
            "departure_candidates": {"UUWW": 1.0},
            "estarrivalairport": "HLLB",
            "arrival_method": "inferred",
            "arrival_probability": 0.62,
            "arrival_candidates": {"HLLB": 0.62, "LY-BCQ": 0.31},
            "last_latitude": 34.0,
            "points": 120,
            "provenance": [1, "2024.12.14/1f/trace_full_140a1f.json"],
            "rules_version": "1",
            "track": b"\x01track",
            **values,
        }
        for s in starts
    ]
    return conform(pd.DataFrame(rows), FLIGHT)


def failing(store: Store, work: Callable[[], bool]) -> None:
    """Do the work in a transaction that fails after it."""
    with store.transaction():
        assert work()
        raise RuntimeError


def test_a_poll_comes_back_as_it_went_in(store: Store) -> None:
    number = store.save_fetched(poll(kept=3), fixes(), airframes(), heard(), b'{"ac": []}')

    polls = store.polls()
    assert polls["id"].tolist() == [number]
    assert polls.loc[0, "started"] == pd.Timestamp(NOW)
    assert polls.loc[0, "rejected"] == {"no position": 2}
    assert_frame_equal(store.observations(), fixes().assign(poll=number), check_categorical=False)
    assert_frame_equal(store.heard(), heard())
    known = store.aircraft()
    assert_frame_equal(known[list(AIRCRAFT)], airframes())
    assert known.loc[0, "provenance"] == {"registration": "adsblol", "typecode": "adsblol", "flags": "adsblol"}


def test_saving_a_poll_twice_is_saving_it_once(store: Store) -> None:
    first = store.save_fetched(poll(), fixes(), airframes(), heard())
    before = store.counts()

    second = store.save_fetched(poll(), fixes(), airframes(), heard())

    assert second == first
    assert store.counts() == before
    assert store.heard()["aircraft"].tolist() == [5]


def test_large_batches_take_the_bulk_path_and_are_there_once(store: Store) -> None:
    many = pd.concat([fixes(200, address=a) for a in (1, 2, 0xFFFFFF)])
    store.save_fetched(poll(), many.sample(frac=1, random_state=1), empty(AIRCRAFT), empty(HEARD))

    store.save_fetched(poll(1), pd.concat([many, fixes(300, address=2)]), empty(AIRCRAFT), empty(HEARD))

    kept = store.observations()
    assert len(kept) == 700
    assert kept.groupby("address").size().to_dict() == {1: 200, 2: 300, 0xFFFFFF: 200}
    assert store.observations(["000002"])["poll"].value_counts().to_dict() == {1: 200, 2: 100}


def test_an_empty_answer_is_a_poll_without_rows(store: Store) -> None:
    store.save_fetched(poll(outcome="empty"), empty(OBSERVATION), empty(AIRCRAFT), empty(HEARD))

    assert store.polls()["outcome"].tolist() == ["empty"]
    for frame, shape in ((store.observations(), OBSERVATION), (store.heard(), HEARD), (store.flights(), FLIGHT)):
        assert_frame_equal(frame, empty(shape), check_categorical=False)


def test_text_no_database_takes_does_not_lose_the_poll(store: Store) -> None:
    names = pd.Index(["A\x00B", "\ud800", "Ä"], dtype=object)
    bad = fixes(3).assign(callsign=pd.Categorical.from_codes([0, 1, 2], names))

    store.save_fetched(poll(note="\x00\ud800"), bad, airframes(operator="O\x00"), empty(HEARD))

    assert store.observations()["callsign"].tolist() == ["AB", "?", "Ä"]
    assert store.aircraft()["operator"].tolist() == ["O"]


def test_a_piece_read_well_once_is_not_undone_by_a_failure(store: Store) -> None:
    store.save_polls([poll(planned=False, kept=9)])

    store.save_polls([poll(planned=False, outcome="bad_schema")])

    assert store.polls()[["outcome", "kept"]].values.tolist() == [["ok", 9]]
    assert store.poll_ids("adsblol", "type/IL76") == {NOW: (1, "ok")}


def test_polls_of_one_hour_hear_the_same_airframes_and_pieces_of_an_archive_different_ones(store: Store) -> None:
    for n, count in enumerate((5, 7, 6)):
        store.save_fetched(poll(n), empty(OBSERVATION), empty(AIRCRAFT), heard(count))
    assert store.heard()["aircraft"].tolist() == [7]

    for _ in range(2):
        piece = poll(60, planned=False)
        store.save_fetched(piece, empty(OBSERVATION), empty(AIRCRAFT), heard(4), add_heard=True)
    assert store.heard()["aircraft"].tolist() == [11]


def test_pieces_of_an_archive_are_stored_together_and_once(store: Store) -> None:
    polls = [poll(0, planned=False, query="a"), poll(0, planned=False, query="b"), poll(1440, planned=False, query="a")]
    aircraft = [airframes(), airframes(icao24="abcdef"), airframes(registration="RA-1")]

    ids = store.save_pieces(polls, aircraft, [heard(1), heard(2), empty(HEARD)])
    assert store.save_pieces(polls[:2], aircraft[:2], [heard(1), heard(2)]) == ids[:2]
    store.save_polls([replace(polls[0], query="c", outcome="bad_schema")])
    store.save_pieces([replace(polls[0], query="c")], [empty(AIRCRAFT)], [heard(4)])

    assert len(set(ids)) == 3
    assert store.heard()["aircraft"].tolist() == [1 + 2 + 4]
    assert store.aircraft()["registration"].tolist() == ["RA-1", "RA-76502"]
    assert store.polls(source="adsblol")["query"].tolist() == ["a", "b", "c", "a"]


def test_of_an_archive_only_the_newest_tail_is_kept_and_live_fixes_stay(store: Store) -> None:
    live = store.save_fetched(poll(-60), fixes(2, start=NOW - timedelta(hours=1)), empty(AIRCRAFT), empty(HEARD))
    first, second = store.save_polls([poll(n, planned=False) for n in (0, 1)])

    store.keep_tail(fixes(5).assign(poll=first))
    for _ in range(2):
        store.keep_tail(fixes(3, start=NOW + timedelta(hours=9)).assign(poll=second))

    assert store.observations()["poll"].tolist() == [live] * 2 + [second] * 3
    assert store.touched(live).empty, "a tail is not news"


def test_touched_airframes_are_those_with_fixes_after_the_watermark(store: Store) -> None:
    store.save_fetched(poll(), fixes(), empty(AIRCRAFT), empty(HEARD))
    mark = store.last_poll_id()
    later = NOW + timedelta(hours=1)
    store.save_fetched(poll(1), fixes(4, address=0xABCDEF, start=later), empty(AIRCRAFT), empty(HEARD))

    assert store.touched()["icao24"].tolist() == ["140a1f", "abcdef"]
    new = store.touched(mark)
    assert new["icao24"].tolist() == ["abcdef"]
    assert new["first"].tolist() == [pd.Timestamp(later)]
    assert new["last"].tolist() == [pd.Timestamp(later) + timedelta(milliseconds=3 * 5_123)]
    assert store.touched(store.last_poll_id()).empty


def test_the_newest_claim_holds_and_every_claim_is_kept(store: Store) -> None:
    store.save_aircraft(airframes(source="db", operator="Aviacon", flags=8), at=NOW - timedelta(days=900))
    store.save_aircraft(airframes(registration="RA-76503"), at=NOW)
    store.save_aircraft(airframes(registration="RA-76500"), at=NOW - timedelta(days=400))

    known = store.aircraft(["140a1f", "000000"])

    assert known["registration"].tolist() == ["RA-76503"]
    assert known["operator"].tolist() == ["Aviacon"]
    assert known["flags"].tolist() == [1 | 8]
    assert known.loc[0, "provenance"]["operator"] == "db"
    assert known["firstseen"].tolist() == [pd.Timestamp(NOW) - timedelta(days=900)]
    assert store.claims()["registration"].tolist() == ["RA-76502", "RA-76500", "RA-76503"]


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


def alert(number: int = 1, **values: Any) -> Alert:
    made = Alert(
        id=number,
        route="Moscow to Benghazi",
        routes=("Moscow to Benghazi", "RU-LY"),
        opened=NOW,
        first_day=date(2024, 12, 12),
        last_day=date(2024, 12, 14),
        status="open",
        severity="high",
        headline="3 flights, usual is none",
        evidence={"observed": 3.0, "flights": ["a"]},
        updated=NOW,
    )
    return replace(made, **values)


def message(channel: str = "mail", kind: str = "opened", alert: int | None = 1, uid: str = "u") -> Delivery:
    return Delivery(0, alert, channel, kind, {"uid": uid, "title": "Ünusual"}, "pending", 0, NOW, NOW)


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
