"""Sharing: tables and tracks as files, the evidence of an alert, a page for a week."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import click

from flightwatch.cli.base import (
    EPOCH,
    LAST_DAY,
    NUMBER,
    Airframe,
    Day,
    Sections,
    Session,
    command,
    emit_json,
    json_option,
    say,
)
from flightwatch.errors import UsageError

TITLE = "Sharing"

KINDS = ["flights", "tracks", "route-days", "findings", "alerts"]
FORMATS = ["csv", "json", "parquet", "geojson", "kml", "readsb"]
out_option = click.option("-o", "--out", type=click.Path(path_type=Path), help="File to write. Default: stdout.")


def span(since: date | None, until: date | None) -> tuple[date, date] | None:
    return (since or EPOCH, until or LAST_DAY) if since or until else None


@command("export")
@click.argument("kind", type=click.Choice(KINDS))
@click.option("--format", "fmt", type=click.Choice(FORMATS), default="csv", show_default=True)
@click.option("--route", help="Only this route.")
@click.option("--alert", type=NUMBER, help="Only the flights (or days) of this alert.")
@click.option("--icao24", type=Airframe(), help="Only this airframe (six hex digits).")
@click.option("--from", "since", type=Day(), help="First UTC date.")
@click.option("--to", "until", type=Day(), help="Last UTC date.")
@out_option
def export(
    session: Session,
    kind: str,
    fmt: str,
    route: str | None,
    alert: int | None,
    icao24: str | None,
    since: date | None,
    until: date | None,
    out: Path | None,
) -> None:
    """Write flights, tracks, route-days, findings or alerts to a file or stdout."""
    from flightwatch import explore
    from flightwatch import export as made

    if out is None and fmt in ("parquet", "readsb") and sys.stdout.isatty():
        raise UsageError(f"{fmt} is not text: name a file with -o FILE")
    with explore.open(session.settings.database.url) as db:
        data = made.export(db, kind, fmt, route=route, days=span(since, until), alert=alert, icao24=icao24)
    if out is None:
        sys.stdout.buffer.write(data)
    else:
        out.write_bytes(data)
        say(f"{out}: {len(data):,} bytes")


@click.group("evidence", cls=Sections)
def evidence_group() -> None:
    """Export an alert as a self-contained evidence folder, or verify one."""


@command("export")
@click.argument("alert", type=NUMBER)
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="New folder to write.")
@click.option("--no-zip", is_flag=True, help="Write the folder only, no ZIP.")
def evidence_export(session: Session, alert: int, out: Path, no_zip: bool) -> None:
    """Write the evidence of ALERT: flights, tracks, map, raw answers, hashes, method, limits, licences."""
    from flightwatch import evidence, explore

    with explore.open(session.settings.database.url) as db:
        pack = evidence.export(db, alert, out, now=session.now(), archive=not no_zip)
    click.echo(pack.folder)


@command("verify")
@click.argument("pack", type=click.Path(path_type=Path, exists=True))
@click.option("--against-database", is_flag=True, help="Also compare with the database.")
@click.option(
    "--archive",
    "archives",
    multiple=True,
    type=click.Path(path_type=Path, exists=True),
    help="Also compare with this published archive; repeat for each part or day.",
)
@json_option
def evidence_verify(
    session: Session, pack: Path, against_database: bool, archives: tuple[Path, ...], as_json: bool
) -> None:
    """Check every byte of a pack (folder or ZIP) and rebuild its flights; exit code 1 if anything differs."""
    from contextlib import nullcontext

    from flightwatch import evidence, explore

    with explore.open(session.settings.database.url) if against_database else nullcontext() as db:
        found = evidence.verify(pack, db, archives=archives)
    if as_json:
        emit_json({"verification": {**vars(found), "ok": found.ok}})
    else:
        for problem in found.problems:
            click.echo(f"DIFFERS  {problem}")
        for note in found.notes:
            click.echo(f"note     {note}")
        if found.ok:
            click.echo(f"{found.files} files are unchanged; {found.recomputed} flights rebuilt from the raw answers")
            if archives:
                click.echo(f"{found.archived} files of archives are the same as when they were read")
    if not found.ok:
        raise click.exceptions.Exit(1)


evidence_group.add_command(evidence_export)
evidence_group.add_command(evidence_verify)


@command("report")
@click.option("--from", "since", type=Day(), help="First UTC date.")
@click.option("--to", "until", type=Day(), help="Last UTC date.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="File to write. Default: report.html.")
@click.option(
    "--site", type=click.Path(path_type=Path), help="Write a folder instead: the last week and a page per alert."
)
def report(session: Session, since: date | None, until: date | None, out: Path | None, site: Path | None) -> None:
    """Write one self-contained HTML page about a week (or other days): alerts, routes, coverage, sources.

    With --site (or with `alerts.report_dir` configured and no other option) it writes the folder of pages that messages
    link to, updating only what changed.
    """
    from flightwatch import explore
    from flightwatch import report as page

    settings = session.settings
    if site is None and out is None and not (since or until):
        site = settings.alerts.report_dir
    if site is not None and (since or until or out):
        raise UsageError("--site writes the last week and every alert: --from, --to and -o cannot be combined with it")
    with explore.open(settings.database.url) as db:
        if site is None:
            out = out or Path("report.html")
            out.write_text(page.render(db, span(since, until), now=session.now()), encoding="utf-8")
            click.echo(out)
            return
        written = page.write(db, site, now=session.now())
    for path in written:
        click.echo(path)
    if not written:
        say(f"{site}: everything in it is current")


COMMANDS = [export, evidence_group, report]
