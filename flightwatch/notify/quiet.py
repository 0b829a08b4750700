"""Quiet hours: a span of local time, in a named zone, in which messages wait."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

SEVERITIES = ("info", "watch", "high")


@dataclass(frozen=True)
class Quiet:
    """From `begin` to `end`, past midnight if it ends before it begins; messages of severity `unless` are sent
    anyway."""

    begin: time
    end: time
    zone: str = "UTC"
    unless: str | None = "high"

    @classmethod
    def of(cls, settings: Any) -> Quiet | None:
        """From a channel's `quiet_hours` section, or None."""
        if settings is None:
            return None
        return cls(settings.begin, settings.end, settings.zone, settings.unless)

    def now(self, moment: datetime) -> bool:
        """Whether it is quiet at that instant, by the local wall clock.

        >>> night = Quiet(time(22), time(7), "Europe/Kyiv")
        >>> night.now(datetime(2024, 12, 14, 1, tzinfo=UTC)), night.now(datetime(2024, 12, 14, 6, tzinfo=UTC))
        (True, False)
        """
        local = moment.astimezone(ZoneInfo(self.zone)).time()
        if self.begin <= self.end:
            return self.begin <= local < self.end
        return local >= self.begin or local < self.end

    def passes(self, severity: str) -> bool:
        """Whether a message of this severity is sent anyway."""
        if self.unless is None or severity not in SEVERITIES:
            return False
        return SEVERITIES.index(severity) >= SEVERITIES.index(self.unless)

    def over(self, moment: datetime) -> datetime:
        """When the quiet hours in force at that instant end; the instant itself if it is not quiet.

        It checks the wall clock minute by minute around the end, so nights with a clock change are right.

        >>> Quiet(time(22), time(7), "Europe/Berlin").over(datetime(2025, 3, 29, 22, tzinfo=UTC)).isoformat()
        '2025-03-30T05:00:00+00:00'
        """
        if not self.now(moment):
            return moment
        zone = ZoneInfo(self.zone)
        local = moment.astimezone(zone)
        target = datetime.combine(local.date(), self.end, zone)
        if target <= local:
            target = datetime.combine(local.date() + timedelta(days=1), self.end, zone)
        found = target.astimezone(UTC)
        while self.now(found):  # the end is in an hour that the clock repeats or skips
            found += timedelta(minutes=1)
        return found
