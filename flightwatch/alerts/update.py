"""From findings to alerts: which open, which continue, which are over, and which changes are announced."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pandas as pd

from flightwatch.alerts.build import World, build, days_of
from flightwatch.alerts.linking import Run, runs, stories
from flightwatch.alerts.rest import Case, cases
from flightwatch.alerts.rules import Rules
from flightwatch.alerts.tell import Desk, tell
from flightwatch.alerts.words import day as say_day
from flightwatch.records import Route
from flightwatch.telling import Alert, Changes, Episode, Notice, Silence

LIVE = ("open", "acknowledged")
CORRECTED = "corrected"
JOINED = "joined to alert"


def update(
    findings: pd.DataFrame,
    matches: pd.DataFrame,
    flights: pd.DataFrame,
    alerts: Iterable[Episode],
    *,
    now: datetime,
    settings: Any = None,
    silences: Iterable[Silence] = (),
    routes: Iterable[Route] = (),
    notices: Iterable[Notice] = (),
    next_id: int | None = None,
    notify: bool = True,
) -> Changes:
    """The alerts as they should be after these findings.

    `findings` and `matches` cover the same recent days (at least the longest window plus the episode gap); `alerts` are
    all live ones and those that ended in that time, each with its flight ids. `routes` are needed to recognise a return
    flight, and to name an alert by the most specific watch. `next_id` is the first free alert id (one above the highest
    given if None). With `notify=False` (first run, backfill), nothing found now is announced, now or later. The same
    call twice changes nothing the second time.
    """
    rules, by_name = Rules.of(settings), {route.name: route for route in routes}
    known = sorted(alerts, key=lambda episode: episode.alert.id)
    live = [e for e in known if e.alert.status in LIVE]
    over = [e for e in known if e.alert.status not in LIVE]
    withdrawn = [e for e in over if e.alert.status == "closed" and e.alert.reason.startswith(CORRECTED)]
    ended = [e for e in over if not (e.alert.status == "closed" and e.alert.reason.startswith((CORRECTED, JOINED)))]
    suspect = set(flights.loc[flights["suspect"].astype(object).fillna("").ne(""), "flight_id"])
    standing = [c for c in cases(findings, matches) if _stands(c, suspect, ended, rules)]
    found = runs(standing, rules.episode_gap_days)
    groups = stories(found, by_name)
    world = World.of(
        matches, flights=flights, routes=by_name, rules=rules, notices=tuple(notices), now=now,
        alerts=tuple(e.alert for e in known), runs=tuple(found),
    )  # fmt: skip
    ids = iter(range(next_id or 1 + max((e.alert.id for e in known), default=0), 2**62))
    opened: list[Episode] = []
    going: list[tuple[Episode, Episode]] = []
    joined: list[Episode] = []
    homes_of = _homes(groups, live, withdrawn, rules)
    for number, group in enumerate(groups):
        homes = homes_of.get(number, [])
        built = build(world, group, homes[0].alert if homes else None, homes[0].alert.id if homes else next(ids))
        world = replace(world, alerts=(*world.alerts, built.alert))
        if homes:
            going.append((homes[0], built))
            joined += [_end(e, f"{JOINED} {homes[0].alert.id}", now) for e in homes[1:]]
        else:
            opened.append(built)
    placed = {e.alert.id for homes in homes_of.values() for e in homes}
    live = [e for e in live if e.alert.id not in placed]
    going += [(e, e) for e in live]
    reasons = {after.alert.id: _over(after, findings, rules, now) for _, after in going}
    kept = [(before, after) for before, after in going if not reasons[after.alert.id]]
    ending = [_end(after, reasons[after.alert.id], now) for _, after in going if reasons[after.alert.id]]
    return tell(opened, kept, ending, joined, Desk(tuple(silences), rules, now, notify))


def _stands(case: Case, suspect: set[str], ended: Sequence[Episode], rules: Rules) -> bool:
    """Whether a finding may be announced: not if it rests on doubted flights alone, or on what an ended alert has
    settled."""
    if not case.stands_without(suspect):
        return False
    for episode in ended:
        if case.route not in episode.alert.routes:
            continue
        if case.day <= episode.alert.last_day:
            return False
        near = (case.start - episode.alert.last_day).days <= rules.episode_gap_days
        if near and not case.stands_without(set(episode.flights)):
            return False
    return True


def _homes(
    groups: Sequence[Sequence[Run]], live: Sequence[Episode], withdrawn: Sequence[Episode], rules: Rules
) -> dict[int, list[Episode]]:
    """For each group of runs, the alerts it continues, the oldest first; an alert continues in one group only.

    A withdrawn alert continues as itself if a later correction brings its surge back.
    """
    out: dict[int, list[Episode]] = {}
    for episode in live:
        number = _home(groups, episode.alert, rules)
        if number is not None:
            out.setdefault(number, []).append(episode)
    for episode in withdrawn:
        number = _home(groups, episode.alert, rules)
        if number is not None and number not in out:
            out[number] = [replace(episode, alert=replace(episode.alert, status="open", reason=""))]
    return out


def _home(groups: Sequence[Sequence[Run]], alert: Alert, rules: Rules) -> int | None:
    """The group in which an alert continues: the one with the route it is named by, else the first with any of its
    routes."""
    fitting = []
    for number, group in enumerate(groups):
        for run in group:
            days = days_of(alert.evidence, run.route)
            if days and _near(run, days, rules.episode_gap_days):
                fitting.append((run.route != alert.route, number))
    return min(fitting)[1] if fitting else None


def _near(run: Run, days: set[date], gap_days: int) -> bool:
    return (run.first - max(days)).days <= gap_days and (min(days) - run.last).days <= gap_days


def _over(episode: Episode, findings: pd.DataFrame, rules: Rules, now: datetime) -> str:
    """Why a live alert is over; empty if it is not. Quiet days count only if they were watched."""
    alert = episode.alert
    own = findings[findings["route"].isin(alert.routes)]
    judged = {pd.Timestamp(d).date() for d in own["day"].unique()}
    days = {date.fromisoformat(d) for d in alert.evidence.get("days", ())}
    if days and days <= judged and not own["flagged"].astype(bool).any():
        return f"{CORRECTED}: with what is known now, none of its days is unusual"
    silent = (now.date() - alert.last_day).days
    if judged and (max(judged) - alert.last_day).days > rules.close_after_days:
        return f"quiet: no unusual day since {say_day(alert.last_day)}"
    if not judged and silent > 2 * rules.close_after_days:
        return f"not watched any more: nothing judged since {say_day(alert.last_day)}"
    return ""


def _end(episode: Episode, reason: str, now: datetime) -> Episode:
    return replace(episode, alert=replace(episode.alert, status="closed", reason=reason, updated=now))
