from __future__ import annotations

import gzip
import io
import shutil
import tarfile
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from flightwatch.errors import InputError
from flightwatch.records import OBSERVATION, conform
from flightwatch.sources import snapshots, traces
from flightwatch.units import millis

DAY = date(2025, 11, 22)


def still(data: bytes) -> bytes:
    """Gzip without its time, so that a test has the same name in every process."""
    return gzip.compress(data, mtime=0)


def load(paths: list[Path], **more: object) -> tuple[pd.DataFrame, dict[str, int], list[traces.Piece]]:
    found = list(traces.pieces(paths, **more))
    loaded = [p.load() for p in found]
    rejected: dict[str, int] = {}
    for fetched in loaded:
        for reason, number in fetched.rejected.items():
            rejected[reason] = rejected.get(reason, 0) + number
    return pd.concat([f.observations for f in loaded], ignore_index=True), rejected, found


def test_a_trace_becomes_rows_with_the_details_carried_forward(data: Path) -> None:
    rows, rejected, pieces = load([data / "trace_full_778681.json"])

    assert pieces[0].day == DAY
    assert rejected == {}
    assert millis(rows.time).tolist() == [1763773612100, 1763773788550, 1763773790550, 1763779550000]
    assert rows.callsign.tolist() == ["SYR9624", "", "SYR9625", ""]
    assert rows.squawk.tolist() == ["2304", "", "", ""]
    assert rows.nic.tolist() == [8, -1, 7, -1]
    assert rows.onground.tolist() == [True, False, False, False]
    assert rows.position_type.tolist() == ["adsb_icao"] * 3 + ["mlat"]
    np.testing.assert_array_equal(rows.altitude, [np.nan, 1825, 1925, np.nan])
    np.testing.assert_array_equal(rows.geoaltitude, [np.nan, 1950, 2050, 33000])


def test_rows_of_nine_columns_as_before_2022_are_read(data: Path) -> None:
    rows, rejected, pieces = load([data / "trace_full_1408ab.json"])

    assert pieces[0].day == date(2021, 1, 1)
    assert rows.position_type.tolist() == ["unknown", "unknown"]
    assert rows.onground.tolist() == [False, True]
    assert rejected == {}


def test_a_folder_gives_what_its_files_give_and_refuses_non_icao_addresses(data: Path, tmp_path: Path) -> None:
    for file in data.glob("trace_full_*.json"):
        (tmp_path / "ab").mkdir(exist_ok=True)
        (tmp_path / "ab" / file.name).write_bytes(gzip.compress(file.read_bytes()))

    rows, rejected, pieces = load([tmp_path])

    assert len(rows) == 6
    assert rejected == {"non-ICAO address": 1}
    assert {p.day for p in pieces} == {date(2021, 1, 1), DAY}
    one = pieces[0].load().observations
    assert (one.dtypes == conform(one, OBSERVATION).dtypes).all()


def packed(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def many(data: Path, count: int = 7) -> dict[str, bytes]:
    body = (data / "trace_full_778681.json").read_bytes()
    return {
        f"./traces/{i:02x}/trace_full_7786{i:02x}.json": gzip.compress(body.replace(b"778681", b"7786%02x" % i))
        for i in range(1, count + 1)
    }


def test_a_tar_and_its_parts_give_the_same_pieces(data: Path, tmp_path: Path) -> None:
    whole = packed(tmp_path / "day.tar", many(data))
    raw = whole.read_bytes()
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "day.tar.aa").write_bytes(raw[:3000])
    (tmp_path / "parts" / "day.tar.ab").write_bytes(raw[3000:])

    one, _, first = load([whole], batch=3)
    two, _, second = load([tmp_path / "parts" / "day.tar.ab", tmp_path / "parts" / "day.tar.aa"], batch=3)
    three, _, _ = load([tmp_path / "parts" / "day.tar.aa"], batch=3)

    assert [p.name for p in first] == [p.name for p in second]
    assert [len(p.members) for p in first] == [3, 3, 1]
    pd.testing.assert_frame_equal(one, two)
    pd.testing.assert_frame_equal(one, three)
    assert len(one) == 28


def test_a_backfill_goes_on_where_it_stopped(data: Path, tmp_path: Path) -> None:
    whole = packed(tmp_path / "day.tar", many(data))
    _, _, all_pieces = load([whole], batch=3)

    left = list(traces.pieces([whole], batch=3, done={all_pieces[0].name}))

    assert [p.name for p in left] == [p.name for p in all_pieces[1:]]
    assert all_pieces[1].load().poll.sha256 == left[0].load().poll.sha256


def test_a_watch_list_chooses_by_the_members_name(data: Path, tmp_path: Path) -> None:
    whole = packed(tmp_path / "day.tar", many(data))

    rows, _, _ = load([whole], watch=traces.Watch(icao24=frozenset({"778603"})))

    assert set(rows.address) == {0x778603}


def test_a_broken_member_is_counted_and_the_rest_is_read(data: Path, tmp_path: Path) -> None:
    files = many(data)
    names = list(files)
    files[names[1]] = files[names[1]][:-20]
    files[names[2]] = b"\x1f\x8bnonsense"
    files[names[3]] = b"<html>"

    rows, rejected, _ = load([packed(tmp_path / "day.tar", files)])

    assert len(rows) == 16
    assert rejected == {"truncated member": 1, "unreadable member": 2}


def test_a_tar_cut_in_the_middle_gives_what_came_before_and_says_so(data: Path, tmp_path: Path) -> None:
    raw = packed(tmp_path / "day.tar", many(data)).read_bytes()
    (tmp_path / "cut.tar").write_bytes(raw[:3000])
    pieces = traces.pieces([tmp_path / "cut.tar"], batch=1)

    assert len(next(pieces).load().observations) == 4
    with pytest.raises(InputError, match=r"cut\.tar"):
        list(pieces)


@pytest.mark.parametrize(
    ("name", "body", "words"),
    [
        ("trace_full_140a1f.json", b"<!doctype html><p>no", "web page"),
        ("trace_full_140a1f.json", still(b'{"icao":"140a1f"' + b" " * 500)[:-6], "truncated"),
        ("trace_full_140a1f.json", b'{"now": 1, "aircraft": []}', "not a readsb trace"),
    ],
)
def test_a_file_that_is_no_trace_gets_one_clear_line(tmp_path: Path, name: str, body: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(body)

    with pytest.raises(InputError, match=words) as raised:
        list(traces.pieces([tmp_path / name]))

    assert "\n" not in str(raised.value)


def test_paths_that_are_not_there_and_folders_without_traces_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such"):
        list(traces.pieces([tmp_path / "missing"]))
    with pytest.raises(InputError, match="holds no readsb traces"):
        list(traces.pieces([tmp_path]))


def test_a_missing_part_of_a_split_archive_is_named(data: Path, tmp_path: Path) -> None:
    raw = packed(tmp_path / "x", many(data)).read_bytes()
    (tmp_path / "day.tar.ab").write_bytes(raw)

    with pytest.raises(InputError, match=r"part \.aa is missing"):
        list(traces.pieces([tmp_path / "day.tar.ab"]))


@pytest.mark.real
def test_every_real_trace_and_recording_goes_in_by_the_right_door(real_data: Path, tmp_path: Path) -> None:
    base = real_data / "adsb_actions_readsb"
    lone = real_data / "traffic_samples/samples/readsb/trace_full_ac671b.json"
    rows, rejected, _ = load([base / "tests/sample_readsb_data", lone])
    assert (len(rows), rejected) == (6430, {})
    shutil.copytree(base / "tests/sample_readsb_data", tmp_path / "copy")
    again, _, _ = load([tmp_path / "copy", lone])
    assert len(again) == len(rows)

    for name, kept, refused, lines in (
        ("tests/20minutes.json", 1194, {"no address": 418}, 1612),
        ("tests/1hr.json", 4920, {"no address": 847}, 5767),
        ("examples/KWVI/1213.wvi5nm.gz", 9379, {"non-ICAO address": 235}, 9614),
        ("tests/fixtures/v2_pipeline/grid/20250601", 42783, {"non-ICAO address": 1337}, 44120),
        ("tests/fixtures/v2_pipeline/grid/20250602", 40060, {"non-ICAO address": 1234}, 41294),
    ):
        found = list(snapshots.read(base / name))
        counted = {k: sum(f.rejected[k] for f in found) for f in found for k in f.rejected}
        assert sum(f.poll.kept for f in found) == kept, name
        assert counted == refused, name
        assert kept + sum(refused.values()) == lines, name
