"""How many surges of the reference case can be told from chance at all, by a judge who knows the true rate of ordinary
flights from Russia and Belarus to eastern Libya and gets the same flights on the same evenings.

    python -m benchmarks.demo_world.bound --first 400 --seeds 48 --keep FOLDER

It only counts flights, in every window of up to four weeks, with the threshold that opens the stated number of false
alerts in ten thousand simulated years. It does not see which aircraft fly.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.demo_world.kept import lived
from benchmarks.demo_world.known import FLIGHT_DAY
from benchmarks.demo_world.measure import departed, surge_legs
from benchmarks.demo_world.replay import demo_settings
from flightwatch.demo.network import SPARSE
from flightwatch.detection.calibration import calibrate
from flightwatch.detection.counts import surprise
from flightwatch.detection.panel import rolling

ROUTE = "Russia and Belarus to eastern Libya"
WINDOWS = (1, 2, 3, 4, 5, 6, 7, 10, 14, 21, 28)
WEEKS = 8.0  # the shape of busy and quiet weeks in `demo.trips.occasional`
YEARS = 10_000
WEEKLY = sum(s.weekly for s in SPARSE if s.name in ("Moscow-Benghazi", "Minsk-Benghazi"))


def strangeness(counts: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """For days × anything, the smallest probability of so many flights in a window that ends that day, as -log10."""
    best = np.zeros(counts.shape)
    for days in WINDOWS:
        mean = np.full(counts.shape, WEEKLY / 7 * days)
        best = np.maximum(best, surprise(rolling(counts, days), mean, mean + mean**2 / WEEKS))
    return best


def threshold(rate: float, seed: int = 0) -> float:
    """The strangeness that ordinary flights pass `rate` times a year."""
    rng = np.random.default_rng(seed)
    weeks = rng.gamma(WEEKS, 1 / WEEKS, (53, YEARS))
    counts = rng.poisson(WEEKLY / 7 * np.repeat(weeks, 7, axis=0)).astype(float)
    return calibrate(strangeness(counts), 14).threshold(rate)


def found(seed: int, at: float, poll_s: float, keep: Path) -> bool:
    """Whether an alert opens in this world by the evening of the third flight-day."""
    world, days = lived(seed, poll_s=poll_s, folder=keep)
    flight_days = sorted({departed(world, leg) for leg in surge_legs(world)})
    for evening in days.evenings:
        if not flight_days[0] <= evening.day <= flight_days[:FLIGHT_DAY][-1]:
            continue
        mine = evening.route_days[evening.route_days["route"] == ROUTE].sort_values("day")
        counts = mine.loc[mine["day"] <= pd.Timestamp(evening.day), "flights"].to_numpy(dtype=float)[:, None]
        if strangeness(counts)[-1, 0] > at:
            return True
    return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=400)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--poll", type=float, default=900.0)
    parser.add_argument("--keep", type=Path, required=True)
    args = parser.parse_args()
    at = threshold(demo_settings().detection.false_alerts_per_route_year)
    opened = [s for s in range(args.first, args.first + args.seeds) if found(s, at, args.poll, args.keep)]
    print(f"threshold {at:.3f}; open by flight-day {FLIGHT_DAY}: {len(opened)} of {args.seeds}")
    print("not open:", sorted(set(range(args.first, args.first + args.seeds)) - set(opened)))


if __name__ == "__main__":
    main()
