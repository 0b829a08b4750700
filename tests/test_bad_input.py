"""Whatever is wrong with the input: one clear line, the right exit code, no traceback, nothing lost."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

import flightwatch
from flightwatch.cli import main
from tests.fakes.sky import Sky, Trip
from tests.tables import count, dump

START = datetime(2024, 12, 10, 6, 0, tzinfo=UTC)
PAGE = "<!DOCTYPE html><html><body>Access denied</body></html>"
LIST = "firstseen,origin,destination,callsign\n2024-12-01 10:00:00,UMMS,HLLB,RSD1\n2024-12-02 10:00:00,UUWW,HLLB,RSD2\n"


class Answer(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Answer]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """The command line in an empty folder: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*argv: object) -> Answer:
        capfd.readouterr()
        with pytest.raises(SystemExit) as left:
            main([str(a) for a in argv])
        out, err = capfd.readouterr()
        return Answer(int(left.value.code or 0), out, err)

    return call


@pytest.fixture
def stored(run: Run, tmp_path: Path) -> Path:
    """A database with two flights in it."""
    (tmp_path / "good.csv").write_text(LIST)
    assert run("import", "flights", "good.csv", "--db", "fw.db").code == 0
    return tmp_path / "fw.db"


def one_line(answer: Answer, code: int, *words: str) -> None:
    assert answer.code == code, answer
    lines = answer.err.strip().splitlines()
    assert len(lines) == 1, answer.err
    assert lines[0].startswith("flightwatch: ")
    assert "Traceback" not in answer.err + answer.out
    for word in words:
        assert word in lines[0]


def page(path: Path) -> None:
    path.write_text(PAGE)


def zipped_page(path: Path) -> None:
    path.write_bytes(gzip.compress(PAGE.encode()))


def cut(path: Path) -> None:
    path.write_bytes(gzip.compress(b'{"hex":"4d208a","now":1733810400,"lat":50.0,"lon":20.0}\n' * 50)[:40])


def nothing(path: Path) -> None:
    """A file that is not written at all."""


def empty(path: Path) -> None:
    path.write_bytes(b"")


def noise(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 20)


FILES = {
    "missing": (nothing, "no such file"),
    "a web page": (page, "HTML"),
    "a zipped web page": (zipped_page, "HTML"),
    "a truncated gzip": (cut, "truncated gzip"),
    "empty": (empty, ""),
    "noise": (noise, ""),
}


@pytest.mark.parametrize("what", FILES)
@pytest.mark.parametrize("command", [("backfill", "readsb"), ("backfill", "snapshots"), ("import", "flights")])
def test_a_file_that_is_not_what_it_should_be_is_one_line_and_changes_nothing(
    run: Run, stored: Path, tmp_path: Path, command: tuple[str, str], what: str
) -> None:
    make, word = FILES[what]
    make(tmp_path / "given.gz")
    before = dump(stored)

    answer = run(*command, "given.gz", "--db", stored)

    one_line(answer, 74, "given.gz", word)
    assert answer.out == ""
    assert dump(stored) == before


@pytest.mark.parametrize("command", [("backfill", "readsb"), ("backfill", "snapshots"), ("import", "flights")])
def test_a_mistyped_path_is_told_before_a_database_is_made_for_it(
    run: Run, tmp_path: Path, command: tuple[str, str]
) -> None:
    page(tmp_path / "there.json")

    answer = run(*command, "there.json", "nowhere", "--db", "fw.db")

    one_line(answer, 74, "nowhere: no such file or folder")
    assert answer.out == ""
    assert not list(tmp_path.glob("fw.db*"))


def test_a_csv_without_the_columns_names_those_that_are_missing(run: Run, stored: Path, tmp_path: Path) -> None:
    (tmp_path / "wrong.csv").write_text("callsign,origin,from\nRSD1,UMMS,HLLB\n")
    before = dump(stored)

    answer = run("import", "flights", "wrong.csv", "--db", stored)

    one_line(answer, 74, "wrong.csv", "firstseen, destination", "found: callsign, origin, from")
    assert dump(stored) == before


def test_rows_that_cannot_be_right_are_counted_by_reason_and_the_others_kept(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mixed.csv").write_text(
        LIST + "tomorrow,UMMS,HLLB,RSD3\n2024-12-04,,,RSD4\nx\n2024-12-01 10:00:00,UMMS,HLLB,RSD1\n"
    )

    answer = run("import", "flights", "mixed.csv", "--db", "fw.db")

    assert answer.code == 0
    assert "2 new flights" in answer.out
    for reason in ("no firstseen", "neither origin nor destination", "wrong number of fields", "duplicate row"):
        assert f"1  {reason}" in answer.out


def test_codes_that_no_airport_has_are_told_and_their_flights_kept(run: Run, tmp_path: Path) -> None:
    (tmp_path / "codes.csv").write_text(
        LIST + "2024-12-03 10:00:00,ZZZ,HLLB,RSD3\n2024-12-04 10:00:00,UMMS,QQQQ,RSD4\n2024-12-05 10:00:00,,HLLB,RSD5\n"
    )

    answer = run("import", "flights", "codes.csv", "--db", "fw.db")
    again = run("import", "flights", "codes.csv", "--db", "fw.db", "--json")

    assert "5 new flights" in answer.out
    assert "0 refused" in answer.out
    assert "2 airport codes are not known: QQQQ and ZZZ" in answer.out
    assert "3 flights stored with an unknown airport; ends left empty: 1, " in answer.out
    assert "ends whose code does not look like one and is not stored: 1" in answer.out
    [told] = json.loads(again.out)["imports"]
    assert (told["known"], told["unlisted"], told["open_ended"]) == (5, ["QQQQ", "ZZZ"], 3)
    assert (told["empty_ends"], told["unread_ends"]) == (1, 1)


def test_a_list_of_known_airports_says_nothing_of_codes(run: Run, tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text(LIST)

    answer = run("import", "flights", "good.csv", "--db", "fw.db")

    assert "not known" not in answer.out
    assert "unknown airport" not in answer.out


def test_empty_ends_are_told_even_if_every_code_is_known(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text(LIST + "2024-12-05 10:00:00,,HLLB,RSD5\n2024-12-06 10:00:00,,,RSD6\n")

    answer = run("import", "flights", "empty.csv", "--db", "fw.db")

    assert "1 flight stored with an unknown airport; ends left empty: 1, " in answer.out
    assert "not known" not in answer.out


def test_what_a_cut_archive_holds_before_the_cut_is_kept(run: Run, tmp_path: Path) -> None:
    sky = Sky([Trip("152049", "RSD101", "UMMS", "HLLB", START)])
    lines = b"\n".join(sky.v2(m) for m in sky.minutes)
    whole = gzip.compress(lines)
    (tmp_path / "cut.json.gz").write_bytes(whole[: len(whole) // 2])

    answer = run("backfill", "snapshots", "cut.json.gz", "--db", "fw.db")

    one_line(answer, 74, "cut.json.gz", "truncated gzip")
    assert 0 < len(dump(tmp_path / "fw.db")["poll"]) < len(sky.minutes)
    assert len(dump(tmp_path / "fw.db")["flight"]) == 1


def test_a_broken_file_among_good_ones_does_not_stop_them(run: Run, tmp_path: Path) -> None:
    sky = Sky([Trip("152049", "RSD101", "UMMS", "HLLB", START), Trip("15204a", "RSD102", "UUWW", "HLLB", START)])
    (folder,) = sky.write_traces(tmp_path)
    broken = folder / "traces/4a/trace_full_15204a.json"
    broken.write_bytes(broken.read_bytes()[:200])

    answer = run("backfill", "readsb", folder, "--db", "fw.db")

    assert answer.code == 0
    assert "1  truncated member" in answer.out
    assert count(tmp_path / "fw.db", "flight", "icao24 = '152049'") == count(tmp_path / "fw.db", "flight") == 1


@pytest.mark.parametrize(
    ("key", "near"),
    [
        ('databse = "x"', "database"),
        ("[detection]\nfalse_alert_per_route_year = 1", "false_alerts_per_route_year"),
        ('[[source]]\nkind = "adsblol"\ntype = ["IL76"]', "types"),
        ('[[channel]]\nkind = "slack"\nwebhok_file = "x"', "webhook_file"),
        ('[[route]]\nname = "x"\nform = ["minsk"]', "from"),
    ],
)
def test_an_unknown_key_is_refused_by_name_with_the_nearest_known_one(
    run: Run, tmp_path: Path, key: str, near: str
) -> None:
    (tmp_path / "own.toml").write_text(f"{key}\n")

    answer = run("config", "check", "--config", "own.toml")

    one_line(answer, 78, "own.toml", f"did you mean {near}?")


def test_a_place_a_route_names_must_exist_and_the_nearest_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('[[route]]\nname = "x"\nfrom = ["mosow"]\nto = ["benghazi"]\n')

    answer = run("routes", "list", "--config", "own.toml")

    one_line(answer, 78, "mosow", "moscow")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ('kind = "adsblol"\nareas = ["lybia"]', ("lybia", "libya")),
        ('kind = "adsblol"\ntypes = ["IL-76"]', ("IL-76", "did you mean IL76?")),
        ('kind = "receiver"\nurl = "127.0.0.1:8080/data/aircraft.json"', ("http://", "127.0.0.1:8080")),
    ],
)
def test_a_source_that_could_never_be_asked_is_found_by_the_check(
    run: Run, tmp_path: Path, source: str, words: tuple[str, ...]
) -> None:
    (tmp_path / "own.toml").write_text(f'contact = "a@b.org"\n[[source]]\n{source}\n')

    answer = run("config", "check", "--config", "own.toml")

    assert answer.code == 78
    assert "Traceback" not in answer.err
    assert [word for word in words if word not in answer.err] == []


def test_toml_that_is_none_is_told_with_its_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('contact = "a@b.org"\n[database\n')

    one_line(run("config", "check", "--config", "own.toml"), 78, "own.toml")


def test_a_configuration_that_is_not_there_is_told(run: Run) -> None:
    one_line(run("status", "--config", "none.toml"), 78, "none.toml")


def test_polling_without_a_contact_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('[[source]]\nkind = "adsblol"\nmilitary = true\n')

    one_line(run("once", "--config", "own.toml", "--db", "fw.db"), 78, "contact")


def test_a_database_server_that_is_not_there_is_one_line_without_its_password(run: Run) -> None:
    pytest.importorskip("psycopg")

    answer = run("status", "--db", "postgresql+psycopg://desk:verysecret@127.0.0.1:1/fw")

    one_line(answer, 74, "cannot be reached", "127.0.0.1")
    assert "verysecret" not in answer.err


@pytest.mark.parametrize("command", [("status",), ("flights",), ("alerts", "list"), ("db", "current"), ("db", "prune")])
def test_a_database_that_is_not_there_is_told_and_not_made_by_looking(
    run: Run, tmp_path: Path, command: tuple[str, ...]
) -> None:
    one_line(run(*command, "--db", "none.db"), 74, "none.db")
    assert not (tmp_path / "none.db").exists()


def test_a_folder_that_cannot_be_written_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "good.csv").write_text(LIST)

    one_line(run("import", "flights", "good.csv", "--db", "file/fw.db"), 74, "file/fw.db")


def test_a_file_that_is_no_database_is_told_and_left_alone(run: Run, tmp_path: Path) -> None:
    (tmp_path / "fw.db").write_text(PAGE * 100)

    for command in (("status",), ("detect",)):
        one_line(run(*command, "--db", "fw.db"), 74, "fw.db")
    assert (tmp_path / "fw.db").read_text() == PAGE * 100


def test_a_kind_of_database_we_do_not_speak_is_told(run: Run) -> None:
    one_line(run("status", "--db", "mysql://localhost/fw"), 74, "mysql")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("flights", "--route", "Moscow to Mars"), ("Moscow to Mars",)),
        (("routes", "show", "Minsk to Bengazi"), ("Minsk to Bengazi", "did you mean")),
        (("routes", "coverage", "nowhere"), ("nowhere",)),
        (("alerts", "show", 99), ("alert 99",)),
        (("alerts", "ack", 99), ("alert 99",)),
        (("alerts", "dismiss", 99, "--reason", "x"), ("alert 99",)),
        (("deliveries", "retry", 99), ("99",)),
        (("silence", "expire", 99), ("99",)),
        (("silence", "add", "nowhere", "--for", "1d", "--reason", "x"), ("nowhere",)),
        (("aircraft", "show", "zzzzzz"), ("zzzzzz",)),
        (("model", "show", "none"), ("none",)),
    ],
)
def test_a_thing_that_does_not_exist_is_named(
    run: Run, stored: Path, command: tuple[object, ...], words: tuple[str, ...]
) -> None:
    before = dump(stored)

    one_line(run(*command, "--db", stored), 2, *words)
    assert dump(stored) == before


@pytest.mark.parametrize(
    "command",
    [
        ("flights", "--from", "2024-13-01"),
        ("detect", "--to", "yesterday"),
        ("silence", "add", "x", "--for", "soon", "--reason", "x"),
        ("alerts", "show", "first"),
        ("flihgts",),
        ("flights", "--rout", "x"),
        ("backfill", "readsb"),
    ],
)
def test_a_command_that_cannot_be_right_is_usage(run: Run, stored: Path, command: tuple[str, ...]) -> None:
    answer = run(*command)

    assert answer.code == 2
    assert answer.err.count("Error: ") == 1
    assert "Traceback" not in answer.err


def test_a_mistyped_command_is_told_the_nearest(run: Run) -> None:
    assert "Did you mean 'flights'?" in run("flihgts").err


def test_from_the_shell_too_there_is_no_traceback(tmp_path: Path) -> None:
    root = Path(flightwatch.__file__).parents[1]

    done = subprocess.run(
        [sys.executable, "-m", "flightwatch", "backfill", "readsb", "nowhere", "--db", "fw.db"],
        capture_output=True, text=True, check=False, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(root)},
    )  # fmt: skip

    assert done.returncode == 74
    assert done.stderr.strip() == "flightwatch: nowhere: no such file or folder"


def test_a_pipe_that_is_closed_early_is_no_error(tmp_path: Path) -> None:
    root = Path(flightwatch.__file__).parents[1]
    command = f"{sys.executable} -m flightwatch routes list --json | head -n 1"

    done = subprocess.run(
        ["sh", "-c", command],
        capture_output=True, text=True, check=False, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(root)},
    )  # fmt: skip

    assert (done.returncode, done.stdout, done.stderr) == (0, "{\n", "")


def test_an_interrupted_list_leaves_whole_batches(run: Run, tmp_path: Path) -> None:
    rows = "".join(f"{START + timedelta(hours=n):%Y-%m-%d %H:%M:%S},UMMS,HLLB,RSD{n}\n" for n in range(20_000))
    whole = gzip.compress((LIST + rows).encode())
    (tmp_path / "cut.csv.gz").write_bytes(whole[: len(whole) // 2])

    answer = run("import", "flights", "cut.csv.gz", "--db", "fw.db")

    one_line(answer, 74, "cut.csv.gz", "truncated gzip")
    before = dump(tmp_path / "fw.db")
    one_line(run("import", "flights", "cut.csv.gz", "--db", "fw.db"), 74, "cut.csv.gz")
    assert dump(tmp_path / "fw.db") == before
