"""Every listing as JSON, in the shape that is documented; what is written says so before it is."""

from __future__ import annotations

import gzip
import io
import json
import re
import shutil
import tarfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from flightwatch.cli import app
from flightwatch.cli.base import json_option
from flightwatch.cli.reference import commands
from flightwatch.errors import ConfigError, FlightwatchError, SourceError, UsageError
from tests.fakes.http import HttpServer, Request
from tests.fakes.sky import Sky, Trip
from tests.fakes.week import LIVE, WATCHED, Played
from tests.tables import count, dump

START = datetime(2024, 12, 10, 6, 0, tzinfo=UTC)
Run = Callable[..., Result]
Tell = Callable[..., Any]


def call(*argv: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in argv], catch_exceptions=False)


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


CONFIG = """
contact = "desk@example.org"
[http]
allow_private = true
[[source]]
kind = "opensky"
url = "{url}"
allow_private = true
areas = ["libya-and-eastern-mediterranean"]
"""


def day_archive(sky: Sky, day: date, *, folders: int = 256) -> bytes:
    """A published day: a tar with a folder for each last byte, most of them of aircraft nobody looks for."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        bodies = {f"./traces/{i[-2:]}/trace_full_{i}.json": body for i, body in sky.traces(day)}
        for n in range(folders):
            name = f"./traces/{n:02x}/trace_full_4b00{n:02x}.json"
            empty = {"icao": f"4b00{n:02x}", "timestamp": START.replace(hour=0).timestamp(), "trace": []}
            bodies.setdefault(name, json.dumps(empty).encode())
        for name, body in sorted(bodies.items()):
            packed = gzip.compress(body, 1, mtime=0)
            entry = tarfile.TarInfo(name)
            entry.size = len(packed)
            tar.addfile(entry, io.BytesIO(packed))
    return out.getvalue()


ORDINARY = Trip("4b0001", "ORD1", "EDDF", "LIRF", START)
TAG = "v2024.12.10-planes-readsb-prod-0"


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[HttpServer]:
    sky = Sky([Trip("152049", "RSD101", "UMMS", "HLLB", START), ORDINARY])
    whole = day_archive(sky, START.date())
    parts = [whole[: len(whole) // 2], whole[len(whole) // 2 :]]
    link = f"https://github.com/adsblol/globe_history_2024/releases/download/{TAG}/{TAG}.tar.a"

    def answer(request: Request) -> str | tuple[int, dict[str, str], bytes]:
        path = request.path.split("?")[0]
        kind = {"Content-Type": "application/octet-stream"}
        if path.endswith("globe_history_2024/raw/refs/heads/main/PREFERRED_RELEASES.txt"):
            return 200, {"Content-Type": "text/plain"}, f"{link}a,{link}b\n".encode()
        for end, part in zip(("aa", "ab"), parts, strict=True):
            if path.endswith(f"{TAG}.tar.{end}"):
                return 200, kind, part
        if path.endswith("plane-alert-db.csv"):
            head = "$ICAO,$Registration,$Operator,$Type,$ICAO Type,#CMPG,$Tag 1,$#Tag 2,$#Tag 3,Category,$#Link\n"
            row = "152049,RA-76001,Aviacon,Ilyushin Il-76,IL76,Mil,a,b,c,Other,\n"
            return 200, {"Content-Type": "text/csv"}, (head + row).encode()
        if path.endswith("/flights/arrival"):
            begin = int(START.timestamp())
            row = {"icao24": "152049", "firstSeen": begin, "lastSeen": begin + 15_000, "callsign": "RSD101  ",
                   "estDepartureAirport": "UMMS", "estArrivalAirport": "HLLB"}  # fmt: skip
            return 200, {"Content-Type": "application/json"}, json.dumps([row]).encode()
        return "404 Content-Type=text/plain Not Found"

    with HttpServer(answer=answer) as server:
        (tmp_path / "fw.toml").write_text(CONFIG.format(url=server.url))
        yield server


def fetch(tmp_path: Path, *argv: object) -> tuple[int, Any, str]:
    done = call(*argv, "--config", tmp_path / "fw.toml", "--db", tmp_path / "fw.db", "--json")
    return done.exit_code, json.loads(done.stdout) if done.stdout.strip() else None, done.stderr


def test_published_days_are_streamed_and_a_day_read_is_not_asked_for_again(mirror: HttpServer, tmp_path: Path) -> None:
    days = ("backfill", "adsblol", "--from", "2024-12-10", "--to", "2024-12-10", "--mirror", mirror.url, "--workers", 1)
    code, answer, _ = fetch(tmp_path, *days, "--everything")
    asked = len(mirror.requests)
    again = fetch(tmp_path, *days, "--everything")

    assert code == 0
    assert answer["backfill"]["flights"] == 2
    assert [p["outcome"] for p in answer["backfill"]["polls"]] == ["ok"]
    assert again[0] == 0
    assert again[1]["backfill"]["known"] == 1
    assert len(mirror.requests) == asked + 1  # the list alone
    assert count(tmp_path / "fw.db", "flight") == 2


def test_without_everything_only_what_the_sources_watch_is_kept(mirror: HttpServer, tmp_path: Path) -> None:
    code, answer, _ = fetch(
        tmp_path, "backfill", "adsblol", "--from", "2024-12-10", "--to", "2024-12-10", "--mirror", mirror.url,
        "--workers", 1,
    )  # fmt: skip

    assert code == 0
    assert answer["backfill"]["flights"] == 1
    assert answer["backfill"]["rejected"]["not watched"] == len(ORDINARY.fixes())


def test_a_day_that_is_not_published_is_unknown_and_said(mirror: HttpServer, tmp_path: Path) -> None:
    span = ("--from", "2024-12-10", "--to", "2024-12-11")
    code, answer, _ = fetch(tmp_path, "backfill", "adsblol", *span, "--mirror", mirror.url, "--workers", 1)

    assert code == 1
    assert [p["outcome"] for p in answer["backfill"]["polls"]] == ["ok", "bad_request"]
    assert "not published" in answer["backfill"]["polls"][1]["note"]


def test_opensky_s_flights_come_airport_by_airport_once(mirror: HttpServer, tmp_path: Path) -> None:
    asked = ("backfill", "opensky", "--from", "2024-12-10", "--to", "2024-12-10", "--airport", "HLLB")
    code, answer, error = fetch(tmp_path, *asked)
    again = fetch(tmp_path, *asked)

    assert code == 0, error
    assert [p["query"] for p in answer["backfill"]["polls"]] == [
        "flights/arrival/HLLB/2024-12-10",
        "flights/departure/HLLB/2024-12-10",
    ]
    assert count(tmp_path / "fw.db", "flight", "estarrivalairport = 'HLLB'") == 1
    assert again[1]["backfill"]["known"] == 2


def test_tables_of_airframes_are_fetched_for_those_we_know(mirror: HttpServer, tmp_path: Path) -> None:
    (folder,) = Sky([Trip("152049", "RSD101", "UMMS", "HLLB", START, typecode="")]).write_traces(tmp_path / "g")
    assert call("backfill", "readsb", folder, "--db", tmp_path / "fw.db").exit_code == 0
    table = ("aircraft", "update", "--table", "plane-alert-db", "--mirror", mirror.url)

    dry = fetch(tmp_path, *table, "--dry-run")
    before = count(tmp_path / "fw.db", "claim", "source = 'plane-alert-db'")
    code, answer, error = fetch(tmp_path, *table)

    assert (dry[0], before) == (0, 0)
    assert code == 0, error
    assert answer["update"]["airframes"] == answer["update"]["changed"] == 1
    (shown,) = json.loads(call("aircraft", "show", "152049", "--db", tmp_path / "fw.db", "--json").stdout)["aircraft"]
    assert (shown["registration"], shown["typecode"]) == ("RA-76001", "IL76")


def test_a_span_that_runs_backwards_and_a_table_nobody_knows_are_usage(mirror: HttpServer, tmp_path: Path) -> None:
    for argv in (
        ("backfill", "adsblol", "--from", "2024-12-11", "--to", "2024-12-10"),
        ("aircraft", "update", "--table", "wikipedia"),
    ):
        with pytest.raises(UsageError):
            call(*argv, "--config", tmp_path / "fw.toml", "--db", tmp_path / "fw.db")
    assert len(mirror.requests) == 0


def test_a_day_read_with_another_filter_is_told_and_read_anew_when_asked(mirror: HttpServer, tmp_path: Path) -> None:
    days = ("backfill", "adsblol", "--from", "2024-12-10", "--to", "2024-12-10", "--mirror", mirror.url, "--workers", 1)
    watched = fetch(tmp_path, *days)[1]["backfill"]
    same = fetch(tmp_path, *days)[1]["backfill"]
    wider = fetch(tmp_path, *days, "--everything")[1]["backfill"]
    told = call(*days, "--everything", "--config", tmp_path / "fw.toml", "--db", tmp_path / "fw.db").stdout
    anew = fetch(tmp_path, *days, "--everything", "--again")[1]["backfill"]

    assert (watched["flights"], watched["read_otherwise"]) == (1, 0)
    assert (same["known"], same["read_otherwise"]) == (1, 0)
    assert (wider["known"], wider["read_otherwise"]) == (1, 1)
    assert "1 of them were read with another filter than this: --again reads them anew" in told
    assert anew["known"] == 0
    assert count(tmp_path / "fw.db", "flight") == 2


def test_a_day_whose_second_part_is_missing_goes_on_where_it_broke(
    mirror: HttpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flightwatch.sources.traces.BATCH_MEMBERS", 16)
    monkeypatch.setattr("flightwatch.jobs.backfill.CHUNK_BYTES", 1000)
    days = ("backfill", "adsblol", "--from", "2024-12-10", "--to", "2024-12-10", "--mirror", mirror.url, "--workers", 1)
    whole, broken = mirror.answer, [True]

    def answer(request: Request) -> Any:
        if broken[0] and request.path.endswith(".tar.ab"):
            return "404 Content-Type=text/plain gone"
        assert whole is not None
        return whole(request)

    mirror.answer = answer
    with pytest.raises(SourceError) as caught:
        call(*days, "--everything", "--config", tmp_path / "fw.toml", "--db", tmp_path / "fw.db")
    assert "incomplete" in str(caught.value)
    half = count(tmp_path / "fw.db", "poll", "outcome IN ('ok', 'empty')")
    assert half > 0
    broken[0] = False

    code, answered, _ = fetch(tmp_path, *days, "--everything")

    assert code == 0
    assert answered["backfill"]["skipped"] >= half - 1  # the piece at the cut may have been shorter
    assert [p["outcome"] for p in answered["backfill"]["polls"]] == ["ok"]
    assert count(tmp_path / "fw.db", "flight") == 2


def test_opensky_s_credits_are_kept_over_restarts_and_what_is_beyond_them_waits(
    mirror: HttpServer, tmp_path: Path
) -> None:
    config = (tmp_path / "fw.toml").read_text()
    budget = 70  # two questions of 30
    (tmp_path / "fw.toml").write_text(config.replace('kind = "opensky"', f'kind = "opensky"\ndaily_budget = {budget}'))
    asked = ("backfill", "opensky", "--from", "2024-12-08", "--to", "2024-12-10", "--airport", "HLLB")

    first = fetch(tmp_path, *asked)
    count_first = sum("/flights/" in r.path for r in mirror.requests)
    with pytest.raises(SourceError, match="budget of 70 is spent"):
        call(*asked, "--config", tmp_path / "fw.toml", "--db", tmp_path / "fw.db")

    assert first[0] == 1
    assert [p["outcome"] for p in first[1]["backfill"]["polls"]][-1] == "rate_limited"
    assert count_first == 2
    assert sum("/flights/" in r.path for r in mirror.requests) == 2  # the second run asked nothing


ONE_DAY = ("--from", "2024-12-10", "--to", "2024-12-10")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("backfill", "adsblol", *ONE_DAY, "--mirror", "http://127.0.0.1:9"), "127.0.0.1"),
        (("backfill", "adsblol", *ONE_DAY, "--mirror", "ftp://x"), "ftp"),
        (("backfill", "opensky", *ONE_DAY, "--airport", "XXXX"), "did you mean"),
        (("aircraft", "update", "--mirror", "http://127.0.0.1:9"), "127.0.0.1"),
        (("flights", "rebuild", "--icao24", "zzzzzz"), "zzzzzz"),
        (("flights", "rebuild", "--from", "2024-12-11", "--to", "2024-12-10"), "after"),
    ],
)
def test_what_cannot_be_fetched_or_rebuilt_is_one_clear_line_and_changes_nothing(
    argv: tuple[object, ...], words: str, mirror: HttpServer, tmp_path: Path
) -> None:
    assert call("db", "upgrade", "--db", tmp_path / "fw.db").exit_code == 0

    with pytest.raises(FlightwatchError) as caught:
        call(*argv, "--config", tmp_path / "fw.toml", "--db", tmp_path / "fw.db")

    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert count(tmp_path / "fw.db", "flight") == 0


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


@pytest.mark.parametrize("name", ["run", "once"])
def test_a_daemon_without_anything_to_poll_says_so_and_does_not_start(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    with pytest.raises(ConfigError, match="flightwatch init"):
        call(name, "--db", tmp_path / "fw.db")

    assert not (tmp_path / "fw.db").exists()


def test_wrong_turns_are_answered_with_the_way(tmp_path: Path) -> None:
    (tmp_path / "fw.toml").write_text(
        'contact = "a@example.org"\n[[route]]\nname = "Ostrava to Kigali"\nfrom = ["LKMT"]\nto = ["HRYR"]\n'
    )
    given = ("--config", tmp_path / "fw.toml", "--db", tmp_path / "fw.db")
    assert call("db", "upgrade", *given).exit_code == 0

    for argv, words in {
        ("flights", "--route", "Ostrava to Kigali"): "not counted yet: run `flightwatch detect`",
        ("flights", "--airport", "HLLBX"): "did you mean",
        ("alerts", "show", "7"): "no alert 7: none has been raised yet",
        ("backtest",): "`flightwatch backfill` reads one in",
        ("report", "--site", tmp_path / "site", "--from", "2024-12-01"): "do not go with it",
    }.items():
        with pytest.raises(FlightwatchError) as caught:
            call(*argv, *given)
        assert words in str(caught.value), argv
