"""Exported files can be opened with analysts' tools, and do no harm there."""

from __future__ import annotations

import csv as csv_reader
import gzip
import io
import json
import re
import sys
import xml.etree.ElementTree as ET
import zipfile
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

sys.path.append(str(Path(__file__).parent / "data" / "analysts"))
import composed

from flightwatch import airports, explore, export, ingest, tracks, units
from flightwatch.errors import UsageError
from flightwatch.export.geojson import cut
from flightwatch.flights import build
from flightwatch.sources import traces
from flightwatch.units import millis


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> explore.Explorer:
    return explore.open(composed.cached(tmp_path_factory.getbasetemp()))


@pytest.fixture(scope="module")
def flights() -> pd.DataFrame:
    return composed.flights().tail(3)


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"])
def test_no_cell_of_text_is_run_by_a_spreadsheet(start: str) -> None:
    frame = pd.DataFrame({"callsign": [start], "latitude": [-33.5], "notes": [{"a": start}]})

    row = next(csv_reader.DictReader(io.StringIO(export.csv(frame).decode())))

    assert row["callsign"] == "'" + start
    assert float(row["latitude"]) == -33.5
    assert json.loads(row["notes"]) == {"a": start}


def test_a_hostile_column_name_is_no_formula_either() -> None:
    assert export.csv(pd.DataFrame({"=cmd()": [1]})).startswith(b"'=cmd()")


@pytest.mark.parametrize("kind", export.KINDS)
@pytest.mark.parametrize("fmt", ["csv", "json", "parquet"])
def test_every_kind_comes_out_as_a_table(db: explore.Explorer, kind: str, fmt: str) -> None:
    body = export.export(db, kind, fmt, alert=1)

    wanted = export.frame_of(db, kind, alert=1)
    if fmt == "csv":
        found = pd.read_csv(io.BytesIO(body))
    elif fmt == "json":
        found = pd.DataFrame(json.loads(body)[kind.replace("-", "_")])
    else:
        found = pd.read_parquet(io.BytesIO(body))
    assert len(found) == len(wanted) > 0
    assert list(found.columns) == list(wanted.columns)


def test_times_are_iso_with_z_and_candidates_a_json_object(db: explore.Explorer) -> None:
    row = next(csv_reader.DictReader(io.StringIO(export.export(db, "flights", "csv", alert=1).decode())))

    assert row["firstseen"].endswith("Z")
    assert pd.Timestamp(row["firstseen"]).tzinfo is not None
    assert sum(json.loads(row["arrival_candidates"]).values()) <= 1.0 + 1e-9


def test_json_has_no_number_that_json_does_not_know(db: explore.Explorer) -> None:
    body = export.json_bytes("findings", pd.DataFrame({"multiple": [float("inf"), float("nan")]}))

    assert json.loads(body, parse_constant=lambda name: pytest.fail(name)) == {
        "findings": [{"multiple": None}, {"multiple": None}]
    }


def test_geojson_says_what_was_heard_and_what_is_inferred(flights: pd.DataFrame) -> None:
    found = json.loads(export.geojson(flights, composed.AIRPORTS))["features"]

    heard = [f for f in found if f["properties"]["kind"] == "heard"]
    inferred = [f for f in found if f["properties"]["kind"] == "inferred"]
    assert len(heard) == 3
    assert {f["properties"]["probability"] for f in inferred} >= {0.48, 0.33}
    first = heard[0]["geometry"]["coordinates"][0]
    assert first == pytest.approx(
        [composed.AIRPORTS.loc["UUWW", "longitude"], composed.AIRPORTS.loc["UUWW", "latitude"]]
    )
    assert len(heard[0]["properties"]["times"]) == len(heard[0]["geometry"]["coordinates"])


@pytest.mark.parametrize("direction", [1, -1])
def test_a_line_is_cut_at_the_date_line_and_keeps_its_course(direction: int) -> None:
    longitude = (np.arange(170, 190, 2.0) * direction + 180) % 360 - 180
    line = np.column_stack([longitude, np.linspace(0, 18, 10)])

    pieces = cut(line)

    assert len(pieces) == 2
    assert all(np.abs(np.diff(p[:, 0])).max() < 5 for p in pieces)
    assert pieces[0][-1].tolist() == [180.0 * direction, 10.0]
    assert pieces[1][0].tolist() == [-180.0 * direction, 10.0]


def test_kml_plays_in_time_and_hostile_names_stay_names(flights: pd.DataFrame) -> None:
    body = export.kml(flights.assign(callsign="</name><script>\x00&"))

    tree = ET.fromstring(body)
    ns = {"k": "http://www.opengis.net/kml/2.2", "gx": "http://www.google.com/kml/ext/2.2"}
    tracks_ = tree.findall(".//gx:Track", ns)
    assert len(tracks_) == 3
    assert all(len(t.findall("k:when", ns)) == len(t.findall("gx:coord", ns)) > 30 for t in tracks_)
    assert tree.find(".//k:Placemark/k:name", ns).text.startswith("/namescript&")  # type: ignore[union-attr]
    assert b"<script>" not in body


def test_geojson_is_what_rfc_7946_asks_for(db: explore.Explorer) -> None:
    body = json.loads(export.export(db, "tracks", "geojson", alert=1))

    assert set(body) == {"type", "features"}  # no crs: §4 leaves WGS84 only
    assert len(body["features"]) > 9
    assert len({f["id"] for f in body["features"] if "id" in f}) == 9
    for feature in body["features"]:
        assert feature["type"] == "Feature"
        assert isinstance(feature["properties"], dict)
        depth = {"LineString": 1, "MultiLineString": 2}[feature["geometry"]["type"]]
        lines = feature["geometry"]["coordinates"] if depth == 2 else [feature["geometry"]["coordinates"]]
        assert all(len(line) >= 2 for line in lines)  # §3.1.4
        places = np.array([place for line in lines for place in line])
        assert places.shape[1] == 2
        assert (np.abs(places) <= [180, 90]).all()
        times = feature["properties"].get("times")
        assert times is None or len(times) == len(places)


def test_an_inferred_line_names_its_field_and_a_seen_end_has_none(flights: pd.DataFrame) -> None:
    track = pd.DataFrame(
        {
            "time": units.instants([0, 60_000, 3_660_000]),
            "latitude": [40.0, 39.9, 35.0],
            "longitude": 20.0,
            "altitude": 30_000.0,
            "onground": False,
        }
    )
    seen = {"estdepartureairport": "UUWW", "departure_method": "observed", "departure_probability": 1.0}
    dark = {"estarrivalairport": "HLLB", "arrival_method": "inferred", "arrival_probability": 0.62}
    flight = flights.head(1).assign(
        **seen, **dark, track=[track], departure_candidates=[{"UUWW": 1.0}], arrival_candidates=[{"HLLB": 0.62}]
    )

    body = json.loads(export.geojson(flight, airports.load()))

    told = [f["properties"] for f in body["features"] if f["properties"]["kind"] == "inferred"]
    assert [(t["part"], t["airport"], t["probability"]) for t in told] == [
        ("silence", None, None),
        ("arrival", "HLLB", 0.62),
    ]


def test_kml_says_how_likely_an_inferred_end_is(flights: pd.DataFrame) -> None:
    dark = flights.head(1).assign(
        estarrivalairport="HLLB",
        arrival_method="inferred",
        arrival_probability=0.62,
        arrival_candidates=[{"HLLB": 0.62, "HL59": 0.3}],
    )

    assert "probably HLLB (62%), else HL59 (30%)" in export.kml(dark).decode()


def test_a_fix_without_altitude_does_not_dive_to_the_sea_in_kml(flights: pd.DataFrame) -> None:
    track = pd.DataFrame(
        {
            "time": units.instants([0, 60_000, 120_000]),
            "latitude": 40.0,
            "longitude": [20.0, 20.1, 20.2],
            "altitude": [32_808.4, np.nan, 32_808.4],
            "onground": False,
        }
    )

    told = export.kml(flights.head(1).assign(track=[track])).decode()
    never = export.kml(flights.head(1).assign(track=[track.assign(altitude=np.nan)])).decode()

    assert re.findall(r" (\d+)</gx:coord>", told) == ["10000"] * 3
    assert "clampToGround" in never
    assert "clampToGround" not in told


def test_kml_has_its_parts_in_the_order_of_the_schema(db: explore.Explorer) -> None:
    root = ET.fromstring(export.export(db, "tracks", "kml", alert=1))

    kml, gx = "{http://www.opengis.net/kml/2.2}", "{http://www.google.com/kml/ext/2.2}"
    (document,) = root
    assert root.tag == f"{kml}kml"
    assert [child.tag for child in document] == [f"{kml}name", f"{kml}Style"] + [f"{kml}Placemark"] * 9
    styles = {f"#{style.get('id')}" for style in document.iter(f"{kml}Style")}
    order = [f"{kml}{name}" for name in ("name", "description", "TimeSpan", "styleUrl")] + [f"{gx}Track"]
    for mark in document.iter(f"{kml}Placemark"):
        tags = [child.tag for child in mark]
        assert tags == sorted(tags, key=order.index)
        assert mark.findtext(f"{kml}styleUrl") in styles
        track = mark.find(f"{gx}Track")
        assert track is not None
        inside = [child.tag for child in track]
        assert inside == sorted(inside, key=[f"{kml}altitudeMode", f"{kml}when", f"{gx}coord"].index)
        when = [datetime.fromisoformat(w.text or "") for w in track.iter(f"{kml}when")]
        assert when == sorted(when)
        where = np.array([[float(v) for v in (c.text or "").split(" ")] for c in track.iter(f"{gx}coord")])
        assert where.shape == (len(when), 3)
        assert (np.abs(where[:, :2]) <= [180, 90]).all()


def test_readsb_traces_go_back_in_as_they_came_out(flights: pd.DataFrame) -> None:
    packed = flights.assign(track=[tracks.encode(t) for t in flights["track"]])

    files = export.readsb_traces(packed)

    for flight in packed.to_dict("records"):
        want = tracks.decode(flight["track"])
        own = [b for name, b in files.items() if name.endswith(f"trace_full_{flight['icao24']}.json")]
        assert own
        got = pd.concat([traces.read(b).observations for b in own])
        got = got[got["time"].between(want["time"].min(), want["time"].max())].sort_values("time")
        assert len(got) == len(want)
        for name, close in (("latitude", 1e-5), ("longitude", 1e-5), ("altitude", 0.5), ("groundspeed", 0.05),
                            ("track", 0.05), ("vertical_rate", 0.5)):  # fmt: skip
            there, here = got[name].to_numpy(float), want[name].to_numpy(float)
            np.testing.assert_allclose(there, here, rtol=0, atol=close, err_msg=name)
        assert (got["onground"].to_numpy() == want["onground"].to_numpy()).all()
        late = millis(got["time"]) - millis(want["time"])
        assert np.abs(late).max() <= 100  # readsb writes tenths of a second
        assert set(got["callsign"].astype(str)) == {flight["callsign"]}


def test_readsb_traces_read_by_our_own_door_give_the_same_flight() -> None:
    flown = composed.flights()
    seen = flown[flown["arrival_method"] == "observed"].tail(1)

    files = export.readsb_traces(seen)

    fixes = pd.concat([traces.read(body).observations for body in files.values()])
    built = build(ingest.clean(fixes)[0])
    assert len(built) == 1
    for name in ("icao24", "callsign", "points"):
        assert built[name].iloc[0] == seen[name].iloc[0]
    assert abs(built["lastseen"].iloc[0] - seen["lastseen"].iloc[0]) < pd.Timedelta("1s")


def test_readsb_content_is_gzip_in_the_folders_of_the_archive(flights: pd.DataFrame) -> None:
    name, body = next(iter(export.readsb_traces(flights).items()))

    thing = json.loads(gzip.decompress(body))
    assert name.split("/")[3] == "traces"
    assert name.split("/")[4] == thing["icao"][-2:]
    assert all(len(row) == 14 for row in thing["trace"])
    assert thing["trace"][0][6] & 2


def test_the_zip_of_traces_is_the_same_every_time(db: explore.Explorer) -> None:
    first = export.export(db, "tracks", "readsb", alert=1)

    assert first == export.export(db, "tracks", "readsb", alert=1)
    assert all(n.startswith("2024/12/") for n in zipfile.ZipFile(io.BytesIO(first)).namelist())


@pytest.mark.parametrize(
    ("kind", "fmt", "hint"),
    [("flight", "csv", "there are flights"), ("flights", "xls", "there are csv"), ("alerts", "kml", "choose csv")],
)
def test_a_wrong_choice_is_answered_with_the_right_ones(db: explore.Explorer, kind: str, fmt: str, hint: str) -> None:
    with pytest.raises(UsageError, match=hint):
        export.export(db, kind, fmt)
