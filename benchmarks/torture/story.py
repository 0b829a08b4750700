"""A world in which one watched route after another has its first busy day: every few cycles an alert is due.

Everything is a function of the route's number and the time. What the feed says never depends on earlier requests, so a
daemon that was killed and one that was not must end with the same rows.
"""

from __future__ import annotations

import csv
import random
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from flightwatch import geo
from flightwatch.airports import load
from tests.fakes.channels import channels

LIVE = datetime(2024, 9, 2, tzinfo=UTC)
"""When polling begins, after `HISTORY` days of finished flights."""
HISTORY = 90
STEP = timedelta(minutes=30)
PHASES = 5  # a busy flight is heard climbing out, three times on its way and on approach
SURGE = 6  # flights on a busy day; one per week is usual
EVERY = 2  # cycles between the beginnings of two routes' busy hours
BACKGROUND = 40  # other aircraft, so that the feed is never silent
LONG_NM = (800.0, 880.0)
"""Far enough that two hours are one flight, without room for a stop on the way."""

Aircraft = dict[str, Any]


@cache
def pairs(routes: int) -> list[tuple[str, str]]:
    """From and to of each route: large airports, far enough apart, no two routes the same."""
    airports = load().frame
    big = airports[(airports["longest_runway_ft"] > 9000) & airports["latitude"].between(30, 60)]
    big = big[big["longitude"].between(-10, 50)].sort_index()
    rng = random.Random(1)
    found: dict[tuple[str, str], None] = {}
    while len(found) < routes:
        a, b = rng.sample(list(big.index), 2)
        away = geo.distance(*big.loc[a, ["latitude", "longitude"]], *big.loc[b, ["latitude", "longitude"]])
        if LONG_NM[0] < float(away) < LONG_NM[1]:
            found[a, b] = None
    return list(found)


def name(route: int) -> str:
    return f"route {route:03d}"


def moment(cycle: float) -> datetime:
    return LIVE + cycle * STEP


def heard(cycle: float, routes: int) -> list[Aircraft]:
    """The aircraft objects of a cycle, as the v2 API gives them."""
    found = [_passing(n, cycle) for n in range(BACKGROUND)]
    for route in range(routes):
        phase = cycle - route * EVERY
        if 0 <= phase < PHASES:
            found += [_busy(route, n, phase) for n in range(SURGE)]
    return found


def _busy(route: int, number: int, phase: float) -> Aircraft:
    begin, end = (load().frame.loc[code] for code in pairs(route + 1)[route])
    whole = float(geo.distance(begin.latitude, begin.longitude, end.latitude, end.longitude))
    share = min(max(phase / (PHASES - 1), 4.0 / whole), 1.0 - 4.0 / whole)
    here = geo.interpolate(begin.latitude, begin.longitude, end.latitude, end.longitude, share)
    latitude, longitude = (float(np.asarray(v)) for v in here)
    field = {0.0: begin.elevation_ft, PHASES - 1.0: end.elevation_ft}.get(float(phase))
    height = 31000 if field is None else int(field) + 1200
    return {
        "hex": f"{0x480000 + route * 16 + number:06x}", "type": "adsb_icao", "flight": f"TST{route:03d}{number}",
        "t": "IL76", "r": f"RA-{76000 + route * 16 + number}", "dbFlags": 1, "lat": round(latitude + number * 1e-4, 5),
        "lon": round(longitude, 5), "alt_baro": height, "gs": 430.0 if field is None else 170.0,
        "baro_rate": {0.0: 1500, PHASES - 1.0: -800}.get(float(phase), 0),
        "track": round(float(geo.bearing(latitude, longitude, end.latitude, end.longitude)), 1), "nic": 8, "seen": 0.5,
        "seen_pos": 0.5,
    }  # fmt: skip


def _passing(number: int, cycle: float) -> Aircraft:
    """An aircraft circling over the Mediterranean; every three hours another airframe takes its place."""
    angle = np.radians(9.0 * number + 24.0 * cycle)
    return {
        "hex": f"{0x3c0000 + int(cycle // 6) * BACKGROUND + number:06x}", "type": "adsb_icao",
        "flight": f"BKG{number:03d}", "t": "A320", "dbFlags": 1, "lat": round(38.0 + 2.0 * float(np.sin(angle)), 5),
        "lon": round(12.0 + 3.0 * float(np.cos(angle)), 5),
        "alt_baro": 35000, "gs": 440.0, "track": round(float(np.degrees(angle)) % 360, 1), "nic": 8, "seen": 0.5,
        "seen_pos": 0.5,
    }  # fmt: skip


def write_history(path: Path, routes: int) -> None:
    """Finished flights of the days before, about one a week on each route, as an OpenSky flight list."""
    rng = random.Random(2)
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(
            ("callsign", "icao24", "registration", "typecode", "origin", "destination", "firstseen", "lastseen")
        )
        for route, (origin, destination) in enumerate(pairs(routes)):
            for day in range(HISTORY):
                if rng.random() < 1 / 7:
                    first = LIVE - timedelta(days=HISTORY - day) + timedelta(hours=rng.uniform(2, 18))
                    last = first + timedelta(hours=2)
                    code = f"{0x500000 + route * 16 + day % 16:06x}"
                    times = (f"{t:%Y-%m-%d %H:%M:%S}+00:00" for t in (first, last))
                    out.writerow((f"OLD{route:03d}", code, "", "IL76", origin, destination, *times))


def config(database: str, feed: str, smtp: int, slack_file: Path, routes: int, **daemon: float) -> str:
    """The configuration of a daemon that watches these routes."""
    watched = "".join(
        f'[[route]]\nname = "{name(n)}"\nfrom = ["{a}"]\nto = ["{b}"]\n' for n, (a, b) in enumerate(pairs(routes))
    )
    beats = "".join(f"{key} = {value}\n" for key, value in daemon.items())
    return f"""
contact = "desk@example.org"
watchlist = false
[database]
url = "{database}"
[[source]]
kind = "adsblol"
name = "feed"
url = "{feed}"
military = true
interval_s = {daemon.get("poll_s", STEP.total_seconds())}
spacing_s = 0
allow_private = true
[discover]
pairs = "none"
[detection]
false_alerts_per_route_year = 0.5
train_every_days = 1000
[http]
allow_private = true
[alerts]
digest_over = 100
expire_hours = 10000
[daemon]
{beats}
{channels(smtp, slack_file)}{watched}"""
