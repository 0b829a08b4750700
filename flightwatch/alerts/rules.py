"""The numbers that govern alerts, and the plain rules of severity."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

SEVERITIES = ("info", "watch", "high")


@dataclass(frozen=True)
class Rules:
    """What may be tuned. Any object with attributes of these names can serve as settings; missing ones have our
    default."""

    episode_gap_days: int = 14
    """Findings this close belong together (docs/alerts.md)."""
    close_after_days: int = 14
    """An episode with no unusual day for longer than this is over."""
    min_history_days: int = 60
    """Less history than this keeps an alert at `info` (docs/detection.md)."""
    update_interval_h: float = 6
    """Least time between two messages with news on one alert, unless it became more severe: a desk can follow four in a
    working day."""
    acknowledged_interval_h: float = 24
    """The same once somebody has said they are looking into it."""
    repeat_interval_h: float = 24
    """A watch or high alert that nobody acknowledged is sent again after this long without news; 0 never."""

    @classmethod
    def of(cls, settings: Any) -> Rules:
        """The rules in any settings, flat or in sections `detection` and `alerts`; the defaults for None."""
        parts = [settings, getattr(settings, "detection", None), getattr(settings, "alerts", None)]
        known = {f.name: getattr(p, f.name) for p in parts for f in fields(cls) if p and hasattr(p, f.name)}
        return cls(**known)


HIGH_FLIGHTS = 3.0
HIGH_MULTIPLE = 5.0
HIGH_PROBABILITY = 1e-3
HIGH_CERTAINTY = 0.5
"""All together: three flights or more, five times the usual, rarer than one ordinary day in a thousand, and more likely
than not to have gone there. This is a policy for people, not a fit: docs/alerts.md says it in words."""

LOW_MULTIPLE = 2.0
LOW_FLIGHTS = 0.75
LOW_CERTAINTY = 0.3
LOW_COVERAGE = 0.3
"""Any one of them keeps an alert at `info`: worth a line in the list, not worth waking somebody for."""


def severity(
    *,
    observed: float,
    multiple: float,
    probability: float,
    certainty: float,
    coverage: float,
    history_days: int,
    identified: bool,
    rules: Rules = Rules(),
) -> tuple[str, str]:
    """info, watch or high, and the sentence that says why.

    `certainty` is expected flights over listed flights; `identified` says that a registration, or two independent
    sources, confirm at least one of them (an invented aircraft has neither).

    >>> severity(observed=4, multiple=40, probability=1e-4, certainty=0.8, coverage=0.9, history_days=180,
    ...          identified=True)[0]
    'high'
    >>> severity(observed=4, multiple=40, probability=1e-4, certainty=0.8, coverage=0.9, history_days=20,
    ...          identified=True)
    ('info', 'only 20 days of history')
    """
    multiple = math.inf if math.isnan(multiple) else multiple
    if history_days < rules.min_history_days:
        return "info", f"only {history_days} days of history"
    if coverage < LOW_COVERAGE:
        return "info", "the sky was badly watched in these days"
    if multiple < LOW_MULTIPLE:
        return "info", "less than twice the usual"
    if certainty < LOW_CERTAINTY or observed < LOW_FLIGHTS:
        return "info", "most of these flights may have gone elsewhere"
    if observed < HIGH_FLIGHTS:
        return "watch", f"fewer than {HIGH_FLIGHTS:.0f} flights"
    if multiple < HIGH_MULTIPLE:
        return "watch", f"less than {HIGH_MULTIPLE:.0f} times the usual"
    if probability > HIGH_PROBABILITY:
        return "watch", "rare, but more than one ordinary day in a thousand is as strange"
    if certainty < HIGH_CERTAINTY:
        return "watch", "where the flights went is inferred with little certainty"
    if not identified:
        return "watch", "no registration, and one source only"
    return "high", f"at least {HIGH_FLIGHTS:.0f} flights, {HIGH_MULTIPLE:.0f} times the usual, rare by chance"


def rank(severity_name: str) -> int:
    """For comparing: info 0, watch 1, high 2."""
    return SEVERITIES.index(severity_name) if severity_name in SEVERITIES else 0
