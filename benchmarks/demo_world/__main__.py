"""python -m benchmarks.demo_world --seeds 20 [--first 1] [--jobs 2] [--oracle] [--quiet] [--json FILE] [--keep DIR]"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.demo_world.kept import outcome
from benchmarks.demo_world.measure import Score, measure
from benchmarks.demo_world.replay import replay
from flightwatch.demo.world import World


def one(seed: int, *, oracle: bool, quiet: bool, poll_s: float, keep: Path | None) -> Score:
    """Run one world and measure it."""
    began = time.perf_counter()
    if keep is not None:
        score = measure(outcome(seed, poll_s=poll_s, folder=keep, surge=not quiet, oracle=oracle))
    else:
        score = measure(replay(World.generate(seed, surge=not quiet), poll_s=poll_s, oracle=oracle))
    score.seconds = time.perf_counter() - began
    return score


def line(score: Score) -> str:
    """One world on one line."""
    found = f"day {score.delay}" if score.delay else "not found"
    week = f"{score.week[0]:.1f} of {score.week[1]}"
    legs = {k: f"{c['right']}/{c['legs']}" for k, c in (("air", score.legs), ("cargo", score.cargo))}
    return (
        f"{score.seed:>4}  {found:<9}  alerts {score.true_alerts}+{len(score.false_alerts)}  week {week:<11}"
        f"  region {score.named[0]}/{score.named[1]}  legs {legs['air']} {legs['cargo']}  {score.seconds:.0f} s"
        f"  {'; '.join(score.false_alerts)}"
    )


def share(parts: Iterable[bool]) -> str:
    values = list(parts)
    return f"{np.mean(values):.3f} ({sum(values)} of {len(values)})" if values else "–"


def table(scores: list[Score]) -> list[tuple[str, str]]:
    """All worlds together, one figure per row."""
    surge = [s for s in scores if s.flight_days]
    third = [s for s in surge if len(s.flight_days) >= 3]
    days = 5 * sum(s.routes for s in scores)
    false = Counter(a.rpartition("[")[2].rstrip("]") for s in scores for a in s.false_alerts)
    rows = [
        ("worlds", str(len(scores))),
        ("opened by the third flight-day", share((s.delay or 99) <= 3 for s in third)),
        ("opened at all", share(s.delay is not None for s in surge)),
        ("exactly one alert on the surge", share(s.true_alerts == 1 for s in surge)),
        ("exactly one alert in all", share(s.true_alerts == 1 and not s.false_alerts for s in surge)),
        ("false alerts per route-year", f"{sum(false.values()) / days * 365:.3f} ({sum(false.values())} alerts)"),
    ]
    rows += [(f"  resting on: {name}", str(false[name])) for name in ("spoofed", "new receiver", "outage", "traffic")]
    for name, counters in (("airliner", [s.legs for s in scores]), ("cargo", [s.cargo for s in scores])):
        total = sum(counters, Counter())
        parts = ", ".join(f"{k} {total[k]}" for k in ("lost", "doubled", "merged"))
        rows.append(
            (f"{name} legs right", f"{total['right'] / max(total['legs'], 1):.4f} of {total['legs']} ({parts})")
        )
    right, of = (sum(s.named[i] for s in scores) for i in (0, 1))
    rows.append(("eastern Libya named with ≥ 0.8", f"{right / max(of, 1):.3f} ({right} of {of})"))
    expected, true = sum(s.week[0] for s in surge), sum(s.week[1] for s in surge)
    rows.append(("week: sum of probabilities / flights", f"{expected / max(true, 1):.3f} ({expected:.1f} / {true})"))
    near = [abs(s.week[0] - s.week[1]) <= max(0.1 * s.week[1], 0.5) for s in surge]
    rows.append(("week within ±10 % (or half a flight)", share(near)))
    rows.append(("seconds a world", f"{np.mean([s.seconds for s in scores]):.1f}"))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--poll", type=float, default=600.0, help="seconds between two polls")
    parser.add_argument("--oracle", action="store_true", help="flights from the truth instead of from positions")
    parser.add_argument("--quiet", action="store_true", help="worlds without the surge: only false alerts")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--keep", type=Path, help="folder for worlds lived through: the next run judges them only")
    args = parser.parse_args()
    work = partial(one, oracle=args.oracle, quiet=args.quiet, poll_s=args.poll, keep=args.keep)
    seeds = range(args.first, args.first + args.seeds)
    scores = []
    with ProcessPoolExecutor(args.jobs) as pool:
        for score in pool.map(work, seeds):
            print(line(score), flush=True)
            scores.append(score)
    print()
    for name, value in table(scores):
        print(f"{name:<38} {value}")
    if args.json:
        args.json.write_text(json.dumps([asdict(s) for s in scores], default=str, indent=1))


if __name__ == "__main__":
    main()
