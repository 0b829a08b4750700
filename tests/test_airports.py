"""Airports by code, by position, by area; the own table over airportsdata."""

from __future__ import annotations

import math

import numpy as np
import pytest

from flightwatch import airports, geo

ALL = airports.load()


@pytest.mark.parametrize(
    ("code", "id_"),
    [("HLTQ", "HLGN"), ("HLJF", "HL69"), ("BCQ", "LY-BCQ"), ("hl59", "HL59"), ("VKO", "UUWW"), ("UMLI", "UMLI")],
)
def test_codes_aliases_and_iata_lead_to_the_same_field(code, id_):
    assert ALL.find(code).id == id_


def test_an_unknown_code_is_none_and_near_codes_are_offered():
    assert ALL.find("HLLX") is None
    assert "HLLB" in ALL.suggest("HLLBB")


@pytest.mark.parametrize(
    ("id_", "lat", "lon"),
    [
        ("HLLB", 32.0968, 20.2695),
        ("HL59", 32.013, 21.182),
        ("LY-BCQ", 27.653, 14.272),
        ("HL69", 29.1981, 16.001),
        ("HL56", 21.6877, 21.8309),
        ("HL77", 32.473, 11.898),
        ("HLGN", 31.861, 23.907),
        ("UMLI", 53.7733, 27.58),
        ("OSLK", 35.4011, 35.9487),
    ],
)
def test_the_fields_of_interest_lie_where_they_should(id_, lat, lon):
    field = ALL.find(id_)

    assert geo.distance(field.latitude, field.longitude, lat, lon) < 2
    assert ALL.ids[ALL.nearest(lat, lon)[0][0, 0]] == id_


def test_no_own_field_stands_beside_the_same_field_of_airportsdata():
    own = [i for i, id_ in enumerate(ALL.ids) if "-" in id_]

    _, miles = ALL.nearest(ALL.latitude[own], ALL.longitude[own], k=2)

    assert (miles[:, 1] > 4).all()


def test_nearest_gives_nothing_beyond_the_limit_and_nothing_for_nan():
    where, miles = ALL.nearest([34.0, np.nan], [18.0, 0.0], k=2, within_nm=20)

    assert (where == -1).all()
    assert np.isinf(miles).all()


def test_nearest_agrees_with_measuring_all_of_them():
    rng = np.random.default_rng(1)
    lat, lon = rng.uniform(-60, 70, 40), rng.uniform(-180, 180, 40)

    where, miles = ALL.nearest(lat, lon)

    for i in range(40):
        every = geo.distance(lat[i], lon[i], ALL.latitude, ALL.longitude)
        assert abs(every.min() - miles[i, 0]) < 1e-6
        assert every[where[i, 0]] == pytest.approx(every.min())


def test_countries_circles_and_polygons_name_the_same_fields():
    benghazi = set(ALL.within(32.0, 20.7, 40))
    box = set(ALL.in_polygon([(31.3, 19.9), (31.3, 21.5), (32.7, 21.5), (32.7, 19.9)]))

    assert {"HLLB", "HL59"} <= benghazi & box & set(ALL.in_country("LY"))


def test_closed_fields_and_runways_are_known_where_somebody_told_us():
    assert ALL.find("HLLT").closed
    assert ALL.find("HLLB").longest_runway_ft == 11732
    assert math.isnan(ALL.find("LY-BCQ").longest_runway_ft)
    assert ALL.find("LY-BCQ").military
    assert 150 <= ALL.headings[ALL.position("HLLB"), 0] <= 152
