"""A local feed that speaks the v2 API of adsb.lol and similar providers, at a time that the caller sets.

Envelope, paths and filters are those of the providers (readsb's README-json.md, adsb.lol's API): `type` matches exact
designators, `mil` the database flag, `point` a circle of at most 250 NM. During the world's outage it answers 503 to
everything; a client that does not identify itself gets 403.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import datetime
from http.server import ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

import msgspec
import numpy as np

from flightwatch import geo
from flightwatch.demo.fleet import MILITARY
from flightwatch.demo.objects import live, stray
from flightwatch.demo.sinks import Sink
from flightwatch.demo.world import World
from flightwatch.loopback import LOOPBACK, answering

MAX_RADIUS_NM = 250  # adsb.lol: min(int(radius), 250)
GENERIC = re.compile(r"^(python-requests|python-urllib|curl|wget|go-http|$)", re.IGNORECASE)
RECEIVER = "Larnaca"  # whose own aircraft.json is served

Aircraft = dict[str, Any]


class Feed(Sink):
    """The world at the set time, over HTTP. `requests` counts the requests, `failures` the refused ones."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.requests = 0
        self.failures = 0
        self._lock = threading.Lock()
        self._time = world.live
        self._aircraft: list[Aircraft] | None = None
        self._heard_by: list[str] = []
        super().__init__(ThreadingHTTPServer((LOOPBACK, 0), answering(self.answer, keep=True)))

    @property
    def url(self) -> str:
        """The part before `/v2/…`."""
        return f"http://{LOOPBACK}:{self.port}"

    def set_time(self, when: datetime | float) -> None:
        """Set the world's time: an aware datetime, or seconds since 1970."""
        with self._lock:
            self._time = when.timestamp() if isinstance(when, datetime) else float(when)
            self._aircraft = None

    def answer(self, path: str, agent: str) -> tuple[int, str, bytes]:
        """Status, content type and body for a path; the answer to a GET, callable without a network."""
        with self._lock:
            self.requests += 1
            status, kind, body = self._answer(unquote(path), agent)
            self.failures += status != 200
            return status, kind, body

    def _answer(self, path: str, agent: str) -> tuple[int, str, bytes]:
        if GENERIC.match(agent):
            return 403, "text/plain", b"User-Agent too generic; include valid contact info."
        if self.world.down(self._time):
            return 503, "text/html", b"<html><title>503 Service Unavailable</title></html>"
        if path == "/data/aircraft.json":
            return 200, "application/json", self._receiver()
        for pattern, choose in PATHS:
            if match := pattern.fullmatch(path):
                return 200, "application/json", self._envelope(choose(self._now(), *match.groups()))
        return 404, "application/json", b'{"detail":"Not Found"}'

    def _now(self) -> list[Aircraft]:
        """Everything the feed hears now, computed once for all the requests of a moment."""
        if self._aircraft is None:
            fixes = self.world.now(self._time)
            names = self.world.network.receivers
            self._heard_by = [names[i].name for i in fixes.receiver]
            self._aircraft = live(self.world, fixes, self._time)
        return [*self._aircraft, stray(self._time)]

    def _envelope(self, aircraft: list[Aircraft]) -> bytes:
        now = round(self._time * 1000)
        head = {"msg": "No error", "now": now, "total": len(aircraft), "ctime": now, "ptime": 1}
        return msgspec.json.encode({"ac": aircraft, **head})

    def _receiver(self) -> bytes:
        """What one receiver's readsb writes: seconds, and no registration or type, since it has no database."""
        everything = self._now()
        own = [a for a, by in zip(everything, self._heard_by, strict=False) if by == RECEIVER]
        bare = [{k: v for k, v in a.items() if k not in ("r", "t", "dbFlags")} for a in own]
        return msgspec.json.encode({"now": round(self._time, 3), "messages": round(self._time), "aircraft": bare})


def of_types(aircraft: list[Aircraft], types: str) -> list[Aircraft]:
    """The aircraft of the exact designators in a comma-separated list.

    >>> [a["hex"] for a in of_types([{"hex": "1", "t": "IL76"}, {"hex": "2", "t": "IL62"}, {"hex": "3"}], "IL76,A124")]
    ['1']
    """
    wanted = set(types.upper().split(","))
    return [a for a in aircraft if a.get("t") in wanted]


def military(aircraft: list[Aircraft]) -> list[Aircraft]:
    """The aircraft flagged military in the database."""
    return [a for a in aircraft if a.get("dbFlags", 0) & MILITARY]


def around(aircraft: list[Aircraft], latitude: str, longitude: str, radius: str) -> list[Aircraft]:
    """The aircraft in a circle, each with its distance (NM) and direction (degrees) from the given point."""
    placed = [a for a in aircraft if "lat" in a]
    if not placed:
        return []
    lat, lon = float(latitude), float(longitude)
    theirs = np.array([(a["lat"], a["lon"]) for a in placed])
    away = geo.distance(lat, lon, theirs[:, 0], theirs[:, 1])
    course = geo.bearing(lat, lon, theirs[:, 0], theirs[:, 1])
    inside = np.flatnonzero(away <= min(int(float(radius)), MAX_RADIUS_NM))
    return [placed[i] | {"dst": round(float(away[i]), 3), "dir": round(float(course[i]), 1)} for i in inside]


def of_addresses(aircraft: list[Aircraft], addresses: str) -> list[Aircraft]:
    """The aircraft with the addresses in a comma-separated list."""
    wanted = set(addresses.lower().split(","))
    return [a for a in aircraft if a["hex"] in wanted]


NUMBER = r"(-?\d+(?:\.\d+)?)"
PATHS: tuple[tuple[re.Pattern[str], Callable[..., list[Aircraft]]], ...] = (
    (re.compile(r"/v2/type/([\w,]+)"), of_types),
    (re.compile(r"/v2/mil"), military),
    (re.compile(rf"/v2/point/{NUMBER}/{NUMBER}/{NUMBER}"), around),
    (re.compile(rf"/v2/lat/{NUMBER}/lon/{NUMBER}/dist/{NUMBER}"), around),
    (re.compile(r"/v2/(?:hex|icao)/([\w,]+)"), of_addresses),
)
