"""Who listens, how far and how well, and which parts of a flight they hear.

A receiver hears what is above its horizon, inside its range, with the transponder on. A weak one hears only some of the
flights (its `quality` is that share); each is down for a day now and then. Over the interior of Libya, the Sahel and
most of the way round Ukraine nobody listens.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flightwatch import geo
from flightwatch.demo.legs import Floats, Ints, Legs, State

Bools = npt.NDArray[np.bool_]
DAY = 86400.0

DOWN = 0.015  # share of days a volunteer's receiver is off: about five days a year
HORIZON_NM = 1.23  # NM per square root of ft: radio horizon 4/3 earth (ITU-R P.528), antenna at ground level
ANTENNA_NM = 8.0  # what a roof adds: horizon of an antenna 40 ft up


@dataclass(frozen=True)
class Receiver:
    """`since` is s since 1970, -inf for those that were always there."""

    name: str
    latitude: float
    longitude: float
    range_nm: float = 230.0
    quality: float = 1.0
    since: float = -np.inf


RECEIVERS = (
    Receiver("Moscow", 55.75, 37.6), Receiver("Minsk", 53.9, 27.6), Receiver("St Petersburg", 59.9, 30.3),
    # Around the two capitals several volunteers listen, so that one of them being down leaves no gap.
    Receiver("Tver", 56.9, 35.9, 200, 0.95), Receiver("Kaluga", 54.5, 36.3, 220, 0.95),
    Receiver("Ryazan", 54.6, 39.7, 200, 0.9),
    Receiver("Mogilev", 53.9, 30.3, 200, 0.95), Receiver("Smolensk", 54.8, 32.0, 180),
    Receiver("Voronezh", 51.7, 39.2, 200, 0.9),
    Receiver("Rostov", 47.2, 39.7, 200, 0.8), Receiver("Sochi", 43.6, 39.7, 230), Receiver("Yerevan", 40.2, 44.5, 200),
    Receiver("Baku", 40.4, 49.9, 200), Receiver("Tashkent", 41.3, 69.2, 150), Receiver("Samara", 53.2, 50.1, 200, 0.8),
    Receiver("Trabzon", 41.0, 39.7, 200), Receiver("Ankara", 39.9, 32.9), Receiver("Istanbul", 41.0, 29.0),
    Receiver("Antalya", 36.9, 30.7), Receiver("Adana", 37.0, 35.3), Receiver("Bucharest", 44.4, 26.1),
    Receiver("Warsaw", 52.2, 21.0), Receiver("Athens", 37.98, 23.7), Receiver("Heraklion", 35.33, 25.13, 170),
    Receiver("Chania", 35.5, 24.0, 190, 0.9), Receiver("Rhodes", 36.4, 28.1), Receiver("Larnaca", 34.9, 33.6),
    Receiver("Paphos", 34.75, 32.4), Receiver("Beirut", 33.9, 35.5, 200, 0.9), Receiver("Tel Aviv", 32.1, 34.8),
    Receiver("Amman", 31.95, 35.9, 200, 0.9), Receiver("Latakia", 35.5, 35.8, 60, 0.6),
    Receiver("Cairo", 30.1, 31.3, 200, 0.9),
    Receiver("Alexandria", 31.2, 29.95, 180, 0.4), Receiver("Marsa Matruh", 31.35, 27.2, 90, 0.3),
    Receiver("Benghazi", 32.1, 20.1, 110, 0.6), Receiver("Tripoli", 32.9, 13.2, 150, 0.7),
    Receiver("Misrata", 32.4, 15.1, 120, 0.6), Receiver("Malta", 35.9, 14.4), Receiver("Catania", 37.5, 15.1),
    Receiver("Tunis", 36.8, 10.2), Receiver("Algiers", 36.7, 3.1, 180, 0.8), Receiver("Paris", 48.9, 2.3),
    Receiver("Marseille", 43.4, 5.2), Receiver("Tbilisi", 41.7, 44.8, 200, 0.9),
    Receiver("Tehran", 35.7, 51.4, 150, 0.6),
    Receiver("Doha", 25.3, 51.5), Receiver("Sharjah", 25.3, 55.4), Receiver("Riyadh", 24.8, 46.7, 180, 0.7),
    Receiver("Jeddah", 21.6, 39.2, 180, 0.7), Receiver("Nairobi", -1.3, 36.8, 150, 0.6),
    Receiver("Entebbe", 0.1, 32.5, 120, 0.7),
)  # fmt: skip


@dataclass(frozen=True)
class Network:
    """The receivers, which legs each can hear at all, and on which days each is up."""

    receivers: tuple[Receiver, ...]
    audible: Bools
    up: Bools
    first: float


def listen(legs: int, first: float, days: int, rng: np.random.Generator, newcomer: Receiver | None = None) -> Network:
    """Draw which receivers hear which legs. The new receiver is drawn last, so that the world is otherwise the same
    without it."""
    receivers = RECEIVERS if newcomer is None else (*RECEIVERS, newcomer)
    audible = np.stack([rng.random(legs) < r.quality for r in receivers])
    up = np.stack([rng.random(days + 2) >= DOWN for _ in receivers])
    return Network(receivers, audible, up, first)


def heard(network: Network, legs: Legs, rows: Ints, when: Floats, state: State) -> npt.NDArray[np.int64]:
    """The number of the nearest receiver that hears each leg at its moment; -1 if none does."""
    height = np.maximum(np.nan_to_num(state.altitude, nan=0.0), 0.0)
    horizon = ANTENNA_NM + HORIZON_NM * np.sqrt(height)
    day = np.clip(((when - network.first) // DAY).astype(np.int64), 0, network.up.shape[1] - 1)
    on = ~silent(legs, rows, when)
    best = np.full(len(rows), np.inf)
    who = np.full(len(rows), -1)
    for number, receiver in enumerate(network.receivers):
        # A degree of latitude is 60 NM: most aircraft are out of reach without computing great circles.
        near = np.flatnonzero(on & (np.abs(state.latitude - receiver.latitude) * 60 <= receiver.range_nm))
        if not len(near):
            continue
        near = near[
            network.audible[number, rows[near]] & network.up[number, day[near]] & (when[near] >= receiver.since)
        ]
        away = geo.distance(receiver.latitude, receiver.longitude, state.latitude[near], state.longitude[near])
        nearer = near[(away <= np.minimum(receiver.range_nm, horizon[near])) & (away < best[near])]
        best[nearer] = geo.distance(
            receiver.latitude, receiver.longitude, state.latitude[nearer], state.longitude[nearer]
        )
        who[nearer] = number
    return who


def silent(legs: Legs, rows: Ints, when: Floats) -> Bools:
    """Whether the transponder is off."""
    spans = legs.dark[rows]
    off = (spans[:, :, 0] <= when[:, None]) & (when[:, None] < spans[:, :, 1])
    return np.asarray(off.any(axis=1))
