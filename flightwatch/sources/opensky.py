"""OpenSky Network: live state vectors, and finished flights by airport.

SI units and positional arrays, longitude before latitude; a null list means nothing was there. OAuth2 client
credentials since 2026-03-18. Every call costs credits, so the spacing follows from the budget. The data are for
research and non-commercial use: cite Schäfer et al., "Bringing Up OpenSky", IPSN 2014.
"""

from __future__ import annotations

import hashlib
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import msgspec

from flightwatch.config import HttpSettings, SourceSettings
from flightwatch.errors import SourceError
from flightwatch.records import Fetched, Poll
from flightwatch.sources import pace as pacing
from flightwatch.sources import v2
from flightwatch.sources.http import Client
from flightwatch.sources.pace import Pace, Rule
from flightwatch.sources.plan import Circle
from flightwatch.sources.states import parse
from flightwatch.sources.status import require_json

API = "https://opensky-network.org/api"
AUTH = "https://auth.opensky-network.org"
OAUTH_PATH = "/auth/realms/opensky-network/protocol/openid-connect/token"
TOKEN_EARLY_S = 60.0  # a token lives 1,800 s; a fresh one is fetched before the old one can expire in transit
CREDITS, ANONYMOUS_CREDITS = 4000, 400  # a day (docs/free/rest.rst, 2026-07)
ADDRESSES_A_REQUEST = 100
REFUSALS = {
    "auth": "OpenSky does not accept client_id and client_secret (since 2026-03 it takes API clients only)",
    "blocked": "OpenSky refuses this computer's network (it blocks large data centres) or account",
    "rate_limited": "today's OpenSky credits are spent",
}
_FAULTS = (msgspec.MsgspecError, ValueError, RecursionError)


def cost(box: tuple[float, float, float, float] | None) -> int:
    """Credits of one `/states/all`: by the box's area in square degrees; the whole world costs as much as the largest
    box.

    >>> cost(None), cost((30, 11, 37, 36)), cost((32, 20, 33, 21))
    (4, 3, 1)
    """
    if box is None:
        return 4
    area = (box[2] - box[0]) * (box[3] - box[1])
    return 1 if area <= 25 else 2 if area <= 100 else 3 if area <= 400 else 4


def bounds(circles: Sequence[Circle]) -> tuple[float, float, float, float] | None:
    """South, west, north, east of all circles, rounded outward to whole degrees; None if they reach round the world.

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
    """OpenSky's API with its token, which is fetched when needed, refreshed early and renewed once after a 401."""

    def __init__(
        self, settings: SourceSettings, http: HttpSettings, contact: str, clock: Callable[[], datetime]
    ) -> None:
        self.base = (settings.url or API).rstrip("/")
        self._auth = (settings.url or AUTH).rstrip("/") + OAUTH_PATH
        self._id, self._secret = settings.client_id, settings.secret("client_secret")
        self._clock, self._until = clock, 0.0
        self._settings, self._http, self._contact = settings, http, contact
        self._client: Client | None = None

    @property
    def anonymous(self) -> bool:
        return not (self._id and self._secret)

    def get(self, path: str, params: Any = None) -> Any:
        """An answer of the API; an expired token is renewed once."""
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
    """Live state vectors: by airframe address, for the box round the areas, or for the world."""

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
        """One call, after the spacing that its credits require; see `Source.fetch`."""
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
