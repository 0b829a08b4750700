"""Days, flights and tables fetched from servers laid out like the real ones, command by command."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from flightwatch.errors import FlightwatchError, SourceError, UsageError
from tests.fakes.command import call
from tests.fakes.http import HttpServer, Request
from tests.fakes.sky import Sky, Trip
from tests.tables import count

START = datetime(2024, 12, 10, 6, 0, tzinfo=UTC)
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
    """A published day: a tar with a folder for each last byte, mostly of aircraft that nobody looks for."""
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


def test_the_limits_of_answers_hold_for_lists_and_not_for_large_downloads(mirror: HttpServer, tmp_path: Path) -> None:
    config = (tmp_path / "fw.toml").read_text()
    days = ("backfill", "adsblol", *ONE_DAY, "--mirror", mirror.url, "--workers", 1)
    (tmp_path / "fw.toml").write_text(config.replace("[http]", "[http]\nmax_encoded_mib = 1e-4"))

    with pytest.raises(SourceError, match=r"PREFERRED_RELEASES\.txt: more than 104 bytes"):
        fetch(tmp_path, *days)
    code, answer, _ = fetch(
        tmp_path, "aircraft", "update", "--table", "plane-alert-db", "--everyone", "--mirror", mirror.url
    )
    assert (code, answer["update"]["airframes"]) == (0, 1)

    mirror.answer = lambda request: "hang"
    (tmp_path / "fw.toml").write_text(config.replace("[http]", "[http]\ndeadline_s = 0.4"))
    with pytest.raises(SourceError, match=r"not complete after 0 s|no answer in time"):
        fetch(tmp_path, *days)


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
    budget = 70  # two requests of 30
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


def test_the_wait_opensky_asks_for_is_kept_over_restarts(mirror: HttpServer, tmp_path: Path) -> None:
    whole = mirror.answer
    mirror.answer = lambda request: (
        "429 X-Rate-Limit-Retry-After-Seconds=7200 slow down"
        if "/flights/" in request.path
        else whole(request)
        if whole
        else None
    )
    asked = ("backfill", "opensky", "--from", "2024-12-08", "--to", "2024-12-10", "--airport", "HLLB")
    with pytest.raises(SourceError):
        call(*asked, "--config", tmp_path / "fw.toml", "--db", tmp_path / "fw.db")
    mirror.answer = whole

    with pytest.raises(SourceError, match=r"not asked for another (1\.9|2\.0) h"):
        call(*asked, "--config", tmp_path / "fw.toml", "--db", tmp_path / "fw.db")

    assert sum("/flights/" in r.path for r in mirror.requests) == 1


ONE_DAY = ("--from", "2024-12-10", "--to", "2024-12-10")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("backfill", "adsblol", *ONE_DAY, "--mirror", "http://127.0.0.1:9"), "127.0.0.1"),
        (("backfill", "adsblol", *ONE_DAY, "--mirror", "ftp://x"), "ftp"),
        (("backfill", "opensky", *ONE_DAY, "--airport", "XXXX"), "did you mean"),
        (("aircraft", "update", "--mirror", "http://127.0.0.1:9"), "127.0.0.1"),
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
