from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from flightwatch.errors import SourceError
from flightwatch.records import AIRCRAFT, OBSERVATION, conform
from flightwatch.sources import frames, readsb
from flightwatch.units import millis

NOW = datetime.fromtimestamp(1763800000.5, UTC)


def test_a_receivers_snapshot_becomes_rows_in_our_units(data: Path) -> None:
    found = readsb.parse((data / "receiver_aircraft.json").read_bytes(), source="receiver", received=NOW)

    rows = found.observations
    assert [f"{a:06x}" for a in rows.address] == ["140a1f", "601111"]
    assert millis(rows.time).tolist() == [1763799999300, 1763799188100]
    assert rows.callsign.tolist() == ["RFF7031", ""]
    assert rows.onground.tolist() == [True, False]
    assert np.isnan(rows.altitude).all()
    assert rows.nic.tolist() == [8, 0]
    assert found.now == NOW
    assert found.rejected == {"non-ICAO address": 1, "no position": 1}


def test_a_last_position_is_marked_stale_and_carries_no_movement_of_today(data: Path) -> None:
    rows = readsb.parse((data / "receiver_aircraft.json").read_bytes(), source="receiver", received=NOW).observations

    assert rows.suspect.tolist() == [0, frames.STALE]
    assert np.isnan(rows.groundspeed[1])


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("v2_point.json", 1),
        ("v2_empty.json", 0),
        ("v2_null_list.json", 0),
        ("adsbfi_v2_dist.json", 1),
        ("receiver_milliseconds.json", 1),
        ("mutability_aircraft.json", 2),
        ("adsbx_single.json", 1),
    ],
)
def test_every_envelope_of_the_family_is_read(data: Path, name: str, kept: int) -> None:
    found = readsb.parse((data / name).read_bytes(), source="x", received=NOW)

    assert len(found.observations) == kept
    assert found.now == NOW
    assert list(found.observations.columns) == list(OBSERVATION)
    expected = conform(found.observations, OBSERVATION).dtypes
    assert (found.observations.dtypes == expected).all()
    assert list(found.aircraft.columns) == list(AIRCRAFT)


def test_an_aggregators_row_brings_identity_along(data: Path) -> None:
    found = readsb.parse((data / "v2_point.json").read_bytes(), source="adsblol", received=NOW)

    row = found.observations.iloc[0]
    assert (row.altitude, row.geoaltitude, row.vertical_rate, row.squawk) == (28975, 30450, -64, "0412")
    assert found.aircraft.to_dict("records") == [
        {
            "icao24": "018000",
            "registration": "5A-DRS",
            "typecode": "IL76",
            "operator": "",
            "flags": 1,
            "source": "adsblol",
        }
    ]


def test_the_older_names_of_mutability_are_understood(data: Path) -> None:
    rows = readsb.parse((data / "mutability_aircraft.json").read_bytes(), source="x", received=NOW).observations

    assert rows.altitude.fillna(-1).tolist() == [35000, -1]
    assert rows.onground.tolist() == [False, True]
    assert rows.groundspeed.tolist() == [480, 10]
    assert rows.vertical_rate.fillna(0).tolist() == [-64, 0]


def test_one_bad_row_costs_one_row() -> None:
    good = '{"hex": "140a1f", "lat": 55.8, "lon": 38.1}'
    bad = [
        "17",
        '{"hex": 7}',
        '{"hex": "140a20", "lat": "x", "lon": 1}',
        '{"hex": "140a21", "lat": 95.0, "lon": 1}',
        '{"hex": "140a22", "lat": 1.0, "lon": 1, "seen_pos": 1e9}',
        '{"hex": "0x1234", "lat": 1.0, "lon": 1}',
        '{"hex": "140a23", "lat": 0.0, "lon": 0.0}',
    ]
    null = '{"hex": "140a24", "lat": 1.0, "lon": 1, "gs": null, "flight": null}'
    body = f'{{"now": 1763800000.5, "aircraft": [{good}, {", ".join(bad)}, {null}, {good}]}}'.encode()

    found = readsb.parse(body, source="x", received=NOW)

    assert [f"{a:06x}" for a in found.observations.address] == ["140a1f", "140a24", "140a1f"]
    assert found.rejected == {
        "malformed row": 3,
        "position out of range": 2,
        "impossible time": 1,
        "no address": 1,
    }


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"null",
        b"17",
        b'{"detail": "no"}',
        b'{"ac": {}, "now": 1763800000500}',
        b'{"ac": [], "now": 1e300}',
        b'{"ac": [], "now": NaN}',
        b'\xef\xbb\xbf{"ac": []}',
        b"[" * 100_000,
        b'{"ac": [' + b'{"a":' * 100_000,
        b'{"now": 1763800000.5, "aircraft": [' + b",".join([b"{}"] * 250_000) + b"]}",
    ],
)
def test_a_body_that_is_no_answer_is_a_bad_schema(body: bytes) -> None:
    with pytest.raises(SourceError) as raised:
        readsb.parse(body, source="x")

    assert raised.value.outcome == "bad_schema"
    assert len(str(raised.value)) < 300


def test_a_feed_whose_clock_is_off_gets_our_time_and_a_mark() -> None:
    body = b'{"now": 1763796400.5, "aircraft": [{"hex": "140a1f", "lat": 55.8, "lon": 38.1, "seen_pos": 1.0}]}'

    found = readsb.parse(body, source="x", received=NOW)

    assert millis(found.observations.time).tolist() == [1763799999500]
    assert found.observations.suspect.tolist() == [readsb.CLOCK]
    assert found.now == NOW - timedelta(hours=1)


def test_more_rows_than_the_world_has_aircraft_are_cut_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readsb, "MAX_ROWS", 2)
    row = '{"hex": "140a1f", "lat": 55.8, "lon": 38.1}'

    found = readsb.parse(f'{{"now": 1763800000.5, "ac": [{row}, {row}, {row}]}}'.encode(), source="x")

    assert len(found.observations) == 2
    assert found.rejected == {"beyond the row limit": 1}
