"""Loading history: archives and recordings of positions, and lists of finished flights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flightwatch.cli.base import Sections, Session, command, emit_json, json_option

if TYPE_CHECKING:
    from flightwatch.jobs.backfill import Done, Imported, Piece, Report

TITLE = "Loading history"

paths_argument = click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
again_option = click.option("--again", is_flag=True, help="Read again what is stored already, e.g. after an upgrade.")
scheduler_option = click.option(
    "--scheduler",
    default="",
    metavar="ADDRESS",
    help="Let the workers of this Dask scheduler (tcp://host:8786) do the reading.",
)
dry_run_option = click.option("--dry-run", is_flag=True, help="Read and count; store nothing.")


@click.group("backfill", cls=Sections)
def backfill_group() -> None:
    """Load positions from archives and recordings. Can be stopped and resumed; running twice changes nothing."""


@command("readsb")
@paths_argument
@click.option("--workers", default=0, help="Number of reading processes. Default: one per core.")
@scheduler_option
@again_option
@dry_run_option
@json_option
def readsb(
    session: Session,
    paths: tuple[Path, ...],
    workers: int,
    scheduler: str,
    again: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Load readsb traces: files, folders, .tar, or parts (.tar.aa, .tar.ab)."""
    from flightwatch.sources import traces

    _all_there(paths)
    with _storing(session, dry_run) as ctx:
        from flightwatch.jobs.backfill import Done, done

        held = Done(()) if again else done(ctx, "readsb")
        _run(ctx, traces.pieces(list(paths), done=held), held, as_json, dry_run, workers, scheduler)


@command("heatmaps")
@paths_argument
@click.option("--workers", default=0, help="Number of reading processes. Default: one per core.")
@scheduler_option
@again_option
@dry_run_option
@json_option
def heatmaps(
    session: Session, paths: tuple[Path, ...], workers: int, scheduler: str, again: bool, dry_run: bool, as_json: bool
) -> None:
    """Load whole days of readsb heatmap files (heatmap/NN.bin.ttf): folders or .tar.

    A fast first pass: every aircraft once per time slice, with less detail than traces have.
    """
    from flightwatch.sources import heatmap

    _all_there(paths)
    with _storing(session, dry_run) as ctx:
        from flightwatch.jobs.backfill import Done, done

        held = Done(()) if again else done(ctx, "heatmap")
        _run(ctx, heatmap.pieces(list(paths), done=held), held, as_json, dry_run, workers, scheduler, large=True)


@command("snapshots")
@paths_argument
@again_option
@dry_run_option
@json_option
def snapshots(session: Session, paths: tuple[Path, ...], again: bool, dry_run: bool, as_json: bool) -> None:
    """Load recorded aircraft.json or v2 answers, or JSON lines of aircraft; plain or gzip."""
    from flightwatch.jobs.backfill import Done, Loaded, done
    from flightwatch.sources import snapshots as recorded

    _all_there(paths)
    with _storing(session, dry_run) as ctx:
        held = Done(()) if again else done(ctx, "snapshots")
        fetched = (f for path in paths for f in recorded.read(path))
        _run(ctx, (Loaded(f) for f in fetched if f.poll.query not in held), held, as_json, dry_run, 1)


backfill_group.add_command(readsb)
backfill_group.add_command(heatmaps)
backfill_group.add_command(snapshots)


def _all_there(paths: Iterable[Path]) -> None:
    """Reports a mistyped path before a database is made for it or anything is read from the others."""
    from flightwatch.errors import InputError

    for path in paths:
        if not path.exists():
            raise InputError(f"{path}: no such file or folder")


@contextmanager
def _storing(session: Session, dry_run: bool) -> Iterator[Any]:
    """A context that writes to the configured database, or for a dry run to a temporary one in memory."""
    from flightwatch.jobs.context import Context
    from flightwatch.store import open_store

    if dry_run:
        with open_store("sqlite://", create=True) as store:
            yield Context(session.settings, store)
    else:
        with session.store(create=True) as store:
            yield Context(session.settings, store)


def _run(
    ctx: Any,
    pieces: Iterable[Piece],
    held: Done,
    as_json: bool,
    dry_run: bool,
    workers: int,
    scheduler: str = "",
    *,
    large: bool = False,
) -> None:
    """Process the pieces with a progress line, then report what was kept and what was refused and why.

    What an archive yields before it turns out to be broken is stored; the error is reported after it, or alone if
    nothing was stored.
    """
    from flightwatch.errors import InputError
    from flightwatch.jobs.backfill import backfill, pool

    broken: list[InputError] = []

    def until_broken() -> Iterator[Piece]:
        try:
            yield from pieces
        except InputError as e:
            broken.append(e)

    with _progress() as show, pool(workers, scheduler, keep=large) as executor:
        report = backfill(ctx, until_broken(), done=held, executor=executor, progress=show)
    if report.pieces or report.skipped or not broken:
        tell(report, as_json, dry_run)
    if broken:
        raise broken[0]


@contextmanager
def _progress() -> Iterator[Any]:
    """A live line on a terminal, nothing in a pipe."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = [SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()]
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("reading")

        def show(report: Report) -> None:
            day = f", at {report.day}" if report.day else ""
            text = f"{report.pieces:,} pieces, {report.kept:,} positions, {report.flights:,} flights{day}"
            bar.update(task, description=text)

        yield show


def tell(report: Report, as_json: bool, dry_run: bool) -> None:
    """Report the result, with refused records by reason."""
    if as_json:
        emit_json({"backfill": {**vars(report), "dry_run": dry_run}})
        return
    stored = "would be stored" if dry_run else "stored"
    click.echo(f"{report.pieces:,} pieces read, {report.skipped:,} were there already")
    click.echo(f"{report.kept:,} positions kept, {report.flights:,} flights {stored}")
    refusals(report.rejected)


def refusals(rejected: Counter[str]) -> None:
    total = sum(rejected.values())
    click.echo(f"{total:,} refused" + (":" if total else ""))
    for reason, count in rejected.most_common():
        click.echo(f"{count:>12,}  {reason}")


@click.group("import", cls=Sections)
def import_group() -> None:
    """Import finished flights from other tools."""


@command("flights")
@paths_argument
@dry_run_option
@json_option
def import_flights(session: Session, paths: tuple[Path, ...], dry_run: bool, as_json: bool) -> None:
    """Import CSV or Parquet with OpenSky's flight-list columns; firstseen, origin, destination are required."""
    from flightwatch.jobs.backfill import import_list

    _all_there(paths)
    with _storing(session, dry_run) as ctx:
        for path in paths:
            done = import_list(ctx, path)
            if as_json:
                row = {"file": str(path), **asdict(done), "unlisted": sorted(done.unlisted), "dry_run": dry_run}
                emit_json({"imports": [row]})
                continue
            click.echo(f"{path}: {done.new:,} new flights, {done.known:,} were there already")
            refusals(done.rejected)
            unlisted(done)


def unlisted(done: Imported) -> None:
    """Codes that no airport has; a list of them often means a misspelling, or a column that is something else."""
    from flightwatch.alerts.words import listing

    codes, flights = len(done.unlisted), done.open_ended
    if codes:
        named = listing(sorted(done.unlisted), most=10)
        click.echo(f"{codes:,} airport code{'s are' if codes > 1 else ' is'} not known: {named}")
    if flights:
        click.echo(
            f"{flights:,} flight{'s' if flights != 1 else ''} stored with an unknown airport; ends left empty: "
            f"{done.empty_ends:,}, ends whose code does not look like one and is not stored: {done.unread_ends:,}"
        )


import_group.add_command(import_flights)
COMMANDS = [backfill_group, import_group]
