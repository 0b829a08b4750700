"""What is wrong with our own eyes, told once per cause; surges that rest on it are held."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from flightwatch import alerts
from flightwatch.jobs.context import Context
from flightwatch.jobs.deliver import audiences
from flightwatch.records import Notice

log = logging.getLogger("flightwatch.notice")

POLLS = timedelta(days=2)  # a source silent for longer is a running notice already
ROUTE_DAYS = timedelta(days=28)
FLIGHTS = timedelta(days=7)


def notice(ctx: Context, now: datetime) -> list[Notice]:
    """Look at what we see with, store what is wrong and what is right again, and put it into the outbox."""
    store = ctx.store
    day = now.date()
    matches = store.matches(days=(day - FLIGHTS, day))
    found = alerts.watch(
        store.polls(since=now - POLLS),
        store.route_days(since=day - ROUTE_DAYS),
        matches,
        store.flights(ids=sorted(set(matches["flight_id"])), columns=["flight_id", "firstseen", "suspect"]),
        store.notices(running=True),
        routes=store.routes(),
        now=now,
        no_data_hours=ctx.settings.alerts.no_data_hours,
    )
    with store.transaction():
        begun = store.save_notices(found)
        told = [*begun, *(n for n in found if n.ended is not None)]
        store.add_deliveries(alerts.announce_notices(told, audiences(ctx), now=now))
    for one in told:
        log.warning("%s: %s", "over" if one.ended else "notice", one.text)
    return told
