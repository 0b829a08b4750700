"""The compiled loops give what the passes over columns give, to the last bit, and numba is not loaded for little."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flightwatch import compiled, crowds, geo, motion, tracks
from flightwatch.compiled import fixes

SEEDS = st.integers(0, 2**32 - 1)


def both(run: Callable[[], Any]) -> tuple[Any, Any]:
    """The results of passes over columns and of the loops."""
    with pytest.MonkeyPatch.context() as patch, np.errstate(over="ignore"):  # of hashes, where Python runs the loops
        patch.setattr(compiled, "loops", lambda: None)
        plain = run()
        patch.setattr(compiled, "loops", lambda: fixes)
        return plain, run()


def made(seed: int, n: int) -> dict[str, Any]:
    """Fixes of some airframes that climb, descend, turn, fall silent and leave some values out."""
    rng = np.random.default_rng(seed)

    def gaps(values: Any) -> Any:
        return np.where(rng.random(n) < rng.choice([0.0, 0.1, 1.0]), np.nan, values).astype(np.float32)

    return {
        "address": np.sort(rng.integers(1, 2 + n // 20, n)).astype(np.uint32),
        "time": 1_763_769_600_000 + np.cumsum(rng.choice([1, 4_000, 10_000, 15_000, 60_000, 120_001], n)),
        "latitude": np.clip(rng.uniform(-90, 90) + np.cumsum(rng.normal(0, 10 ** rng.uniform(-6, 1), n)), -90, 90),
        "longitude": (np.cumsum(rng.normal(0, 10 ** rng.uniform(-6, 1), n)) + 180) % 360 - 180,
        "altitude": gaps(np.cumsum(rng.choice([-25, 0, 25], n)) + 5_000),
        "geoaltitude": gaps(rng.uniform(-2_500, 126_750, n)),
        "groundspeed": gaps(rng.uniform(0, 2_000, n)),
        "track": gaps(np.cumsum(rng.choice([-3.0, -2.999999, 0, 1, 3.0], n)) % 360),
        "vertical_rate": gaps(rng.choice([-400, -399, 0, 64, 400], n)),
        "onground": rng.random(n) < 0.1,
    }


@settings(deadline=None)
@given(SEEDS, st.integers(0, 300))
def test_steps_along_a_way_are_the_same(seed: int, n: int) -> None:
    columns = made(seed, n)

    plain, looped = both(lambda: geo.steps(columns["latitude"], columns["longitude"]))

    np.testing.assert_array_equal(plain, looped)


@settings(deadline=None)
@given(SEEDS, st.integers(1, 300), st.integers(1, 12))
def test_tracks_are_the_same_bytes(seed: int, n: int, legs: int) -> None:
    columns = made(seed, n)
    starts = np.unique(np.append(0, np.random.default_rng(seed).integers(0, n, legs)))

    plain, looped = both(lambda: tracks.pack_all(columns, starts))

    assert plain == looped


@settings(deadline=None)
@given(SEEDS, st.integers(2, 300))
def test_the_same_rows_are_out_of_reach_or_held(seed: int, n: int) -> None:
    columns = made(seed, n)
    rng = np.random.default_rng(seed)
    again = np.maximum(np.arange(n) - rng.integers(0, 2, n), 0)  # every other position is told once more
    columns |= {name: columns[name][again] for name in ("latitude", "longitude")}

    plain, looped = both(lambda: motion.scan(columns))

    for a, b in zip(plain, looped, strict=True):
        np.testing.assert_array_equal(a, b)


@settings(deadline=None)
@given(SEEDS, st.integers(1, 300))
def test_crowds_are_the_same_rows(seed: int, n: int) -> None:
    columns = made(seed, n)
    rng = np.random.default_rng(seed)
    columns["time"] = np.sort(rng.integers(0, 180_000, n)) + 1_763_769_600_000
    columns["latitude"] = rng.choice([-89.99, 0.0, 33.76, 33.8]) + rng.normal(0, rng.choice([0.001, 0.005, 0.1]), n)
    columns["longitude"] = rng.choice([-180.0, 0.0, 35.52]) + rng.normal(0, rng.choice([0.001, 0.005, 0.1]), n)
    columns["altitude"] = rng.choice(np.array([500, 1_000, 2_000, 7_000, np.nan], dtype=np.float32), n)

    plain, looped = both(lambda: crowds.find(columns))

    np.testing.assert_array_equal(plain, looped)


LITTLE = """
import sys
import numpy as np
from flightwatch import geo, tracks, crowds, compiled
from flightwatch.sources import heatmap, traces
assert compiled.loops() is None
geo.steps(np.zeros(9), np.zeros(9))
print("numba" in sys.modules)
"""


def test_who_works_on_little_does_not_load_numba() -> None:
    done = subprocess.run([sys.executable, "-c", LITTLE], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


def test_the_loops_are_there_for_all_once_numba_is() -> None:
    assert compiled.loops() is (fixes if compiled.numba() else None)
