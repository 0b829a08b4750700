"""Fixes as readsb writes them: the aircraft object of the live JSON, and the sparse one in every fourth trace row.

Keys, units and quirks as in readsb's README-json.md: callsigns padded to eight, "ground" for an altitude, keys left out
where nothing is known.
"""

from __future__ import annotations

import math
from typing import Any

from flightwatch.demo.fixes import Fixes
from flightwatch.demo.fleet import KINDS
from flightwatch.demo.world import World

STRAY_HEX = "~2a0b1c"
"""A TIS-B target with an address of its own: heard near Larnaca all day, an aircraft in no database."""


def live(world: World, fixes: Fixes, now: float) -> list[dict[str, Any]]:
    """The aircraft objects of all fixes, as a feed with a database lists them at `now` (s since 1970)."""
    return [_live(world, fixes, i, now) for i in range(len(fixes))]


def _live(world: World, fixes: Fixes, i: int, now: float) -> dict[str, Any]:
    leg = int(fixes.leg[i])
    frame = world.airframes[world.legs.airframe[leg]]
    mlat, placed = bool(fixes.mlat[i]), bool(fixes.placed[i])
    age = round(now - float(fixes.when[i]), 1)
    out: dict[str, Any] = {
        "hex": frame.icao24,
        "type": "mlat" if mlat and placed else "mode_s" if mlat else "adsb_icao",
        "flight": f"{world.legs.callsign[leg]:<8}",
        "r": frame.registration,
        "t": frame.typecode,
    }
    if frame.flags:
        out["dbFlags"] = frame.flags
    out["alt_baro"] = "ground" if fixes.onground[i] else int(fixes.altitude[i])
    if placed:
        _motion(out, fixes, i)
        out |= {"lat": float(fixes.latitude[i]), "lon": float(fixes.longitude[i]), "seen_pos": age}
        out |= {"nic": int(fixes.nic[i]), "rc": 186 if fixes.nic[i] else 0} if not mlat else {}
        out |= {"mlat": ["lat", "lon", "gs", "track"] if mlat else [], "tisb": []}
    return out | {
        "squawk": squawk(leg),
        "category": KINDS[frame.typecode].category,
        "seen": min(age, 0.4),
        "rssi": -21.3,
    }


def _motion(out: dict[str, Any], fixes: Fixes, i: int) -> None:
    if not math.isnan(fixes.geoaltitude[i]):
        out["alt_geom"] = int(fixes.geoaltitude[i])
    out["gs"] = float(fixes.groundspeed[i])
    if fixes.onground[i]:
        out["true_heading"] = float(fixes.track[i])
    else:
        out["track"] = float(fixes.track[i])
        out["baro_rate"] = int(fixes.vertical_rate[i])


def sparse(world: World, fixes: Fixes, i: int) -> dict[str, Any]:
    """The object in slot 8 of a trace row: what the row itself does not say."""
    leg = int(fixes.leg[i])
    frame = world.airframes[world.legs.airframe[leg]]
    mlat = bool(fixes.mlat[i])
    out: dict[str, Any] = {"type": "mlat" if mlat else "adsb_icao", "flight": f"{world.legs.callsign[leg]:<8}"}
    if not math.isnan(fixes.geoaltitude[i]):
        out["alt_geom"] = int(fixes.geoaltitude[i])
    if not fixes.onground[i]:
        out |= {"track": float(fixes.track[i]), "baro_rate": int(fixes.vertical_rate[i])}
    out |= {"squawk": squawk(leg), "category": KINDS[frame.typecode].category}
    if not mlat:
        out |= {
            "nic": int(fixes.nic[i]),
            "rc": 186 if fixes.nic[i] else 0,
            "version": 2,
            "sil": 3,
            "sil_type": "perhour",
        }
    return out


def squawk(leg: int) -> str:
    """Four octal digits, the same for all of a leg, never one of the emergency codes 7500-7700.

    >>> squawk(0), squawk(1)
    ('1000', '1035')
    """
    return f"{0o1000 + leg * 29 % 0o6000:04o}"


def stray(now: float) -> dict[str, Any]:
    """The non-ICAO target at `now`: a light aircraft on a circuit south of Larnaca."""
    turn = now / 1800 * 2 * math.pi
    return {
        "hex": STRAY_HEX,
        "type": "tisb_other",
        "alt_baro": 2400,
        "gs": 95.0,
        "track": round((90 - math.degrees(turn)) % 360, 2),
        "lat": round(34.7 + 0.1 * math.sin(turn), 6),
        "lon": round(33.6 + 0.12 * math.cos(turn), 6),
        "nic": 0,
        "rc": 0,
        "seen_pos": 2.0,
        "seen": 1.0,
        "rssi": -30.1,
        "mlat": [],
        "tisb": ["lat", "lon", "altitude", "gs", "track"],
    }
