"""Places: names, codes, countries, circles and polygons become airports; areas become circles that feeds can answer."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flightwatch import airports as airports_module
from flightwatch import config, geo, places
from flightwatch.errors import ConfigError

AIRPORTS = airports_module.load()


def resolved(*tables: dict) -> places.Places:
    return places.resolve([config.PlaceSettings.model_validate(table) for table in tables], AIRPORTS)


@pytest.fixture(scope="module")
def shipped() -> places.Places:
    return places.resolve(config.load(None, {}).places, AIRPORTS)


def test_every_shipped_place_and_route_end_resolves(shipped):
    for table in config.watchlist()["place"]:
        if "circles" not in table:
            assert shipped.airports_of(table["name"])
    for route in config.load(None, {}).routes:
        assert shipped.union(route.origin) != frozenset()
        assert shipped.union(route.destination) != frozenset()


def test_the_shipped_fields_are_the_right_ones(shipped):
    assert shipped.airports_of("brak") == {"LY-BCQ"}
    assert shipped.airports_of("al-khadim") == {"HL59"}
    assert shipped.airports_of("benghazi") == {"HLLB"}
    assert shipped.airports_of("eastern-libya") > {"HLLB", "HL59", "HLGN"}
    assert shipped.airports_of("eastern-libya") < shipped.airports_of("libya")
    assert shipped.airports_of("moscow") < shipped.airports_of("russia")


def test_codes_countries_and_anywhere_need_no_place():
    bare = resolved()

    assert bare.airports_of("hlgn") == bare.airports_of("HLTQ") == {"HLGN"}
    assert bare.airports_of("VKO") == {"UUWW"}
    assert "LY-BCQ" in bare.airports_of("ly")
    assert bare.airports_of("Anywhere") is None
    assert bare.union(["HLLB", "anywhere"]) is None
    assert bare.union(["HLLB", "HLGN"]) == {"HLLB", "HLGN"}


def test_a_place_is_everything_its_keys_take_in(tmp_path: Path):
    square = [[21.0, 31.9], [21.4, 31.9], [21.4, 32.1], [21.0, 32.1], [21.0, 31.9]]
    hole = [[21.1, 31.95], [21.3, 31.95], [21.3, 32.05], [21.1, 32.05], [21.1, 31.95]]
    feature = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [square]}}
    (tmp_path / "a.json").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    (tmp_path / "b.json").write_text(json.dumps({"type": "MultiPolygon", "coordinates": [[square, hole]]}))

    found = resolved(
        {"name": "mix", "airports": ["UUDD"], "country": ["MT"], "circle": [32.0968, 20.2695, 5]},
        {"name": "shape", "polygon": tmp_path / "a.json"},
        {"name": "holed", "airports": ["UUDD"], "polygon": tmp_path / "b.json"},
    )

    assert {"UUDD", "LMML", "HLLB"} <= found.airports_of("MIX")
    assert found.airports_of("shape") == {"HL59"}
    assert found.airports_of("holed") == {"UUDD"}


def test_a_name_nobody_knows_gets_near_misses(shipped):
    with pytest.raises(ConfigError, match="did you mean benghazi"):
        shipped.airports_of("bengazi")
    with pytest.raises(ConfigError, match="HLLB"):
        resolved().airports_of("benina")
    with pytest.raises(ConfigError, match="flightwatch routes list"):
        resolved().airports_of("qqqqqqqqqqq")


def test_wrong_places_are_refused_all_at_once(tmp_path: Path):
    (tmp_path / "x.json").write_text("[1]")
    with pytest.raises(ConfigError) as error:
        resolved(
            {"name": "a", "airports": ["HLLBX"]},
            {"name": "b", "country": "XX"},
            {"name": "c", "polygon": tmp_path / "none.json"},
            {"name": "d", "polygon": tmp_path / "x.json"},
        )

    lines = str(error.value).splitlines()
    assert len(lines) == 4
    assert "did you mean" in lines[0]
    assert "ISO 3166" in lines[1]
    assert "No such file" in lines[2]
    assert "not GeoJSON" in lines[3]


def test_the_shipped_area_leaves_no_hole(shipped):
    circles = np.array(shipped.area("libya-and-eastern-mediterranean"))
    boxes = [(19.5, 33.5, 9.5, 25.5), (30.0, 37.0, 18.0, 36.0)]
    worst = 0.0
    for south, north, west, east in boxes:
        lat, lon = np.meshgrid(np.arange(south, north + 0.01, 0.2), np.arange(west, east + 0.01, 0.2))
        away = geo.distance(lat[..., None], lon[..., None], circles[:, 0], circles[:, 1]).min(axis=-1)
        worst = max(worst, float(away.max()))

    assert len(circles) == 10
    assert worst < 246
    assert (circles[:, 2] == 250).all()


def test_an_area_made_of_airports_hears_the_approach_to_each(shipped):
    circles = np.array(shipped.area("LY"))
    rows = AIRPORTS.frame.loc[sorted(shipped.airports_of("LY"))]
    away = geo.distance(
        rows["latitude"].to_numpy()[:, None], rows["longitude"].to_numpy()[:, None], circles[:, 0], circles[:, 1]
    )

    assert (away.min(axis=1) + places.AROUND <= places.FEED_RADIUS).all()
    assert len(circles) < len(rows)


def test_everywhere_is_no_area(shipped):
    with pytest.raises(ConfigError, match="types, military or icao24"):
        shipped.area("anywhere")


@settings(max_examples=40, deadline=None)
@given(st.floats(-70, 70), st.floats(-180, 180), st.floats(251, 1500), st.floats(0, 1), st.floats(0, 360))
def test_a_wide_circle_is_covered_by_ones_a_feed_answers(lat, lon, radius, out, course):
    area = resolved({"name": "wide", "circle": [lat, lon, radius]}).area("wide")
    point = geo.destination(lat, lon, course, radius * out)

    assert all(r <= places.FEED_RADIUS for _, _, r in area)
    assert min(float(geo.distance(*point, y, x)) for y, x, _ in area) <= places.FEED_RADIUS
