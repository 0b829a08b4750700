"""The contents of the report, from the database."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd

from flightwatch import __version__, plots
from flightwatch.alerts import licences
from flightwatch.alerts.words import day as say_day
from flightwatch.alerts.words import listing, moment
from flightwatch.countries import said
from flightwatch.explore import Explorer
from flightwatch.explore.flightrows import flight_rows
from flightwatch.explore.tables import DayLike, Days, span
from flightwatch.plots.days import POORLY_WATCHED
from flightwatch.report.page import inside
from flightwatch.report.page import render as render_page
from flightwatch.report.spark import sparkline
from flightwatch.routes.looked import ANSWERED
from flightwatch.telling import Alert, Notice
from flightwatch.words import number

SPARK_DAYS = 60
MOST_ROUTES = 60  # fills a page; the strangest come first
LIMITS = (
    "These are counts of aircraft that broadcast their position and were heard by the sources named. Flights with the "
    "transponder off are missing; positions and identities can be false; where an end was not seen it is inferred and "
    "said so. What was on board is not known."
)


def render(db: Explorer, days: DayLike = None, *, now: datetime, pictures: bool = True, linked: bool = False) -> str:
    """The report of some days as one HTML page (default: the week up to the last day with flights).

    `linked` if the alerts' own pages are beside it.
    """
    first, last = span(days, db.last_day() if isinstance(days, int) else None) or db.week()
    alerts = [a for a in db.store.alerts() if a.first_day <= last and a.last_day >= first]
    routes, left_out = _routes(db, (first, last))
    sources = _sources(db, (first, last))
    title = say_day(last) if first == last else f"{say_day(first)} to {say_day(last)}"
    return render_page(
        "report.html",
        title=title,
        linked=linked,
        lead=_lead(alerts, routes, sources, (last - first).days + 1),
        alerts=[_alert(db, a, pictures) for a in alerts],
        poorly=any(r["percent"] < 100 * POORLY_WATCHED for r in routes),
        routes=[r for r in routes if r["first"]][:MOST_ROUTES],
        pairs=[r for r in routes if not r["first"]][:MOST_ROUTES],
        all_pairs=sum(1 for r in routes if not r["first"]),
        left_out=left_out,
        spark_days=SPARK_DAYS,
        sources=sources,
        notices=_notices(db, (first, last)),
        limits=LIMITS,
        licences=licences.notes(s["name"] for s in sources),
        made=moment(now),
        version=__version__,
    )


def render_alert(db: Explorer, alert: Alert, *, now: datetime, pictures: bool = True) -> str:
    """One alert as a separate page, which a message can link to."""
    sources = {s for text in db.flights(alert=alert)["source"] for s in str(text).split()}
    return render_page(
        "alert.html",
        title=f"Alert {alert.id}: {alert.headline}",
        alert=_alert(db, alert, pictures),
        sections=db.why(alert).sections,
        limits=LIMITS,
        licences=licences.notes(sorted(sources)),
        made=moment(now),
        version=__version__,
    )


def _lead(alerts: list[Alert], routes: list[dict[str, Any]], sources: list[dict[str, Any]], length: int) -> str:
    count = len(alerts)
    out = f"{count} alert{'' if count == 1 else 's'} in these days" if count else "No alert in these days"
    poor = sum(1 for r in routes if r["percent"] < 100 * POORLY_WATCHED)
    out += f"; {poor or 'none'} of {len(routes)} route{'' if len(routes) == 1 else 's'} that had traffic in "
    out += f"{max(SPARK_DAYS, length)} days {'was' if poor < 2 else 'were'} poorly watched."
    asked = [s for s in sources if s["asked"]]
    worst = min(asked, key=lambda s: s["percent"], default=None)
    if worst is not None and worst["percent"] < 100:
        out += f" The weakest source, {worst['name']}, answered {worst['percent']} % of the time."
    return out


def _alert(db: Explorer, alert: Alert, pictures: bool) -> dict[str, Any]:
    drawn = []
    if pictures:
        figures = (
            (f"Map of the flights of {alert.route}", db.map(alert)),
            (f"Flights on {alert.route} through time", db.plot_route(alert.route) if _watched(db, alert) else None),
        )
        drawn = [{"src": inside(plots.to_png(f, 900)), "words": words} for words, f in figures if f is not None]
    when = f"{say_day(alert.first_day)} to {say_day(alert.last_day)}, raised {moment(alert.opened)}"
    return {
        "id": alert.id,
        "severity": alert.severity,
        "status": alert.status,
        "headline": alert.headline,
        "when": when,
        "also": listing([said(r) for r in alert.routes if r != alert.route]),
        "pictures": drawn,
        "flights": flight_rows(db, alert),
        "why": db.why(alert).html(4),
    }


def _watched(db: Explorer, alert: Alert) -> bool:
    return any(r.name == alert.route for r in db.store.routes())


def _routes(db: Explorer, days: Days) -> tuple[list[dict[str, Any]], int]:
    """A row per route with traffic, strangest first, with `first` for routes that were configured or flagged; and how
    many routes had no traffic."""
    start = days[1] - timedelta(days=SPARK_DAYS - 1)
    counted = db.store.route_days(since=min(start, days[0]), until=days[1])
    found = db.store.findings(since=min(start, days[0]), until=days[1])
    rows, quiet = [], 0
    discovered = {r.name for r in db.store.routes() if r.discovered}
    judged = dict(list(found.groupby("route"))) if len(found) else {}
    for name, own in counted.groupby("route", observed=True):
        if own["flights"].sum() < 0.05:
            quiet += 1
            continue
        mine = judged.get(name, found.head(0))
        inside_ = own[own["day"] >= pd.Timestamp(days[0])]
        row = _route(str(name), own, inside_, mine, days)
        rows.append(row | {"first": row["flagged"] > 0 or name not in discovered})
    rows.sort(key=lambda r: (-r["order"], r["name"]))
    return rows, quiet


def _route(name: str, own: pd.DataFrame, inside_: pd.DataFrame, found: pd.DataFrame, days: Days) -> dict[str, Any]:
    shown = own[own["day"] > pd.Timestamp(days[1]) - pd.Timedelta(days=SPARK_DAYS)]
    here = found[found["day"] >= pd.Timestamp(days[0])]
    best = here.sort_values(["flagged", "score", "day"]).iloc[-1] if len(here) else None
    length = (days[1] - days[0]).days + 1
    usual = "unknown"
    if best is not None:
        usual = number(float((here["expected"] / here["window_days"].clip(lower=1)).mean()) * length)
    flagged = int(here["flagged"].sum()) if len(here) else 0
    words = str(best["reasons"][0]) if best is not None and best["reasons"] else ""
    label = f"{name}: {number(float(shown['flights'].sum()))} flights in {len(shown)} days, {flagged} days flagged"
    return {
        "name": name,
        "said": said(name),
        "flagged": flagged,
        "spark": sparkline(shown, found, label),
        "flights": float(inside_["flights"].sum()),
        "usual": usual,
        "percent": round(100 * float(inside_["coverage"].mean())) if len(inside_) else 0,
        "words": ("unusual: " if flagged else "") + words,
        "order": float(best["score"]) + 100 * flagged if best is not None else -1.0,
    }


def _sources(db: Explorer, days: Days) -> list[dict[str, Any]]:
    polls = db.polls(days)
    out = []
    for name, own in polls.groupby("source", observed=True) if len(polls) else ():
        good = own["outcome"].isin(ANSWERED)
        bad = own.loc[~good, "outcome"].value_counts()
        out.append(
            {
                "name": str(name),
                "asked": len(own),
                "percent": int(100 * good.mean()),
                "kept": f"{int(own['kept'].sum()):,}",
                "trouble": listing(f"{n} {str(k).replace('_', ' ')}" for k, n in bad.items()) or "none",
                "last": moment(own.loc[good, "finished"].max().to_pydatetime()) if good.any() else "never",
            }
        )
    return out


def _notices(db: Explorer, days: Days) -> list[str]:
    """The notices about these days, and whether each is over; a running one is not."""

    def said_of(notice: Notice) -> bool:
        begun = notice.first_day or notice.started.date()
        over = notice.last_day or (notice.ended.date() if notice.ended else date.max)
        return begun <= days[1] and over >= days[0]

    return [
        n.text + (f" This was over by {moment(n.ended)}." if n.ended else "") for n in db.store.notices() if said_of(n)
    ]
