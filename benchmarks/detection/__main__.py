"""Measures the detector and writes docs/benchmarks/detection.md.

    python -m benchmarks.detection [--seeds N] [--quick]

Eight seeds take about half an hour on two cores. `--quick` is one small world, to check that everything runs. Worlds
already judged are kept in `--cache` and not judged again: empty it when the detector has changed. `--only routes,rare`
measures only these parts and leaves the page's other sections as they are.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from benchmarks.detection import ablation, boards, disturbed, noufaily, rare, reference, routes, speed
from benchmarks.detection.page import merge
from benchmarks.detection.scenario import Recipe

ROOT = Path(__file__).resolve().parents[2]
REPORT = ROOT / "docs" / "benchmarks" / "detection.md"
RESULTS = ROOT / "benchmarks" / "results" / "detection"

ORDER = [
    f"### {heading}"
    for heading in (
        "Surges on sparse routes",
        "Thresholds the product sets itself",
        "Stated probabilities",
        "All routes together",
        "Receivers added everywhere",
        "A source fails",
        "Two seeds, the same alerts?",
        "Weekly series of Noufaily et al. 2013",
        "Rare routes",
        "Fractions of flights",
        "Hostile days",
        "What each part contributes",
        "The reference case",
        "Hong Kong boards",
        "Time",
    )
]
"""Of the sections on the page."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.detection", description=__doc__)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--quick", action="store_true", help="one small world of everything")
    parser.add_argument("--only", default="", help="parts, comma separated")
    parser.add_argument("--cache", type=Path, default=RESULTS)
    parser.add_argument("--out", type=Path, default=REPORT)
    args = parser.parse_args()
    recipe = Recipe(routes=150) if args.quick else Recipe()
    parts = _parts(recipe, 1 if args.quick else args.seeds, args.cache / "worlds", quick=args.quick)
    wanted = [p for p in args.only.split(",") if p] or list(parts)
    args.cache.mkdir(parents=True, exist_ok=True)
    for name in wanted:
        print(name, flush=True)
        began = time.process_time()
        text = parts[name]()
        print(f"{name}: {time.process_time() - began:.0f} s of the processor", flush=True)
        if args.quick:
            print(text)
            continue
        # Page by page, so that an interrupted run keeps what it has measured.
        page = args.out.read_text() if args.out.exists() else ""
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(merge(_head() + page[max(page.find("\n##"), 0) :], text, ORDER))


def _parts(recipe: Recipe, seeds: int, cache: Path, *, quick: bool) -> dict[str, Callable[[], str]]:
    few = min(seeds, 2)
    small = replace(recipe, routes=min(recipe.routes, 400))
    real = os.environ.get("FLIGHTWATCH_REAL_DATA")
    parts: dict[str, Callable[[], str]] = {
        "routes": lambda: routes.compare(seeds, recipe, cache),
        "disturbed": lambda: disturbed.disturbed(min(seeds, 4), small),
        "ablation": lambda: ablation.ablate(few, small),
        "agreement": lambda: routes.agreement(few, small, lambda line: print(line, flush=True)),
        "noufaily": lambda: noufaily.noufaily(1 if quick else 5),
        "rare": lambda: rare.surges(),
        "fractions": lambda: rare.fractions(),
        "hostile": lambda: rare.hostile(2 if quick else 5 * seeds),
        "reference": lambda: reference.reference(1 if quick else 100, cache.parent / "lived"),
        "speed": lambda: speed.speed(small if quick else recipe),
    }
    if real:
        parts["boards"] = lambda: boards.boards(Path(real), 1 if quick else 10)
    return parts


def _head() -> str:
    import sklearn

    return (
        "# How good the detector is\n\nMade by `python -m benchmarks.detection`; the scenario is described in "
        "[`benchmarks/detection/scenario.py`](../../benchmarks/detection/scenario.py), the metrics in `metrics.py`, "
        "the other detectors in `competitors.py` and `farrington.py`. "
        f"Python {platform.python_version()}, scikit-learn {sklearn.__version__}, {os.cpu_count()} cores.\n\n"
    )


if __name__ == "__main__":
    main()
