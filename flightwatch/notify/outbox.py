"""What happens to a waiting message: when it is tried, together with which others, and when it is given up. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from flightwatch.errors import DeliveryError
from flightwatch.notify.quiet import SEVERITIES, Quiet
from flightwatch.telling import Delivery, Message

DELAYS_S = (5, 15, 45, 120, 300, 900)
"""Then every 15 minutes (docs/reliability.md, promise 2)."""
JITTER = 0.2
LONGEST_S = 6 * 3600.0
"""The longest Retry-After that is honoured."""
EXPIRE_H = 24.0
BROKEN_S = 900.0
"""After a final answer, the next message tries the channel again after this long, as often as any other."""
DIGEST_OVER = 5
DIGEST_MOST = 25
"""Messages in one digest: 25 of about 300 characters fit Slack's budget (notify/blocks.py)."""


@dataclass(frozen=True)
class Policy:
    """How one channel is used."""

    spacing_s: float = 0.0
    digest_over: int = DIGEST_OVER
    expire_hours: float = EXPIRE_H
    quiet: Quiet | None = None
    at_most_once: bool = False

    @classmethod
    def of(cls, channel: Any, settings: Any, alerts: Any = None) -> Policy:
        """From a channel, its `[[channel]]` section, and the `[alerts]` section."""
        return cls(
            spacing_s=float(channel.spacing_s),
            digest_over=int(getattr(alerts, "digest_over", DIGEST_OVER)),
            expire_hours=float(getattr(alerts, "expire_hours", EXPIRE_H)),
            quiet=Quiet.of(getattr(settings, "quiet_hours", None)),
            at_most_once=getattr(settings, "delivery", "") == "at-most-once",
        )


@dataclass(frozen=True)
class State:
    """The condition of a channel. Kept in the store between runs as `record`, so a restart does not forget a
    Retry-After."""

    failures: int = 0
    hold: datetime | None = None
    broken: str = ""
    last_sent: datetime | None = None

    def record(self) -> dict[str, Any]:
        """JSON-serialisable.

        >>> from datetime import UTC
        >>> state = State(2, datetime(2024, 12, 14, tzinfo=UTC), "410 gone")
        >>> State.of(state.record()) == state
        True
        """
        return asdict(self) | {
            k: v.isoformat() if v else None for k, v in (("hold", self.hold), ("last_sent", self.last_sent))
        }

    @classmethod
    def of(cls, record: dict[str, Any] | None) -> State:
        if not record:
            return cls()
        times = {k: datetime.fromisoformat(record[k]) if record.get(k) else None for k in ("hold", "last_sent")}
        return cls(int(record.get("failures", 0)), times["hold"], str(record.get("broken", "")), times["last_sent"])


def next_try(attempts: int, error: DeliveryError, now: datetime, rng: random.Random) -> datetime | None:
    """When to try again after this many attempts; None if that never helps.

    The provider's own wait comes before our schedule; the jitter then only adds.

    >>> from datetime import UTC
    >>> at = datetime(2024, 12, 14, tzinfo=UTC)
    >>> slow = DeliveryError("429", retry_after=30)
    >>> 30 <= (next_try(1, slow, at, random.Random(1)) - at).total_seconds() <= 36
    True
    >>> next_try(1, DeliveryError("410", permanent=True), at, random.Random(1)) is None
    True
    """
    if error.permanent:
        return None
    if error.retry_after is not None:
        asked = min(max(error.retry_after, 1.0), LONGEST_S)
        return now + timedelta(seconds=asked + min(asked, 30.0) * JITTER * rng.random())
    delay = DELAYS_S[min(max(attempts, 1), len(DELAYS_S)) - 1]
    return now + timedelta(seconds=delay * (1 + JITTER * (2 * rng.random() - 1)))


@dataclass(frozen=True)
class Verdict:
    """What is written into a delivery's row after a try."""

    state: str
    answer: str
    next_try: datetime | None = None
    sent: datetime | None = None
    doubtful: bool | None = None


def sent(answer: str, now: datetime) -> Verdict:
    return Verdict("sent", answer, sent=now)


def failed(delivery: Delivery, error: DeliveryError, policy: Policy, now: datetime, rng: random.Random) -> Verdict:
    """Pending again, or dead: at once for final answers, for others when the time is up, and never before a first
    try."""
    again = next_try(delivery.attempts, error, now, rng)
    doubtful = True if error.in_doubt else None
    if again is None:
        return Verdict("dead", str(error), doubtful=doubtful)
    if error.in_doubt and policy.at_most_once:
        return Verdict("dead", f"{error}; perhaps it arrived, so it is not repeated", doubtful=True)
    if now - delivery.created >= timedelta(hours=policy.expire_hours):
        return Verdict("dead", f"{error}; given up after {policy.expire_hours:g} hours", doubtful=doubtful)
    return Verdict("pending", str(error), next_try=again, doubtful=doubtful)


def after_success(state: State, now: datetime) -> State:
    return State(last_sent=now)


def after_failure(state: State, error: DeliveryError, now: datetime, rng: random.Random) -> State:
    """The whole channel waits, not only the message: the reason for refusing one applies to the next too."""
    failures = state.failures + 1
    if error.permanent:
        hold: datetime | None = now + timedelta(seconds=BROKEN_S)
    else:
        hold = next_try(failures, error, now, rng)
    return replace(state, failures=failures, hold=hold, broken=str(error) if error.permanent else state.broken)


def free_at(state: State, policy: Policy) -> datetime | None:
    """The earliest time the channel may be used; None if it may be used now."""
    paced = state.last_sent + timedelta(seconds=policy.spacing_s) if state.last_sent and policy.spacing_s else None
    return max((t for t in (state.hold, paced) if t is not None), default=None)


def batch(waiting: Iterable[Delivery], policy: Policy, now: datetime) -> list[Delivery]:
    """What goes out together next: one message, or a digest if many wait; empty if nothing is due.

    The most severe first, then the oldest. Messages of one alert always keep their order, so a message also waits while
    an earlier one waits for its next try.
    """
    rows = sorted((d for d in waiting if d.state == "pending"), key=lambda d: d.id)
    held: set[object] = set()
    ready = []
    for delivery in rows:
        key = _thread(delivery)
        if key in held or delivery.next_try > now or _quiet(delivery, policy, now):
            held.add(key)
        else:
            ready.append(delivery)
    gravest: dict[object, int] = {}
    for delivery in ready:
        key = _thread(delivery)
        gravest[key] = max(gravest.get(key, 0), _rank(delivery))
    ready.sort(key=lambda d: (-gravest[_thread(d)], d.id))
    if len(ready) > policy.digest_over or _woken(ready, policy):
        return ready[:DIGEST_MOST]
    return ready[:1]


def severity(delivery: Delivery) -> str:
    return str(delivery.message.get("severity", "info"))


def _thread(delivery: Delivery) -> object:
    """What must stay in order: the messages of one alert; notices are independent."""
    return delivery.alert if delivery.alert is not None else ("notice", delivery.id)


def _rank(delivery: Delivery) -> int:
    name = severity(delivery)
    return SEVERITIES.index(name) if name in SEVERITIES else 0


def _quiet(delivery: Delivery, policy: Policy, now: datetime) -> bool:
    """Test messages ignore quiet hours: whoever asks for one is awake."""
    quiet = policy.quiet
    return bool(quiet and delivery.kind != "test" and quiet.now(now) and not quiet.passes(severity(delivery)))


def _woken(ready: Sequence[Delivery], policy: Policy) -> bool:
    """Whether several messages waited for the quiet hours to end."""
    return policy.quiet is not None and sum(1 for d in ready if policy.quiet.now(d.created)) > 1


def messages(deliveries: Iterable[Delivery]) -> list[Message]:
    return [Message.of(delivery.message) for delivery in deliveries]
