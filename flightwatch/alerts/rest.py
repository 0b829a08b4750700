"""What a finding rests on: the flights in its window, and whether it would stand without some of them."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pandas as pd

LISTED = 0.05
"""A flight less likely than this to have flown the route is not listed; it changes the count by less than rounding
does."""


@dataclass(frozen=True)
class Leg:
    """One flight as seen from one route."""

    flight_id: str
    icao24: str
    day: date
    probability: float
    confirmed: bool


@dataclass(frozen=True)
class Case:
    """One flagged finding with the flights of its route inside its window."""

    route: str
    day: date
    finding: Mapping[str, Any]
    legs: tuple[Leg, ...]

    @property
    def start(self) -> date:
        """The day of the first flight that contributes."""
        return min((leg.day for leg in self.legs), default=self.day)

    def stands_without(self, left_out: Collection[str]) -> bool:
        """Whether what remains is still more than usual.

        True if nothing is left out, so the judgement itself is never questioned here; and if no flight is known at all
        (a history of counts only), because then nothing speaks against it.
        """
        if not any(leg.flight_id in left_out for leg in self.legs):
            return True
        remaining = sum(leg.probability for leg in self.legs if leg.flight_id not in left_out)
        usual = number(self.finding.get("upper"), number(self.finding.get("expected"), 0.0))
        return remaining >= 0.5 and remaining > usual


def cases(findings: pd.DataFrame, matches: pd.DataFrame) -> list[Case]:
    """The flagged findings, oldest first, each with the flights it rests on."""
    flagged = findings[findings["flagged"].astype(bool)]
    if flagged.empty:
        return []
    by_route = legs(matches[matches["route"].isin(set(flagged["route"]))])
    out = []
    for row in flagged.sort_values(["day", "route"], kind="stable").to_dict("records"):
        last = pd.Timestamp(row["day"]).date()
        first = last - timedelta(days=int(row["window_days"]) - 1)
        inside = tuple(leg for leg in by_route.get(row["route"], ()) if first <= leg.day <= last)
        out.append(Case(str(row["route"]), last, row, inside))
    return out


def legs(matches: pd.DataFrame) -> dict[str, list[Leg]]:
    """Each route's flights, in order of day."""
    out: dict[str, list[Leg]] = {}
    listed = matches[matches["probability"] >= LISTED].sort_values(["day", "flight_id"], kind="stable")
    days = pd.to_datetime(listed["day"]).dt.date if len(listed) else []
    columns = (listed[name] for name in ("route", "flight_id", "icao24", "probability", "confirmed"))
    for route, flight, icao24, probability, confirmed, when in zip(*columns, days, strict=True):
        leg = Leg(str(flight), str(icao24), when, float(probability), bool(confirmed))
        out.setdefault(str(route), []).append(leg)
    return out


def number(value: Any, default: float = math.nan) -> float:
    """A float, or the default if the value is missing or not a number."""
    if value is None:
        return default
    result = float(value)
    return default if math.isnan(result) else result
