"""Flights from a published archive: the files that were read are recorded, and anybody can check them."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import tarfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from flightwatch import evidence, explore
from flightwatch.config import Settings
from flightwatch.config.work import RetentionSettings
from flightwatch.evidence.archives import against_archives, wanted
from flightwatch.jobs.backfill import backfill
from flightwatch.jobs.context import Context
from flightwatch.sources import traces
from flightwatch.store import open_store
from flightwatch.telling import Alert, Changes, Episode
from tests.fakes.sky import Sky, Trip
from tests.test_cli_fetch import day_archive

START = datetime(2024, 12, 10, 6, tzinfo=UTC)
NAME = "v2024.12.10-planes-readsb-prod-0"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sky = Sky([Trip("152049", "RSD101", "UMMS", "HLLB", START), Trip("4b0001", "ORD1", "EDDF", "LIRF", START)])
    path = tmp_path_factory.mktemp("archive") / f"{NAME}.tar"
    path.write_bytes(day_archive(sky, START.date()))
    return path


@pytest.fixture
def database(archive: Path, tmp_path: Path) -> Path:
    """A database with the day read in, and an alert that rests on the flight from Minsk."""
    with open_store(str(tmp_path / "fw.db"), create=True) as store:
        backfill(Context(Settings(), store), traces.pieces([archive]))
        [flight] = store.flights(icao24=["152049"])["flight_id"]
        day = date(2024, 12, 10)
        known = {"flights": {flight: {"day": "2024-12-10", "icao24": "152049", "p": 1.0}}}
        alert = Alert(1, "r", ("r",), START, day, day, "open", "watch", "one flight", known, START)
        store.save_alerts(Changes(opened=(Episode(alert, (flight,)),)), now=START)
    return tmp_path / "fw.db"


def files_of(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_pack_names_the_files_of_the_archive_with_the_hashes_they_have_there(
    database: Path, archive: Path, tmp_path: Path
) -> None:
    with explore.open(database) as db:
        evidence.export(db, 1, tmp_path / "pack", now=START, archive=False)

    files = files_of(tmp_path / "pack")
    members = wanted(files)
    assert list(members) == [f"{NAME}.tar"]
    [(name, digest)] = members[f"{NAME}.tar"].items()
    with tarfile.open(archive) as tar:
        [own] = [m for m in tar.getmembers() if m.name.endswith("trace_full_152049.json")]
        assert hashlib.sha256(tar.extractfile(own).read()).hexdigest() == digest  # type: ignore[union-attr]
    assert name.endswith("traces/49/trace_full_152049.json")
    [poll] = csv.DictReader(io.StringIO(files["polls.csv"].decode()))
    assert f"archives/{poll['sha256']}.json" in files
    assert b"archives/" in files["README.txt"]
    assert b"bodies/" not in files["README.txt"]
    assert poll["left_out"].startswith(f"in the archive {NAME}.tar")
    found = evidence.verify(tmp_path / "pack", archives=[archive])
    assert found.ok
    assert found.archived == 1


def test_an_archive_that_was_changed_or_is_another_is_found_out(database: Path, archive: Path, tmp_path: Path) -> None:
    with explore.open(database) as db:
        evidence.export(db, 1, tmp_path / "pack", now=START, archive=False)
    files = files_of(tmp_path / "pack")
    late = Sky([Trip("152049", "RSD101", "UMMS", "HLLB", START + timedelta(minutes=1))])
    other = tmp_path / "other" / archive.name
    other.parent.mkdir()
    other.write_bytes(day_archive(late, START.date()))
    lacking = tmp_path / "lacking" / archive.name
    lacking.parent.mkdir()
    lacking.write_bytes(day_archive(Sky([Trip("4b0001", "ORD1", "EDDF", "LIRF", START)]), START.date()))
    renamed = tmp_path / "v2024.12.11-planes-readsb-prod-0.tar"
    renamed.write_bytes(archive.read_bytes())

    assert "is not what it was when it was read" in against_archives(files, [other])[1][0]
    assert "is not in it" in against_archives(files, [lacking])[1][0]
    same, problems, notes = against_archives(files, [renamed])
    assert (same, problems) == (0, [])
    assert any("nothing in the pack came from an archive of this name" in note for note in notes)
    assert any("not looked at" in note for note in notes)


def test_housekeeping_keeps_the_lists_of_archives(database: Path) -> None:
    with open_store(str(database)) as store:
        before = store.counts(["body"])["body"]

        store.prune(RetentionSettings(bodies_days=0), START + timedelta(days=3000))

        assert store.counts(["body"])["body"] == before > 0


def test_the_list_names_only_what_was_taken(archive: Path) -> None:
    by_name = traces.Watch(icao24=frozenset({"152049"}))
    by_reading = traces.Watch(icao24=frozenset({"152049"}), types=frozenset({"C17"}))

    for watch in (by_name, by_reading):
        loaded = [piece.load() for piece in traces.pieces([archive], watch=watch)]
        [own] = [one for one in loaded if one.body is not None]
        assert [Path(m["name"]).name for m in json.loads(own.body or b"")["members"]] == ["trace_full_152049.json"]
        assert hashlib.sha256(own.body or b"").hexdigest() == own.poll.sha256
        assert all(one.poll.sha256 == "" for one in loaded if one is not own)
