"""What the ends of flights are judged by: rates that no source gave, how busy a field is, level flight over it."""

from __future__ import annotations

import numpy as np
import pytest

from flightwatch import airports, geo
from flightwatch.flights import weights
from flightwatch.flights.beyond import ahead
from flightwatch.flights.ends import Candidates, choose, homes, nothing, shares, weighed
from flightwatch.flights.likelihood import PAIR_FEATURES, Edges, pair_features
from flightwatch.flights.rates import complete, rate


def edge(latitude: float, longitude: float, **given: float) -> Edges:
    values = {
        "altitude": 9000.0, "groundspeed": 250.0, "track": 0.0, "vertical_rate": -1200.0, "runway_ft": 4500.0,
        "range_nm": 3000.0, "loop": 0.0, "way": np.nan, "speed_kt": 420.0, "light": 0.0, "work": 0.0, **given,
    }  # fmt: skip
    return Edges(np.array([latitude]), np.array([longitude]), **{k: np.array([v]) for k, v in values.items()})


def chances(one: Edges) -> dict[str, float]:
    places = airports.load()
    open_ = weighed(one, np.array([True]), places, True, nothing())
    found = choose(open_, np.array([-1]), one, places)
    return {str(places.ids[p]): float(x) for p, x in zip(found.place, found.probability, strict=True)}


def columns(rates: list[float], altitudes: list[float], seconds: list[int]) -> dict:
    return {
        "time": np.array(seconds) * 1000,
        "altitude": np.array(altitudes, dtype=float),
        "vertical_rate": np.array(rates, dtype=float),
        "onground": np.zeros(len(seconds), dtype=bool),
    }


def test_a_rate_nobody_told_comes_from_the_altitudes_of_two_minutes():
    told = columns([np.nan] * 4, [20_000, 9000, 8000, 7000], [0, 600, 660, 720])

    assert rate(told, 3, 0) == -1000.0
    assert np.isnan(rate(told, 0, 3))  # alone within its two minutes: still unknown


def test_a_rate_that_was_told_stays_and_the_rows_between_are_left_alone():
    told = columns([-64.0, np.nan, np.nan, np.nan], [9000, 8900, 8000, 7000], [0, 60, 120, 180])

    found = complete(told, np.array([0]), np.array([3]))

    assert found["vertical_rate"][0] == -64.0
    assert np.isnan(found["vertical_rate"][1:3]).all()
    assert found["vertical_rate"][3] == pytest.approx(-950)
    assert np.isnan(told["vertical_rate"][3])  # the columns given are not changed


def test_fixes_too_close_in_time_tell_no_rate():
    told = columns([np.nan, np.nan], [8000, 7975], [0, 5])

    assert np.isnan(complete(told, np.array([0]), np.array([1]))["vertical_rate"][1])


def test_a_military_field_counts_as_busy_and_a_strip_does_not():
    places = airports.load()
    traffic = {code: places.traffic[places.position(code)] for code in ("HL59", "HLLB", "EGLL", "KWVI")}

    assert traffic["KWVI"] < traffic["HL59"] < traffic["EGLL"]
    assert traffic["HL59"] == pytest.approx(traffic["HLLB"], abs=0.2)


def test_of_two_fields_equally_placed_a_jet_lands_at_the_busy_one():
    south_of_paris = edge(48.30, 2.35, track=5.0, altitude=7000.0)
    found = chances(south_of_paris)

    assert max(found, key=lambda a: found[a]) == "LFPO"  # not Bretigny or Villacoublay, as long and as near


def test_level_high_over_a_field_and_heading_elsewhere_it_is_not_landing_there():
    over_lemoore = edge(36.27, -119.96, altitude=7600.0, track=39.0, vertical_rate=0.0, groundspeed=242.0)
    descending = edge(36.27, -119.96, altitude=2000.0, track=140.0, vertical_rate=-900.0, groundspeed=150.0)

    assert chances(over_lemoore).get("KNLC", 0.0) < 0.5 < chances(descending)["KNLC"]


def test_lost_in_cruise_it_came_down_near_the_more_probably_the_less_lies_beyond():
    same = {"altitude": 33_000.0, "vertical_rate": 0.0, "groundspeed": 430.0, "runway_ft": 5000.0, "range_nm": 4200.0}
    south_of_crete = chances(edge(34.6, 21.5, track=200.0, **same))
    over_austria = chances(edge(47.5, 14.0, track=300.0, **same))

    libya = set(airports.load().in_country("LY"))
    assert sum(p for a, p in south_of_crete.items() if a in libya) > 0.2
    assert sum(over_austria.values()) < sum(south_of_crete.values())


def test_what_lies_ahead_of_unknown_tracks_and_of_short_ranges_is_nothing():
    places = airports.load()
    one, zero = np.array([50.0]), np.array([0.0])

    assert ahead(one, zero, np.array([np.nan]), np.array([4000.0]), places)[0] == 0.0
    assert ahead(one, zero, np.array([90.0]), np.array([200.0]), places)[0] < -5
    assert ahead(one[:0], zero[:0], one[:0], one[:0], places).shape == (0,)


def test_a_water_bomber_turning_over_its_fire_goes_home_sooner_than_an_aircraft_of_no_known_work():
    places = airports.load()
    hollister = places.position("KCVH")
    out_at_work = {"track": 184.0, "altitude": 4600.0, "vertical_rate": 0.0, "groundspeed": 195.0, "loop": 0.45}
    came_from = Candidates(np.array([0]), np.array([hollister]), np.array([0.99]), np.array([0.0]))

    def back(work: float) -> float:
        one = edge(36.5, -121.1, light=1.0, runway_ft=1000.0, work=work, **out_at_work)
        open_ = homes(weighed(one, np.array([True]), places, True, nothing()), came_from, one, weights.ARRIVAL)
        found = choose(open_, np.array([-1]), one, places)
        return float(found.probability[found.place == hollister].sum())

    assert back(1.0) > 0.8 > back(0.0)


def test_past_visits_count_by_their_share_among_the_places_in_reach():
    once, often = np.log1p([1.0]), np.log1p([35.0, 1.0])

    assert shares(once, np.array([0]), 1) == pytest.approx([0.5])  # one visit is little to go by
    assert shares(often, np.array([0, 0]), 1) == pytest.approx([35 / 37, 1 / 37])
    assert shares(np.log1p([0.25, 0.0]), np.array([0, 0]), 1).tolist() == [0.0, 0.0]  # others of its like do not count


def test_far_from_the_other_end_the_way_made_good_tells_more_than_a_turn_at_the_last_fix():
    vectored = {"track": 290.0, "altitude": 11_000.0, "groundspeed": 300.0, "runway_ft": 5000.0}
    from_the_south, unknown = chances(edge(48.2, 2.4, way=5.0, **vectored)), chances(edge(48.2, 2.4, **vectored))

    assert from_the_south.get("LFPO", 0.0) > unknown.get("LFPO", 0.0)


def test_a_descent_that_ends_far_short_of_a_field_is_to_a_nearer_one():
    diving = {"track": 5.0, "altitude": 6000.0, "groundspeed": 250.0, "runway_ft": 5000.0}
    slow, steep = (chances(edge(48.4, 2.35, vertical_rate=v, **diving)) for v in (-900.0, -3000.0))

    beyond = "LFPG"
    assert steep.get(beyond, 0.0) < slow.get(beyond, 0.0)


def feature(name: str, one: Edges, code: str) -> float:
    places = airports.load()
    place = np.array([places.position(code)])
    miles = geo.distance(one.latitude, one.longitude, places.latitude[place], places.longitude[place])
    found = pair_features(one, places, np.array([0]), place, miles)
    return float(found[0, PAIR_FEATURES.index(name)])


def test_a_light_aircraft_pointing_at_a_far_field_is_not_taken_to_a_nearer_one_at_right_angles():
    off_brittany = edge(
        48.74, -2.79, track=274.0, altitude=2350.0, groundspeed=140.0, vertical_rate=-192.0, runway_ft=1500.0, light=1.0
    )
    found = chances(off_brittany)

    assert found["LFRO"] > 0.5 > found["LFRT"]  # Lannion 27 NM ahead, Saint-Brieuc 12 NM to the left


def test_the_first_degrees_off_a_field_count_most_near_it_and_hardly_in_cruise():
    def off(miles: float, degrees: float) -> float:
        lat, lon = geo.destination(48.607, 2.671, 0.0, miles)  # north of Melun, flying south
        one = edge(float(lat), float(lon), track=180.0 + degrees)
        return feature("off_far", one, "LFPM")

    assert off(30, 10) - off(30, 0) > off(30, 60) - off(30, 50)
    assert off(250, 10) - off(250, 0) < 0.05


def test_fourteen_miles_out_on_the_direction_of_a_runway_is_not_yet_final():
    def lined(miles: float) -> float:
        places = airports.load()
        field = places.position("LFPM")
        heading = float(places.headings[field][0])
        lat, lon = geo.destination(places.latitude[field], places.longitude[field], heading + 180.0, miles)
        return feature("lined_up", edge(float(lat), float(lon), track=heading, altitude=1500.0), "LFPM")

    assert lined(4.0) > 0.8
    assert lined(14.0) < 0.2


def test_light_aircraft_keep_away_from_hubs_and_not_from_every_field_with_airlines():
    light = edge(36.8, -121.6, light=1.0)

    assert feature("hub_light", light, "KMRY") == 0.0
    assert feature("hub_light", edge(48.9, 2.2, light=1.0), "LFPG") > 0.5
    assert feature("hub_light", edge(48.9, 2.2, light=0.0), "LFPG") == 0.0
