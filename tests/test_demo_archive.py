"""The archive the demo writes: readsb's own format, the same bytes for a seed, and nothing that was not heard."""

from __future__ import annotations

import gzip
import hashlib
import json
import tarfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flightwatch.demo.archive import write_archive
from flightwatch.demo.world import World


@pytest.fixture(scope="module")
def world() -> World:
    return World.generate(5, days=40)


def read(path: Path) -> dict[str, Any]:
    with tarfile.open(path) as tar:
        members = {m.name: tar.extractfile(m).read() for m in tar.getmembers()}
    return {name: json.loads(gzip.decompress(body)) for name, body in members.items()}


def test_the_same_seed_writes_the_same_bytes(world: World, tmp_path: Path) -> None:
    first = write_archive(world, tmp_path / "a")
    second = write_archive(World.generate(5, days=40), tmp_path / "b")

    def digests(paths: list[Path]) -> list[str]:
        return [hashlib.sha256(p.read_bytes()).hexdigest() for p in paths]

    assert digests(first) == digests(second)


def test_every_day_has_a_tar_but_the_lost_one(world: World, tmp_path: Path) -> None:
    paths = write_archive(world, tmp_path)

    assert len(paths) == 35 - 1
    assert len(world.faults.lost) == 1


def test_the_rows_are_readsbs_and_add_up_to_what_was_heard(world: World, tmp_path: Path) -> None:
    day = world.first_day + timedelta(days=1)
    [path] = write_archive(world, tmp_path, day, day)

    traces = read(path)

    rows = sum(len(t["trace"]) for t in traces.values() if not t["icao"].startswith("~"))
    midnight = world.first + 86400
    assert rows == ((world.written.when >= midnight) & (world.written.when < midnight + 86400)).sum()
    for name, trace in traces.items():
        assert name == f"./traces/{trace['icao'][-2:]}/trace_full_{trace['icao']}.json"
        assert trace["timestamp"] == midnight
        offsets = [row[0] for row in trace["trace"]]
        assert offsets == sorted(offsets)
        assert offsets[0] >= 0
        assert offsets[-1] < 86400
        assert {len(row) for row in trace["trace"]} == {14}
        assert trace["trace"][0][8]["type"] == trace["trace"][0][9]
        assert all((row[8] is not None) == (i % 4 == 0) for i, row in enumerate(trace["trace"]))


def test_callsigns_are_padded_and_ground_is_a_word(world: World, tmp_path: Path) -> None:
    day = world.first_day + timedelta(days=2)
    traces = read(write_archive(world, tmp_path, day, day)[0])
    rows = [row for t in traces.values() if not t["icao"].startswith("~") for row in t["trace"]]

    assert {len(row[8]["flight"]) for row in rows if row[8]} == {8}
    assert any(row[3] == "ground" for row in rows)
    assert all(row[3] == "ground" or row[3] is None or isinstance(row[3], int) for row in rows)


def test_a_non_icao_address_and_mlat_are_in_it(world: World, tmp_path: Path) -> None:
    traces = [t for path in write_archive(world, tmp_path) for t in read(path).values()]

    assert any(t["icao"].startswith("~") and t["noRegData"] for t in traces)
    assert any(row[9] == "mlat" for t in traces for row in t["trace"])


def test_a_folder_tree_holds_the_same_files_as_the_tars(world: World, tmp_path: Path) -> None:
    days = (world.first_day, world.first_day + timedelta(days=1))
    tars = write_archive(world, tmp_path / "tars", *days)
    trees = write_archive(world, tmp_path / "tree", *days, layout="folder")

    for tar, tree in zip(tars, trees, strict=True):
        with tarfile.open(tar) as archive:
            inside = {m.name[2:]: archive.extractfile(m).read() for m in archive.getmembers()}
        assert {p.relative_to(tree).as_posix(): p.read_bytes() for p in tree.rglob("*.json")} == inside


def test_the_archive_reads_back_as_the_world_heard_it(world: World, tmp_path: Path) -> None:
    traces = pytest.importorskip("flightwatch.sources.traces")
    paths = write_archive(world, tmp_path)

    fetched = [piece.load() for piece in traces.pieces(paths)]

    told = sum(len(f.observations) for f in fetched)
    heard = world.history()
    assert told == len(heard)
    latitudes = np.sort(np.concatenate([f.observations["latitude"] for f in fetched]))
    assert np.allclose(latitudes, np.sort(heard["latitude"]), atol=1e-6)
