"""Watching: the daemon, one cycle of it, the demo, and whether all is well."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flightwatch.cli.base import Session, command, emit_json, json_option, say, table
from flightwatch.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from flightwatch.config import Settings
    from flightwatch.jobs.context import Context

TITLE = "Watching"


@command("demo")
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo"),
    show_default=True,
    help="Folder to write to.",
)
@click.option("--seed", default=1, show_default=True, help="Another number generates another world.")
def demo(session: Session, folder: Path, seed: int) -> None:
    """Play the reference case end to end, offline; takes a few minutes, leaves everything in DIR."""
    from flightwatch.demo.play import play

    play(folder, seed=seed, echo=click.echo)


def _something_to_poll(settings: Settings) -> None:
    """A daemon with nothing to do would sit there and look healthy."""
    if settings._path is None and not settings.sources:
        raise ConfigError(
            "there is no configuration file, so there is nothing to poll: `flightwatch init` writes one; "
            "--config or FLIGHTWATCH_CONFIG names one elsewhere"
        )


@command("run")
@click.option("--no-standby", is_flag=True, help="Exit with code 75 if another daemon already works on this database.")
def run(session: Session, no_standby: bool) -> None:
    """Run the daemon: poll, detect, alert, until stopped. SIGHUP reloads the configuration."""
    from flightwatch import logs, systemd
    from flightwatch.daemon import Daemon
    from flightwatch.jobs.setup import context
    from flightwatch.leader import lead

    settings = session.settings
    _something_to_poll(settings)
    logs.setup(as_json=settings.daemon.log_json, secrets=settings.secret_values())
    with session.store(create=True) as store:

        def again() -> Context:
            fresh = session.read()
            if fresh.database.url != settings.database.url:
                raise ConfigError("another database needs a restart")
            made = context(fresh, store, live=True)
            _ = made.routes  # resolved now: an unknown place keeps the old configuration
            logs.setup(as_json=fresh.daemon.log_json, secrets=fresh.secret_values())
            return made

        daemon = Daemon(context(settings, store, live=True), again=again)
        wait = lead(
            store,
            settings.daemon.lease_s,
            stop=daemon.stop,
            standby=not no_standby,
            beat=lambda: systemd.notify("WATCHDOG=1"),
        )
        code = daemon.run(wait)
    raise click.exceptions.Exit(code)


@command("once")
@click.option("--dry-run", is_flag=True, help="Poll and count; store and send nothing.")
def once(session: Session, dry_run: bool) -> None:
    """Run one full cycle and exit (for cron): poll, build flights, detect, alert, send."""
    import threading

    from flightwatch import logs
    from flightwatch.daemon import set_aside
    from flightwatch.jobs.cycle import tick
    from flightwatch.jobs.setup import context
    from flightwatch.leader import lead
    from flightwatch.store import open_store

    settings = session.settings
    _something_to_poll(settings)
    logs.setup(as_json=settings.daemon.log_json, secrets=settings.secret_values())
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: set_aside(stop))
    if dry_run:
        with open_store("sqlite://", create=True) as store:
            _dry(context(settings, store, live=True, channels=()), session)
        return
    with session.store(create=True) as store:
        ctx = context(settings, store, live=True)
        ctx.stopping = stop.is_set
        with lead(store, settings.daemon.lease_s, stop=stop, standby=False):
            began = session.now()
            failed = tick(ctx, began, everything=True)
        outcomes = set(store.polls(since=began)["outcome"])
    if failed:
        say(f"failed: {', '.join(failed)}; see the log above")
        raise click.exceptions.Exit(1)
    if outcomes and not outcomes & {"ok", "empty"}:
        trouble = ", ".join(sorted(outcomes))
        raise SourceError(f"no source answered ({trouble}); `flightwatch status` has more", outcome=trouble)


def _dry(ctx: Any, session: Session) -> None:
    from flightwatch.jobs.poll import poll

    for p in poll(ctx, session.now()):
        refused = ", ".join(f"{n} {reason}" for reason, n in p.rejected.items()) or "nothing"
        click.echo(f"{p.source} {p.query}: {p.outcome}, {p.kept} positions would be stored, refused {refused} {p.note}")


@command("sources")
@json_option
def sources(session: Session, as_json: bool) -> None:
    """Show the requests each feed would get, how often, under what licence, and what it cannot provide.

    Sends no request.
    """
    from flightwatch.jobs.asked import asked

    found = asked(session.settings)
    if as_json:
        emit_json({"sources": [vars(a) for a in found]})
        return
    if not found:
        click.echo("no sources: add a [[source]] to the configuration")
    for a in found:
        state = "" if a.enabled else ", switched off"
        click.echo(f"{a.source} ({a.kind}{', ' + a.terms if a.terms else ''}){state}")
        if a.trouble:
            click.echo(f"  cannot be asked: {a.trouble}")
            continue
        words = "request" if len(a.requests) == 1 else "requests"
        spread = f", spread over at least {a.seconds:g} s" if a.seconds else ""
        click.echo(f"  {len(a.requests)} {words} every {a.interval_s:g} s{spread}; at most {a.a_day:,} a day")
        for request in a.requests:
            click.echo(f"    {request}")
        for gap in a.gaps:
            click.echo(f"  gap: {gap}")


@command("status")
@json_option
def status(session: Session, as_json: bool) -> None:
    """Show what the daemon has been doing: sources, jobs, alerts, messages."""
    from flightwatch.jobs.status import status as look

    with session.store(readonly=True) as store:
        found = look(session.settings, store, session.now())
    if as_json:
        emit_json({"status": found})
        return
    for title, rows in found.items():
        if isinstance(rows, list) and rows:
            table([list(r.values()) for r in rows], list(rows[0]), title=title)
        else:
            nothing = "none asked in the last 24 hours" if title == "sources" else "none"
            click.echo(f"{title}: {rows or nothing}")


@command("health")
@json_option
def health(session: Session, as_json: bool) -> None:
    """Check the running service, one line per check; exit code 1 if something is wrong."""
    _checks(session, "health", as_json)


@command("doctor")
@json_option
def doctor(session: Session, as_json: bool) -> None:
    """Check the whole installation, one line per check; exit code 1 if something needs attention."""
    _checks(session, "doctor", as_json)


def _checks(session: Session, which: str, as_json: bool) -> None:
    from flightwatch.jobs import status as module

    found = getattr(module, which)(session.settings, session.now())
    if as_json:
        emit_json({which: [vars(c) for c in found]})
    else:
        for check in found:
            click.echo(f"{'ok  ' if check.ok else 'FAIL'}  {check.name}: {check.text}")
    if not all(check.ok for check in found):
        raise click.exceptions.Exit(1)


COMMANDS = [demo, run, once, sources, status, health, doctor]
