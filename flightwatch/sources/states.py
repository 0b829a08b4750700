"""OpenSky's state vectors: positional arrays in SI units, longitude first; a null list means nothing was there."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np

from flightwatch.errors import SourceError
from flightwatch.sources import frames, readsb
from flightwatch.units import FEET_PER_METRE, FPM_PER_MS, KNOTS_PER_MS, instant, millis

SOURCES_OF_POSITION = ("adsb_icao", "other", "mlat", "other")  # 0 ADS-B, 1 ASTERIX, 2 MLAT, 3 FLARM
_FAULTS = (msgspec.MsgspecError, ValueError, RecursionError)


class State(msgspec.Struct, array_like=True, gc=False):
    """A state vector; rows have 17 entries, 18 with `extended=1`."""

    icao24: str
    callsign: str | None
    country: str | None
    time_position: float | None
    last_contact: float | None
    longitude: float | None
    latitude: float | None
    baro_altitude: float | None
    on_ground: bool
    velocity: float | None
    true_track: float | None
    vertical_rate: float | None
    sensors: list[int] | None
    geo_altitude: float | None
    squawk: str | None
    spi: bool = False
    position_source: int = 0


class States(msgspec.Struct, gc=False):
    time: float
    states: list[State] | None = None


class RawStates(msgspec.Struct):
    time: float
    states: list[msgspec.Raw] | None = None


_STATES = msgspec.json.Decoder(States)
_RAW = msgspec.json.Decoder(RawStates)
_STATE = msgspec.json.Decoder(State)
_FIELDS = State.__struct_fields__
_GET = attrgetter(*_FIELDS)


def parse(body: bytes, *, source: str, received: datetime | None = None, skew_s: float = 120.0) -> readsb.Parsed:
    """Columns of a `/states/all` answer in our units; a position's time is its own `time_position`.

    When the answer's `time` is more than `skew_s` off, positions are moved by the difference and marked `clock`.
    """
    rejected: Counter[str] = Counter()
    if body.count(b"[") > 4 * readsb.MAX_ROWS:
        raise SourceError(f"more than {readsb.MAX_ROWS:,} aircraft in one answer", outcome="bad_schema")
    try:
        answer = _STATES.decode(body)
        rows, now_s = answer.states or [], answer.time
    except _FAULTS:
        rows, now_s = _one_by_one(body, rejected)
    now = instant(round(readsb.seconds(now_s) * 1000))
    base, suspect = now, 0
    if received is not None and abs((now - received).total_seconds()) > skew_s:
        base, suspect = received, readsb.CLOCK
    if not rows:
        observations, aircraft = frames.nothing()
        return readsb.Parsed(observations, aircraft, rejected, now)
    part = dict(zip(_FIELDS, zip(*map(_GET, rows[: readsb.MAX_ROWS]), strict=True), strict=True))
    observations, aircraft = frames.arrange(
        _as_readsb(part, now_s), float(millis(base)), source, rejected, suspect=suspect
    )
    return readsb.Parsed(observations, aircraft, rejected, now)


def _one_by_one(body: bytes, rejected: Counter[str]) -> tuple[list[State], float]:
    try:
        answer = _RAW.decode(body)
    except _FAULTS as error:
        raise SourceError(f"the body is not the answer expected: {error}", outcome="bad_schema") from None
    rows = []
    for raw in answer.states or []:
        try:
            rows.append(_STATE.decode(raw))
        except _FAULTS:
            rejected["malformed row"] += 1
    return rows, answer.time


def _as_readsb(part: dict[str, Any], now_s: float) -> dict[str, Any]:
    """The columns under readsb's names and in our units, so that one function handles both."""

    def number(name: str, factor: float = 1.0) -> Any:
        with np.errstate(over="ignore"):  # a speed of 1e308 becomes infinite, and then unknown
            return np.array(part[name], dtype=np.float64) * factor

    count = len(part["icao24"])
    altitude = number("baro_altitude", FEET_PER_METRE)
    ground = np.array(part["on_ground"], dtype=bool)
    kind = [SOURCES_OF_POSITION[p] if 0 <= p < len(SOURCES_OF_POSITION) else "unknown" for p in part["position_source"]]
    return {
        "hex": part["icao24"],
        "lat": number("latitude"),
        "lon": number("longitude"),
        "seen_pos": now_s - number("time_position"),
        "nic": np.full(count, np.nan),
        "alt_baro": ["ground" if g else a for g, a in zip(ground.tolist(), altitude.tolist(), strict=True)],
        "alt_geom": number("geo_altitude", FEET_PER_METRE),
        "gs": number("velocity", KNOTS_PER_MS),
        "track": number("true_track"),
        "calc_track": np.full(count, np.nan),
        "baro_rate": number("vertical_rate", FPM_PER_MS),
        "geom_rate": np.full(count, np.nan),
        "flight": [c or "" for c in part["callsign"]],
        "squawk": [s or "" for s in part["squawk"]],
        "type": kind,
        "r": [""] * count,
        "t": [""] * count,
        "ownOp": [""] * count,
        "dbFlags": np.zeros(count),
        "lastPosition": [None] * count,
    }
