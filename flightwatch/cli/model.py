"""Detection on demand: judge stored days, learn anew, see what the model is."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import click

from flightwatch.cli.base import Day, Session, command, emit_json, json_option, table

if TYPE_CHECKING:
    import pandas as pd

TITLE = "Detection"


@command("detect")
@click.option("--from", "since", type=Day(), help="First UTC date; default: what may have changed.")
@click.option("--to", "until", type=Day(), help="Last UTC date.")
@json_option
def detect(session: Session, since: date | None, until: date | None, as_json: bool) -> None:
    """Tally route-days and judge them; stores findings, sends nothing."""
    from flightwatch.jobs.context import Context
    from flightwatch.jobs.judge import judge

    with session.store(create=True) as store:
        findings = judge(Context(session.settings, store), session.now(), since=since, until=until)
    if findings.empty:
        if as_json:
            emit_json({"findings": []})
        else:
            click.echo("nothing to judge: no flights are stored, or too few days of them")
        return
    _tell(findings, as_json)


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


@click.group("model")
def model_group() -> None:
    """The model: what it learned from, and what it is worth."""


@command("train")
@json_option
def train(session: Session, as_json: bool) -> None:
    """Learn anew from the stored route-days."""
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
            f"there are not {FEWEST_DAYS} tallied days to learn from: `flightwatch backfill …`, then `detect`"
        )
    if as_json:
        emit_json({"models": [made.to_record()]})
    else:
        click.echo(f"model {made.id}")


@command("show")
@click.argument("number", required=False)
@json_option
def show(session: Session, number: str | None, as_json: bool) -> None:
    """All models, or one in full."""
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
        click.echo("no model yet: one is trained when 21 days are tallied")


model_group.add_command(train)
model_group.add_command(show)
COMMANDS = [detect, model_group]
