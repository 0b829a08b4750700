"""Ask the feeds what is due and store what they say, a round in one transaction, each answer with its outcome."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from flightwatch import ingest
from flightwatch.jobs.context import Context
from flightwatch.records import AIRCRAFT, OBSERVATION, Fetched, Poll, concat

log = logging.getLogger("flightwatch.poll")

GOOD = ("ok", "empty")  # outcomes of an answer that is what it should be (records.OUTCOMES)


def poll(ctx: Context, now: datetime) -> list[Poll]:
    """Every source whose turn it is, request by request; a source in trouble is recorded and the next one asked."""
    done: list[Poll] = []
    intervals = {s.name: timedelta(seconds=s.interval_s) for s in ctx.settings.sources}
    for source in ctx.sources:
        job = f"poll:{source.name}"
        if not ctx.due(job, intervals[source.name] * 0.9, now):  # the timer that calls us is never exact
            continue
        answers = []
        for request in source.requests():
            if ctx.stopping():
                break
            answers.append(source.fetch(request))
        done += store(ctx, answers)
        ctx.done(job, now)
    return done


def store(ctx: Context, answers: Sequence[Fetched]) -> list[Poll]:
    """Clean the answers of one round and store them together, each with what was kept and what was refused and why."""
    polls, parts = [], []
    for place, fetched in enumerate(answers):
        observations, refused = ingest.clean(fetched.observations, received=fetched.poll.finished)
        rejected = Counter(fetched.rejected) + refused
        poll = replace(fetched.poll, kept=len(observations), rejected=dict(sorted(rejected.items())))
        if poll.outcome not in GOOD:
            log.warning("%s %s: %s %s", poll.source, poll.query, poll.outcome, poll.note)
        polls.append(poll)
        parts.append(observations.assign(poll=place))
    if not polls:
        return []
    rows = concat(parts, OBSERVATION)
    known = concat([f.aircraft for f in answers], AIRCRAFT)
    keep = ctx.settings.retention.bodies_days > 0
    ctx.store.save_cycle(polls, rows, known, ingest.heard(rows), [f.body if keep else None for f in answers])
    return polls
