"""Conversions, each done once at the entry: 24-bit addresses, instants, metric units."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

FEET_PER_METRE = 1 / 0.3048  # international foot, 1959
KNOTS_PER_MS = 3600 / 1852  # international nautical mile, 1929
FPM_PER_MS = 60 / 0.3048
KM_PER_NM = 1.852

ICAO24 = re.compile("[0-9A-Fa-f]{6}")
INSTANT = "datetime64[ms, UTC]"
"""The dtype of every instant in a frame."""


def icao24_text(address: int) -> str:
    """The 24-bit address as six hex digits.

    >>> icao24_text(0x140A1F)
    '140a1f'
    """
    return f"{address:06x}"


def icao24_texts(addresses: npt.NDArray[Any]) -> npt.NDArray[np.object_]:
    """`icao24_text` of many at once.

    >>> icao24_texts(np.array([0x140A1F, 0x18], dtype=np.uint32)).tolist()
    ['140a1f', '000018']
    """
    raw = addresses.astype(">u4").view(np.uint8).reshape(-1, 4)[:, 1:].tobytes()
    out = np.empty(len(addresses), dtype=object)
    out[:] = raw.hex(" ", 3).split()  # takes a third of the time of slicing
    return out


def parse_icao24(text: str) -> int | None:
    """The address as a number; None if it is not six hex digits, or if it is marked non-ICAO (`~`).

    >>> parse_icao24("140A1F") == 0x140A1F, parse_icao24("~140a1f"), parse_icao24("xyz"), parse_icao24("0x12ab")
    (True, None, None, None)
    """
    return int(text, 16) if ICAO24.fullmatch(text) else None


def millis(when: Any) -> Any:
    """Milliseconds since 1970 UTC as int64: of an aware datetime, or of a column of `INSTANT`s.

    >>> millis(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000
    """
    if isinstance(when, datetime):
        if when.tzinfo is None:
            raise ValueError("a naive datetime has no instant: give it a time zone")
        return round(when.timestamp() * 1000)
    series = pd.Series(when)
    if not isinstance(series.dtype, pd.DatetimeTZDtype):
        series = pd.to_datetime(series, utc=True)
    if series.dtype != INSTANT:
        series = series.dt.as_unit("ms")  # copies even if nothing is to be done
    return series.astype("int64").to_numpy()


def instants(ms: npt.ArrayLike) -> pd.Series:
    """Milliseconds since 1970 as a column of `INSTANT`s.

    >>> str(instants([1000])[0])
    '1970-01-01 00:00:01+00:00'
    """
    naive = pd.Series(np.asarray(ms, dtype="int64").astype("datetime64[ms]"))
    return naive.dt.tz_localize("UTC")


def instant(ms: int) -> datetime:
    """Milliseconds since 1970 as an aware datetime."""
    return datetime.fromtimestamp(ms / 1000, tz=UTC)


def iso(when: datetime) -> str:
    """ISO 8601 with `Z`, to the second.

    >>> iso(datetime(2024, 12, 14, 3, 5, tzinfo=UTC))
    '2024-12-14T03:05:00Z'
    """
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def instant_of_day(day: date) -> datetime:
    """The beginning of a UTC date."""
    return datetime.combine(day, time(), UTC)


def percent(share: float) -> str:
    """A probability for people; a merely inferred value never reads as certain.

    >>> percent(0.62), percent(0.9979)
    ('62%', 'over 99%')
    """
    return "over 99%" if share >= 0.995 else f"{share:.0%}"
