"""From findings to episodes to messages: alert, flights and one delivery per channel in one transaction."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pandas as pd

from flightwatch import alerts
from flightwatch.jobs.context import Context
from flightwatch.jobs.deliver import audiences
from flightwatch.telling import Changes, Episode, Message, Telling
from flightwatch.units import iso

log = logging.getLogger("flightwatch.alert")

LOOK_BACK = timedelta(days=60)
"""The longest window (28 days) and twice the gap within an episode (14 days), rounded up to two months."""


def raise_alerts(ctx: Context, now: datetime) -> Changes:
    """Open, extend and close episodes according to the newest findings, and put the resulting messages in the outbox.

    Anything before this database first went live is history: findings, not news. Reading, judging and writing happen in
    one transaction, so that an acknowledgement given meanwhile is not overwritten.
    """
    with ctx.store.transaction():
        changes = _raised(ctx, now)
    for episode in changes.opened:
        log.warning("alert %d opened: %s", episode.alert.id, episode.alert.headline)
    return changes


def _raised(ctx: Context, now: datetime) -> Changes:
    store = ctx.store
    first_live = live_since(ctx, now)
    since = (now - LOOK_BACK).date()
    judged = store.findings(since=since)
    news = judged[judged["day"] >= pd.Timestamp(first_live.date())]
    episodes = [e for e in store.episodes() if e.alert.status in ("open", "acknowledged") or e.alert.last_day >= since]
    named = set(news.loc[news["flagged"], "route"]) | {r for e in episodes for r in e.alert.routes}
    if not named:
        return Changes()
    matches = store.matches(sorted(named), days=(since, now.date()))
    ids = set(matches["flight_id"]) | {f for e in episodes for f in e.flights}
    flights = store.flights(ids=sorted(ids), with_track=True)
    news = news[~news["flagged"] | news["route"].isin(flown_since(first_live, matches, flights))]
    changes = alerts.update(
        news,
        matches,
        flights,
        episodes,
        now=now,
        settings=ctx.settings,
        silences=store.silences(now),
        routes=store.routes(),
        notices=store.notices(since=now - LOOK_BACK),
        next_id=store.next_alert_id(),
    )
    pictures: dict[int, bytes | None] = {}
    deliveries = alerts.announce(
        changes,
        audiences(ctx),
        now=now,
        render=lambda episode, telling, zone, drawn: render(
            ctx, episode, telling, flights, judged, zone, pictures if drawn else None
        ),
    )
    store.save_alerts(changes, deliveries, now=now)
    return changes


def live_since(ctx: Context, now: datetime) -> datetime:
    """When this database first went live."""
    held = ctx.store.get_mark("live_since")
    if held is None:
        held = iso(now)
        ctx.store.set_mark("live_since", held)
    when = datetime.fromisoformat(held)
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def flown_since(when: datetime, matches: pd.DataFrame, flights: pd.DataFrame) -> set[str]:
    """The routes flown since then. A window that ends today may hold nothing but history: a first run after a backfill
    would otherwise report a surge that was long over."""
    new = set(flights.loc[flights["lastseen"] >= pd.Timestamp(when), "flight_id"])
    return set(matches.loc[matches["flight_id"].isin(new), "route"])


def render(
    ctx: Context,
    episode: Episode,
    telling: Telling,
    flights: pd.DataFrame,
    judged: pd.DataFrame,
    zone: str,
    pictures: dict[int, bytes | None] | None,
) -> Message:
    """The message with its map, drawn once for all channels. If the map cannot be drawn, the message goes without it.
    Without `pictures` there is none."""
    own = flights[flights["flight_id"].isin(episode.flights)]
    if pictures is not None and episode.alert.id not in pictures:
        pictures[episode.alert.id] = picture(ctx, episode, own)
    settings = ctx.settings.alerts
    return alerts.message(
        episode.alert,
        own,
        judged[judged["route"] == episode.alert.route],
        telling.kind,
        news=telling.news,
        base_url=settings.base_url or None,
        zone=zone,
        picture=None if pictures is None else pictures[episode.alert.id],
        tracker=settings.tracker_url,
        names=ctx.airport_name,
    )


def picture(ctx: Context, episode: Episode, flights: pd.DataFrame) -> bytes | None:
    """The map of an alert's flights as PNG; None if it cannot be drawn."""
    from flightwatch import plots

    try:
        figure = plots.route_map(flights, ctx.airports, title=episode.alert.headline)
        return plots.to_png(figure)
    except Exception:
        log.exception("the map of alert %d could not be drawn", episode.alert.id)
        return None
