"""Ask the feeds what is due and store what they say, each answer in one transaction with its outcome."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

from flightwatch import ingest
from flightwatch.jobs.context import Context
from flightwatch.records import Fetched, Poll

log = logging.getLogger("flightwatch.poll")


def poll(ctx: Context, now: datetime) -> list[Poll]:
    """Every source whose turn it is, request by request; a source in trouble is recorded and the next one asked."""
    done: list[Poll] = []
    intervals = {s.name: timedelta(seconds=s.interval_s) for s in ctx.settings.sources}
    for source in ctx.sources:
        job = f"poll:{source.name}"
        if not ctx.due(job, intervals[source.name] * 0.9, now):  # the timer that calls us is never exact
            continue
        for request in source.requests():
            if ctx.stopping():
                return done
            done.append(store(ctx, source.fetch(request)))
        ctx.done(job, now)
    return done


def store(ctx: Context, fetched: Fetched) -> Poll:
    """Clean one answer and store it with what was kept and what was refused and why."""
    observations, refused = ingest.clean(fetched.observations, received=fetched.poll.finished)
    rejected = Counter(fetched.rejected) + refused
    done = replace(fetched.poll, kept=len(observations), rejected=dict(sorted(rejected.items())))
    if done.outcome not in ("ok", "empty"):
        log.warning("%s %s: %s %s", done.source, done.query, done.outcome, done.note)
        ctx.store.save_polls([done])
        return done
    body = fetched.body if ctx.settings.retention.bodies_days > 0 else None
    ctx.store.save_fetched(done, observations, fetched.aircraft, ingest.heard(observations), body)
    return done
