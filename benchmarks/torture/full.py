"""R6: the disk under the database fills up, and is freed."""

from __future__ import annotations

# tables and sentences are measured here, not read
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from benchmarks.torture import story
from benchmarks.torture.result import Line
from benchmarks.torture.servers import outside
from flightwatch import config
from flightwatch.jobs.cycle import tick
from flightwatch.jobs.deliver import send_test
from flightwatch.jobs.setup import context
from flightwatch.store import open_store

DISK_MB, LEAST_MB = 8, 1.5
BAR = "no crash, no corruption, no row lost; stored messages still sent; resumes ≤ 60 s after there is room"


@contextmanager
def disk() -> Iterator[Path | None]:
    """A disk of a few MB, where this process may mount one."""
    with tempfile.TemporaryDirectory() as name:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", name]
        if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
            yield None
            return
        try:
            yield Path(name)
        finally:
            subprocess.run(["umount", name], check=True)


def run() -> list[Line]:
    """Poll until polling stops, send, make room, poll again; then without a reserve, until SQLite itself is full."""
    with disk() as small, tempfile.TemporaryDirectory() as name, outside(Path(name), 0) as world:
        if small is None:
            return [Line("R6", "disk full", 0, None, None, BAR, "no small disk can be mounted here", False)]
        folder, url = Path(name), f"sqlite:///{small / 'fw.db'}"
        file = folder / "config.toml"
        file.write_text(story.config(url, world.feed, world.smtp, folder / "slack-webhook", 0, min_free_mb=LEAST_MB))
        settings = config.load(file, environ={})
        now = [story.LIVE]

        def clock() -> datetime:
            return now[0]

        with open_store(settings.database.url, create=True) as store:
            ctx = context(settings, store, live=True, clock=clock, sleep=lambda _: None)
            ctx.clock = clock

            def beat() -> list[str]:
                now[0] += story.STEP
                world.set_cycle((now[0] - story.LIVE) / story.STEP)
                return tick(ctx, now[0], everything=True)

            assert beat() == [], "there is room at first"
            room = shutil.disk_usage(small).free - round((LEAST_MB + 0.3) * 1e6)
            (small / "ballast").write_bytes(bytes(max(0, room)))
            good = 1
            while "poll" not in beat() and good < 100:
                good += 1
            rests = store.get_mark("problem:poll") or ""
            now[0] += timedelta(minutes=1)
            sent = send_test(ctx, now[0])
            before = store.counts(["observation", "poll"])
            subprocess.run(["mount", "-o", f"remount,size={DISK_MB * 4}m", str(small)], check=True)
            resumed = "poll" not in beat()
            after = store.counts(["observation", "poll"])
        with closing(sqlite3.connect(small / "fw.db")) as raw:
            whole = raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        arrived = len(world.taken())
    lost = sum(d.state != "sent" for d in sent) + (2 - arrived)
    measured = (
        f"polling rested after {good} rounds ({rests.split(' ', 1)[-1]}); {arrived} of 2 messages went out meanwhile; "
        f"rows {before['observation']:,} → {after['observation']:,}; next beat after there was room polled; integrity "
        f"{'ok' if whole else 'BROKEN'}"
    )
    ok = not lost and resumed and whole and "polling rests" in rests and after["poll"] == before["poll"] + 1
    return [Line("R6", f"a disk of {DISK_MB} MB fills up under the daemon's jobs", 1, lost, None, BAR, measured, ok)]
