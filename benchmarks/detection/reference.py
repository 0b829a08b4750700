"""The reference case: many seeds of the demo's world, from positions heard to the alert, judged evening by evening.

The product's own code cleans positions, builds flights, matches, tallies and judges with what was known each evening.
Only HTTP and the database are left out (`benchmarks.demo_world.replay`).
"""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from benchmarks.demo_world.kept import lived
from benchmarks.demo_world.known import FLIGHT_DAY, Known, known
from benchmarks.demo_world.measure import Score, measure
from benchmarks.demo_world.replay import demo_settings, judged
from benchmarks.detection.tables import table

POLL_S = 300.0  # a daemon asks every minute, which takes three times as long here; the demo every 15 minutes
DAYS_PER_YEAR = 365.25
HELD_OUT = 548  # the first of the seeds used only when the detector is finished
KNOWN = (0.0, 1.0, 2.0, 3.0)


def reference(seeds: int, keep: Path, first: int = HELD_OUT) -> str:
    """How many worlds open the alert by the third flight-day, and other alerts they open."""
    rows = []
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for score, given in pool.map(partial(_world, keep), range(first, first + seeds)):
            rows.append((score, given))
            others = f", others {score.false_alerts}" if score.false_alerts else ""
            print(f"  world {score.seed}: flight-day {score.delay}, {given.given:.1f} known{others}", flush=True)
    return describe([s for s, _ in rows]) + told_by_known(rows)


def _world(keep: Path, seed: int) -> tuple[Score, Known]:
    world, days = lived(seed, poll_s=POLL_S, folder=keep)
    return measure(judged(world, days)), known(world, days)


def told_by_known(rows: list[tuple[Score, Known]]) -> str:
    """How much of the surge was known on the evening of its third flight-day, and the result."""
    cells = []
    for low, high in zip(KNOWN, (*KNOWN[1:], 99.0), strict=True):
        some = [(s, k) for s, k in rows if low <= k.given < high]
        opened = sum((s.delay or 99) <= FLIGHT_DAY for s, _ in some)
        flown, aloft = (sum(getattr(k, name) for _, k in some) / max(len(some), 1) for name in ("flown", "aloft"))
        label = f"{low:g} to {high:g}" if high < 99 else f"{low:g} and more"
        cells.append([label, f"{len(some)}", f"{opened}", f"{flown:.1f}", f"{aloft:.1f}"])
    return (
        f"\nFlights of the surge known on the evening of flight-day {FLIGHT_DAY} (probabilities given to their being "
        "flights between Russia or Belarus and eastern Libya, out or back, added up), beside those truly flown and "
        "heard, and those of them in the air at midnight:\n\n"
        + table(["known flights", "worlds", f"open by flight-day {FLIGHT_DAY}", "flown (mean)", "in the air"], cells)
    )


def describe(scores: list[Score]) -> str:
    """The tables of these worlds."""
    worlds = len(scores)
    rows = []
    for k in (1, 2, 3, 4):
        opened = sum((s.delay or 99) <= k for s in scores)
        rows.append([f"flight-day {k}", f"{opened / worlds:.2f}", f"{opened} of {worlds}"])
    never = sum(s.delay is None for s in scores)
    rows.append(["never in the five days", f"{never / worlds:.2f}", f"{never} of {worlds}"])
    joined = sum((s.told or 99) <= FLIGHT_DAY < (s.delay or 99) for s in scores)
    settings = demo_settings()
    named = len([r for r in settings.routes if r.enabled])
    years = {True: worlds * named * 5 / DAYS_PER_YEAR}
    years[False] = sum(s.routes for s in scores) * 5 / DAYS_PER_YEAR - years[True]
    names = {r.name for r in settings.routes}
    false = Counter(a.rpartition(" [")[0] in names for s in scores for a in s.false_alerts)
    causes = Counter(a.rpartition("[")[2].rstrip("]") for s in scores for a in s.false_alerts)
    stated = {
        True: settings.detection.false_alerts_per_route_year,
        False: settings.discover.false_alerts_per_route_year,
    }
    told = [
        [label, str(false[kind]), f"{years[kind]:.1f}", f"{false[kind] / years[kind]:.2f}", f"{stated[kind]:g}"]
        for kind, label in ((True, "watch list"), (False, "discovered pairs"))
    ]
    return (
        f"\n### The reference case\n\n{worlds} seeds of the demo's world ({scores[0].seed} to {scores[-1].seed}), "
        f"polled every {POLL_S / 60:g} minutes, from positions to alerts with what was known at midnight UTC. Share of "
        "worlds in which an alert on flights of the surge was open by the evening of the "
        "surge's\n\n"
        + table(["", "share", ""], rows)
        + "\nA flight that leaves in the evening lands after midnight: its day counts although nobody can know yet "
        f"where it went. In {joined} more the surge's flights had by flight-day {FLIGHT_DAY} joined an alert that was "
        "open before; it was raised without them and counts below.\n\nAlerts without any flight of the surge:\n\n"
        + table(["", "alerts", "route-years", "per route-year", "stated"], told)
        + f"\nResting on spoofed positions: {causes['spoofed']}, on the outage: {causes['outage']}, on the new "
        f"receiver: {causes['new receiver']}.\n"
    )
