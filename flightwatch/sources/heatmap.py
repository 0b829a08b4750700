"""readsb's heatmap files: one slice after the other with every aircraft of the world, in half-hour files of 16-byte
records.

Little-endian `int32 hex, lat, lon, int16 alt, gs`, gzip under the name `.bin.ttf` (readsb globe_index.c). An index of
the slices comes first; each slice starts with a header record that holds its time. A record whose latitude has bit 30
set is not a position; it holds the callsign and squawk of the address. Nothing here loops over records.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from flightwatch.errors import InputError
from flightwatch.records import AIRCRAFT, HEARD, OBSERVATION, Fetched, Poll, conform, empty
from flightwatch.sources import archive, inflate, sweep
from flightwatch.sources import columns as col
from flightwatch.sources.archive import Member, Tally
from flightwatch.sources.sweep import (
    ALTITUDE_FT,
    DEGREES,
    GROUND,
    INFO,
    MAGIC,
    NO_ALTITUDE,
    NO_SPEED,
    RECORD,
    SPEED_KT,
    Slices,
)
from flightwatch.units import instant, instants

NAME = re.compile(r"heatmap/(?P<slot>[0-4][0-9])\.bin\.ttf\Z")
CELL = 2.0  # degrees, the cells of HEARD
MAX_DECODED = 512 * 2**20  # bytes of one half hour; at 56M records a day each is 19 MB, and 10 times that is broken
MAX_RATIO = 50  # measured 1.4 (benchmarks/ingest): positions do not compress
SLOTS = 48
PART_BYTES = 20 * 2**20  # as stored in the archive: 1.8 million records, processed in half a GB
MOST_PARTS = 8


def decode(data: bytes, rejected: Counter[str], *, part: tuple[int, int] = (0, 1)) -> Slices:
    """The records of one file, gzip or not. `part` (k, n) selects the addresses whose remainder by n is k.

    Raises ValueError if it is not a heatmap file, or cut short.
    """
    body = inflate.whole(data, limit=MAX_DECODED, ratio=MAX_RATIO)
    if len(body) % RECORD.itemsize:
        raise ValueError("not a whole number of records")
    return sweep.apart(np.frombuffer(body, dtype=RECORD), part, rejected)


def observations(found: Sequence[Slices], source: str, rejected: Counter[str]) -> pd.DataFrame:
    """An OBSERVATION frame of one or more files, by aircraft and time, with callsigns carried forward."""
    if not found or not sum(len(f.rows) for f in found):
        return empty(OBSERVATION)
    fields = sweep.columns(found)
    for name in ("callsign", "squawk", "position_type"):
        fields[name] = col.recode(*fields[name])
    return col.observations(fields, source)


def density(found: Sequence[Slices], source: str) -> pd.DataFrame:
    """A HEARD frame: different airframes per 2° cell and hour, the measure of how well a region was heard."""
    if not found or not sum(len(f.rows) for f in found):
        return empty(HEARD)
    rows = np.concatenate([f.rows for f in found])
    address, lat, lon = sweep.addresses(rows).astype(np.uint64), rows["lat"], rows["lon"]
    hour = np.concatenate([f.time for f in found]) // 3_600_000
    row = np.floor_divide(lat, int(CELL / DEGREES)).astype(np.int64) + 45
    column = np.floor_divide(lon, int(CELL / DEGREES)).astype(np.int64) + 90
    fine = (row >= 0) & (row < 90) & (column >= 0) & (column <= 180)
    first = int(hour.min())
    cell = (row * 181 + column).astype(np.uint64)
    key = ((hour - first).astype(np.uint64) << np.uint64(40)) | (cell << np.uint64(24)) | address
    pairs = np.unique(key[fine])
    places, count = np.unique(pairs >> np.uint64(24), return_counts=True)
    cells = (places & np.uint64(0xFFFF)).astype(np.int64)
    hours = (places >> np.uint64(16)).astype(np.int64) + first
    south, west = (cells // 181 - 45) * int(CELL), (cells % 181 - 90) * int(CELL)
    names = np.array([f"{s},{w}" for s, w in zip(south.tolist(), west.tolist(), strict=True)], dtype=object)
    frame = pd.DataFrame({"cell": names, "hour": instants(hours * 3_600_000), "aircraft": count})
    frame["source"] = source
    return conform(frame, HEARD)


@dataclass(frozen=True)
class HeatmapPiece:
    """The heatmaps of one UTC day, or of one part of its aircraft: `load` returns the same as `traces.Piece.load`."""

    name: str
    day: date | None
    source: str
    members: tuple[Member, ...]
    part: tuple[int, int] = (0, 1)

    @property
    def size(self) -> int:
        """Bytes as stored in the archive, for this part."""
        return sum(m.size for m in self.members) // self.part[1]

    def load(self) -> Fetched:
        rejected: Counter[str] = Counter()
        digest, size, found = self._decoded(rejected)
        rows = observations(found, self.source, rejected)
        start = datetime.combine(self.day, clock_time(), UTC) if self.day else instant(0)
        poll = Poll(
            self.source,
            self.name,
            start,
            start + timedelta(days=1),
            "ok" if len(rows) else "empty",
            kept=len(rows),
            rejected=dict(rejected),
            bytes=size,
            sha256=digest,
            note="" if len(found) == SLOTS else f"{len(found)} of {SLOTS} half hours",
            planned=False,
        )
        return Fetched(poll, rows, empty(AIRCRAFT), rejected)

    def heard(self) -> pd.DataFrame:
        """Only the regional density, a HEARD frame."""
        return density(self._decoded(Counter())[2], self.source)

    def _decoded(self, rejected: Counter[str]) -> tuple[str, int, list[Slices]]:
        digest, size, found = hashlib.sha256(), 0, []
        for member in self.members:
            try:
                data = member.read(MAX_DECODED)
                digest.update(data)
                size += len(data)
                found.append(decode(data, rejected, part=self.part))
            except (ValueError, InputError):
                rejected["unreadable member"] += 1
        return digest.hexdigest(), size, found


def pieces(
    paths: Sequence[Path | str],
    *,
    source: str = "heatmap",
    done: Container[str] = (),
    parts: int = 0,
    tally: Tally | None = None,
) -> Iterator[HeatmapPiece]:
    """One day's half hours, in `parts` pieces by address; by default one for each PART_BYTES, MOST_PARTS at most. A
    global day (56 million records) then stays near 1 GB. Each part has to decompress the whole day."""
    tally = tally if tally is not None else Tally()
    for name, files in archive.groups([Path(p) for p in paths]):
        days: dict[tuple[str, date | None], list[Member]] = {}
        for member in archive.members(name, files, NAME, tally):
            days.setdefault((member.name.rsplit("/", 2)[0], day_of(member)), []).append(member)
        if not days:
            raise InputError(f"{files[0]}: holds no heatmaps (files named heatmap/NN.bin.ttf)")
        if files[0].is_file() and len(files) == 1 and list(days) == [(files[0].name, None)]:
            raise InputError(f"{files[0]}: is not a heatmap file")
        for (folder, day), members in days.items():
            count = parts or min(1 + sum(m.size for m in members) // PART_BYTES, MOST_PARTS)
            for k in range(count):
                label = f"{name}!{folder}/heatmap#{k}of{count}"
                if label not in done:
                    yield HeatmapPiece(label, day, source, tuple(members), (k, count))


def day_of(member: Member) -> date | None:
    """The UTC day of the first slice; None if the file cannot be read."""
    try:
        first = next(inflate.chunks([member.read(MAX_DECODED)[: 2**18]], ratio=MAX_RATIO), b"")
    except (inflate.InflateError, InputError):
        return None
    records = np.frombuffer(first[: len(first) // RECORD.itemsize * RECORD.itemsize], dtype=RECORD)
    head = records[records["hex"] == MAGIC][:1]
    if not len(head):
        return None
    ms = (int(head["lat"][0]) << 32) | (int(head["lon"][0]) & 0xFFFFFFFF)
    return instant(ms).date() if col.EARLIEST_S * 1000 <= ms <= col.LATEST_S * 1000 else None


def encode(rows: pd.DataFrame, *, interval_ms: int = 10_000) -> bytes:
    """These observation rows as a heatmap file, uncompressed: for generated worlds and tests."""
    frame = rows.sort_values("time", kind="stable")
    ms = frame["time"].dt.as_unit("ms").astype("int64").to_numpy() // interval_ms * interval_ms
    edges = np.flatnonzero(np.diff(ms, prepend=ms[:1] - 1))
    body = np.zeros(len(frame), dtype=RECORD)
    code = {name: i for i, name in enumerate(col.POSITION_TYPES[:13])}
    kind = np.array([code.get(t, 6) for t in frame["position_type"]], dtype=np.uint32)
    body["hex"] = (frame["address"].to_numpy(np.uint32) | kind << np.uint32(27)).view(np.int32)
    body["lat"] = np.round(frame["latitude"] / DEGREES)
    body["lon"] = np.round(frame["longitude"] / DEGREES)
    altitude = frame["altitude"].to_numpy(np.float64)
    body["alt"] = np.where(frame["onground"], GROUND, np.where(np.isnan(altitude), NO_ALTITUDE, altitude / ALTITUDE_FT))
    speed = frame["groundspeed"].to_numpy(np.float64)
    body["gs"] = np.where(np.isnan(speed), NO_SPEED, np.round(speed / SPEED_KT))
    out: list[npt.NDArray[Any]] = []
    sign = frame["callsign"].astype(object)
    new = (sign != sign.groupby(frame["address"].to_numpy()).shift()).to_numpy() & (sign != "").to_numpy()
    fresh = np.flatnonzero(new)
    infos = _infos(frame["address"].to_numpy()[fresh], sign.to_numpy()[fresh])
    bounds = np.append(edges, len(frame))
    cuts = np.searchsorted(fresh, bounds)
    for i, begin in enumerate(edges.tolist()):
        out += [_header(int(ms[begin]), interval_ms), infos[cuts[i] : cuts[i + 1]], body[begin : bounds[i + 1]]]
    index = np.zeros(len(edges), dtype=RECORD)
    sizes = np.array([len(out[i]) + len(out[i + 1]) + len(out[i + 2]) for i in range(0, len(out), 3)])
    index["hex"] = len(edges) + np.cumsum(sizes) - sizes
    return b"".join([index.tobytes(), *(o.tobytes() for o in out)])


def _header(ms: int, interval_ms: int) -> npt.NDArray[Any]:
    head = np.zeros(1, dtype=RECORD)
    head["hex"], head["lat"], head["alt"] = MAGIC, ms >> 32, interval_ms
    head["lon"] = np.array([ms & 0xFFFFFFFF], dtype=np.uint32).view(np.int32)
    return head


def _infos(addresses: npt.NDArray[Any], signs: npt.NDArray[Any]) -> npt.NDArray[Any]:
    rows = np.zeros(len(addresses), dtype=RECORD)
    if len(addresses):
        rows["hex"] = addresses.astype(np.uint32).view(np.int32)
        rows["lat"] = INFO
        texts = b"".join(str(s).encode("ascii", "replace")[:8].ljust(8) for s in signs)
        rows.view(np.uint8).reshape(-1, RECORD.itemsize)[:, 8:16] = np.frombuffer(texts, np.uint8).reshape(-1, 8)
    return rows
