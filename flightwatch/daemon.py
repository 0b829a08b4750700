"""The daemon: APScheduler calls the jobs, signals stop it, and a watchdog ends the process if the scheduler does not.

The dullest file we have: the store answers what is due (`jobs.cycle`), so a restart loses nothing.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import TYPE_CHECKING

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from flightwatch import systemd
from flightwatch.errors import FlightwatchError, NotLeaderError
from flightwatch.jobs.context import Context, wall_clock
from flightwatch.jobs.cycle import attempt, jobs
from flightwatch.jobs.deliver import hurry
from flightwatch.jobs.warm import warm

if TYPE_CHECKING:
    from flightwatch.metrics import Metrics

log = logging.getLogger("flightwatch.daemon")

STOP_WITHIN_S = 8.0  # deploy/ kills after 15 s; the store is crash-safe past that
CLOCK_JUMP_S = 5.0  # wall clock against monotonic clock; NTP slews stay far below (500 ppm, RFC 5905)
CRASHED = 70  # EX_SOFTWARE of sysexits.h: the service manager restarts
LOST_LEAD = 75  # EX_TEMPFAIL: restarted, it stands by


class Beat(BaseTrigger):  # type: ignore[misc]  # no types in APScheduler 3, which takes only its own
    """Fires at a fixed interval, and once however many runs were missed.

    APScheduler's own interval lists every missed time before it merges them. With the clock set ten years ahead that is
    63 million for a job of 5 s, and takes all memory.
    """

    def __init__(self, every: timedelta) -> None:
        self.every = every

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        if previous is None or previous + self.every <= now:
            return now + self.every
        return previous + self.every


def set_aside(event: threading.Event) -> None:
    """Set an event from a signal handler, in a separate thread. The signal may arrive while the main thread holds the
    event's lock, and setting it there would deadlock (the lock of `threading.Event` is not reentrant)."""
    threading.Thread(target=event.set, daemon=True).start()


class AtWork:
    """Which jobs are running, and since when; one can wait until none is."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}
        self._changed = threading.Condition()

    @contextmanager
    def doing(self, name: str) -> Iterator[None]:
        """The named job runs inside."""
        with self._changed:
            self._since[name] = time.monotonic()
        try:
            yield
        finally:
            with self._changed:
                del self._since[name]
                self._changed.notify_all()

    def longer_than(self, seconds: float) -> list[str]:
        """The jobs that have been running longer than this."""
        with self._changed:
            return [name for name, since in self._since.items() if time.monotonic() - since > seconds]

    def done_within(self, seconds: float) -> bool:
        """Wait until no job runs; returns whether that happened in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._since, seconds)


class Daemon:
    """One running process. `run` returns the exit code; state is kept in the store, never here."""

    def __init__(
        self, ctx: Context, *, clock: Callable[[], datetime] = wall_clock, again: Callable[[], Context] | None = None
    ) -> None:
        """`again` makes a context from the present configuration, for SIGHUP."""
        self.clock = clock
        self.again = again
        self.stop = threading.Event()
        self.reload = threading.Event()
        self.told = False
        self.next: Context | None = None
        self.metrics: Metrics | None = None
        self.work = AtWork()
        self._work_with(ctx)

    def _work_with(self, ctx: Context) -> None:
        self.ctx = ctx
        ctx.stopping = self.stop.is_set
        ctx.pause = self.stop.wait

    def run(self, lead: AbstractContextManager[object]) -> int:
        """Work until told to stop, as the leader, once `lead` grants the lead."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._told_to_stop)
        signal.signal(signal.SIGHUP, lambda *_: set_aside(self.reload))
        systemd.notify("READY=1")  # a standby is ready too
        try:
            warm(self.ctx)
            with lead:
                code = None
                while code is None:
                    code = self._shift()
        except NotLeaderError:
            if not self.told:
                raise
            code = 0  # told to stop while on standby
        finally:
            systemd.notify("STOPPING=1")
        log.info("stopped")
        return code

    def _shift(self) -> int | None:
        """Work with one configuration, until the end (returns the exit code) or until there is a new one (None)."""
        with ExitStack() as stack:
            scheduler = self._scheduler()
            self._serve(stack)
            scheduler.start()
            log.info("started: %d sources, %d channels", len(self.ctx.sources), len(self.ctx.channels))
            code = self._watch(scheduler)
            if code is None:
                scheduler.shutdown(wait=False)
                code = self._swap()
            if code is None:
                return None
            self.stop.set()
            systemd.notify("STOPPING=1")
            if scheduler.running:
                scheduler.shutdown(wait=False)
        if not self.work.done_within(STOP_WITHIN_S):
            log.error("a job did not stop within %.0f s; leaving it, the store is crash-safe", STOP_WITHIN_S)
            self.ctx.store.close()
            os._exit(code)
        return code

    def _told_to_stop(self, number: int, frame: FrameType | None) -> None:
        self.told = True
        set_aside(self.stop)

    def _fresh(self) -> Context | None:
        """A context for the present configuration; None if that is wrong, and the old one continues."""
        if self.again is None:
            return None
        systemd.notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            return self.again()
        except (FlightwatchError, OSError) as e:
            log.error("the configuration is not reloaded, the old one stays: %s", e)
            return None
        finally:
            systemd.notify("READY=1")

    def _swap(self) -> int | None:
        """Let running jobs finish, then continue with the context that `_watch` made."""
        until = time.monotonic() + self.ctx.settings.daemon.hung_after_s
        while not self.work.done_within(1.0) and not self.stop.is_set():
            systemd.notify("WATCHDOG=1")
            if time.monotonic() > until:
                log.critical("%s did not end for the new configuration", ", ".join(self.work.longer_than(0.0)))
                return CRASHED
        if self.stop.is_set():
            return 0 if self.told else LOST_LEAD
        assert self.next is not None
        fresh, self.next = self.next, None
        fresh.model, fresh.broken_off = self.ctx.model, self.ctx.broken_off
        for source in self.ctx.sources:
            source.close()
        self._work_with(fresh)
        log.info("the configuration was reloaded")
        return None

    def _serve(self, stack: ExitStack) -> None:
        """Metrics and health on loopback, if a port is configured. If the port is taken, watching goes on without
        them."""
        port = self.ctx.settings.daemon.metrics_port
        if port is None:
            return
        from flightwatch.jobs.status import health
        from flightwatch.metrics import Metrics, Server

        self.metrics = Metrics(self.ctx.store, self.clock)
        self.ctx.observe = self.metrics.poll
        try:
            stack.enter_context(Server(port, self.metrics, lambda: health(self.ctx.settings, self.clock())))
        except OSError as e:
            log.error("no metrics on port %d: %s", port, e.strerror)

    def _scheduler(self) -> BackgroundScheduler:
        work = jobs(self.ctx)
        scheduler = BackgroundScheduler(
            jobstores={"default": MemoryJobStore()},
            executors={"default": ThreadPoolExecutor(len(work))},  # one that hangs does not delay the others
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone=UTC,
        )
        for name, every, job in work:
            scheduler.add_job(
                self._run_job,
                Beat(every),
                args=(name, every, job),
                id=name,
                next_run_time=wall_clock(),  # APScheduler waits by the wall clock, whatever clock the jobs get
            )
        return scheduler

    def _run_job(self, name: str, every: timedelta, job: Callable[[Context, datetime], object]) -> None:
        now = self.clock()
        slack = min(every / 2, timedelta(seconds=1))  # an interval timer is never exact; half a beat early is on time
        if self.stop.is_set() or not self.ctx.due(name, every - slack, now):
            return
        began = time.monotonic()
        try:
            with self.work.doing(name):
                good = attempt(self.ctx, name, job, now)
            if self.metrics is not None:
                self.metrics.job(name, time.monotonic() - began, good)
        except NotLeaderError:
            self.stop.set()

    def _watch(self, scheduler: BackgroundScheduler) -> int | None:
        """Sleep until told to stop. Returns CRASHED if the scheduler died or a job hangs, None for a reload."""
        limit = self.ctx.settings.daemon.hung_after_s
        drift = time.time() - time.monotonic()
        while not self.stop.wait(1.0):
            thread = getattr(scheduler, "_thread", None)
            if thread is None or not thread.is_alive():
                log.critical("the scheduler's thread died")
                return CRASHED
            for name in self.work.longer_than(limit):
                log.critical("job %s has run for more than %.0f s", name, limit)
                return CRASHED
            systemd.notify("WATCHDOG=1")
            if self.reload.is_set():
                self.reload.clear()
                self.next = self._fresh()
                if self.next is not None:
                    return None
            moved = time.time() - time.monotonic() - drift
            if abs(moved) > CLOCK_JUMP_S:
                drift += moved
                self._clock_jumped(scheduler, moved)
        return 0 if self.told else LOST_LEAD

    def _clock_jumped(self, scheduler: BackgroundScheduler, moved: float) -> None:
        """APScheduler waits for wall-clock times: after a jump every job is made due now, or none would be for
        hours."""
        log.warning("the clock moved by %+.0f s; all jobs are due again", moved)
        for job in scheduler.get_jobs():
            job.modify(next_run_time=wall_clock())
        scheduler.wakeup()
        if moved < 0:
            try:
                hurry(self.ctx, self.clock())
            except FlightwatchError as e:
                log.error("waiting messages keep their old times: %s", e)
