"""What the days of a route add up to: sums of probabilities, newcomers, night, days not watched."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flightwatch import airports, routes
from flightwatch.records import ROUTE_DAY
from tests.fakes.flights import DAY, NOON, aircraft, flight, frame, route, tallied


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
    assert parts["region_newcomers"].tolist() == [1.0]  # it does not know of the earlier arrival
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
    watched = [route(origin=("UUDD",), destination=("HLLB",))]

    assert tallied(flights, watched, airports=airports.load())["night"].tolist() == [1.0]  # 22:31 and 05:31 at 37.9 E
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
