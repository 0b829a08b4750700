"""What a user may decide about detection; everything else is measured and stands beside the code it rules."""

from __future__ import annotations

from dataclasses import dataclass

from flightwatch.errors import ConfigError


@dataclass(frozen=True)
class Settings:
    """False alerts are counted as episodes opened per route and year on traffic in which nothing happens."""

    false_alerts_per_route_year: float = 0.5
    min_history_days: int = 60
    episode_gap_days: int = 14

    def __post_init__(self) -> None:
        if not 0 < self.false_alerts_per_route_year <= 50:
            raise ConfigError("detection.false_alerts_per_route_year must be above 0 and at most 50")
        if self.min_history_days < 1 or not 1 <= self.episode_gap_days <= 60:
            raise ConfigError("detection: min_history_days must be at least 1, episode_gap_days 1 to 60")
