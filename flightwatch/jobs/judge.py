"""From flights to route-days to findings."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import date, datetime, timedelta

import pandas as pd

from flightwatch import detection
from flightwatch import routes as watch
from flightwatch.jobs.context import UNCOUNTED, Context
from flightwatch.jobs.learn import exclude, model_for, rules
from flightwatch.records import HEARD, Route, empty
from flightwatch.units import instant_of_day

log = logging.getLogger("flightwatch.judge")

DAY = timedelta(days=1)
AHEAD = timedelta(days=1)
"""Days without any flight are counted too, but not far past the last one with flights: when a source is silent for
longer, that says nothing about the routes."""

MEMORY = timedelta(days=180)  # for who was on a route before: the span of newcomers (routes.newcomers.MEMORY_DAYS)
USUAL = timedelta(days=35)  # a day's note compares its traffic with the four weeks before (routes.level.USUAL_DAYS)
COUNTED = [
    "flight_id",
    "icao24",
    "callsign",
    "typecode",
    "firstseen",
    "suspect",
    "first_longitude",
    "estdepartureairport",
    "departure_method",
    "departure_probability",
    "departure_candidates",
    "estarrivalairport",
    "arrival_method",
    "arrival_probability",
    "arrival_candidates",
]
"""The columns of a flight that counting needs."""
DISCOVER_EVERY = timedelta(hours=24)


def judge(ctx: Context, now: datetime, *, since: date | None = None, until: date | None = None) -> pd.DataFrame:
    """Tally the days whose flights changed, judge them, and store both; returns the findings of those days."""
    routes, start = count(ctx, now, since=since, until=until)
    return pd.DataFrame() if start is None else detect(ctx, routes, now, since or start)


def count(
    ctx: Context, now: datetime, *, since: date | None = None, until: date | None = None
) -> tuple[list[Route], date | None]:
    """Tally the days whose flights changed; returns the routes and the first of those days (None if nothing has
    flown)."""
    span = ctx.store.days_with_flights()
    if span is None:
        return [], None
    first = span[0]
    last = until or max(span[1], min(now.date(), span[1] + AHEAD))
    start = _uncounted(ctx, first, last)
    if since is not None:
        start = max(first, min(start, since))
    routes = discover(ctx, now, span)
    anew = set(ctx.store.save_routes(routes, at=now))
    ctx.store.forget_routes(sorted(anew))
    tally(ctx, [r for r in routes if r.name in anew], (first, start - DAY))
    tally(ctx, routes, (start, last))
    ctx.store.set_mark(UNCOUNTED, None)
    ctx.store.set_mark("counted_to", last.isoformat())
    return routes, start


def _uncounted(ctx: Context, first: date, last: date) -> date:
    """The first day to count again: where flights changed, or else the newest day, which is not over yet."""
    counted = ctx.store.get_mark("counted_to")
    if counted is None:
        return first
    changed = ctx.store.get_mark(UNCOUNTED) or counted
    return max(first, min(date.fromisoformat(counted), date.fromisoformat(changed), last))


def discover(ctx: Context, now: datetime, span: tuple[date, date]) -> list[Route]:
    """The configured routes, and the pairs with history, which are searched for again once a day."""
    mode = ctx.settings.discover.pairs
    if mode == "none":
        return ctx.routes
    configured = {r.name for r in ctx.routes}
    if not ctx.due("discover", DISCOVER_EVERY, now):
        return [*ctx.routes, *(r for r in ctx.store.routes() if r.discovered and r.name not in configured)]
    settings = ctx.settings.discover
    flights = ctx.store.flights(days=span, columns=COUNTED)
    found = watch.discover(
        flights,
        ctx.airports,
        mode,
        aircraft=ctx.store.aircraft(),
        known=ctx.routes,
        min_flights=settings.min_flights,
        max_routes=settings.max_routes,
    )
    ctx.done("discover", now)
    return [*ctx.routes, *(r for r in found if r.name not in configured)]


def tally(ctx: Context, routes: list[Route], days: tuple[date, date]) -> None:
    """Count the routes' flights of these days and store the days."""
    if days[0] > days[1] or not routes:
        return
    store = ctx.store
    over = any(r.over for r in routes)  # overflights are found in the whole track
    flights = store.flights(days=(days[0] - MEMORY, days[1]), columns=None if over else COUNTED, with_track=over)
    aircraft = store.aircraft()
    own = flights[flights["firstseen"] >= pd.Timestamp(instant_of_day(days[0]))].reset_index(drop=True)
    matches = watch.match(own, routes, aircraft)
    earlier = watch.match(_before(flights, days), routes, aircraft)
    watched = coverage(ctx, routes, days)
    counted = watch.tally(matches, flights, routes, days, watched, earlier, aircraft=aircraft, airports=ctx.airports)
    with store.transaction():
        store.replace_matches(matches, days, [r.name for r in routes])
        store.replace_route_days(counted)


def _before(flights: pd.DataFrame, days: tuple[date, date]) -> pd.DataFrame:
    earlier = flights["firstseen"] < pd.Timestamp(instant_of_day(days[0]))
    return flights[earlier].reset_index(drop=True)


def coverage(ctx: Context, routes: list[Route], days: tuple[date, date]) -> pd.DataFrame | None:
    """How well each of these days was watched, route by route; None if there is no information (imported flight
    lists)."""
    start, end = instant_of_day(days[0]), instant_of_day(days[1] + timedelta(days=1))
    heard = ctx.store.heard(start - USUAL, end)
    polls = ctx.store.polls(start - USUAL, end)
    if heard.empty and polls.empty:
        return None
    return watch.coverage(heard if len(heard) else empty(HEARD), polls, routes, ctx.airports, days)


def detect(ctx: Context, routes: list[Route], now: datetime, since: date) -> pd.DataFrame:
    """Judge the stored days from `since` on with the current model, and store the findings."""
    names = [r.name for r in routes]
    stored = ctx.store.route_days(names)
    if stored.empty:
        return pd.DataFrame()
    route_days = watch.weigh(stored)
    ctx.store.replace_route_days(route_days[route_days["coverage"] != stored["coverage"]])
    left_out = exclude(ctx)
    model = model_for(ctx, route_days, left_out, now)
    if model is None:
        return pd.DataFrame()
    model = replace(model, settings=rules(ctx))  # pairs discovered since it learned have their rate too
    findings = detection.score(route_days, model=model, since=since, exclude=left_out)
    ctx.store.save_findings(findings, at=now)
    return findings
