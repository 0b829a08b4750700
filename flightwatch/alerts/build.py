"""Builds one alert from the runs of one story: the route that names it, the flights in it, its severity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pandas as pd

from flightwatch.alerts import evidence as ev
from flightwatch.alerts.linking import Run, leading, outbound
from flightwatch.alerts.rest import Leg, legs
from flightwatch.alerts.rules import Rules, rank, severity
from flightwatch.alerts.silences import doubted
from flightwatch.alerts.words import flights as say_flights
from flightwatch.records import Route
from flightwatch.telling import Alert, Episode, Notice
from flightwatch.words import number as say_number


@dataclass(frozen=True)
class World:
    """What every alert of one update is built from."""

    legs: Mapping[str, list[Leg]]
    since: date | None
    flights: pd.DataFrame
    routes: Mapping[str, Route]
    rules: Rules
    notices: tuple[Notice, ...]
    now: datetime
    alerts: tuple[Alert, ...] = ()
    runs: tuple[Run, ...] = ()

    @classmethod
    def of(
        cls,
        matches: pd.DataFrame,
        *,
        flights: pd.DataFrame,
        routes: Mapping[str, Route],
        rules: Rules,
        notices: tuple[Notice, ...],
        now: datetime,
        alerts: tuple[Alert, ...] = (),
        runs: tuple[Run, ...] = (),
    ) -> World:
        """`since` is the first day that the matches cover; flights that an alert listed before that day are kept."""
        since = pd.Timestamp(matches["day"].min()).date() if len(matches) else None
        named = {run.route for run in runs} | {name for alert in alerts for name in alert.routes}
        own = legs(matches[matches["route"].isin(named)])
        return cls(own, since, flights, routes, rules, notices, now, alerts, runs)


def build(world: World, group: Sequence[Run], old: Alert | None, number: int) -> Episode:
    """The alert of a group of runs; `old` is its previous state if it continues."""
    past = _still_its_own(old.evidence, group, world.runs) if old else {}
    home = _ways_home(world, group, past)
    lead = old.route if old else leading([run for run in group if run.route not in home], world.routes).route
    first, last = _span(world, group, lead, old)
    names = dict.fromkeys([lead, *past.get("routes", {}), *sorted(run.route for run in group)])
    flights = _listed(world, names, home, (first, last), past.get("flights", {}))
    routes = _peaks(group, home, past.get("routes", {}))
    evidence = {
        "peak": routes[lead],
        "routes": routes,
        "days": sorted({day for record in routes.values() for day in record["days"]}),
        "flights": flights,
        **ev.totals(flights),
        "muted": _muted(group, world.notices),
        "told": past.get("told", {}),
    }
    level, why = _severity(evidence, world.rules)
    if old and rank(old.severity) > rank(level):  # people were told the higher severity; it does not fade by waiting
        level, why = old.severity, str(past.get("severity_reason", ""))
    evidence["severity_reason"] = why
    alert = Alert(
        id=number,
        route=lead,
        routes=tuple(names),
        opened=old.opened if old else world.now,
        first_day=first,
        last_day=last,
        status=old.status if old else "open",
        severity=level,
        headline=headline(evidence["peak"]),
        evidence=evidence,
        updated=old.updated if old else world.now,
        by=old.by if old else "",
        reason=old.reason if old else "",
    )
    return Episode(alert, tuple(sorted(flights)))


def _still_its_own(evidence: Mapping[str, Any], group: Sequence[Run], runs: Sequence[Run]) -> Mapping[str, Any]:
    """The evidence without routes whose findings turned out to be another story, with an alert of its own."""
    here = {run.route for run in group}
    gone = {run.route for run in runs if run.route not in here and run.days & days_of(evidence, run.route)}
    routes = {name: record for name, record in evidence.get("routes", {}).items() if name not in gone}
    return {**evidence, "routes": routes}


def days_of(evidence: Mapping[str, Any], route: str) -> set[date]:
    """The days of one route that an alert was raised for."""
    return {date.fromisoformat(d) for d in evidence.get("routes", {}).get(route, {}).get("days", ())}


def _span(world: World, group: Sequence[Run], lead: str, old: Alert | None) -> tuple[date, date]:
    """First contributing flight to last unusual day: of the findings that opened it, and of the one in the headline, so
    that every flight it counts is listed.

    A window may reach back into an earlier episode of the route. The flights there have been reported already, and two
    episodes of one route never begin on the same day.
    """
    begun = min(run.first for run in group)
    others = (a for a in world.alerts if lead in a.routes and (old is None or a.id != old.id))
    settled = max((a.last_day for a in others if a.last_day < begun), default=date.min)
    telling = [run.cases[0] for run in group]
    telling += [
        max(run.cases, key=lambda case: ev.strength(ev.peak(case.finding))) for run in group if run.route == lead
    ]
    first = min((leg.day for case in telling for leg in case.legs if leg.day > settled), default=begun)
    last = max(run.last for run in group)
    return (min(first, old.first_day), max(last, old.last_day)) if old else (first, last)


def _ways_home(world: World, group: Sequence[Run], past: Mapping[str, Any]) -> set[str]:
    """The routes of the group that are only the return legs of another one."""
    judged = {name: bool(record.get("home")) for name, record in past.get("routes", {}).items()}
    away = {run.route for run in outbound(group, world.routes)}
    home = {run.route for run in group if run.route not in away and judged.get(run.route, True)}
    return home | {name for name, back in judged.items() if back}


def _peaks(group: Sequence[Run], home: set[str], past: Mapping[str, Any]) -> dict[str, Any]:
    """The strongest finding of each route, among present findings and earlier ones."""
    out = dict(past)
    for run in group:
        fresh = [ev.peak(case.finding) | {"home": run.route in home} for case in run.cases]
        before = out.get(run.route)
        if before and date.fromisoformat(before["day"]) < run.first:
            fresh.append(before)
        earlier = [d for d in before["days"] if date.fromisoformat(d) < run.first] if before else []
        days = sorted({*earlier, *(case.day.isoformat() for case in run.cases)})
        out[run.route] = max(fresh, key=ev.strength) | {"days": days}
    return out


def _muted(group: Sequence[Run], notices: Sequence[Notice]) -> str:
    """The notice that explains all of it; empty if a finding stands without the flights of the doubted days."""
    texts = []
    for case in (case for run in group for case in run.cases):
        notice = doubted(case.route, case.day, notices)
        inside = {leg.flight_id for leg in case.legs if doubted(case.route, leg.day, notices)}
        if notice is None or (case.legs and case.stands_without(inside)):
            return ""
        texts.append(notice.text)
    return texts[0] if texts else ""


def _listed(
    world: World, names: Mapping[str, None], home: set[str], span: tuple[date, date], past: Mapping[str, Any]
) -> dict[str, Any]:
    """The flights of all routes in the span; for days that the matches no longer cover, as they were listed before."""
    found: dict[str, tuple[Leg, bool]] = {}
    for route in names:
        for leg in world.legs.get(route, ()):
            better = leg.flight_id not in found or leg.probability > found[leg.flight_id][0].probability
            if span[0] <= leg.day <= span[1] and better:
                found[leg.flight_id] = (leg, route in home)
    rows = ev.rows_by_id(world.flights, found)
    out = {name: ev.entry(leg, rows.get(name), home=back) for name, (leg, back) in found.items()}
    for name, flight in past.items():
        if name not in out and (world.since is None or date.fromisoformat(flight["day"]) < world.since):
            out[name] = flight
    return dict(sorted(out.items(), key=lambda item: (item[1]["day"], item[0])))


def _severity(evidence: Mapping[str, Any], rules: Rules) -> tuple[str, str]:
    top = evidence["peak"]
    away = [f for f in evidence["flights"].values() if not f["home"]]
    named = any(f.get("registration") for f in away) or len(evidence["sources"]) > 1
    return severity(
        observed=top["observed"] or 0.0,
        multiple=float("inf") if top["multiple"] is None else top["multiple"],
        probability=1.0 if top["probability"] is None else top["probability"],
        certainty=sum(f["p"] for f in away) / len(away) if away else 1.0,
        coverage=1.0 if top["coverage"] is None else top["coverage"],
        history_days=int(top["history_days"] or 0),
        identified=named or not away,
        rules=rules,
    )


def headline(top: Mapping[str, Any]) -> str:
    """What happened in one line.

    >>> headline({"route": "Minsk to Benghazi", "observed": 3.0, "window_days": 7, "expected": 0.1})
    'Minsk to Benghazi: 3 flights in 7 days (usual 0.1)'
    """
    days = f"{top['window_days']} day{'s' if top['window_days'] != 1 else ''}"
    usual = say_number(top["expected"] or 0.0)
    return f"{top['route']}: {say_flights(top['observed'] or 0.0)} in {days} (usual {usual})"
