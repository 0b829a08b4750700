"""The daily archives of adsb.lol: which release of a day is the good one, its parts as one stream, and whether the day
is complete.

`PREFERRED_RELEASES.txt` in each year's repository names the best variant of each day, one line per day with the URLs of
its parts. Guessing tags finds broken variants. A missing line means "not published", which is not the same as a day on
which nothing flew. Licence ODbL 1.0.
"""

from __future__ import annotations

import io
import re
import statistics
import time
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from functools import partial
from typing import Any

from flightwatch.errors import InputError, SourceError
from flightwatch.records import Poll
from flightwatch.sources import archive, traces
from flightwatch.sources.archive import MAX_ARCHIVE, Member, Tally
from flightwatch.sources.http import Client
from flightwatch.sources.traces import Piece, Watch

GITHUB = "https://github.com"
OWNER = "adsblol"
LIST = "/{owner}/globe_history_{year}/raw/refs/heads/main/PREFERRED_RELEASES.txt"
HOSTS = (
    "raw.githubusercontent.com",
    "objects.githubusercontent.com",
    "release-assets.githubusercontent.com",
)
"""Where GitHub redirects downloads to."""

FOLDERS = 256  # two hex digits; a day with fewer is incomplete upstream (2026-02-25 had 122)
SIZE_LOW, SIZE_HIGH = 0.5, 1.5  # of the median of the days around; outside it the day is not taken to be complete
PART_S = 6 * 3600.0  # a part of 2 GB at 1 Mbit/s takes 4.5 h
SPACING_S = 2.0
RETRIES = 3  # for a part that breaks; reading resumes where it broke
_LINK = re.compile(
    r"https?://\S+?/releases/download/(?P<tag>v(?P<day>\d{4}\.\d{2}\.\d{2})-[^/\s]+)/(?P<asset>[^/\s,]+)"
)


@dataclass(frozen=True)
class Release:
    """The preferred variant of a day."""

    day: date
    tag: str
    parts: tuple[str, ...]


@dataclass
class Day:
    """What became of a day; filled while its pieces are read, judged by `poll` at the end."""

    day: date
    release: Release | None
    tally: Tally = field(default_factory=Tally)
    rows: int = 0
    trouble: SourceError | InputError | None = None

    def poll(self, source: str, usual_bytes: Sequence[int] = ()) -> Poll:
        """The poll row of the day: `ok` only for a complete day, and otherwise what is wrong with it, in words."""
        start = datetime.combine(self.day, clock_time(), UTC)
        outcome, note = self._judge(usual_bytes)
        query = self.release.tag if self.release else f"{self.day}: not published"
        return Poll(source, query, start, start + timedelta(days=1), outcome, kept=self.rows,
                    rejected=dict(self.tally.refused), bytes=self.tally.bytes, note=note, planned=False)  # fmt: skip

    def _judge(self, usual_bytes: Sequence[int]) -> tuple[str, str]:
        if self.release is None:
            return "bad_request", "not published: the day is unknown, not empty"
        if self.trouble is not None:
            outcome = self.trouble.outcome if isinstance(self.trouble, SourceError) else "server"
            return outcome, f"incomplete: {self.trouble}"
        if not self.tally.members:
            return "bad_schema", "published, but without a single trace"
        wrong = []
        if len(self.tally.folders) < FOLDERS:
            wrong.append(f"only {len(self.tally.folders)} of {FOLDERS} folders")
        if len(usual_bytes) >= 3:
            share = self.tally.bytes / statistics.median(usual_bytes)
            if not SIZE_LOW <= share <= SIZE_HIGH:
                wrong.append(f"{share:.0%} of the usual size")
        if wrong:
            return "bad_schema", "incomplete upstream: " + ", ".join(wrong)
        return ("ok", "") if self.rows else ("empty", "whole, and none of the wanted aircraft flew")


def preferred(text: str) -> dict[date, Release]:
    """The releases in a PREFERRED_RELEASES list, by day; lines without one are skipped.

    >>> line = "https://x/releases/download/v2025.12.26-planes-readsb-prod-0/v2025.12.26-planes-readsb-prod-0.tar.a{}"
    >>> found = preferred(line.format("a") + "," + line.format("b"))
    >>> [(str(r.day), r.tag, len(r.parts)) for r in found.values()]
    [('2025-12-26', 'v2025.12.26-planes-readsb-prod-0', 2)]
    """
    found: dict[date, Release] = {}
    for line in text.splitlines():
        links = [m for part in line.split(",") if (m := _LINK.fullmatch(part.strip()))]
        if not links:
            continue
        try:
            day = datetime.strptime(links[0]["day"], "%Y.%m.%d").replace(tzinfo=UTC).date()
        except ValueError:
            continue
        parts = tuple(m[0] for m in sorted(links, key=lambda m: m["asset"]) if m["tag"] == links[0]["tag"])
        found.setdefault(day, Release(day, links[0]["tag"], parts))
    return found


class Archive:
    """adsb.lol's archive over one polite session. Lists are read once; days are streamed, never stored."""

    def __init__(
        self,
        client: Client,
        *,
        base: str = GITHUB,
        hosts: Sequence[str] = HOSTS,
        source: str = "adsblol-history",
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.client, self.base, self.hosts, self.source = client, base.rstrip("/"), tuple(hosts), source
        self._sleep = sleep
        self._years: dict[int, dict[date, Release]] = {}

    def release(self, day: date) -> Release | None:
        """The preferred release of a day; None if none is published.

        A day belongs to the repository that contains its tag, not to the year: the last days of 2024 are in that of
        2025.
        """
        for year in (day.year, day.year + 1):
            if found := self._year(year).get(day):
                return found
        return None

    def _year(self, year: int) -> dict[date, Release]:
        if year not in self._years:
            url = self.base + LIST.format(owner=OWNER, year=year)
            try:
                text = self.client.get(url, hosts=self.hosts).body.decode("utf-8", "replace")
            except SourceError as error:
                if "HTTP 404" not in str(error):
                    raise
                text = ""  # there is no repository for the year yet
            self._years[year] = preferred(text)
        return self._years[year]

    def day(self, day: date) -> Day:
        """A day to be read; raises SourceError if the lists cannot be read."""
        return Day(day, self.release(day))

    def pieces(
        self, day: Day, *, done: Container[str] = (), watch: Watch | None = None, batch: int = traces.BATCH_MEMBERS
    ) -> Iterator[Piece]:
        """The trace pieces of a day, straight from the stream. A failure is kept in `day.trouble`, not raised."""
        if day.release is None:
            return
        try:
            members = self._members(day.release, day.tally, traces.NAME)
            yield from traces.batches(day.release.tag, members, source=self.source, done=done, watch=watch, batch=batch)
        except (SourceError, InputError) as error:
            day.trouble = error

    def _members(self, release: Release, tally: Tally, pattern: re.Pattern[str]) -> Iterator[Member]:
        with archive.Joined([partial(self._open, url) for url in release.parts]) as joined:
            yield from archive.tar(joined, release.tag, pattern, tally)

    def _open(self, url: str) -> Any:
        asked = url if self.base == GITHUB else self.base + url[url.index("/", len("https://")) :]
        return io.BufferedReader(_Download(self.client, asked, self.hosts, self._sleep), 2**20)


class _Download(io.RawIOBase):
    """A part of an archive as a file; a broken connection is reopened where it broke."""

    def __init__(self, client: Client, url: str, hosts: tuple[str, ...], sleep: Callable[[float], None]) -> None:
        self._client, self._url, self._hosts, self._sleep = client, url, hosts, sleep
        self._at, self._tries, self._rest = 0, 0, b""
        self._stream = self._begin()

    def _begin(self) -> Iterator[bytes]:
        return self._client.stream(self._url, hosts=self._hosts, limit=MAX_ARCHIVE, total_s=PART_S, start=self._at)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            try:
                part = next(self._stream, None)
            except SourceError as error:
                self._again(error)
                continue
            if part is None:
                return 0
            self._rest, self._tries = part, 0
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        self._at += size
        return size

    def _again(self, error: SourceError) -> None:
        self._tries += 1
        if error.permanent or error.outcome not in ("server", "timeout", "rate_limited") or self._tries > RETRIES:
            raise error
        wait = SPACING_S * 2**self._tries
        if error.retry_after is not None:
            wait = min(error.retry_after, self._client.limits.retry_after_s)
        self._sleep(wait)
        self._stream = self._begin()

    def close(self) -> None:
        stream: Any = self._stream
        stream.close()
        super().close()
