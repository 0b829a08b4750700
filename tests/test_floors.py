"""The layers (floors) hold: imports only point down, the core is pure, each external thing has one entry point."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import flightwatch
from flightwatch.cli import app

PACKAGE = Path(flightwatch.__file__).parent
ROOT = PACKAGE.parent

FLOORS = {
    "records": 0, "telling": 0, "words": 0, "errors": 0, "units": 0, "redact": 0, "deflate": 0, "series": 0,
    "compiled": 0, "crowds": 1,
    "geo": 1, "airports": 1, "aircraft": 1, "tracks": 1, "motion": 1, "places": 1, "config": 1, "data": 1, "logs": 1,
    "loopback": 1, "countries": 1,
    "ingest": 2, "flights": 2, "routes": 2, "detection": 2, "alerts": 2,
    "sources": 2, "store": 2, "notify": 2,
    "jobs": 3, "leader": 3, "plots": 3, "explore": 3, "export": 3, "evidence": 3, "report": 3,
    "metrics": 3, "systemd": 3,
    "daemon": 4, "cli": 4, "demo": 4,
}  # fmt: skip
"""Imports point to a lower floor, or to a neighbour on the floors whose parts build on each other (0, 1, 3, 4), without
cycles. The steps of floor 2 meet only in `jobs`."""

CORE = {"ingest", "flights", "routes", "detection", "alerts"}
EDGE = {"sources", "store", "notify"}
PURE = CORE | {
    "records", "telling", "words", "errors", "units", "geo", "tracks", "motion", "series", "compiled", "crowds",
}  # fmt: skip

CLOCKS = {
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns", "time.monotonic",
    "time.perf_counter", "time.localtime", "time.gmtime", "time.sleep", "Timestamp.now", "Timestamp.today",
    "Timestamp.utcnow",
}  # fmt: skip
WORLD = {"os", "socket", "requests", "urllib", "urllib3", "http", "subprocess", "sqlite3", "sqlalchemy", "psycopg",
         "smtplib", "tempfile", "shutil", "threading", "asyncio", "multiprocessing", "random", "secrets", "uuid",
         "pydantic", "pydantic_settings", "apscheduler", "click", "rich", "logging"}  # fmt: skip
HEAVY = ("pandas", "numpy", "scipy", "sklearn", "sqlalchemy", "matplotlib", "requests", "apscheduler", "alembic",
         "pydantic", "airportsdata", "jinja2", "rich")  # fmt: skip


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] in ("__init__", "__main__") else parts), path


ALL = list(modules())


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@cache
def imported(path: Path) -> frozenset[str]:
    """Every module a file imports, at the top, inside functions or only for types, by its full dotted name."""
    found: set[str] = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where they point"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def part(module: str) -> str:
    """The part of the product that a module belongs to: `flightwatch.store.flights` is in `store`."""
    return module.split(".")[1] if module.count(".") else ""


def uses() -> Iterator[tuple[str, str, str]]:
    """(module, its part, the part it imports) for every import between parts."""
    for module, path in ALL:
        for name in imported(path):
            if name.startswith("flightwatch.") and part(name) != part(module) and part(name) in FLOORS:
                yield module, part(module), part(name)


def test_every_module_stands_on_a_floor() -> None:
    homeless = {module for module, _ in ALL if module != "flightwatch" and part(module) not in FLOORS}

    assert not homeless


def test_imports_only_point_down() -> None:
    wrong = [
        f"{module} (floor {FLOORS[own]}) imports {other} (floor {FLOORS[other]})"
        for module, own, other in uses()
        if own and FLOORS[other] > FLOORS[own]
    ]

    assert not wrong


def test_the_steps_of_the_core_and_the_ends_know_nothing_of_each_other() -> None:
    wrong = [f"{module} imports {other}" for module, own, other in uses() if {own, other} <= CORE | EDGE]

    assert not wrong


def test_the_core_knows_no_configuration() -> None:
    assert not [module for module, own, other in uses() if own in CORE and other in ("config", "logs")]


def test_nobody_but_the_command_line_imports_the_daemon_the_demo_or_the_command_line() -> None:
    wrong = [f"{m} imports {other}" for m, own, other in uses() if FLOORS[other] == 4 and own not in ("cli", "")]

    assert not wrong


def test_no_circle_among_the_parts() -> None:
    arrows: dict[str, set[str]] = {}
    for _, own, other in uses():
        arrows.setdefault(own, set()).add(other)

    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " → ".join((*way, name))
        if name not in done:
            for other in arrows.get(name, ()):
                visit(other, (*way, name))
            done.add(name)

    for name in list(arrows):
        visit(name, ())


def dotted(node: ast.expr) -> str:
    """`pd.Timestamp.now` → `Timestamp.now`: the last two names of an attribute, without its module."""
    if isinstance(node, ast.Attribute):
        inner = node.value
        last = inner.attr if isinstance(inner, ast.Attribute) else inner.id if isinstance(inner, ast.Name) else ""
        return f"{last}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


@pytest.mark.parametrize(("module", "path"), [m for m in ALL if part(m[0]) in PURE], ids=lambda v: str(v)[-40:])
def test_the_core_is_pure(module: str, path: Path) -> None:
    names = {dotted(n) for n in ast.walk(parsed(path)) if isinstance(n, ast.Attribute | ast.Name)}
    opened = {dotted(n.func) for n in ast.walk(parsed(path)) if isinstance(n, ast.Call)}

    assert not names & CLOCKS, "asks what time it is"
    assert not {n.split(".")[0] for n in imported(path)} & WORLD, "imports the world"
    assert not {"open", "Path", "print", "input"} & opened, "touches files or a terminal"
    assert not [n for n in opened if re.search(r"\.(read_csv|read_text|read_bytes|to_csv|read_sql|to_parquet)$", n)]


def test_the_time_is_asked_for_in_known_places_only() -> None:
    """Elsewhere it is a parameter. The modules listed pass it in, measure durations or keep a lease."""
    allowed = {"cli", "daemon", "demo", "leader", "jobs", "sources", "notify", "logs", "metrics"}

    asking = {
        part(module)
        for module, path in ALL
        if {dotted(n) for n in ast.walk(parsed(path)) if isinstance(n, ast.Attribute)} & CLOCKS
    }

    assert asking <= allowed


def test_sql_is_spoken_in_the_store_alone() -> None:
    words = re.compile(r"^\s*(SELECT|INSERT INTO|UPDATE \w+ SET|DELETE FROM|CREATE TABLE|PRAGMA|BEGIN IMM)\b")
    wrong = []
    for module, path in ALL:
        if part(module) == "store":
            continue
        if {n.split(".")[0] for n in imported(path)} & {"sqlalchemy", "sqlite3", "psycopg", "alembic"}:
            wrong.append(f"{module} imports a database")
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and words.match(node.value):
                wrong.append(f"{module}:{node.lineno} speaks SQL: {node.value[:40]!r}")

    assert not wrong


def test_the_scheduler_is_known_to_the_daemon_alone_and_remembers_nothing() -> None:
    users = {module: names for module, path in ALL if (names := [n for n in imported(path) if "apscheduler" in n])}

    assert set(users) == {"flightwatch.daemon"}
    stores = [n for n in users["flightwatch.daemon"] if "jobstores" in n]
    assert stores == ["apscheduler.jobstores.memory.MemoryJobStore"]


def run(code: str, *argv: str, cwd: Path | None = None) -> str:
    environ = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code, *argv], capture_output=True, text=True, check=False, env=environ, cwd=cwd
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_line_answers_before_anything_heavy_is_imported() -> None:
    code = "import sys, flightwatch.cli; print([h for h in sys.argv[1:] if h in sys.modules])"

    assert run(code, *HEAVY).strip() == "[]"


QUIET_IMPORT = """
import importlib, json, os, sys
package, names = sys.argv[1], sys.argv[2:]
library = os.path.dirname(os.__file__)
acts = ("open", "socket.", "subprocess.", "os.mkdir", "os.remove", "os.rename", "sqlite3.", "_thread.start_new_thread",
        "os.putenv", "signal.")
seen = []

def watch(event, args):
    if not event.startswith(acts):
        return
    frame = sys._getframe(1)
    while frame is not None:  # past the standard library, to who asked for it
        file = frame.f_code.co_filename
        if file.startswith("<frozen importlib"):
            return
        if file.startswith(package):
            seen.append(f"{os.path.relpath(file, package)}:{frame.f_lineno} {event} {str(args)[:80]}")
            return
        if "site-packages" in file or not file.startswith((library, "<frozen")):
            return
        frame = frame.f_back

sys.addaudithook(watch)
for name in names:
    importlib.import_module(name)
print(json.dumps(seen))
"""


def test_importing_a_module_does_nothing(tmp_path: Path) -> None:
    """Our own code touches no file, socket, thread, process or environment variable while modules are imported."""
    names = sorted({module for module, path in ALL if path.name != "__main__.py"})

    touched = json.loads(run(QUIET_IMPORT, str(PACKAGE), *names, cwd=tmp_path))

    assert touched == []
    assert list(tmp_path.iterdir()) == []


COMMANDS = {
    "init", "demo", "run", "once", "status", "health", "doctor", "backfill", "import", "flights", "routes", "aircraft",
    "detect", "backtest", "alerts", "silence", "notify", "deliveries", "export", "evidence", "report", "model", "db",
    "config",
}  # fmt: skip


def test_help_lists_every_command_in_the_sections_and_nothing_else() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "flightwatch", "--help"],
        capture_output=True, text=True, check=True, env=os.environ | {"PYTHONPATH": str(ROOT)},
    ).stdout  # fmt: skip
    listed = set(re.findall(r"^  ([a-z]+)(?:\s{2,}|$)", done, re.MULTILINE))

    assert set(app.commands) == listed
    assert listed >= COMMANDS
