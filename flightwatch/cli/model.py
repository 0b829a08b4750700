"""Detection on demand: judge stored days, train anew, inspect the model."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flightwatch.cli.base import Day, Sections, Session, bar, command, emit_json, json_option, say, table
from flightwatch.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from flightwatch.store import Store

TITLE = "Detection"


@command("detect")
@click.option("--from", "since", type=Day(), help="First UTC date. Default: the first day that changed.")
@click.option("--to", "until", type=Day(), help="Last UTC date.")
@json_option
def detect(session: Session, since: date | None, until: date | None, as_json: bool) -> None:
    """Count flights per route and day and judge the days. Stores findings, sends nothing."""
    from flightwatch.jobs.context import Context
    from flightwatch.jobs.judge import judge

    with session.store(create=True) as store:
        findings = judge(Context(session.settings, store), session.now(), since=since, until=until)
        why = _nothing_judged(store) if findings.empty else ""
    if not findings.empty:
        _tell(findings, as_json)
        return
    if as_json:
        emit_json({"findings": [], "judged": 0})
    say(why)


def _nothing_judged(store: Store) -> str:
    """Why there are no findings, and what to do about it."""
    from flightwatch.jobs.learn import FEWEST_DAYS

    held = store.days_with_flights()
    if held is None:
        return "nothing to judge: no flights are stored; `flightwatch backfill` loads some"
    days = (held[1] - held[0]).days + 1
    if days < FEWEST_DAYS:
        return f"nothing to judge yet: {days} days of flights are stored, {FEWEST_DAYS} are needed"
    return f"nothing to judge in that span: the flights stored are of {held[0]} to {held[1]}"


def _tell(findings: pd.DataFrame, as_json: bool) -> None:
    flagged = findings[findings["flagged"]]
    if as_json:
        emit_json({"findings": flagged.to_dict("records"), "judged": len(findings)})
        return
    click.echo(f"{len(findings):,} route-days judged, {len(flagged)} flagged")
    if len(flagged):
        table([_row(f) for f in flagged.itertuples()], ["day", "route", "window", "flights", "usual", "why"])


def _row(f: Any) -> tuple[str, ...]:
    return (
        f"{f.day:%Y-%m-%d}",
        f.route,
        f"{f.window_days} d",
        f"{f.observed:.1f}",
        f"{f.expected:.2f}",
        f.reasons[0] if f.reasons else "",
    )


@command("backtest")
@click.option("--route", help="Only this route's alerts (the model still learns from all routes).")
@click.option("--from", "since", type=Day(), help="First UTC date judged. Default: after 60 days of history.")
@click.option("--to", "until", type=Day(), help="Last UTC date judged.")
@click.option(
    "--report", type=click.Path(path_type=Path), metavar="FILE.html", help="Also write a self-contained page."
)
@json_option
def backtest(
    session: Session, route: str | None, since: date | None, until: date | None, report: Path | None, as_json: bool
) -> None:
    """Replay history day by day, using only what was known then: which alerts, and how many false ones."""
    from flightwatch import detection
    from flightwatch.cli.look import known_route
    from flightwatch.jobs.context import Context
    from flightwatch.jobs.judge import count
    from flightwatch.jobs.learn import rules
    from flightwatch.routes import weigh

    with session.store(create=True) as store:
        ctx = Context(session.settings, store)
        routes, _ = count(ctx, session.now())
        name = known_route(routes, route).name if route else None
        route_days = weigh(store.route_days([r.name for r in routes]))
        if not store.days_with_flights():
            raise UsageError("there is no history to replay: `flightwatch backfill` loads some")
    with bar("walking") as show:
        found = detection.backtest(
            route_days, settings=rules(ctx), since=since, until=until, route=name, progress=show,
            seed=session.settings.detection.seed,
        )  # fmt: skip
    if report is not None:
        report.write_text(detection.backtest_report(found), encoding="utf-8")
    if as_json:
        emit_json(found.to_dict())
        return
    rows = [(f"{a.opened:%Y-%m-%d}", f"{a.since:%Y-%m-%d}", a.route, a.headline) for a in found.alerts.itertuples()]
    if rows:
        table(rows, ["would open", "since", "route", "what"])
    if name and not route_days.loc[route_days["route"] == name, "flights"].sum():
        say(f"there is no flight of {name!r} in this history, so nothing could raise an alert")
    for key, value in found.summary.items():
        if isinstance(value, str | int | float):
            click.echo(f"{key.replace('_', ' ')}: {value}")
    if report is not None:
        click.echo(f"page: {report}")


@click.group("model", cls=Sections)
def model_group() -> None:
    """Train and inspect the detection model."""


@command("train")
@json_option
def train(session: Session, as_json: bool) -> None:
    """Train a new model from the stored route-days."""
    from flightwatch.errors import UsageError
    from flightwatch.jobs.context import Context
    from flightwatch.jobs.learn import FEWEST_DAYS, exclude
    from flightwatch.jobs.learn import train as learn

    with session.store(create=True) as store:
        ctx = Context(session.settings, store)
        route_days = store.route_days()
        made = learn(ctx, route_days, exclude(ctx), session.now()) if len(route_days) else None
    if made is None:
        raise UsageError(
            f"fewer than {FEWEST_DAYS} counted days to learn from: run `flightwatch backfill …`, then `detect`"
        )
    if as_json:
        emit_json({"models": [made.to_record()]})
    else:
        click.echo(f"model {made.id}")


@command("show")
@click.argument("number", required=False)
@json_option
def show(session: Session, number: str | None, as_json: bool) -> None:
    """List all models, or show one in full."""
    from flightwatch.errors import UsageError

    with session.store(readonly=True) as store:
        records = store.models()
    if number:
        records = [r for r in records if r["id"] == number]
        if not records:
            raise UsageError(f"there is no model {number!r}: see `flightwatch model show`")
    if as_json or number:
        emit_json({"models": records})
    elif records:
        rows = [
            (r["id"], f"{r['created']:%Y-%m-%d %H:%M}", r.get("first_day", ""), r.get("last_day", "")) for r in records
        ]
        table(rows, ["id", "trained (UTC)", "from", "to"])
    else:
        click.echo("no model yet: one is trained once 21 days have been counted")


@command("drift")
@click.option("--from", "since", type=Day(), help="First UTC date of the recent days. Default: the last 30 days.")
@json_option
def drift(session: Session, since: date | None, as_json: bool) -> None:
    """Compare how often each feature is unusual lately with the days the model learned from."""
    from datetime import timedelta

    from flightwatch import detection
    from flightwatch.errors import UsageError
    from flightwatch.jobs.context import Context
    from flightwatch.jobs.learn import exclude, remade

    with session.store(readonly=True) as store:
        ctx = Context(session.settings, store)
        route_days = store.route_days()
        model = remade(ctx, route_days, exclude(ctx))
    if model is None:
        raise UsageError("no model matches the stored days: run `flightwatch model train`")
    found = detection.drift(model, route_days, since or (route_days["day"].max() - timedelta(days=29)).date())
    if as_json:
        emit_json({"model": model.id, "drift": found.to_dict("records")})
        return
    rows = [
        (detection.FEATURES[f.feature], f"{f.learned:.1%}", f"{f.recent:.1%}", "drifted" if f.drifted else "")
        for f in found.itertuples()
    ]
    table(rows, ["unusual", "when learned", "lately", ""])


model_group.add_command(train)
model_group.add_command(show)
model_group.add_command(drift)
COMMANDS = [detect, backtest, model_group]
