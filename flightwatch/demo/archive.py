"""The history as readsb archives of single days: trace files, gzip inside, in a folder tree or one tar per UTC day.

Layout and rows as in readsb's README-json.md: `traces/<last two digits>/trace_full_<hex>.json`, rows of 14, the
aircraft object in every fourth. A flight over midnight is in two files.
"""

from __future__ import annotations

import gzip
import io
import math
import tarfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np

from flightwatch.demo.fixes import Fixes
from flightwatch.demo.objects import STRAY_HEX, sparse, stray
from flightwatch.demo.world import World

DAY = 86400.0
LEVEL = 4  # gzip level; readsb writes 9, which is three times as slow for 5 % less

STALE, NEW_LEG, GEOMETRIC = 1, 2, 8  # flags of slot 6
STALE_S = 600.0
"""A row after this much silence is marked stale. readsb marks it after 20 s; this archive is thinned twentyfold."""


def write_archive(
    world: World,
    folder: Path,
    first_day: date | None = None,
    last_day: date | None = None,
    *,
    layout: Literal["tar", "folder"] = "tar",
) -> list[Path]:
    """Write the days [first_day, last_day] (default: all of history); returns the tars, or the day folders.

    A lost day is not written, just as some days are missing from the real archives. The bytes depend only on the world.
    """
    first = first_day or world.first_day
    last = last_day or world.live_day - timedelta(days=1)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for day, fixes in _days(world, first, last):
        if day.timestamp() in world.faults.lost:
            continue
        members = traces(world, fixes, day.timestamp())
        write = _tar if layout == "tar" else _tree
        paths.append(write(folder, day.date(), members))
    return paths


def traces(world: World, fixes: Fixes, midnight: float) -> Iterator[tuple[str, bytes]]:
    """The trace files of one day: name inside the archive, gzip content."""
    frame = world.legs.airframe[fixes.leg]
    order = np.lexsort((fixes.when, frame))
    fixes, frame = fixes.take(order), frame[order]
    starts = np.flatnonzero(np.diff(frame, prepend=-1))
    for start, end in zip(starts, [*starts[1:], len(frame)], strict=True):
        airframe = world.airframes[frame[start]]
        head = {"icao": airframe.icao24, "r": airframe.registration, "t": airframe.typecode, "dbFlags": airframe.flags}
        head |= {"ownOp": airframe.operator, "timestamp": midnight}
        yield _file(airframe.icao24, head | {"trace": _rows(world, fixes.take(slice(start, end)), midnight)})
    yield _file(
        STRAY_HEX, {"icao": STRAY_HEX, "noRegData": True, "timestamp": midnight, "trace": _stray_rows(midnight)}
    )


def _rows(world: World, fixes: Fixes, midnight: float) -> list[list[Any]]:
    gap = np.diff(fixes.when, prepend=fixes.when[0])
    flags = STALE * (gap > STALE_S) + NEW_LEG * (np.diff(fixes.leg, prepend=fixes.leg[0]) != 0)
    source = np.where(fixes.mlat, "mlat", "adsb_icao").tolist()
    height = [
        "ground" if on else None if alt is None else int(alt)
        for on, alt in zip(fixes.onground.tolist(), _gaps(fixes.altitude), strict=True)
    ]
    rate, geometric = _whole(fixes.vertical_rate), _whole(fixes.geoaltitude)
    columns = (
        np.round(fixes.when - midnight, 2).tolist(), fixes.latitude.tolist(), fixes.longitude.tolist(), height,
        fixes.groundspeed.tolist(), np.round(fixes.track, 1).tolist(), flags.tolist(), rate,
    )  # fmt: skip
    rest = zip(source, geometric, strict=True)
    return [
        [
            *row,
            sparse(world, fixes, i) if i % 4 == 0 else None,
            kind,
            geo,
            rate[i] if geo is not None else None,
            None,
            None,
        ]
        for i, (row, (kind, geo)) in enumerate(zip(zip(*columns, strict=True), rest, strict=True))
    ]


def _stray_rows(midnight: float) -> list[list[Any]]:
    rows: list[list[Any]] = []
    for offset in range(36000, 37800, 300):
        at = stray(midnight + offset)
        detail = {"type": "tisb_other", "nic": 0, "rc": 0} if not len(rows) % 4 else None
        row = [float(offset), at["lat"], at["lon"], at["alt_baro"], at["gs"], at["track"], 0, None, detail]
        rows.append([*row, "tisb_other", None, None, None, None])
    return rows


def _gaps(values: Any) -> list[float | None]:
    return [None if math.isnan(v) else v for v in values.tolist()]


def _whole(values: Any) -> list[int | None]:
    return [None if math.isnan(v) else int(v) for v in values.tolist()]


def _file(icao24: str, content: dict[str, Any]) -> tuple[str, bytes]:
    body = gzip.compress(msgspec.json.encode(content), compresslevel=LEVEL, mtime=0)
    return f"traces/{icao24[-2:]}/trace_full_{icao24}.json", body


def _days(world: World, first: date, last: date) -> Iterator[tuple[datetime, Fixes]]:
    """The fixes of each day; those of a flight over midnight are in both days."""
    fixes = world.written
    order = np.argsort(fixes.when, kind="stable")
    when = fixes.when[order]
    day = datetime(first.year, first.month, first.day, tzinfo=UTC)
    while day.date() <= last:
        start, end = np.searchsorted(when, [day.timestamp(), day.timestamp() + DAY])
        yield day, fixes.take(order[start:end])
        day += timedelta(days=1)


def _tar(folder: Path, day: date, members: Iterator[tuple[str, bytes]]) -> Path:
    """One tar named as adsb.lol names its daily releases; members start with `./`, as theirs do."""
    path = folder / f"v{day:%Y.%m.%d}-planes-readsb-prod-0.tar"
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, body in members:
            info = tarfile.TarInfo(f"./{name}")
            info.size = len(body)
            info.mtime = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
            tar.addfile(info, io.BytesIO(body))
    return path


def _tree(folder: Path, day: date, members: Iterator[tuple[str, bytes]]) -> Path:
    """`YYYY/MM/DD/traces/…`, as readsb's globe_history."""
    root = folder / f"{day:%Y/%m/%d}"
    for name, body in members:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return root
