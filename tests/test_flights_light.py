"""Gliders, helicopters, parachute planes and ground vehicles: they produce nothing that looks like journeys."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from flightwatch import airports, flights, geo, units

START = 1_733_040_000_000
FIELD = "EDTY"  # Schwaebisch Hall
ADDRESS = 0x3D1234


def at(miles: np.ndarray, course: np.ndarray, **values: object) -> pd.DataFrame:
    """Fixes so many miles from the field on a course, ten seconds apart."""
    place = airports.load().find(FIELD)
    lat, lon = geo.destination(place.latitude, place.longitude, course, miles)
    track = np.append(geo.bearing(lat[:-1], lon[:-1], lat[1:], lon[1:]), 0.0)
    frame = pd.DataFrame({"latitude": lat, "longitude": lon, "track": track, "onground": False, "vertical_rate": 0.0})
    frame["time"] = units.instants(START + np.arange(len(frame)) * 10_000)
    return frame.assign(address=np.uint32(ADDRESS), callsign="DTEST", source="test", **values)


def typed(code: str) -> pd.DataFrame:
    return pd.DataFrame({"icao24": [units.icao24_text(ADDRESS)], "registration": ["D-TEST"], "typecode": [code]})


@pytest.mark.parametrize("code", ["GLID", "AS21"])
def test_four_hours_in_thermals_round_one_field_are_one_flight_that_ends_there_or_nowhere(code):
    n = 4 * 360
    turns = np.arange(n)
    out = np.minimum(np.minimum(turns, n - turns) / 60, 10.0)
    ground = airports.load().find(FIELD).elevation_ft
    height = ground + np.minimum(400 + np.minimum(turns, n - turns) * 30, 4000) + 300 * np.sin(turns / 40)
    soaring = at(out + 0.3 * np.sin(turns / 2), turns / 20, altitude=height, groundspeed=25.0)  # slower than taxiing

    found = flights.build(soaring, aircraft=typed(code))

    assert len(found) == 1
    assert found["estarrivalairport"].iloc[0] in (FIELD, "")


def test_a_helicopter_hovering_low_is_not_on_the_ground_and_its_hops_need_no_airport():
    n = 180
    hover = at(np.full(n, 1.0) + np.linspace(0, 0.05, n), np.full(n, 90.0), altitude=1700.0, groundspeed=3.0)
    away = at(1.0 + np.arange(n) * 0.25, np.full(n, 90.0), altitude=2500.0, groundspeed=90.0)
    away["time"] += pd.Timedelta(seconds=10 * n)

    found = flights.build(pd.concat([hover, away]), aircraft=typed("EC35"))

    assert len(found) == 1
    assert found["points"].iloc[0] == 2 * n
    assert found["departure_method"].iloc[0] != "observed"


@pytest.mark.parametrize("turnaround_min", [8, 20])
def test_a_parachute_plane_makes_one_flight_per_lift_all_from_its_own_field(turnaround_min):
    ground = airports.load().find(FIELD).elevation_ft
    up, down = np.linspace(0, 12_000, 120), np.linspace(12_000, 0, 60)
    height = ground + np.concatenate([up, down])
    n = len(height)
    lift = at(np.sin(np.linspace(0, np.pi, n)) * 6, np.linspace(0, 720, n), altitude=height, groundspeed=110.0)
    stand = at(np.full(12, 0.1), np.full(12, 0.0), altitude=np.nan, groundspeed=0.0).assign(onground=True)
    stand["time"] = units.instants(START + n * 10_000 + np.linspace(0, turnaround_min * 60_000, 12).astype("int64"))
    rounds = []
    for k in range(4):
        once = pd.concat([lift, stand])
        once["time"] += pd.Timedelta(milliseconds=k * (n * 10_000 + (turnaround_min + 1) * 60_000))
        rounds.append(once)

    found = flights.build(pd.concat(rounds), aircraft=typed("C208"))

    assert len(found) == 4
    assert set(found["estarrivalairport"]) == {FIELD}
    assert set(found["estdepartureairport"]) == {FIELD}


def test_a_ground_vehicle_driving_all_day_is_no_flight():
    n = 2000
    driving = at(0.5 + 0.4 * np.sin(np.arange(n) / 30), np.arange(n) / 7, altitude=np.nan, groundspeed=20.0)

    assert flights.build(driving.assign(onground=True), aircraft=typed("")).empty


def test_a_vehicle_that_does_not_tell_that_it_is_on_the_ground_is_no_flight_either():
    n = 2000
    height = airports.load().find(FIELD).elevation_ft + 50.0
    driving = at(0.5 + 0.4 * np.sin(np.arange(n) / 30), np.arange(n) / 7, altitude=height, groundspeed=18.0)

    assert flights.build(driving, aircraft=typed("")).empty
