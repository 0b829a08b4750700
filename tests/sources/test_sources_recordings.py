"""Recordings, position tables and flight lists: every form they come in, and one clear line for anything else."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from flightwatch.errors import InputError
from flightwatch.records import FLIGHT
from flightwatch.sources import flightlist, snapshots
from flightwatch.units import millis


def still(data: bytes) -> bytes:
    """Gzip without its time, so that a test has the same name in every process."""
    return gzip.compress(data, mtime=0)


def test_a_recorded_body_and_lines_of_both_dialects_are_read(data: Path) -> None:
    body = list(snapshots.read(data / "receiver_aircraft.json"))
    lines = list(snapshots.read(data / "lines.jsonl"))
    dialect = list(snapshots.read(data / "dialect.jsonl"))

    assert [f.poll.kept for f in body] == [2]
    assert [(f.poll.kept, f.rejected) for f in lines] == [(2, {"no position": 1, "malformed row": 1})]
    assert [(f.poll.kept, f.rejected) for f in dialect] == [(2, {"no address": 1, "non-ICAO address": 1})]
    rows = dialect[0].observations
    assert rows.groundspeed.tolist() == [90, 93]
    assert rows.position_type.tolist() == ["unknown", "tisb_icao"]
    assert rows.squawk.tolist() == ["", "1200"]
    assert rows.geoaltitude.fillna(0).tolist() == [0, 1450]
    assert rows.vertical_rate.fillna(0).tolist() == [0, -256]


def test_lines_come_in_batches_that_name_themselves(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = (data / "lines.jsonl").read_bytes().splitlines()[0]
    (tmp_path / "many.jsonl.gz").write_bytes(gzip.compress(b"\n".join([line] * 25)))
    monkeypatch.setattr(snapshots, "BATCH_LINES", 10)

    found = list(snapshots.read(tmp_path / "many.jsonl.gz"))

    assert [f.poll.query for f in found] == [f"many.jsonl.gz#{i:05d}" for i in range(3)]
    assert [f.poll.kept for f in found] == [10, 10, 5]


def test_a_cut_recording_gives_its_whole_lines_and_then_says_it_is_cut(data: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    lines = b"\n".join(
        b'{"now":%d,"hex":"%06x","lat":45.1,"lon":33.2}' % (1763800000 + i, rng.integers(1, 2**23)) for i in range(2000)
    )
    (tmp_path / "cut.gz").write_bytes(gzip.compress(lines)[:-500])
    found = snapshots.read(tmp_path / "cut.gz")

    first = next(found)
    assert first.poll.kept > 1000
    assert first.rejected.total() == 0
    with pytest.raises(InputError, match="truncated"):
        list(found)


@pytest.mark.parametrize(
    ("body", "words"),
    [(b"<html>", "web page"), (b"", "empty"), (b'{"detail": "x"}', "neither"), (b"MSG,3,1,1", "JSON")],
)
def test_a_recording_that_is_none_gets_one_clear_line(tmp_path: Path, body: bytes, words: str) -> None:
    (tmp_path / "x.json").write_bytes(body)

    with pytest.raises(InputError, match=words):
        list(snapshots.read(tmp_path / "x.json"))


@pytest.mark.parametrize(
    ("name", "kept", "refused"),
    [
        ("positions_records.json", 2, {"no position": 1, "impossible time": 1}),
        ("positions_columns.json", 1, {"no position": 1}),
        ("positions.csv", 2, {"no position": 1}),
    ],
)
def test_tables_of_positions_are_read_in_every_form(
    data: Path, tmp_path: Path, name: str, kept: int, refused: dict[str, int]
) -> None:
    (tmp_path / name).write_bytes(gzip.compress((data / name).read_bytes()))

    (plain,) = snapshots.read(data / name)
    (packed_too,) = snapshots.read(tmp_path / name)

    assert (plain.poll.kept, plain.rejected) == (kept, refused)
    assert plain.observations.equals(packed_too.observations)
    assert plain.poll.sha256 == packed_too.poll.sha256
    rows = plain.observations
    assert millis(rows.time)[0] == 1533101250000
    assert rows.altitude[0] == 34975
    assert rows.onground.tolist() == [False, True][:kept]
    if kept == 2:
        assert np.isnan(rows.altitude[1])
        assert millis(rows.time)[1] == 1533101270000


def test_openskys_history_table_is_turned_into_our_units(data: Path) -> None:
    (found,) = snapshots.read(data / "positions_opensky.csv")

    row = found.observations.iloc[0]
    assert millis(found.observations.time).tolist() == [1486310500733]
    assert (round(row.altitude), round(row.groundspeed), round(row.vertical_rate)) == (10000, 250, -1000)
    assert (row.callsign, row.squawk) == ("EZY158T", "1000")


def test_a_table_as_parquet_gives_the_same_rows(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame(
        {
            "timestamp": pd.to_datetime([1533101250000, 1533101270000], unit="ms", utc=True),
            "icao24": "3003ae",
            "latitude": [45.8189, 45.8487],
            "longitude": [9.2295, 9.2107],
            "altitude": [34975.0, 0.0],
            "callsign": "DLH8JW",
            "onground": [False, True],
        }
    )
    frame.to_parquet(tmp_path / "t.parquet")

    (parquet,) = snapshots.read(tmp_path / "t.parquet")
    (csv,) = snapshots.read(data / "positions.csv")

    pd.testing.assert_frame_equal(parquet.observations, csv.observations)


@pytest.mark.parametrize(
    "body",
    [
        b'[{"timestamp": 1, "x": 2}]',
        b'{"altitude":{"0":1}}',
        b'[{"timestamp": [',
        b"timestamp,icao24,latitude,longitude\n",
        b"PAR1xx",
    ],
)
def test_a_table_without_rows_or_columns_does_no_harm(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "x.json").write_bytes(body)

    try:
        found = list(snapshots.read(tmp_path / "x.json"))
    except InputError as error:
        assert "\n" not in str(error)  # noqa: PT017  (either is right: refused whole, or without a row)
        return
    assert sum(f.poll.kept for f in found) == 0


def iata(code: str) -> str | None:
    return {"MJI": "HLLM", "SVO": "UUEE"}.get(code, code if len(code) == 4 else None)


def test_a_flight_list_becomes_reported_flights_and_counts_what_it_refused(data: Path) -> None:
    flights, refused = flightlist.read(data / "flights.csv", airport=iata)

    assert flights.flight_id.tolist() == [
        "140a1f-20241214T021530Z",
        "778681-20241214T030000Z",
        "HLLM-UUEE-20241214T042000Z",
    ]
    assert flights.estdepartureairport.tolist() == ["UUMU", "", "HLLM"]
    assert flights.departure_method.tolist() == ["reported", "unknown", "reported"]
    assert flights.arrival_candidates.tolist() == [{"HLLB": 1.0}, {"HLLB": 1.0}, {"UUEE": 1.0}]
    assert flights.typecode.tolist() == ["IL76", "IL76", ""]
    assert (flights.status == "landed").all()
    assert (flights.rules_version == "reported").all()
    assert list(flights.columns) == list(FLIGHT)
    assert refused == {
        "wrong number of fields": 1,
        "duplicate row": 1,
        "neither origin nor destination": 1,
        "no firstseen": 1,
        "lastseen before firstseen": 1,
    }
    assert refused.lines == {
        "wrong number of fields": [5],
        "duplicate row": [6],
        "neither origin nor destination": [7],
        "no firstseen": [8],
        "lastseen before firstseen": [9],
    }


def test_csv_gzip_and_parquet_give_the_same_flights(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    plain, _ = flightlist.read(data / "flights.csv", airport=iata, source="list")
    (tmp_path / "f.csv").write_bytes(gzip.compress((data / "flights.csv").read_bytes()))
    table = pd.DataFrame(
        {
            "callsign": ["RFF7031", "SYR9624", None],
            "icao24": ["140a1f", "778681", None],
            "registration": ["RF-76540", "YK-ATA", None],
            "typecode": ["IL76", "IL76", None],
            "origin": ["UUMU", None, "MJI"],
            "destination": ["HLLB", "HLLB", "SVO"],
            "firstseen": pd.to_datetime([1734142530, 1734145200, 1734150000], unit="s", utc=True),
            "lastseen": pd.to_datetime([1734163260, 1734166800, None], unit="s", utc=True),
        }
    )
    table.to_parquet(tmp_path / "f.parquet")

    packed_flights, _ = flightlist.read(tmp_path / "f.csv", airport=iata, source="list")
    parquet, refused = flightlist.read(tmp_path / "f.parquet", airport=iata, source="list")

    pd.testing.assert_frame_equal(plain, packed_flights)
    same = [c for c in FLIGHT if not c.startswith(("first_", "last_", "provenance"))]
    pd.testing.assert_frame_equal(plain[same], parquet[same])
    assert refused == {}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"a,b,c\n1,2,3\n", "firstseen, origin, destination is missing"),
        (b"<html><body>x", "web page"),
        (b"", "empty"),
        (still(b"firstseen,origin,destination\n" * 100)[:-9], "truncated"),
        (b"PAR1 nothing else", "Parquet"),
    ],
)
def test_a_list_that_is_none_gets_one_clear_line(tmp_path: Path, body: bytes, words: str) -> None:
    (tmp_path / "x.csv").write_bytes(body)

    with pytest.raises(InputError, match=words) as raised:
        flightlist.read(tmp_path / "x.csv")

    assert "\n" not in str(raised.value)


@pytest.mark.real
def test_every_real_table_of_tracks_goes_in(real_data: Path) -> None:
    folder = real_data / "traffic_samples"
    found = {}
    for path in sorted((folder / "samples").rglob("*.json.gz")):
        if path.name != "fuelflow_a320.json.gz":  # a flight recorder's table: it has no positions
            found[path.name] = list(snapshots.read(path))

    kept = sum(f.poll.kept for fs in found.values() for f in fs)
    refused = sum((f.rejected for fs in found.values() for f in fs), Counter())
    assert len(found) == 72
    assert kept + refused.total() == sum(
        len(pd.read_json(p)) for p in (folder / "samples").rglob("*.json.gz") if p.name in found
    )
    assert set(refused) <= {"no position", "position out of range"}
    swiss = found["switzerland.json.gz"]
    assert sum(f.poll.kept for f in swiss) + sum(f.rejected.total() for f in swiss) == 139_098
