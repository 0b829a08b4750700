"""`doctor` checks everything a run depends on, and says what needs doing."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from flightwatch import config
from flightwatch.jobs.poll import tell
from flightwatch.jobs.status import Check, doctor
from flightwatch.records import FLIGHT, Poll, conform, flight_id
from flightwatch.store import open_store
from tests.fakes.command import call

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)

CONFIG = """
contact = "desk@example.org"
watchlist = false
[database]
url = "sqlite:///fw.db"
[[source]]
kind = "adsblol"
military = true
[[channel]]
kind = "slack"
webhook_file = "slack"
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "slack").write_text("https://hooks.slack.com/services/T00000000/B00000000/cAnArY12345678")
    (tmp_path / "slack").chmod(0o600)
    (tmp_path / "fw.toml").write_text(CONFIG)
    with open_store(str(tmp_path / "fw.db"), create=True) as store:
        store.save_polls([Poll("adsblol", "/v2/mil", NOW, NOW, "ok", kept=5)])
        store.upsert_flights(pd.concat([a_flight(NOW - timedelta(days=90)), a_flight(NOW)], ignore_index=True))
    return tmp_path


def a_flight(firstseen: datetime) -> pd.DataFrame:
    lastseen = firstseen + timedelta(hours=4)
    row = {"icao24": "1504a1", "firstseen": firstseen, "lastseen": lastseen, "status": "landed", "rules_version": "1"}
    row["flight_id"] = flight_id("1504a1", firstseen)
    return conform(pd.DataFrame([row]), FLIGHT)


def look(place: Path, text: str = CONFIG) -> dict[str, Check]:
    (place / "fw.toml").write_text(text)
    return {c.name: c for c in doctor(config.load(place / "fw.toml", environ={}), NOW)}


def test_all_is_well_is_said_line_by_line(place: Path) -> None:
    found = look(place)

    assert {"configuration", "contact", "clock", "database", "permissions", "disk", "source adsblol", "outbox"} <= set(
        found
    )
    assert all(check.ok for check in found.values()), found
    assert found["database"].text.startswith("sqlite 3.")
    assert "schema" in found["database"].text


def test_each_thing_that_needs_doing_is_named(place: Path) -> None:
    def without(part: str) -> dict[str, Check]:
        return look(place, CONFIG.replace(part, ""))

    (place / "fw.db").chmod(0o644)
    assert not look(place)["permissions"].ok
    assert "should be 0600" in look(place)["permissions"].text
    (place / "fw.db").chmod(0o600)
    assert not without('contact = "desk@example.org"')["contact"].ok
    assert not look(place, CONFIG + "[daemon]\nmin_free_mb = 1e12\n")["disk"].ok
    assert "nobody hears of an alert" in look(place, CONFIG.split("[[channel]]", maxsplit=1)[0])["channels"].text
    young = look(place, CONFIG + "[detection]\nmin_history_days = 200\n")["history"]
    assert not young.ok
    assert young.text.startswith(
        "flights from 2026-08-24 to 2026-11-22 (91 days); no route raises an alert before it has"
    )
    (place / "slack").unlink()
    gone = look(place)["configuration"]
    assert not gone.ok
    assert "webhook_file" in gone.text


def test_a_fresh_database_is_told_from_a_source_that_fails(place: Path) -> None:
    (place / "fw.db").unlink()
    open_store(str(place / "fw.db"), create=True).close()

    found = look(place)

    assert found["source adsblol"].text.startswith("not asked in the last 24 hours")
    assert found["history"].text.startswith("no flights are stored")


def test_a_history_that_ended_long_ago_is_not_counted_up_to_today(place: Path) -> None:
    (place / "fw.db").unlink()
    with open_store(str(place / "fw.db"), create=True) as store:
        store.upsert_flights(a_flight(NOW - timedelta(days=700)))

    found = look(place)["history"]

    assert not found.ok
    assert "(1 day)" in found.text


def test_a_source_is_late_by_the_daemons_rounds_not_by_an_interval_shorter_than_they_are(place: Path) -> None:
    with open_store(str(place / "fw.db")) as store:
        store.save_polls([Poll("fast", "/v2/mil", NOW - timedelta(seconds=70), NOW, "ok", kept=5)])
    fast = CONFIG.replace('kind = "adsblol"', 'kind = "adsblol"\nname = "fast"\ninterval_s = 5')

    assert look(place, fast)["source fast"].ok
    assert not look(place, f"{fast}[daemon]\npoll_s = 5\n")["source fast"].ok


def test_a_database_that_is_no_database_is_one_line(place: Path) -> None:
    (place / "fw.db").write_text("<html>not a database</html>" * 100)

    found = look(place)

    assert not found["database"].ok
    assert "\n" not in found["database"].text
    assert found["disk"].ok


def test_the_command_ends_with_1_when_something_needs_doing_and_shows_no_secret(place: Path) -> None:
    def run(*argv: str) -> Any:
        return call(*argv, "--config", place / "fw.toml")

    told = run("doctor", "--json")  # by this machine's clock, the source has long been silent
    rows = {c["name"]: c for c in json.loads(told.stdout)["doctor"]}

    assert told.exit_code == 1
    assert rows["source adsblol"]["ok"] is False
    assert "FAIL  source adsblol" in run("doctor").stdout
    assert "cAnArY" not in told.output + run("config", "show").output + run("config", "check").output


def test_a_source_that_is_down_is_one_line_in_the_log_however_many_requests_it_had(
    caplog: pytest.LogCaptureFixture,
) -> None:
    down = [Poll("feed", f"/v2/type/{n}", NOW, NOW, "server", note="the host name is not known") for n in "abc"]
    with caplog.at_level(logging.INFO):
        tell([*down, Poll("feed", "/v2/mil", NOW, NOW, "blocked", note="a web page"), Poll("b", "/", NOW, NOW, "ok")])

    assert caplog.messages == [
        "feed /v2/type/a: server the host name is not known (and 2 more like it)",
        "feed /v2/mil: blocked a web page",
    ]
