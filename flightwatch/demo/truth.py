"""What really happened in the world, as JSON, for comparison with what was found."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from flightwatch.demo.network import BENINA, KHADIM
from flightwatch.demo.receivers import Receiver
from flightwatch.demo.world import World
from flightwatch.units import iso


def truth(world: World) -> dict[str, Any]:
    """Every flight, the surge, and the faults that are not surges."""
    flights = [_flight(world, leg, seen) for leg, seen in enumerate(_seen(world))]
    return {
        "seed": world.seed,
        "first_day": world.first_day.isoformat(),
        "live_day": world.live_day.isoformat(),
        "last_day": world.last_day.isoformat(),
        "surge": episode(world, flights),
        "faults": _faults(world),
        "flights": flights,
    }


def episode(world: World, flights: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The surge: its outbound flights and the UTC days they left; None in a world without one.

    `history` is the usual level: outbound flights from Moscow or Minsk to Benghazi or Al Khadim before it.
    """
    if world.surge_start is None:
        return None
    places = (BENINA, KHADIM)
    out = [f for f in flights if f["kind"] == "surge" and f["destination"] in places]
    usual = [f for f in flights if f["kind"] in ("Moscow-Benghazi", "Minsk-Benghazi") and f["destination"] in places]
    return {
        "route": "Moscow and Minsk to Benghazi",
        "first_day": min((f["offblock"][:10] for f in out), default=None),
        "flight_days": sorted({f["offblock"][:10] for f in out}),
        "flights": [f["id"] for f in out],
        "seen": [f["id"] for f in out if f["points"]],
        "history": [f["id"] for f in usual],
    }


def _flight(world: World, leg: int, seen: tuple[float, float, int]) -> dict[str, Any]:
    legs = world.legs
    frame = world.airframes[legs.airframe[leg]]
    first, last, points = seen
    return {
        "id": leg,
        "kind": legs.kind[leg],
        "icao24": frame.icao24,
        "callsign": legs.callsign[leg],
        "registration": frame.registration,
        "typecode": frame.typecode,
        "origin": legs.origin[leg],
        "destination": legs.destination[leg],
        "offblock": _iso(legs.offblock[leg]),
        "takeoff": _iso(legs.takeoff[leg]),
        "landing": _iso(legs.landing[leg]),
        "onblock": _iso(legs.onblock[leg]),
        "dark": [[_iso(a), _iso(b)] for a, b in _dark(world, leg)],
        "first_heard": _iso(first) if points else None,
        "last_heard": _iso(last) if points else None,
        "points": points,
    }


def _dark(world: World, leg: int) -> list[tuple[float, float]]:
    """The spans without transponder, limited to the time between the blocks."""
    begin, end = float(world.legs.offblock[leg]), float(world.legs.onblock[leg])
    spans = [(max(a, begin), min(b, end)) for a, b in world.legs.dark[leg].tolist()]
    return [(a, b) for a, b in spans if a < b]


def _seen(world: World) -> list[tuple[float, float, int]]:
    """First and last time heard, and rows at the archive's spacing, for every leg; (0, 0, 0) for a leg that was not
    heard."""
    fixes = world.written
    counts = np.bincount(fixes.leg, minlength=len(world.legs))
    ends = np.cumsum(counts)
    return [
        (float(fixes.when[end - n]), float(fixes.when[end - 1]), int(n)) if n else (0.0, 0.0, 0)
        for end, n in zip(ends, counts, strict=True)
    ]


def _faults(world: World) -> dict[str, Any]:
    faults = world.faults
    thrown = np.flatnonzero(world.written.false)
    spoofs = []
    for spoof in faults.spoofs:
        when = world.written.when[thrown]
        legs = world.written.leg[thrown[(when >= spoof.start) & (when < spoof.end)]]
        names = sorted({world.airframes[i].icao24 for i in world.legs.airframe[legs]})
        spoofs.append({"airport": spoof.airport, "from": _iso(spoof.start), "to": _iso(spoof.end), "aircraft": names})
    return {
        "spoofed": spoofs,
        "outage": [_iso(t) for t in faults.outage] if faults.outage else None,
        "lost_days": [_iso(t)[:10] for t in faults.lost],
        "new_receiver": _receiver(faults.receiver) if faults.receiver else None,
    }


def _receiver(receiver: Receiver) -> dict[str, Any]:
    return {
        "name": receiver.name,
        "latitude": receiver.latitude,
        "longitude": receiver.longitude,
        "range_nm": receiver.range_nm,
        "since": _iso(receiver.since),
    }


def _iso(seconds: float) -> str:
    return iso(datetime.fromtimestamp(float(seconds), tz=UTC))
