"""What a user may decide about detection. Everything else is measured and defined beside the code that uses it."""

from __future__ import annotations

from dataclasses import dataclass, field

from flightwatch.errors import ConfigError


@dataclass(frozen=True)
class Settings:
    """False alerts are those opened per route and year on traffic in which nothing happens. Watches that rest on the
    same flights open one together.

    `rates` are other rates for some routes, by name: discovered pairs are many and each gets less of the budget. Days
    with coverage below `min_coverage` teach nothing. The default is 0: counts are corrected for coverage, and a route
    that is always badly covered has no other days to learn from.
    """

    false_alerts_per_route_year: float = 0.5
    min_history_days: int = 60
    episode_gap_days: int = 14
    min_coverage: float = 0.0
    rates: dict[str, float] = field(default_factory=dict)

    def stated(self, route: str) -> float:
        """A route's stated rate of false alerts."""
        return self.rates.get(route, self.false_alerts_per_route_year)

    def __post_init__(self) -> None:
        if not all(0 < rate <= 50 for rate in (self.false_alerts_per_route_year, *self.rates.values())):
            raise ConfigError("detection.false_alerts_per_route_year must be above 0 and at most 50")
        if self.min_history_days < 0 or not 1 <= self.episode_gap_days <= 60:
            raise ConfigError("detection: min_history_days must not be negative, episode_gap_days be 1 to 60")
        if not 0 <= self.min_coverage <= 1:
            raise ConfigError("detection.min_coverage must be between 0 and 1")
