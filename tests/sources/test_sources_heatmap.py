"""Heatmaps: what is written comes back, other files are refused, and how dense the traffic was."""

from __future__ import annotations

import gzip
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from flightwatch.errors import InputError
from flightwatch.records import HEARD, OBSERVATION, conform
from flightwatch.sources import heatmap, sweep
from flightwatch.units import instants, millis


def world(count: int = 40, slices: int = 30, seed: int = 3) -> pd.DataFrame:
    """Rows as in a heatmap: rounded to its steps."""
    rng = np.random.default_rng(seed)
    address = np.tile(0x140000 + np.arange(count), slices)
    ms = np.repeat(1_763_769_600_000 + 10_000 * np.arange(slices), count)
    ground = rng.random(count * slices) < 0.1
    frame = pd.DataFrame(
        {
            "address": address.astype(np.uint32),
            "time": instants(ms),
            "latitude": np.round(rng.uniform(-80, 80, count * slices), 6),
            "longitude": np.round(rng.uniform(-179, 179, count * slices), 6),
            "altitude": np.where(ground, np.nan, 25.0 * rng.integers(-20, 1800, count * slices)),
            "groundspeed": np.round(rng.uniform(0, 600, count * slices), 1),
            "onground": ground,
            "callsign": [f"RFF{a & 0xFFF:d}" for a in address],
            "position_type": np.where(rng.random(count * slices) < 0.2, "mlat", "adsb_icao"),
        }
    )
    return conform(frame, OBSERVATION)


def test_a_heatmap_gives_back_what_was_written() -> None:
    rows = world()
    data = gzip.compress(heatmap.encode(rows))

    found = heatmap.observations([heatmap.decode(data, Counter())], "heatmap", Counter())

    expected = rows.sort_values(["address", "time"], kind="stable", ignore_index=True)
    for name in ("address", "time", "onground"):
        assert (found[name] == expected[name]).all()
    for name in ("callsign", "position_type"):
        assert found[name].tolist() == expected[name].tolist()
    for name in ("latitude", "longitude", "altitude", "groundspeed"):
        np.testing.assert_allclose(found[name], expected[name], atol=1e-4)


def test_parts_of_a_heatmap_are_the_whole() -> None:
    data = heatmap.encode(world())
    whole = heatmap.observations([heatmap.decode(data, Counter())], "x", Counter())

    parts = [heatmap.observations([heatmap.decode(data, Counter(), part=(k, 4))], "x", Counter()) for k in range(4)]

    assert sum(map(len, parts)) == len(whole)
    assert sorted(pd.concat(parts)["address"].unique()) == sorted(whole["address"].unique())


def test_density_counts_each_airframe_once_a_cell_and_hour() -> None:
    rows = world(2, 3)
    rows["latitude"], rows["longitude"] = 33.5, -0.5
    rows.loc[rows["address"] == 0x140001, "latitude"] = -33.5

    found = heatmap.density([heatmap.decode(heatmap.encode(rows), Counter())], "x")

    assert list(found.columns) == list(HEARD)
    assert sorted(zip(found["cell"], found["aircraft"], strict=True)) == [("-34,-2", 1), ("32,-2", 1)]
    assert millis(found["hour"]).tolist() == [1_763_769_600_000] * 2


def test_non_icao_and_info_records_are_no_positions() -> None:
    records = np.frombuffer(heatmap.encode(world(3, 1)), dtype=heatmap.RECORD).copy()
    rows = np.flatnonzero((records["hex"] & 0xFFFFFF) == 0x140001)
    records["hex"][rows] |= sweep.NOT_ICAO
    counted: Any = Counter()

    found = heatmap.decode(records.tobytes(), counted)

    assert len(found.rows) == 2
    assert counted["non-ICAO address"] == len(rows)


# gzip without its time, so that the test has the same name in every process
@pytest.mark.parametrize("data", [b"", b"x" * 15, bytes(160), gzip.compress(bytes(1600), mtime=0)[:-9]])
def test_what_is_no_heatmap_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        heatmap.decode(data, Counter())


def test_heatmaps_on_disk_are_found_by_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "2025/11/22/heatmap"
    folder.mkdir(parents=True)
    (folder / "00.bin.ttf").write_bytes(gzip.compress(heatmap.encode(world())))

    pieces = list(heatmap.pieces([tmp_path], parts=1))

    assert [p.day for p in pieces] == [date(2025, 11, 22)]
    assert pieces[0].load().poll.kept == 1200
    assert len(pieces[0].heard()) > 100
    assert next(iter(heatmap.pieces([folder / "00.bin.ttf"], parts=1))).load().poll.kept == 1200
    monkeypatch.setattr(heatmap, "PART_BYTES", (folder / "00.bin.ttf").stat().st_size // 2)
    assert [p.part for p in heatmap.pieces([tmp_path])] == [(0, 3), (1, 3), (2, 3)]
    monkeypatch.setattr(heatmap, "PART_BYTES", 1000)
    assert len(list(heatmap.pieces([tmp_path]))) == heatmap.MOST_PARTS
    (tmp_path / "none").mkdir()
    (tmp_path / "none/x.bin.ttf").write_bytes(b"nothing")
    with pytest.raises(InputError, match="holds no heatmaps"):
        list(heatmap.pieces([tmp_path / "none"]))
    with pytest.raises(InputError, match="not a heatmap"):
        list(heatmap.pieces([tmp_path / "none/x.bin.ttf"]))
