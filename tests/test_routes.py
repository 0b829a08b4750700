"""Routes: what they resolve to, which flights count and with what probability, and what a day adds up to."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from flightwatch import airports as airports_module
from flightwatch import config, places, routes
from flightwatch.errors import ConfigError
from flightwatch.records import AircraftFilter
from tests.fakes.flights import DAY, NOON, aircraft, flight, frame, route, tallied, track

AIRPORTS = airports_module.load()
SHIPPED = routes.resolve(config.load(None, {}).routes, places.resolve(config.load(None, {}).places, AIRPORTS), AIRPORTS)
BY_NAME = {route.name: route for route in SHIPPED}


def test_shipped_routes_count_cargo_types_that_ask_not_to_be_shown_and_no_other():
    """Belarusian Il-76s have the LADD flag and count; a business jet on the same route stays hidden."""
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


def test_flights_without_their_tracks_are_over_a_place_by_their_first_and_last_fix():
    flights = frame(flight("UUDD", "HLLB")).assign(
        first_latitude=55.4, first_longitude=37.9, last_latitude=32.1, last_longitude=20.3
    )
    benghazi, paris = (replace(SHIPPED[0], over=((*spot, 60.0),)) for spot in ((32.1, 20.3), (48.9, 2.4)))

    assert len(routes.match(flights.drop(columns="track"), [benghazi])) == 1
    assert len(routes.match(flights.drop(columns="track"), [paris])) == 0


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


def test_a_renamed_route_keeps_its_counts():
    flights = frame(flight("A", "B"))

    renamed = tallied(flights, [replace(route(), name="other")])

    assert renamed["flights"].tolist() == tallied(flights, [route()])["flights"].tolist()
