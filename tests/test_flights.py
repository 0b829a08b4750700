"""Legs and ends on composed flights, where the truth is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from flightwatch import airports, flights, geo, records, tracks, units

START = 1_733_000_000_000  # 2024-11-30T20:53:20Z
LOW_INTEGRITY = next(bit for bit, name in records.SUSPECT.items() if name == "low integrity")
MOSCOW, BENGHAZI, MINSK = "UUWW", "HLLB", "UMMS"


def fly(
    origin: str,
    goal: str,
    *,
    start: int = START,
    address: int = 0x140A1F,
    callsign: str = "RFF7031",
    level: float = 33000.0,
    speed: float = 430.0,
    step_s: float = 20.0,
    taxi_min: float = 6.0,
) -> pd.DataFrame:
    """A gate-to-gate flight on the great circle: taxi, climb 1,500 ft/min, cruise, three-degree descent, taxi."""
    a, b = airports.load().find(origin), airports.load().find(goal)
    total = float(geo.distance(a.latitude, a.longitude, b.latitude, b.longitude))
    course = geo.bearing(a.latitude, a.longitude, b.latitude, b.longitude)
    miles, height, when, at = [], [], [], 0.0
    clock = 0.0
    while at < total:
        up = a.elevation_ft + (clock / 60) * 1500
        down = b.elevation_ft + (total - at) * 318
        miles.append(at)
        height.append(min(level, up, down))
        when.append(clock)
        near = min(at, total - at)
        at += min(speed, 140 + near * 12) * step_s / 3600
        clock += step_s
    miles, height, when = np.array(miles), np.array(height), np.array(when)
    lat, lon = geo.interpolate(a.latitude, a.longitude, b.latitude, b.longitude, miles / total)
    air = pd.DataFrame({"latitude": lat, "longitude": lon, "altitude": height, "ms": when * 1000 + taxi_min * 60_000})
    air["groundspeed"] = np.minimum(speed, 140 + np.minimum(miles, total - miles) * 12)
    air["track"] = np.append(geo.bearing(lat[:-1], lon[:-1], lat[1:], lon[1:]), course if len(lat) < 2 else np.nan)
    air["track"] = air["track"].ffill()
    air["vertical_rate"] = np.append(np.diff(height) / step_s * 60, 0.0)
    air["onground"] = False
    frames = [air]
    for place, first in ((a, 0.0), (b, air["ms"].iloc[-1] + 20_000)):
        n = int(taxi_min * 60 / 30)
        if n:
            frames.append(
                pd.DataFrame(
                    {
                        "latitude": place.latitude + np.linspace(0, 0.004, n),
                        "longitude": place.longitude,
                        "altitude": np.nan,
                        "ms": first + np.arange(n) * 30_000,
                        "groundspeed": 12.0,
                        "track": 0.0,
                        "vertical_rate": np.nan,
                        "onground": True,
                    }
                )
            )
    frame = pd.concat(frames).sort_values("ms", ignore_index=True)
    frame["time"] = units.instants(start + frame.pop("ms").round().astype("int64"))
    return frame.assign(address=np.uint32(address), callsign=callsign, source="test")


def minutes(frame: pd.DataFrame) -> pd.Series:
    return (frame["time"] - frame["time"].min()).dt.total_seconds() / 60


def test_a_flight_seen_from_gate_to_gate_has_both_ends_observed():
    found = flights.build(fly(MOSCOW, BENGHAZI))

    assert len(found) == 1
    flight = found.iloc[0]
    assert (flight["estdepartureairport"], flight["estarrivalairport"]) == (MOSCOW, BENGHAZI)
    assert (flight["departure_method"], flight["arrival_method"]) == ("observed", "observed")
    assert flight["arrival_candidates"]["HLLB"] > 0.95
    assert flight["status"] == "landed"
    assert flight["callsign"] == "RFF7031"
    assert flight["flight_id"] == records.flight_id("140a1f", flight["firstseen"])
    assert flight["rules_version"] == flights.RULES_VERSION
    assert abs(flight["distance_nm"] - 1581) < 10
    assert tracks.decode(flight["track"])["time"].iloc[-1] == flight["lastseen"]


def test_the_frame_has_exactly_the_schema_also_when_there_is_nothing():
    nothing = flights.build(fly(MOSCOW, BENGHAZI).iloc[:0])

    assert list(nothing.columns) == list(records.FLIGHT)
    assert nothing.empty


def test_icao24_may_stand_in_for_the_address():
    frame = fly(MINSK, MOSCOW)
    named = frame.drop(columns="address").assign(icao24="140a1f")

    pd.testing.assert_frame_equal(flights.build(frame), flights.build(named))


@pytest.mark.parametrize("hole", [20, 35, 60])
def test_a_hole_in_the_cruise_is_one_flight(hole):
    frame = fly(MOSCOW, BENGHAZI)
    at = minutes(frame)

    found = flights.build(frame[(at < 100) | (at > 100 + hole)])

    assert len(found) == 1
    assert found["longest_gap_s"].iloc[0] >= hole * 60


def test_a_stay_on_the_ground_ends_the_flight():
    out = fly(MOSCOW, MINSK)
    back = fly(MINSK, MOSCOW, start=units.millis(out["time"].max()) + 40 * 60_000)

    found = flights.build(pd.concat([out, back]))

    assert found["estarrivalairport"].tolist() == [MINSK, MOSCOW]
    assert found["lastseen"].iloc[0] < found["firstseen"].iloc[1]


def test_doubts_about_an_aircraft_parked_long_after_do_not_mark_its_last_flight():
    flown = fly(MOSCOW, BENGHAZI)
    parked = pd.concat([flown.tail(1)] * 30).assign(groundspeed=0.0, suspect=np.uint8(LOW_INTEGRITY))
    parked["time"] = flown["time"].max() + pd.to_timedelta(np.arange(20, 50), unit="min")

    found = flights.build(pd.concat([flown.assign(suspect=np.uint8(0)), parked], ignore_index=True))

    assert found["suspect"].tolist() == [""]


def test_a_touch_and_go_is_no_new_flight():
    out = fly(MOSCOW, MINSK)
    out = out[~out["onground"] | (minutes(out) < 10)]
    down = units.millis(out["time"].max())
    roll = out.tail(2).assign(time=units.instants([down + 10_000, down + 25_000]), onground=True, groundspeed=115.0)
    on = fly(MINSK, "UMGG", start=down + 40_000, taxi_min=0)

    found = flights.build(pd.concat([out, roll, on]))

    assert found["estarrivalairport"].tolist() == ["UMGG"]


def test_changing_the_callsign_and_back_in_the_air_is_no_new_flight():
    frame = fly(MOSCOW, BENGHAZI)
    at = minutes(frame)
    frame["callsign"] = np.where((at > 60) & (at < 62), "RFF9999", "RFF7031")

    found = flights.build(frame)

    assert found["callsign"].tolist() == ["RFF7031"]
    assert found["callsigns"].tolist() == ["RFF7031 RFF9999"]


def test_midnight_and_month_end_change_nothing():
    frame = fly(MOSCOW, BENGHAZI, start=units.millis(pd.Timestamp("2024-11-30T22:30Z").to_pydatetime()))

    assert len(flights.build(frame)) == 1


def test_the_order_of_the_rows_does_not_matter_and_twice_is_once():
    frame = pd.concat([fly(MOSCOW, MINSK), fly(MINSK, MOSCOW, address=0x510123)], ignore_index=True)
    shuffled = pd.concat([frame, frame.iloc[::3]]).sample(frac=1, random_state=3)

    pd.testing.assert_frame_equal(flights.build(frame), flights.build(shuffled))


def test_cut_fifty_kilometres_out_in_the_descent_the_airport_is_named():
    frame = fly(MOSCOW, BENGHAZI)
    away = geo.distance(frame["latitude"], frame["longitude"], 32.0968, 20.2695)

    found = flights.build(frame[away > 27].assign(callsign=""))

    assert found["arrival_method"].iloc[0] in ("inferred", "approach")
    assert found["arrival_candidates"].iloc[0]["HLLB"] > 0.5


def test_the_real_day_over_switzerland_gives_about_a_flight_per_callsign(real_data):
    raw = pd.read_json(real_data / "traffic_samples/samples/collections/switzerland.json.gz")
    raw = raw.dropna(subset=["latitude", "longitude"]).rename(columns={"timestamp": "time"})
    raw["time"] = pd.to_datetime(raw["time"], utc=True)

    found = flights.build(raw.assign(icao24=raw["icao24"].astype(str), source="opensky"))

    assert 1235 <= len(found) <= 1260
    assert (found["points"] > 2).all()


def turnround(minutes_down: float) -> pd.DataFrame:
    """Moscow to Minsk, some time on the ground, and on to Benghazi."""
    out = fly(MOSCOW, MINSK)
    return pd.concat([out, fly(MINSK, BENGHAZI, start=units.millis(out["time"].max()) + int(minutes_down * 60_000))])


def test_of_a_quick_turnround_only_the_flight_after_it_is_kept():
    rows = turnround(35)
    found = flights.build(rows)

    kept = flights.tail(rows, found)

    assert kept["time"].min() == found["firstseen"].iloc[1]
    assert len(kept) < 0.8 * len(rows)


def test_with_a_jump_in_the_hour_before_or_after_both_flights_are_kept():
    for minute in (-30, 40):
        rows = turnround(35)
        departure = flights.build(rows)["firstseen"].iloc[1]
        off = (rows["time"] - (departure + pd.Timedelta(minutes=minute))).abs().argmin()
        rows.iloc[off, rows.columns.get_loc("latitude")] = 33.8

        assert flights.tail(rows, flights.build(rows))["time"].min() == rows["time"].min()


def test_a_flight_begun_less_than_an_hour_ago_may_still_be_judged_otherwise():
    rows = turnround(35)
    departure = flights.build(rows)["firstseen"].iloc[1]
    rows = rows[rows["time"] < departure + pd.Timedelta(minutes=50)]

    assert flights.tail(rows, flights.build(rows))["time"].min() == rows["time"].min()
