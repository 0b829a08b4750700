"""Arrivals nobody saw: candidates, the next appearance, second looks, open flights."""

from __future__ import annotations

import importlib.util
import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from flightwatch import airports, flights, geo, units

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for benchmarks.flights.corpus, which reads recordings

_SPEC = importlib.util.spec_from_file_location("flights_composed", Path(__file__).with_name("test_flights.py"))
composed = importlib.util.module_from_spec(_SPEC)
sys.modules["flights_composed"] = composed
_SPEC.loader.exec_module(composed)
fly, START = composed.fly, composed.START

IL76 = pd.DataFrame({"icao24": ["140a1f"], "registration": ["RA-76543"], "typecode": ["IL76"]})
HOUR = 3_600_000
BENINA = (32.0968, 20.2695)


def dark(frame: pd.DataFrame, km: float) -> pd.DataFrame:
    """The flight without its fixes near Benina."""
    return frame[geo.distance(frame["latitude"], frame["longitude"], *BENINA) > km / 1.852]


def there(km: float) -> pd.DataFrame:
    return dark(fly("UUWW", "HLLB"), km)


def back(km: float, hours: float = 9) -> pd.DataFrame:
    return dark(fly("HLLB", "UUWW", start=START + int(hours * HOUR)), km)


def eastern(candidates: dict[str, float]) -> float:
    places = airports.load()
    libya = set(places.in_country("LY"))
    return sum(p for a, p in candidates.items() if a in libya and places.find(a).longitude > 18.5)


@pytest.mark.parametrize("km", [19, 38, 55])
def test_dark_on_the_descent_the_field_is_named(km):
    flight = flights.build(there(km), aircraft=IL76).iloc[0]

    assert flight["estarrivalairport"] == "HLLB"
    assert flight["arrival_candidates"]["HLLB"] > 0.8
    assert flight["arrival_method"] in ("approach", "inferred")


def test_dark_in_the_cruise_and_never_seen_again_nothing_is_named():
    flight = flights.build(there(400), aircraft=IL76).iloc[0]

    assert flight["estarrivalairport"] == ""
    assert flight["arrival_method"] == "unknown"
    assert flight["status"] == "lost"


def test_the_return_leg_tells_where_the_flight_before_it_went():
    found = flights.build(pd.concat([there(400), back(400)]), aircraft=IL76)

    assert len(found) == 2
    assert eastern(found["arrival_candidates"].iloc[0]) > 0.8
    assert eastern(found["departure_candidates"].iloc[1]) > 0.8
    assert found["typecode"].tolist() == ["IL76", "IL76"]


def test_a_second_look_finds_what_building_together_finds_and_says_why():
    apart = pd.concat([flights.build(there(400), aircraft=IL76), flights.build(back(400), aircraft=IL76)])
    together = flights.build(pd.concat([there(400), back(400)]), aircraft=IL76)

    found, updates = flights.revise(apart)

    pd.testing.assert_frame_equal(found, together)
    assert set(updates["field"]) == {"departure_candidates", "arrival_candidates"}
    assert updates["reason"].str.contains("next seen").sum() == 1
    assert flights.revise(found)[1].empty


def test_what_was_seen_on_the_ground_is_never_revised():
    seen = flights.build(fly("UUWW", "HLLB"), aircraft=IL76)

    _, updates = flights.revise(pd.concat([seen, flights.build(back(400), aircraft=IL76)]))

    assert updates["flight_id"].nunique() == 1
    assert updates["field"].tolist() == ["departure_candidates"]


def test_an_airframe_leaves_from_where_it_was_last_seen_on_the_ground():
    found = flights.build(pd.concat([fly("UUWW", "HLLB"), back(400)]), aircraft=IL76)

    assert found["departure_candidates"].iloc[1]["HLLB"] > 0.9
    assert found["departure_method"].iloc[1] == "inferred"


def test_past_visits_speak_for_a_field():
    visits = pd.DataFrame(
        {"icao24": ["140a1f"], "typecode": ["IL76"], "operator": [""], "airport": ["HL59"], "flights": [6]}
    )

    without = flights.build(there(150), aircraft=IL76).iloc[0]["arrival_candidates"]
    knowing = flights.build(there(150), aircraft=IL76, visits=visits).iloc[0]["arrival_candidates"]

    assert knowing["HL59"] > 2 * without["HL59"]


def test_what_others_of_the_type_were_seen_doing_does_not_decide_between_two_fields():
    others = pd.DataFrame(
        {"icao24": ["018240"], "typecode": ["IL76"], "operator": ["LAF"], "airport": ["HLLB"], "flights": [80]}
    )
    bound = fly("UUWW", "HL59")
    dark = bound[bound["time"] < bound["time"].iloc[-1] - pd.Timedelta(minutes=25)]

    without = flights.build(dark, aircraft=IL76).iloc[0]["arrival_candidates"]
    knowing = flights.build(dark, aircraft=IL76, visits=others).iloc[0]["arrival_candidates"]

    assert without["HLLB"] < knowing["HLLB"]
    assert knowing["HL59"] > 0.5 * without["HL59"] > 0.1


def test_two_hours_and_a_turn_back_in_the_same_place_are_two_flights_with_a_stop():
    found = flights.build(pd.concat([there(400), back(400, hours=6)]))

    assert len(found) == 2


def test_over_the_ocean_a_long_silence_on_course_is_one_flight():
    frame = fly("LPPT", "KJFK", speed=470)
    minutes = (frame["time"] - frame["time"].iloc[0]).dt.total_seconds() / 60

    assert len(flights.build(frame[(minutes < 60) | (minutes > 300)])) == 1


def test_open_flights_are_airborne_until_the_deadline_and_then_lost_or_landed():
    cut = there(400)
    last = cut["time"].max()

    early = flights.build(cut, asof=(last + timedelta(minutes=20)).to_pydatetime())
    late = flights.build(cut, asof=(last + timedelta(minutes=50)).to_pydatetime())
    near = flights.build(there(19), asof=(last + timedelta(hours=3)).to_pydatetime())

    assert early["status"].tolist() == ["airborne"]
    assert late["status"].tolist() == ["lost"]
    assert near["status"].tolist() == ["landed"]


def test_a_late_record_repairs_a_lost_flight():
    whole = fly("UUWW", "HLLB")
    asof = (whole["time"].max() + timedelta(hours=5)).to_pydatetime()
    lost = flights.build(dark(whole, 400), asof=asof)

    repaired = flights.build(whole, asof=asof)

    assert lost["status"].tolist() == ["lost"]
    assert repaired["status"].tolist() == ["landed"]
    assert repaired["flight_id"].tolist() == lost["flight_id"].tolist()


def test_the_tail_starts_at_the_last_flight_seen_to_leave():
    rows = pd.concat([fly("UUWW", "UMMS"), fly("UMMS", "UUWW", start=START + 6 * HOUR)])

    kept = flights.tail(rows, flights.build(rows))

    assert units.millis(kept["time"].min()) == START + 6 * HOUR


def test_military_fields_are_named_like_others():
    frame = fly("UUMU", "HL59")
    field = airports.load().find("HL59")
    frame = frame[geo.distance(frame["latitude"], frame["longitude"], field.latitude, field.longitude) > 15]

    flight = flights.build(frame, aircraft=IL76).iloc[0]

    assert max(flight["arrival_candidates"], key=flight["arrival_candidates"].get) == "HL59"


def test_a_ground_vehicle_and_a_parked_aircraft_are_no_flights():
    taxi = fly("UUWW", "UMMS").query("onground").head(10)
    parked = pd.concat([taxi.assign(time=taxi["time"] + timedelta(minutes=m)) for m in range(0, 600, 10)])

    assert flights.build(parked).empty


def test_two_aircraft_under_one_address_are_two_flights():
    one, two = fly("UUWW", "HLLB"), fly("LTBA", "HECA", level=29000.0)
    two["time"] += timedelta(seconds=7)

    found = flights.build(pd.concat([one, two]))

    assert set(found["estarrivalairport"]) == {"HLLB", "HECA"}
    assert found["suspect"].str.contains("duplicate address").all()


def test_a_spoofed_stretch_leaves_the_flight_whole_and_marks_it():
    frame = fly("UUWW", "HLLB")
    frame.loc[300:360, ["latitude", "longitude", "groundspeed"]] = [33.82, 35.49, 2.0]
    frame.loc[300:360, "latitude"] += np.linspace(0, 0.01, 61)

    found = flights.build(frame)

    assert found["estarrivalairport"].tolist() == ["HLLB"]
    assert found["suspect"].tolist() == ["teleport"]


def test_the_spoofed_recording_gives_no_other_destination(real_data):
    from benchmarks.flights import corpus

    name = real_data / "traffic_samples" / "samples" / "noisy" / "noisy_spoofing.json.gz"
    found = flights.build(corpus.opensky(name).assign(source="opensky"))

    assert found["estdepartureairport"].tolist() == ["LTFM"]
    assert found["estarrivalairport"].iloc[0] in ("", "ENGM")
    assert found["suspect"].tolist() == ["teleport"]


def test_the_real_trace_of_four_flights_gives_four_flights(real_data):
    from benchmarks.flights import corpus

    name = real_data / "traffic_samples" / "samples" / "readsb" / "trace_full_ac671b.json"
    found = flights.build(corpus.readsb(name).assign(source="readsb"))

    assert found["callsign"].tolist() == ["DAL1812", "DAL2418", "DAL1615", "DAL2927"]
    assert found["estarrivalairport"].tolist() == ["KMSP", "KGEG", "KMSP", "KDEN"]


def test_real_whole_flights_have_their_true_airports(real_data):
    from benchmarks.flights import corpus

    for name in sorted((real_data / "traffic_samples" / "samples" / "fr24").glob("*.json")):
        observations, origin, goal = corpus.flightradar(name)
        found = flights.build(observations.assign(source="fr24"))
        assert found[["estdepartureairport", "estarrivalairport"]].to_numpy().tolist() == [[origin, goal]]


def test_one_callsign_of_a_month_of_calibration_flights_is_one_flight(real_data):
    from benchmarks.flights import corpus

    name = real_data / "traffic_samples" / "samples" / "collections" / "savan.json.gz"
    found = flights.build(corpus.opensky(name).assign(source="opensky"))

    assert len(found) == 17
    assert found["callsign"].is_unique
