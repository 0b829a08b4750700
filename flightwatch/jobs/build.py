"""From positions to flights: the airframes with new fixes, each from the beginning of the leg the fixes belong to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from flightwatch import flights as rules
from flightwatch.aircraft import performance
from flightwatch.jobs.context import Context
from flightwatch.records import FLIGHT, concat, empty
from flightwatch.units import icao24_text, millis, parse_icao24

LONGEST_LEG = timedelta(hours=36)
"""How far back a leg may have begun that a new fix still belongs to: the longest flights last 19 h, and a dark stop
between two high fixes must be seen together with the leg before it."""

NEWS = timedelta(days=30)
"""How long after a leg went dark the airframe's next appearance still says where it landed: a month covers checks and
crew rests; after that, the airframe may have been anywhere."""

BATCH = 2_000  # airframes built at once: about a million fixes at one a minute, some 100 MB


def build_flights(ctx: Context, now: datetime) -> int:
    """Rebuild the flights that new fixes affect and those still open; returns how many flights were written."""
    store = ctx.store
    seen = int(store.get_mark("flights:poll") or -1)
    newest = store.last_poll_id()
    touched = store.touched(seen).set_index("icao24")["first"]
    waiting = store.flights(
        since=now - LONGEST_LEG, until=now, status="airborne", columns=["icao24", "firstseen"]
    ).set_index("icao24")
    starts = pd.concat([touched, waiting["firstseen"]])
    firsts = starts.groupby(level=0).min() if len(starts) else starts
    written = 0
    for begin in range(0, len(firsts), BATCH):
        written += rebuild(ctx, firsts.iloc[begin : begin + BATCH], now)
    store.set_mark("flights:poll", str(newest))
    store.forget_touched(newest)
    return written


def rebuild(ctx: Context, firsts: pd.Series, now: datetime) -> int:
    """Rebuild the airframes of `firsts` (icao24 → earliest fix to look at) from that fix's leg on."""
    built = built_again(ctx, firsts, now)
    commit(ctx, built)
    return len(built.own)


def built_again(ctx: Context, firsts: pd.Series, now: datetime) -> Built:
    """What `rebuild` would store."""
    store = ctx.store
    icao24s = firsts.index.tolist()
    begin = (firsts.min() - LONGEST_LEG).to_pydatetime()
    flights = store.flights(
        icao24=icao24s, since=begin - LONGEST_LEG, columns=["flight_id", "icao24", "firstseen", "lastseen"]
    )
    whole = store.has_fixes(flights["icao24"].tolist(), millis(flights["firstseen"]).tolist())
    whole &= (flights["firstseen"] >= pd.Timestamp(begin)).to_numpy(dtype=bool)  # a leg is no longer than that
    since = _starts(firsts, flights, whole).reindex(icao24s).fillna(pd.Timestamp(begin))
    observations = store.observations_from({i: t.to_pydatetime() for i, t in since.items()})
    owner = owners(observations)
    start = pd.concat([firsts, observations["time"].groupby(owner).min()]).groupby(level=0).min()
    scope = pd.DataFrame({"icao24": start.index, "since": start.to_numpy()})
    return compute(ctx, observations, scope, now)


def _starts(firsts: pd.Series, flights: pd.DataFrame, whole: npt.NDArray[np.bool_]) -> pd.Series:
    """Where to begin for each airframe: at the start of the leg that the first new fix may belong to, or after the last
    flight that cannot be rebuilt (`whole` says which can). Airframes with neither begin with all that is stored: the
    aircraft may have been heard on the ground before the flight began."""
    first = each(firsts, flights["icao24"])
    legs = flights[whole & (flights["firstseen"] <= first)].groupby("icao24")["firstseen"].max()
    past = flights[~whole & (flights["firstseen"] <= first)].groupby("icao24")["lastseen"].max()
    past = (past + pd.Timedelta(milliseconds=1)).clip(upper=firsts.reindex(past.index))
    return pd.concat([legs, past]).groupby(level=0).max()


def owners(observations: pd.DataFrame) -> pd.Series:
    """The icao24 of each row."""
    texts = {a: icao24_text(a) for a in observations["address"].unique()}
    return observations["address"].map(texts).astype(object)


def each(values: pd.Series, owner: pd.Series) -> pd.Series:
    """The instant for each row's airframe; NaT if it has none. (`map` loses the dtype of an empty series.)"""
    return pd.Series(values.reindex(owner).array, index=owner.index)


def fixes_at(flights: pd.DataFrame, end: str, observations: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Of which flights the fix at that end (`firstseen` or `lastseen`) is among these observations; only those flights
    can be rebuilt from them. Fixes are not kept for flights from archives, or for flights older than the retention."""
    addresses = pd.Series([parse_icao24(i) for i in flights["icao24"]], dtype="float64").fillna(-1).astype("int64")
    wanted = pd.MultiIndex.from_arrays([addresses, millis(flights[end])])
    there = pd.MultiIndex.from_arrays([observations["address"].astype("int64"), millis(observations["time"])])
    found: npt.NDArray[np.bool_] = wanted.isin(there)
    return found


@dataclass(frozen=True)
class Built:
    """Flights ready to be stored: `own` were built now; `flights` are those plus the neighbours they changed; `keep`
    are the ids of flights in scope that stay, because their fixes are not here and nothing built now replaces them.
    """

    own: pd.DataFrame
    flights: pd.DataFrame
    updates: pd.DataFrame
    scope: pd.DataFrame
    at: datetime | None
    keep: frozenset[str] = frozenset()


def compute(
    ctx: Context,
    observations: pd.DataFrame,
    scope: pd.DataFrame,
    asof: datetime | None,
    *,
    aircraft: pd.DataFrame | None = None,
) -> Built:
    """Build flights from whole legs of some airframes; no lock is held meanwhile.

    The legs before and after are judged again, given what is now known to follow or precede them. `aircraft` is what is
    known of the airframes, if that is more than what is stored.
    """
    store = ctx.store
    icao24s = scope["icao24"].tolist()
    known = store.aircraft(icao24s) if aircraft is None else aircraft
    # only earlier visits: a flight is not evidence for itself, and a second run gives the same flights
    visits = store.visits(before=scope["since"].min().to_pydatetime(), icao24s=icao24s, typecodes=_followed(known))
    own = rules.build(observations, aircraft=known, airports=ctx.airports, visits=visits, asof=asof)
    stay = _staying(ctx, observations, scope, own)
    last = observations.groupby("address")["time"].max()
    last.index = pd.Index([icao24_text(a) for a in last.index], dtype=object)
    later = stay[stay["firstseen"] > each(last, stay["icao24"])].drop_duplicates("icao24")
    before = store.flights_before(scope, within=NEWS, with_track=True)
    after = store.flights(ids=later["flight_id"].tolist(), with_track=True) if len(later) else empty(FLIGHT)
    again = own["icao24"].isin({*before["icao24"], *after["icao24"], *rules.open_to_revision(own)}).to_numpy(dtype=bool)
    judged, updates = rules.revise(concat([before, own[again], after], FLIGHT), visits=visits)
    judged, updates = _as_it_was(judged, updates, before, "departure")
    judged, updates = _as_it_was(judged, updates, after, "arrival")
    changed = set(updates["flight_id"]) if len(updates) else set()
    flights = concat([own[~again], judged[judged["flight_id"].isin(set(own["flight_id"]) | changed)]], FLIGHT)
    latest = observations["time"].max().to_pydatetime() if len(observations) else None
    return Built(own, flights, updates, scope, asof or latest, frozenset(stay["flight_id"]))


def _followed(aircraft: pd.DataFrame) -> list[str]:
    """Those of these types that we have figures for: the few types where visits by others of the type say something.

    Where other airliners of the type go says nothing about one of them, and would be half of all that is stored.
    """
    return sorted(t for t in aircraft["typecode"].dropna().unique().tolist() if not performance(t).generic)


def _as_it_was(
    judged: pd.DataFrame, updates: pd.DataFrame, flights: pd.DataFrame, side: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Restores that side of these flights, because the flight it was judged by, on its other side, is not here."""
    if flights.empty:
        return judged, updates
    columns = [name for name in FLIGHT if name.startswith(side) or name == f"est{side}airport"]
    judged = judged.set_index("flight_id", drop=False)
    own = flights.set_index("flight_id")
    for name in columns:
        values = dict(zip(own.index, own[name], strict=True))
        judged[name] = pd.Series(
            [values.get(i, v) for i, v in zip(judged["flight_id"], judged[name], strict=True)],
            index=judged.index,
            dtype=judged[name].dtype,
        )
    told = updates["flight_id"].isin(set(own.index)) & updates["field"].eq(f"{side}_candidates")
    return judged.reset_index(drop=True), updates[~told.to_numpy(dtype=bool)].reset_index(drop=True)


def _staying(ctx: Context, observations: pd.DataFrame, scope: pd.DataFrame, own: pd.DataFrame) -> pd.DataFrame:
    """Stored flights in scope that these fixes say nothing about: days that were read from an archive before."""
    held = ctx.store.flights(
        icao24=scope["icao24"].tolist(),
        since=scope["since"].min().to_pydatetime(),
        columns=["flight_id", "icao24", "firstseen", "lastseen"],
    )
    if held.empty:
        return held
    held = held[~fixes_at(held, "firstseen", observations)].reset_index(drop=True)
    spans: dict[str, list[tuple[pd.Timestamp, pd.Timestamp]]] = {}
    for icao24, first, last in zip(own["icao24"], own["firstseen"], own["lastseen"], strict=True):
        spans.setdefault(icao24, []).append((first, last))
    rows = zip(held["icao24"], held["firstseen"], held["lastseen"], strict=True)
    replaced = [any(a <= last and first <= b for a, b in spans.get(i, ())) for i, first, last in rows]
    return held[~np.array(replaced, dtype=bool)]


def commit(ctx: Context, built: Built) -> None:
    """Replace what the scope held by the flights built, in one transaction."""
    store = ctx.store
    with store.transaction():
        gone = store.flights(
            icao24=built.scope["icao24"].tolist(),
            since=built.scope["since"].min().to_pydatetime(),
            columns=["flight_id", "firstseen"],
        )
        store.replace_flights(
            built.flights,
            built.scope,
            updates=built.updates,
            rules_version=rules.RULES_VERSION,
            at=built.at,
            keep=built.keep,
        )
        ctx.changed(pd.concat([gone["firstseen"], built.flights["firstseen"]]))
