"""Downloads of history and tables: adsb.lol's days, OpenSky's flights, identities of airframes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any, TypeVar

import click

from flightwatch.cli.archive import (
    _progress,
    _storing,
    again_option,
    backfill_group,
    dry_run_option,
    refusals,
    scheduler_option,
)
from flightwatch.cli.base import Day, Session, command, emit_json, json_option, table
from flightwatch.cli.look import aircraft_group
from flightwatch.errors import ConfigError, SourceError, UsageError

if TYPE_CHECKING:
    from flightwatch.jobs.download import Days
    from flightwatch.sources.http import Client

F = TypeVar("F", bound=Callable[..., Any])

CONTACT = (
    'they must be able to reach you. Put `contact = "you@your.org"` at the top of the configuration or set '
    "FLIGHTWATCH__CONTACT"
)
mirror_option = click.option(
    "--mirror", default="", metavar="URL", help="Download from this server instead (same paths)."
)


def span_options(function: F) -> F:
    """`--from` and `--to`, both required."""
    function = click.option("--to", "until", type=Day(), required=True, help="Last UTC date.")(function)
    return click.option("--from", "since", type=Day(), required=True, help="First UTC date.")(function)


def _client(session: Session) -> Client:
    from flightwatch.sources.http import Client, Limits

    settings = session.settings
    if not settings.contact:
        raise ConfigError(f"contact is not set, and this is somebody's server: {CONTACT}")
    http = settings.http
    bundle = str(http.ca_bundle) if http.ca_bundle else None
    return Client(
        settings.contact,
        allow_private=http.allow_private,
        limits=Limits.of(http),
        ca_bundle=bundle,
        use_env=http.use_env,
    )


@command("adsblol")
@span_options
@click.option("--everything", is_flag=True, help="Keep all aircraft, not only those the configured sources ask for.")
@click.option("--workers", default=0, help="Number of reading processes. Default: one per core.")
@scheduler_option
@mirror_option
@again_option
@dry_run_option
@json_option
def adsblol(
    session: Session,
    since: date,
    until: date,
    everything: bool,
    workers: int,
    scheduler: str,
    mirror: str,
    again: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Download the days that adsb.lol publishes, about 3 GB each; nothing but the result is kept on disk."""
    from flightwatch.jobs import download
    from flightwatch.jobs.backfill import pool
    from flightwatch.sources.daily import GITHUB, Archive

    archive = Archive(_client(session), base=mirror or GITHUB)
    with _storing(session, dry_run) as ctx, _progress() as show, pool(workers, scheduler) as executor:
        watch = None if everything else download.watched(ctx)
        days = download.span(since, until)
        found = download.archived_days(ctx, archive, days, watch=watch, executor=executor, progress=show, again=again)
    _tell(found, as_json, dry_run)


@command("opensky")
@span_options
@click.option("--airport", "airports", multiple=True, required=True, help="Airport code or place name; repeatable.")
@dry_run_option
@json_option
def opensky(
    session: Session, since: date, until: date, airports: tuple[str, ...], dry_run: bool, as_json: bool
) -> None:
    """Download flights from and to airports as OpenSky estimates them; needs an OpenSky account."""
    from flightwatch.config import SourceSettings
    from flightwatch.jobs import download
    from flightwatch.jobs.backfill import done
    from flightwatch.sources.opensky import ANONYMOUS_CREDITS, CREDITS
    from flightwatch.sources.opensky import Session as Sky
    from flightwatch.sources.pace import Rule
    from flightwatch.sources.skyflights import flight_pieces

    settings = session.settings
    if not settings.contact:
        raise ConfigError(f"contact is not set, and OpenSky is somebody's server: {CONTACT}")
    own = next((s for s in settings.sources if s.kind == "opensky"), SourceSettings(kind="opensky"))
    sky = Sky(own, settings.http, settings.contact, session.now)
    with _storing(session, dry_run) as ctx, _progress() as show:
        codes = sorted({a for name in airports for a in ctx.places.airports_of(name) or ()})
        held = done(ctx, "opensky")
        budget = own.daily_budget or (ANONYMOUS_CREDITS if sky.anonymous else CREDITS)
        spacing = download.FLIGHTS_SPACING_S if own.spacing_s is None else own.spacing_s
        rule = Rule(spacing, budget, settings.http.max_retry_after_s)
        found = download.reported_flights(ctx, flight_pieces(sky, codes, since, until, done=held), show, rule=rule)
        found.known = held.hits
    _tell(found, as_json, dry_run)


def _tell(found: Days, as_json: bool, dry_run: bool) -> None:
    """Report the result for each day; exit 1 if some are missing, 69 if none could be fetched."""
    missing = [p for p in found.polls if p.outcome not in ("ok", "empty")]
    if as_json:
        polls = [
            {"query": p.query, "day": p.started.date(), "outcome": p.outcome, "kept": p.kept, "note": p.note}
            for p in found.polls
        ]
        counts = {"known": found.known, "read_otherwise": found.otherwise, "dry_run": dry_run}
        emit_json({"backfill": {**vars(found.report), **counts, "polls": polls}})
    else:
        table([(p.started.date(), p.query, p.outcome, f"{p.kept:,}", p.note) for p in found.polls],
              ["day", "what", "outcome", "kept", "note"], right=["kept"])  # fmt: skip
        stored = "would be stored" if dry_run else "stored"
        click.echo(f"{found.report.kept:,} positions kept, {found.report.flights:,} flights {stored}")
        click.echo(f"{found.known:,} were there already")
        if found.otherwise:
            click.echo(f"{found.otherwise:,} of them were read with another filter than this: --again reads them anew")
        refusals(found.report.rejected)
    if missing and not found.whole:
        raise SourceError(f"{missing[0].query}: {missing[0].note or missing[0].outcome}", outcome=missing[0].outcome)
    if missing:
        raise click.exceptions.Exit(1)


@command("update")
@click.option(
    "--table",
    "tables",
    multiple=True,
    help="Only this table: tar1090-db, plane-alert-db or opensky-aircraft; repeatable.",
)
@click.option("--everyone", is_flag=True, help="Also airframes never heard here.")
@mirror_option
@dry_run_option
@json_option
def update(
    session: Session, tables: tuple[str, ...], everyone: bool, mirror: str, dry_run: bool, as_json: bool
) -> None:
    """Download public aircraft tables: registrations, types, operators, military flags."""
    from flightwatch.jobs.context import Context
    from flightwatch.jobs.download import update_aircraft
    from flightwatch.sources.identity import TABLES

    unknown = sorted(set(tables) - set(TABLES))
    if unknown:
        raise UsageError(f"no table is called {unknown[0]!r}; there are {', '.join(TABLES)}")
    client = _client(session)
    with session.store(visit=not dry_run, readonly=dry_run) as store:
        ctx = Context(session.settings, store)
        found = update_aircraft(
            ctx, client, session.now(), tables=tables, everyone=everyone, base=mirror, dry_run=dry_run
        )
    if as_json:
        emit_json({"update": {**vars(found), "dry_run": dry_run}})
        return
    for name, rows in found.rows.items():
        click.echo(f"{name}: {rows:,} values. {TABLES[name].terms}")
    for name, trouble in found.trouble.items():
        click.echo(f"{name}: not available: {trouble}")
    would = "would be changed" if dry_run else "changed"
    click.echo(
        f"{found.airframes:,} airframes described, {found.changed:,} {would}, {found.conflicts:,} contradictions"
    )
    refusals(found.refused)


def attach() -> None:
    """Adds these commands to the groups where people look for them."""
    backfill_group.add_command(adsblol)
    backfill_group.add_command(opensky)
    aircraft_group.add_command(update)
