"""Make the requests that are due and store the answers, a round in one transaction, each answer with its outcome."""

from __future__ import annotations

import json
import logging
import math
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from flightwatch import ingest
from flightwatch.errors import StoreError
from flightwatch.jobs.context import PACE, Context
from flightwatch.jobs.crash import crash_point
from flightwatch.records import AIRCRAFT, OBSERVATION, Fetched, Poll, concat

log = logging.getLogger("flightwatch.poll")

PUNCTUAL = 0.9
"""A source is due after this share of its interval, because the timer that calls us is never exact."""

GOOD = ("ok", "empty")  # outcomes of a correct answer (records.OUTCOMES)


def poll(ctx: Context, now: datetime) -> list[Poll]:
    """Polls every source that is due, request by request. Trouble with a source is recorded and the next one is polled.

    StoreError if the disk is nearly full: the remaining room is for the alerts on their way.
    """
    require_room(ctx)
    done: list[Poll] = []
    intervals = {s.name: timedelta(seconds=s.interval_s) for s in ctx.settings.sources}
    for source in ctx.sources:
        job = f"poll:{source.name}"
        if not ctx.due(job, intervals[source.name] * PUNCTUAL, now):
            continue
        answers = []
        for request in source.requests():
            if ctx.stopping():
                break
            answers.append(source.fetch(request))
        done += store(ctx, answers, job, now)
        ctx.store.set_mark(f"{PACE}{source.name}", json.dumps(source.state()))
        crash_point("after_poll_saved")
    return done


def every(interval_s: float, poll_s: float) -> float:
    """Seconds between two rounds of a source: its own interval, limited by the daemon's rounds (`poll_s`).

    >>> every(60, 60), every(5, 60), every(90, 60), every(900, 60)
    (60.0, 60.0, 120.0, 840.0)
    """
    return float(poll_s * max(math.ceil(PUNCTUAL * interval_s / poll_s), 1))


def require_room(ctx: Context) -> None:
    """StoreError while less than `min_free_mb` is free where the SQLite file is; a database server watches its own
    disk."""
    file = ctx.store.file
    if file is None:
        return
    free = shutil.disk_usage(file.parent).free / 1e6
    least = ctx.settings.daemon.min_free_mb
    if free < least:
        raise StoreError(f"{free:.0f} MB are free, polling rests until there are {least:.0f}", kind="full")


def store(ctx: Context, answers: Sequence[Fetched], job: str, now: datetime) -> list[Poll]:
    """Clean the answers of one round and store them together, each with what was kept, and what was refused and why.

    The same transaction records that the round was made, so a new leader does not make it again.
    """
    polls, parts = [], []
    for place, fetched in enumerate(answers):
        observations, refused = ingest.clean(fetched.observations, received=fetched.poll.finished)
        rejected = Counter(fetched.rejected) + refused
        poll = replace(fetched.poll, kept=len(observations), rejected=dict(sorted(rejected.items())))
        polls.append(poll)
        parts.append(observations.assign(poll=place))
    rows = concat(parts, OBSERVATION)
    known = concat([f.aircraft for f in answers], AIRCRAFT)
    heard = ingest.heard(rows)
    keep = ctx.settings.retention.bodies_days > 0
    with ctx.store.transaction():
        if polls:
            ctx.store.save_cycle(polls, rows, known, heard, [f.body if keep else None for f in answers])
        ctx.done(job, now)
    for poll in polls:
        ctx.observe(poll)
    tell(polls)
    return polls


def tell(polls: Sequence[Poll]) -> None:
    """One log line for each kind of trouble in a round: a source that is down fails every request alike."""
    trouble: dict[tuple[str, str], list[Poll]] = {}
    for poll in polls:
        if poll.outcome not in GOOD:
            trouble.setdefault((poll.source, poll.outcome), []).append(poll)
    for (source, outcome), alike in trouble.items():
        first = alike[0]
        more = f" (and {len(alike) - 1} more like it)" if len(alike) > 1 else ""
        log.warning("%s %s: %s %s%s", source, first.query, outcome, first.note, more)
