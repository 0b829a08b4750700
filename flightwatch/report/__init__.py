"""One HTML page for a day or a week: alerts, routes with sparklines, coverage, sources. No script, no network.

from flightwatch import explore, report

with explore.open("flightwatch.db") as db:
    Path("week.html").write_text(report.render(db, now=datetime.now(UTC)))
"""

from flightwatch.report.build import render, render_alert
from flightwatch.report.site import write

__all__ = ["render", "render_alert", "write"]
