"""What goes wrong in the world without unusual traffic: jamming, an outage, a lost day, a new receiver."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from flightwatch import geo
from flightwatch.demo.legs import Floats, Ints, Legs, State
from flightwatch.demo.receivers import Receiver

HOUR, DAY = 3600.0, 86400.0

BEIRUT, CAIRO = (33.8209, 35.4884), (30.1219, 31.4056)
BUSY = (4.4, 16.1)  # h UTC: when the two waves of departures are in the air
SPREAD_NM = 0.25  # spoofed positions lie within 1 km: twice this, in NM, is 0.93 km
REACH_NM = 250.0  # how far from the airport aircraft are moved to it: GPS is jammed from the ground to the horizon


@dataclass(frozen=True)
class Spoof:
    """For a few hours every airborne aircraft within reach appears at one airport, at its own altitude."""

    latitude: float
    longitude: float
    start: float
    end: float
    airport: str


@dataclass(frozen=True)
class Faults:
    """`outage` is when the live feed answers nobody; `lost` are the days missing from the archive (s since 1970,
    midnight)."""

    spoofs: tuple[Spoof, ...] = ()
    outage: tuple[float, float] | None = None
    lost: tuple[float, ...] = ()
    receiver: Receiver | None = None
    names: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Calendar:
    """When the world begins, when polling starts and ends, and when its surge begins (s since 1970)."""

    first: float
    live: float
    end: float
    surge: float


def busy(legs: Legs) -> Floats:
    """Take-off and landing of the surge's legs, (n, 2)."""
    rows = legs.kind == "surge"
    return np.stack([legs.takeoff[rows], legs.landing[rows]], axis=1)


def draw(calendar: Calendar, surge: Floats, rng: np.random.Generator) -> Faults:
    """Jamming a few times in the half year and twice in the live days; the other faults once, close to the surge.

    The feed is down for half a day, and a receiver is added, in the same days as the surge, as happened.
    """
    first, live, end = calendar.first, calendar.live, calendar.end
    live_days = int((end - live) // DAY)
    history_days = int((live - first) // DAY)
    spoofs = [_spoof(first + DAY * d, rng) for d in rng.choice(history_days, min(4, history_days), replace=False)]
    spoofs += [_spoof(live + DAY * d, rng) for d in rng.choice(live_days, min(2, live_days), replace=False)]
    begin = _outage(live, end, surge, rng)
    lost = first + DAY * float(rng.integers(10, max(history_days - 10, 11)))
    since = calendar.surge + DAY * float(rng.integers(-2, 2))
    # On the coast between Tobruk and the border, where before only weak ones heard one flight in three.
    newcomer = Receiver("Sallum", 31.55, 25.2, 190.0, 1.0, since)
    return Faults(
        spoofs=tuple(sorted(spoofs, key=lambda s: s.start)),
        outage=(begin, begin + 12 * HOUR) if live_days else None,
        lost=(lost,) if history_days > 20 else (),
        receiver=newcomer,
    )


def _outage(live: float, end: float, surge: Floats, rng: np.random.Generator) -> float:
    """A start time at which half a day hides as little of the surge as any of forty: what nobody can have seen proves
    nothing about a detector."""
    begins = live + rng.uniform(0.25, max((end - live) / DAY - 0.75, 0.3), 40) * DAY
    overlap = np.minimum(begins[:, None] + 12 * HOUR, surge[:, 1]) - np.maximum(begins[:, None], surge[:, 0])
    return float(begins[np.argmin(np.maximum(overlap, 0).sum(axis=1))])


def _spoof(day: float, rng: np.random.Generator) -> Spoof:
    """In one of the busy waves of the day, when there are aircraft to move."""
    start = day + (rng.choice(BUSY) + rng.uniform(-0.3, 0.3)) * HOUR
    end = start + rng.uniform(2.0, 3.5) * HOUR
    if rng.random() < 0.75:
        return Spoof(*BEIRUT, float(start), float(end), "OLBA")
    return Spoof(*CAIRO, float(start), float(end), "HECA")


def throw(spoofs: tuple[Spoof, ...], state: State, when: Floats, rng: np.random.Generator) -> tuple[State, Ints]:
    """The positions as shown, and which rows are false; speed, track and altitude stay true."""
    latitude, longitude = state.latitude.copy(), state.longitude.copy()
    false = np.zeros(len(when), dtype=bool)
    for spoof in spoofs:
        inside = np.flatnonzero((when >= spoof.start) & (when < spoof.end) & ~state.onground)
        away = geo.distance(spoof.latitude, spoof.longitude, state.latitude[inside], state.longitude[inside])
        rows = inside[(away <= REACH_NM) & (state.altitude[inside] > 4000)]
        angle, reach = rng.uniform(0, 360, len(rows)), rng.uniform(0, SPREAD_NM, len(rows))
        latitude[rows], longitude[rows] = geo.destination(spoof.latitude, spoof.longitude, angle, reach)
        false[rows] = True
    shown = State(
        latitude, longitude, state.altitude, state.groundspeed, state.track, state.vertical_rate, state.onground
    )
    return shown, np.flatnonzero(false)
