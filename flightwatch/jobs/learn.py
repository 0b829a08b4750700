"""The current model: trained when due, stored as recipe, seed and data hash. The fitted model is always recreated,
never loaded from elsewhere."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pandas as pd

from flightwatch import detection
from flightwatch.jobs.context import Context

if TYPE_CHECKING:
    from flightwatch.detection import Model

log = logging.getLogger("flightwatch.learn")

ORDINARY = "ordinary"  # a dismissal reason that begins like this means: normal traffic, learn from it

FEWEST_DAYS = 21
"""Three whole weeks: with less, not even the weekday profile is visible, and nothing is judged."""


def model_for(ctx: Context, route_days: pd.DataFrame, left_out: pd.DataFrame, now: datetime) -> Model | None:
    """The model in force, trained anew if it is older than the settings allow or was not made in this process."""
    settings = ctx.settings.detection
    held = ctx.model
    if held is not None and not ctx.due("train", timedelta(days=settings.train_every_days), now):
        return held
    return train(ctx, route_days, left_out, now)


def train(ctx: Context, route_days: pd.DataFrame, left_out: pd.DataFrame, now: datetime) -> Model | None:
    """Learn from the newest days before today; None while there are too few.

    The period is counted back from the newest of those days, so an archive of years ago is judged as it would have been
    then.
    """
    settings = ctx.settings.detection
    past = route_days[route_days["day"] < pd.Timestamp(now.date())]
    past = past[past["day"] > past["day"].max() - pd.Timedelta(days=settings.training_days)]
    if past["day"].nunique() < FEWEST_DAYS:
        log.info("%d days are stored, %d are needed before anything is judged", past["day"].nunique(), FEWEST_DAYS)
        return None
    model = detection.train(past, seed=settings.seed, settings=rules(ctx), exclude=left_out)
    ctx.done("train", now)
    if not (tried := detection.trial(model, past, left_out)).fit:
        stays = ctx.model or remade(ctx, route_days, left_out)
        if stays is not None:
            log.warning("model %s failed its trial, %s stays in use: %s", model.id, stays.id, "; ".join(tried.reasons))
            ctx.model = stays
            return stays
        log.warning(
            "model %s failed its trial and is used only because there is no other: %s",
            model.id,
            "; ".join(tried.reasons),
        )
    ctx.store.save_model(model.to_record(), at=now)
    ctx.model = model
    log.info("model %s learned from %d route-days", model.id, len(past))
    return model


def remade(ctx: Context, route_days: pd.DataFrame, left_out: pd.DataFrame) -> Model | None:
    """The newest stored model, recreated from its record; None if the data it learned from have changed."""
    held = ctx.store.model()
    if held is None:
        return None
    before = ctx.store.findings(flagged=True)[["route", "day"]]
    for unfit in (left_out, before[before["day"] < pd.Timestamp(held[0]["created"].date())], None):
        model = detection.from_record(held[0], route_days, unfit)
        if model is not None:
            return model
    return None


def rules(ctx: Context) -> detection.Settings:
    """The detection settings in the form of the pure part; discovered pairs have a rate of their own."""
    s = ctx.settings.detection
    named = {r.name for r in ctx.routes}
    rate = ctx.settings.discover.false_alerts_per_route_year
    return detection.Settings(
        false_alerts_per_route_year=s.false_alerts_per_route_year,
        min_history_days=s.min_history_days,
        episode_gap_days=s.episode_gap_days,
        min_coverage=s.min_coverage,
        rates={r.name: rate for r in ctx.store.routes() if r.discovered and r.name not in named},
    )


def exclude(ctx: Context) -> pd.DataFrame:
    """Route-days that must not be learned from: those that were flagged and those of alerts, whatever was said of them.

    Only what a person dismissed as ordinary traffic is learned from again.
    """
    flagged = ctx.store.findings(flagged=True)[["route", "day"]]
    ordinary: list[tuple[str, pd.Timestamp]] = []
    unusual: list[tuple[str, pd.Timestamp]] = []
    for episode in ctx.store.episodes():
        alert = episode.alert
        held = ordinary if alert.status == "dismissed" and alert.reason.startswith(ORDINARY) else unusual
        held += [(r, d) for r in alert.routes for d in pd.date_range(alert.first_day, alert.last_day)]
    both = pd.concat([flagged, pd.DataFrame(unusual, columns=["route", "day"])], ignore_index=True)
    taught = pd.MultiIndex.from_tuples(ordinary, names=["route", "day"])
    keep = ~pd.MultiIndex.from_arrays([both["route"], pd.to_datetime(both["day"])]).isin(taught)
    return both[keep].drop_duplicates().reset_index(drop=True)
