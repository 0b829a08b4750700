"""Routes: which flights count for which watch, how many a day, and how well the day was watched."""

from __future__ import annotations

from flightwatch.routes.coverage import coverage, describe
from flightwatch.routes.discover import discover
from flightwatch.routes.match import match
from flightwatch.routes.resolve import digest, resolve
from flightwatch.routes.tally import tally
from flightwatch.routes.weigh import weigh

__all__ = ["coverage", "describe", "digest", "discover", "match", "resolve", "tally", "weigh"]
