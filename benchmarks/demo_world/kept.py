"""Runs of worlds, kept: after a change in detection or alerts, measuring again takes a quarter of the time."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

from benchmarks.demo_world.replay import Lived, Outcome, judged, live
from flightwatch.demo.world import World

ROOT = Path(__file__).resolve().parents[2]
JUDGING = ("detection", "alerts")
"""Packages whose changes leave a kept world valid."""


def outcome(seed: int, *, poll_s: float, folder: Path, surge: bool = True, oracle: bool = False) -> Outcome:
    """A world judged by the current detector."""
    return judged(*lived(seed, poll_s=poll_s, folder=folder, surge=surge, oracle=oracle))


def lived(seed: int, *, poll_s: float, folder: Path, surge: bool = True, oracle: bool = False) -> tuple[World, Lived]:
    """A world and its evenings; run again only if code other than the detector's has changed.

    The files are our own pickles, for this machine only.
    """
    file = folder / f"{seed}-{poll_s:g}-{surge}-{oracle}-{code()}.pickle"
    world = World.generate(seed, surge=surge)
    if file.exists():
        before: Lived = pickle.loads(file.read_bytes())
        return world, before
    days = live(world, poll_s=poll_s, oracle=oracle)
    folder.mkdir(parents=True, exist_ok=True)
    file.write_bytes(pickle.dumps(days, protocol=5))
    return world, days


def code() -> str:
    """A hash of all code that a kept run depends on."""
    h = hashlib.sha256()
    for file in sorted([*(ROOT / "flightwatch").rglob("*.py"), ROOT / "benchmarks" / "demo_world" / "replay.py"]):
        if not any(f"flightwatch/{name}/" in file.as_posix() for name in JUDGING):
            h.update(file.read_bytes())
    return h.hexdigest()[:12]
