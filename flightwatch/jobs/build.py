"""Positions to flights: the airframes with new fixes, each from the beginning of the leg the fixes belong to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from flightwatch import flights as rules
from flightwatch.jobs.context import Context
from flightwatch.records import FLIGHT, concat
from flightwatch.units import icao24_text

LONGEST_LEG = timedelta(hours=36)
"""How far back a leg may have begun that a new fix still belongs to: the longest flights last 19 h, and a dark stop
between two high fixes has to be seen together with the leg before it."""

NEWS = timedelta(days=30)
"""How long after a leg went dark the airframe's next appearance still says where it landed: a month holds checks and
crew rests; after it, the airframe may have been anywhere."""

BATCH = 2_000  # airframes built at once: about a million fixes at one a minute, some 100 MB


def build_flights(ctx: Context, now: datetime) -> int:
    """Build again what new fixes touch and what is still open; how many flights were written."""
    store = ctx.store
    seen = int(store.get_mark("flights:poll") or -1)
    newest = store.last_poll_id()
    touched = store.touched(seen).set_index("icao24")["first"]
    open_legs = store.flights(since=now - LONGEST_LEG, until=now)
    waiting = open_legs.loc[open_legs["status"].eq("airborne"), ["icao24", "firstseen"]]
    starts = pd.concat([touched, waiting.set_index("icao24")["firstseen"]])
    firsts = starts.groupby(level=0).min() if len(starts) else starts
    written = 0
    for begin in range(0, len(firsts), BATCH):
        written += rebuild(ctx, firsts.iloc[begin : begin + BATCH], now)
    store.set_mark("flights:poll", str(newest))
    return written


def rebuild(ctx: Context, firsts: pd.Series, now: datetime) -> int:
    """Build the airframes of `firsts` (icao24 → earliest fix to look at) again from that fix's leg on."""
    store = ctx.store
    icao24s = firsts.index.tolist()
    before = store.flights(
        icao24=icao24s, since=(firsts.min() - LONGEST_LEG).to_pydatetime(), columns=["flight_id", "icao24", "firstseen"]
    )
    observations = store.observations(icao24s, since=(firsts.min() - LONGEST_LEG).to_pydatetime())
    owner = observations["address"].map({a: icao24_text(a) for a in observations["address"].unique()})
    since = _starts(firsts, before, observations["time"].groupby(owner).min())
    observations = observations[observations["time"] >= owner.map(since)]
    scope = pd.DataFrame({"icao24": since.index, "since": since.to_numpy()})
    built = compute(ctx, observations, scope, now)
    commit(ctx, built)
    return len(built.own)


def _starts(firsts: pd.Series, flights: pd.DataFrame, stored: pd.Series) -> pd.Series:
    """Where to begin: at the start of the leg that the first new fix may belong to, when all of it is still stored.

    Fixes of which no flight has come yet (one alone is none) are looked at again: polled once an hour, an airframe would
    otherwise never have two.
    """
    alone = stored[~stored.index.isin(flights["icao24"])]
    legs = flights[["icao24", "firstseen"]]
    legs = legs[legs["firstseen"] <= legs["icao24"].map(firsts)]
    legs = legs[legs["firstseen"] >= legs["icao24"].map(stored)]
    last = legs.groupby("icao24")["firstseen"].max()
    return pd.concat([firsts, last, alone]).groupby(level=0).min()


@dataclass(frozen=True)
class Built:
    """Flights ready to be stored: `own` were built now, `flights` are those and the earlier ones they changed."""

    own: pd.DataFrame
    flights: pd.DataFrame
    updates: pd.DataFrame
    scope: pd.DataFrame
    at: datetime | None


def compute(ctx: Context, observations: pd.DataFrame, scope: pd.DataFrame, asof: datetime | None) -> Built:
    """Build flights from whole legs of some airframes; no lock is held meanwhile.

    The leg before each is judged again with what is now known to follow it.
    """
    store = ctx.store
    icao24s = scope["icao24"].tolist()
    own = rules.build(
        observations,
        aircraft=store.aircraft(icao24s),
        airports=ctx.airports,
        visits=store.visits(icao24s=icao24s),
        asof=asof,
    )
    earlier = store.flights_before(scope, within=NEWS, with_track=True)
    judged, updates = rules.revise(concat([earlier, own], FLIGHT))
    changed = set(updates["flight_id"]) if len(updates) else set()
    flights = judged[judged["flight_id"].isin(set(own["flight_id"]) | changed)]
    latest = observations["time"].max().to_pydatetime() if len(observations) else None
    return Built(own, flights, updates, scope, asof or latest)


def commit(ctx: Context, built: Built) -> None:
    """Put flights in place of what their scope held, in one transaction."""
    store = ctx.store
    with store.transaction():
        gone = store.flights(
            icao24=built.scope["icao24"].tolist(),
            since=built.scope["since"].min().to_pydatetime(),
            columns=["flight_id", "firstseen"],
        )
        store.replace_flights(
            built.flights, built.scope, updates=built.updates, rules_version=rules.RULES_VERSION, at=built.at
        )
        ctx.changed(pd.concat([gone["firstseen"], built.flights["firstseen"]]))


def airframes(observations: pd.DataFrame) -> list[str]:
    return [icao24_text(a) for a in observations["address"].unique()]
