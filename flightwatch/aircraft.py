"""What an airframe's address and type say: country, weight class, speed, range and runway needs."""

from __future__ import annotations

import bisect
import csv
import functools
from dataclasses import dataclass
from pathlib import Path

DATA = Path(__file__).parent / "data"

MILITARY_FLAG = 1  # readsb dbFlags, README-json.md


@dataclass(frozen=True)
class Performance:
    """What a type can do. Speeds are true airspeed in knots; wind comes on top.

    `climb_fpm` and `descent_fpm` are averages over the whole climb or descent, for times, not limits. `min_runway_ft`
    is a round number at or below what the type needs to land; 0 if it needs none. `generic` says that these are the
    figures of a class, not of the type itself.
    """

    typecode: str
    cruise_kt: float
    max_kt: float
    range_nm: float
    climb_fpm: float
    descent_fpm: float
    min_runway_ft: float
    ceiling_ft: float
    heavy: bool
    military_only: bool
    generic: bool
    kind: str


def performance(typecode: str) -> Performance:
    """The figures of a type: its own if we have a row, those of its class if we know the class, else bounds for all
    types.

    >>> performance("IL76").cruise_kt, performance("B738").kind, performance("").generic
    (420.0, 'medium jet', True)
    """
    return _performance(typecode.strip().upper())


@functools.cache
def _performance(typecode: str) -> Performance:
    kind = _classes().get(typecode, "unknown")
    row = _figures().get(typecode)
    generic = row is None
    if row is None:
        row = _figures()[kind]
    return Performance(
        typecode=typecode,
        cruise_kt=float(row["cruise_kt"]),
        max_kt=float(row["max_kt"]),
        range_nm=float(row["range_nm"]),
        climb_fpm=float(row["climb_fpm"]),
        descent_fpm=float(row["descent_fpm"]),
        min_runway_ft=float(row["min_runway_ft"]),
        ceiling_ft=float(row["ceiling_ft"]),
        heavy=row["heavy"] == "1",
        military_only=row["military_only"] == "1" or typecode in military_types(),
        generic=generic,
        kind=kind,
    )


def country_of_address(icao24: str) -> str:
    """The ISO code of the country whose block contains the address; empty if none does (ICAO Annex 10 vol. III).

    The registration may be another country's, and such a difference is itself worth knowing.

    >>> country_of_address("018000"), country_of_address("510123"), country_of_address("zzz")
    ('LY', 'BY', '')
    """
    try:
        address = int(icao24, 16)
    except ValueError:
        return ""
    starts, countries = _countries()
    return countries[bisect.bisect_right(starts, address) - 1] if address >= starts[0] else ""


def is_military(flags: int, typecode: str = "") -> bool:
    """Flagged military by the database of the source, or of a type that only the military flies.

    >>> is_military(1), is_military(0, "C17"), is_military(2, "IL76")
    (True, True, False)
    """
    return bool(int(flags) & MILITARY_FLAG) or typecode.strip().upper() in military_types()


def military_address(icao24: str) -> bool:
    """Whether the address lies in a block known to be military.

    No such block is known for Russia, Belarus, Libya, Syria or the Emirates, so False says nothing there.

    >>> military_address("ae1234"), military_address("140a1f")
    (True, False)
    """
    try:
        address = int(icao24, 16)
    except ValueError:
        return False
    return any(first <= address <= last for first, last, _, military in _blocks() if military)


def _rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@functools.cache
def _figures() -> dict[str, dict[str, str]]:
    return {row["key"]: row for row in _rows("performance.csv")}


@functools.cache
def _classes() -> dict[str, str]:
    return {row["typecode"]: row["class"] for row in _rows("typecodes.csv")}


@functools.cache
def _blocks() -> list[tuple[int, int, str, bool]]:
    return [
        (int(r["first"], 16), int(r["last"], 16), r["country"], r["military"] == "1")
        for r in _rows("address_blocks.csv")
    ]


@functools.cache
def _countries() -> tuple[list[int], list[str]]:
    """The blocks cut into pieces that do not overlap; where blocks overlap, the one listed first (a territory) wins."""
    blocks = [b for b in _blocks() if not b[3]]
    edges = sorted({0} | {b[0] for b in blocks} | {b[1] + 1 for b in blocks})
    return edges, [next((c for first, last, c, _ in blocks if first <= edge <= last), "") for edge in edges]


# Types of the ICAO list (Doc 8643) flown only by air forces, besides those of performance.csv. C130, AN12, AN26, IL76
# and A124 are not here: civil operators fly them too.
_FIGHTERS_AND_OTHERS = (
    "A10 B2 E2 E3CF E3TF E6 EUFI F14 F15 F16 F18H F18S F22 F35 F4 F5 H60 H47 H53 H64 K35E KC2 MG29 "
    "MG31 MRF1 P1 P3 P8 Q4 Q9 R135 RFAL SU24 SU25 SU27 T160 T22M TOR U2 V22 WB57 C135"
)


@functools.cache
def military_types() -> frozenset[str]:
    """Types that only armed forces fly."""
    listed = (key for key, row in _figures().items() if row["military_only"] == "1")
    return frozenset(_FIGHTERS_AND_OTHERS.split()) | frozenset(listed)


# Types built or refitted for work in the air: water bombers and their lead planes, crop dusters; airborne radar,
# signals, maritime patrol, high-altitude reconnaissance, drones (designators of Doc 8643; databases also write "UAV").
_AT_WORK = (
    "S2P V10 CL2P CL2T AT5T AT6T AT8T AT3P AT5P M18 M18T P2 "
    "A50 E2 E3CF E3TF E737 R135 P1 P3 P8 IL38 U2 WB57 Q1 Q4 Q9 UAV"
)


def returns(typecode: str) -> bool:
    """Whether aircraft of the type go out to work and come home rather than fly from place to place.

    >>> returns("CL2T"), returns("IL76")
    (True, False)
    """
    return typecode.strip().upper() in _AT_WORK.split()


@functools.cache
def heavy_types() -> frozenset[str]:
    """Types above 136 t (wake category heavy or super, ICAO Doc 8643).

    >>> "IL76" in heavy_types(), "B738" in heavy_types()
    (True, False)
    """
    return frozenset(
        [code for code, kind in _classes().items() if kind == "heavy jet"]
        + [key for key, row in _figures().items() if row["heavy"] == "1" and key in _classes()]
    )
