"""The demo, whole: a shorter history, but every part the real one."""

from __future__ import annotations

import email
import email.policy
import json
from pathlib import Path

import pytest

from flightwatch import config
from flightwatch.demo.play import LEFT, Result, play
from flightwatch.demo.report import flight_day
from flightwatch.errors import UsageError
from flightwatch.store import open_store

SEED = 1


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, str]:
    said: list[str] = []
    result = play(tmp_path_factory.mktemp("demo"), seed=SEED, echo=said.append, days=110)
    return result, "\n".join(said)


@pytest.mark.slow
def test_it_ends_with_one_alert_on_the_side_of_the_surge(played: tuple[Result, str]) -> None:
    result, _ = played

    [episode] = result.alerts

    surge = [f for f in result.truth["flights"] if f["id"] in result.truth["surge"]["flights"]]
    with open_store(f"sqlite:///{result.directory / 'flightwatch.db'}", readonly=True) as store:
        flights = store.flights(ids=list(episode.flights))
    own = flights["icao24"].isin({f["icao24"] for f in surge})
    assert own.mean() > 0.7  # an ordinary trip of those days may be among them
    assert flight_day(result.opened[0], [f["offblock"] for f in surge]) <= 3


@pytest.mark.slow
def test_it_leaves_what_it_promises(played: tuple[Result, str]) -> None:
    result, _ = played

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
def test_it_prints_the_alert_the_truth_and_how_to_go_on(played: tuple[Result, str]) -> None:
    result, said = played

    assert "Subject: [flightwatch]" in said
    assert f"Truth: {len(result.truth['surge']['flights'])} outbound flights" in said
    assert said.count("  flightwatch ") == 3
    assert str(result.directory / "map.png") in said


def test_a_folder_with_a_database_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "flightwatch.db").write_bytes(b"theirs")

    with pytest.raises(UsageError, match="no demo left"):
        play(tmp_path, echo=lambda line: None)

    assert (tmp_path / "flightwatch.db").read_bytes() == b"theirs"
