"""Discovered routes are named by country codes; people read names."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

PAIR = re.compile(r"([A-Z]{2}) to ([A-Z]{2})")


@cache
def names() -> dict[str, str]:
    """Country codes and names as the time zone database spells them (`iso3166.tab`, public domain)."""
    table = files("tzdata").joinpath("zoneinfo", "iso3166.tab").read_text(encoding="utf-8")
    return {line[:2]: line[3:] for line in table.splitlines() if line and not line.startswith("#")}


def said(route: str) -> str:
    """A route's name for reading; the name itself stays in brackets, because commands need it.

    >>> said("LY to RU"), said("Minsk to Benghazi")
    ('Libya to Russia (LY to RU)', 'Minsk to Benghazi')
    """
    found = PAIR.fullmatch(route)
    if not found:
        return route
    here, there = (names().get(code, code) for code in found.groups())
    return f"{here} to {there} ({route})"
