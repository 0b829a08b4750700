"""What the tables of explore hold, column by column, and small helpers for choosing days and names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

import pandas as pd

from flightwatch import records
from flightwatch.errors import UsageError

Days = tuple[date, date]
DayLike = str | date | Sequence[str | date] | int | None

FLIGHT_COLUMNS = (
    "flight_id", "icao24", "callsign", "registration", "typecode", "firstseen", "lastseen", "estdepartureairport",
    "departure_method", "departure_probability", "estarrivalairport", "arrival_method", "arrival_probability",
    "departure_candidates", "arrival_candidates", "first_latitude", "first_longitude", "last_latitude",
    "last_longitude", "points", "longest_gap_s", "distance_nm", "status", "suspect", "source", "rules_version",
)  # fmt: skip
"""A flight as people and exports see it."""

TRACK_COLUMNS = (
    "timestamp", "icao24", "callsign", "latitude", "longitude", "altitude", "groundspeed", "track", "vertical_rate",
    "onground", "geoaltitude", "squawk", "registration", "typecode", "flight_id",
)  # fmt: skip
"""The columns the `traffic` library reads; the last five are optional there."""

EXTRA = {
    "route_days": {
        "flights_lower": "5 % point of the flights of that day: which inferred ends were this route is not known",
        "flights_upper": "95 % point of the flights of that day, likewise; says nothing of flights nobody heard",
    },
    "flights": {
        "route_probability": "that the flight flew the route asked for (only with `route=`)",
        "confirmed": "both ends seen or reported (only with `route=`)",
    },
    "alerts": {
        "id": "number of the alert",
        "route": "the route that names it",
        "routes": "list of all routes that rest on the same flights",
        "opened": "when it was raised, UTC",
        "first_day": "UTC date of the first flight that belongs to it",
        "last_day": "UTC date of the last unusual day",
        "status": "open, acknowledged, dismissed, closed",
        "severity": "info, watch, high",
        "headline": "what was counted against what",
        "flights": "flights it rests on, their ways home left out",
        "expected_flights": "sum of the probabilities that they flew the route",
        "updated": "last change, UTC",
        "by": "who last changed it",
        "reason": "why it was dismissed",
    },
    "track": {
        "timestamp": "UTC",
        "icao24": "six lower-case hex digits",
        "callsign": "of the flight",
        "latitude": "degrees north",
        "longitude": "degrees east",
        "altitude": "ft, barometric; NaN on the ground or unknown",
        "groundspeed": "kt",
        "track": "degrees true over ground",
        "vertical_rate": "ft/min",
        "onground": "the aircraft said so",
        "geoaltitude": "ft above the WGS84 ellipsoid",
    },
    "polls": {
        "source": "name of the source",
        "query": "what was asked, or the piece of the archive",
        "started": "UTC",
        "finished": "UTC",
        "outcome": ", ".join(records.OUTCOMES),
        "kept": "rows taken over",
        "rejected": "dict reason -> rows refused",
        "bytes": "of the body as received",
        "sha256": "of the body as received",
        "id": "number of the poll",
        "note": "in words, what went wrong",
        "planned": "true for live polls, false for pieces of history",
    },
}


def columns(table: str) -> pd.Series:
    """What each column of `flights`, `route_days`, `findings`, `alerts`, `track` or `polls` holds, with its unit.

    >>> columns("findings")["multiple"]
    'observed over expected; inf when nothing is usual'
    """
    schemas = {"flights": records.FLIGHT, "route_days": records.ROUTE_DAY, "findings": records.FINDING}
    if table not in schemas and table not in EXTRA:
        raise UsageError(f"no table {table!r}; there are {', '.join(sorted({*schemas, *EXTRA}))}")
    schema = {name: column.unit for name, column in schemas.get(table, {}).items()}
    if table == "flights":
        schema = {name: schema[name] for name in FLIGHT_COLUMNS}
    return pd.Series({**schema, **EXTRA.get(table, {})}, name=table, dtype=object)


def span(days: DayLike, last: date | None = None) -> Days | None:
    """First and last UTC date of what people write for days; None means all.

    A day, a month, a pair (both ends included), or a number of days up to the last one recorded.

    >>> span("2024-12")
    (datetime.date(2024, 12, 1), datetime.date(2024, 12, 31))
    >>> span(7, last=date(2024, 12, 14))
    (datetime.date(2024, 12, 8), datetime.date(2024, 12, 14))
    """
    if days is None:
        return None
    if isinstance(days, int):
        if days < 1 or last is None:
            raise UsageError(f"{days} days: give at least 1, and a database that holds flights")
        return last - timedelta(days=days - 1), last
    if isinstance(days, str | date):
        return _one(days)
    if len(days) != 2:
        raise UsageError(f"days: give one day or (first, last), not {len(days)} values")
    first, end = _one(days[0])[0], _one(days[1])[1]
    if first > end:
        raise UsageError(f"days: {first} comes after {end}")
    return first, end


def _one(day: str | date) -> Days:
    if isinstance(day, datetime):
        return (day.astimezone(UTC).date() if day.tzinfo else day.date(),) * 2
    if isinstance(day, date):
        return day, day
    try:
        if len(day) == len("2024-12"):
            first = date.fromisoformat(day + "-01")
            return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        return (date.fromisoformat(day),) * 2
    except ValueError:
        raise UsageError(f"days: {day!r} is not a date like 2024-12-14 or a month like 2024-12") from None


def nearest(name: str, names: Iterable[str]) -> list[str]:
    """Names that contain the text, else similar ones, else those with a word similar to one of its words.

    >>> nearest("brak", ["Arrivals at Brak"]), nearest("Bengazi", ["Minsk to Benghazi", "Arrivals at Brak"])
    (['Arrivals at Brak'], ['Minsk to Benghazi'])
    """
    folded = {n.casefold(): n for n in names}
    written = name.casefold()
    found = [n for key, n in folded.items() if written in key]
    found = found or [folded[n] for n in difflib.get_close_matches(written, folded, n=3, cutoff=0.7)]
    if found:
        return found
    words = {word for part in written.split() if len(part) > 3 for word in difflib.get_close_matches(
        part, {w for key in folded for w in key.split()}, cutoff=0.75)}  # fmt: skip
    return [n for key, n in folded.items() if words & set(key.split())]


def known(name: str, names: Iterable[str], what: str) -> str:
    """The name as stored (case does not matter), or UsageError with the nearest ones.

    >>> known("minsk to benghazi", ["Minsk to Benghazi"], "route")
    'Minsk to Benghazi'
    >>> known("Minsk to Bengazi", ["Minsk to Benghazi", "Brak"], "route")
    Traceback (most recent call last):
    flightwatch.errors.UsageError: no route 'Minsk to Bengazi'; did you mean 'Minsk to Benghazi'?
    """
    listed = list(names)
    folded = {n.casefold(): n for n in listed}
    if name.casefold() in folded:
        return folded[name.casefold()]
    near = nearest(name, listed)
    if near:
        hint = f"did you mean {' or '.join(repr(n) for n in near[:3])}?"
    else:
        hint = (
            f"there are {len(listed)}, such as {', '.join(repr(n) for n in listed[:3])}"
            if listed
            else "there is none yet"
        )
    raise UsageError(f"no {what} {name!r}; {hint}")
