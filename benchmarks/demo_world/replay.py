"""A world replayed through the pure functions, day by day with only what was known then: no HTTP, no store.

It does with frames what `jobs` does with a database: clean, build, match, tally, cover, judge, alert.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.demo_world.oracle import as_flights
from flightwatch import alerts, config, detection, ingest, places
from flightwatch import flights as rules
from flightwatch import routes as watch
from flightwatch.airports import load
from flightwatch.demo.settings import config_toml
from flightwatch.demo.world import World
from flightwatch.records import AIRCRAFT, FLIGHT, Route, conform
from flightwatch.telling import Episode
from flightwatch.units import instants

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Evening:
    """What was known at the end of `day`, except the judgement."""

    day: date
    flights: pd.DataFrame
    matches: pd.DataFrame
    route_days: pd.DataFrame
    coverage: pd.DataFrame


@dataclass(frozen=True)
class Lived:
    """A world's polled days up to the route-days: the slow part, independent of detection."""

    seed: int
    routes: list[Route]
    evenings: list[Evening]


@dataclass
class Outcome:
    """The result of a world: flights, route-days and findings of the last evening, and every alert ever opened: its
    last state (`episodes`), its first (`raised`), and on each evening it was raised or grew (`told`)."""

    world: World
    flights: pd.DataFrame
    matches: pd.DataFrame
    route_days: pd.DataFrame
    findings: pd.DataFrame
    routes: list[Route]
    episodes: dict[int, Episode] = field(default_factory=dict)
    opened: dict[int, date] = field(default_factory=dict)
    raised: dict[int, Episode] = field(default_factory=dict)
    told: list[tuple[date, Episode]] = field(default_factory=list)
    coverage: pd.DataFrame = field(default_factory=pd.DataFrame)


def replay(world: World, *, poll_s: float = 600.0, oracle: bool = False) -> Outcome:
    """Replay a world's polled days; `oracle` takes the true flights instead of building them."""
    return judged(world, live(world, poll_s=poll_s, oracle=oracle))


def live(world: World, *, poll_s: float = 600.0, oracle: bool = False) -> Lived:
    """Clean, build, match, tally and cover, evening by evening."""
    settings = demo_settings()
    airports = load()
    aircraft = known_aircraft(world)
    history, polled_rows = ingest.clean(world.history())[0], clean_live(world, poll_s)
    heard = pd.concat([ingest.heard(history), ingest.heard(polled_rows)], ignore_index=True)
    polls = polled(world, poll_s)
    configured = watch.resolve(settings.routes, places.resolve(settings.places, airports), airports)
    days = [world.live_day + k * DAY for k in range((world.last_day - world.live_day).days + 1)]
    read = read_days(world)
    known = Builder(world, history, polled_rows, aircraft, oracle)
    past = known.until(days[0])
    routes = [*configured, *watch.discover(past, airports, "country", aircraft=aircraft, known=configured)]
    evenings = []
    for day in days:
        evening = pd.Timestamp(datetime.combine(day + DAY, datetime.min.time(), UTC))
        flights = known.until(day + DAY)
        matches = watch.match(flights, routes, aircraft)
        span = (world.first_day, day)
        now_heard, now_polls = heard[heard["hour"] < evening], polls[polls["started"] < evening]
        coverage = watch.coverage(now_heard, now_polls, routes, airports, span, read=read)
        counted = watch.tally(matches, flights, routes, span, coverage, aircraft=aircraft, airports=airports)
        evenings.append(Evening(day, flights, matches, counted, coverage))
    return Lived(world.seed, routes, evenings)


def judged(world: World, lived: Lived) -> Outcome:
    """Train on what was known when polling began, then judge and alert, evening by evening."""
    settings, routes = demo_settings(), lived.routes
    first = lived.evenings[0].route_days
    model = detection.train(
        first[first["day"] < pd.Timestamp(world.live_day)],
        seed=settings.detection.seed,
        settings=limits_of(settings, routes),
    )
    out = Outcome(world, pd.DataFrame(), pd.DataFrame(), pd.DataFrame(), pd.DataFrame(), routes)
    for e in lived.evenings:
        out.flights, out.matches, out.route_days, out.coverage = e.flights, e.matches, e.route_days, e.coverage
        out.findings = detection.score(e.route_days, model=model, since=world.live_day)
        changes = alerts.update(
            out.findings[out.findings["flagged"]],
            out.matches[out.matches["day"] >= pd.Timestamp(e.day - 60 * DAY)],
            out.flights,
            list(out.episodes.values()),
            now=datetime.combine(e.day + DAY, datetime.min.time(), UTC),
            settings=settings,
            routes=routes,
            next_id=len(out.opened) + 1,
        )
        for episode in (*changes.opened, *changes.updated, *changes.closed):
            out.episodes[episode.alert.id] = episode
            out.opened.setdefault(episode.alert.id, e.day)
            out.raised.setdefault(episode.alert.id, episode)
        out.told += [(e.day, episode) for episode in (*changes.opened, *changes.updated)]
    return out


def limits_of(settings: config.Settings, routes: list[Route]) -> detection.Settings:
    """The stated rates, as the product sets them: one for the watch list, one for discovered pairs."""
    rates = {r.name: settings.discover.false_alerts_per_route_year for r in routes if r.discovered}
    return detection.Settings(settings.detection.false_alerts_per_route_year, rates=rates)


def demo_settings() -> config.Settings:
    """The demo's configuration."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.toml"
        file.write_text(config_toml("sqlite:///flightwatch.db", "http://127.0.0.1:9", 25))
        return config.load(file, environ={})


class Builder:
    """The flights known on an evening: history is built once, then its open ends with the live rows."""

    def __init__(
        self, world: World, history: pd.DataFrame, live: pd.DataFrame, aircraft: pd.DataFrame, oracle: bool
    ) -> None:
        self.world, self.live, self.aircraft, self.oracle = world, live, aircraft, oracle
        if oracle:
            return
        asof = datetime.combine(world.live_day, datetime.min.time(), UTC)
        self.built = rules.build(history, aircraft=aircraft, asof=asof)
        self.tail = rules.tail(history, self.built)
        self.visits = visits(self.built, aircraft)

    def until(self, day: date) -> pd.DataFrame:
        """Flights from everything received before `day` began."""
        asof = datetime.combine(day, datetime.min.time(), UTC)
        if self.oracle:
            return as_flights(self.world, asof)
        new = self.live[self.live["time"] < pd.Timestamp(asof)]
        if new.empty:
            return self.built
        rows = pd.concat([self.tail, new], ignore_index=True)
        again = rules.build(rows, aircraft=self.aircraft, visits=self.visits, asof=asof)
        starts = again.groupby("icao24")["firstseen"].min()
        kept = self.built[~(self.built["firstseen"] >= self.built["icao24"].map(starts))]
        heard = kept["icao24"].isin(starts.index)
        looked, _ = rules.revise(pd.concat([kept[heard], again], ignore_index=True), visits=self.visits)
        both = pd.concat([kept[~heard], looked], ignore_index=True)
        return conform(both.sort_values(["firstseen", "icao24"]), FLIGHT)


def visits(flights: pd.DataFrame, aircraft: pd.DataFrame) -> pd.DataFrame:
    """How often each airframe was seen where, as the store counts it for the builder."""
    ends = []
    for side in ("departure", "arrival"):
        sure = flights[flights[f"{side}_method"].isin(["observed", "approach", "reported"])]
        ends.append(
            sure[["icao24", "typecode", f"est{side}airport"]].set_axis(["icao24", "typecode", "airport"], axis=1)
        )
    both = pd.concat(ends)
    both["operator"] = both["icao24"].map(aircraft.set_index("icao24")["operator"])
    return both.groupby(["icao24", "typecode", "operator", "airport"]).size().reset_index(name="flights")


def known_aircraft(world: World) -> pd.DataFrame:
    """What a feed with a database says about the fleet."""
    rows = [
        {
            "icao24": a.icao24,
            "registration": a.registration,
            "typecode": a.typecode,
            "operator": a.operator,
            "flags": a.flags,
            "source": "archive",
        }
        for a in world.airframes
    ]
    return conform(pd.DataFrame(rows), AIRCRAFT)


def clean_live(world: World, poll_s: float) -> pd.DataFrame:
    """The polled rows, cleaned cycle by cycle, as they arrive."""
    rows = world.polled(poll_s)
    cycle = np.ceil((rows["time"].astype("int64").to_numpy() / 1000 - world.live) / poll_s)
    parts = [ingest.clean(part)[0] for _, part in rows.groupby(cycle)]
    return pd.concat(parts, ignore_index=True)


def polled(world: World, poll_s: float) -> pd.DataFrame:
    """The polls of the cycles; those in the outage failed."""
    when = np.arange(world.live, world.end, poll_s)
    outcome = np.where([world.down(w) for w in when], "server", "ok")
    started = instants(np.round(when * 1000).astype("int64"))
    return pd.DataFrame({"source": "live", "started": started, "outcome": outcome, "planned": True})


def read_days(world: World) -> list[date]:
    """The days in the archive."""
    lost = {datetime.fromtimestamp(t, tz=UTC).date() for t in world.faults.lost}
    days = [world.first_day + k * DAY for k in range((world.live_day - world.first_day).days)]
    return [d for d in days if d not in lost]
