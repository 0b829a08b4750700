"""What `status`, `health` and `doctor` report: read from store, settings and machine, never from the daemon."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flightwatch.errors import FlightwatchError
from flightwatch.jobs.poll import every
from flightwatch.notify.outbox import State
from flightwatch.sources import condition
from flightwatch.units import iso

if TYPE_CHECKING:
    import pandas as pd

    from flightwatch.config import Settings
    from flightwatch.store import Store

LATE = 5  # beats without a good one before a job or a source counts as silent: one or two are ordinary
FAILING = 5  # failed tries in a row: with the delays of notify.outbox, the channel is then silent for eight minutes


@dataclass(frozen=True)
class Check:
    """One line of `health` or `doctor`."""

    name: str
    ok: bool
    text: str


def status(settings: Settings, store: Store, now: datetime) -> dict[str, Any]:
    """Recent activity, as lists of rows by subject."""
    with store.reading():
        day = store.polls(since=now - timedelta(days=1))
        marks = store.marks()
        counts = store.counts(["flight", "observation", "route", "finding", "alert"])
        outbox = store.delivery_counts()
        open_alerts = store.alerts(["open", "acknowledged"])
    conditions = {c.source: c for c in condition.judge(day)} if len(day) else {}
    sources = []
    for name, own in day.groupby("source") if len(day) else []:
        good = own[own["outcome"].isin(condition.GOOD)]
        trouble = own[~own["outcome"].isin(condition.GOOD)]["outcome"].value_counts()
        sources.append(
            {
                "source": name,
                "polls in 24 h": len(own),
                "good": len(good),
                "last good": iso(good["started"].max().to_pydatetime()) if len(good) else "none",
                "trouble": ", ".join(f"{n} {o}" for o, n in trouble.items()),
                **_condition(conditions.get(str(name))),
            }
        )
    return {
        "sources": sources,
        "jobs": [
            {"job": k.removeprefix("job:"), "last done": iso(datetime.fromisoformat(v))}
            for k, v in marks.items()
            if k.startswith("job:")
        ],
        "problems": [
            {"job": k.removeprefix("problem:"), "since": v.split(" ", 1)[0], "what": v.split(" ", 1)[-1]}
            for k, v in marks.items()
            if k.startswith("problem:")
        ],
        "outbox": [{"channel": c, "state": s, "messages": n} for (c, s), n in sorted(outbox.items())],
        "alerts": [{"id": a.id, "severity": a.severity, "status": a.status, "what": a.headline} for a in open_alerts],
        "rows": [{"table": k, "rows": v} for k, v in counts.items()],
    }


def _condition(found: condition.Condition | None) -> dict[str, str]:
    """How a source is doing now, since when, and why in words; empty for one that only brought history."""
    if found is None:
        return {"now": "", "since": "", "why": ""}
    since = iso(found.since.to_pydatetime()) if found.since is not None else ""
    return {"now": found.state, "since": since, "why": found.words}


def health(settings: Settings, now: datetime) -> list[Check]:
    """Whether it works: the store answers, every source was heard recently, no job fails, no channel is broken."""
    from flightwatch.store import open_store

    try:
        store = open_store(settings.database.url, readonly=True)
    except FlightwatchError as e:
        return [Check("database", False, str(e))]
    with store:
        found = [Check("database", True, "answers")]
        marks = store.marks()
        polls = store.polls(since=now - timedelta(days=1))
        dead = sum(n for (_, s), n in store.delivery_counts().items() if s == "dead")
    for source in settings.sources:
        if source.enabled:
            own = polls[polls["source"] == source.name]
            found.append(_source(source.name, own, every(source.interval_s, settings.daemon.poll_s), now))
    for key, value in marks.items():
        if key.startswith("problem:"):
            since, _, what = value.partition(" ")
            found.append(Check(f"job {key.removeprefix('problem:')}", False, f"failing since {since}: {what}"))
        if key.startswith("channel:"):
            state = State.of(json.loads(value))
            name = f"channel {key.removeprefix('channel:')}"
            found.append(_channel(name, state))
    found.append(Check("outbox", not dead, f"{dead} messages were not sent: `flightwatch deliveries list --state dead`"
                       if dead else "no message failed for good"))  # fmt: skip
    return found


def _channel(name: str, state: State) -> Check:
    """Whether messages get out there: a broken channel stays broken, and one that does not answer is no better
    meanwhile."""
    if state.broken or state.failures < FAILING:
        return Check(name, not state.broken, state.broken or "fine")
    again = f", again from {iso(state.hold)} on" if state.hold else ""
    return Check(name, False, f"the last {state.failures} tries failed{again}; messages wait, none is lost yet")


def _source(source: str, polls: pd.DataFrame, interval_s: float, now: datetime) -> Check:
    """Whether a source answered well recently, and what is odd about its answers. A source that is down is not fine,
    however recent its last good answer; a degraded one passes, with the reason why it is not fully trusted."""
    name = f"source {source}"
    good = polls[polls["outcome"].isin(condition.GOOD)]
    judged = condition.judge(polls) if len(polls) else []
    state, words = (judged[0].state, judged[0].words) if judged else ("fine", "")
    why = f"; {state}: {words}" if words else ""
    if polls.empty:
        return Check(
            name, False, "not asked in the last 24 hours: neither `flightwatch run` nor `once` has been running"
        )
    if good.empty:
        return Check(name, False, f"no good answer in the last 24 hours{why}")
    age = max((now - good["started"].max().to_pydatetime()).total_seconds(), 0.0)  # a round may have begun just now
    ok = age <= LATE * interval_s and state != "down"
    return Check(name, ok, f"last good answer {age / 60:.0f} min ago{why}")


def doctor(settings: Settings, now: datetime) -> list[Check]:
    """Everything a run depends on that can be checked without asking anybody."""
    found = [
        Check("configuration", not settings.check_secrets(), "; ".join(settings.check_secrets()) or str(settings.path)),
        Check("contact", bool(settings.contact), settings.contact or "not set: live polling refuses to start"),
        Check("clock", now.year >= 2024, iso(now)),
        _one("database", lambda: _database(settings)),
        _one("history", lambda: _history(settings, now)),
        _channels(settings),
        *_disk(settings),
    ]
    return found + [c for c in health(settings, now) if c.name != "database"]


def _one(name: str, look: Callable[[], Check]) -> Check:
    try:
        return look()
    except (FlightwatchError, OSError) as e:
        return Check(name, False, str(e))


def _database(settings: Settings) -> Check:
    from flightwatch.store import open_store

    with open_store(settings.database.url, readonly=True) as store:
        facts = store.facts()
    words = f"{facts['kind']} {facts['version']}, schema {facts['revision']}"
    if facts.get("wal_reset_bug"):
        words += (
            "; this SQLite version can damage a file that two programs write at the same moment (fixed in 3.51.3):"
            " let nothing but flightwatch write to it"
        )
    return Check("database", True, words)


def _history(settings: Settings, now: datetime) -> Check:
    """Whether there is enough history to judge by: a route raises alerts only after this many watched days."""
    from flightwatch.store import open_store

    with open_store(settings.database.url, readonly=True) as store:
        days = store.days_with_flights()
    needed = settings.detection.min_history_days
    if days is None:
        return Check("history", False, f"no flights are stored; {_too_short(needed)}")
    had = (days[1] - days[0]).days + 1
    span = f"flights from {days[0]} to {days[1]} ({had} day{'s' * (had != 1)})"
    return Check("history", had >= needed, span if had >= needed else f"{span}; {_too_short(needed)}")


def _too_short(needed: int) -> str:
    return f"no route raises an alert before it has {needed} watched days: `flightwatch backfill` loads history"


def _channels(settings: Settings) -> Check:
    """Whether anybody receives alerts."""
    names = ", ".join(c.name for c in settings.channels if c.enabled)
    return Check("channels", bool(names), names or "none, so nobody hears of an alert: add a [[channel]]")


def _disk(settings: Settings) -> list[Check]:
    path = _file(settings)
    if path is None:
        return []
    found = []
    if path.exists():
        mode = stat.S_IMODE(path.stat().st_mode)
        found.append(
            Check(
                "permissions", not mode & 0o077, f"{path} is {mode:04o}{'' if not mode & 0o077 else ', should be 0600'}"
            )
        )
    free = shutil.disk_usage(path.parent if path.parent.exists() else Path()).free / 1e6
    found.append(Check("disk", free >= settings.daemon.min_free_mb, f"{free:,.0f} MB free"))
    return found


def _file(settings: Settings) -> Path | None:
    url = settings.database.url
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None
