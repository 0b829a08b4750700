"""A generated world with known truth: half a year of traffic, then a surge, and everything that goes wrong meanwhile.

The calendar is that of the reference case: until 8 December 2024 about no cargo flight a week from Moscow or Minsk to
eastern Libya, then several. The same seed gives the same world to the bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Self

import numpy as np
import pandas as pd

from flightwatch.demo import fixes as received
from flightwatch.demo import receivers, trips
from flightwatch.demo.faults import Calendar, Faults, busy, draw
from flightwatch.demo.fixes import Air, Fixes, Habits
from flightwatch.demo.fleet import Airframe, airframes
from flightwatch.demo.legs import Floats, Ints, Legs
from flightwatch.demo.query import AREA, TYPES, near
from flightwatch.demo.receivers import Bools, Network
from flightwatch.demo.schedule import lay
from flightwatch.records import OBSERVATION, conform
from flightwatch.units import instants

DAY = 86400.0
END = date(2024, 12, 17)  # the first flights of the surge leave on the 12th, four days after the reference date

SPACING = (170.0, 110.0, 300.0)
AIRLINER_SPACING = (240.0, 240.0, 1200.0)
JAMMED_S = 45.0
"""Seconds between archive rows: on the ground, in climb and descent, in cruise; and during spoofing. readsb writes one
every few to 30 s; a tenth of them is enough for the same legs and ends, and keeps half a year of the world at some
250,000 rows. A spoofed crowd at one airport shows only in rows close together, so those are kept."""


@dataclass(frozen=True)
class World:
    """Times are seconds since 1970 UTC: history is [first, live), the polled days [live, end)."""

    seed: int
    first: float
    live: float
    end: float
    surge_start: float | None
    legs: Legs
    airframes: Sequence[Airframe]
    network: Network
    faults: Faults
    habits: Habits

    @classmethod
    def generate(
        cls,
        seed: int,
        *,
        days: int = 188,
        live_days: int = 5,
        surge: bool = True,
        end: date = END,
        airliners: float = 1.0,
        faults: bool = True,
    ) -> Self:
        """A world of `days` UTC days before `end`, of which the last `live_days` are for polling.

        The surge begins on the first live day. `airliners` thins the regular traffic (1 is all of it, 0 none).
        """
        last = datetime(end.year, end.month, end.day, tzinfo=UTC).timestamp()
        first, live = last - days * DAY, last - live_days * DAY
        start = live
        planned = trips.regular(first, days, _stream(seed, "regular"), airliners)
        planned += trips.occasional(first, days, _stream(seed, "occasional"))
        if surge:
            planned += trips.surge(start, last, _stream(seed, "surge"))
        legs, fleet = lay(planned, airframes(_stream(seed, "fleet")), _stream(seed, "schedule"))
        legs = legs.take(np.flatnonzero(legs.offblock < last))
        faulty = draw(Calendar(first, live, last, start), busy(legs), _stream(seed, "faults")) if faults else Faults()
        network = receivers.listen(len(legs), first, days, _stream(seed, "receivers"), faulty.receiver)
        mlat = np.array([a.mlat for a in fleet])[legs.airframe]
        habit = received.habits(mlat, _stream(seed, "habits"))
        return cls(seed, first, live, last, start if surge else None, legs, fleet, network, faulty, habit)

    @property
    def first_day(self) -> date:
        """The first UTC day of the world."""
        return _day(self.first)

    @property
    def live_day(self) -> date:
        """The first UTC day that is polled; history ends the day before."""
        return _day(self.live)

    @property
    def last_day(self) -> date:
        """The last UTC day of the world."""
        return _day(self.end) - timedelta(days=1)

    @cached_property
    def written(self) -> Fixes:
        """Everything heard, as an archive would have it: all legs at the archive's spacing, by leg and time."""
        rows, when = _grid(self.legs, self.faults)
        inside = (when >= self.first) & (when < self.end)
        fixes = self.receive(rows[inside], when[inside], _stream(self.seed, "archive"))
        return fixes.take(np.flatnonzero(fixes.placed))

    def receive(self, rows: Ints, when: Floats, rng: np.random.Generator) -> Fixes:
        """What is heard of these legs at these times."""
        return received.receive(Air(self.legs, self.network, self.faults, self.habits), rows, when, rng)

    def now(self, when: float) -> Fixes:
        """What a feed that merges all receivers knows at a given time; positions are up to 12 s old."""
        rng = _stream(self.seed, "live", round(when))
        rows = self.legs.active(when - 15, when)
        age = rng.uniform(0.1, 12.0, len(rows))
        return self.receive(rows, np.round(when - age, 1), rng)

    def history(self, first: date | None = None, last: date | None = None) -> pd.DataFrame:
        """The rows that the archive holds for these days (both included), as observations, without going through
        files."""
        start = self.first if first is None else _seconds(first)
        end = self.live if last is None else _seconds(last) + DAY
        fixes = self.written
        keep = (fixes.when >= start) & (fixes.when < end)
        for lost in self.faults.lost:
            keep &= ~((fixes.when >= lost) & (fixes.when < lost + DAY))
        return self.observations(fixes.take(np.flatnonzero(keep)), "archive")

    def polled(self, every_s: float) -> pd.DataFrame:
        """The rows from polling the live days every `every_s`, without going through HTTP; none during the outage."""
        parts = []
        for when in np.arange(self.live, self.end, every_s):
            if not self.down(when):
                fixes = self.now(when)
                parts.append(fixes.take(np.flatnonzero(self.asked(fixes) & fixes.placed)))
        frames = [self.observations(p, "live") for p in parts if len(p)]
        return pd.concat(frames, ignore_index=True) if frames else conform(pd.DataFrame(), OBSERVATION)

    def asked(self, fixes: Fixes) -> Bools:
        """Which fixes match the demo's queries: some types worldwide, all aircraft in its areas."""
        types = np.array([a.typecode in TYPES for a in self.airframes])
        wanted = types[self.legs.airframe[fixes.leg]]
        for latitude, longitude, radius in AREA.values():
            wanted |= near(fixes.latitude, fixes.longitude, latitude, longitude, radius)
        return np.asarray(wanted)

    def down(self, when: float) -> bool:
        """Whether the live feed answers nobody."""
        outage = self.faults.outage
        return outage is not None and outage[0] <= when < outage[1]

    def observations(self, fixes: Fixes, source: str) -> pd.DataFrame:
        """Fixes as observations, in the product's own columns."""
        address = np.array([int(a.icao24, 16) for a in self.airframes], dtype=np.uint32)
        frame = pd.DataFrame(
            {
                "address": address[self.legs.airframe[fixes.leg]],
                "time": instants(np.round(fixes.when * 1000).astype("int64")),
                **{name: getattr(fixes, name) for name in ("latitude", "longitude", "altitude", "geoaltitude")},
                **{name: getattr(fixes, name) for name in ("groundspeed", "track", "vertical_rate", "onground")},
                "callsign": pd.Categorical(self.legs.callsign[fixes.leg]),
                "position_type": pd.Categorical(np.where(fixes.mlat, "mlat", "adsb_icao")),
                "nic": fixes.nic,
                "source": pd.Categorical([source] * len(fixes)),
            }
        )
        return conform(frame, OBSERVATION)


def _grid(legs: Legs, faults: Faults) -> tuple[Ints, Floats]:
    """Times at which an archive row is written: closer in climb and descent, where something happens."""
    climbed, sinking = legs.takeoff + legs.climb_s, legs.landing - legs.descent_s
    edges = np.stack([legs.offblock, legs.takeoff, climbed, sinking, legs.landing, legs.onblock])
    airliner = legs.kind == "airliner"
    rows: list[Ints] = []
    times: list[Floats] = []
    for phase, kind in enumerate((0, 1, 2, 1, 0)):
        spacing = np.where(airliner, AIRLINER_SPACING[kind], SPACING[kind])
        row, when = _steps(edges[phase], edges[phase + 1], spacing)
        rows.append(row)
        times.append(when)
    for spoof in faults.spoofs:
        near = legs.active(spoof.start, spoof.end)
        begin, end = np.maximum(legs.takeoff[near], spoof.start), np.minimum(legs.landing[near], spoof.end)
        row, when = _steps(begin, np.maximum(begin, end), np.full(len(near), JAMMED_S))
        rows.append(near[row])
        times.append(when)
    row, when = np.concatenate(rows), np.asarray(np.round(np.concatenate(times), 2), dtype=np.float64)
    order = np.lexsort((when, row))
    row, when = row[order], when[order]
    new = (np.diff(row, prepend=-1) != 0) | (np.diff(when, prepend=-1.0) > 1.0)
    return row[new], when[new]


def _steps(start: Floats, end: Floats, spacing: Floats) -> tuple[Ints, Floats]:
    """For every span (row number), the times from its start on, evenly spaced, at most `spacing` apart."""
    length = np.maximum(end - start, 0)
    counts = np.ceil(length / spacing).astype(np.int64)
    row = np.repeat(np.arange(len(start)), counts)
    step = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    return row, start[row] + step * (length / np.maximum(counts, 1))[row]


def _stream(seed: int, part: str, *more: int) -> np.random.Generator:
    """A separate random stream for each part of the world: changing one leaves the others as they were."""
    return np.random.default_rng([seed, *part.encode(), *more])


def _day(seconds: float) -> date:
    return datetime.fromtimestamp(seconds, tz=UTC).date()


def _seconds(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
