"""The program as its users run it, in its own processes: a folder with a configuration, and its daemons."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import flightwatch
from tests.tables import count

ROOT = Path(flightwatch.__file__).parents[1]
POLL_S = 0.5


@dataclass
class Place:
    """A folder with a configuration, and the daemons that use it."""

    folder: Path
    url: str
    environ: dict[str, str] = field(default_factory=dict)
    daemons: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def db(self) -> Path:
        return self.folder / "flightwatch.db"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def configure(self, more: str = "", daemon: str = "") -> None:
        (self.folder / "flightwatch.toml").write_text(f"""
contact = "desk@example.org"
[database]
url = "sqlite:///flightwatch.db"
[discover]
pairs = "none"
[[source]]
kind = "adsblol"
url = "{self.url}"
military = true
interval_s = {POLL_S}
spacing_s = 0
allow_private = true
[daemon]
poll_s = {POLL_S}
think_s = 1
{daemon}
{more}
""")

    def start(self, *argv: str, code: str = "") -> subprocess.Popen[bytes]:
        program = ["-c", code + "\nfrom flightwatch.cli import main; main()"] if code else ["-m", "flightwatch"]
        environ = os.environ | {"PYTHONPATH": str(ROOT)} | self.environ
        with (self.folder / "log").open("ab") as log:
            one = subprocess.Popen(
                [sys.executable, *program, "run", *argv], cwd=self.folder, stdout=log, stderr=log, env=environ
            )
        self.daemons.append(one)
        return one

    def rows(self, table: str) -> int:
        try:
            return count(self.db, table)
        except Exception:  # not made yet, or in the middle of being made
            return 0


def until(true: Callable[[], object], what: str, within: float = 40.0) -> float:
    """How long it took until that was true."""
    took = came_true(true, within)
    assert took is not None, f"not within {within:.0f} s: {what}"
    return took


def came_true(true: Callable[[], object], within: float) -> float | None:
    """How long it took until that was true; None if it did not become true."""
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > within:
            return None
        time.sleep(0.02)
    return time.monotonic() - began


@contextmanager
def place_at(folder: Path, url: str) -> Iterator[Place]:
    """A place that polls `url`; daemons left at the end are killed."""
    made = Place(folder, url)
    made.configure()
    try:
        yield made
    finally:
        for one in made.daemons:
            end(one)


def end(one: subprocess.Popen[bytes]) -> None:
    """Kill it, frozen or not, if it still lives."""
    if one.poll() is None:
        one.kill()
        one.wait()


def stop(daemon: subprocess.Popen[bytes], number: int = signal.SIGTERM) -> tuple[int, float]:
    """The exit code, and how long it took."""
    began = time.monotonic()
    daemon.send_signal(number)
    return daemon.wait(timeout=30), time.monotonic() - began
