"""The shapes that pass between steps.

Many rows travel as DataFrames whose columns are declared here (name, dtype, unit); single things are frozen dataclasses
with a natural key. Instants are aware UTC (`units.INSTANT` in frames), days are UTC dates (`datetime64[s]` at midnight
in frames, `datetime.date` elsewhere), altitudes are feet, speeds knots, vertical rates ft/min, distances nautical
miles, angles degrees true.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from flightwatch.units import INSTANT

DAY = "datetime64[s]"
"""The dtype of a UTC date in a frame: a date is not an instant, so it carries no zone."""


@dataclass(frozen=True)
class Column:
    """One column of a frame: its dtype, its unit (or what it holds), and the value that means "not known"."""

    dtype: str
    unit: str
    default: Any = None


Schema = dict[str, Column]

OBSERVATION: Schema = {
    "address": Column("uint32", "24-bit ICAO address; never a non-ICAO one"),
    "time": Column(INSTANT, "when the position was valid"),
    "latitude": Column("float64", "degrees north, WGS84"),
    "longitude": Column("float64", "degrees east, WGS84"),
    "altitude": Column("float32", "barometric, ft at 1013.25 hPa; NaN on the ground or unknown", np.nan),
    "geoaltitude": Column("float32", "ft above the WGS84 ellipsoid", np.nan),
    "groundspeed": Column("float32", "kt", np.nan),
    "track": Column("float32", "degrees true over ground", np.nan),
    "vertical_rate": Column("float32", "ft/min", np.nan),
    "onground": Column("bool", "the aircraft said so", False),
    "callsign": Column("category", "as broadcast, stripped; empty when unknown", ""),
    "squawk": Column("category", "four octal digits; empty when unknown", ""),
    "position_type": Column("category", "readsb `type`: adsb_icao, mlat, …; `unknown` when not told", "unknown"),
    "nic": Column("int8", "navigation integrity category 0-11; -1 unknown", -1),
    "source": Column("category", "who told us: the source's name or the archive's", ""),
    "poll": Column("int64", "id of the poll or archive piece it came from; -1 none", -1),
    "suspect": Column("uint8", "bit field of SUSPECT reasons; 0 when nothing is wrong", 0),
}

SUSPECT = {
    1: "teleport",
    2: "spoof cluster",
    4: "stale",
    8: "duplicate address",
    16: "mlat scatter",
    32: "low integrity",
    64: "clock",
}
"""Why a fix is doubted. Doubted fixes are kept and marked, never dropped."""

AIRCRAFT: Schema = {
    "icao24": Column("str", "six lower-case hex digits"),
    "registration": Column("str", "as the source says; empty unknown", ""),
    "typecode": Column("str", "ICAO type designator; empty unknown", ""),
    "operator": Column("str", "owner or operator as the source says", ""),
    "flags": Column("int64", "readsb dbFlags: 1 military, 2 interesting, 4 PIA, 8 LADD", 0),
    "source": Column("str", "where the values come from", ""),
}

FLIGHT: Schema = {
    "flight_id": Column("str", "icao24-YYYYmmddTHHMMSSZ of firstseen; see `flight_id`"),
    "icao24": Column("str", "six lower-case hex digits; empty in imported lists without it", ""),
    "callsign": Column("str", "the one broadcast longest", ""),
    "callsigns": Column("str", "all, space separated, in order of appearance", ""),
    "registration": Column("str", "", ""),
    "typecode": Column("str", "ICAO type designator", ""),
    "firstseen": Column(INSTANT, "first fix of the leg"),
    "lastseen": Column(INSTANT, "last fix of the leg"),
    "estdepartureairport": Column("str", "best airport; empty when no single one stands out", ""),
    "departure_method": Column("str", "observed, approach, inferred, reported, unknown", "unknown"),
    "departure_probability": Column("float64", "of the best airport", 0.0),
    "departure_candidates": Column("object", "dict airport -> probability; the remainder to 1 is unknown"),
    "departure_distance_nm": Column("float64", "first fix to the best airport", np.nan),
    "estarrivalairport": Column("str", "", ""),
    "arrival_method": Column("str", "observed, approach, inferred, reported, unknown", "unknown"),
    "arrival_probability": Column("float64", "of the best airport", 0.0),
    "arrival_candidates": Column("object", "dict airport -> probability; the remainder to 1 is unknown"),
    "arrival_distance_nm": Column("float64", "last fix to the best airport", np.nan),
    "first_latitude": Column("float64", "deg", np.nan),
    "first_longitude": Column("float64", "deg", np.nan),
    "first_altitude": Column("float64", "ft; NaN on the ground or unknown", np.nan),
    "last_latitude": Column("float64", "deg", np.nan),
    "last_longitude": Column("float64", "deg", np.nan),
    "last_altitude": Column("float64", "ft; NaN on the ground or unknown", np.nan),
    "points": Column("int64", "fixes kept", 0),
    "longest_gap_s": Column("float64", "s between two fixes inside the leg", 0.0),
    "distance_nm": Column("float64", "flown along the fixes", 0.0),
    "status": Column("str", "airborne, landed, lost", "lost"),
    "suspect": Column("str", "why its positions are doubted, comma separated; empty when they are not", ""),
    "source": Column("str", "sources of its fixes, space separated", ""),
    "provenance": Column("object", "list of poll ids, or of archive pieces, that its fixes came from"),
    "rules_version": Column("str", "the rules that built it"),
    "track": Column("object", "thinned track, `tracks.encode`; None for imported flights"),
}

METHODS = ("observed", "approach", "inferred", "reported", "unknown")
STATUSES = ("airborne", "landed", "lost")

MATCH: Schema = {
    "route": Column("str", "route name"),
    "flight_id": Column("str", ""),
    "icao24": Column("str", ""),
    "day": Column(DAY, "UTC date the flight counts for: of firstseen"),
    "probability": Column("float64", "that the flight flew this route"),
    "confirmed": Column("bool", "both ends are observed, on approach or reported (an `anywhere` end always is)"),
}

ROUTE_DAY: Schema = {
    "route": Column("str", "route name"),
    "day": Column(DAY, "UTC date"),
    "flights": Column("float64", "expected flights: the sum of probabilities"),
    "confirmed": Column("float64", "flights with both ends seen or reported", 0.0),
    "aircraft": Column("float64", "expected number of different airframes", 0.0),
    "newcomers": Column("float64", "flights by airframes not on this route in the 180 days before", 0.0),
    "region_newcomers": Column("float64", "flights by airframes not at this route's arrival places before", 0.0),
    "heavy": Column("float64", "flights by heavy or military types", 0.0),
    "military": Column("float64", "flights by airframes flagged military", 0.0),
    "night": Column("float64", "flights that moved by night (local solar time at the departure)", 0.0),
    "reverse": Column("float64", "expected flights on the reverse route", 0.0),
    "suspect": Column("float64", "flights whose positions are doubted", 0.0),
    "coverage": Column("float64", "0-1: did we look, and did the sources hear their usual traffic", 1.0),
    "looked": Column("float64", "0-1: share of the day in which a source answered or an archive was read", 1.0),
    "traffic": Column("float64", "aircraft-hours heard where the route would show; -1 not measured", -1.0),
    "origin_group": Column("str", "key shared by routes with the same origin", ""),
    "destination_group": Column("str", "key shared by routes with the same destination", ""),
}

FINDING: Schema = {
    "route": Column("str", "route name"),
    "day": Column(DAY, "UTC date judged"),
    "model": Column("str", "id of the model that judged"),
    "window_days": Column("int64", "the window that is most surprising, ending on `day`"),
    "observed": Column("float64", "flights in that window"),
    "expected": Column("float64", "usual flights in that window, corrected for coverage"),
    "lower": Column("float64", "5 % point of the usual count"),
    "upper": Column("float64", "95 % point of the usual count"),
    "multiple": Column("float64", "observed over expected; inf when nothing is usual"),
    "probability": Column("float64", "calibrated tail probability, never below what the calibration carries"),
    "score": Column("float64", "higher is stranger; comparable over routes of one model"),
    "threshold": Column("float64", "score from which the stated false-alert rate holds"),
    "flagged": Column("bool", "score above threshold and every other condition met"),
    "reasons": Column("object", "list of sentences for people: why it fired, or what held it back"),
    "contributions": Column("object", "dict feature -> share of the score; positive made it stranger"),
    "coverage": Column("float64", "of the window"),
    "history_days": Column("int64", "watched days the judgement rests on"),
}

HEARD: Schema = {
    "cell": Column("str", "2° cell, south-west corner as `lat,lon`, e.g. `32,20`"),
    "hour": Column(INSTANT, "full hour"),
    "source": Column("str", ""),
    "aircraft": Column("int64", "different airframes heard in the cell in that hour"),
}


def empty(schema: Schema) -> pd.DataFrame:
    """An empty frame with that schema."""
    shape = tuple((name, column.dtype) for name, column in schema.items())
    made = _EMPTY.get(shape)
    if made is None:
        made = pd.DataFrame({name: pd.Series(dtype=_dtype(c)) for name, c in schema.items()})
        _EMPTY[shape] = made
    return made.copy()


_EMPTY: dict[tuple[tuple[str, str], ...], pd.DataFrame] = {}  # one per schema: a poll needs several


def concat(frames: Sequence[pd.DataFrame], schema: Schema) -> pd.DataFrame:
    """The rows of all frames of one schema, with categories united (pandas alone would fall back to objects)."""
    filled = [f for f in frames if len(f)]
    if not filled:
        return empty(schema)
    if len(filled) == 1:
        return conform(filled[0], schema)
    for name in (n for n, c in schema.items() if c.dtype == "category"):
        every = pd.Index([], dtype=object)
        for f in filled:
            every = every.union(f[name].cat.categories.astype(object), sort=False)
        filled = [f.assign(**{name: f[name].cat.set_categories(every)}) for f in filled]
    return pd.concat(filled, ignore_index=True)


def conform(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """The frame with exactly the schema's columns, in order and dtype; missing ones get their default.

    Raises KeyError with the name of a missing column without a default, ValueError if a column cannot be cast.
    """
    if frame.columns.tolist() == list(schema) and all(map(_fits, frame.dtypes, schema.values())):
        return frame.reset_index(drop=True)
    out = {}
    for name, column in schema.items():
        if name in frame:
            series = frame[name]
        elif column.default is None and column.dtype != "object":
            raise KeyError(f"column {name!r} is missing ({column.unit})")
        else:
            series = pd.Series([column.default] * len(frame), index=frame.index, dtype=_dtype(column))
        out[name] = _cast(series, column)
    return pd.DataFrame(out, index=frame.index).reset_index(drop=True)


def _fits(dtype: Any, column: Column) -> bool:
    """Whether a column of that dtype needs no cast; text may hide missing values, so it is always checked."""
    return column.dtype not in ("str", "object") and str(dtype) == column.dtype


def _dtype(column: Column) -> Any:
    return "object" if column.dtype in ("str", "object") else column.dtype


def _cast(series: pd.Series, column: Column) -> pd.Series:
    if column.dtype == "str":
        texts, known = series.astype(object), series.notna()
        return texts if known.all() else texts.where(known, column.default if column.default is not None else "")
    if column.dtype == INSTANT:
        return pd.to_datetime(series, utc=True).astype(INSTANT)
    if column.dtype == DAY:
        return pd.to_datetime(series).astype(DAY)
    if column.dtype == "object":
        return series.astype(object)
    if column.default is not None and series.dtype == object and series.isna().any():
        # frames concatenated from some with the column and some without; NaN as a bool would be True
        series = series.where(series.notna(), column.default)
    return series.astype(column.dtype)


def flight_id(icao24: str, firstseen: datetime) -> str:
    """The id of a leg: airframe and first fix.

    >>> from datetime import UTC
    >>> flight_id("140a1f", datetime(2024, 12, 14, 2, 15, 30, tzinfo=UTC))
    '140a1f-20241214T021530Z'
    """
    return f"{icao24}-{firstseen:%Y%m%dT%H%M%SZ}"


OUTCOMES = ("ok", "empty", "rate_limited", "blocked", "auth", "bad_request", "server", "timeout", "bad_schema")


@dataclass(frozen=True)
class Poll:
    """One request to a feed, or one piece of an archive read: what was requested, and the result.

    `planned` is false for pieces of history. `sha256` is of the body as received (after transport decompression);
    `note` says in words what went wrong.
    """

    source: str
    query: str
    started: datetime
    finished: datetime
    outcome: str
    kept: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    bytes: int = 0
    sha256: str = ""
    note: str = ""
    planned: bool = True


@dataclass(frozen=True)
class Fetched:
    """What a source returns: the poll, and the rows as the source gave them, in our units, before cleaning.

    `observations` has the columns of OBSERVATION (`poll` still -1), `aircraft` those of AIRCRAFT; `body` is the raw
    body (None if it is not kept).
    """

    poll: Poll
    observations: pd.DataFrame
    aircraft: pd.DataFrame
    rejected: Counter[str] = field(default_factory=Counter)
    body: bytes | None = None


@dataclass(frozen=True)
class AircraftFilter:
    """Which airframes a route counts; every given condition must hold, and an empty filter takes all.

    `military` means flagged military, or of a type that only the military flies. `hidden_types` excludes nothing:
    airframes of these types count even if the owner asked not to be shown.
    """

    types: tuple[str, ...] = ()
    military: bool | None = None
    operators: tuple[str, ...] = ()
    icao24: tuple[str, ...] = ()
    heavy: bool | None = None
    hidden_types: tuple[str, ...] = ()


@dataclass(frozen=True)
class Route:
    """A directed pair of ends with an aircraft filter. An end is a set of airport ids; None means anywhere.

    `origin` and `destination` are the ends as configured (place names, codes), for people; `origin_airports` and
    `destination_airports` are what they resolve to. `over` are circles (latitude, longitude, NM), in one of which the
    flight must have been seen; empty if that does not matter.
    """

    name: str
    origin: tuple[str, ...]
    destination: tuple[str, ...]
    origin_airports: frozenset[str] | None
    destination_airports: frozenset[str] | None
    aircraft: AircraftFilter = AircraftFilter()
    discovered: bool = False
    digest: str = ""
    over: tuple[tuple[float, float, float], ...] = ()

    def __post_init__(self) -> None:
        # A definition read back from JSON has lists, but is the same route.
        object.__setattr__(self, "over", tuple((float(a), float(b), float(c)) for a, b, c in self.over))
