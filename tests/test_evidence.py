"""A pack is self-contained, and a single changed byte in it is found and named."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent / "data" / "analysts"))
import composed

from flightwatch import evidence, explore
from flightwatch.errors import InputError, UsageError

NOW = datetime(2024, 12, 22, 7, tzinfo=UTC)


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> explore.Explorer:
    return explore.open(composed.cached(tmp_path_factory.getbasetemp()))


@pytest.fixture(scope="module")
def made(db: explore.Explorer, tmp_path_factory: pytest.TempPathFactory) -> evidence.Pack:
    return evidence.export(db, 1, tmp_path_factory.mktemp("evidence") / "alert-1", now=NOW)


@pytest.fixture
def pack(made: evidence.Pack, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made.folder, tmp_path / "pack"))


def test_a_fresh_pack_is_sound_and_its_flights_follow_from_its_bodies(
    made: evidence.Pack, db: explore.Explorer
) -> None:
    found = evidence.verify(made.folder, db)

    assert found.problems == []
    assert found.notes == []
    assert found.recomputed == 9
    assert found.sha256 == made.sha256


def test_the_zip_holds_the_same(made: evidence.Pack) -> None:
    assert made.archive is not None

    found = evidence.verify(made.archive, rebuild=False)

    assert found.ok
    assert found.sha256 == made.sha256
    assert all(n.startswith("alert-1/") for n in zipfile.ZipFile(made.archive).namelist())


def test_what_a_reader_needs_is_in_it(made: evidence.Pack) -> None:
    names = {p.relative_to(made.folder).as_posix() for p in made.folder.rglob("*") if p.is_file()}

    assert names >= {
        "index.html", "README.txt", "LIMITS.txt", "LICENCES.txt", "alert.json", "why.txt", "flights.csv", "tracks.csv",
        "tracks.geojson", "tracks.kml", "route-days.csv", "findings.csv", "polls.csv", "manifest.json",
        "pictures/map.png", "pictures/route.png",
    }  # fmt: skip
    readme = (made.folder / "README.txt").read_text()
    assert "bodies/" in readme
    assert "archives/" not in readme, "nothing in it came from an archive"
    assert "Open Database License" in (made.folder / "LICENCES.txt").read_text()
    known = json.loads((made.folder / "alert.json").read_text())
    assert known["model"]["id"] == known["finding"]["model"]
    assert known["rules_versions"]


@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_one_byte_changed_in_any_file_is_found_and_the_file_named(pack: Path, place: str) -> None:
    everything = sorted(p for p in pack.rglob("*") if p.is_file())
    chosen = [p for p in everything if p.parent.name != "bodies"] + [
        p for p in everything if p.parent.name == "bodies"
    ][:3]

    for path in chosen:
        whole = path.read_bytes()
        at = {"first": 0, "middle": len(whole) // 2, "last": len(whole) - 1}[place]
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        problems = evidence.verify(pack).problems
        path.write_bytes(whole)
        assert any(path.relative_to(pack).as_posix() in p for p in problems), path

    assert evidence.verify(pack, rebuild=False).ok


def test_a_missing_an_extra_and_a_linked_file_are_named(pack: Path) -> None:
    (pack / "flights.csv").unlink()
    (pack / "notes.txt").write_text("mine")
    (pack / "LIMITS.txt").unlink()
    (pack / "LIMITS.txt").symlink_to(pack / "README.txt")

    problems = " | ".join(evidence.verify(pack).problems)

    assert "flights.csv: missing" in problems
    assert "notes.txt: extra" in problems
    assert "LIMITS.txt: changed" in problems


def test_flights_changed_together_with_the_manifest_do_not_follow_from_the_bodies(pack: Path) -> None:
    import hashlib

    flights = (pack / "flights.csv").read_bytes().replace(b"RFF7042", b"RFF7043")
    (pack / "flights.csv").write_bytes(flights)
    manifest = json.loads((pack / "manifest.json").read_text())
    for entry in manifest["files"]:
        if entry["path"] == "flights.csv":
            entry["sha256"] = hashlib.sha256(flights).hexdigest()
    text = json.dumps(manifest, indent=1) + "\n"
    (pack / "manifest.json").write_text(text)
    (pack / "manifest.sha256").write_text(f"{hashlib.sha256(text.encode()).hexdigest()}  manifest.json\n")
    (pack / "SHA256SUMS").write_text("".join(f"{e['sha256']}  {e['path']}\n" for e in manifest["files"]))

    problems = evidence.verify(pack).problems

    assert problems
    assert all("callsign is 'RFF7043', from the raw bodies it is 'RFF7042'" in p for p in problems)


def test_a_database_that_says_otherwise_is_noticed(made: evidence.Pack, db: explore.Explorer, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    db.store.backup(other)
    with sqlite3.connect(other) as connection:
        connection.execute("UPDATE flight SET points = points + 5 WHERE icao24 = '5100d1'")
    connection.close()

    with explore.open(other) as changed:
        problems = evidence.verify(made.folder, changed, rebuild=False).problems

    assert len(problems) == 1
    assert "points is '37', the database says '42'" in problems[0]


def test_sha256sum_can_check_it_without_us(made: evidence.Pack) -> None:
    ran = subprocess.run(
        ["sha256sum", "-c", "--quiet", "SHA256SUMS", "manifest.sha256"],
        cwd=made.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert ran.returncode == 0, ran.stderr


def test_a_body_that_gives_a_receiver_away_stays_at_home(db: explore.Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    from flightwatch.evidence import bodies

    held = db.store.body
    monkeypatch.setattr(
        db.store, "body", lambda digest: held(digest).replace(b'"nic": 8', b'"r_dst": 21.7, "r_dir": 8')
    )

    found = bodies.collect(db, db.tracked_flights(alert=1))

    assert found.kept == {}
    assert set(found.polls["left_out"]) == {"it tells where the receiver stands"}
    assert found.polls["sha256"].str.len().eq(64).all()


def test_the_page_needs_no_network_and_no_script(made: evidence.Pack) -> None:
    page = (made.folder / "index.html").read_text()

    assert "<script" not in page
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", page)
    assert "default-src 'none'" in page
    assert page.count("data:image/png;base64,") >= 4


def test_a_folder_that_holds_something_is_left_alone(db: explore.Explorer, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")

    with pytest.raises(UsageError, match="holds something already"):
        evidence.export(db, 1, tmp_path, now=NOW)

    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("what", ["nothing", "text", "foreign"])
def test_what_is_no_pack_is_said_in_one_line(what: str, tmp_path: Path) -> None:
    path = tmp_path / "thing"
    if what == "text":
        path.write_text("no zip")
    if what == "foreign":
        path.mkdir()
        (path / "manifest.json").write_text('{"format": "other/9", "files": []}')

    if what == "foreign":
        assert any("other/9" in p for p in evidence.verify(path).problems)
    else:
        with pytest.raises(InputError, match="thing"):
            evidence.verify(path)
