"""The reference case: the demo's world, many seeds, flights from the truth, judged evening by evening.

Building flights and coverage from what receivers heard is measured in `benchmarks/demo_world`; here it is detection
alone that has to open the alert by the third flight-day and to keep silent about everything else.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd

from benchmarks.demo_world.oracle import as_flights
from benchmarks.demo_world.replay import demo_settings, known_aircraft
from benchmarks.detection.tables import table
from flightwatch import alerts, detection, places
from flightwatch import routes as watch
from flightwatch.airports import load
from flightwatch.demo.truth import truth
from flightwatch.demo.world import World
from flightwatch.records import Episode

ROUTE = "Moscow and Minsk to Benghazi"
DAY = timedelta(days=1)


def reference(seeds: int) -> str:
    """How many worlds open the alert by the third flight-day, and what else they open."""
    days_late, other, years = [], 0, 0.0
    stated = demo_settings().detection.false_alerts_per_route_year
    for seed in range(seeds):
        late, false, judged = _one(seed)
        days_late.append(late)
        other += false
        years += judged
        if seed % 10 == 9:
            print(f"  {seed + 1} worlds", flush=True)
    late = np.array(days_late, dtype=float)
    rows = [[f"flight-day {k}", f"{(late <= k).mean():.2f}"] for k in (1, 2, 3, 4)]
    rows.append(["never", f"{np.isnan(late).mean():.2f}"])
    return (
        f"\n### The reference case\n\n{seeds} seeds of the demo's world, flights from the truth, every day watched. "
        f"Share of worlds whose alert on Moscow or Minsk to Benghazi was open by the evening of the surge's\n\n"
        + table(["", "share"], rows)
        + f"\nOther alerts: {other} in {years:.0f} judged route-years, {other / years:.2f} per route-year "
        f"({stated:g} stated). Alerts that share flights with the surge are the same alert.\n"
    )


def _one(seed: int) -> tuple[float, int, float]:
    """Flight-day on which the surge's alert opened (NaN never), other alerts, route-years judged."""
    world = World.generate(seed)
    settings, airports, aircraft = demo_settings(), load(), known_aircraft(world)
    configured = watch.resolve(settings.routes, places.resolve(settings.places, airports), airports)
    before = as_flights(world, _evening(world.live_day - DAY))
    routes = [*configured, *watch.discover(before, airports, "country", aircraft=aircraft, known=configured)]
    episodes: dict[int, Episode] = {}
    opened: dict[int, date] = {}
    model = None
    days = [world.live_day + k * DAY for k in range((world.last_day - world.live_day).days + 1)]
    for day in days:
        flights = as_flights(world, _evening(day))
        matches = watch.match(flights, routes, aircraft)
        counted = watch.tally(matches, flights, routes, (world.first_day, day), aircraft=aircraft, airports=airports)
        if model is None:
            past = counted[counted["day"] < pd.Timestamp(world.live_day)]
            limits = detection.Settings(settings.detection.false_alerts_per_route_year)
            model = detection.train(past, seed=settings.detection.seed, settings=limits)
        found = detection.score(counted, model=model, since=world.live_day)
        changes = alerts.update(
            found[found["flagged"]],
            matches[matches["day"] >= pd.Timestamp(day - 60 * DAY)],
            flights,
            list(episodes.values()),
            now=_evening(day),
            settings=settings,
            routes=routes,
            next_id=len(opened) + 1,
        )
        for episode in (*changes.opened, *changes.updated, *changes.closed):
            episodes[episode.alert.id] = episode
            opened.setdefault(episode.alert.id, day)
    surge = truth(world)["surge"]
    flown = [date.fromisoformat(d) for d in surge["flight_days"]]
    mine = [i for i, e in episodes.items() if ROUTE in (e.alert.route, *e.alert.routes)]
    first = min((opened[i] for i in mine), default=None)
    late = float("nan") if first is None else float(sum(d <= first for d in flown))
    return late, len(episodes) - len(mine), len(routes) * len(days) / 365.25


def _evening(day: date) -> datetime:
    return datetime.combine(day + DAY, datetime.min.time(), UTC)
