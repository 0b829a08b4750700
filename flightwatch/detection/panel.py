"""Route-days as a rectangle: one array per column, days down, routes across, range-checked.

If the frame has a `coverage` column, a day without a row was not watched (coverage 0). In a plain frame of counts it
is a day without flights, because `groupby(...).size()` leaves those out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from flightwatch.errors import InputError
from flightwatch.records import ROUTE_DAY, conform

Array = npt.NDArray[Any]

MAX_FLIGHTS = 10_000  # per day; the world's busiest city pairs have under 200, so more is a broken count
MAX_DAYS = 7_305  # twenty years: one wrong date must not make an array of centuries

ATTRIBUTES = ("newcomers", "region_newcomers", "heavy", "night")
"""Attributes of flights: for each, the number of such flights among the day's `count`.

Flights with an unseen end are not among them: their share depends on how we watch. When polls replaced an archive, it
rose on all routes at once, and four of four false alerts in the demo worlds rested on it.
"""

SUSPECT_WEIGHT = 0.5  # half way between "real" and "ghost"; doubted flights never outweigh the others, see below
SUSPECT_DAYS = 14  # the longest pause of an episode (episode gap), so that one day's ghosts do not decide alone


@dataclass(frozen=True)
class Panel:
    """`count` is judged; `clean` is learned from; `seen` is all flights, including doubted ones.

    Arrays are days × routes; `origin` and `destination` hold one group number per route. Only twins have `family`:
    routes with the same number rest on the same flights (`kin`).
    """

    routes: Array
    days: Array
    count: Array
    clean: Array
    seen: Array
    suspect: Array
    reverse: Array
    coverage: Array
    attributes: dict[str, Array]
    origin: Array
    destination: Array
    family: Array | None = None

    @property
    def shape(self) -> tuple[int, int]:
        return self.count.shape[0], self.count.shape[1]

    @property
    def weekday(self) -> Array:
        """0 = Monday."""
        return (self.days.astype("datetime64[D]").astype(np.int64) + 3) % 7

    def pick(self, columns: Array) -> Panel:
        """These routes only, in this order; a route may be picked several times."""
        cut = {n: getattr(self, n)[:, columns] for n in _BY_ROUTE}
        ends = {n: getattr(self, n)[columns] for n in ("routes", "origin", "destination")}
        family = None if self.family is None else self.family[columns]
        attributes = {k: v[:, columns] for k, v in self.attributes.items()}
        return replace(self, attributes=attributes, family=family, **cut, **ends)

    def until(self, day: int) -> Panel:
        """The first `day` days only: what was known then."""
        cut = {n: getattr(self, n)[:day] for n in ("days", *_BY_ROUTE)}
        return replace(self, attributes={k: v[:day] for k, v in self.attributes.items()}, **cut)


def build(route_days: pd.DataFrame) -> Panel:
    """The rectangle of a frame that has at least `route`, `day` and `flights`.

    >>> frame = pd.DataFrame({"route": ["a", "a"], "day": ["2024-12-01", "2024-12-03"], "flights": [1.0, 2.5]})
    >>> build(frame).count[:, 0].tolist()
    [1.0, 0.0, 2.5]
    """
    bare = "coverage" not in route_days
    frame = conform(route_days, ROUTE_DAY)
    _check(frame)
    if not len(frame):
        raise InputError("route-days: no rows to judge")
    routes, column = np.unique(frame["route"].to_numpy(dtype=object).astype(str), return_inverse=True)
    day = frame["day"].to_numpy().astype("datetime64[D]")
    days = np.arange(day.min(), day.max() + 1)
    if len(days) > MAX_DAYS:
        raise InputError(f"route-days: from {days[0]} to {days[-1]} is more than {MAX_DAYS} days; is a date wrong?")
    row = (day - days[0]).astype(np.int64)

    def spread(name: str, empty: float = 0.0) -> Array:
        out = np.full((len(days), len(routes)), empty)
        out[row, column] = frame[name].to_numpy(dtype=float)
        return out

    seen, suspect = spread("flights"), spread("suspect")
    suspect = np.minimum(suspect, seen)
    attributes = {
        "newcomers": spread("newcomers"),
        "region_newcomers": spread("region_newcomers"),
        "heavy": np.maximum(spread("heavy"), spread("military")),
        "night": spread("night"),
    }
    clean = seen - suspect
    count = clean + _trusted(suspect, clean)
    return Panel(
        routes=routes,
        days=days,
        count=count,
        clean=clean,
        seen=seen,
        suspect=suspect,
        reverse=spread("reverse"),
        coverage=spread("coverage", 1.0 if bare else 0.0),
        attributes={k: np.minimum(v, count) for k, v in attributes.items()},
        origin=_groups(frame["origin_group"].to_numpy(dtype=object), column, len(routes)),
        destination=_groups(frame["destination_group"].to_numpy(dtype=object), column, len(routes)),
    )


def rolling(values: Array, days: int) -> Array:
    """Sums over the last `days` days, the day itself included.

    >>> rolling(np.array([[1.0], [2.0], [4.0]]), 2)[:, 0].tolist()
    [1.0, 3.0, 6.0]
    """
    total = np.cumsum(values, axis=0, dtype=float)
    out = total.copy()
    out[days:] -= total[:-days]
    return out


def _trusted(suspect: Array, clean: Array) -> Array:
    """How much of the doubted flights counts: half, and nothing while they outnumber the undoubted ones.

    Five hundred ghosts beside one real flight are still one flight. Two doubted flights beside four others are
    evidence, because jamming affects real aircraft too.
    """
    if not suspect.any():
        return np.zeros_like(suspect)
    outvoted = rolling(suspect, SUSPECT_DAYS) > rolling(clean, SUSPECT_DAYS)
    return np.where(outvoted, 0.0, SUSPECT_WEIGHT * suspect)


def _groups(names: Array, column: Array, routes: int) -> Array:
    """A group number per route, from its latest named group; a route without a name is its own group."""
    own = np.array([f"\0{i}" for i in range(routes)], dtype=object)
    named = np.array([bool(n) for n in names])
    own[column[named]] = names[named]
    return np.unique(own.astype(str), return_inverse=True)[1]


def _check(frame: pd.DataFrame) -> None:
    """Refuses impossible numbers, by name: a forest would accept NaN and 1e300 silently."""
    for name, limit in (("coverage", 1.0), *((n, float(MAX_FLIGHTS)) for n in _COUNTS)):
        values = frame[name].to_numpy(dtype=float)
        bad = ~((values >= 0) & (values <= limit + 1e-9))
        if bad.any():
            first = frame.iloc[int(np.flatnonzero(bad)[0])]
            where = f"{first['route']} on {first['day']:%Y-%m-%d}"
            raise InputError(f"route-days: {name} must be 0 to {limit:g}, but is {first[name]} for {where}")
    if frame["day"].isna().any():
        raise InputError("route-days: a row has no day")
    double = frame.duplicated(["route", "day"])
    if double.any():
        first = frame[double].iloc[0]
        raise InputError(f"route-days: {first['route']} has two rows for {first['day']:%Y-%m-%d}")


_BY_ROUTE = ("count", "clean", "seen", "suspect", "reverse", "coverage")
_COUNTS = ("flights", "confirmed", "newcomers", "region_newcomers", "heavy", "military", "night", "reverse", "suspect")
