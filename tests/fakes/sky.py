"""A small sky of known flights in both real formats: readsb trace files, and v2 answers over HTTP.

    sky = Sky([Trip("152049", "GTI101", "UMMS", "HLLB", datetime(2024, 12, 10, 22, 0, tzinfo=UTC))])
    sky.write_traces(tmp_path / "globe_history")
    with Feed(sky) as feed:
        feed.now = datetime(2024, 12, 10, 23, 0, tzinfo=UTC)
        ... poll feed.url ...

Aircraft are heard on full minutes only, so that a trace and a poll on the minute hold the very same fixes.
"""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from flightwatch import geo
from flightwatch.airports import load
from tests.fakes.http import HttpServer, Request

MINUTE = timedelta(minutes=1)
CLIMB_FPM, DESCENT_FPM = 2000.0, 1500.0


@dataclass(frozen=True)
class Trip:
    """One leg on the great circle at a constant ground speed; heard from `heard_from` to `heard_to`, shares of the
    time between take-off and landing (1 with the landing and two minutes on the ground)."""

    icao24: str
    callsign: str
    origin: str
    destination: str
    start: datetime
    typecode: str = "IL76"
    registration: str = ""
    flags: int = 0
    speed_kt: float = 420.0
    level_ft: float = 31_000.0
    heard_from: float = 0.0
    heard_to: float = 1.0

    @property
    def ends(self) -> tuple[Any, Any]:
        a, b = load().find(self.origin), load().find(self.destination)
        assert a is not None
        assert b is not None
        return a, b

    @property
    def minutes(self) -> int:
        a, b = self.ends
        way = float(geo.distance(a.latitude, a.longitude, b.latitude, b.longitude))
        return round(way / self.speed_kt * 60)

    @property
    def end(self) -> datetime:
        return self.start + self.minutes * MINUTE

    def fixes(self) -> list[dict[str, Any]]:
        """Every heard minute: time, lat, lon, alt (None on the ground), gs, track, rate."""
        a, b = self.ends
        total = self.minutes
        minute = np.arange(-2, total + 3)
        share = np.clip(minute / total, 0, 1)
        lat, lon = geo.interpolate(a.latitude, a.longitude, b.latitude, b.longitude, share)
        course = geo.bearing(a.latitude, a.longitude, b.latitude, b.longitude)
        ahead = np.append(geo.bearing(lat[:-1], lon[:-1], lat[1:], lon[1:]), course)
        up, down = a.elevation_ft + minute * CLIMB_FPM, b.elevation_ft + (total - minute) * DESCENT_FPM
        altitude = np.minimum(np.minimum(up, down), self.level_ft)
        rate = np.where(up <= altitude, CLIMB_FPM, np.where(down <= altitude, -DESCENT_FPM, 0.0))
        ground = (minute <= 0) | (minute >= total)
        first = 0 if self.heard_from == 0 else int((minute < self.heard_from * total).sum())
        last = len(minute) if self.heard_to == 1 else int((minute <= self.heard_to * total).sum())
        return [
            {
                "time": self.start + int(minute[i]) * MINUTE,
                "lat": round(float(lat[i]), 6),
                "lon": round(float(lon[i]), 6),
                "alt": None if ground[i] else round(float(altitude[i]) / 25) * 25,
                "gs": 12.0 if ground[i] else round(self.speed_kt, 1),
                "track": round(float(ahead[i]) % 360, 1),
                "rate": 0 if ground[i] else int(rate[i]),
            }
            for i in range(first, last)
        ]


@dataclass
class Sky:
    trips: list[Trip]
    _fixes: dict[datetime, list[tuple[Trip, dict[str, Any]]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        heard: dict[datetime, list[tuple[Trip, dict[str, Any]]]] = defaultdict(list)
        for trip in self.trips:
            for fix in trip.fixes():
                heard[fix["time"]].append((trip, fix))
        self._fixes = dict(heard)

    @property
    def minutes(self) -> list[datetime]:
        """The minutes at which any aircraft is heard."""
        return sorted(self._fixes)

    def at(self, when: datetime) -> list[tuple[Trip, dict[str, Any]]]:
        return self._fixes.get(when, [])

    def v2(self, when: datetime) -> bytes:
        """The answer of an aggregator at that minute."""
        ms = round(when.timestamp() * 1000)
        heard = [_aircraft(trip, fix) for trip, fix in self.at(when)]
        head = {"msg": "No error", "now": ms, "total": len(heard), "ctime": ms, "ptime": 0}
        return json.dumps({"ac": heard, **head}).encode()

    def days(self) -> list[date]:
        return sorted({when.date() for when in self._fixes})

    def write_traces(self, folder: Path, days: Iterable[date] | None = None) -> list[Path]:
        """Write one folder per day, as archives do; returns the folders."""
        wanted = self.days() if days is None else list(days)
        out = []
        for day in wanted:
            own = folder / f"{day:%Y-%m-%d}" / "traces"
            out.append(folder / f"{day:%Y-%m-%d}")
            for icao24, body in self.traces(day):
                own.joinpath(icao24[-2:]).mkdir(parents=True, exist_ok=True)
                own.joinpath(icao24[-2:], f"trace_full_{icao24}.json").write_bytes(gzip.compress(body, 1, mtime=0))
        return out

    def traces(self, day: date) -> Iterator[tuple[str, bytes]]:
        base = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
        rows: dict[str, list[tuple[Trip, dict[str, Any]]]] = defaultdict(list)
        for when in self.minutes:
            if when.date() == day:
                for trip, fix in self.at(when):
                    rows[trip.icao24].append((trip, fix))
        for icao24, held in sorted(rows.items()):
            trip = held[0][0]
            head = {"icao": icao24, "r": trip.registration, "t": trip.typecode, "dbFlags": trip.flags}
            trace = [_row(trip, fix, base, n) for n, (trip, fix) in enumerate(held)]
            yield icao24, json.dumps({**head, "timestamp": base, "trace": trace}).encode()


def _aircraft(trip: Trip, fix: dict[str, Any]) -> dict[str, Any]:
    out = {
        "hex": trip.icao24, "type": "adsb_icao", "flight": f"{trip.callsign:<8}", "r": trip.registration,
        "t": trip.typecode, "dbFlags": trip.flags, "alt_baro": "ground" if fix["alt"] is None else fix["alt"],
        "gs": fix["gs"], "track": fix["track"], "baro_rate": fix["rate"], "lat": fix["lat"], "lon": fix["lon"],
        "nic": 8, "rc": 186, "seen_pos": 0.0, "seen": 0.0, "messages": 100, "rssi": -20.0,
    }  # fmt: skip
    return {k: v for k, v in out.items() if v not in ("", 0) or k not in ("r", "dbFlags")}


def _row(trip: Trip, fix: dict[str, Any], base: float, number: int) -> list[Any]:
    details = {"flight": f"{trip.callsign:<8}", "type": "adsb_icao", "nic": 8} if number % 4 == 0 else None
    alt = "ground" if fix["alt"] is None else fix["alt"]
    offset = fix["time"].timestamp() - base
    return [offset, fix["lat"], fix["lon"], alt, fix["gs"], fix["track"], 0, fix["rate"], details, "adsb_icao",
            None, None, None, None]  # fmt: skip


class Feed(HttpServer):
    """The sky over HTTP, at the time in `now`; every path returns all aircraft. `answers` holds what was sent."""

    def __init__(self, sky: Sky, now: datetime | None = None) -> None:
        self.sky = sky
        self.now = now or sky.minutes[0]
        self.down = False
        super().__init__(answer=self._tell)

    def _tell(self, request: Request) -> str | tuple[int, dict[str, str], bytes]:
        if self.down:
            return "503 Service Unavailable"
        return 200, {"Content-Type": "application/json"}, self.sky.v2(self.now)
