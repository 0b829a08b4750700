"""The aircraft object of readsb, in all its envelopes: `aircraft.json`, the v2 answers, a bare list, a single object.

One decoder for everything that descends from readsb's `sprintAircraftObject`: only the name of the list (`aircraft`,
`ac`) and the unit of `now` (seconds, milliseconds) differ. The whole body is decoded with types in one go. If a row
does not fit its types, the rows are decoded one by one, so that one bad row costs one row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pandas as pd

from flightwatch.errors import SourceError
from flightwatch.sources import columns as col
from flightwatch.sources import frames, large
from flightwatch.sources.frames import LastPosition
from flightwatch.sources.quiet import quiet
from flightwatch.units import instant, millis

NAN = float("nan")
MAX_ROWS = 50_000  # three times the whole world's traffic in one answer
CLOCK_TOLERANCE_S = 120  # of `now` against our clock; beyond it the feed's clock is not trusted
MILLISECONDS_FROM = 1e11  # `now` above this is in milliseconds: 1e11 s is the year 5138, 1e11 ms is 1973
CLOCK = 64  # a bit of records.SUSPECT


class Aircraft(msgspec.Struct, gc=False):
    """What we take from an aircraft object; readsb omits what it does not know, so NaN and "" are the defaults."""

    hex: str = ""
    type: str = ""
    flight: str = ""
    r: str = ""
    t: str = ""
    squawk: str = ""
    ownOp: str = ""
    alt_baro: float | str = NAN
    alt_geom: float = NAN
    gs: float = NAN
    track: float = NAN
    calc_track: float = NAN
    baro_rate: float = NAN
    geom_rate: float = NAN
    lat: float = NAN
    lon: float = NAN
    seen_pos: float = 0.0
    nic: float = NAN
    dbFlags: float = 0.0
    lastPosition: LastPosition | None = None


class Mutability(Aircraft, rename={"alt_baro": "altitude", "gs": "speed", "baro_rate": "vert_rate"}, gc=False):
    """dump1090-mutability's older names for three of them."""

    alt_baro: float | str = NAN
    gs: float = NAN
    baro_rate: float = NAN


class Loose(msgspec.Struct, gc=False):
    """The same row from a feed that wrote null for what it does not know."""

    hex: str | None = None
    type: str | None = None
    flight: str | None = None
    r: str | None = None
    t: str | None = None
    squawk: str | None = None
    ownOp: str | None = None
    alt_baro: float | str | None = None
    alt_geom: float | None = None
    gs: float | None = None
    track: float | None = None
    calc_track: float | None = None
    baro_rate: float | None = None
    geom_rate: float | None = None
    lat: float | None = None
    lon: float | None = None
    seen_pos: float | None = None
    nic: float | None = None
    dbFlags: float | None = None
    lastPosition: LastPosition | None = None


class Envelope(msgspec.Struct, gc=False):
    now: float = NAN
    aircraft: list[Aircraft] | None = None
    ac: list[Aircraft] | None = None


class OldEnvelope(msgspec.Struct, gc=False):
    now: float = NAN
    aircraft: list[Mutability] | None = None
    ac: list[Mutability] | None = None


_NOTHING = msgspec.Raw(b"")


class RawEnvelope(msgspec.Struct):
    now: msgspec.Raw = _NOTHING
    aircraft: list[msgspec.Raw] | msgspec.UnsetType | None = msgspec.UNSET
    ac: list[msgspec.Raw] | msgspec.UnsetType | None = msgspec.UNSET
    hex: msgspec.Raw = _NOTHING
    msg: msgspec.Raw = _NOTHING
    error: msgspec.Raw = _NOTHING
    detail: msgspec.Raw = _NOTHING


_ENVELOPE = msgspec.json.Decoder(Envelope)
_OLD_ENVELOPE = msgspec.json.Decoder(OldEnvelope)
_RAW_ENVELOPE = msgspec.json.Decoder(RawEnvelope)
_RAW_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_ROW = msgspec.json.Decoder(Aircraft)
_OLD_ROW = msgspec.json.Decoder(Mutability)
_LOOSE = msgspec.json.Decoder(Loose)
_FIELDS = Aircraft.__struct_fields__
_FAULTS = (msgspec.MsgspecError, ValueError, RecursionError)  # ValueError covers UnicodeDecodeError


class Parsed(NamedTuple):
    """`now` is the feed's own time of the answer; None if it gave none that can be trusted."""

    observations: pd.DataFrame
    aircraft: pd.DataFrame
    rejected: Counter[str]
    now: datetime | None


def parse(body: bytes, *, source: str, received: datetime | None = None, skew_s: float = CLOCK_TOLERANCE_S) -> Parsed:
    """Columns of every aircraft with a position; refused rows are counted by reason.

    `received` is our time of a live answer: if the feed's `now` is more than `skew_s` off, times are computed from ours
    and every row is marked `clock`. Without it (a recording), the feed's `now` is required and trusted. A position's
    time is `now - seen_pos`. Raises SourceError (`bad_schema`) if the body is not such an answer.

    >>> body = b'{"now": 1763800000.5, "aircraft": [{"hex": "140a1f", "lat": 55.8, "lon": 38.1, "seen_pos": 1.5}]}'
    >>> found = parse(body, source="receiver")
    >>> found.observations.time.astype(str).tolist(), found.observations.address.map(hex).tolist()
    (['2025-11-22 08:26:39+00:00'], ['0x140a1f'])
    """
    with quiet():
        return _parse(body, source, received, skew_s)


def _parse(body: bytes, source: str, received: datetime | None, skew_s: float) -> Parsed:
    part, now_s, rejected = large.scan(body, MAX_ROWS) or _decoded(body)
    if not np.isnan(now_s):
        now_s = seconds(now_s)
    now = None if np.isnan(now_s) else instant(round(now_s * 1000))
    base, suspect = now, 0
    if received is not None and (now is None or abs((now - received).total_seconds()) > skew_s):
        base, suspect = received, 0 if now is None else CLOCK
    if base is None:
        raise SourceError("the recording has no `now`, so its times are unknown", outcome="bad_schema")
    if not len(part["hex"]):
        return Parsed(*frames.nothing(), rejected, now)
    observations, aircraft = frames.arrange(part, float(millis(base)), source, rejected, suspect=suspect)
    return Parsed(observations, aircraft, rejected, now)


def seconds(now: float) -> float:
    """`now` in seconds, whichever unit the feed uses; SourceError if it is not a time of this century.

    >>> seconds(1763800000.5), seconds(1763800000500)
    (1763800000.5, 1763800000.5)
    """
    value = now / 1000 if now > MILLISECONDS_FROM else now
    if not col.EARLIEST_S <= value <= col.LATEST_S:
        raise SourceError(f"`now` is {now!r}, which is no time of this century", outcome="bad_schema")
    return value


def _decoded(body: bytes) -> tuple[dict[str, Any], float, Counter[str]]:
    rows, now, rejected = decode(body)
    return _turned(rows), now, rejected


def decode(body: bytes) -> tuple[Sequence[Aircraft], float, Counter[str]]:
    """The rows of an answer, its `now` as sent (NaN if missing), and what was refused on the way."""
    if body.count(b"{") > 4 * MAX_ROWS:  # before anything is built: five million tiny rows would fill the memory
        raise SourceError(f"more than {MAX_ROWS:,} aircraft in one answer", outcome="bad_schema")
    rejected: Counter[str] = Counter()
    old = b'"alt_baro"' not in body and (b'"vert_rate"' in body or b'"speed"' in body)
    try:
        envelope = (_OLD_ENVELOPE if old else _ENVELOPE).decode(body)
        rows: Sequence[Aircraft] | None = envelope.ac if envelope.ac is not None else envelope.aircraft
        now = envelope.now
    except _FAULTS:
        rows = None
    if rows is None:
        raw, now = _raw_rows(body)
        rows = one_by_one(raw, rejected, old=old)
    if len(rows) > MAX_ROWS:
        rejected["beyond the row limit"] += len(rows) - MAX_ROWS
        rows = rows[:MAX_ROWS]
    return rows, now, rejected


def _raw_rows(body: bytes) -> tuple[list[msgspec.Raw], float]:
    """The undecoded rows of an answer that did not decode as a whole, and its `now`."""
    try:
        if body.lstrip()[:1] == b"[":
            return _RAW_LIST.decode(body), NAN
        envelope = _RAW_ENVELOPE.decode(body)
    except _FAULTS as error:
        raise SourceError(f"the body is not the JSON expected: {error}", outcome="bad_schema") from None
    now = _number(envelope.now)
    found = envelope.ac if envelope.ac is not msgspec.UNSET else envelope.aircraft
    if isinstance(found, list):
        return found, now
    if bytes(envelope.hex):
        return [msgspec.Raw(body)], now
    if found is None:
        return [], now  # `"ac": null`: an empty answer of some providers
    said = next((b for x in (envelope.msg, envelope.error, envelope.detail) if (b := bytes(x))), b"")
    told = f"; it says {col.clean_text(said.decode('utf-8', 'replace'), 80)}" if said else ""
    raise SourceError(f"the answer has neither `ac` nor `aircraft`{told}", outcome="bad_schema")


def _number(raw: msgspec.Raw) -> float:
    try:
        return msgspec.json.decode(raw, type=float)
    except _FAULTS:
        return NAN


def one_by_one(raw: Sequence[Any], rejected: Counter[str], *, old: bool = False) -> list[Aircraft]:
    """Rows decoded singly: strictly, then allowing null, or else counted as malformed."""
    strict = _OLD_ROW if old else _ROW
    out: list[Aircraft] = []
    for row in raw[:MAX_ROWS]:
        try:
            out.append(strict.decode(row))
            continue
        except _FAULTS:
            pass
        try:
            loose = _LOOSE.decode(row)
        except _FAULTS:
            rejected["malformed row"] += 1
            continue
        known = {f: v for f in _FIELDS if (v := getattr(loose, f)) is not None}
        out.append(Aircraft(**known))
    if len(raw) > MAX_ROWS:
        rejected["beyond the row limit"] += len(raw) - MAX_ROWS
    return out


def _turned(rows: Sequence[Aircraft]) -> dict[str, Any]:
    """The rows' fields as columns. Written out, because the interpreter reads a named attribute of many objects in half
    the time of `attrgetter` (12 and 20 ms for 15,000 rows, where the whole decoding takes 22)."""
    return {
        "hex": [r.hex for r in rows],
        "type": [r.type for r in rows],
        "flight": [r.flight for r in rows],
        "r": [r.r for r in rows],
        "t": [r.t for r in rows],
        "squawk": [r.squawk for r in rows],
        "ownOp": [r.ownOp for r in rows],
        "alt_baro": [r.alt_baro for r in rows],
        "alt_geom": [r.alt_geom for r in rows],
        "gs": [r.gs for r in rows],
        "track": [r.track for r in rows],
        "calc_track": [r.calc_track for r in rows],
        "baro_rate": [r.baro_rate for r in rows],
        "geom_rate": [r.geom_rate for r in rows],
        "lat": [r.lat for r in rows],
        "lon": [r.lon for r in rows],
        "seen_pos": [r.seen_pos for r in rows],
        "nic": [r.nic for r in rows],
        "dbFlags": [r.dbFlags for r in rows],
        "lastPosition": [r.lastPosition for r in rows],
    }
