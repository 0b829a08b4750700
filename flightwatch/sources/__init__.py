"""Where positions come from. A source knows its provider's requests and returns the answers as frames in our units.

To add one, write a class with these four methods, a line in `SOURCES`, and a test on its recording.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from flightwatch.config import HttpSettings, SourceSettings
from flightwatch.errors import ConfigError
from flightwatch.records import Fetched
from flightwatch.sources.plan import Circle

LOCAL = ("receiver", "sbs", "replay")
"""Kinds that ask nobody else's server, so they need no contact."""


class Source(Protocol):
    """One feed. `gaps` says in words what the configuration wants from it and cannot get."""

    name: str
    gaps: tuple[str, ...]

    def requests(self) -> list[str]:
        """The polite set of requests for one cycle, in order."""

    def fetch(self, request: str) -> Fetched:
        """Makes one request. Trouble with the feed is an outcome of the poll, never an exception.

        Waits for the provider's spacing. While the provider is backing off, nothing is sent and the poll says so.
        """

    def state(self) -> dict[str, Any]:
        """What must survive a restart (spacing, budget, back-off), as JSON-serialisable values."""

    def restore(self, record: dict[str, Any] | None) -> None:
        """Continues where `state` left off."""

    def close(self) -> None: ...


SOURCES: dict[str, str] = {
    "adsblol": "flightwatch.sources.v2:V2",
    "adsbfi": "flightwatch.sources.v2:V2",
    "airplaneslive": "flightwatch.sources.v2:V2",
    "adsbx": "flightwatch.sources.v2:V2",
    "receiver": "flightwatch.sources.v2:V2",
    "opensky": "flightwatch.sources.opensky:OpenSky",
    "sbs": "flightwatch.sources.sbs:Sbs",
    "replay": "flightwatch.sources.replay:Replay",
}
"""Kind of source -> its class, imported when it is first built."""


def source_class(kind: str) -> Callable[..., Source]:
    """The class of a kind."""
    where = SOURCES.get(kind)
    if where is None:
        raise ConfigError(f"there is no source kind {kind!r}; known are {', '.join(sorted(SOURCES))}")
    module, name = where.split(":")
    found: Callable[..., Source] = getattr(importlib.import_module(module), name)
    return found


def build(
    settings: SourceSettings,
    http: HttpSettings | None = None,
    contact: str = "",
    *,
    circles: Sequence[Circle] = (),
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    sleep: Callable[[float], None] = time.sleep,
) -> Source:
    """The source that a `[[source]]` table describes; `circles` are what its areas resolve to (`Places.area`).

    Raises ConfigError if a public feed would be asked without a contact, or if there is nothing to ask it for.
    """
    if settings.kind not in LOCAL and not contact.strip():
        raise ConfigError(
            f"contact is not set, and source {settings.name or settings.kind!r} is somebody's server:"
            " give an e-mail address or URL where its operator can reach you"
        )
    made = source_class(settings.kind)
    return made(settings, http or HttpSettings(), contact or "local", circles=circles, clock=clock, sleep=sleep)
