"""What the jobs share: settings, store, airports, and what the settings resolve to."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from flightwatch import places
from flightwatch.airports import Airports
from flightwatch.airports import load as load_airports
from flightwatch.config import Settings
from flightwatch.errors import FlightwatchError
from flightwatch.records import Poll, Route
from flightwatch.redact import redact
from flightwatch.routes import resolve
from flightwatch.units import iso

if TYPE_CHECKING:
    import pandas as pd

    from flightwatch.detection import Model
    from flightwatch.notify import Channel
    from flightwatch.sources import Source
    from flightwatch.store import Store


def wall_clock() -> datetime:
    """The present, aware: the only place where a job reads the wall clock; tests and the demo pass in their own."""
    return datetime.now(tz=UTC)


PACE = "pace:"
"""Marks under which a source's pace is kept: spacing, budget and back-off survive a restart."""

UNCOUNTED = "uncounted_since"
"""The mark for the first day whose flights changed since the routes were last tallied."""

log = logging.getLogger("flightwatch")


def configured_routes(settings: Settings) -> list[Route]:
    """The routes of the settings, resolved to airports; raises ConfigError for a definition that cannot be resolved."""
    airports = load_airports()
    return resolve(settings.routes, places.resolve(settings.places, airports), airports)


@dataclass
class Context:
    """One process's view. `clock` is for what happens within a job (pacing of sends). `pause` waits that many seconds
    and returns whether to stop instead; the default never stops."""

    settings: Settings
    store: Store
    sources: list[Source] = field(default_factory=list)
    channels: list[Channel] = field(default_factory=list)
    stopping: Callable[[], bool] = lambda: False
    clock: Callable[[], datetime] = wall_clock
    pause: Callable[[float], bool] = lambda seconds: True
    observe: Callable[[Poll], None] = lambda poll: None
    model: Model | None = None
    broken_off: set[str] = field(default_factory=set)
    """Channels whose last run did not finish."""

    @cached_property
    def airports(self) -> Airports:
        return load_airports()

    @cached_property
    def places(self) -> places.Places:
        return places.resolve(self.settings.places, self.airports)

    @cached_property
    def routes(self) -> list[Route]:
        return configured_routes(self.settings)

    def due(self, job: str, every: timedelta, now: datetime) -> bool:
        """Whether `job` last ran at least `every` ago; this is kept in the store, so a restart loses nothing."""
        last = self.store.get_mark(f"job:{job}")
        return last is None or datetime.fromisoformat(last) + every <= now or datetime.fromisoformat(last) > now

    def done(self, job: str, now: datetime) -> None:
        self.store.set_mark(f"job:{job}", now.isoformat())  # to the microsecond: a beat may be a second

    def changed(self, firstseen: pd.Series) -> None:
        """Flights at these times are new, changed or gone: their days must be counted again."""
        if len(firstseen):
            held = self.store.get_mark(UNCOUNTED)
            day = firstseen.min().date().isoformat()
            if held is None or day < held:
                self.store.set_mark(UNCOUNTED, day)

    def record_problem(self, job: str, problem: str, now: datetime) -> None:
        """Record that a job failed, for `health`. If the store cannot be written, that is in the log already."""
        try:
            self.store.set_mark(f"problem:{job}", f"{iso(now)} {redact(problem)}")
        except FlightwatchError as e:
            log.error("the failure of %s could not be stored: %s", job, e)

    def clear_problem(self, job: str) -> None:
        if self.store.get_mark(f"problem:{job}") is not None:
            self.store.set_mark(f"problem:{job}", None)

    def airport_name(self, airport: str) -> str:
        """An airport id with its name, for people; the id alone if we do not know the airport."""
        found = self.airports.find(airport)
        return f"{found.name} ({airport})" if found and found.name else airport
