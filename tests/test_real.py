"""Real recordings through the real command line: what is kept, what is refused and why; twice is the same as once."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.command import call
from tests.tables import dump

pytestmark = pytest.mark.real

HKT = timezone(timedelta(hours=8))  # no daylight saving since 1979
LINES = (
    "tests/20minutes.json",
    "tests/1hr.json",
    "tests/fixtures/v2_pipeline/grid/20250601/20250601_36_-122.gz",
    "tests/fixtures/v2_pipeline/grid/20250602/20250602_36_-122.gz",
    "examples/KWVI/1213.wvi5nm.gz",
)


@pytest.fixture
def db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "real.db"


def flightwatch(*argv: object) -> str:
    done = call(*argv)
    assert done.exit_code == 0, done.output
    return done.stdout


def told(db: Path, *argv: object) -> dict[str, Any]:
    (answer,) = json.loads(flightwatch(*argv, "--db", db, "--json")).values()
    return answer[0] if isinstance(answer, list) else answer


def unzipped(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def traces(real_data: Path) -> list[Path]:
    return [
        real_data / "adsb_actions_readsb/tests/sample_readsb_data",
        real_data / "traffic_samples/samples/readsb/trace_full_ac671b.json",
    ]


def rows_of_traces(real_data: Path) -> int:
    folder, single = traces(real_data)
    files = [*folder.rglob("trace_full_*.json"), single]
    assert len(files) == 23
    return sum(len(json.loads(unzipped(f))["trace"]) for f in files)


def test_backfill_readsb_accounts_for_every_row_of_the_real_traces_and_twice_is_once(db: Path, real_data: Path) -> None:
    first = told(db, "backfill", "readsb", *traces(real_data))
    before = dump(db)
    again = told(db, "backfill", "readsb", *traces(real_data))

    assert first["kept"] + sum(first["rejected"].values()) == rows_of_traces(real_data)
    assert all(first["rejected"])
    assert first["kept"] > 6000
    assert first["flights"] == len(before["flight"]) > 40
    assert again["pieces"] == again["kept"] == 0
    assert again["skipped"] == first["pieces"]
    assert dump(db) == before


def test_backfill_snapshots_accounts_for_every_line_and_twice_is_once(db: Path, real_data: Path) -> None:
    files = [real_data / "adsb_actions_readsb" / name for name in LINES]
    lines = sum(len(unzipped(f).splitlines()) for f in files)

    first = told(db, "backfill", "snapshots", *files)
    before = dump(db)
    again = told(db, "backfill", "snapshots", *files)

    assert first["kept"] + sum(first["rejected"].values()) == lines
    assert set(first["rejected"]) == {"same airframe and instant", "non-ICAO address", "no address"}
    assert len(before["flight"]) > 1500
    assert again["pieces"] == again["kept"] == 0
    assert again["skipped"] == first["pieces"]
    assert dump(db) == before


def test_the_dialect_s_ground_speed_and_details_are_read(db: Path, real_data: Path) -> None:
    flightwatch("backfill", "snapshots", real_data / "adsb_actions_readsb/tests/20minutes.json", "--db", db)

    kept = json.loads(flightwatch("flights", "--limit", 0, "--db", db, "--json"))["flights"]

    from flightwatch.store import open_store

    with open_store(f"sqlite:///{db}", readonly=True) as store:
        fixes = store.observations()
    assert fixes["groundspeed"].notna().mean() > 0.9
    assert (fixes["callsign"].astype(str) != "").mean() > 0.5
    assert sum(bool(f["callsign"]) for f in kept) > len(kept) / 2


def test_a_dry_run_counts_the_same_and_leaves_nothing(db: Path, real_data: Path) -> None:
    counted = told(db, "backfill", "readsb", *traces(real_data), "--dry-run")

    assert counted["kept"] > 6000
    assert counted["dry_run"] is True
    assert not db.exists()


def board(real_data: Path, path: Path) -> Counter[str]:
    """Writes a flight list from Hong Kong's boards; returns how many rows it has and how many are duplicates."""
    seen: Counter[tuple[str, ...]] = Counter()
    with (
        gzip.open(real_data / "hkg_airport_boards/hkg_flights_flat.csv.gz", "rt", encoding="utf-8") as source,
        path.open("w", encoding="utf-8", newline="") as target,
    ):
        out = csv.writer(target)
        out.writerow(["callsign", "origin", "destination", "firstseen"])
        for row in csv.DictReader(source):
            if "ancelled" in row["status"]:
                continue
            stops = row["origin_dest"].split("|")
            when = datetime.fromisoformat(f"{row['date']}T{row['time']}").replace(tzinfo=HKT).astimezone(UTC)
            ends = (stops[0], "HKG") if row["is_arrival"] == "True" else ("HKG", stops[-1])
            line = (row["flight"], *ends, f"{when:%Y-%m-%d %H:%M:%S}")
            seen[line] += 1
            out.writerow(line)
    return Counter(rows=sum(seen.values()), repeated=sum(n - 1 for n in seen.values()))


@pytest.mark.slow
def test_import_flights_takes_the_boards_of_hong_kong_whole_and_twice_is_once(db: Path, real_data: Path) -> None:
    made = board(real_data, db.parent / "hkg.csv")

    first = told(db, "import", "flights", db.parent / "hkg.csv")
    listed = ("--from", "2025-12-01", "--to", "2025-12-01", "--limit", 0, "--db", db, "--json")
    day = json.loads(flightwatch("flights", *listed))["flights"]
    before = dump(db)
    again = told(db, "import", "flights", db.parent / "hkg.csv")

    assert made["rows"] > 103_000
    assert first["new"] + first["known"] + sum(first["rejected"].values()) == made["rows"]
    assert first["known"] == 0
    assert sum(first["rejected"].values()) == first["rejected"].get("duplicate row", 0) == made["repeated"]
    assert len(before["flight"]) == first["new"]
    assert again["new"] == 0
    assert again["known"] == first["new"]
    assert dump(db) == before

    assert 1000 < len(day) < 1300
    assert all("VHHH" in (f["estdepartureairport"], f["estarrivalairport"]) for f in day)
    named = [f for f in day if f["estdepartureairport"] and f["estarrivalairport"]]
    assert len(named) / len(day) > 0.99
    assert {f["departure_method"] for f in named} == {"reported"}
