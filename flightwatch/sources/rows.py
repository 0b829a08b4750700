"""The rows of a trace file: decoded with types, turned into columns trace by trace, and joined for a batch."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from operator import attrgetter
from typing import Any, Literal

import msgspec
import numpy as np
import pandas as pd

from flightwatch.sources import columns as col
from flightwatch.sources import inflate, scanner
from flightwatch.sources.scanner import Scanned

CARRY_S = 1800.0  # s without a row after which the last callsign is no longer used: time to land and start again
NEW_LEG, GEOMETRIC_ALTITUDE = 2, 8  # bits of row[6] (README-json)
EARLIEST_ROW_S, LATEST_ROW_S = -86_400, 3 * 86_400  # limits of an offset: a trace holds a day, the live one 25 h

Kind = Literal[
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
]
"""`columns.POSITION_TYPES` as a type: the decoder then reuses one object for each instead of a new text per row."""


class Detail(msgspec.Struct, gc=False):
    flight: str | None = None
    squawk: str | None = None
    nic: float | None = None


class Row(msgspec.Struct, array_like=True, gc=False):
    t: float
    lat: float
    lon: float
    alt: float | Literal["ground"] | None = None
    gs: float | None = None
    track: float | None = None
    flags: float = 0.0
    rate: float | None = None
    detail: Detail | None = None
    type: Kind | None = None
    geom: float | None = None


class LooseRow(msgspec.Struct, array_like=True, gc=False):
    """A row of a future build: any text where we know a few, null where there was always a number."""

    t: float
    lat: float
    lon: float
    alt: float | str | None = None
    gs: float | None = None
    track: float | None = None
    flags: float | None = None
    rate: float | None = None
    detail: Detail | None = None
    type: str | None = None
    geom: float | None = None

    def strict(self) -> Row:
        alt: Any = None if isinstance(self.alt, str) and self.alt != "ground" else self.alt
        kind: Any = self.type if self.type in col.POSITION_TYPES else "unknown"
        return Row(
            self.t, self.lat, self.lon, alt, self.gs, self.track, self.flags or 0.0, self.rate, self.detail, kind,
            self.geom,
        )  # fmt: skip


Fourteen = tuple[
    float, float, float, float | Literal["ground"] | None, float | None, float | None, float, float | None,
    Detail | None, Kind | None, float | None, msgspec.Raw, msgspec.Raw, msgspec.Raw,
]  # fmt: skip
"""A row of today's usual length: tuples turn into columns without reading each field of each row."""


class Usual(msgspec.Struct, gc=False):
    icao: str
    timestamp: float
    trace: list[Fourteen]
    r: str | None = None
    t: str | None = None
    dbFlags: float | None = None
    ownOp: str | None = None


class Trace(msgspec.Struct, gc=False):
    icao: str
    timestamp: float
    trace: list[Row]
    r: str | None = None
    t: str | None = None
    dbFlags: float | None = None
    ownOp: str | None = None


FAULTS = (msgspec.MsgspecError, ValueError, RecursionError)
_USUAL = msgspec.json.Decoder(Usual)
_TRACE = msgspec.json.Decoder(Trace)
_ROW = msgspec.json.Decoder(Row)
_LOOSE = msgspec.json.Decoder(LooseRow)
_GET = attrgetter(*Row.__struct_fields__)
_DETAIL = attrgetter(*Detail.__struct_fields__)
FIELDS = len(Row.__struct_fields__)
_CODES: dict[str | None, int] = {name: i for i, name in enumerate(col.POSITION_TYPES)} | {None: 13}


AnyTrace = Trace | Usual | Scanned


def size(trace: AnyTrace) -> int:
    """How many rows it has."""
    return len(trace) if isinstance(trace, Scanned) else len(trace.trace)


def decode(data: bytes, rejected: Counter[str]) -> AnyTrace | None:
    """One member's trace, gzip or not; None, with the reason counted, if nothing in it can be used."""
    try:
        body = inflate.whole(data)
    except inflate.InflateError as error:
        rejected["truncated member" if "truncated" in str(error) else "unreadable member"] += 1
        return None
    trace = scanner.scan(body) or _decoded(body, rejected)
    if trace is None:
        rejected["unreadable member"] += 1
        return None
    if not col.EARLIEST_S <= trace.timestamp <= col.LATEST_S:
        rejected["impossible time"] += size(trace)
        return None
    return trace


def _decoded(body: bytes, rejected: Counter[str]) -> Trace | Usual | None:
    for decoder in (_USUAL, _TRACE):
        with suppress(*FAULTS):
            found: Trace | Usual = decoder.decode(body)
            return found
    try:
        raw = scanner.HEAD.decode(body)
    except FAULTS:
        return None
    return Trace(raw.icao, raw.timestamp, _one_by_one(raw.trace, rejected), raw.r, raw.t, raw.dbFlags, raw.ownOp)


def positions(trace: AnyTrace) -> tuple[col.Floats, col.Floats]:
    """Latitudes and longitudes of all rows."""
    if isinstance(trace, Scanned):
        return trace.wide[1], trace.wide[2]
    pairs = [(r.lat, r.lon) if isinstance(r, Row) else r[1:3] for r in trace.trace]
    both = np.array(pairs, dtype=np.float64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def _one_by_one(raw: list[Any], rejected: Counter[str]) -> list[Row]:
    out: list[Row] = []
    for row in raw:
        try:
            out.append(_ROW.decode(row))
            continue
        except FAULTS:
            pass
        try:
            out.append(_LOOSE.decode(row).strict())
        except FAULTS:
            rejected["malformed row"] += 1
    return out


def tables(traces: Iterable[AnyTrace], source: str, rejected: Counter[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """OBSERVATION and AIRCRAFT frames of many traces at once."""
    stack = Stack()
    for trace in traces:
        stack.add(trace, rejected)
    return stack.tables(source, rejected)


class Stack:
    """Columns of many traces, each turned into arrays while it is still in the processor's cache."""

    def __init__(self) -> None:
        self._traces: list[tuple[int, str, str, str, float, float, int]] = []
        self._parts: dict[str, list[Any]] = {}
        self._texts: dict[str, dict[str | None, int]] = {"callsign": {None: -1}, "squawk": {None: -1}}

    def add(self, trace: AnyTrace, rejected: Counter[str]) -> None:
        address, usable, foreign = col.addresses([trace.icao])
        count = size(trace)
        if not usable[0]:
            rejected["non-ICAO address" if foreign[0] else "no address"] += count
            return
        self._traces.append(
            (int(address[0]), trace.r or "", trace.t or "", trace.ownOp or "", trace.dbFlags or 0.0,
             trace.timestamp, count)
        )  # fmt: skip
        if count:
            found = self._scanned(trace) if isinstance(trace, Scanned) else self._columns(trace.trace)
            for name, values in found.items():
                self._parts.setdefault(name, []).append(values)

    def _scanned(self, trace: Scanned) -> dict[str, Any]:
        out: dict[str, Any] = dict(zip(("t", "lat", "lon"), trace.wide, strict=True))
        out |= dict(zip(("alt", "gs", "track", "flags", "rate", "geom", "nic"), trace.narrow, strict=True))
        ground, kind, *told = trace.codes
        out["onground"], out["kind"] = ground.astype(bool), kind.astype(np.int8)
        for name, codes, texts in zip(("callsign", "squawk"), told, (trace.callsigns, trace.squawks), strict=True):
            table = self._texts[name]
            here = [table.setdefault(text, len(table) - 1) for text in texts]
            out[name] = np.array([*here, -1], dtype=np.int32)[codes]  # a code of -1 takes the last one
        return out

    def _columns(self, rows: list[Row] | list[Fourteen]) -> dict[str, Any]:
        turned = zip(*(map(_GET, rows) if isinstance(rows[0], Row) else rows), strict=True)
        t, lat, lon, alt, gs, track, flags, rate, details, kinds, geom = itertools.islice(turned, FIELDS)
        out = {name: np.array(values, dtype=np.float64) for name, values in (("t", t), ("lat", lat), ("lon", lon))}
        heights = np.array(alt, dtype=object)
        out["onground"] = ground = heights == "ground"
        heights[ground] = None
        numbers = {"gs": gs, "track": track, "flags": flags, "rate": rate, "geom": geom}
        with np.errstate(over="ignore"):
            out["alt"] = heights.astype(np.float32)
            out |= {name: np.array(values, dtype=np.float32) for name, values in numbers.items()}
        distinct = set(kinds)
        if len(distinct) == 1:
            out["kind"] = np.full(len(rows), _CODES[distinct.pop()], dtype=np.int8)
        else:
            out["kind"] = np.array([_CODES[k] for k in kinds], dtype=np.int8)
        return out | self._details(details)

    def _details(self, details: Sequence[Detail | None]) -> dict[str, Any]:
        """Codes of callsign and squawk where a row has them, else -1; nic where present, else NaN."""
        count = len(details)
        where = np.array([i for i, d in enumerate(details) if d is not None], dtype=np.int64)
        told = zip(*map(_DETAIL, filter(None, details)), strict=True) if len(where) else ((), (), ())
        signs, squawks, integrity = told
        out: dict[str, Any] = {}
        for name, values in (("callsign", signs), ("squawk", squawks)):
            table = self._texts[name]
            distinct = set(values)
            for value in distinct:
                table.setdefault(value, len(table) - 1)
            out[name] = np.full(count, -1, dtype=np.int32)
            out[name][where] = table[values[0]] if len(distinct) == 1 else [table[v] for v in values]
        out["nic"] = np.full(count, np.nan, dtype=np.float32)
        with np.errstate(over="ignore"):
            out["nic"][where] = np.array(integrity, dtype=np.float32)
        return out

    def tables(self, source: str, rejected: Counter[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The frames of everything that was added."""
        turned = list(zip(*self._traces, strict=True)) or [()] * 7
        known: dict[str, Any] = {
            name: np.array(values, dtype=object)
            for name, values in zip(("registration", "typecode", "operator"), turned[1:4], strict=True)
        }
        known["address"], known["flags"] = np.array(turned[0], dtype=np.uint32), np.array(turned[4], dtype=np.float64)
        aircraft = col.aircraft(known, source)
        if not self._parts:
            return col.observations({"address": ()}, source), aircraft
        counts = np.array(turned[6])
        filled = np.flatnonzero(counts)  # in the same order as the parts
        order = np.argsort(known["address"][filled], kind="stable")  # what comes after needs rows by address
        part = {name: np.concatenate([values[i] for i in order.tolist()]) for name, values in self._parts.items()}
        member = np.repeat(filled[order], counts[filled[order]])
        part["base"] = np.array(turned[5], dtype=np.float64)[member]
        part["address"] = known["address"][member]
        return self._observations(part, member, source, rejected), aircraft

    def _observations(self, part: dict[str, Any], member: Any, source: str, rejected: Counter[str]) -> pd.DataFrame:
        offset = part["t"]
        timed = (offset >= EARLIEST_ROW_S) & (offset <= LATEST_ROW_S)
        none, bad = col.position_faults(part["lat"], part["lon"])
        keep = timed & ~none & ~bad
        for reason, mask in (("position out of range", bad), ("impossible time", ~timed & ~bad)):
            if mask.any():
                rejected[reason] += int(mask.sum())
        flags = np.where((part["flags"] >= 0) & (part["flags"] < 256), part["flags"], 0).astype(np.int16)
        fields = _altitudes(part, (flags & GEOMETRIC_ALTITUDE) != 0)
        for name, key in (("groundspeed", "gs"), ("track", "track"), ("vertical_rate", "rate")):
            fields[name] = part[key]
            fields[name][np.isinf(fields[name])] = np.nan
        fields |= self._carried(part, member, (flags & NEW_LEG) != 0)
        fields["position_type"] = col.recode(part["kind"], col.POSITION_TYPES)
        fields["address"] = part["address"]
        fields["time"] = np.round((part["base"] + np.where(timed, offset, 0)) * 1000).astype(np.int64)
        fields["latitude"], fields["longitude"], fields["onground"] = part["lat"], part["lon"], part["onground"]
        if not keep.all():
            fields = {name: values[keep] for name, values in fields.items()}
        return col.observations(fields, source)

    def _carried(self, part: dict[str, Any], member: Any, leg: col.Bools) -> dict[str, Any]:
        """Callsign, squawk and nic of every row: the last value within the same aircraft and leg.

        A leg ends at readsb's own mark, or at a silence long enough to land and start again under another callsign.
        """
        count = len(member)
        fresh = np.ones(count, dtype=bool)
        fresh[1:] = (np.diff(member) != 0) | ~(np.diff(part["t"]) < CARRY_S) | leg[1:]
        start = np.maximum.accumulate(np.where(fresh, np.arange(count), 0))
        out: dict[str, Any] = {}
        cleaners: dict[str, Callable[[str], str]] = {"callsign": col.callsign, "squawk": col.squawk}
        for name, clean in cleaners.items():
            codes = part[name]
            place = _last(codes >= 0, start)
            out[name] = col.recode(
                np.where(place >= 0, codes[place] + 1, 0), ["", *(clean(t) for t in self._texts[name] if t is not None)]
            )
        integrity = part["nic"]
        place = _last(~np.isnan(integrity), start)
        out["nic"] = np.where(place >= 0, col.nic(integrity)[place], -1).astype(np.int8)
        return out


def _last(told: col.Bools, start: Any) -> Any:
    """For each row, the last row at or before it, within its leg, that has a value; -1 if none has."""
    seen = np.maximum.accumulate(np.where(told, np.arange(len(told)), -1))
    return np.where(seen >= start, seen, -1)


def _altitudes(part: dict[str, Any], geometric: col.Bools) -> dict[str, Any]:
    """Barometric and geometric altitude; flag 8 says that row[3] is the geometric one."""
    first, geom = part["alt"], part["geom"]
    first[np.isinf(first)] = np.nan
    geom[np.isinf(geom)] = np.nan
    if not geometric.any():
        return {"altitude": first, "geoaltitude": geom}
    return {
        "altitude": np.where(geometric, np.float32(np.nan), first),
        "geoaltitude": np.where(geometric & np.isnan(geom), first, geom),
    }
