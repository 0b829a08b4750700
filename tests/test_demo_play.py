"""The whole demo, as users play it."""

from __future__ import annotations

import email
import email.policy
import json
import shutil
from pathlib import Path

import pytest

from flightwatch import config, evidence
from flightwatch.demo.play import LEFT, Result, play
from flightwatch.demo.report import flight_day
from flightwatch.errors import UsageError
from flightwatch.store import open_store


@pytest.mark.slow
def test_it_ends_with_one_alert_on_the_side_of_the_surge(demo: tuple[Result, str]) -> None:
    result, _ = demo

    [episode] = result.alerts

    surge = [f for f in result.truth["flights"] if f["id"] in result.truth["surge"]["flights"]]
    with open_store(f"sqlite:///{result.directory / 'flightwatch.db'}", readonly=True) as store:
        flights = store.flights(ids=list(episode.flights))
    own = flights["icao24"].isin({f["icao24"] for f in surge})
    assert own.mean() > 0.7  # it may include an ordinary trip of those days
    assert flight_day(result.opened[0], [f["offblock"] for f in surge]) <= 3


@pytest.mark.slow
def test_it_leaves_what_it_promises(demo: tuple[Result, str]) -> None:
    result, _ = demo

    left = {p.name for p in result.directory.iterdir()}

    assert set(LEFT) <= left
    message = email.message_from_bytes((result.directory / "alert.eml").read_bytes(), policy=email.policy.default)
    assert "flights" in message["Subject"]
    assert (result.directory / "map.png").read_bytes().startswith(b"\x89PNG")
    posts = json.loads((result.directory / "slack.json").read_text())
    assert len(posts) == result.posts > 0
    settings = config.load(result.directory / "config.toml", environ={})
    assert settings.check_secrets() == []


@pytest.mark.slow
def test_it_ends_with_an_evidence_pack_that_stands(demo: tuple[Result, str]) -> None:
    result, said = demo

    found = evidence.verify(result.evidence)
    zipped = evidence.verify(result.evidence.with_suffix(".zip"), rebuild=False)

    assert found.problems == []
    assert found.recomputed > 0
    assert found.sha256 == zipped.sha256
    assert f"{found.files} files verified" in said
    assert str(result.evidence / "index.html") in said


@pytest.mark.slow
def test_one_byte_changed_in_any_file_of_its_pack_is_found_and_the_file_named(
    demo: tuple[Result, str], tmp_path: Path
) -> None:
    pack = shutil.copytree(demo[0].evidence, tmp_path / "pack")
    files = sorted(p for p in pack.rglob("*") if p.is_file())

    for n, path in enumerate(files):
        whole = path.read_bytes()
        at = (n * 7919) % len(whole)  # somewhere else in every file
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        problems = evidence.verify(pack).problems
        path.write_bytes(whole)
        assert any(path.relative_to(pack).as_posix() in p for p in problems), path

    assert evidence.verify(pack, rebuild=False).ok


@pytest.mark.slow
def test_it_prints_the_alert_the_truth_and_how_to_go_on(demo: tuple[Result, str]) -> None:
    result, said = demo

    assert "Subject: [flightwatch]" in said
    assert f"Truth: {len(result.truth['surge']['flights'])} outbound flights" in said
    assert said.count("  flightwatch ") == 4
    assert str(result.directory / "map.png") in said


def test_a_folder_with_a_database_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "flightwatch.db").write_bytes(b"theirs")

    with pytest.raises(UsageError, match="no demo left"):
        play(tmp_path, echo=lambda line: None)

    assert (tmp_path / "flightwatch.db").read_bytes() == b"theirs"
