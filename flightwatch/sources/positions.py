"""Tables of positions in the form of the `traffic` library: JSON (records or columns), CSV or Parquet.

One row per fix, with columns `timestamp, icao24, latitude, longitude` and, where known,
`altitude, groundspeed, track, vertical_rate, onground, callsign, squawk, geoaltitude`; already in feet, knots and
ft/min.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from flightwatch.errors import InputError
from flightwatch.records import Fetched, Poll
from flightwatch.sources import columns as col
from flightwatch.sources import frames, inflate, readsb
from flightwatch.units import FEET_PER_METRE, FPM_PER_MS, KNOTS_PER_MS, instant

MANDATORY = ("timestamp", "icao24", "latitude", "longitude")
NUMBERS = {
    "latitude": "lat",
    "longitude": "lon",
    "altitude": "alt_baro",
    "geoaltitude": "alt_geom",
    "groundspeed": "gs",
    "track": "track",
    "vertical_rate": "baro_rate",
}
TEXTS = {"icao24": "hex", "callsign": "flight", "squawk": "squawk", "registration": "r", "typecode": "t"}
OPENSKY = {
    "lastposupdate": ("timestamp", 1.0),
    "lat": ("latitude", 1.0),
    "lon": ("longitude", 1.0),
    "velocity": ("groundspeed", KNOTS_PER_MS),
    "heading": ("track", 1.0),
    "vertrate": ("vertical_rate", FPM_PER_MS),
    "baroaltitude": ("altitude", FEET_PER_METRE),
    "geoaltitude": ("geoaltitude", FEET_PER_METRE),
}
"""OpenSky's history tables (`state_vectors_data4`): from their names and SI units to ours. A position's own time
counts."""
BATCH_ROWS = 200_000
MAX_DECODED = 512 * 2**20  # bytes: such a table is held in memory; a day of Switzerland is 40 MB
MAX_RATIO = 100  # columns of JSON compress better than bodies; measured up to 22
_COLUMNWISE = re.compile(rb'\{"\w+":\s*\{"0":')  # pandas' column-oriented JSON
_FAULTS = (msgspec.MsgspecError, ValueError, RecursionError)


class Row(msgspec.Struct, gc=False):
    timestamp: float | str | None = None
    icao24: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    altitude: float | None = None
    geoaltitude: float | None = None
    groundspeed: float | None = None
    track: float | None = None
    vertical_rate: float | None = None
    onground: bool | float | None = None
    callsign: str | None = None
    squawk: str | float | None = None
    registration: str | None = None
    typecode: str | None = None


_FIELDS = Row.__struct_fields__
_ROW = msgspec.json.Decoder(Row)
_RECORDS = msgspec.json.Decoder(list[Row])
_RAW = msgspec.json.Decoder(list[msgspec.Raw])
_COLUMNS = msgspec.json.Decoder(dict[str, dict[str, Any] | list[Any]])


def is_table(head: bytes) -> bool:
    """Whether a file that begins like this (decompressed) is such a table.

    >>> is_table(b'[{"timestamp":1533101250000,"icao24":"3003ae"'), is_table(b'{"now": 1'), is_table(b"PAR1")
    (True, False, True)
    """
    start = head[:4096].lstrip(b"\xef\xbb\xbf \r\n\t")
    if start.startswith(b"PAR1"):
        return True
    if _COLUMNWISE.match(start):
        return True
    if start[:1] in (b"[", b"{"):
        return b'"timestamp"' in start and b'"now"' not in start and b'"trace"' not in start and b'"hex"' not in start
    first = start.split(b"\n", 1)[0].lower()
    return all(name.encode() in first for name in MANDATORY) or all(n.encode() in first for n in OPENSKY)


def read(path: Path, name: str, *, source: str) -> Iterator[Fetched]:
    """The rows of one file, in batches. Raises InputError with the file and what was expected."""
    rejected: Counter[str] = Counter()
    try:
        data = inflate.whole(path.read_bytes(), limit=MAX_DECODED, ratio=MAX_RATIO)
        columns = _columns(data, rejected)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None
    except _FAULTS as error:
        raise InputError(f"{path}: is not the table of positions expected ({str(error).splitlines()[0]})") from None
    columns = _from_opensky(columns)
    missing = [m for m in MANDATORY if m not in columns]
    if missing:
        raise InputError(
            f"{path}: column {', '.join(missing)} is missing (found: {', '.join(sorted(columns)[:12])});"
            f" expected at least {', '.join(MANDATORY)}"
        )
    digest = hashlib.sha256(data).hexdigest()
    count = len(columns["timestamp"])
    for number, start in enumerate(range(0, max(count, 1), BATCH_ROWS)):
        part = {k: v[start : start + BATCH_ROWS] for k, v in columns.items()}
        yield _fetched(part, f"{name}#{number:05d}", source, rejected, digest, len(data))
        rejected = Counter()


def _columns(data: bytes, rejected: Counter[str]) -> dict[str, Any]:
    start = data[:64].lstrip(b"\xef\xbb\xbf \r\n\t")
    if start.startswith(b"PAR1"):
        return _from_frame(pd.read_parquet(io.BytesIO(data)))
    if start.startswith(b"["):
        return _from_records(data, rejected)
    if start.startswith(b"{"):
        told = _COLUMNS.decode(data)
        return {k: list(v.values()) if isinstance(v, dict) else v for k, v in told.items()}
    text = pd.read_csv(
        io.BytesIO(data), dtype=str, keep_default_na=False, encoding_errors="replace", on_bad_lines="skip"
    )
    lines = sum(1 for line in data.splitlines() if line.strip()) - 1
    if lines > len(text):
        rejected["wrong number of fields"] += lines - len(text)
    return _from_frame(text)


def _from_opensky(columns: dict[str, Any]) -> dict[str, Any]:
    if not {"lat", "lon", "lastposupdate"} <= set(columns):
        return columns
    count = len(columns["lat"])
    turned = {ours: _numbers(columns.get(n), count) * factor for n, (ours, factor) in OPENSKY.items()}
    return {k: v for k, v in columns.items() if k not in OPENSKY} | turned


def _from_frame(frame: pd.DataFrame) -> dict[str, Any]:
    out = {}
    for name in frame.columns:
        series = frame[name]
        if pd.api.types.is_datetime64_any_dtype(series.dtype):
            zoned = series.dt.tz_localize("UTC") if series.dt.tz is None else series
            out[str(name)] = (zoned.dt.as_unit("ms").astype("int64").where(series.notna())).tolist()
        else:
            out[str(name)] = series.astype(object).where(series.notna(), None).tolist()
    return out


def _from_records(data: bytes, rejected: Counter[str]) -> dict[str, Any]:
    try:
        rows = _RECORDS.decode(data)
    except _FAULTS:
        rows = []
        for raw in _RAW.decode(data):
            try:
                rows.append(_ROW.decode(raw))
            except _FAULTS:
                rejected["malformed row"] += 1
    return {f: [getattr(r, f) for r in rows] for f in _FIELDS}


def _numbers(values: Any, count: int) -> col.Floats:
    if values is None:
        return np.full(count, np.nan)
    try:
        return np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        found: col.Floats = pd.to_numeric(pd.Series(values, dtype=object), errors="coerce").to_numpy(dtype=np.float64)
        return found


def _instants_ms(values: Any) -> col.Floats:
    """Milliseconds since 1970 from milliseconds, seconds, or ISO texts (UTC where no zone is given); NaN otherwise."""
    numbers = _numbers(values, len(values))
    numbers = np.where(np.abs(numbers) < readsb.MILLISECONDS_FROM, numbers * 1000, numbers)
    texts = np.flatnonzero(np.isnan(numbers))
    if len(texts):
        given = pd.Series([values[i] for i in texts.tolist()], dtype=object)
        parsed = pd.to_datetime(given, utc=True, errors="coerce", format="ISO8601")
        ms = parsed.dt.as_unit("ms").astype("int64").to_numpy().astype(np.float64)
        numbers[texts] = np.where(parsed.notna(), ms, np.nan)
    with np.errstate(invalid="ignore"):
        sane = (numbers >= col.EARLIEST_S * 1000) & (numbers <= col.LATEST_S * 1000)
    return np.where(sane, np.round(numbers), np.nan)


def _fetched(
    columns: dict[str, Any], name: str, source: str, rejected: Counter[str], digest: str, size: int
) -> Fetched:
    when = _instants_ms(columns["timestamp"])
    count = len(when)
    timed = ~np.isnan(when)
    if not timed.all():
        rejected["impossible time"] += int((~timed).sum())
    part: dict[str, Any] = {key: _numbers(columns.get(n), count)[timed] for n, key in NUMBERS.items()}
    for field, key in TEXTS.items():
        values = columns.get(field) or [None] * count
        part[key] = [_text(values[i], field) for i in np.flatnonzero(timed).tolist()]
    ground = [columns["onground"][i] for i in np.flatnonzero(timed).tolist()] if "onground" in columns else []
    heights = part["alt_baro"].tolist()
    part["alt_baro"] = ["ground" if g in (True, 1, "True", "true", "1") else h
                        for g, h in zip(ground, heights, strict=True)] if ground else heights  # fmt: skip
    blank = np.full(int(timed.sum()), np.nan)
    part |= {"calc_track": blank, "geom_rate": blank, "nic": blank, "seen_pos": np.zeros(len(blank))}
    part |= {"dbFlags": np.zeros(len(blank)), "lastPosition": [None] * len(blank)}
    part |= {"type": [""] * len(blank), "ownOp": [""] * len(blank)}
    observations, aircraft = frames.arrange(part, when[timed], source, rejected)
    began = instant(int(when[timed].min())) if timed.any() else datetime(1970, 1, 1, tzinfo=UTC)
    kept = len(observations)
    poll = Poll(source, name, began, began, "ok" if kept else "empty", kept=kept, rejected=dict(rejected),
                bytes=size, sha256=digest, planned=False)  # fmt: skip
    return Fetched(poll, observations, aircraft, rejected)


def _text(value: Any, field: str) -> str:
    if col.absent(value):
        return ""
    if isinstance(value, float):  # a squawk that went through a spreadsheet: 412.0
        return f"{value:04.0f}" if field == "squawk" and 0 <= value <= 7777 else ""
    return str(value)
