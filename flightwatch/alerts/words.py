"""Flights, odds and days as an editor reads them; plain counts are in `flightwatch.words`."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from flightwatch.countries import said
from flightwatch.words import number


def flights(value: float) -> str:
    """A number of flights; a fractional one is an expectation, and says so.

    >>> flights(3.02), flights(1), flights(5.4), flights(0.6), flights(1.2)
    ('3 flights', '1 flight', 'about 5 flights', 'probably 1 flight', 'about 1 flight')
    """
    whole = round(value)
    if value >= 0.95 and abs(value - whole) < 0.05:
        return f"{whole} flight{'s' if whole != 1 else ''}"
    if value < 0.95:
        return "probably 1 flight" if value >= 0.5 else "possibly 1 flight"
    return f"about {whole} flight{'s' if whole != 1 else ''}"


def times(multiple: float) -> str:
    """How many times the usual.

    >>> times(54.3), times(3.46), times(float("inf"))
    ('54 times the usual', '3.5 times the usual', 'none is usual')
    """
    if not math.isfinite(multiple):
        return "none is usual"
    return f"{multiple:.0f} times the usual" if multiple >= 10 else f"{number(multiple)} times the usual"


def split_rarity(reasons: Iterable[str]) -> tuple[list[str], list[str]]:
    """Splits the reasons into those that say how often ordinary traffic looks like this (`detection.words`), and the
    others.

    >>> split_rarity(["3 flights in 7 days", "ordinary traffic on such a route looks like this once in 4 years"])
    (['ordinary traffic on such a route looks like this once in 4 years'], ['3 flights in 7 days'])
    """
    every = list(reasons)
    rare = [r for r in every if r.startswith("ordinary traffic") or "simulated years" in r]
    return rare, [r for r in every if r not in rare]


DOUBTS = {
    "teleport": "a jump no aircraft can make",
    "spoof cluster": "many aircraft at one spot",
    "stale": "an old position repeated",
    "duplicate address": "two aircraft under one address",
    "mlat scatter": "scattered multilateration positions",
    "low integrity": "the aircraft reports poor accuracy",
    "clock": "a wrong clock",
}
"""The marks of `records.SUSPECT` in words for people."""


def doubts(marks: str) -> str:
    """Why positions are doubted, in words.

    >>> doubts("teleport, low integrity"), doubts("")
    ('a jump no aircraft can make, the aircraft reports poor accuracy', '')
    """
    return ", ".join(DOUBTS.get(mark.strip(), mark.strip()) for mark in marks.split(","))


def headline(route: str, text: str) -> str:
    """An alert's headline for reading: country codes in the route name become words.

    >>> headline("LY to RU", "LY to RU: 2 flights in 7 days (usual 0.1)")
    'Libya to Russia (LY to RU): 2 flights in 7 days (usual 0.1)'
    """
    return f"{said(route)}{text.removeprefix(route)}" if text.startswith(route) else text


def day(value: date) -> str:
    """
    >>> day(date(2024, 12, 8))
    '8 December 2024'
    """
    return f"{value.day} {value:%B %Y}"


def moment(when: datetime, zone: str = "UTC") -> str:
    """An instant in UTC, and also in the reader's zone if that is different.

    >>> moment(datetime(2024, 12, 14, 2, 15, tzinfo=UTC), "Europe/Berlin")
    '2024-12-14 02:15 UTC (03:15 Europe/Berlin)'
    """
    text = f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if zone in ("", "UTC"):
        return text
    local = when.astimezone(ZoneInfo(zone))
    same_day = local.date() == when.astimezone(UTC).date()
    return f"{text} ({local:%H:%M} {zone})" if same_day else f"{text} ({local:%Y-%m-%d %H:%M} {zone})"


def listing(items: Iterable[str], *, most: int = 6) -> str:
    """
    >>> listing(["a"]), listing(["a", "b", "c"]), listing("abcdefgh", most=2)
    ('a', 'a, b and c', 'a, b and 6 more')
    """
    names = list(items)
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    if len(names) <= 1:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
