"""The trips people plan: when, from where to where, with whose aircraft, and how much of it they hide.

A trip goes there and back with one airframe. Which airframe, and exactly when it lands, is decided in `schedule`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from flightwatch.demo.network import BENINA, KHADIM, LINES, MINSK, MOSCOW, SPARSE, Line, Sparse

HOUR, DAY = 3600.0, 86400.0
BANKS = (4.3, 16.0)  # h UTC: airlines leave in waves, early in the morning and in the evening by local time
OFF_KM = (400.0, 150.0, 55.0, 38.0, 19.0)
"""How far before landing the transponder goes off; the distances at which trackers were compared."""


@dataclass(frozen=True)
class Hidden:
    """What a leg hides: transponder off for the first and the last NM, and for a while in cruise."""

    first_nm: float = 0.0
    last_nm: float = 0.0
    hole_at: float = 0.5
    hole_min: float = 0.0


OPEN = Hidden()


@dataclass(frozen=True)
class Trip:
    """There and back. `start` is s since 1970; `origins` are tried in the given order, `pools` likewise."""

    start: float
    origins: tuple[str, ...]
    destination: str
    pools: tuple[str, ...]
    stay_s: float
    kind: str
    out: Hidden = OPEN
    back: Hidden = OPEN


def regular(first: float, days: int, rng: np.random.Generator, share: float = 1.0) -> list[Trip]:
    """The airliners: each rotation has its slot in one of three waves a day, and flies it within a few minutes."""
    trips: list[Trip] = []
    for line in LINES:
        for number in range(int(np.ceil(line.daily))):
            odds = min(1.0, line.daily - number) * share
            slot = (rng.choice(BANKS) + rng.uniform(-0.5, 0.5)) * HOUR
            flies = rng.random(days) < odds
            late = np.clip(rng.normal(4, 7, days), -8, 40) * 60
            trips += [_rotation(line, first + day * DAY + slot + late[day]) for day in np.flatnonzero(flies)]
    return trips


def _rotation(line: Line, start: float) -> Trip:
    return Trip(float(start), (line.base,), line.other, (line.pool,), 50 * 60, "airliner")


def occasional(first: float, days: int, rng: np.random.Generator, routes: Iterable[Sparse] = SPARSE) -> list[Trip]:
    """The sparse routes: Poisson with busier and quieter weeks, as in real sparse traffic (gamma, shape 8)."""
    trips = []
    for route in routes:
        weeks = -(-days // 7)
        counts = rng.poisson(route.weekly * rng.gamma(8.0, 1 / 8.0, weeks))
        starts = np.repeat(np.arange(weeks), counts) * 7 + rng.integers(0, 7, counts.sum())
        trips += [_visit(route, first + day * DAY, rng) for day in starts if day < days]
    return trips


def _visit(route: Sparse, day: float, rng: np.random.Generator) -> Trip:
    hour = rng.uniform(18.0, 24.0) if rng.random() < route.night else rng.uniform(4.0, 15.0)
    out, back = (hide(rng), hide_return(rng)) if rng.random() < route.dark else (OPEN, OPEN)
    return Trip(
        start=float(day + hour * HOUR),
        origins=_shuffled(route.origins, rng),
        destination=_shuffled(route.destinations, rng)[0],
        pools=(route.pool,),
        stay_s=float(rng.uniform(*route.stay_h) * HOUR),
        kind=route.name,
        out=out,
        back=back,
    )


def surge(first_day: float, last_day: float, rng: np.random.Generator) -> list[Trip]:
    """Several Il-76s a week from Moscow and Minsk to Benghazi and Al Khadim, some by night, most going dark.

    Flight-days are one or two days apart from `first_day` on; every second or third has two flights.
    """
    trips, day = [], first_day
    while day < last_day:
        for number in range(1 + int(rng.random() < 0.4)):
            trips.append(_surge_trip(day, number, rng))
        day += DAY * (1 + int(rng.random() < 0.6))
    return trips


def _surge_trip(day: float, number: int, rng: np.random.Generator) -> Trip:
    minsk = rng.random() < 0.3
    known = rng.random() < 0.3  # most airframes are new to the route, some have been there before
    hour = rng.uniform(17.0, 23.0) if rng.random() < 0.45 else rng.uniform(1.0, 12.0)
    out = hide(rng) if rng.random() < 0.85 else Hidden(hole_at=rng.uniform(0.3, 0.7), hole_min=rng.choice([20, 35, 60]))
    pools = ("by-cargo", "surge-by") if minsk else ("ru-mil", "surge")
    return Trip(
        start=float(day + (hour + 0.7 * number) * HOUR),
        origins=_shuffled(MINSK if minsk else MOSCOW, rng),
        destination=BENINA if rng.random() < 0.7 else KHADIM,
        pools=pools if known else pools[::-1],
        stay_s=float(rng.uniform(2.0, 5.0) * HOUR),
        kind="surge",
        out=out,
        back=hide_return(rng),
    )


def hide(rng: np.random.Generator) -> Hidden:
    """An outbound leg that goes dark before landing; one in seven is silent until south of Crete as well."""
    # Seen first some 350 to 420 NM before Benghazi, south of Crete: the way from there is about 300 NM.
    silent = float(rng.uniform(1650.0, 1750.0)) if rng.random() < 0.15 else 0.0
    off = float(rng.choice(OFF_KM[2:] if silent else OFF_KM)) / 1.852
    hole = float(rng.choice([0, 0, 0, 20, 35, 60])) if not silent else 0.0
    return Hidden(first_nm=silent, last_nm=off, hole_at=float(rng.uniform(0.3, 0.7)), hole_min=hole)


def hide_return(rng: np.random.Generator) -> Hidden:
    """A return leg that stays dark until well away; one in seven is never seen at all."""
    if rng.random() < 0.15:
        return Hidden(first_nm=1e9)
    return Hidden(first_nm=float(rng.choice(OFF_KM)) / 1.852)


def _shuffled(options: tuple[tuple[str, float], ...], rng: np.random.Generator) -> tuple[str, ...]:
    """The options in random order, likelier ones earlier (exponential races)."""
    weights = np.array([w for _, w in options])
    order = np.argsort(rng.exponential(size=len(options)) / weights)
    return tuple(options[i][0] for i in order)
