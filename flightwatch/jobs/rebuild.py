"""Builds flights again from the stored fixes, by the current rules and knowledge, and reports what changed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd

from flightwatch.jobs.build import BATCH, Built, built_again, commit, owners
from flightwatch.jobs.context import Context

TOLD = (
    "callsign",
    "registration",
    "typecode",
    "lastseen",
    "estdepartureairport",
    "departure_method",
    "departure_probability",
    "estarrivalairport",
    "arrival_method",
    "arrival_probability",
    "points",
    "status",
    "suspect",
    "rules_version",
)
"""The fields of a flight that are compared; candidates and tracks change with them."""

NOISE = 0.005  # a probability that moves by less is the same in the two digits shown


@dataclass
class Rebuilt:
    """How many flights were rebuilt, and the differences: flight_id, field, before, after."""

    airframes: int = 0
    flights: int = 0
    changes: list[dict[str, Any]] = field(default_factory=list)


def rebuild_all(
    ctx: Context,
    now: datetime,
    *,
    icao24: Sequence[str] = (),
    since: datetime | None = None,
    until: datetime | None = None,
    dry_run: bool = False,
) -> Rebuilt:
    """Rebuild all airframes with stored fixes in that time (or those named); a dry run only reports what would
    change."""
    found = Rebuilt()
    observations = ctx.store.observations(list(icao24) or None, since=since, until=until)
    firsts = observations["time"].groupby(owners(observations)).min()
    for begin in range(0, len(firsts), BATCH):
        built = built_again(ctx, firsts.iloc[begin : begin + BATCH], now)
        before = _in_place(ctx, built)
        if not dry_run:
            commit(ctx, built)
        found.airframes += len(built.scope)
        found.flights += len(built.own)
        found.changes += differences(before, built.flights)
    return found


def _in_place(ctx: Context, built: Built) -> pd.DataFrame:
    """The stored flights that would be replaced, and those that would be judged again."""
    since = built.scope.set_index("icao24")["since"]
    held = ctx.store.flights(icao24=since.index.tolist(), since=since.min().to_pydatetime())
    held = held[(held["firstseen"] >= held["icao24"].map(since)) & ~held["flight_id"].isin(built.keep)]
    judged = sorted(set(built.flights["flight_id"]) - set(held["flight_id"]))
    other = ctx.store.flights(ids=judged) if judged else held.iloc[:0]
    return pd.concat([held[["flight_id", *TOLD]], other[["flight_id", *TOLD]]], ignore_index=True)


def differences(before: pd.DataFrame, after: pd.DataFrame) -> list[dict[str, Any]]:
    """The differences between two sets of flights, by flight and field; `flight` for one that is new or gone."""
    return list(_differences(_rows(before), _rows(after)))


def _rows(flights: pd.DataFrame) -> dict[str, dict[str, Any]]:
    return {row["flight_id"]: row for row in flights[["flight_id", *TOLD]].to_dict("records")}


def _differences(old: dict[str, dict[str, Any]], new: dict[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for name in sorted(old.keys() | new.keys()):
        if name not in new or name not in old:
            yield {"flight_id": name, "field": "flight", "before": name in old, "after": name in new}
            continue
        for key in _unlike(old[name], new[name]):
            yield {"flight_id": name, "field": key, "before": old[name][key], "after": new[name][key]}


def _unlike(a: dict[str, Any], b: dict[str, Any]) -> Iterable[str]:
    for key in TOLD:
        if isinstance(a[key], float) and isinstance(b[key], float):
            if not math.isclose(a[key], b[key], abs_tol=NOISE):
                yield key
        elif a[key] != b[key]:
            yield key
