"""What is wrong with our own data: a silent source, a route that is not covered, a crowd of doubted positions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pandas as pd

from flightwatch.alerts.announce import Audience
from flightwatch.alerts.rules import rank
from flightwatch.alerts.words import day as say_day
from flightwatch.alerts.words import listing, moment
from flightwatch.records import Route
from flightwatch.telling import Delivery, Message, Notice

GOOD = ("ok", "empty")

SILENT_H = 1.0
SILENT_POLLS = 3
"""A source counts as silent after an hour and three polls without a good answer: longer than any back-off after one
429, shorter than what costs a day its coverage."""

SEEN = 0.05
"""A day covered less than this counts as a day without data: one hour of twenty-four is 0.04."""

CROWD = 3.0
CROWD_SHARE = 0.5
"""Doubted flights on a route and day that lead to a notice: enough to look like a surge, and most of those counted."""

RECENT = timedelta(days=7)


def watch(
    polls: pd.DataFrame,
    route_days: pd.DataFrame,
    matches: pd.DataFrame,
    flights: pd.DataFrame,
    running: Iterable[Notice] = (),
    *,
    routes: Iterable[Route],
    now: datetime,
    no_data_hours: float = 12.0,
    odd: Iterable[tuple[str, str, datetime]] = (),
) -> list[Notice]:
    """The notices to store: those that begin, those that changed, and those that end now.

    `polls` are the live polls of the last days, `route_days` those of the last weeks, `running` the notices without an
    end. A continuing cause does not begin again; a notice about a channel (`channel:…`) is left alone. `odd` are
    sources that answer, but not as usual: name, what is odd, since when.
    """
    silent = _silent_sources(polls, now)
    asked = set(polls.loc[polls["planned"].astype(bool), "source"]) if len(polls) else set()
    blind = asked and {n.cause for n in silent} == {f"source:{name}" for name in asked}
    watched = [route for route in routes if not route.discovered]
    unseen = [] if blind else _unseen_routes(route_days, watched, now, no_data_hours)
    found = {n.cause: n for n in (*_odd_sources(odd, now), *silent, *unseen, *_crowds(matches, flights, now))}
    out = []
    for old in running:
        same = found.pop(old.cause, None)
        if old.cause.startswith("channel:"):
            continue
        if same is None:
            out.append(replace(old, ended=now))
        elif (same.routes, same.last_day) != (old.routes, old.last_day):
            out.append(replace(same, started=old.started))
    return [*out, *found.values()]


def _silent_sources(polls: pd.DataFrame, now: datetime) -> list[Notice]:
    out = []
    live = polls[polls["planned"].astype(bool)] if len(polls) else polls
    for source, own in live.groupby("source", observed=True):
        good = own.loc[own["outcome"].isin(GOOD), "finished"]
        since = good.max() if len(good) else own["started"].min()
        failed = own[(own["started"] >= since) & ~own["outcome"].isin(GOOD)]
        if len(failed) < SILENT_POLLS or now - since < timedelta(hours=SILENT_H):
            continue
        counts = failed["outcome"].astype(str).value_counts()
        words = listing(f"{count} {name.replace('_', ' ')}" for name, count in counts.items())
        text = (
            f"Source {source} has not answered properly since {moment(since.to_pydatetime())} ({words}). "
            "Flights that only it hears are missing; no data does not mean a quiet sky."
        )
        out.append(Notice(f"source:{source}", text, now))
    return out


def _odd_sources(odd: Iterable[tuple[str, str, datetime]], now: datetime) -> list[Notice]:
    """Sources that have answered strangely for as long as it takes to call a source silent."""
    return [
        Notice(
            f"source:{source}",
            f"Source {source} answers, but not as usual since {moment(since)} ({words}). What it does not show may "
            "still be flying; what it shows is marked where it is doubted.",
            now,
        )
        for source, words, since in odd
        if now - since >= timedelta(hours=SILENT_H)
    ]


def _unseen_routes(route_days: pd.DataFrame, routes: list[Route], now: datetime, hours: float) -> list[Notice]:
    out = []
    days = pd.to_datetime(route_days["day"]).dt.date if len(route_days) else pd.Series(dtype=object)
    for route in routes:
        own = route_days["route"] == route.name if len(route_days) else pd.Series(dtype=bool)
        if not own.any():
            continue
        seen = days[own & (route_days["coverage"] >= SEEN)]
        first = days[own].min()
        since = datetime.combine(seen.max() + timedelta(days=1) if len(seen) else first, time(), UTC)
        dark = (now - since).total_seconds() / 3600
        if dark < hours:
            continue
        until = f"since {moment(since)}" if len(seen) else f"at all since {say_day(first)}"
        text = (
            f"No data for route {route.name} for {dark:.0f} hours: no source has heard traffic where it would show, "
            f"{until}. Its count is not zero, it is unknown."
        )
        out.append(Notice(f"route:{route.name}", text, now))
    return out


def _crowds(matches: pd.DataFrame, flights: pd.DataFrame, now: datetime) -> list[Notice]:
    """Days on which most of a route's flights have doubted positions: one notice per kind of doubt, for all routes."""
    if matches.empty or flights.empty:
        return []
    doubts = flights.set_index("flight_id")["suspect"].astype(object).fillna("")
    recent = matches[pd.to_datetime(matches["day"]) >= pd.Timestamp((now - RECENT).date())]
    own = recent.assign(doubt=recent["flight_id"].map(doubts).fillna(""), day=pd.to_datetime(recent["day"]).dt.date)
    own = own.merge(own.loc[own["doubt"] != "", ["route", "day"]].drop_duplicates())
    found: dict[str, list[tuple[str, date]]] = {}
    for (route, day), rows in own.groupby(["route", "day"], observed=True):
        marked = rows[rows["doubt"] != ""]
        weight = float(marked["probability"].sum())
        if weight >= CROWD and weight >= CROWD_SHARE * float(rows["probability"].sum()):
            kind = str(marked["doubt"].str.split(",").str[0].mode().iloc[0])
            found.setdefault(kind, []).append((str(route), day))
    out = []
    for kind, places in sorted(found.items()):
        names = tuple(sorted({route for route, _ in places}))
        first, last = min(day for _, day in places), max(day for _, day in places)
        text = (
            f"Most flights on {listing(names, most=3)} from {say_day(first)} to {say_day(last)} have doubted positions "
            f"({kind}). They are kept and marked; no surge is reported that rests on them."
        )
        out.append(Notice(f"suspect:{kind}", text, now, tuple(map(_literal, names)), first, last))
    return out


def _literal(name: str) -> str:
    """A route's name as a glob that matches it alone."""
    return re.sub(r"([*?[])", r"[\1]", name)


def notice_message(notice: Notice, *, zone: str = "UTC") -> Message:
    """The message about a notice: that it began, or that it is over."""
    slug = re.sub(r"[^a-z0-9]+", "-", notice.cause.casefold()).strip("-")
    over = notice.ended is not None
    thread = f"notice-{slug}-{notice.started.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    head = notice.text.split(". ")[0].split(":")[0].rstrip(".")
    span = f"From {moment(notice.started, zone)}" + (f" to {moment(notice.ended, zone)}" if notice.ended else "")
    return Message(
        uid=f"{thread}-ended" if over else thread,
        thread=thread,
        title=f"[flightwatch] NOTICE {'over: ' if over else ''}{head}",
        summary=f"This is over: {notice.text}" if over else notice.text,
        severity="info",
        facts=(("Noticed", f"{span}."),),
        notes=() if over else ("This is about what we can see, not about what flew.",),
        footer="See it all: flightwatch status",
    )


def announce_notices(notices: Iterable[Notice], audiences: Iterable[Audience], *, now: datetime) -> list[Delivery]:
    """Deliveries for notices that began or ended, to every channel that takes `info`."""
    channels = [a.channel for a in audiences if rank(a.severity) == 0]
    return [
        Delivery(
            id=0, alert=None, channel=channel, kind="notice", message=notice_message(notice).record(), state="pending",
            attempts=0, next_try=now, created=now,
        )
        for notice in notices
        for channel in channels
    ]  # fmt: skip
