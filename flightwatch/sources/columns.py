"""Turns texts and numbers as feeds send them into the columns of OBSERVATION and AIRCRAFT.

Everything here works on whole columns. Text is cleaned once per distinct value, because one callsign repeats a thousand
times, and untrusted text needs to be checked only once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from flightwatch.records import AIRCRAFT, OBSERVATION, empty
from flightwatch.units import icao24_texts, instants

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

CALLSIGN_LENGTH = 8  # characters on air (ICAO Annex 10 vol. IV); anything longer did not come from a transponder
TEXT_LENGTH = 64  # registrations, types and owners are untrusted free text; no real one is longer
EARLIEST_S = 946_684_800  # 2000-01-01: no ADS-B record is older
LATEST_S = 4_102_444_800  # 2100-01-01: later than this is a broken clock; its nanoseconds still fit pandas

POSITION_TYPES = (
    "adsb_icao",
    "adsb_icao_nt",
    "adsr_icao",
    "tisb_icao",
    "adsc",
    "mlat",
    "other",
    "mode_s",
    "adsb_other",
    "adsr_other",
    "tisb_trackfile",
    "tisb_other",
    "mode_ac",
    "unknown",
)
"""readsb's `type` values (README-json), in the order of the heatmap's type numbers."""


@dataclass(frozen=True)
class Coded:
    """A column of repeating texts: for each row, the index of its text among the distinct ones; -1 means none."""

    codes: npt.NDArray[np.int32]
    names: list[str]

    def __getitem__(self, rows: Any) -> Coded:
        return Coded(self.codes[rows], self.names)

    def objects(self) -> npt.NDArray[np.object_]:
        """The text of each row."""
        return np.array([*self.names, ""], dtype=object)[self.codes]


_NO_AIRCRAFT, _NO_OBSERVATION = empty(AIRCRAFT), empty(OBSERVATION)
_HEX = re.compile(r"[0-9a-fA-F]{6}\Z")
_SQUAWK = re.compile(r"[0-7]{4}\Z")
_SQUAWKS = re.compile(r"(?:[0-7]{4} )*\Z")


def addresses(texts: Sequence[str]) -> tuple[npt.NDArray[np.uint32], Bools, Bools]:
    """Addresses as numbers, with two masks: which rows are usable, and which are non-ICAO (`~`).

    `000000` and `ffffff` are what a transponder without an address sends: they are not usable.

    >>> numbers, usable, foreign = addresses(["140a1f", "~2a0b1c", "xyz", "000000"])
    >>> hex(numbers[0]), usable.tolist(), foreign.tolist()
    ('0x140a1f', [True, False, False, False], [False, True, False, False])
    """
    count = len(texts)
    out = np.zeros(count, dtype=np.uint32)
    six = np.fromiter(map(len, texts), dtype=np.int64, count=count) == 6
    where = np.flatnonzero(six)
    chosen = texts if len(where) == count else [texts[i] for i in where.tolist()]
    try:
        raw = bytes.fromhex("".join(chosen))
    except ValueError:
        raw = b""
    if len(raw) == 3 * len(where):
        parts = np.frombuffer(raw, dtype=np.uint8).reshape(-1, 3).astype(np.uint32)
        out[where] = parts[:, 0] << 16 | parts[:, 1] << 8 | parts[:, 2]
    else:
        out[where] = [int(t, 16) if _HEX.match(t) else 0 for t in chosen]
    usable = six & (out != 0) & (out != 0xFFFFFF)
    foreign = np.zeros(count, dtype=bool)
    for i in np.flatnonzero(~six).tolist():
        foreign[i] = texts[i].startswith("~")
    return out, usable, foreign


def clean_text(text: str, length: int = TEXT_LENGTH) -> str:
    """Untrusted text without control characters and outer blanks, cut to a length.

    >>> clean_text(" RFF7031\\x00 ", 8)
    'RFF7031'
    """
    found = text.strip()
    if len(found) <= length and found.isprintable():
        return found
    text = text[: 4 * length]
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    return text.strip()[:length].strip()


def clean_texts(values: Sequence[str], length: int = TEXT_LENGTH) -> list[str]:
    """`clean_text` of each. All are checked together first, because almost always none needs cleaning.

    >>> clean_texts(["RFF7031 ", "a\\x00b"], 8)
    ['RFF7031', 'a b']
    """
    found = list(map(str.strip, values))
    if max(map(len, found), default=0) <= length and "".join(found).isprintable():
        return found
    return [clean_text(v, length) for v in values]


def callsign(text: str) -> str:
    """A callsign as broadcast, stripped; `@@@@@@@@` is what an unset register sends.

    >>> callsign("RFF7031 "), callsign("@@@@@@@@"), callsign("        ")
    ('RFF7031', '', '')
    """
    found = clean_text(text, CALLSIGN_LENGTH)
    return "" if not found.strip("@") else found


def callsigns(values: Sequence[str]) -> list[str]:
    """`callsign` of each."""
    found = clean_texts(values, CALLSIGN_LENGTH)
    return [v if v.strip("@") else "" for v in found] if "@" in "".join(found) else found


def squawk(text: str) -> str:
    """Four octal digits, or nothing.

    >>> squawk("0412"), squawk("9999"), squawk("1e999")
    ('0412', '', '')
    """
    return text if _SQUAWK.match(text) else ""


def squawks(values: Sequence[str]) -> list[str]:
    """`squawk` of each; all are checked together first, as in `clean_texts`."""
    together = "".join(f"{v} " for v in values if v)
    if len(together) == 5 * sum(map(bool, values)) and _SQUAWKS.match(together):
        return list(values)
    return list(map(squawk, values))


def position_types(values: Sequence[str]) -> list[str]:
    """Known readsb `type`s; anything else is `unknown`."""
    return [v if v in POSITION_TYPES else "unknown" for v in values]


def absent(value: Any) -> bool:
    """Whether a cell of an object column is empty: None, NaN, NaT or pandas' NA.

    >>> absent(float("nan")), absent(None), absent(""), absent([None])
    (True, True, False, False)
    """
    return pd.isna(value) is True  # for a list it is an array


def texts(values: Any, clean: Callable[[Sequence[str]], list[str]] = clean_texts) -> pd.Categorical:
    """A column of texts as categories, with every distinct value cleaned once.

    >>> list(texts(["A ", "B", "A"]))
    ['A', 'B', 'A']
    """
    if isinstance(values, Coded):
        names = [*values.names, ""]
        return recode(np.where(values.codes < 0, len(names) - 1, values.codes), clean(names))
    codes, distinct = pd.factorize(np.asarray(values, dtype=object))
    return recode(codes, clean(distinct.tolist()))


def recode(codes: npt.NDArray[Any], names: Sequence[str]) -> pd.Categorical:
    """Categories from codes into a list of names that may repeat."""
    index = _index(names)
    if index.is_unique:
        return pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(index))
    places: dict[str, int] = {}
    remap = np.fromiter((places.setdefault(n, len(places)) for n in names), dtype=np.int64, count=len(names))
    return pd.Categorical.from_codes(remap[codes] if len(names) else codes, dtype=pd.CategoricalDtype(_index(places)))


def constant(value: str, count: int) -> pd.Categorical:
    """The same text in every row."""
    return pd.Categorical.from_codes(np.zeros(count, dtype=np.int8), dtype=pd.CategoricalDtype(_index((value,))))


def _index(names: Iterable[str]) -> pd.Index:
    """Categories of the same dtype (object) under pandas 2 and 3.

    Created afresh each time. pandas records in an index which frames share it, so one kept for good would collect such
    a record from every poll, each of which pins a page of memory (docs/reliability.md, R13).
    """
    return pd.Index(list(names), dtype=object)


def position_faults(latitude: Floats, longitude: Floats) -> tuple[Bools, Bools]:
    """Masks: rows with no position at all, and rows with an impossible one.

    Exactly 0/0 and the poles are what decoders output when they know nothing (readsb `bogus_lat_lon`).

    >>> none, bad = position_faults(np.array([np.nan, 91.0, 0.0, 32.1]), np.array([20.0, 20.0, 0.0, 20.2]))
    >>> none.tolist(), bad.tolist()
    ([True, False, False, False], [False, True, True, False])
    """
    none = np.isnan(latitude) | np.isnan(longitude)
    with np.errstate(invalid="ignore"):
        bad = (np.abs(latitude) >= 90) | (np.abs(longitude) > 180)
        bad |= (np.abs(latitude) < 0.01) & (np.abs(longitude) < 0.01)
    return none, bad & ~none


def small(values: Any) -> npt.NDArray[np.float32]:
    """Numbers as float32; a number that does not fit (1e300) becomes unknown."""
    with np.errstate(over="ignore", invalid="ignore"):
        out = np.asarray(values, dtype=np.float64).astype(np.float32)
    out[np.isinf(out)] = np.nan
    return out


def nic(values: Any) -> npt.NDArray[np.int8]:
    """Navigation integrity category 0-11; -1 when unknown or impossible."""
    numbers = np.asarray(values, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        known = (numbers >= 0) & (numbers <= 11)
    return np.where(known, numbers, -1).astype(np.int8)


def observations(columns: dict[str, Any], source: str) -> pd.DataFrame:
    """An OBSERVATION frame from prepared columns; `time` is in milliseconds since 1970.

    Missing columns get their default; values are not checked again here.
    """
    count = len(columns["address"])
    if not count:
        return _NO_OBSERVATION.copy()
    blank = np.full(count, np.nan, dtype=np.float32)
    return pd.DataFrame(
        {
            "address": columns["address"],
            "time": instants(columns["time"]),
            "latitude": columns["latitude"],
            "longitude": columns["longitude"],
            "altitude": columns.get("altitude", blank),
            "geoaltitude": columns.get("geoaltitude", blank),
            "groundspeed": columns.get("groundspeed", blank),
            "track": columns.get("track", blank),
            "vertical_rate": columns.get("vertical_rate", blank),
            "onground": columns.get("onground", np.zeros(count, dtype=bool)),
            "callsign": columns.get("callsign", constant("", count)),
            "squawk": columns.get("squawk", constant("", count)),
            "position_type": columns.get("position_type", constant("unknown", count)),
            "nic": columns.get("nic", np.full(count, -1, dtype=np.int8)),
            "source": constant(source, count),
            "poll": np.full(count, -1, dtype=np.int64),
            "suspect": columns.get("suspect", np.zeros(count, dtype=np.uint8)),
        },
        copy=False,
    )


def aircraft(columns: dict[str, Any], source: str) -> pd.DataFrame:
    """An AIRCRAFT frame: one row per airframe that the source describes; the last value wins.

    `columns` holds `address` and any of `registration`, `typecode`, `operator` (texts) and `flags` (numbers).
    """
    number = np.asarray(columns["address"], dtype=np.uint32)
    flags = np.asarray(columns.get("flags", np.zeros(len(number))), dtype=np.float64)
    with np.errstate(invalid="ignore"):
        flags = np.where((flags >= 0) & (flags < 2**16), flags, 0).astype(np.int64)
    said = flags != 0
    none = np.full(len(number), "", dtype=object)
    parts = {n: columns.get(n, none) for n in ("registration", "typecode", "operator")}
    for values in parts.values():
        said |= values.codes >= 0 if isinstance(values, Coded) else values.astype(bool)
    if not said.any():
        return _NO_AIRCRAFT.copy()
    where = np.flatnonzero(said)[::-1]
    distinct, last = np.unique(number[where], return_index=True)
    where = where[last]
    out = {"icao24": _series(icao24_texts(distinct))}
    for name, values in parts.items():
        out[name] = _series(_claimed(values[where], str.upper if name == "typecode" else str))
    out["flags"] = pd.Series(flags[where])
    out["source"] = _series(np.full(len(where), source, dtype=object))
    return pd.DataFrame(out, copy=False)


def _claimed(values: Any, form: Callable[[str], str]) -> npt.NDArray[np.object_]:
    """The texts of a claim, cleaned; coded columns are cleaned once per distinct value."""
    if isinstance(values, Coded):
        return Coded(values.codes, [form(text) for text in clean_texts(values.names)]).objects()
    return np.array([form(text) for text in clean_texts(values.tolist())], dtype=object)


def _series(values: npt.NDArray[Any]) -> pd.Series:
    return pd.Series(values, dtype=object)  # dtype given, or pandas 3 inspects every value to make a string column
