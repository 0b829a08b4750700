"""The installed package is complete: a wheel in a fresh environment, run from an empty folder."""

from __future__ import annotations

import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.installed import ROOT

pytestmark = pytest.mark.slow


def run(program: Path, cwd: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "FLIGHTWATCH"))} | {"HOME": str(cwd)}
    return subprocess.run([program, *argv], cwd=cwd, env=environ, capture_output=True, text=True, check=False)


def test_the_wheel_holds_what_the_program_reads(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())

    data = {f"flightwatch/data/{p.name}" for p in (ROOT / "flightwatch/data").iterdir() if p.is_file()}
    revisions = {f"flightwatch/store/alembic/versions/{p.name}" for p in (ROOT / "alembic/versions").glob("*.py")}
    templates = {p.relative_to(ROOT).as_posix() for p in (ROOT / "flightwatch").rglob("templates/*")}
    assert data | revisions | templates <= names
    assert len(revisions) >= 1
    assert not [n for n in names if n.startswith(("tests/", "benchmarks/", "notebooks/", "alembic/"))]
    assert [n for n in names if n.endswith("/entry_points.txt")]


def test_the_wheel_names_the_command_the_licence_and_the_libraries(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        texts = {n.rsplit("/", 1)[1]: packed.read(n).decode() for n in packed.namelist() if ".dist-info/" in n}

    assert "flightwatch = flightwatch.cli:main" in texts["entry_points.txt"]
    assert "MIT" in texts["LICENSE"]
    for library in ("apscheduler", "sqlalchemy", "pandas", "scikit-learn", "alembic", "requests"):
        assert f"Requires-Dist: {library}" in texts["METADATA"]


def test_it_is_the_installed_package_that_runs(program: Path, tmp_path: Path) -> None:
    code = "import flightwatch; print(flightwatch.__file__)"
    done = subprocess.run(
        [program.parent / "python", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True,
        env={"HOME": str(tmp_path)},
    )  # fmt: skip

    assert done.stdout.startswith(str(program.parents[1]))


def test_installed_it_helps_sets_up_and_brings_a_database_up_to_date(program: Path, tmp_path: Path) -> None:
    helped = run(program, tmp_path, "--help")
    made = run(program, tmp_path, "init", "--contact", "a@b.org")
    upgraded = run(program, tmp_path, "db", "upgrade")
    current = run(program, tmp_path, "db", "current")
    checked = run(program, tmp_path, "config", "check")

    assert helped.returncode == 0
    assert "backfill" in helped.stdout
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "flightwatch.toml").exists()
    assert (tmp_path / "flightwatch.db").exists()
    assert upgraded.returncode == 0, upgraded.stderr
    assert upgraded.stdout.split() == ["schema", *current.stdout.split()]
    assert checked.returncode == 0, checked.stderr


def test_installed_it_makes_a_database_by_its_own_migrations(program: Path, tmp_path: Path) -> None:
    done = run(program, tmp_path, "db", "upgrade", "--db", "new.db")

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("schema ")
    assert (tmp_path / "new.db").exists()


def test_installed_it_reads_a_list_of_flights(program: Path, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("firstseen,origin,destination\n2024-12-01 10:00:00,UMMS,HLLB\n")

    done = run(program, tmp_path, "import", "flights", "list.csv", "--db", "new.db")

    assert done.returncode == 0, done.stderr
    assert "1 new flights" in done.stdout
