"""Writes the pages that messages link to into the folder that a web server serves."""

from __future__ import annotations

import logging
from datetime import datetime

from flightwatch.jobs.context import Context

log = logging.getLogger("flightwatch.publish")


def publish(ctx: Context, now: datetime) -> None:
    """Write the pages that are out of date. This runs before the messages are sent; a page that fails delays none of
    them."""
    folder = ctx.settings.alerts.report_dir
    if folder is None or ctx.store.days_with_flights() is None:
        return
    from flightwatch import report
    from flightwatch.explore import Explorer

    for path in report.write(Explorer(ctx.store), folder, now=now):
        log.info("written: %s", path)
