"""What was found in a world, compared with the truth."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd

from benchmarks.demo_world.replay import Outcome
from flightwatch import geo
from flightwatch.airports import load
from flightwatch.demo.schedule import airport
from flightwatch.demo.world import World
from flightwatch.telling import Episode

EASTERN_LIBYA = ("HLLB", "HL59", "HLLQ", "HLGN", "LY-DNF", "HL68", "HL60", "HLMB", "HLKF", "HL56")
WATCHED = ("surge", "Moscow-Benghazi", "Minsk-Benghazi")
NEAR_NM = 150 / 1.852  # "a fix within 150 km"
SLACK_MS = 60_000  # a poll sees a leg up to a minute off the archive's times


@dataclass
class Score:
    """One world's figures. Shares are (right, total), so that worlds can be added up."""

    seed: int
    flight_days: list[date] = field(default_factory=list)
    opened: date | None = None
    joined: date | None = None
    true_alerts: int = 0
    false_alerts: list[str] = field(default_factory=list)
    routes: int = 0
    legs: Counter[str] = field(default_factory=Counter)
    cargo: Counter[str] = field(default_factory=Counter)
    named: tuple[int, int] = (0, 0)
    week: tuple[float, int] = (0.0, 0)
    seconds: float = 0.0

    @property
    def delay(self) -> int | None:
        """The flight-day of the surge on which the alert came, from 1; None if it never did."""
        return self._flight_day(self.opened)

    @property
    def told(self) -> int | None:
        """The same for any alert, including one that was already open and took in the surge's flights."""
        return self._flight_day(self.joined)

    def _flight_day(self, day: date | None) -> int | None:
        return None if day is None else max(1, sum(d <= day for d in self.flight_days))


def measure(out: Outcome) -> Score:
    """All figures of a world's run."""
    world = out.world
    score = Score(world.seed, routes=len(out.routes))
    score.flight_days = sorted({day for leg in surge_legs(world) for day in [departed(world, leg)]})
    owners = owner(world, out.flights)
    for kind, counter in (("airliner", score.legs), ("cargo", score.cargo)):
        counter.update(tally_legs(world, out.flights, owners, kind))
    score.named = named(world, out.flights, owners)
    score.week = week(world, out.flights)
    judge_alerts(out, owners, score)
    return score


def surge_legs(world: World) -> list[int]:
    """The outbound legs of the surge that anybody heard."""
    heard = set(np.unique(world.written.leg).tolist())
    rows = np.flatnonzero(world.legs.kind == "surge")
    return [int(i) for i in rows if world.legs.destination[i] in EASTERN_LIBYA and int(i) in heard]


def departed(world: World, leg: int) -> date:
    """The UTC date a leg left on."""
    return pd.Timestamp(world.legs.offblock[leg], unit="s", tz="UTC").date()


def spans(world: World) -> pd.DataFrame:
    """When every leg was first and last heard, ms; lost days and the outage are left out."""
    fixes = world.written
    gone = np.zeros(len(fixes), dtype=bool)
    for day in world.faults.lost:
        gone |= (fixes.when >= day) & (fixes.when < day + 86400)
    if world.faults.outage is not None:
        gone |= (fixes.when >= world.faults.outage[0]) & (fixes.when < world.faults.outage[1])
    leg, when = fixes.leg[~gone], fixes.when[~gone] * 1000
    table = pd.DataFrame({"leg": leg, "when": when}).groupby("leg")["when"].agg(["min", "max", "size"])
    table["icao24"] = [world.airframes[i].icao24 for i in world.legs.airframe[table.index]]
    return table


def owner(world: World, flights: pd.DataFrame) -> pd.DataFrame:
    """Every (flight, leg) pair of one airframe whose heard times overlap."""
    legs = spans(world).reset_index()
    mine = flights[["flight_id", "icao24", "firstseen", "lastseen"]].copy()
    mine["first"] = mine["firstseen"].dt.as_unit("ms").astype("int64")
    mine["last"] = mine["lastseen"].dt.as_unit("ms").astype("int64")
    pairs = mine.merge(legs, on="icao24")
    overlap = (pairs["first"] <= pairs["max"] + SLACK_MS) & (pairs["last"] >= pairs["min"] - SLACK_MS)
    return pairs[overlap]


def tally_legs(world: World, flights: pd.DataFrame, owners: pd.DataFrame, kind: str) -> dict[str, int]:
    """For legs heard at least three times: exactly one flight, none, several, or one shared with another leg."""
    heard = spans(world)
    airliner = world.legs.kind[heard.index] == "airliner"
    wanted = heard.index[(heard["size"] >= 3) & (airliner if kind == "airliner" else ~airliner)]
    # Polls are further apart than archive rows: a leg heard for less than two of them may well be missed.
    live = world.legs.offblock[wanted] >= world.live
    long = (heard.loc[wanted, "max"] - heard.loc[wanted, "min"]) > 2 * 1200 * 1000
    wanted = wanted[~live | long.to_numpy()]
    flights_of = owners.groupby("leg")["flight_id"].nunique().reindex(wanted, fill_value=0)
    legs_of = owners.groupby("flight_id")["leg"].nunique()
    shared = set(owners.loc[owners["flight_id"].map(legs_of) > 1, "leg"])
    merged = np.array([leg in shared for leg in wanted])
    count = flights_of.to_numpy()
    return {
        "legs": len(wanted),
        "right": int(((count == 1) & ~merged).sum()),
        "lost": int((count == 0).sum()),
        "doubled": int((count > 1).sum()),
        "merged": int(((count == 1) & merged).sum()),
    }


def named(world: World, flights: pd.DataFrame, owners: pd.DataFrame) -> tuple[int, int]:
    """Outbound legs of the watched kinds with a return that was heard or a fix within 150 km: how many are put into
    eastern Libya with at least 0.8, and how many there are."""
    right = of = 0
    candidates = flights.set_index("flight_id")["arrival_candidates"]
    heard = spans(world)
    for leg in np.flatnonzero(np.isin(world.legs.kind, WATCHED)):
        if world.legs.destination[leg] not in EASTERN_LIBYA or leg not in heard.index:
            continue
        if not (return_heard(world, int(leg), heard) or last_fix_near(world, int(leg))):
            continue
        mine = owners[owners["leg"] == leg].sort_values("last")
        of += 1
        right += bool(len(mine)) and share(candidates[mine["flight_id"].iloc[-1]]) >= 0.8
    return right, of


def share(candidates: dict[str, float] | None) -> float:
    """The probability that lies in eastern Libya."""
    return sum(p for airport_id, p in (candidates or {}).items() if airport_id in EASTERN_LIBYA)


def return_heard(world: World, leg: int, heard: pd.DataFrame) -> bool:
    """Whether the airframe's next leg was heard (an airframe comes back by its next leg, here always)."""
    later = np.flatnonzero(
        (world.legs.airframe == world.legs.airframe[leg]) & (world.legs.offblock > world.legs.onblock[leg])
    )
    return bool(len(later)) and int(later[0]) in heard.index


def last_fix_near(world: World, leg: int) -> bool:
    """Whether the last fix lies within 150 km of the field."""
    rows = np.flatnonzero(world.written.leg == leg)
    field_ = airport(world.legs.destination[leg])
    last = rows[-1]
    away = geo.distance(world.written.latitude[last], world.written.longitude[last], field_.latitude, field_.longitude)
    return bool(away <= NEAR_NM)


def week(world: World, flights: pd.DataFrame) -> tuple[float, int]:
    """Expected flights from Russia and Belarus to eastern Libya in the last seven days, and true ones heard."""
    countries = load().frame["country"]
    origins = set(countries.index[countries.isin(["RU", "BY"])])
    recent = flights[flights["firstseen"] >= pd.Timestamp(world.end - 7 * 86400, unit="s", tz="UTC")]
    expected = 0.0
    for departure, arrival in zip(recent["departure_candidates"], recent["arrival_candidates"], strict=True):
        expected += sum(p for a, p in (departure or {}).items() if a in origins) * share(arrival)
    rows = np.flatnonzero(np.isin(world.legs.kind, WATCHED) & (world.legs.offblock >= world.end - 7 * 86400))
    heard = spans(world).index
    return expected, sum(world.legs.destination[i] in EASTERN_LIBYA and i in heard for i in rows)


def judge_alerts(out: Outcome, owners: pd.DataFrame, score: Score) -> None:
    """Which alerts were raised by flights of the surge, and what caused the others."""
    kinds = pd.Series(out.world.legs.kind[owners["leg"]], index=owners["flight_id"].to_numpy(), dtype=object)
    surge = set(kinds.index[kinds == "surge"])
    score.joined = min((day for day, episode in out.told if surge & set(episode.flights)), default=None)
    for number, episode in sorted(out.raised.items()):
        if surge & set(episode.flights):
            score.true_alerts += 1
            score.opened = min(score.opened or out.opened[number], out.opened[number])
        else:
            score.false_alerts.append(f"{episode.alert.route} [{cause(out.world, episode, owners)}]")


def cause(world: World, episode: Episode, owners: pd.DataFrame) -> str:
    """The fault that a false alert's flights have something in common with; `traffic` if none."""
    legs = owners.loc[owners["flight_id"].isin(episode.flights), "leg"].to_numpy()
    fixes = world.written
    mine = np.isin(fixes.leg, legs)
    thrown = np.unique(fixes.leg[mine & fixes.false])
    if len(thrown) >= 0.3 * max(len(legs), 1):
        return "spoofed"
    newcomer = world.faults.receiver
    if newcomer is not None:
        by = np.unique(fixes.leg[mine & (fixes.receiver == len(world.network.receivers) - 1)])
        if len(by) >= 0.3 * max(len(legs), 1):
            return "new receiver"
    outage = world.faults.outage
    if outage is not None and (np.abs(world.legs.offblock[legs] - outage[0]) < 86400).mean() > 0.5:
        return "outage"
    return "traffic"
