"""Every listing as JSON, in the documented shape; a command says what it will write before it does."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flightwatch.cli import app
from flightwatch.cli.base import json_option
from flightwatch.cli.reference import commands
from flightwatch.errors import UsageError
from tests.fakes.command import call
from tests.fakes.sky import Sky, Trip
from tests.fakes.week import LIVE, WATCHED, Played
from tests.tables import dump

START = datetime(2024, 12, 10, 6, 0, tzinfo=UTC)
Tell = Callable[..., Any]


@pytest.fixture
def told(played: Played, tmp_path: Path) -> Tell:
    """The JSON a command gives on a copy of the played week."""
    shutil.copy(played.folder / "flightwatch.db", tmp_path / "fw.db")
    shutil.copy(played.folder / "slack", tmp_path / "slack")
    shutil.copy(played.folder / "flightwatch.toml", tmp_path / "fw.toml")

    def tell(*argv: object) -> Any:
        done = call(*argv, "--config", tmp_path / "fw.toml", "--db", tmp_path / "fw.db", "--json")
        assert done.exit_code in (0, 1), done.output
        return json.loads(done.stdout)

    return tell


ALERT = {
    "id", "route", "routes", "opened", "first_day", "last_day", "status", "severity", "headline", "evidence", "updated",
    "by", "reason",
}  # fmt: skip
FLIGHT = {
    "flight_id", "icao24", "callsign", "registration", "typecode", "firstseen", "lastseen", "estdepartureairport",
    "departure_method", "departure_probability", "estarrivalairport", "arrival_method", "arrival_probability",
    "departure_candidates", "arrival_candidates", "first_latitude", "first_longitude", "last_latitude",
    "last_longitude", "points", "longest_gap_s", "distance_nm", "status", "suspect", "source", "rules_version",
}  # fmt: skip
LISTINGS = {
    ("alerts", "list"): ("alerts", ALERT),
    ("alerts", "show", 1): ("alerts", ALERT | {"flights", "events", "deliveries"}),
    ("flights", "--limit", 3): ("flights", FLIGHT),
    ("routes", "list"): ("routes", {"name", "from", "to", "from_airports", "to_airports", "aircraft", "digest"}),
    ("routes", "show", WATCHED): ("routes", {"name", "from_airports", "to_airports"}),
    ("routes", "coverage", WATCHED): ("coverage", {"day", "coverage", "detail"}),
    ("aircraft", "show", "152010"): ("aircraft", {"icao24", "typecode", "address_country", "claims"}),
    ("deliveries", "list"): ("deliveries", {"id", "alert", "channel", "kind", "state", "attempts", "answer"}),
    ("model", "show"): ("models", {"id"}),
    ("config", "show"): ("settings", {"key", "value", "origin"}),
    ("health",): ("health", {"name", "ok", "text"}),
    ("doctor",): ("doctor", {"name", "ok", "text"}),
}


@pytest.mark.slow
@pytest.mark.parametrize("command", LISTINGS, ids=lambda c: " ".join(map(str, c)))
def test_a_listing_is_one_object_with_its_plural_as_the_key(told: Tell, command: tuple[object, ...]) -> None:
    key, columns = LISTINGS[command]

    answer = told(*command)

    assert list(answer) == [key]
    assert len(answer[key]) > 0
    for row in answer[key]:
        assert columns <= set(row)


@pytest.mark.slow
def test_instants_are_iso_with_z_and_an_alert_reads_as_documented(told: Tell) -> None:
    (alert,) = told("alerts", "list")["alerts"]
    flight = told("flights", "--route", WATCHED, "--limit", 1)["flights"][0]

    assert alert["id"] == 1
    for text in (alert["opened"], flight["firstseen"]):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text)
    assert isinstance(flight["arrival_candidates"], dict)
    assert sum(flight["arrival_candidates"].values()) <= 1.0001


@pytest.mark.slow
def test_flights_are_filtered_by_route_day_airport_type_callsign_and_airframe(told: Tell) -> None:
    def flights(*options: object) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = told("flights", "--limit", 0, *options)["flights"]
        return found

    everything = flights()
    assert {f["icao24"] for f in flights("--icao24", "152010")} == {"152010"}
    assert {f["typecode"] for f in flights("--type", "il76")} == {"IL76"}
    assert {f["callsign"][:3] for f in flights("--callsign", "RSD*")} == {"RSD"}
    assert {f["firstseen"][:10] for f in flights("--from", "2024-11-01", "--to", "2024-11-02")} <= {
        "2024-11-01",
        "2024-11-02",
    }
    at = flights("--airport", "HLLB")
    assert 0 < len(at) < len(everything)
    on_route = flights("--route", WATCHED.upper())
    assert {f["flight_id"] for f in on_route} <= {f["flight_id"] for f in everything}


@pytest.mark.slow
def test_detect_stores_the_same_findings_again_and_sends_nothing(told: Tell, tmp_path: Path) -> None:
    before = dump(tmp_path / "fw.db", ["alert", "alert_flight", "delivery"])

    answer = told("detect", "--from", LIVE.date())

    assert set(answer) == {"findings", "judged"}
    assert {"route", "day", "observed", "expected", "probability", "reasons"} <= set(answer["findings"][0])
    assert dump(tmp_path / "fw.db", ["alert", "alert_flight", "delivery"]) == before


@pytest.mark.slow
def test_a_backtest_gives_alerts_as_alerts_list_does_and_a_summary(told: Tell, tmp_path: Path) -> None:
    answer = told("backtest", "--report", tmp_path / "page.html", "--route", WATCHED)

    assert set(answer) == {"alerts", "summary"}
    assert {"id", "route", "opened", "headline"} <= set(answer["alerts"][0])
    assert {a["route"] for a in answer["alerts"]} == {WATCHED}
    assert "<html" in (tmp_path / "page.html").read_text()


@pytest.mark.slow
def test_status_tells_of_sources_jobs_messages_and_alerts(told: Tell) -> None:
    status = told("status")["status"]

    assert {"sources", "jobs", "problems", "outbox", "alerts", "rows"} <= set(status)
    assert status["alerts"][0]["id"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["flights", "tracks", "route-days", "findings", "alerts"])
@pytest.mark.parametrize("fmt", ["csv", "json"])
def test_every_kind_can_be_exported(told: Tell, tmp_path: Path, kind: str, fmt: str) -> None:
    done = call("export", kind, "--format", fmt, "--route", WATCHED, "-o", tmp_path / "out", "--db", tmp_path / "fw.db")

    assert done.exit_code == 0, done.output
    text = (tmp_path / "out").read_text()
    if fmt == "json":
        (rows,) = json.loads(text).values()
        assert len(rows) > 0
    else:
        assert text.count("\n") > 1


@pytest.mark.slow
def test_evidence_is_written_verified_and_found_out_when_changed(told: Tell, tmp_path: Path) -> None:
    where = ("--db", tmp_path / "fw.db")
    assert call("evidence", "export", 1, "-o", tmp_path / "pack", *where).exit_code == 0

    assert call("evidence", "verify", tmp_path / "pack").exit_code == 0
    victim = next(p for p in sorted((tmp_path / "pack").rglob("*.csv")))
    victim.write_bytes(victim.read_bytes() + b"x")
    done = call("evidence", "verify", tmp_path / "pack")

    assert done.exit_code == 1
    assert victim.name in done.output


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["ack", "dismiss", "close"])
def test_the_life_of_an_alert_has_a_dry_run(told: Tell, tmp_path: Path, verb: str) -> None:
    before = dump(tmp_path / "fw.db")
    argv = ("alerts", verb, 1, "--reason", "why", "--by", "desk", "--db", tmp_path / "fw.db")

    assert call(*argv, "--dry-run").exit_code == 0
    assert dump(tmp_path / "fw.db") == before
    assert call(*argv).exit_code == 0
    assert told("alerts", "list")["alerts"][0]["by"] == "desk"
    with pytest.raises(UsageError, match="already"):
        call(*argv)


@pytest.mark.slow
def test_a_dry_prune_counts_what_goes_and_leaves_it(told: Tell, tmp_path: Path) -> None:
    before = dump(tmp_path / "fw.db")

    dry = told("db", "prune", "--dry-run")

    assert dry["dry_run"] is True
    assert sum(dry["pruned"].values()) > 0
    assert dump(tmp_path / "fw.db") == before
    assert told("db", "prune")["pruned"] == dry["pruned"]


@pytest.mark.slow
def test_rebuilding_flights_changes_nothing_the_second_time(told: Tell, tmp_path: Path) -> None:
    dry = told("flights", "rebuild", "--dry-run")
    before = dump(tmp_path / "fw.db", ["flight"])
    first = told("flights", "rebuild")
    second = told("flights", "rebuild")

    assert dry["changes"] == first["changes"]
    assert first["flights"] > 5
    assert second["changes"] == []
    assert len(dump(tmp_path / "fw.db", ["flight"])["flight"]) == len(before["flight"])


def test_rebuilding_after_a_type_became_known_tells_what_changed(tmp_path: Path) -> None:
    sky = Sky([Trip("152049", "RSD101", "UMMS", "HLLB", START)])
    recording = tmp_path / "rec.json"
    recording.write_bytes(b"\n".join(sky.v2(m) for m in sky.minutes))
    where = ("--db", tmp_path / "fw.db")
    assert call("backfill", "snapshots", recording, *where).exit_code == 0
    from flightwatch.records import AIRCRAFT, conform
    from flightwatch.store import open_store

    with open_store(f"sqlite:///{tmp_path / 'fw.db'}") as store:
        import pandas as pd

        row = pd.DataFrame([{"icao24": "152049", "registration": "RA-76001", "source": "desk"}])
        store.save_aircraft(conform(row, AIRCRAFT), at=START)

    answer = json.loads(call("flights", "rebuild", *where, "--json").stdout)

    (change,) = [c for c in answer["changes"] if c["field"] == "registration"]
    assert (change["before"], change["after"]) == ("", "RA-76001")


def test_reading_an_archive_again_is_asked_for_and_gives_the_same_flights(tmp_path: Path) -> None:
    folders = Sky([Trip("152049", "RSD101", "UMMS", "HLLB", START)]).write_traces(tmp_path / "g")
    where = ("--db", tmp_path / "fw.db", "--json")
    first = json.loads(call("backfill", "readsb", *folders, *where).stdout)["backfill"]
    before = dump(tmp_path / "fw.db", ["flight", "track", "heard"])

    again = json.loads(call("backfill", "readsb", *folders, "--again", *where).stdout)["backfill"]

    assert again["kept"] == first["kept"] > 0
    assert dump(tmp_path / "fw.db", ["flight", "track", "heard"]) == before


def test_every_option_that_writes_or_sends_has_a_dry_run() -> None:
    writing = {
        "init", "once", "backfill readsb", "backfill snapshots", "backfill adsblol", "backfill opensky",
        "import flights", "flights rebuild", "aircraft update", "alerts ack", "alerts dismiss", "alerts close",
        "notify test", "db prune",
    }  # fmt: skip
    found = {path.removeprefix("flightwatch ") for path, c in commands(app) if "dry_run" in {p.name for p in c.params}}

    assert writing <= found


def test_every_command_takes_config_and_db_and_every_listing_json() -> None:
    leaves = {p.removeprefix("flightwatch "): c for p, c in commands(app) if not hasattr(c, "commands")}
    listings = {
        "status", "health", "doctor", "alerts list", "alerts show", "silence list", "deliveries list", "routes list",
        "routes show", "routes coverage", "aircraft show", "detect", "backtest", "model show", "config show",
    }  # fmt: skip

    assert [p for p, c in leaves.items() if not {"config_path", "db"} <= {q.name for q in c.params}] == []
    assert [p for p in listings if "as_json" not in {q.name for q in leaves[p].params}] == []
    assert json_option is not None


def test_a_silence_is_added_listed_and_ended(tmp_path: Path) -> None:
    where = ("--db", tmp_path / "fw.db")
    assert call("db", "upgrade", *where).exit_code == 0
    added = call("silence", "add", "Moscow*", "--for", "3d", "--reason", "exercise", "--by", "desk", *where)
    (listed,) = json.loads(call("silence", "list", "--json", *where).stdout)["silences"]

    assert added.exit_code == 0
    assert (listed["route"], listed["by"], listed["reason"]) == ("Moscow*", "desk", "exercise")
    span = datetime.fromisoformat(listed["expires"]) - datetime.fromisoformat(listed["created"])
    assert span == timedelta(days=3)
    assert call("silence", "expire", listed["id"], *where).exit_code == 0
    assert json.loads(call("silence", "list", "--json", *where).stdout)["silences"] == []


def test_sources_says_what_would_be_asked_and_what_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "fw.toml").write_text(
        'contact = "desk@example.org"\n'
        '[[source]]\nkind = "adsblol"\ntypes = ["IL76"]\nmilitary = true\nareas = ["HLLB"]\n'
        '[[source]]\nkind = "adsbfi"\ntypes = ["IL76"]\nmilitary = true\nenabled = false\n'
        '[[source]]\nkind = "adsbx"\ntypes = ["IL76"]\n'
    )

    found = json.loads(call("sources", "--config", tmp_path / "fw.toml", "--json").stdout)["sources"]
    said = call("sources", "--config", tmp_path / "fw.toml").stdout

    lol, fi, adsbx = found
    assert lol["requests"][:2] == ["/v2/type/IL76", "/v2/mil"]
    assert lol["requests"][2].startswith("/v2/point/32.")
    assert (lol["seconds"], lol["a_day"], lol["gaps"]) == (4.0, 1440 * 3, [])
    assert (fi["enabled"], fi["gaps"]) == (False, ["adsb.fi cannot be asked for types"])
    assert "nothing to ask ADSBExchange for" in adsbx["trouble"]
    assert "3 requests every 60 s" in said
    assert "gap: adsb.fi cannot be asked for types" in said
    assert "cannot be asked: source 'adsbx'" in said
    assert "no sources" in call("sources", "--config", _settled(tmp_path)).stdout


def _settled(folder: Path) -> Path:
    (folder / "none.toml").write_text('contact = "desk@example.org"\n')
    return folder / "none.toml"


def test_heatmaps_on_disk_become_flights_and_twice_is_once(tmp_path: Path) -> None:
    from benchmarks.ingest.world import heatmap_files

    (tmp_path / "heatmap").mkdir()
    for n, file in enumerate(heatmap_files(6)):
        (tmp_path / "heatmap" / f"{n:02d}.bin.ttf").write_bytes(file)
    db = tmp_path / "fw.db"

    first = json.loads(call("backfill", "heatmaps", tmp_path, "--workers", 1, "--db", db, "--json").stdout)
    before = dump(db)
    again = json.loads(call("backfill", "heatmaps", tmp_path, "--workers", 1, "--db", db, "--json").stdout)

    (one,), (two,) = first.values(), again.values()
    one, two = (x[0] if isinstance(x, list) else x for x in (one, two))
    assert one["kept"] > 1000
    assert one["flights"] == len(before["flight"]) >= 6
    assert before["heard"]
    assert (two["kept"], two["skipped"]) == (0, one["pieces"])
    assert dump(db) == before


@pytest.mark.slow
def test_coverage_of_a_route_added_since_the_last_count_says_how_it_is_counted(played: Played, tmp_path: Path) -> None:
    shutil.copy(played.folder / "flightwatch.db", tmp_path / "fw.db")
    file = tmp_path / "fw.toml"
    file.write_text('contact = "a@b.org"\n[[route]]\nname = "Mine"\nfrom = ["UUWW"]\nto = ["HLLB"]\n')

    with pytest.raises(UsageError, match="not counted yet: run `flightwatch detect`"):
        call("routes", "coverage", "Mine", "--config", file, "--db", tmp_path / "fw.db")
