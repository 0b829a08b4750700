"""BaseStation (SBS) lines over TCP: 22 comma-separated fields; a line fills only those it has values for.

A separate thread reads the socket and merges the lines of each airframe; a fetch returns what has come since the last
one. Times are times of arrival, because decoders disagree on whether the fields hold UTC.
"""

from __future__ import annotations

import contextlib
import math
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np

from flightwatch.config import HttpSettings, SourceSettings
from flightwatch.records import Fetched, Poll
from flightwatch.sources import frames
from flightwatch.sources.plan import Circle
from flightwatch.sources.wire import is_public

FIELDS = 22
EXPIRE_S = 60.0  # a callsign or speed older than this is not combined with a new position (readsb TRACK_EXPIRE)
SPACING_S = 4.0  # between two kept fixes of an airframe; 2 a second arrive, and no leg needs more than 15 a minute
SILENT_S = 60.0  # without a line for this long the link counts as dead (a decoder sends status lines even at night)
MAX_LINE = 512  # bytes; a full line has about 120
MAX_HELD = 100_000  # fixes between two fetches; two hours of a busy receiver
RECONNECT_S, RECONNECT_CAP_S = 1.0, 60.0


@dataclass
class Known:
    """What is known of one airframe, with the time of each value."""

    values: dict[str, tuple[float, Any]] = field(default_factory=dict)
    kept: float = -math.inf

    def fresh(self, name: str, now: float, default: Any) -> Any:
        at, value = self.values.get(name, (-math.inf, default))
        return value if now - at <= EXPIRE_S else default


class Merger:
    """Lines in, fixes out. Pure: the time of arrival is passed in."""

    def __init__(self) -> None:
        self.known: dict[str, Known] = {}
        self.rejected: Counter[str] = Counter()

    def take(self, line: str, now: float) -> dict[str, Any] | None:
        """A fix in readsb's names if the line brings a position worth keeping."""
        parts = line.split(",")
        if parts[0] != "MSG":
            if parts[0] not in ("SEL", "ID", "AIR", "STA", "CLK"):
                self.rejected["malformed row"] += 1
            return None
        if len(parts) < FIELDS:
            self.rejected["malformed row"] += 1
            return None
        icao24 = parts[4].strip().lower()
        known = self.known.setdefault(icao24, Known())
        _learn(known, parts, now)
        lat, lon = _number(parts[14]), _number(parts[15])
        if math.isnan(lat) or math.isnan(lon):
            return None
        if now - known.kept < SPACING_S:
            self.rejected["thinned"] += 1
            return None
        known.kept = now
        return _fix(icao24, lat, lon, known, now)

    def forget(self, now: float) -> None:
        """Forgets airframes not heard for a while."""
        self.known = {
            a: k for a, k in self.known.items() if any(now - at <= 5 * EXPIRE_S for at, _ in k.values.values())
        }


def _learn(known: Known, parts: list[str], now: float) -> None:
    known.values["heard"] = (now, True)
    if parts[10].strip():
        known.values["flight"] = (now, parts[10])
    if parts[17].strip():
        known.values["squawk"] = (now, parts[17].strip())
    height = parts[11].strip()
    name = "alt_geom" if height.endswith("H") else "alt_baro"  # suffix H: geometric, with readsb's --gnss
    for key, text in ((name, height.removesuffix("H")), ("gs", parts[12]), ("track", parts[13]), ("rate", parts[16])):
        value = _number(text)
        if not math.isnan(value):
            known.values[key] = (now, value)
    if parts[21].strip() in ("-1", "1"):
        known.values["ground"] = (now, True)
    elif parts[21].strip() == "0":
        known.values["ground"] = (now, False)


def _fix(icao24: str, lat: float, lon: float, known: Known, now: float) -> dict[str, Any]:
    ground = known.fresh("ground", now, False)
    return {
        "hex": icao24,
        "lat": lat,
        "lon": lon,
        "time": now,
        "alt_baro": "ground" if ground else known.fresh("alt_baro", now, math.nan),
        "alt_geom": known.fresh("alt_geom", now, math.nan),
        "gs": known.fresh("gs", now, math.nan),
        "track": known.fresh("track", now, math.nan),
        "baro_rate": known.fresh("rate", now, math.nan),
        "flight": known.fresh("flight", now, ""),
        "squawk": known.fresh("squawk", now, ""),
    }


def _number(text: str) -> float:
    text = text.strip()
    if not text or len(text) > 20:
        return math.nan
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def tables(fixes: Sequence[dict[str, Any]], source: str, rejected: Counter[str]) -> tuple[Any, Any]:
    """OBSERVATION and AIRCRAFT frames of the fixes."""
    if not fixes:
        return frames.nothing()
    count = len(fixes)
    part: dict[str, Any] = {name: [f[name] for f in fixes] for name in fixes[0]}
    missing = np.full(count, np.nan)
    part |= {"seen_pos": np.zeros(count), "nic": missing, "calc_track": missing, "geom_rate": missing}
    part |= {"dbFlags": np.zeros(count), "lastPosition": [None] * count, "type": ["other"] * count}
    part |= {"r": [""] * count, "t": [""] * count, "ownOp": [""] * count}
    return frames.arrange(part, np.array(part["time"]) * 1000, source, rejected)


class Sbs:
    """A receiver's BaseStation port. The reading thread starts with the first fetch and ends with `close`."""

    gaps: tuple[str, ...] = ()

    def __init__(
        self,
        settings: SourceSettings,
        http: HttpSettings,
        contact: str,
        *,
        circles: Sequence[Circle] = (),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        del contact, circles, sleep
        self.name = settings.name or settings.kind
        self.host, self.port = settings.host, settings.port
        self.private = settings.allow_private is not False
        self.connect_s, self.clock = http.connect_s, clock
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._held: list[dict[str, Any]] = []
        self._merger = Merger()
        self._thread: threading.Thread | None = None
        self._socket: socket.socket | None = None
        self._trouble, self._heard, self._bytes, self._connected = "not connected yet", -math.inf, 0, False
        self._dropped = 0

    def requests(self) -> list[str]:
        return [f"tcp://{self.host}:{self.port}"]

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, record: dict[str, Any] | None) -> None: ...

    def fetch(self, request: str) -> Fetched:
        """What has been heard since the last fetch."""
        started = self.clock()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=f"sbs {self.host}", daemon=True)
            self._thread.start()
            self._stop.wait(min(2.0, self.connect_s))  # so that the first fetch of a `once` returns something
        with self._lock:
            fixes, self._held = self._held, []
            rejected, self._merger.rejected = self._merger.rejected, Counter()
            size, self._bytes = self._bytes, 0
            if self._dropped:
                rejected["beyond the row limit"] += self._dropped
                self._dropped = 0
            self._merger.forget(started.timestamp())
        observations, aircraft = tables(fixes, self.name, rejected)
        outcome, note = self._judge(len(observations), started.timestamp())
        poll = Poll(self.name, request, started, self.clock(), outcome, kept=len(observations),
                    rejected=dict(rejected), bytes=size, note=note)  # fmt: skip
        return Fetched(poll, observations, aircraft, rejected)

    def _judge(self, kept: int, now: float) -> tuple[str, str]:
        if kept:
            return "ok", ""
        if not self._connected:
            return "server", f"{self.host}:{self.port}: {self._trouble}"
        if now - self._heard > SILENT_S:
            return "timeout", f"{self.host}:{self.port}: connected, but silent for more than {SILENT_S:.0f} s"
        return "empty", ""

    def _run(self) -> None:
        wait = RECONNECT_S
        while not self._stop.is_set():
            try:
                self._read()
                wait = RECONNECT_S
            except OSError as error:
                self._trouble = error.strerror or str(error) or type(error).__name__
            self._connected = False
            self._stop.wait(wait)
            wait = min(wait * 2, RECONNECT_CAP_S)

    def _read(self) -> None:
        with socket.create_connection((self.host, self.port), timeout=self.connect_s) as opened:
            if not self.private and not is_public(opened.getpeername()[0]):
                raise OSError("a private address, which is refused (allow_private = true permits it)")
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            opened.settimeout(SILENT_S)
            self._socket, self._connected = opened, True
            self._heard = self.clock().timestamp()
            rest = b""
            while not self._stop.is_set():
                data = opened.recv(65_536)
                if not data:
                    raise OSError("the other side closed the connection")
                rest = self._take(rest + data, len(data))

    def _take(self, data: bytes, size: int) -> bytes:
        """Merges whole lines; the unfinished last one is kept for the next read."""
        *lines, rest = data.split(b"\n")
        now = self.clock().timestamp()
        with self._lock:
            self._bytes += size
            self._heard = now
            for line in lines:
                if len(line) > MAX_LINE:
                    self._merger.rejected["malformed row"] += 1
                    continue
                fix = self._merger.take(line.decode("ascii", "replace").strip("\r"), now)
                if fix is not None:
                    self._held.append(fix)
            if len(self._held) > MAX_HELD:
                self._dropped += len(self._held) - MAX_HELD
                del self._held[:-MAX_HELD]
        if len(rest) > MAX_LINE:
            with self._lock:
                self._merger.rejected["malformed row"] += 1
            return b""
        return rest

    def close(self) -> None:
        self._stop.set()
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        if self._thread is not None:
            self._thread.join(5.0)
