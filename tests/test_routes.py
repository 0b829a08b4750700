"""Routes: what they resolve to, which flights count, with what probability, and what a day adds up to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flightwatch import airports as airports_module
from flightwatch import config, places, routes, tracks
from flightwatch.errors import ConfigError
from flightwatch.records import AIRCRAFT, FLIGHT, OBSERVATION, ROUTE_DAY, AircraftFilter, Route, conform, flight_id

AIRPORTS = airports_module.load()
SHIPPED = routes.resolve(config.load(None, {}).routes, places.resolve(config.load(None, {}).places, AIRPORTS), AIRPORTS)
BY_NAME = {route.name: route for route in SHIPPED}
DAY = date(2024, 12, 14)
NOON = datetime(2024, 12, 14, 12, tzinfo=UTC)


def route(name="r", origin=("A",), destination=("B",), **wanted) -> Route:
    ends = [None if end is None else frozenset(end) for end in (origin, destination)]
    return Route(name, origin or ("anywhere",), destination or ("anywhere",), *ends, AircraftFilter(**wanted))


def flight(departure, arrival, when=NOON, icao24="140a1f", **more) -> dict:
    """One flight; an end is a candidates dict, an airport seen for sure, or None for unknown."""
    row = {"icao24": icao24, "firstseen": when, "lastseen": when + timedelta(hours=5), "rules_version": "1"}
    row |= {"flight_id": flight_id(icao24, when), "provenance": [], "track": None}
    for end, given_ in (("departure", departure), ("arrival", arrival)):
        sure = isinstance(given_, str)
        candidates = {given_: 1.0} if sure else (given_ or {})
        best = max(candidates, key=candidates.get) if candidates else ""
        row |= {
            f"est{end}airport": best,
            f"{end}_candidates": candidates,
            f"{end}_probability": candidates.get(best, 0.0),
            f"{end}_method": "observed" if sure else ("inferred" if candidates else "unknown"),
        }
    return row | more


def frame(*flights: dict) -> pd.DataFrame:
    return conform(pd.DataFrame(list(flights)), FLIGHT)


def aircraft(**known: dict) -> pd.DataFrame:
    return conform(
        pd.DataFrame([{"icao24": icao24.removeprefix("x"), "flags": 0} | row for icao24, row in known.items()]),
        AIRCRAFT,
    )


def track(points, minutes) -> bytes:
    """An encoded track of fixes so many minutes apart."""
    rows = {
        "time": [NOON + timedelta(minutes=minutes * n) for n in range(len(points))],
        "latitude": [lat for lat, _ in points],
        "longitude": [lon for _, lon in points],
        "address": 0x140A1F,
        "altitude": 35000.0,
        "groundspeed": 450.0,
    }
    return tracks.encode(conform(pd.DataFrame(rows), OBSERVATION))


def tallied(flights, watched, days=(DAY, DAY), **more) -> pd.DataFrame:
    known = more.get("aircraft")
    return routes.tally(routes.match(flights, watched, known), flights, watched, days, **more)


def test_shipped_routes_count_cargo_types_that_ask_not_to_be_shown_and_no_other():
    """Belarusian Il-76s carry the LADD mark; a business jet on the same route keeps its owner's wish."""
    flights = frame(
        flight("UMMS", "HLLB", icao24="510280", typecode="IL76"),
        flight("UMMS", "HLLB", icao24="a00001", typecode="GLF6"),
    )
    known = aircraft(x510280={"flags": 8}, xa00001={"flags": 8})
    found = routes.match(flights, [BY_NAME["Moscow and Minsk to Benghazi"]], known)
    assert found["icao24"].tolist() == ["510280"]


def test_shipped_routes_resolve_in_both_directions():
    there = BY_NAME["Russia and Belarus to eastern Libya"]
    back = BY_NAME["Eastern Libya to Russia and Belarus"]

    assert there.origin_airports == back.destination_airports
    assert {"UUMU", "UMLI"} <= there.origin_airports
    assert BY_NAME["Arrivals at Al Khadim"].origin_airports is None
    assert BY_NAME["Heavy military types to Libya"].aircraft == AircraftFilter(heavy=True, military=True)
    assert len({r.digest for r in SHIPPED}) == len(SHIPPED)


def test_a_digest_is_of_what_is_counted_not_of_the_words_for_it():
    known = places.resolve([config.PlaceSettings(name="benina", airports=("HLLB",))], AIRPORTS)
    named = [
        config.RouteSettings(name="a", origin="UUDD", destination="benina"),
        config.RouteSettings(name="b", origin="DME", destination="HLLB"),
        config.RouteSettings(name="c", origin="UUDD", destination="HLLB", aircraft={"types": ["IL76"]}),
    ]

    a, b, c = (r.digest for r in routes.resolve(named, known, AIRPORTS))

    assert a == b != c


def test_ends_that_nobody_knows_are_all_named_with_near_misses():
    known = places.resolve([config.PlaceSettings(name="benghazi", airports=("HLLB",))], AIRPORTS)
    wrong = [
        config.RouteSettings(name="one", origin="UUDD", destination="bengazi"),
        config.RouteSettings(name="two", origin="UUDDX", destination="benghazi"),
        config.RouteSettings(name="off", origin="nowhere", enabled=False),
    ]

    with pytest.raises(ConfigError) as error:
        routes.resolve(wrong, known, AIRPORTS)

    lines = str(error.value).splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("route 'one'")
    assert "did you mean benghazi" in lines[0]


def test_a_seen_flight_counts_once_and_for_sure_on_every_route_over_its_ends():
    found = routes.match(frame(flight("UUDD", "HLLB")), SHIPPED)

    assert set(found["route"]) == {"Moscow and Minsk to Benghazi", "Russia and Belarus to eastern Libya"}
    assert found["probability"].tolist() == [1.0, 1.0]
    assert found["confirmed"].all()
    assert found["day"].dt.date.tolist() == [DAY, DAY]


def test_an_unseen_arrival_counts_by_its_candidates():
    found = routes.match(frame(flight("UUDD", {"HLLB": 0.5, "HL59": 0.25, "HLLM": 0.1})), SHIPPED)
    likely = found.set_index("route")["probability"]

    assert likely["Moscow and Minsk to Benghazi"] == 0.5
    assert likely["Russia and Belarus to eastern Libya"] == 0.75
    assert likely["Arrivals at Al Khadim"] == 0.25
    assert not found["confirmed"].any()


def test_a_departure_nobody_knows_still_counts_for_arrivals():
    found = routes.match(frame(flight(None, "LY-BCQ"), flight(None, None, icao24="140a20")), SHIPPED)

    assert found["route"].tolist() == ["Arrivals at Brak al-Shati"]
    assert found["probability"].tolist() == [1.0]
    assert found["confirmed"].tolist() == [True]


def test_a_hop_inside_one_place_counts_once_and_has_no_reverse():
    hop = frame(flight({"A": 0.5, "B": 0.5}, {"A": 0.5, "B": 0.5}))
    inside = route("inside", ("A", "B"), ("B", "A"))

    day = tallied(hop, [inside, route("there"), route("back", ("B",), ("A",))]).set_index("route")

    assert day.loc["inside", "flights"] == 1.0
    assert day.loc["inside", "reverse"] == 0.0
    assert day.loc["there", "flights"] == day.loc["there", "reverse"] == 0.25


def test_imported_flights_without_candidates_count_by_their_airports():
    told = flight(None, None, estdepartureairport="A", estarrivalairport="B", icao24="")
    told |= {"departure_method": "reported", "arrival_method": "reported"}

    found = routes.match(frame(told), [route()])

    assert found["probability"].tolist() == [1.0]
    assert found["confirmed"].all()


def test_probabilities_above_one_are_not_believed():
    assert routes.match(frame(flight({"A": 0.9, "C": 0.9}, "B")), [route()])["probability"].tolist() == [0.5]


@pytest.mark.parametrize(
    ("wanted", "counted"),
    [
        ({"types": ("IL76",)}, {"plain", "ladd"}),
        ({"types": ("il76", "C17")}, {"plain", "ladd", "globe"}),
        ({"military": True}, {"flag", "globe", "pia_mil"}),
        ({"military": False}, {"plain", "jet"}),
        ({"heavy": True}, {"plain", "globe"}),
        ({"heavy": False}, {"flag", "jet"}),
        ({"operators": ("aviacon",)}, {"plain"}),
        ({"operators": ("TUP",)}, {"flag"}),
        ({"icao24": ("00000C",)}, {"private"}),
        ({}, {"plain", "flag", "globe", "jet"}),
        ({"hidden_types": ("IL76",)}, {"plain", "flag", "globe", "jet", "ladd"}),
    ],
)
def test_the_aircraft_filter_and_the_wish_not_to_be_shown(wanted, counted):
    names = ["plain", "flag", "globe", "jet", "ladd", "private", "pia_mil"]
    codes = [f"00000{n:x}" for n in (1, 2, 3, 4, 0xB, 0xC, 0xD)]
    types = ["", "AN26", "C17", "B738", "IL76", "GLF6", ""]
    flights = frame(
        *[
            flight("A", "B", icao24=code, typecode=kind, callsign="TUP1234" if name == "flag" else "TUPOLEV")
            for name, code, kind in zip(names, codes, types, strict=True)
        ]
    )
    known = aircraft(
        x000001={"typecode": "IL76", "operator": "Aviacon Zitotrans"},
        x000002={"flags": 1},
        x00000b={"flags": 8},
        x00000c={"flags": 8},
        x00000d={"flags": 1 | 4},
    )

    found = routes.match(flights, [route(**wanted)], known)

    assert {names[codes.index(code)] for code in found["icao24"]} == counted


def test_a_private_aircraft_makes_no_discovered_route_either():
    flights = frame(*[flight("UUDD", "HLLB", NOON + timedelta(days=n), icao24="00000c") for n in range(5)])

    assert [r.name for r in routes.discover(flights, AIRPORTS)] == ["RU to LY"]
    assert routes.discover(flights, AIRPORTS, aircraft=aircraft(x00000c={"flags": 8})) == []


def test_discovered_pairs_have_history_and_are_not_watched_already():
    flights = frame(
        *[flight("UUDD", {"HLLB": 0.5, "HLLM": 0.3}, NOON + timedelta(days=n)) for n in range(10)],
        *[flight("HLLB", "HLLM", NOON + timedelta(days=n, hours=6)) for n in range(10)],
        *[flight("LTFM", "HLLM", NOON + timedelta(days=n, hours=1)) for n in range(20)],
        flight("UMMS", "HLLB", NOON, icao24="510001"),
    )

    countries = routes.discover(flights, AIRPORTS, "country")
    airports = routes.discover(flights, AIRPORTS, "airport")

    assert [r.name for r in countries] == ["TR to LY", "RU to LY"]
    assert all(r.discovered and r.digest for r in countries)
    assert "LY-BCQ" in countries[0].destination_airports
    assert [r.name for r in airports] == ["LTFM to HLLM", "HLLB to HLLM", "UUDD to HLLB", "UUDD to HLLM"]
    assert [r.name for r in routes.discover(flights, AIRPORTS, "country", max_routes=1)] == ["TR to LY"]
    assert routes.discover(flights, AIRPORTS, "none") == []
    assert [r.name for r in routes.discover(flights, AIRPORTS, "country", known=countries[:1])] == ["RU to LY"]
    with pytest.raises(ConfigError, match="country, airport, none"):
        routes.discover(flights, AIRPORTS, "city")


def test_days_without_flights_are_rows_too():
    days = tallied(frame(flight("A", "B")), [route(), route("other", ("X",))], (date(2024, 12, 1), date(2024, 12, 31)))

    assert list(days.columns) == list(ROUTE_DAY)
    assert len(days) == 62
    assert days["flights"].sum() == 1.0
    assert days.loc[days["flights"] > 0, "day"].dt.date.tolist() == [DAY]
    assert days["route"].tolist() == ["r"] * 31 + ["other"] * 31
    assert (days["coverage"] == 1.0).all()


def test_nothing_at_all_gives_zeros_not_an_error():
    days = tallied(frame(flight("A", "B")).iloc[:0], [route()], (DAY, DAY))

    assert days["flights"].tolist() == [0.0]
    assert tallied(frame(flight("A", "B")), [], (DAY, DAY)).empty


def test_a_flight_over_midnight_counts_for_the_day_it_began():
    late = frame(flight("A", "B", datetime(2024, 12, 13, 23, 59, 59, tzinfo=UTC)))

    days = tallied(late, [route()], (date(2024, 12, 13), DAY))

    assert days["flights"].tolist() == [1.0, 0.0]


def test_an_airframe_is_new_for_half_a_year_after_it_was_last_there():
    first = datetime(2024, 1, 1, 12, tzinfo=UTC)
    flights = frame(*[flight("A", "B", first + timedelta(days=n)) for n in (0, 180, 361)])

    days = tallied(flights, [route()], (date(2024, 1, 1), date(2024, 12, 31)))
    new = days.set_index("day")["newcomers"]

    assert new.loc["2024-01-01"] == pytest.approx(1.0)
    assert new.loc["2024-06-29"] == pytest.approx(0.0, abs=1e-9)  # 180 days later: remembered
    assert new.loc["2024-12-27"] == pytest.approx(1.0)  # 181 days later: forgotten


def test_a_newcomer_that_was_perhaps_there_before_is_half_a_newcomer():
    flights = frame(
        flight({"A": 0.5}, "B", NOON - timedelta(days=3)),
        flight("A", "B"),
        flight("A", "B", NOON + timedelta(hours=6)),
        flight("A", "B", icao24="140a20"),
    )

    day = tallied(flights, [route()]).iloc[0]

    assert day["flights"] == 3.0
    assert day["newcomers"] == pytest.approx(0.5 + 0.5 + 1.0)
    assert day["aircraft"] == pytest.approx(2.0)


def test_earlier_matches_may_come_from_the_store():
    flights = frame(flight("A", "B", NOON - timedelta(days=3)), flight("A", "B"))
    matches = routes.match(flights, [route()])

    whole = routes.tally(matches, flights, [route()], (DAY, DAY))
    parts = routes.tally(matches[1:], flights[1:], [route()], (DAY, DAY), earlier=matches[:1])

    assert whole["newcomers"].tolist() == parts["newcomers"].tolist()
    assert whole["newcomers"].iloc[0] == pytest.approx(0.0, abs=1e-9)
    assert parts["region_newcomers"].tolist() == [1.0]  # nobody told it of the arrival before
    assert whole["region_newcomers"].iloc[0] == pytest.approx(0.0, abs=1e-9)


def test_new_to_the_route_is_not_new_to_the_region():
    flights = frame(flight("X", "B", NOON - timedelta(days=30)), flight("A", "B"))

    day = tallied(flights, [route()]).iloc[0]

    assert day["newcomers"] == 1.0
    assert day["region_newcomers"] == pytest.approx(0.0, abs=1e-9)


def test_unknown_airframes_are_each_their_own():
    flights = frame(
        flight("A", "B", NOON - timedelta(days=1), icao24=""),
        flight("A", "B", icao24=""),
        flight("A", "B", NOON + timedelta(hours=1), icao24=""),
    )

    day = tallied(flights, [route()]).iloc[0]

    assert day["aircraft"] == pytest.approx(2.0)
    assert day["newcomers"] == day["region_newcomers"] == 2.0


def test_shares_are_sums_of_probabilities():
    flights = frame(
        flight({"A": 0.5}, "B", typecode="IL76", suspect="teleport", first_longitude=20.0),
        flight("A", "B", typecode="B738", icao24="140a20", first_longitude=150.0),
        flight("B", {"A": 0.25}, icao24="140a21"),
    )

    day = tallied(flights, [route()], aircraft=aircraft(x140a20={"flags": 1})).iloc[0]

    assert day["flights"] == 1.5
    assert day["confirmed"] == 1.0
    assert day["heavy"] == 1.5
    assert day["military"] == 1.0
    assert day["night"] == 1.0  # 12 h UTC is 22 h solar at 150 E
    assert day["suspect"] == 0.5
    assert day["reverse"] == 0.25


def test_night_is_told_by_the_sun_at_the_departure():
    flights = frame(
        flight("UUDD", "HLLB", datetime(2024, 12, 14, 20, tzinfo=UTC)),
        flight("UUDD", "HLLB", datetime(2024, 12, 14, 3, tzinfo=UTC), icao24="140a20"),
    )
    watched = [BY_NAME["Moscow and Minsk to Benghazi"]]

    assert tallied(flights, watched, airports=AIRPORTS)["night"].tolist() == [1.0]  # 22:31 and 05:31 at 37.9 E
    assert tallied(flights, watched)["night"].tolist() == [0.0]


def test_a_day_coverage_does_not_name_was_not_watched():
    covered = pd.DataFrame({"route": ["r"], "day": [np.datetime64("2024-12-14")], "coverage": [0.4]})

    days = tallied(frame(flight("A", "B")), [route()], (DAY, date(2024, 12, 15)), coverage=covered)

    assert days["coverage"].tolist() == [0.4, 0.0]


def test_a_match_without_its_flight_is_a_broken_promise():
    flights = frame(flight("A", "B"))
    with pytest.raises(ValueError, match="1 matched flights"):
        routes.tally(routes.match(flights, [route()]), flights.iloc[:0], [route()], (DAY, DAY))


def test_two_routes_of_one_name_cannot_be_told_apart():
    with pytest.raises(ValueError, match="two routes are called 'r'"):
        tallied(frame(flight("A", "B")), [route(), route()])


def test_who_only_flies_over_is_counted_by_a_watch_of_the_sky():
    where = places.resolve(config.load(None, {}).places, AIRPORTS)
    wanted = config.RouteSettings(name="over", over="libya", aircraft={"heavy": True, "military": True})
    (over,) = routes.resolve([wanted], where, AIRPORTS)
    through = track([(45.0, 10.0), (37.0, 14.0), (33.5, 14.5), (31.0, 15.0), (36.0, 16.0)], minutes=20)
    unseen_there = track([(36.0, 14.0), (16.0, 20.0)], minutes=120)
    around = track([(45.0, 10.0), (37.5, 16.0), (36.5, 25.0)], minutes=25)
    flights = frame(
        flight("EGVA", None, icao24="ae0001", typecode="B52", track=through),
        flight("EGVA", None, icao24="ae0002", typecode="B52", track=unseen_there),
        flight("EGVA", None, icao24="ae0003", typecode="B52", track=around),
        flight("EGVA", None, icao24="ae0004", typecode="A320", track=through),
        flight("EGVA", None, icao24="ae0005", typecode="B52", last_latitude=32.5, last_longitude=13.5),
        flight("EGVA", None, icao24="ae0006", typecode="B52"),
    )

    found = routes.match(flights, [over])
    day = tallied(flights, [over]).iloc[0]

    assert found["icao24"].tolist() == ["ae0001", "ae0005"]
    assert day["flights"] == day["newcomers"] == day["heavy"] == 2.0
    assert day["reverse"] == 0.0


def test_a_watch_of_the_sky_has_its_own_digest_and_place():
    where = places.resolve([config.PlaceSettings(name="box", circle=(32.0, 20.0, 100))], AIRPORTS)
    named = [
        config.RouteSettings(name="a", over="box"),
        config.RouteSettings(name="b", over="HLLB"),
        config.RouteSettings(name="c", destination="HLLB"),
    ]

    a, b, c = routes.resolve(named, where, AIRPORTS)

    assert len({a.digest, b.digest, c.digest}) == 3
    assert a.over == ((32.0, 20.0, 100.0),)
    assert b.over[0][2] == places.OVER
    with pytest.raises(ConfigError, match="says nothing"):
        routes.resolve([config.RouteSettings(name="d", over="anywhere")], where, AIRPORTS)


ENDS = st.dictionaries(st.sampled_from("ABCD"), st.floats(0.02, 0.25), max_size=4) | st.sampled_from("ABCD")


@st.composite
def many(draw):
    rows = []
    for number in range(draw(st.integers(1, 12))):
        when = NOON + timedelta(days=draw(st.integers(-200, 20)), minutes=number)
        rows.append(flight(draw(ENDS), draw(ENDS), when, icao24=draw(st.sampled_from(["140a1f", "140a20", ""]))))
    return frame(*rows)


WATCHED = [
    route("ab"),
    route("any-b", None, ("B", "C")),
    route("ab-any", ("A", "B"), None),
    route("inside", ("A", "B", "C"), ("A", "B", "C")),
]
SPAN = (date(2024, 5, 1), date(2025, 1, 31))


@settings(max_examples=30, deadline=None)
@given(many(), st.integers(0, 999))
def test_a_tally_adds_up_whatever_the_order_and_however_often_it_is_told(flights, seed):
    matches = routes.match(flights, WATCHED)
    days = routes.tally(matches, flights, WATCHED, SPAN)

    shuffled = flights.iloc[np.random.default_rng(seed).permutation(len(flights))].reset_index(drop=True)
    again = routes.tally(
        pd.concat([routes.match(shuffled, WATCHED), matches], ignore_index=True),
        shuffled,
        WATCHED,
        SPAN,
        earlier=matches,
    )

    assert days["flights"].sum() == pytest.approx(matches["probability"].sum())
    assert days["confirmed"].sum() == matches["confirmed"].sum()
    numbers = [name for name, column in ROUTE_DAY.items() if column.dtype == "float64" and name != "traffic"]
    np.testing.assert_allclose(days[numbers], again[numbers], atol=1e-9)
    assert (days["newcomers"] <= days["flights"] + 1e-9).all()
    assert (days["aircraft"] <= days["flights"] + 1e-9).all()
    assert (days[numbers] >= -1e-12).all().all()


@settings(max_examples=40, deadline=None)
@given(many())
def test_a_match_is_the_product_of_both_ends(flights):
    found = routes.match(flights, WATCHED).set_index(["route", "flight_id"])["probability"]

    for row in flights.itertuples():
        for watched in WATCHED:
            ends = [
                (row.departure_candidates, watched.origin_airports),
                (row.arrival_candidates, watched.destination_airports),
            ]
            truth = np.prod([1.0 if ids is None else sum(p for a, p in c.items() if a in ids) for c, ids in ends])
            assert found.get((watched.name, row.flight_id), 0.0) == pytest.approx(truth if truth >= 0.01 else 0.0)


@settings(max_examples=40, deadline=None)
@given(many(), st.integers(-200, 20))
def test_a_day_tallied_alone_is_the_day_tallied_with_all(flights, offset):
    day = DAY + timedelta(days=offset)
    matches = routes.match(flights, WATCHED)

    whole = routes.tally(matches, flights, WATCHED, SPAN)
    alone = routes.tally(matches, flights, WATCHED, (day, day))

    same = whole[whole["day"] == pd.Timestamp(day)].reset_index(drop=True)
    if len(same):
        pd.testing.assert_frame_equal(same, alone, check_exact=False)


def test_a_renamed_route_keeps_its_counts():
    flights = frame(flight("A", "B"))

    renamed = tallied(flights, [replace(route(), name="other")])

    assert renamed["flights"].tolist() == tallied(flights, [route()])["flights"].tolist()
