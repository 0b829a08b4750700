"""Which changes are announced, and when: once when an alert opens, again when there is news, and when it is over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from flightwatch.alerts import evidence as ev
from flightwatch.alerts.rules import Rules, rank
from flightwatch.alerts.silences import silenced
from flightwatch.telling import Changes, Episode, Silence, Telling
from flightwatch.units import iso


@dataclass(frozen=True)
class Desk:
    """The inputs to announcing, the same for every alert of one run."""

    silences: tuple[Silence, ...]
    rules: Rules
    now: datetime
    notify: bool


def tell(
    opened: Sequence[Episode],
    kept: Sequence[tuple[Episode, Episode]],
    ending: Sequence[Episode],
    joined: Sequence[Episode],
    desk: Desk,
) -> Changes:
    """The changes with their tellings. `kept` are live alerts before and after; an alert merged into another ends
    silently."""
    tellings: list[Telling] = []
    new = []
    for episode in opened:
        judged, telling = _judge(episode, desk)
        new.append(judged)
        tellings += telling
    updated = []
    for before, after in kept:
        judged, telling = _judge(after, desk)
        tellings += telling
        if not _same(before, judged):
            updated.append(replace(judged, alert=replace(judged.alert, updated=desk.now)))
    for episode in ending:
        heard = episode.alert.evidence.get("told", {}).get("count", 0) > 0
        if desk.notify and heard and not silenced(episode.alert.routes, desk.silences, desk.now):
            tellings.append(Telling(episode.alert.id, "closed", (episode.alert.reason,)))
    return Changes(tuple(new), tuple(updated), (*ending, *joined), tuple(tellings))


def _judge(after: Episode, desk: Desk) -> tuple[Episode, list[Telling]]:
    """The episode, updated with what people now know of it, and the telling, if one is due."""
    alert, evidence = after.alert, dict(after.alert.evidence)
    told: dict[str, Any] = evidence.get("told", {})
    hushed = silenced(alert.routes, desk.silences, desk.now)
    evidence["silenced"] = hushed
    pending = _news(told, evidence, alert.severity)
    kind = "" if hushed or evidence.get("muted") else _due(told, pending, after, desk)
    if kind or not desk.notify:
        evidence["told"] = {
            "at": iso(desk.now) if kind or not told else told["at"],
            "count": int(told.get("count", 0)) + bool(kind and desk.notify),
            "severity": alert.severity,
            "routes": list(alert.routes),
            "flights": {name: str(flight.get("to", "")) for name, flight in evidence["flights"].items()},
        }
    told_now = [Telling(alert.id, kind, tuple(pending))] if kind and desk.notify else []
    return replace(after, alert=replace(alert, evidence=evidence)), told_now


def _news(told: dict[str, Any], evidence: dict[str, Any], severity: str) -> list[str]:
    if not told:
        return []
    out = ev.news(told, evidence)
    if rank(severity) > rank(told["severity"]):
        out.insert(0, f"severity raised from {told['severity']} to {severity}")
    return out


def _due(told: dict[str, Any], news: list[str], episode: Episode, desk: Desk) -> str:
    """The kind of message that is due now: opened, updated, or none."""
    status, severity, rules = episode.alert.status, episode.alert.severity, desk.rules
    if not told:
        return "opened"
    if not told["count"]:  # found before notifications were on: only what came after is worth a message
        return "opened" if news else ""
    since = desk.now - datetime.fromisoformat(told["at"])
    if rank(severity) > rank(told["severity"]):
        return "updated"
    pause = rules.update_interval_h if status == "open" else rules.acknowledged_interval_h
    if news and since >= timedelta(hours=pause):
        return "updated"
    waiting = status == "open" and severity != "info" and 0 < rules.repeat_interval_h <= since / timedelta(hours=1)
    if waiting:
        news.append("nobody has acknowledged it yet")
        return "updated"
    return ""


def _same(a: Episode, b: Episode) -> bool:
    """Whether two states are the same except for when they were written."""
    return a.flights == b.flights and replace(a.alert, updated=b.alert.updated) == b.alert
