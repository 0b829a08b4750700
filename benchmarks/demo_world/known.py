"""How much of the surge could be known on an evening: flights still in the air at midnight have no destination yet, and
some were never heard where it matters. It separates the detector's input from its performance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.demo_world.measure import EASTERN_LIBYA, departed, owner, share, surge_legs
from benchmarks.demo_world.replay import Lived
from flightwatch.airports import load
from flightwatch.demo.world import World

FLIGHT_DAY = 3


@dataclass(frozen=True)
class Known:
    """The surge's outbound flights heard until the evening of its third flight-day: how many, how many of them in the
    air at midnight, and the sum of the probabilities that they flew from Russia or Belarus to eastern Libya (or that
    their returns were flights back, where that is more)."""

    flown: int
    aloft: int
    given: float


def known(world: World, lived: Lived) -> Known:
    """What the flights of that evening say."""
    legs = surge_legs(world)
    days = sorted({departed(world, leg) for leg in legs})
    last = days[:FLIGHT_DAY][-1]
    evening = next(e for e in lived.evenings if e.day == last)
    midnight = pd.Timestamp(last).timestamp() + 86400
    mine = [leg for leg in legs if departed(world, leg) <= last]
    flights = evening.flights[evening.flights["firstseen"] >= pd.Timestamp(world.live_day, tz="UTC")]
    owners, by_id = owner(world, flights), flights.set_index("flight_id")
    given = 0.0
    for leg in mine:
        out = _given(owners, by_id, leg, "departure", "arrival")
        back = _given(owners, by_id, _return(world, leg), "arrival", "departure")
        given += max(out, back)
    return Known(len(mine), int((world.legs.landing[mine] >= midnight).sum()), given)


def _given(owners: pd.DataFrame, flights: pd.DataFrame, leg: int | None, home: str, away: str) -> float:
    rows = flights.loc[owners.loc[owners["leg"] == leg, "flight_id"]]
    pairs = zip(rows[f"{home}_candidates"], rows[f"{away}_candidates"], strict=True)
    return max((_home(h) * share(a) for h, a in pairs), default=0.0)


def _home(candidates: dict[str, float] | None) -> float:
    countries = load().frame["country"]
    return sum(p for airport_id, p in (candidates or {}).items() if countries.get(airport_id) in ("RU", "BY"))


def _return(world: World, leg: int) -> int | None:
    same = world.legs.airframe == world.legs.airframe[leg]
    later = np.flatnonzero(same & (world.legs.offblock > world.legs.onblock[leg]))
    return int(later[0]) if len(later) and world.legs.origin[later[0]] in EASTERN_LIBYA else None
