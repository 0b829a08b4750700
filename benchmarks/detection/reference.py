"""The reference case: the demo's world, many seeds, from what receivers heard to the alert, judged evening by evening.

Positions are cleaned, built into flights, matched, tallied and judged by the product's own code with what was known on
each evening; only the detour over HTTP and the database is left out (`benchmarks.demo_world.replay`).
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from benchmarks.demo_world.kept import outcome
from benchmarks.demo_world.measure import Score, measure
from benchmarks.demo_world.replay import demo_settings
from benchmarks.detection.tables import table

POLL_S = 900.0  # as the demo polls
DAYS_PER_YEAR = 365.25


def reference(seeds: int, keep: Path, first: int = 1) -> str:
    """How many worlds open the alert by the third flight-day, and what else they open."""
    scores: list[Score] = []
    for seed in range(first, first + seeds):
        scores.append(measure(outcome(seed, poll_s=POLL_S, folder=keep)))
        print(f"  world {seed}: flight-day {scores[-1].delay}, others {scores[-1].false_alerts}", flush=True)
    return describe(scores)


def describe(scores: list[Score]) -> str:
    """The table of these worlds."""
    worlds = len(scores)
    rows = []
    for k in (1, 2, 3, 4):
        opened = sum((s.delay or 99) <= k for s in scores)
        rows.append([f"flight-day {k}", f"{opened / worlds:.2f}", f"{opened} of {worlds}"])
    never = sum(s.delay is None for s in scores)
    rows.append(["never in the five days", f"{never / worlds:.2f}", f"{never} of {worlds}"])
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
        f"\n### The reference case\n\n{worlds} seeds of the demo's world, from positions to alerts with what was known "
        "at midnight UTC. Share of worlds in which an alert on flights of the surge was open by the evening of the "
        "surge's\n\n"
        + table(["", "share", ""], rows)
        + "\nA flight that leaves in the evening lands after midnight: its day counts although nobody can know yet "
        "where it went.\n\nAlerts without any flight of the surge:\n\n"
        + table(["", "alerts", "route-years", "per route-year", "stated"], told)
        + f"\nResting on spoofed positions: {causes['spoofed']}, on the outage: {causes['outage']}, on the new "
        f"receiver: {causes['new receiver']}.\n"
    )
