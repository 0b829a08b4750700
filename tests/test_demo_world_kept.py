"""A world's run is kept for the next measurement, as long as only the judging has changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.demo_world import kept
from benchmarks.demo_world.replay import Lived


@pytest.fixture
def lived(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The seeds that were run, in a harness whose worlds are numbers and whose outcomes are their seeds."""
    seeds: list[int] = []

    def live(world: int, **_: object) -> Lived:
        seeds.append(world)
        return Lived(world, [], [])

    monkeypatch.setattr(kept.World, "generate", lambda seed, surge: seed)
    monkeypatch.setattr(kept, "live", live)
    monkeypatch.setattr(kept, "judged", lambda world, was: (world, was.seed))
    return seeds


def test_a_world_is_lived_through_once_and_judged_each_time(lived: list[int], tmp_path: Path) -> None:
    first, second = (kept.outcome(7, poll_s=900.0, folder=tmp_path) for _ in range(2))

    assert first == second == (7, 7)
    assert lived == [7]


def test_another_seed_other_polls_or_other_code_is_another_world(
    lived: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.outcome(7, poll_s=900.0, folder=tmp_path)
    kept.outcome(8, poll_s=900.0, folder=tmp_path)
    kept.outcome(7, poll_s=600.0, folder=tmp_path)
    monkeypatch.setattr(kept, "code", lambda: "changed")
    kept.outcome(7, poll_s=900.0, folder=tmp_path)

    assert lived == [7, 8, 7, 7]


def test_a_change_in_the_detector_keeps_the_worlds_and_one_in_flights_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "ROOT", tmp_path)
    files = [
        tmp_path / f
        for f in ("flightwatch/detection/a.py", "flightwatch/flights/b.py", "benchmarks/demo_world/replay.py")
    ]
    for file in files:
        file.parent.mkdir(parents=True)
        file.write_text("1\n")
    before = kept.code()

    files[0].write_text("2\n")
    after_detection = kept.code()
    files[1].write_text("2\n")

    assert after_detection == before
    assert kept.code() != before
