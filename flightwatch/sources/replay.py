"""Plays recorded bodies as if they were a feed: one body, or batch of lines, per cycle, with the times as recorded."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flightwatch.config import HttpSettings, SourceSettings
from flightwatch.errors import ConfigError, InputError
from flightwatch.records import Fetched, Poll
from flightwatch.sources import snapshots
from flightwatch.sources.plan import Circle
from flightwatch.sources.v2 import nothing


class Replay:
    """Goes through a folder or file once, in order of names; `state` holds how far it got."""

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
        del http, contact, circles, sleep
        self.name = settings.name or settings.kind
        self.clock = clock
        self.path = Path(settings.path) if settings.path else Path()
        if not self.path.exists():
            raise ConfigError(f"source {self.name!r}: there is nothing to replay at {self.path}")
        self._done = 0
        self._left: Iterator[Fetched] | None = None
        self._next: Fetched | None = None

    def requests(self) -> list[str]:
        """The name of the next recording; nothing when all have been played."""
        self._advance()
        return [self._next.poll.query] if self._next is not None else []

    def _advance(self) -> None:
        if self._next is not None:
            return
        if self._left is None:
            self._left = self._play()
            for _ in range(self._done):
                next(self._left, None)
        self._next = next(self._left, None)

    def _play(self) -> Iterator[Fetched]:
        """Every recording; a broken one is a poll that says so, and the next follows."""
        now = self.clock()
        try:
            files = snapshots.files(self.path)
        except InputError as error:
            yield nothing(Poll(self.name, self.path.name, now, now, "bad_schema", note=str(error)))
            return
        for file, name in files:
            try:
                yield from snapshots.one(file, name, source=self.name)
            except InputError as error:
                yield nothing(Poll(self.name, name, now, now, "bad_schema", note=str(error)))

    def fetch(self, request: str) -> Fetched:
        self._advance()
        now = self.clock()
        if self._next is None:
            return nothing(Poll(self.name, request, now, now, "empty", note="everything has been played"))
        found, self._next = self._next, None
        self._done += 1
        return replace(found, poll=replace(found.poll, started=now, finished=self.clock(), planned=True))

    def state(self) -> dict[str, Any]:
        return {"done": self._done}

    def restore(self, record: dict[str, Any] | None) -> None:
        done = (record or {}).get("done", 0)
        self._done = done if isinstance(done, int) and done >= 0 else 0
        self._left = self._next = None

    def close(self) -> None: ...
