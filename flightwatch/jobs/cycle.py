"""Runs what is due now, in order: poll, build flights, tally and judge, alert, deliver, housekeeping.

The daemon calls `tick` on the wall clock, `once` calls it with everything due, the demo calls it on a simulated clock.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from flightwatch.errors import FlightwatchError, NotLeaderError
from flightwatch.jobs.alert import raise_alerts
from flightwatch.jobs.build import build_flights
from flightwatch.jobs.context import Context
from flightwatch.jobs.crash import crash_point
from flightwatch.jobs.deliver import deliver
from flightwatch.jobs.judge import judge
from flightwatch.jobs.memory import give_back
from flightwatch.jobs.notice import notice
from flightwatch.jobs.ping import EVERY_S, ping
from flightwatch.jobs.poll import poll
from flightwatch.jobs.publish import publish
from flightwatch.notify import Channel

log = logging.getLogger("flightwatch.jobs")


Job = Callable[[Context, datetime], object]

PRUNED_LATELY = timedelta(days=3)  # pruning is due once a day; a weekend of downtime is no reason to wait


def think(ctx: Context, now: datetime) -> None:
    """From positions to alerts: every step works from what is stored, so the next run makes up for one that failed."""
    build_flights(ctx, now)
    crash_point("after_flights_saved")
    judge(ctx, now)
    crash_point("after_judged")
    notice(ctx, now)
    raise_alerts(ctx, now)
    crash_point("after_alert_saved")
    ctx.store.release_memory()
    give_back(unused=True)


def housekeeping(ctx: Context, now: datetime) -> None:
    """Deletes what the retention rules allow; evidence stays.

    It does so only if the last run was recent. A clock set years ahead makes everything look old. The first run after
    such a jump, or after a long pause, only records the time, and there is a day to set the clock right.
    """
    ctx.store.checkpoint()
    last = ctx.store.get_mark("job:prune")
    if last is None or now - datetime.fromisoformat(last) > PRUNED_LATELY:
        told = log.info if last is None else log.warning
        told("old rows are kept until tomorrow's pruning; last pruned: %s", last or "never")
        return
    gone = ctx.store.prune(ctx.settings.retention, now)
    log.info("pruned: %s", ", ".join(f"{n} {table}" for table, n in gone.items() if n) or "nothing")


def jobs(ctx: Context) -> list[tuple[str, timedelta, Job]]:
    """The daemon's jobs in the order they run: name, how often, what. Each channel has its own."""
    daemon = ctx.settings.daemon
    send = timedelta(seconds=daemon.deliver_s)
    return [
        ("poll", timedelta(seconds=daemon.poll_s), poll),
        ("think", timedelta(seconds=daemon.think_s), think),
        *([("publish", timedelta(seconds=daemon.think_s), publish)] if ctx.settings.alerts.report_dir else []),
        *((f"deliver:{c.name}", send, partial(_deliver, c)) for c in ctx.channels),
        ("prune", timedelta(days=1), housekeeping),
        *([("ping", timedelta(seconds=max(daemon.poll_s, EVERY_S)), ping)] if _pinged(ctx) else []),
    ]


def _pinged(ctx: Context) -> bool:
    return ctx.settings.daemon.ping_url is not None or ctx.settings.daemon.ping_url_file is not None


def _deliver(channel: Channel, ctx: Context, now: datetime) -> None:
    deliver(ctx, channel, now)


def tick(ctx: Context, now: datetime, *, everything: bool = False) -> list[str]:
    """Run each job that is due (or every job), in order. A job that fails is recorded and does not stop the next.

    Returns the names of those that failed.
    """
    failed = []
    for name, every, job in jobs(ctx):
        if ctx.stopping():
            break
        if (everything or ctx.due(name, every, now)) and not attempt(ctx, name, job, now):
            failed.append(name)
    return failed


def attempt(ctx: Context, name: str, job: Job, now: datetime) -> bool:
    """Run one job. Whatever it raises is logged and stored, not passed on.

    Except NotLeaderError: a daemon that lost the lead must stop, and may not even store that.
    """
    try:
        job(ctx, now)
    except NotLeaderError as e:
        log.critical("%s: %s", name, e)
        raise
    except FlightwatchError as e:
        log.error("%s: %s", name, e)
        problem = str(e)
    except Exception as e:
        log.exception("%s failed", name)
        problem = f"{type(e).__name__}: {e}"
    else:
        ctx.done(name, now)
        ctx.clear_problem(name)
        return True
    finally:
        give_back()
    ctx.record_problem(name, problem, now)
    return False
