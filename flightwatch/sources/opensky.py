"""OpenSky Network: live state vectors, and finished flights by airport.

SI units and positional arrays, longitude before latitude; a null list means nothing was there. OAuth2 client
credentials since 2026-03-18, and every call costs credits, so the spacing follows from the budget. The data are for
research and non-commercial use: cite Schäfer et al., "Bringing Up OpenSky", IPSN 2014.
"""

from __future__ import annotations

import hashlib
import math
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from operator import attrgetter
from typing import Any
from urllib.parse import urlencode

import msgspec
import numpy as np
import pandas as pd

from flightwatch.config import HttpSettings, SourceSettings
from flightwatch.errors import SourceError
from flightwatch.records import FLIGHT, Fetched, Poll, conform, empty, flight_id
from flightwatch.sources import columns as col
from flightwatch.sources import pace as pacing
from flightwatch.sources import readsb, v2
from flightwatch.sources.http import Client, require_json
from flightwatch.sources.pace import Pace, Rule
from flightwatch.sources.plan import Circle
from flightwatch.units import FEET_PER_METRE, FPM_PER_MS, KM_PER_NM, KNOTS_PER_MS, instant, millis

API = "https://opensky-network.org/api"
AUTH = "https://auth.opensky-network.org"
TOKEN_PATH = "/auth/realms/opensky-network/protocol/openid-connect/token"  # noqa: S105  (a path, no secret)
TOKEN_EARLY_S = 60.0  # a token lives 1,800 s; a fresh one is fetched before the old one dies on the way
CREDITS, ANONYMOUS_CREDITS = 4000, 400  # a day (docs/free/rest.rst, 2026-07)
ADDRESSES_A_REQUEST = 100
SOURCES_OF_POSITION = ("adsb_icao", "other", "mlat", "other")  # 0 ADS-B, 1 ASTERIX, 2 MLAT, 3 FLARM
REFUSALS = {
    "auth": "OpenSky does not accept client_id and client_secret (since 2026-03 it takes API clients only)",
    "blocked": "OpenSky refuses this computer's network (it blocks large data centres) or account",
    "rate_limited": "today's OpenSky credits are spent",
}
_FAULTS = (msgspec.MsgspecError, ValueError, RecursionError)
NAN = float("nan")


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
        observations, aircraft = readsb.tables([], 0.0, source, rejected)
        return readsb.Parsed(observations, aircraft, rejected, now)
    part = dict(zip(_FIELDS, zip(*map(_GET, rows[: readsb.MAX_ROWS]), strict=True), strict=True))
    observations, aircraft = readsb.arrange(
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
    """The columns under readsb's names and in our units, so that one function arranges both."""

    def number(name: str, factor: float = 1.0) -> Any:
        with np.errstate(over="ignore"):  # a speed of 1e308 is infinite then, and not known
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


def cost(box: tuple[float, float, float, float] | None) -> int:
    """Credits of one `/states/all`: by the box's area in square degrees, the whole world like the largest.

    >>> cost(None), cost((30, 11, 37, 36)), cost((32, 20, 33, 21))
    (4, 3, 1)
    """
    if box is None:
        return 4
    area = (box[2] - box[0]) * (box[3] - box[1])
    return 1 if area <= 25 else 2 if area <= 100 else 3 if area <= 400 else 4


def bounds(circles: Sequence[Circle]) -> tuple[float, float, float, float] | None:
    """South, west, north, east of all circles, outward to whole degrees; None where they reach round the world.

    >>> bounds([(32.0, 15.0, 60.0)])
    (31.0, 13.0, 33.0, 17.0)
    """
    south = min(lat - r / 60 for lat, _, r in circles)
    north = max(lat + r / 60 for lat, _, r in circles)
    if south <= -89 or north >= 89:
        return None
    wide = [(lon, r / 60 / math.cos(math.radians(min(abs(lat) + r / 60, 89.0)))) for lat, lon, r in circles]
    west, east = min(lon - w for lon, w in wide), max(lon + w for lon, w in wide)
    if west < -180 or east > 180:
        return None
    return float(math.floor(south)), float(math.floor(west)), float(math.ceil(north)), float(math.ceil(east))


class Session:
    """OpenSky's API with its token: fetched when needed, refreshed early, renewed once after a 401."""

    def __init__(
        self, settings: SourceSettings, http: HttpSettings, contact: str, clock: Callable[[], datetime]
    ) -> None:
        self.base = (settings.url or API).rstrip("/")
        self._auth = (settings.url or AUTH).rstrip("/") + TOKEN_PATH
        self._id, self._secret = settings.client_id, settings.secret("client_secret")
        self._clock, self._until = clock, 0.0
        self._settings, self._http, self._contact = settings, http, contact
        self._client: Client | None = None

    @property
    def anonymous(self) -> bool:
        return not (self._id and self._secret)

    def get(self, path: str, params: Any = None) -> Any:
        """An answer of the API; a token that has died meanwhile is renewed once."""
        try:
            return self._signed().get(self.base + path, params=params)
        except SourceError as error:
            if error.outcome != "auth" or self.anonymous:
                raise
        self._until = 0.0
        return self._signed().get(self.base + path, params=params)

    def _make(self, headers: dict[str, str]) -> Client:
        return v2.client(self._settings, self._http, self._contact, headers, clock=self._clock)

    def _signed(self) -> Client:
        now = self._clock().timestamp()
        if self._client is not None and (self.anonymous or now < self._until):
            return self._client
        self.close()
        headers = {}
        if not self.anonymous:
            token, lives = self._token()
            headers = {"Authorization": f"Bearer {token}"}
            self._until = now + lives - TOKEN_EARLY_S
        self._client = self._make(headers)
        return self._client

    def _token(self) -> tuple[str, float]:
        asking = self._make({})
        form = {"grant_type": "client_credentials", "client_id": self._id, "client_secret": self._secret or ""}
        try:
            answer = asking.post(self._auth, form)
            found = msgspec.json.decode(require_json(answer), type=_Token)
        except SourceError as error:
            refused = error.outcome in ("bad_request", "auth")  # 400 and 401 both mean: these credentials are wrong
            raise SourceError("no token from OpenSky", outcome="auth" if refused else error.outcome,
                              permanent=refused, retry_after=error.retry_after) from None  # fmt: skip
        except _FAULTS:
            raise SourceError("OpenSky's token answer cannot be read", outcome="bad_schema") from None
        finally:
            asking.close()
        return found.access_token, found.expires_in

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


class _Token(msgspec.Struct):
    access_token: str
    expires_in: float = 1800.0


class OpenSky:
    """Live state vectors: airframes by address, and the box round the areas, or the world."""

    def __init__(
        self,
        settings: SourceSettings,
        http: HttpSettings,
        contact: str,
        *,
        circles: Sequence[Circle] = (),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.name = settings.name or settings.kind
        self.clock, self.sleep, self.jitter = clock, sleep, jitter
        self.skew_s = http.clock_skew_s
        self.session = Session(settings, http, contact, clock)
        self._costs = dict(_requests(settings, circles))
        credits_a_day = settings.daily_budget or (ANONYMOUS_CREDITS if self.session.anonymous else CREDITS)
        spacing = max(self._costs.values()) * 86_400 / credits_a_day
        self.rule = Rule(
            spacing if settings.spacing_s is None else settings.spacing_s, credits_a_day, http.max_retry_after_s
        )
        self.pace = Pace()
        wanted = {"types": bool(settings.types), "military": settings.military}
        self.gaps = tuple(f"OpenSky cannot be asked for {w}" for w, on in wanted.items() if on)

    def requests(self) -> list[str]:
        return list(self._costs)

    def state(self) -> dict[str, Any]:
        return self.pace.to_record()

    def restore(self, record: dict[str, Any] | None) -> None:
        self.pace = Pace.from_record(record)

    def close(self) -> None:
        self.session.close()

    def fetch(self, request: str) -> Fetched:
        """One call, after the spacing its credits ask for; see `Source.fetch`."""
        price = self._costs.get(request, 4)
        now = self.clock()
        wait, why = pacing.pause(self.pace, self.rule, now.timestamp(), price)
        if why:
            outcome = self.pace.outcome if self.pace.until > now.timestamp() else "rate_limited"
            note = f"not asked for another {wait:.0f} s: {why}"
            return v2.nothing(Poll(self.name, request, now, now, outcome, note=note))
        if wait > 0:
            self.sleep(wait)
        started = self.clock()
        self.pace = pacing.asked(self.pace, started.timestamp(), price)
        try:
            body = require_json(self.session.get(request))
            found = parse(body, source=self.name, received=self.clock(), skew_s=self.skew_s)
        except SourceError as error:
            return self._failed(request, started, error)
        finished = self.clock()
        kept = len(found.observations)
        outcome = "ok" if kept or found.rejected else "empty"
        self.pace = pacing.answered(self.pace, self.rule, finished.timestamp(), outcome)
        poll = Poll(self.name, request, started, finished, outcome, kept=kept, rejected=dict(found.rejected),
                    bytes=len(body), sha256=hashlib.sha256(body).hexdigest())  # fmt: skip
        return Fetched(poll, found.observations, found.aircraft, found.rejected, body)

    def _failed(self, request: str, started: datetime, error: SourceError) -> Fetched:
        words = REFUSALS.get(error.outcome)
        note = f"{error}; {words}" if words else str(error)
        finished = self.clock()
        self.pace = pacing.answered(self.pace, self.rule, finished.timestamp(), error.outcome, why=note,
                                    retry_after=error.retry_after, jitter=self.jitter())  # fmt: skip
        return v2.nothing(Poll(self.name, request, started, finished, error.outcome, note=note))


def _requests(settings: SourceSettings, circles: Sequence[Circle]) -> Iterator[tuple[str, int]]:
    """Paths with their price in credits."""
    wanted = sorted(settings.icao24)
    for i in range(0, len(wanted), ADDRESSES_A_REQUEST):
        yield f"/states/all?{urlencode([('icao24', a) for a in wanted[i : i + ADDRESSES_A_REQUEST]])}", 4
    if circles:
        box = bounds(circles)
        named = dict(zip(("lamin", "lomin", "lamax", "lomax"), box or (), strict=False))
        yield "/states/all" + (f"?{urlencode(named)}" if named else ""), cost(box)
    elif not wanted:
        yield "/states/all", 4


class Flight(msgspec.Struct):
    """A row of `/flights/arrival` and `/flights/departure`."""

    icao24: str
    firstSeen: float
    lastSeen: float
    estDepartureAirport: str | None = None
    estArrivalAirport: str | None = None
    callsign: str | None = None
    estDepartureAirportHorizDistance: float | None = None
    estArrivalAirportHorizDistance: float | None = None


_FLIGHT = msgspec.json.Decoder(Flight)
_LIST = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True)
class FlightsPiece:
    """One airport, one direction, one UTC day of finished flights: the unit of `backfill opensky`."""

    name: str
    day: date
    path: str
    session: Session = field(repr=False, compare=False)
    source: str = "opensky"

    def load(self) -> tuple[Poll, pd.DataFrame]:
        """The day's flights and how the asking went; a 404 is OpenSky's way to say that there were none."""
        start = datetime.combine(self.day, clock_time(), UTC)
        end = start + timedelta(days=1)
        poll = Poll(self.source, self.name, start, end, "empty", planned=False)
        try:
            body = require_json(self.session.get(self.path))
            flights, rejected = parse_flights(body, self.source, self.name)
        except SourceError as error:
            if "HTTP 404" in str(error):
                return poll, empty(FLIGHT)
            words = REFUSALS.get(error.outcome)
            note = f"{error}; {words}" if words else str(error)
            return Poll(self.source, self.name, start, end, error.outcome, note=note, planned=False), empty(FLIGHT)
        outcome = "ok" if len(flights) else "empty"
        return Poll(self.source, self.name, start, end, outcome, kept=len(flights), rejected=dict(rejected),
                    bytes=len(body), sha256=hashlib.sha256(body).hexdigest(), planned=False), flights  # fmt: skip


def flight_pieces(
    session: Session, airports: Sequence[str], first: date, last: date, *, done: Any = ()
) -> Iterator[FlightsPiece]:
    """Arrivals and departures of each airport, day by day: an interval inside one UTC day is the cheapest partition."""
    day = first
    while day <= last:
        begin = int(datetime.combine(day, clock_time(), UTC).timestamp())
        for airport in airports:
            for way in ("arrival", "departure"):
                name = f"flights/{way}/{airport}/{day}"
                if name not in done:
                    asked = urlencode({"airport": airport, "begin": begin, "end": begin + 86_399})
                    yield FlightsPiece(name, day, f"/flights/{way}?{asked}", session)
        day += timedelta(days=1)


def parse_flights(body: bytes, source: str, piece: str) -> tuple[pd.DataFrame, Counter[str]]:
    """A FLIGHT frame of OpenSky's own estimates, kept as reported, with the distance of each guess."""
    rejected: Counter[str] = Counter()
    try:
        raw = _LIST.decode(body)
    except _FAULTS as error:
        raise SourceError(f"the body is not the answer expected: {error}", outcome="bad_schema") from None
    rows = [r for r in (_flight_row(x, source, piece, rejected) for x in raw) if r is not None]
    if not rows:
        return empty(FLIGHT), rejected
    frame = pd.DataFrame(rows)
    again = frame.duplicated("flight_id")
    if again.any():
        rejected["duplicate row"] += int(again.sum())
    return conform(frame[~again], FLIGHT), rejected


def _flight_row(raw: msgspec.Raw, source: str, piece: str, rejected: Counter[str]) -> dict[str, Any] | None:
    try:
        found = _FLIGHT.decode(raw)
    except _FAULTS:
        rejected["malformed row"] += 1
        return None
    _, usable, foreign = col.addresses([found.icao24])
    if not usable[0]:
        rejected["non-ICAO address" if foreign[0] else "no address"] += 1
        return None
    if not col.EARLIEST_S <= found.firstSeen <= found.lastSeen <= col.LATEST_S:
        rejected["impossible time"] += 1
        return None
    first, last = (instant(round(s * 1000)) for s in (found.firstSeen, found.lastSeen))
    icao24, sign = found.icao24.lower(), col.callsign(found.callsign or "")
    row: dict[str, Any] = {
        "flight_id": flight_id(icao24, first),
        "icao24": icao24,
        "callsign": sign,
        "callsigns": sign,
        "firstseen": first,
        "lastseen": last,
        "status": "landed" if found.estArrivalAirport else "lost",
        "source": source,
        "provenance": [f"{source}:{piece}"],
        "rules_version": "reported",
        "track": None,
    }
    ends = (
        ("departure", found.estDepartureAirport, found.estDepartureAirportHorizDistance),
        ("arrival", found.estArrivalAirport, found.estArrivalAirportHorizDistance),
    )
    for end, airport, metres in ends:
        code = col.clean_text(airport or "", 8).upper()
        row[f"est{end}airport"] = code
        row[f"{end}_method"] = "reported" if code else "unknown"
        row[f"{end}_probability"] = 1.0 if code else 0.0
        row[f"{end}_candidates"] = {code: 1.0} if code else {}
        row[f"{end}_distance_nm"] = NAN if metres is None else metres / 1000 / KM_PER_NM
    return row
