"""Loads what a daemon needs at some point before it begins, so that what works in the morning also works at night."""

from __future__ import annotations

import gc
import logging
from importlib import import_module

import pandas as pd

from flightwatch.jobs.context import Context
from flightwatch.jobs.memory import keep_apart
from flightwatch.records import FLIGHT, conform

log = logging.getLogger("flightwatch.warm")

LATER = ("sklearn.ensemble", "scipy.optimize", "jinja2", "flightwatch.plots")
"""Otherwise loaded by the first judgement and the first alert."""


def warm(ctx: Context) -> None:
    """Load libraries and tables, and draw a map, before the first round.

    A program that was upgraded underneath a running daemon cannot load the rest of itself when the first alert is due;
    and a picture that cannot be drawn is known at the start. Long-lived objects then lie together in memory, and not
    among those that a round frees (docs/reliability.md, R13).
    """
    keep_apart()
    for name in LATER:
        import_module(name)
    try:
        _draw(ctx)
    except Exception:
        log.exception("no map can be drawn; alerts go out without one")
    gc.collect()
    gc.freeze()  # what exists now stays: it need not be scanned again and again


def _draw(ctx: Context) -> None:
    """A map of one flight between the first two fields there are."""
    from flightwatch import plots

    origin, destination = ctx.airports.frame.index[:2]
    when = pd.Timestamp(0, unit="s", tz="UTC")
    ends = {"estdepartureairport": origin, "estarrivalairport": destination}
    flight = {"flight_id": "warm", "firstseen": when, "lastseen": when, "rules_version": "", **ends}
    plots.to_png(plots.route_map(conform(pd.DataFrame([flight]), FLIGHT), ctx.airports, title="flightwatch"))
