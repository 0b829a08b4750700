"""When a provider may be asked next: spacing, daily budget, back-off, and refusals.

A small value that goes in and out of pure functions, so that it can be kept in the store. A restart then never asks
sooner than the previous run would have.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

BACKOFF_S, BACKOFF_CAP_S = 10.0, 900.0  # 10 s × 2^n up to 15 minutes
DOOR_S = 300.0  # after 401 and 403, wait five minutes; nobody fixes a key sooner
CREDITS_A_DAY_S = 86_400
_DOOR = ("auth", "blocked")
_FINE = ("ok", "empty")


@dataclass(frozen=True)
class Rule:
    """What a provider asks of us: seconds between two requests, requests (or credits) per UTC day; None means no
    limit."""

    spacing_s: float
    budget: int | None = None
    retry_cap_s: float = 6 * 3600.0


@dataclass(frozen=True)
class Pace:
    """The present state of one provider; times are seconds since 1970."""

    asked: float = 0.0
    until: float = 0.0
    failures: int = 0
    why: str = ""
    outcome: str = ""
    day: int = 0
    spent: int = 0

    def to_record(self) -> dict[str, Any]:
        """The value as a JSON-serialisable record."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: dict[str, Any] | None) -> Pace:
        """Reads what `to_record` returned; anything unreadable is a fresh start.

        >>> Pace.from_record(Pace(asked=5.0, failures=2).to_record())
        Pace(asked=5.0, until=0.0, failures=2, why='', outcome='', day=0, spent=0)
        """
        kinds: dict[str, Any] = {f.name: type(f.default) for f in fields(cls)}
        try:
            return cls(**{k: kinds[k](v) for k, v in (record or {}).items() if k in kinds})
        except (TypeError, ValueError):
            return cls()


def pause(pace: Pace, rule: Rule, now: float, cost: int = 1) -> tuple[float, str]:
    """Seconds to wait before the next request, and why if it is more than the usual spacing.

    >>> pause(Pace(asked=100.0), Rule(2.0), now=101.5)
    (0.5, '')
    >>> pause(Pace(until=160.0, why="HTTP 429"), Rule(2.0), now=100.0)
    (60.0, 'HTTP 429')
    """
    held = (pace.until - now, pace.why or "backing off") if pace.until > now else (0.0, "")
    if rule.budget is not None and pace.day == int(now // CREDITS_A_DAY_S) and pace.spent + cost > rule.budget:
        midnight = (pace.day + 1) * CREDITS_A_DAY_S
        held = max(held, (midnight - now, f"today's budget of {rule.budget} is spent"))
    if held[1]:
        return held
    ahead = pace.asked + rule.spacing_s - now
    return min(max(0.0, ahead), rule.spacing_s), ""  # never longer, in case the clock was set back


def asked(pace: Pace, now: float, cost: int = 1) -> Pace:
    """The pace after a request has been sent."""
    day = int(now // CREDITS_A_DAY_S)
    return replace(pace, asked=now, day=day, spent=cost + (pace.spent if pace.day == day else 0))


def answered(pace: Pace, rule: Rule, now: float, outcome: str, *, why: str = "", retry_after: float | None = None,
             jitter: float = 0.0) -> Pace:  # fmt: skip
    """The pace after a request's outcome is known: a good answer clears everything, a bad one doubles the wait.

    `jitter` (0 to 1) spreads out several clients after the same failure. The provider's own figure (`retry_after`)
    wins, up to the rule's cap. A request that is wrong in itself says nothing about the provider and costs no wait.

    >>> waits = [answered(Pace(failures=n), Rule(2.0), 0.0, "server").until for n in range(8)]
    >>> waits
    [10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0, 900.0]
    """
    if outcome in _FINE:
        return replace(pace, until=0.0, failures=0, why="", outcome=outcome)
    if outcome == "bad_request":
        return replace(pace, outcome=outcome)
    wait = min(BACKOFF_S * 2 ** min(pace.failures, 10), BACKOFF_CAP_S) * (1 + 0.25 * jitter)
    if outcome in _DOOR:
        wait = max(wait, DOOR_S)
    if retry_after is not None:
        wait = min(retry_after, rule.retry_cap_s)
    return replace(pace, until=now + wait, failures=pace.failures + 1, why=why, outcome=outcome)
