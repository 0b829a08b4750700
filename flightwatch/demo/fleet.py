"""The airframes of the generated world: what they are, who flies them, how they perform.

Every airframe is invented. Addresses lie in the block of the country (ICAO Annex 10 vol. III, as in tar1090's flags.js)
and registrations have its form, so that readers meet the same things as with real ones. The performance here is the
simulator's own and is deliberately not `aircraft.performance`: testing the flight builder against its own assumptions
would prove nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flightwatch.units import icao24_text


@dataclass(frozen=True)
class Kind:
    """A type of aircraft. Speeds are over ground in still air; rates are averages from ground to cruise and back."""

    cruise_kt: float
    cruise_ft: float
    climb_fpm: float
    descent_fpm: float
    category: str


# Cruise speed and usual level from the EUROCONTROL Aircraft Performance Database and, for the Soviet types, from the
# manufacturers' leaflets (Il-76TD 750-800 km/h at 9-12 km, An-26 440 km/h at 6 km, An-72 550-600 km/h at 10 km); rates
# are rounded averages over the whole climb or descent, which lie well under the initial ones.
KINDS = {
    "A20N": Kind(450, 36000, 1900, 1700, "A3"),
    "A320": Kind(447, 35000, 1800, 1700, "A3"),
    "B738": Kind(453, 36000, 1900, 1800, "A3"),
    "A333": Kind(475, 38000, 1600, 1700, "A5"),
    "AT76": Kind(270, 18000, 1100, 1200, "A2"),
    "IL76": Kind(415, 32000, 1300, 1500, "A5"),
    "A124": Kind(430, 33000, 1200, 1500, "A5"),
    "AN12": Kind(310, 22000, 1000, 1300, "A4"),
    "AN26": Kind(237, 19000, 900, 1100, "A3"),
    "AN72": Kind(320, 29000, 1300, 1500, "A3"),
    "T154": Kind(460, 35000, 1800, 1800, "A4"),
    "A400": Kind(385, 29000, 1400, 1600, "A5"),
    "C130": Kind(290, 22000, 1000, 1300, "A4"),
    "C17": Kind(440, 33000, 1500, 1700, "A5"),
    "B744": Kind(490, 35000, 1500, 1700, "A5"),
}


@dataclass(frozen=True)
class Block:
    """Where a country's addresses start and how its registrations look; `#` stands for a running number."""

    start: int
    registration: str
    first: int


# First addresses of the blocks from tar1090's flags.js, moved up a little where real numbers begin; the Russian rule
# RA-NNNNN = 0x140000 + NNNNN is kept (tar1090 registrations.js).
BLOCKS = {
    "RU": Block(0x140000 + 76900, "RA-#", 76900),
    "BY": Block(0x510280, "EW-#TH", 640),
    "LY": Block(0x018240, "5A-D#", 100),
    "SY": Block(0x7787A0, "YK-A#", 100),
    "TR": Block(0x4BB700, "TC-X#", 100),
    "EG": Block(0x0105C0, "SU-X#", 100),
    "GR": Block(0x46A2C0, "SX-X#", 100),
    "CY": Block(0x4C8680, "5B-X#", 100),
    "IL": Block(0x738F40, "4X-X#", 100),
    "JO": Block(0x7404C0, "JY-X#", 100),
    "LB": Block(0x748A40, "OD-X#", 100),
    "AE": Block(0x896D80, "A6-X#", 100),
    "MT": Block(0x4D2640, "9H-X#", 100),
    "KG": Block(0x601240, "EX-7#", 600),
    "IT": Block(0x33FE40, "MM6#", 100),
    "FR": Block(0x3B7A80, "F-R#", 100),
    "TN": Block(0x02A0C0, "TS-X#", 100),
}


@dataclass(frozen=True)
class Airframe:
    """One aircraft of the world. `pool` is the operator's fleet it belongs to; `flags` are readsb's dbFlags."""

    icao24: str
    registration: str
    typecode: str
    operator: str
    flags: int
    pool: str
    mlat: bool


@dataclass(frozen=True)
class Pool:
    """A fleet that flies one group of routes: how many of which types, whose, with which callsigns.

    `military` is the share flagged in the databases: 103 of 244 Il-76s were (tar1090-db 2026-04-06), nearly none of
    the Belarusian ones. `mlat` is the share whose transponder sends no position.
    """

    country: str
    airline: str
    types: tuple[tuple[str, int], ...]
    military: float = 0.0
    mlat: float = 0.0


POOLS = {
    "ru-mil": Pool("RU", "RFF", (("IL76", 12), ("A124", 2), ("AN12", 2), ("T154", 2)), military=0.6),
    "ru-cargo": Pool("RU", "VDA", (("IL76", 5), ("A124", 3))),
    "ru-south": Pool("RU", "RSD", (("AN26", 2), ("AN72", 2), ("IL76", 2)), military=0.8, mlat=0.3),
    "ru-shuttle": Pool("RU", "RSD", (("AN72", 5), ("T154", 4)), military=0.5),
    "by-shuttle": Pool("BY", "BLF", (("AN26", 4),), military=1.0),
    "by-cargo": Pool("BY", "TXC", (("IL76", 6),)),
    "khmeimim": Pool("RU", "RFF", (("AN72", 1), ("IL76", 2)), military=0.7, mlat=0.2),
    "surge": Pool("RU", "RFF", (("IL76", 9),), military=0.6),
    "surge-by": Pool("BY", "RDS", (("IL76", 4),)),
    "tr-mil": Pool("TR", "TUAF", (("A400", 6), ("C130", 4)), military=1.0),
    "tr-line": Pool("TR", "THY", (("A20N", 6), ("B738", 6))),
    "eg-mil": Pool("EG", "EAF", (("C130", 4), ("IL76", 2)), military=1.0),
    "eg-line": Pool("EG", "MSR", (("A20N", 6), ("B738", 6))),
    "ly-mil": Pool("LY", "LAF", (("IL76", 2), ("AN26", 2), ("C130", 1)), military=0.6, mlat=0.2),
    "sy-line": Pool("SY", "SAW", (("A320", 2),)),
    "ae-cargo": Pool("AE", "UCX", (("IL76", 4), ("B744", 2))),
    "ae-mil": Pool("AE", "UAF", (("C17", 3), ("C130", 2)), military=1.0),
    "kg-cargo": Pool("KG", "KGZ", (("IL76", 4), ("AN12", 2))),
    "gr-line": Pool("GR", "AEE", (("A320", 6), ("A20N", 6), ("AT76", 4))),
    "cy-line": Pool("CY", "CYP", (("A320", 9),)),
    "il-line": Pool("IL", "ELY", (("B738", 8),)),
    "jo-line": Pool("JO", "RJA", (("A320", 5),)),
    "lb-line": Pool("LB", "MEA", (("A320", 5), ("A333", 2))),
    "mt-line": Pool("MT", "KMM", (("A320", 2),)),
    "it-mil": Pool("IT", "IAM", (("C130", 3),), military=1.0),
    "fr-mil": Pool("FR", "CTM", (("A400", 3),), military=1.0),
    "tn-line": Pool("TN", "TAR", (("A320", 3),)),
}

MILITARY, LADD = 1, 8  # readsb dbFlags


def airframes(rng: np.random.Generator) -> dict[str, list[Airframe]]:
    """The whole fleet by pool. Numbers are assigned in the order of `POOLS`, so a pool never changes another."""
    taken = dict.fromkeys(BLOCKS, 0)
    fleet: dict[str, list[Airframe]] = {}
    for name, pool in POOLS.items():
        frames = []
        for typecode, count in pool.types:
            for _ in range(count):
                frames.append(_airframe(name, pool, typecode, taken[pool.country], rng))
                taken[pool.country] += 1
        fleet[name] = frames
    return fleet


def _airframe(name: str, pool: Pool, typecode: str, number: int, rng: np.random.Generator) -> Airframe:
    block = BLOCKS[pool.country]
    # Steps of 3: with neighbouring addresses a reading error could go unnoticed.
    address = block.start + number * (1 if pool.country == "RU" else 3)
    flags = MILITARY if rng.random() < pool.military else 0
    if pool.country == "BY" and rng.random() < 0.3:
        flags |= LADD  # as several real EW-…TH are (tar1090-db)
    return Airframe(
        icao24=icao24_text(address),
        registration=block.registration.replace("#", str(block.first + number)),
        typecode=typecode,
        operator=pool.airline,
        flags=flags,
        pool=name,
        mlat=bool(rng.random() < pool.mlat),
    )
