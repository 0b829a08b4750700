"""All that is claimed about flights, measured:

    python -m benchmarks.flights [--quick] [--traffic PYTHON] [--out FILE]

Needs the real recordings (FLIGHTWATCH_REAL_DATA). `--quick` takes fewer seeds and sizes. `--traffic` names a Python
that has the `traffic` library, 2.13 or later, in its own environment; without it that table is left out.
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

HEAD = """# How well flights and their ends are found

Written by `python -m benchmarks.flights` (Python {python}, pandas {pandas}, {machine}); the method is in
[flights.md](../flights.md)."""

TRUTH_NOTE = """## Real flights with the end cut off

Legs of the real recordings (OpenSky and Flightradar24 tracks of the `traffic` library, readsb traces and lines of
`adsb_actions`) whose end was seen on the ground at a field, or below 1,000 ft within 3 NM with no other field in 6 NM,
or below 500 ft within 1.5 NM and no other about as near, and not climbing away. All fixes nearer than the stated
distance (or lower than a random height) are removed, and the end is asked again, with weights fitted without any flight
of that airframe; cuts whose last fix lies half as far again as stated are left out. Types are those reference tables
know. *right*: one airport named (p >= 0.5) and it is the true one; *wrong*: named, but another; *unknown*: none named.
Brier: of the best airport's stated probability. Beside it two rules as their projects describe them, re-implemented:
the nearest field to the last point (`traffic`), and the nearest field if within 46.3 km (`adsbtrack`). The Swiss day
holds no fix below 30,000 ft, so it has overflights and no landings to offer."""

BARS_NOTE = """### Against the bars (arrivals)

Bars: ends on approach >= 0.98 right; 50 km out and below 15,000 ft >= 0.85 right; ends in cruise with no later evidence
named wrongly <= 0.05. The recordings hold few landings of transports: most cuts are of fire fighters, relay and light
aircraft that circle and turn, so the figure for transports is given too. What is missed at 50 km are mostly fields side
by side under one approach (Salinas and Monterey; Orly, Le Bourget and Charles de Gaulle) and aircraft at work that turn
back to where they came from."""

SPEED_NOTE = """## Speed

*legs*: ground, silences and stays, all rules. *with jumps*: every pair of fixes held against reach before that. Pandas:
sort, half-hour gap rule, groupby.agg. All on rows already ordered by airframe and time; processor time, best of three.
*exact*: share of true legs that come out as exactly one flight."""


def markdown(frame: pd.DataFrame, digits: int = 3) -> str:
    rows = frame.itertuples(index=False)
    cells = [["" if v != v else f"{v:.{digits}f}" if isinstance(v, float) else str(v) for v in row] for row in rows]
    lines = ["| " + " | ".join(map(str, frame.columns)) + " |", "|" + " --- |" * len(frame.columns)]
    return "\n".join(lines + ["| " + " | ".join(c) + " |" for c in cells])


def world_section(seeds: int) -> str:
    legs, weeks = worlds.run(seeds)
    exact = (legs["found"] == 1).mean()
    table = legs[legs["kind"] == "out"].copy()
    table["ok"] = table["region"] >= 0.8
    table["right"] = table["best"] == table["goal"]
    table["wrong"] = (table["best"] != "") & ~table["right"]
    by = table.groupby(["dark_km", "returns"], as_index=False).agg(
        flights=("ok", "size"), region=("region", "mean"), above=("ok", "mean"), right=("right", "mean"),
        wrong=("wrong", "mean"),
    )  # fmt: skip
    by.columns = ["dark at km", "return seen", "flights", "p(eastern Libya)", ">= 0.8", "field right", "field wrong"]
    holes = table.groupby("hole")["found"].apply(lambda f: (f == 1).mean())
    by_hole = ", ".join(f"{k} min {v:.4f}" for k, v in holes.items())
    evidence = table[table["returns"] | (table["dark_km"] <= 150)]
    week = weeks["expected"] / weeks["true"]
    total = weeks["expected"].sum() / weeks["true"].sum()
    within = ((week - 1).abs() <= 0.1).mean()
    lines = (
        "## Generated weeks: Il-76s from Moscow and Minsk that go dark\n",
        f"{seeds} weeks, {len(legs)} flights, {len(table)} of them to eastern Libya.\n",
        f"- Legs neither lost nor doubled: **{exact:.4f}** (bar 0.98); by hole in the cruise: {by_hole}.",
        "- Eastern Libya with p >= 0.8 where the return was seen or a fix lies within 150 km: "
        f"**{evidence['ok'].mean():.3f}** (bar 0.90).",
        f"- Sum of probabilities over all weeks against the true number: **{total:.3f}** (bar 0.9 to 1.1).",
        f"- Single weeks within 10 %: {within:.2f}. They have 6 to 10 flights, so one flight that goes dark at 400 km",
        "  and is never seen again puts a week outside.\n",
        markdown(by),
    )
    return "\n".join(lines)


HISTORY_NOTE = """### With what was seen before

The last of nine such weeks, without and with the visits that a store would know of the eight weeks before (ends seen or
on approach, other airframes of the type); and the same where up to eight more Il-76s a week fly on to Chad, Sudan or
the Central African Republic, dark from the same place, never seen again. *sum*: of probabilities of eastern Libya,
all Il-76s, against the true number; *p*: mean probability of eastern Libya, of those that went there dark at 400 km and
of those that flew on."""

TRAFFIC_NOTE = """### Beside the `traffic` library

The same rows, cut by `Traffic.iterate` as it comes (ten minutes of silence), reading the ends of each flight;
processor time, best of three of ours with the jump check, best of two of theirs. Bar: 0.2. By address and callsign it
is helped: every generated leg has a callsign of its own."""

MEMORY_NOTE = """### Memory

Flights from observation rows to the end (`flights.build`, then `flights.tail`), a million rows at a time, each line in
a fresh process. The same airframes fly every day. Beyond the batch there is what `tail` keeps of airframes whose last
flights are not settled, so the peak still creeps up: a third from 4 to 16 million rows."""


def history_section(groups: int) -> str:
    rows = [{"flying on": f"{share:.0%}", **worlds.remembered(groups, share)} for share in (0.0, 0.3)]
    return f"{HISTORY_NOTE}\n\n{markdown(pd.DataFrame(rows))}"


def report(quick: bool, traffic: str | None = None) -> str:
    begin = time.process_time()
    folds = 3 if quick else 5
    arrivals = truth.answers(Problem(True), folds)
    departures = truth.answers(Problem(False), folds)
    both = pd.concat([arrivals, departures])
    fifty = both[(both["band"] == 50) & (both["altitude"] < 15_000)]
    bars = [f"- {k}: **{v:.3f}** of {n}" for k, (v, n) in truth.bars(arrivals).items()]
    command = "python -m benchmarks.flights" + (" --quick" if quick else "") + (" --traffic PYTHON" if traffic else "")
    parts = [
        HEAD.format(python=platform.python_version(), pandas=pd.__version__, machine=platform.machine()),
        TRUTH_NOTE,
        f"### Arrivals\n\n{markdown(truth.by_distance(arrivals))}",
        f"### Departures\n\n{markdown(truth.by_distance(departures))}",
        f"### Calibration, both ends, all cuts\n\n{markdown(truth.calibration(both))}",
        f"### Calibration, both ends, cut at 50 km below 15,000 ft\n\n{markdown(truth.calibration(fifty))}",
        BARS_NOTE,
        "\n".join(bars),
        "## Ends told by somebody else\n\n" + markdown(samples.seen()),
        "## Recordings with faults\n\n" + markdown(samples.faulty()),
        world_section(20 if quick else 200),
        history_section(2 if quick else 15),
        SPEED_NOTE,
        markdown(speed.run((1,) if quick else (1, 4, 16), rounds=3)),
    ]
    if traffic:
        parts += [TRAFFIC_NOTE, markdown(speed.beside_traffic(traffic))]
    parts += [MEMORY_NOTE, markdown(speed.memory((1,) if quick else (1, 4, 16)))]
    parts.append(f"Measured by `{command}` in {time.process_time() - begin:.0f} s of processor time.")
    return "\n\n".join(parts) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path, default=None, help="default: docs/benchmarks/flights.md; --quick: stdout")
    parser.add_argument("--traffic", default=None, metavar="PYTHON", help="a Python with the traffic library")
    args = parser.parse_args()
    text = report(args.quick, args.traffic)
    target = args.out or (None if args.quick else OUT)
    if target is None:
        sys.stdout.write(text)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
