"""From a watch list to the fewest polite requests: lists by type, military, airframes, and circles without gaps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from flightwatch import geo

Circle = tuple[float, float, float]
"""Latitude, longitude, radius in NM."""

TYPES_A_REQUEST = 75  # seen working in one call to adsb.lol
ADDRESSES_A_REQUEST = 100  # not all limits of the lists are known; this stays below every documented one
FEED_RADIUS = 250  # NM, the largest circle any v2 provider accepts


@dataclass(frozen=True)
class Capability:
    """What a provider can be asked: path templates after the base, empty for what it cannot do."""

    types: str = ""
    military: str = ""
    addresses: str = ""
    circle: str = ""
    everything: str = ""


@dataclass(frozen=True)
class Plan:
    """The requests of one cycle, and in words what the watch list wants and the provider cannot do."""

    requests: tuple[str, ...]
    gaps: tuple[str, ...]


def plan(
    can: Capability,
    *,
    types: Sequence[str] = (),
    military: bool = False,
    addresses: Sequence[str] = (),
    circles: Sequence[Circle] = (),
) -> Plan:
    """The requests of one cycle, the most informative first, so that a cycle cut short still has the lists.

    >>> can = Capability(types="/v2/type/{}", military="/v2/mil", circle="/v2/point/{lat}/{lon}/{radius}")
    >>> plan(can, types=["IL76", "A124"], military=True, circles=[(32.0, 15.0, 250.0)]).requests
    ('/v2/type/A124,IL76', '/v2/mil', '/v2/point/32/15/250')
    """
    found: list[str] = []
    gaps: list[str] = []
    for wanted, template, words, size in (
        (sorted({t.strip().upper() for t in types}), can.types, "aircraft types", TYPES_A_REQUEST),
        (sorted({a.strip().lower() for a in addresses}), can.addresses, "airframes", ADDRESSES_A_REQUEST),
    ):
        if wanted and not template:
            gaps.append(f"cannot be asked for {words}")
        elif wanted:
            found += [template.format(",".join(part)) for part in _chunks(wanted, size)]
    if military and can.military:
        found.insert(1 if types and can.types else 0, can.military)
    elif military:
        gaps.append("cannot be asked for military aircraft")
    if circles and not can.circle:
        gaps.append("cannot be asked for areas")
    elif circles:
        found += [_circle(can.circle, c) for c in needed(circles)]
    if not (types or military or addresses or circles) and can.everything:
        found.append(can.everything)
    return Plan(tuple(found), tuple(gaps))


def needed(circles: Sequence[Circle]) -> list[Circle]:
    """The circles needed to cover what all of them cover: those inside another are dropped.

    Only whole circles are dropped, so no gap can open. Radii are rounded up to whole NM, as the providers expect.

    >>> needed([(32.0, 15.0, 249.2), (32.0, 15.5, 100.0), (32.0, 15.0, 250.0)])
    [(32.0, 15.0, 250.0)]
    """
    whole = sorted({(round(lat, 4), round(lon, 4), float(min(math.ceil(r), FEED_RADIUS))) for lat, lon, r in circles},
                   key=lambda c: (-c[2], c[0], c[1]))  # fmt: skip
    kept: list[Circle] = []
    for lat, lon, radius in whole:
        if not any(float(geo.distance(lat, lon, a, b)) + radius <= r for a, b, r in kept):
            kept.append((lat, lon, radius))
    return sorted(kept)


def _circle(template: str, circle: Circle) -> str:
    lat, lon, radius = circle
    return template.format(lat=_short(lat), lon=_short(lon), radius=f"{radius:.0f}")


def _short(number: float) -> str:
    return f"{number:.4f}".rstrip("0").rstrip(".")


def _chunks(values: Sequence[str], size: int) -> list[Sequence[str]]:
    return [values[i : i + size] for i in range(0, len(values), size)]
