"""Which fixes an aircraft cannot have made: repeated, out of reach, or those of another aircraft with the same address.

Works on columns ordered by address and time, many aircraft at once: one vectorised pass finds the few jumps, and only
the stretches around them are examined row by row. The limits follow readsb's field-tested speed check (track.c): reach
= speed x time + a tolerance; the reference is forgotten after an hour.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from flightwatch import compiled, geo

Columns = dict[str, npt.NDArray[Any]]

TELEPORT, CLUSTER, STALE, DUPLICATE, SCATTER, LOW_INTEGRITY, CLOCK = 1, 2, 4, 8, 16, 32, 64  # records.SUSPECT

SPEED_FACTOR = 1.3  # times the reported ground speed: reliability rule "implied speed > 1.3 x max(gs)"
SPEED_SLACK_KT = 50.0  # readsb track.c, for MLAT; here for all, since speeds are as old as positions
SPEED_UNKNOWN_KT = 900.0  # readsb track.c: assumed where no speed is known
SPEED_CEILING_KT = 1200.0  # nothing civil is faster over ground; readsb caps at 2,000
SLACK_NM = 3.0  # readsb allows 2 km beyond the reach; an OpenSky state may be 15 s old, 2 NM at 480 kt
SLACK_MLAT_NM = 4.0
FORGET_MS = 3_600_000  # readsb forgets its reference after 60 min
SHORT_CHAIN = 5  # fewer fixes than this never make an aircraft of their own
SHORT_CHAIN_MS = 120_000  # nor does a burst shorter than two minutes
FORK_OVERLAP = 5  # this many fixes of two chains that overlap in time make two aircraft, or one spoofed
SPOOF_ALTITUDE_FT = 1500.0  # one airframe keeps its barometric altitude while its positions jump
MOVING_KT = 50.0  # readsb: faster than this a repeated position is not a fix
FASTEST = np.float32(SPEED_CEILING_KT / SPEED_FACTOR)  # cap on reported speed: with the factor, the ceiling
FLOWN = np.float32(SPEED_FACTOR / 60.0 / 3.6e6)  # reported kt x ms, with the factor, to degrees of a great circle
BLOCK = 1 << 17  # rows per pass: temporaries stay in the cache, and numpy's call overhead per row is small
FEW = 8  # pick rows one by one while at most one in this many is needed


def scan(columns: Columns) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows that repeat the previous position while the aircraft moves, and rows out of reach of the previous one.

    The first kind comes from sources that hold a lost position for a while. The second is judged within one aircraft
    and one hour, by three tests, each on the few rows that the test before leaves: further apart than the tolerance
    alone, further in degrees than could be flown in the time, and the exact test.
    """
    loops = compiled.loops()
    held, far = _unlikely(columns) if loops is None else _unlikely_by(loops, columns)
    return held, far[~reachable(columns, far - 1, far)]


def _unlikely(columns: Columns) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows at the same place as the row before, and rows that the first two tests do not clear."""
    address, time, speed = columns["address"], columns["time"], columns["groundspeed"]
    lat, lon, n = columns["latitude"], columns["longitude"], len(address)
    slack = SLACK_NM / 60
    same, near = np.zeros(n, dtype=bool), np.ones(n, dtype=bool)
    degrees, sideways = np.empty((2, min(BLOCK, n)))
    for lo in range(1, n, BLOCK):
        hi = min(lo + BLOCK, n)
        now, before = slice(lo, hi), slice(lo - 1, hi - 1)
        # No pair is further apart than its two legs, along the meridian and along the parallel, added up.
        apart, reach = degrees[: hi - lo], sideways[: hi - lo]
        np.abs(np.subtract(lat[now], lat[before], out=apart), out=apart)
        np.abs(np.subtract(lon[now], lon[before], out=reach), out=reach)
        apart += reach
        np.equal(apart, 0, out=same[now])
        np.less_equal(apart, slack, out=near[now])
        if (hi - lo - np.count_nonzero(near[now])) * FEW > hi - lo:  # fixes a minute apart: faster than picking
            np.copyto(reach, time[now] - time[before])
            reach *= np.minimum(speed[now], FASTEST) * FLOWN
            reach += slack
            np.less_equal(apart, reach, out=near[now])
    far = np.flatnonzero(~near)
    last = far - 1
    flown = (time[far] - time[last]) * (np.minimum(speed[far], FASTEST) * FLOWN) + slack
    far = far[~(np.abs(lat[far] - lat[last]) + np.abs(lon[far] - lon[last]) <= flown)]
    far = far[address[far] == address[far - 1]]
    held = np.flatnonzero(np.greater(same, columns["onground"], out=same))  # most aircraft that stand still are parked
    held = held[(address[held] == address[held - 1]) & ~(speed[held] <= MOVING_KT)]
    return held, far


def _unlikely_by(loops: Any, columns: Columns) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The same by the compiled loop, in half the time."""
    names = ("address", "time", "latitude", "longitude", "groundspeed", "onground")
    told = tuple(compiled.shown(columns[name]) for name in names)
    held, far = (np.empty(len(columns["time"]), dtype=np.int64) for _ in range(2))
    n, m = loops.unlikely(told, SLACK_NM / 60, FASTEST, FLOWN, MOVING_KT, held, far)
    return held[:n], far[:m]


def reachable(columns: Columns, a: Any, b: Any, forget: bool = True) -> npt.NDArray[np.bool_]:
    """Whether an aircraft at rows `a` can be at rows `b`; true after an hour, when the reference is forgotten."""
    dt = np.abs(columns["time"][b] - columns["time"][a])
    speed = np.fmax(columns["groundspeed"][a], columns["groundspeed"][b])
    speed = np.where(np.isnan(speed), SPEED_UNKNOWN_KT, SPEED_FACTOR * speed + SPEED_SLACK_KT)
    speed = np.minimum(speed, SPEED_CEILING_KT)
    mlat = columns.get("mlat")
    slack = SLACK_NM if mlat is None else np.where(mlat[a] | mlat[b], SLACK_MLAT_NM, SLACK_NM)
    lat, lon = columns["latitude"], columns["longitude"]
    ok: npt.NDArray[np.bool_] = geo.distance(lat[a], lon[a], lat[b], lon[b]) <= speed * dt / 3.6e6 + slack
    return ok | (dt > FORGET_MS) if forget else ok


def doubts(columns: Columns) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    """Suspect bits of every row, and which aircraft under its address it belongs to (0 for nearly all, read-only).

    `columns` are address, time (ms), latitude, longitude, altitude, groundspeed, onground, optionally mlat, ordered by
    address and time. A row is judged by its neighbours in time, so a bad stretch never costs the rest of a day.
    """
    n = len(columns["address"])
    bits = np.zeros(n, dtype=np.uint8)
    held, far = scan(columns) if n > 1 else (np.zeros(0, dtype=np.int64),) * 2
    bits[held] = STALE
    if not len(far):
        return bits, np.broadcast_to(np.int32(0), n)  # one 0 broadcast to all rows: no memory traffic
    aircraft = np.zeros(n, dtype=np.int32)
    # A held position makes the next true one look like a jump; only around such rows are the held ones dropped to
    # check.
    for first, last in _stretches(columns["address"], columns["time"], far):
        rows = np.flatnonzero(bits[first:last] != STALE) + first
        piece = {k: v[rows] for k, v in columns.items()}
        if len(scan(piece)[1]):
            marks, members = _judge(_joined(_chains(piece), piece), piece)
            bits[rows] |= marks
            aircraft[rows] = members
    return bits, aircraft


def _stretches(address: Any, time: Any, bad: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """Row ranges around the jumps: an hour to both sides within the aircraft, since nothing is remembered for
    longer."""
    starts = np.searchsorted(address, address[bad], "left")
    ends = np.searchsorted(address, address[bad], "right")
    out: list[tuple[int, int]] = []
    for row, lo, hi in zip(bad.tolist(), starts.tolist(), ends.tolist(), strict=True):
        first = lo + int(np.searchsorted(time[lo:hi], time[row] - FORGET_MS, "left"))
        last = lo + int(np.searchsorted(time[lo:hi], time[row] + FORGET_MS, "right"))
        if out and first < out[-1][1]:
            out[-1] = (out[-1][0], max(last, out[-1][1]))
        else:
            out.append((first, last))
    return out


def _chains(piece: Columns) -> npt.NDArray[np.int32]:
    """Each row joins the longest chain whose last fix it can have come from, or else begins a new one."""
    n = len(piece["time"])
    smooth = np.concatenate([[False], reachable(piece, np.arange(n - 1), np.arange(1, n))])
    breaks = np.append(np.flatnonzero(~smooth), n)
    labels = np.zeros(n, dtype=np.int32)
    tails, sizes, row, here = [0], [1], 1, 0
    reaches = _Reach(piece)
    while row < n:
        if smooth[row] and sizes[here] == max(sizes):  # it stays the longest while it continues
            end = int(breaks[np.searchsorted(breaks, row)])
        else:
            end = row + 1
            here = _choose(reaches, tails, sizes, row)
        if here == len(tails):
            tails.append(row)
            sizes.append(0)
        labels[row:end] = here
        tails[here] = end - 1
        sizes[here] += end - row
        row = end
    return labels


class _Reach:
    """`reachable` within an hour for one pair of rows at a time, on plain numbers: arrays of length one are twenty
    times slower."""

    def __init__(self, piece: Columns) -> None:
        speed = np.minimum(SPEED_FACTOR * piece["groundspeed"] + SPEED_SLACK_KT, SPEED_CEILING_KT)
        self.speed = np.where(np.isnan(speed), -1.0, speed).tolist()
        self.time = piece["time"].tolist()
        self.lat, self.lon = np.radians(piece["latitude"]).tolist(), np.radians(piece["longitude"]).tolist()
        self.shrink = np.cos(np.radians(piece["latitude"])).tolist()
        mlat = piece.get("mlat")
        self.slack = (
            np.full(len(self.time), SLACK_NM) if mlat is None else np.where(mlat, SLACK_MLAT_NM, SLACK_NM)
        ).tolist()

    def __call__(self, a: int, b: int) -> bool:
        speed = max(self.speed[a], self.speed[b])
        north = math.sin((self.lat[b] - self.lat[a]) / 2)
        east = math.sin((self.lon[b] - self.lon[a]) / 2)
        half = min(north * north + self.shrink[a] * self.shrink[b] * east * east, 1.0)
        miles = 2 * geo.EARTH_RADIUS_NM * math.asin(math.sqrt(half))
        hours = abs(self.time[b] - self.time[a]) / 3.6e6
        return bool(miles <= (SPEED_UNKNOWN_KT if speed < 0 else speed) * hours + max(self.slack[a], self.slack[b]))


def _choose(reaches: _Reach, tails: list[int], sizes: list[int], row: int) -> int:
    time = reaches.time
    oldest = time[row] - FORGET_MS
    recent = [c for c, tail in enumerate(tails) if time[tail] >= oldest]
    if not recent:  # nothing is remembered: continue what was heard last
        return max(range(len(tails)), key=lambda c: time[tails[c]])
    recent.sort(key=lambda c: -sizes[c])
    return next((c for c in recent if reaches(tails[c], row)), len(tails))


def _joined(labels: npt.NDArray[np.int32], piece: Columns) -> npt.NDArray[np.int32]:
    """Merges consecutive chains where dropping the end of the first or the start of the second makes that possible.

    Spoofing looks like this when the true positions come back: the last good fix reaches the first good one, and the
    spoofed ones between them (label -1) reach neither. The side with fewer fixes to drop loses them.
    """
    labels = labels.copy()
    chains = [np.flatnonzero(labels == c) for c in np.unique(labels)]
    chains = sorted((c for c in chains if not _short(c, piece["time"])), key=lambda c: int(c[0]))
    for a, b in itertools.pairwise(chains):
        if a[-1] > b[0] or not _same_altitude(piece["altitude"], a, b[:SHORT_CHAIN]):
            continue
        from_a = np.flatnonzero(reachable(piece, a, np.full(len(a), b[0]), forget=False))
        to_b = np.flatnonzero(reachable(piece, np.full(len(b), a[-1]), b, forget=False))
        drop_a = len(a) - 1 - int(from_a[-1]) if len(from_a) else len(a)
        drop_b = int(to_b[0]) if len(to_b) else len(b)
        if min(drop_a / len(a), drop_b / len(b)) > 0.9:
            continue
        lost = a[len(a) - drop_a :] if drop_a <= drop_b else b[:drop_b]
        labels[b] = labels[a].max()
        labels[lost] = -1
    return labels


def _short(rows: npt.NDArray[np.int64], time: Any) -> bool:
    return len(rows) < SHORT_CHAIN or bool(time[rows[-1]] - time[rows[0]] < SHORT_CHAIN_MS)


def _judge(labels: npt.NDArray[np.int32], piece: Columns) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    """Decides what each chain of a stretch is: the aircraft, a scatter of single fixes, a spoofed place, a second
    aircraft.

    The chain with the most fixes is the aircraft. A short chain is noise. A long chain within the time of the first is
    a spoofed place if the barometric altitude continues as if nothing had happened, and otherwise a second aircraft
    with the address. A chain that only begins where the other ends may be either. Nobody can say which is right, so
    both stay, as two aircraft.
    """
    time, altitude, mlat = piece["time"], piece["altitude"], piece.get("mlat")
    marks, members = np.zeros(len(labels), dtype=np.uint8), np.zeros(len(labels), dtype=np.int32)
    count = np.bincount(labels[labels >= 0])
    main = np.flatnonzero(labels == int(np.argmax(count)))
    marks[labels == -1] = TELEPORT
    own = 0
    for label in np.argsort(-count, kind="stable")[1:]:
        rows = np.flatnonzero(labels == label)
        if not len(rows):
            continue
        inside = rows[(time[rows] > time[main[0]]) & (time[rows] < time[main[-1]])]
        if _short(rows, time):
            marks[rows] |= SCATTER if mlat is not None and mlat[rows].mean() > 0.5 else TELEPORT
        elif len(inside) >= FORK_OVERLAP and _same_altitude(altitude, main, inside):
            marks[rows] |= TELEPORT
        else:
            own += 1
            members[rows] = own
            if len(inside) >= FORK_OVERLAP:
                marks[rows] |= DUPLICATE
                marks[main] |= DUPLICATE
    return marks, members


def _same_altitude(altitude: Any, main: npt.NDArray[np.int64], other: npt.NDArray[np.int64]) -> bool:
    """Whether the altitudes of a chain continue those of the main chain around it; true if none are known."""
    known_main, known = main[~np.isnan(altitude[main])], other[~np.isnan(altitude[other])]
    if not len(known_main) or not len(known):
        return True
    near = known_main[np.clip(np.searchsorted(known_main, known), 0, len(known_main) - 1)]
    return bool(np.median(np.abs(altitude[near] - altitude[known])) < SPOOF_ALTITUDE_FT)
