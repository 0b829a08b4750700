"""The aggregators that speak v2, and a receiver's own `aircraft.json`: one source class over a table of providers."""

from __future__ import annotations

import hashlib
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flightwatch.config import HttpSettings, SourceSettings
from flightwatch.errors import ConfigError, SourceError
from flightwatch.records import AIRCRAFT, OBSERVATION, Fetched, Poll, empty
from flightwatch.sources import inflate, readsb
from flightwatch.sources import pace as pacing
from flightwatch.sources.http import Client, Limits
from flightwatch.sources.pace import Pace, Rule
from flightwatch.sources.plan import Capability, Circle, plan
from flightwatch.sources.status import require_json

STANDSTILL_S = 30.0  # a `now` that has stood still for longer means a dead decoder or a stuck cache


@dataclass(frozen=True)
class Provider:
    """One feed: where it is, what it can be asked, how often, on what terms, and what its refusals mean."""

    name: str
    base: str
    can: Capability
    spacing_s: float
    terms: str
    attribution: str
    needs_key: bool = False
    refusals: tuple[tuple[str, str], ...] = ()


PROVIDERS: dict[str, Provider] = {
    "adsblol": Provider(
        name="adsb.lol",
        base="https://api.adsb.lol",
        can=Capability(
            types="/v2/type/{}",
            military="/v2/mil",
            addresses="/v2/hex/{}",
            circle="/v2/point/{lat}/{lon}/{radius}",
        ),
        spacing_s=2.0,
        terms="ODbL 1.0",
        attribution="Data from adsb.lol (ODbL)",
        refusals=(("blocked", "adsb.lol turns away programs without contact data: set `contact` to an e-mail or URL"),),
    ),
    "adsbfi": Provider(
        name="adsb.fi",
        base="https://opendata.adsb.fi/api",
        can=Capability(
            military="/v2/mil",
            addresses="/v2/icao/{}",
            circle="/v3/lat/{lat}/lon/{lon}/dist/{radius}",
        ),
        spacing_s=1.2,
        terms="personal, non-commercial",
        attribution="Data from adsb.fi (https://adsb.fi)",
        refusals=(
            ("blocked", "adsb.fi's firewall refuses this computer's network (usual for data centres): use another"),
        ),
    ),
    "airplaneslive": Provider(
        name="airplanes.live",
        base="https://api.airplanes.live/v2",
        can=Capability(types="/type/{}", military="/mil", addresses="/hex/{}", circle="/point/{lat}/{lon}/{radius}"),
        spacing_s=1.2,
        terms="by approval",
        attribution="Data from airplanes.live",
        refusals=(
            ("blocked", "airplanes.live answers approved projects only: write to contact@airplanes.live"),
            ("auth", "airplanes.live answers approved projects only: write to contact@airplanes.live"),
        ),
    ),
    "adsbx": Provider(
        name="ADSBExchange",
        base="https://adsbexchange-com1.p.rapidapi.com",
        can=Capability(military="/v2/mil/", addresses="/v2/hex/{},/", circle="/v2/lat/{lat}/lon/{lon}/dist/{radius}/"),
        spacing_s=1.2,
        terms="paid, no redistribution",
        attribution="Data from ADSBExchange",
        needs_key=True,
        refusals=(
            ("auth", "ADSBExchange does not accept the key: set api_key_file to a valid one"),
            ("blocked", "the plan of this ADSBExchange key does not include the request"),
        ),
    ),
    "receiver": Provider(
        name="receiver",
        base="",
        can=Capability(everything="aircraft.json"),
        spacing_s=0.0,
        terms="own data",
        attribution="Own receiver",
    ),
}
"""What each provider offers and asks for, as found in its pages and answers. adsb.one is gone since 2025-12-01."""


class V2:
    """One provider of the v2 family, or one receiver.

    Holds the provider's session and its pace; `state` and `restore` carry the pace across a restart.
    """

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
        self.settings, self.provider = settings, PROVIDERS[settings.kind]
        self.name = settings.name or settings.kind
        self.clock, self.sleep, self.jitter = clock, sleep, jitter
        self.skew_s = http.clock_skew_s
        self.rule = rule_of(settings, http, self.provider.spacing_s)
        self.pace = Pace()
        self._seen: dict[str, tuple[datetime, datetime]] = {}
        self._url = settings.url or self.provider.base
        self._file = Path(self._url.removeprefix("file://")) if _is_path(self._url) else None
        self._plan = plan(
            self.provider.can,
            types=settings.types if self.provider.can.types else (),
            military=settings.military and bool(self.provider.can.military),
            addresses=settings.icao24 if self.provider.can.addresses else (),
            circles=circles if self.provider.can.circle else (),
        )
        self.gaps = _gaps(self.provider, settings)
        if not self._plan.requests:
            raise ConfigError(
                f"source {self.name!r} has nothing to ask {self.provider.name} for:"
                f" set {', '.join(_askable(self.provider))}"
            )
        self.client = None if self._file else client(settings, http, contact, self._headers(), clock=clock)

    def requests(self) -> list[str]:
        """The paths requested in one cycle, in order."""
        return list(self._plan.requests)

    def state(self) -> dict[str, Any]:
        """The provider's pace, to be kept across a restart."""
        return self.pace.to_record()

    def restore(self, record: dict[str, Any] | None) -> None:
        self.pace = Pace.from_record(record)

    def fetch(self, request: str) -> Fetched:
        """One request, after the provider's spacing; while it is backing off nothing is sent and the poll says so."""
        wait, why = pacing.pause(self.pace, self.rule, self.clock().timestamp())
        if why:
            return self._paused(request, wait, why)
        if wait > 0:
            self.sleep(wait)
        started = self.clock()
        self.pace = pacing.asked(self.pace, started.timestamp())
        try:
            body = self._body(request)
            found = readsb.parse(body, source=self.name, received=self.clock(), skew_s=self.skew_s)
            self._moving(request, found.now)
        except SourceError as error:
            return self._failed(request, started, error)
        return self._good(request, started, body, found)

    def _body(self, request: str) -> bytes:
        if self._file is not None:
            return read_file(self._file)
        assert self.client is not None
        url = self._url if self.settings.kind == "receiver" else self._url.rstrip("/") + request
        return require_json(self.client.get(url))

    def _headers(self) -> dict[str, str]:
        key = self.settings.secret("api_key")
        if self.provider.needs_key and not key:
            raise ConfigError(f"source {self.name!r}: {self.provider.name} needs api_key or api_key_file")
        if not key:
            return {}
        host = urlsplit(self._url).hostname or ""
        if host.endswith("rapidapi.com"):
            return {"X-RapidAPI-Key": key, "X-RapidAPI-Host": host}
        return {"X-Api-Key": key} if self.settings.kind == "adsbx" else {"api-auth": key}

    def _moving(self, request: str, now: datetime | None) -> None:
        """A feed whose `now` stands still repeats itself: nothing in it is new, and it must not count as watching."""
        if now is None:
            return
        first, at = self._seen.get(request, (now, self.clock()))
        if first != now:
            first, at = now, self.clock()
        self._seen[request] = (first, at)
        still = (self.clock() - at).total_seconds()
        if still > STANDSTILL_S:
            raise SourceError(f"repeats itself: its `now` has stood still for {still:.0f} s", outcome="server")

    def _good(self, request: str, started: datetime, body: bytes, found: readsb.Parsed) -> Fetched:
        finished = self.clock()
        kept = len(found.observations)
        outcome = "ok" if kept or found.rejected else "empty"
        self.pace = pacing.answered(self.pace, self.rule, finished.timestamp(), outcome)
        note = ""
        if found.now is not None and (off := (found.now - finished).total_seconds()) and abs(off) > self.skew_s:
            way = "ahead of" if off > 0 else "behind"
            note = f"its clock is {abs(off):.0f} s {way} ours; times are taken from ours and marked"
        poll = Poll(
            self.name,
            request,
            started,
            finished,
            outcome,
            kept=kept,
            rejected=dict(found.rejected),
            bytes=len(body),
            sha256=hashlib.sha256(body).hexdigest(),
            note=note,
        )
        return Fetched(poll, found.observations, found.aircraft, found.rejected, body)

    def _failed(self, request: str, started: datetime, error: SourceError) -> Fetched:
        finished = self.clock()
        words = next((w for outcome, w in self.provider.refusals if outcome == error.outcome), "")
        note = f"{error}; {words}" if words else str(error)
        self.pace = pacing.answered(
            self.pace,
            self.rule,
            finished.timestamp(),
            error.outcome,
            why=note,
            retry_after=error.retry_after,
            jitter=self.jitter(),
        )
        return nothing(Poll(self.name, request, started, finished, error.outcome, note=note))

    def _paused(self, request: str, wait: float, why: str) -> Fetched:
        now = self.clock()
        outcome = self.pace.outcome if self.pace.until > now.timestamp() else "rate_limited"
        return nothing(Poll(self.name, request, now, now, outcome, note=f"not asked for another {wait:.0f} s: {why}"))

    def close(self) -> None:
        if self.client is not None:
            self.client.close()


def nothing(poll: Poll) -> Fetched:
    """A poll that brought no rows."""
    return Fetched(poll, empty(OBSERVATION), empty(AIRCRAFT), Counter(poll.rejected))


def rule_of(settings: SourceSettings, http: HttpSettings, spacing_s: float) -> Rule:
    """The provider's spacing unless the configuration gives another, and the configured budget."""
    chosen = spacing_s if settings.spacing_s is None else settings.spacing_s
    return Rule(chosen, settings.daily_budget, http.max_retry_after_s)


def client(
    settings: SourceSettings,
    http: HttpSettings,
    contact: str,
    headers: dict[str, str],
    *,
    clock: Callable[[], datetime],
) -> Client:
    """The session of one source. A receiver may be on our own network; other sources only if allowed."""
    private = settings.allow_private
    if private is None:
        private = http.allow_private or settings.kind == "receiver"
    bundle = str(http.ca_bundle) if http.ca_bundle else None
    return Client(
        contact,
        allow_private=private,
        limits=Limits.of(http),
        headers=headers,
        ca_bundle=bundle,
        use_env=http.use_env,
        clock=clock,
    )


def read_file(path: Path) -> bytes:
    """The body of a local `aircraft.json`; readsb replaces the file as a whole, so it is never half written."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise SourceError(f"{path}: is not there (is the decoder running?)", outcome="server") from None
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or 'cannot be read'}", outcome="server") from None
    try:
        return inflate.whole(data)
    except inflate.InflateError as error:
        raise SourceError(f"{path}: {error}", outcome="bad_schema") from None


def _is_path(url: str) -> bool:
    return url.startswith(("/", "./", "file://")) or (bool(url) and "://" not in url)


def _askable(provider: Provider) -> list[str]:
    named = {"types": "types", "military": "military", "addresses": "icao24", "circle": "areas"}
    return [word for field, word in named.items() if getattr(provider.can, field)]


def _gaps(provider: Provider, settings: SourceSettings) -> tuple[str, ...]:
    """In words: what the configuration wants from this provider and cannot get."""
    if settings.kind == "receiver":
        return ()
    wanted = {"types": bool(settings.types), "military": settings.military, "icao24": bool(settings.icao24)}
    able = _askable(provider)
    return tuple(f"{provider.name} cannot be asked for {w}" for w, on in wanted.items() if on and w not in able)
