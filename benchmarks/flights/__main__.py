"""Measures everything that is claimed about flights:

    python -m benchmarks.flights [--quick] [--only speed] [--traffic PYTHON] [--out FILE]

Needs the real recordings (FLIGHTWATCH_REAL_DATA); FLIGHTWATCH_QUICKSTART may name one more file (see `corpus`).
`--quick` takes fewer seeds and sizes. `--traffic` names a Python that has the `traffic` library, 2.13 or later, in its
own environment; without it, that table is left out. Words written below a table of the page stay: check them against
the new figures.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from pathlib import Path

import pandas as pd

from benchmarks.flights import again, corpus, samples, speed, truth, worlds
from benchmarks.flights.fit import Problem
from benchmarks.page import kept, merged

OUT = Path(__file__).resolve().parents[2] / "docs" / "benchmarks" / "flights.md"

HEAD = """# How well flights and their ends are found

Written by `python -m benchmarks.flights` (Python {python}, pandas {pandas}, {machine}); the method is in
[flights.md](../flights.md)."""

TRUTH_NOTE = """## Real flights with the end cut off

Legs of the real recordings (OpenSky and Flightradar24 tracks of the `traffic` library, readsb traces and lines of
`adsb_actions`) whose end was seen: on the ground at a field, or below 1,000 ft within 3 NM with no other field in 6 NM,
or below 500 ft within 1.5 NM with no other field about as near, and not climbing away. All fixes nearer than the stated
distance (or lower than a random height) are removed, and the end is judged again, with weights fitted without any
flight of that airframe. Cuts whose last fix is half as far again as stated are left out. Types are those that the
reference tables know. *right*: one airport is named (p >= 0.5) and it is the true one; *wrong*: another one is named;
*unknown*: none is named. Brier: of the best airport's stated probability. For comparison there are two rules,
re-implemented as their projects describe them: the nearest field to the last point (`traffic`), and the nearest field
if within 46.3 km (`adsbtrack`). The Swiss day has no fix below 30,000 ft, so it contributes overflights and no
landings."""

BARS_NOTE = """### Against the bars

Bars: ends on approach >= 0.98 right; 50 km out and below 15,000 ft >= 0.85 right; ends in cruise with no later evidence
named wrongly <= 0.05. *On approach* are the cuts that the product would call so: an airport is named, and the last fix
is within 12 NM of it and 4,000 ft over it. For 50 km, both readings are given: of all cuts, where an airport that is
not named (p < 0.5) counts as a miss, and of the best airport whether named or not. The recordings hold few landings of
transports: most cuts are of fire-fighting, relay and light aircraft that circle and turn."""

AGAIN_NOTE = """### Arrivals at 50 km below 15,000 ft, judged by the whole product

The same arrivals, but the flights of the airframe are built again from everything heard of it before the cut and, once
it is beyond 50 km of the field again, afterwards: legs, ends and joining, with weights fitted without the airframe."""

PARIS_NOTE = """### Three hours round Paris, arrivals

`quickstart` of the `traffic` library: airliners and business jets to Charles de Gaulle, Orly and Le Bourget, most of
them of unknown type. Judged by weights fitted without the airframe; not part of the figures above. Three fields share
one approach: from 50 km most cannot be told apart, and what counts is whether the probability says so."""

SPEED_NOTE = """## Speed

*legs*: all rules for ground, silences and stays. *with jumps*: the same, after checking every pair of fixes for reach.
Pandas: sort, half-hour gap rule, groupby.agg. All run on rows already ordered by airframe and time; processor time,
median of nine rounds in turns. *exact*: share of true legs that come out as exactly one flight."""


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


HISTORY_NOTE = """### With past visits

The last of nine such weeks, without and with the visits that a store would know from the eight weeks before (ends seen
or on approach, other airframes of the type). Then the same, where up to eight more Il-76s a week fly on to Chad, Sudan
or the Central African Republic, go dark at the same place and are never seen again. *sum*: sum of probabilities of
eastern Libya over all Il-76s, divided by the true number; *p*: mean probability of eastern Libya, for those that went
there and went dark at 400 km, and for those that flew on."""

TRAFFIC_NOTE = """### Beside the `traffic` library

The same rows, cut by `Traffic.iterate` with its defaults (ten minutes of silence), reading the ends of each flight;
processor time, median of nine of ours with the jump check, best of two of theirs. Bar: 0.2. Splitting by address and
callsign helps it, because every generated leg has a callsign of its own."""

MEMORY_NOTE = """### Memory

The whole way from observation rows to flights (`flights.build`, then `flights.tail`), a million rows at a time, each
line in a fresh process. The same airframes fly every day. Besides the batch, memory holds what `tail` keeps: for each
airframe, the rows since its last departure that does not depend on anything before it. Here that is a third of a day,
and the same after every day. Only for an airframe never heard on the ground are all rows kept."""


def truth_section(folds: int) -> str:
    arrivals, departures = Problem(True), Problem(False)
    everything = pd.concat([truth.answers(p, folds) for p in (arrivals, departures)])
    paris = everything["collection"] == corpus.PARIS
    both, others = everything[~paris], everything[paris]
    ends = {name: both[both["end"] == name] for name in ("arrival", "departure")}
    bars = [f"- {k}: **{v:.3f}** of {n}" for k, (v, n) in truth.bars(both).items()]
    again_ = again.answers(arrivals, departures, folds)
    came = again_[again_["next"]]
    parts = [
        TRUTH_NOTE,
        f"### Arrivals\n\n{markdown(truth.by_distance(ends['arrival']))}",
        f"### Departures\n\n{markdown(truth.by_distance(ends['departure']))}",
        f"### Calibration, both ends, all cuts\n\n{markdown(truth.calibration(both))}",
        f"### Calibration, both ends, cut at 50 km below 15,000 ft\n\n{markdown(truth.calibration(truth.fifty(both)))}",
        BARS_NOTE,
        "\n".join(bars),
        AGAIN_NOTE,
        f"- named and right, of all: **{(again_['named'] & again_['right']).mean():.3f}** of {len(again_)}\n"
        f"- best airport right, named or not: **{again_['right'].mean():.3f}** of {len(again_)}\n"
        f"- of those heard again, best airport right: **{came['right'].mean():.3f}** of {len(came)}",
    ]
    if len(others):
        parts += [
            PARIS_NOTE,
            markdown(truth.by_distance(others[others["end"] == "arrival"])),
            "Calibration of these cuts and those of the recordings together, both ends, all cuts:",
            markdown(truth.calibration(everything)),
        ]
    return "\n\n".join(parts)


def history_section(groups: int) -> str:
    rows = [{"flying on": f"{share:.0%}", **worlds.remembered(groups, share)} for share in (0.0, 0.3)]
    return f"{HISTORY_NOTE}\n\n{markdown(pd.DataFrame(rows))}"


def speed_sections(quick: bool, traffic: str | None) -> list[str]:
    millions = (1,) if quick else (1, 4, 16)
    parts = [f"{SPEED_NOTE}\n\n{markdown(speed.run(millions))}"]
    if traffic:
        parts.append(f"{TRAFFIC_NOTE}\n\n{markdown(speed.beside_traffic(traffic))}")
    return [*parts, f"{MEMORY_NOTE}\n\n{markdown(speed.memory(millions))}"]


def report(quick: bool, traffic: str | None = None) -> str:
    begin = time.process_time()
    folds = 3 if quick else 5
    command = "python -m benchmarks.flights" + (" --quick" if quick else "") + (" --traffic PYTHON" if traffic else "")
    parts = [
        HEAD.format(python=platform.python_version(), pandas=pd.__version__, machine=platform.machine()),
        truth_section(folds),
        "## Ends known from somebody else\n\n" + markdown(samples.seen()),
        "## Recordings with faults\n\n" + markdown(samples.faulty()),
        world_section(20 if quick else 200),
        history_section(2 if quick else 15),
        *speed_sections(quick, traffic),
    ]
    extra = " with FLIGHTWATCH_QUICKSTART set" if os.environ.get("FLIGHTWATCH_QUICKSTART") else ""
    parts.append(
        f"Measured by `{command}`{extra} in {time.process_time() - begin:.0f} s of processor time. `--only speed`\n"
        "measures the Speed section alone."
    )
    return "\n\n".join(parts) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path, default=None, help="default: docs/benchmarks/flights.md; --quick: stdout")
    parser.add_argument("--only", choices=["speed"], help="this section alone; the page keeps the others")
    parser.add_argument("--traffic", default=None, metavar="PYTHON", help="a Python with the traffic library")
    args = parser.parse_args()
    target = args.out or (None if args.quick else OUT)
    text = target.read_text(encoding="utf-8") if target is not None and target.exists() else ""
    if args.only:
        for section in speed_sections(args.quick, args.traffic):
            text = merged(text, section, keys=3 if section.startswith(TRAFFIC_NOTE) else 1) if text else section
    else:
        text = kept(text, report(args.quick, args.traffic))
    if target is None:
        sys.stdout.write(text)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
