"""All that is claimed about flights, measured: `python -m benchmarks.flights [--quick] [--out FILE]`.

Needs the real recordings (FLIGHTWATCH_REAL_DATA). `--quick` takes fewer seeds and sizes.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from pathlib import Path

import pandas as pd

from benchmarks.flights import samples, speed, truth, worlds
from benchmarks.flights.fit import Problem

OUT = Path(__file__).resolve().parents[2] / "docs" / "benchmarks" / "flights.md"


def markdown(frame: pd.DataFrame, digits: int = 3) -> str:
    cells = [
        [f"{v:.{digits}f}" if isinstance(v, float) else str(v) for v in row] for row in frame.itertuples(index=False)
    ]
    lines = ["| " + " | ".join(map(str, frame.columns)) + " |", "|" + " --- |" * len(frame.columns)]
    return "\n".join(lines + ["| " + " | ".join(c) + " |" for c in cells])


def world_tables(seeds: int) -> str:
    legs, weeks = worlds.run(seeds)
    exact = (legs["found"] == 1).mean()
    out = legs[legs["kind"] == "out"]
    table = out.assign(ok=out["region"] >= 0.8, right=out["best"] == out["goal"])
    table["wrong"] = (out["best"] != "") & (out["best"] != out["goal"])
    by = table.groupby(["dark_km", "returns"], as_index=False).agg(
        flights=("ok", "size"), region=("region", "mean"), above=("ok", "mean"), right=("right", "mean"),
        wrong=("wrong", "mean"),
    )  # fmt: skip
    by.columns = [
        "dark at km",
        "return seen",
        "flights",
        "p(eastern Libya)",
        "share >= 0.8",
        "field right",
        "field wrong",
    ]
    holes = out.groupby("hole")["found"].apply(lambda f: (f == 1).mean())
    evidence = table[table["returns"] | (table["dark_km"] <= 150)]
    week = weeks["expected"] / weeks["true"]
    by_hole = ", ".join(f"{k} min {v:.4f}" for k, v in holes.items())
    total = weeks["expected"].sum() / weeks["true"].sum()
    lines = (
        f"{seeds} weeks, {len(legs)} flights, {len(out)} of them to eastern Libya.\n",
        f"- Legs neither lost nor doubled: **{exact:.4f}** (bar 0.98); by hole in the cruise: {by_hole}.",
        f"- Eastern Libya with p >= 0.8 where the return was seen or a fix lies within 150 km: "
        f"**{evidence['ok'].mean():.3f}** (bar 0.90).",
        f"- Sum of probabilities over all weeks against the true number: **{total:.3f}** (bar 0.9 to 1.1). Single weeks "
        f"within 10 %: {((week - 1).abs() <= 0.1).mean():.2f}; they have 6 to 10 flights, so one flight dark at 400 km and "
        "never seen again puts a week outside.\n",
        markdown(by),
    )
    return "\n".join(lines)


def report(quick: bool) -> str:
    begin = time.time()
    folds = 3 if quick else 5
    parts = [HEAD.format(python=platform.python_version(), pandas=pd.__version__, machine=platform.machine())]
    arrivals = truth.answers(Problem(True), folds)
    departures = truth.answers(Problem(False), folds)
    parts.append("## Real flights with the end cut off\n" + TRUTH_NOTE)
    for name, frame in (("Arrivals", arrivals), ("Departures", departures)):
        parts.append(f"### {name}\n\n{markdown(truth.by_distance(frame))}")
    both = pd.concat([arrivals, departures])
    parts.append(f"### Calibration, both ends, all cuts\n\n{markdown(truth.calibration(both))}")
    fifty = both[(both["band"] == 50) & (both["altitude"] < 15_000)]
    parts.append(f"### Calibration, cut at 50 km below 15,000 ft\n\n{markdown(truth.calibration(fifty))}")
    lines = [f"- {k}: **{v:.3f}** of {n}" for k, (v, n) in truth.bars(arrivals).items()]
    parts.append("### Against the bars (arrivals)\n\n" + BARS_NOTE + "\n" + "\n".join(lines))
    parts.append("## Ends told by somebody else\n\n" + markdown(samples.seen()))
    parts.append("## Recordings with faults\n\n" + markdown(samples.faulty()))
    parts.append(
        "## Generated weeks: Il-76s from Moscow and Minsk that go dark\n\n" + world_tables(20 if quick else 200)
    )
    table = speed.run((1,) if quick else (1, 4, 16), rounds=3)
    parts.append("## Speed\n\n" + SPEED_NOTE + "\n\n" + markdown(table))
    parts.append(
        f"\nMeasured in {time.time() - begin:.0f} s by `python -m benchmarks.flights{' --quick' if quick else ''}`."
    )
    return "\n\n".join(parts) + "\n"


HEAD = """# How well flights and their ends are found

Written by `python -m benchmarks.flights` (Python {python}, pandas {pandas}, {machine}); the method is in
[flights.md](../flights.md)."""

TRUTH_NOTE = """
Legs of the real recordings (OpenSky and Flightradar24 tracks of the `traffic` library, readsb traces and lines of
`adsb_actions`) whose end was seen on the ground or below 1,000 ft within 3 NM of one single field. All fixes nearer
than the stated distance (or lower than a random height) are removed and the end is asked again, with weights fitted
without any flight of that airframe. *right*: one airport named (p >= 0.5) and it is the true one; *wrong*: named, but
another; *unknown*: none named. Brier: of the best airport's stated probability. Beside it two rules as their projects
describe them, re-implemented: the nearest field to the last point (`traffic`), and the nearest field if within 46.3 km
(`adsbtrack`). The Swiss day holds no fix below 30,000 ft, so it has overflights and no landings to offer."""

BARS_NOTE + "\n" + "\n".join(lines))
    parts.append("## Ends told by somebody else\n\n" + markdown(samples.seen()))
    parts.append("## Recordings with faults\n\n" + markdown(samples.faulty()))
    parts.append(
        "## Generated weeks: Il-76s from Moscow and Minsk that go dark\n\n" + world_tables(20 if quick else 200)
    )
    table = speed.run((1,) if quick else (1, 4, 16), rounds=3)
    parts.append("## Speed\n\n" + SPEED_NOTE + "\n\n" + markdown(table))
    parts.append(
        f"\nMeasured in {time.time() - begin:.0f} s by `python -m benchmarks.flights{' --quick' if quick else ''}`."
    )
    return "\n\n".join(parts) + "\n"


HEAD = """# How well flights and their ends are found

Written by `python -m benchmarks.flights` (Python {python}, pandas {pandas}, {machine}); the method is in
[flights.md](../flights.md)."""

TRUTH_NOTE = """
Legs of the real recordings (OpenSky and Flightradar24 tracks of the `traffic` library, readsb traces and lines of
`adsb_actions`) whose end was seen on the ground or below 1,000 ft within 3 NM of one single field. All fixes nearer than
the stated distance (or lower than a random height) are removed and the end is asked again, with weights fitted without
any flight of that airframe. *right*: one airport named (p >= 0.5) and it is the true one; *wrong*: named, but another;
*unknown*: none named. Brier: of the best airport's stated probability. Beside it two rules as their projects describe
them, re-implemented: the nearest field to the last point (`traffic`), and the nearest field if within 46.3 km
(`adsbtrack`). The Swiss day holds no fix below 30,000 ft, so it has overflights and no landings to offer."""

BARS_NOTE = """Bars: ends on approach >= 0.98 right; 50 km out and below 15,000 ft >= 0.85 right; ends in cruise with no later
evidence named wrongly <= 0.05. The recordings hold few landings of transports: most cuts are of fire fighters, relay
and light aircraft that circle and turn, so the figure for transports is given too.
"""

SPEED_NOTE = """Ours: doubtful fixes, ground, silences and stays, all rules. Pandas: sort, half-hour gap rule, groupby.agg. Both on
rows already ordered by airframe and time. *exact*: share of true legs that come out as exactly one flight. Peak memory
is of the whole process, input included."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument(
        "--out", type=Path, default=None, help="default: docs/benchmarks/flights.md; with --quick stdout"
    )
    args = parser.parse_args()
    text = report(args.quick)
    target = args.out or (None if args.quick else OUT)
    if target is None:
        sys.stdout.write(text)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
