"""What the world's receivers hear: true states turned into fixes, with noise, false positions and silence.

The archive and the live feed both use `receive`, so that they tell the same story.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from flightwatch import geo
from flightwatch.demo.faults import Faults, throw
from flightwatch.demo.legs import Floats, Ints, Legs, state
from flightwatch.demo.receivers import Bools, Network, heard

JITTER_NM = 0.008  # 15 m, NACp 9 or better (DO-260B table 2-71: under 30 m)
MLAT_NM, MLAT_WILD_NM, MLAT_WILD = 0.25, 3.0, 0.03  # scatter of multilateration, and its outliers
MODE_S_ONLY = 0.5  # share of an MLAT airframe's replies heard by too few receivers to locate it


@dataclass(frozen=True)
class Fixes:
    """Received positions in columns; `leg` points into the world's legs, `when` is s since 1970.

    `placed` is false for replies heard without a position. `false` marks positions shown wrongly: truth, never sent.
    """

    leg: Ints
    when: Floats
    latitude: Floats
    longitude: Floats
    altitude: Floats
    geoaltitude: Floats
    groundspeed: Floats
    track: Floats
    vertical_rate: Floats
    onground: Bools
    mlat: Bools
    nic: Ints
    placed: Bools
    receiver: Ints
    false: Bools

    def __len__(self) -> int:
        return len(self.when)

    def take(self, rows: Any) -> Self:
        """Some of the fixes, in the order asked for."""
        return type(self)(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


@dataclass(frozen=True)
class Habits:
    """What is fixed for a leg: whether it is located by MLAT, and the errors of its altimeters, ft."""

    mlat: Bools
    pressure_ft: Floats
    geometric: Floats


@dataclass(frozen=True)
class Air:
    """Everything that decides what is received: who flies, who listens, what goes wrong."""

    legs: Legs
    network: Network
    faults: Faults
    habits: Habits


def habits(mlat: Bools, rng: np.random.Generator) -> Habits:
    """Pressure altitude is off by the weather, geometric altitude by temperature: some 4 % of the height, seldom 8
    %."""
    return Habits(mlat, rng.normal(0, 120, len(mlat)), rng.normal(0.03, 0.02, len(mlat)))


def receive(air: Air, rows: Ints, when: Floats, rng: np.random.Generator) -> Fixes:
    """What is heard of legs `rows` at the times `when`; what nobody hears is left out."""
    true = state(air.legs, rows, when)
    who = heard(air.network, air.legs, rows, when, true)
    shown, thrown = throw(air.faults.spoofs, true, when, rng)
    false = np.zeros(len(rows), dtype=bool)
    false[thrown] = True
    mlat = air.habits.mlat[rows]
    false &= ~mlat  # an aircraft located by times of arrival is where it is, whatever its GPS says
    latitude, longitude = np.where(false, (shown.latitude, shown.longitude), (true.latitude, true.longitude))
    latitude, longitude = _scatter(latitude, longitude, mlat, rng)
    pressure = np.where(mlat & true.onground, np.nan, true.altitude + air.habits.pressure_ft[rows])
    fixes = Fixes(
        leg=rows,
        when=when,
        latitude=np.round(latitude, 6),
        longitude=np.round(longitude, 6),
        altitude=np.round(pressure / 25) * 25,
        geoaltitude=np.where(
            mlat, np.nan, np.round((true.altitude * (1 + air.habits.geometric[rows]) + 100) / 25) * 25
        ),
        groundspeed=np.round(true.groundspeed + rng.normal(0, 1.0, len(rows)), 1),
        track=np.round(true.track + rng.normal(0, 0.3, len(rows)), 2) % 360,
        vertical_rate=np.round((true.vertical_rate + rng.normal(0, 40, len(rows))) / 64) * 64,
        onground=true.onground,
        mlat=mlat,
        nic=np.where(mlat, -1, np.where(false & (rows % 2 == 0), 0, 8)),  # half the victims do not notice
        placed=~(mlat & (rng.random(len(rows)) < MODE_S_ONLY)),
        receiver=who,
        false=false,
    )
    # MLAT cannot locate aircraft on the ground: the replies are too few and the angles too flat.
    return fixes.take(np.flatnonzero((who >= 0) & ~(mlat & true.onground)))


def _scatter(
    latitude: Floats, longitude: Floats, mlat: Bools, rng: np.random.Generator
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    wild = rng.random(len(latitude)) < MLAT_WILD
    size = np.where(mlat, np.where(wild, MLAT_WILD_NM, MLAT_NM), JITTER_NM)
    away = np.abs(rng.normal(0, 1, len(latitude))) * size
    moved_lat, moved_lon = geo.destination(latitude, longitude, rng.uniform(0, 360, len(latitude)), away)
    return moved_lat, moved_lon
