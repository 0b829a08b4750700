"""What is wrong with our own data, reported once per cause; surges that depend on it are held back."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from flightwatch import alerts
from flightwatch.jobs.context import Context
from flightwatch.jobs.deliver import audiences
from flightwatch.sources import LOCAL, condition
from flightwatch.telling import Notice

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger("flightwatch.notice")

POLLS = timedelta(days=2)  # a source silent for longer already has a running notice
ROUTE_DAYS = timedelta(days=28)
FLIGHTS = timedelta(days=7)


def notice(ctx: Context, now: datetime) -> list[Notice]:
    """Check the sources and coverage, store what went wrong and what is right again, and put it in the outbox."""
    store = ctx.store
    day = now.date()
    matches = store.matches(days=(day - FLIGHTS, day))
    polls = store.polls(since=now - POLLS)
    found = alerts.watch(
        polls,
        store.route_days(since=day - ROUTE_DAYS),
        matches,
        store.flights(ids=sorted(set(matches["flight_id"])), columns=["flight_id", "firstseen", "suspect"]),
        store.notices(running=True),
        routes=store.routes(),
        now=now,
        no_data_hours=ctx.settings.alerts.no_data_hours,
        odd=_odd(ctx, polls),
    )
    with store.transaction():
        begun = store.save_notices(found)
        told = [*begun, *(n for n in found if n.ended is not None)]
        store.add_deliveries(alerts.announce_notices(told, audiences(ctx), now=now))
    for one in told:
        log.warning("%s: %s", "over" if one.ended else "notice", one.text)
    return told


def _odd(ctx: Context, polls: pd.DataFrame) -> list[tuple[str, str, datetime]]:
    """Sources that answer strangely. Our own receivers are left out: hearing nobody at night is normal there."""
    if polls.empty:
        return []
    last = polls.sort_values("started", kind="stable").groupby("source", observed=True)["outcome"].last()
    remote = {s.name for s in ctx.settings.sources if s.kind not in LOCAL and last.get(s.name) in condition.GOOD}
    return [
        (c.source, c.words, c.since.to_pydatetime())
        for c in condition.judge(polls)
        if c.state == "degraded" and c.since is not None and c.source in remote
    ]
