"""Housekeeping: the first configuration, its check, and the database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flightwatch.cli.base import Sections, Session, command, emit_json, json_option, say, table
from flightwatch.errors import ConfigError, StoreError, UsageError

if TYPE_CHECKING:
    from flightwatch.store import Store

TITLE = "Housekeeping"


@click.group("config", cls=Sections)
def config_group() -> None:
    """Check the configuration, or show where each value comes from."""


@command("check")
def check(session: Session) -> None:
    """Check the configuration; exit code 78 if anything is wrong."""
    from flightwatch.jobs.asked import asked
    from flightwatch.jobs.context import configured_routes

    settings = session.settings
    problems = settings.check_secrets()
    routes = configured_routes(settings)
    told = " ".join(problems)  # an unreadable secret is also a problem of its source
    problems += [
        f"source {a.source}: {a.trouble}"
        for a in asked(settings)
        if a.enabled and a.trouble and f"source.{a.source}." not in told
    ]
    if settings.sources and not settings.contact:
        problems.append("contact is not set: feeds are not polled without it")
    for problem in problems:
        say(f"  {problem}")
    if problems:
        raise ConfigError(f"{len(problems)} problem{'s' * (len(problems) > 1)} in {settings.path or 'the settings'}")
    where = settings.path or "no file; defaults only"
    click.echo(
        f"{where}: fine. Sources: {len(settings.sources)}, routes: {len(routes)}, channels: {len(settings.channels)}."
    )


@command("show")
@json_option
@click.option("--changed", is_flag=True, help="Show only what differs from the defaults.")
def show(session: Session, as_json: bool, changed: bool) -> None:
    """Show the settings in force and where each comes from. Secrets are masked."""
    settings = session.settings
    values = _flat(settings.to_public_dict())
    rows = [(key, values.get(key, ""), origin) for key, origin in settings.origins.items() if key in values]
    if changed:
        rows = [row for row in rows if row[2] not in ("default", "shipped watch list")]
    if as_json:
        emit_json({"settings": [{"key": k, "value": v, "origin": o} for k, v, o in rows]})
    else:
        table([(k, _short(v), o) for k, v, o in rows], ["key", "value", "from"])


config_group.add_command(check)
config_group.add_command(show)


def _flat(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Key paths as `Settings.origins` names them: list items under their names."""
    from flightwatch.config.settings import quoted

    out: dict[str, Any] = {}
    for key, inner in value.items():
        path = f"{prefix}{key}"
        if isinstance(inner, dict):
            out |= _flat(inner, f"{path}.")
        elif isinstance(inner, list) and inner and isinstance(inner[0], dict):
            for item in inner:
                out |= _flat(item, f"{path}.{quoted(str(item.get('name', '')))}.")
        else:
            out[path] = inner
    return out


def _short(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= 60 else text[:57] + "…"


CONTACT = "E-mail or web address at which the feeds can reach you"


@command("init")
@click.option("--contact", help=f"{CONTACT}; asked for when not given.")
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    show_default="here",
    help="Where to write it.",
)
@click.option("--force", is_flag=True, help="Replace an existing configuration.")
@click.option("--dry-run", is_flag=True, help="Print the configuration, write nothing.")
def init(session: Session, contact: str | None, folder: Path, force: bool, dry_run: bool) -> None:
    """Write a commented configuration and create the database.

    An existing configuration is left as it is; the database it names is created if there is none.
    """
    from flightwatch import config
    from flightwatch.store import open_store

    path = folder / "flightwatch.toml"
    if path.exists() and not force and not dry_run:
        _only_database(session, path)
        return
    text = config.initial(contact or _asked_for())
    if dry_run:
        click.echo(text)
        return
    folder.mkdir(parents=True, exist_ok=True)
    before = path.read_bytes() if path.exists() else None
    path.write_text(text, encoding="utf-8")
    try:
        settings = config.load(path)
    except ConfigError:
        path.unlink() if before is None else path.write_bytes(before)
        raise
    open_store(session.db or settings.database.url, create=True).close()
    click.echo(
        f"Wrote {path} and created the database. Next: add a [[channel]] to it, so that alerts reach somebody. Then:\n"
    )
    click.echo(f"  flightwatch config check --config {path}\n  flightwatch once --config {path}")


def _asked_for() -> str:
    """Asks for the contact on the terminal; if nobody can answer, the error names the option to use."""
    try:
        return str(click.prompt(CONTACT, err=True))
    except click.Abort as e:
        if isinstance(e.__context__, EOFError):
            raise UsageError(f"--contact is needed: {CONTACT[0].lower()}{CONTACT[1:]}") from None
        raise


def _only_database(session: Session, path: Path) -> None:
    """Create the database of an existing configuration; UsageError if there is nothing left to do."""
    from flightwatch import config
    from flightwatch.store import open_store

    url = session.db or config.load(path).database.url
    try:
        open_store(url, readonly=True).close()
    except StoreError as e:
        if e.kind != "missing":
            raise
        open_store(url, create=True).close()
        click.echo(f"{path} was left as it is; created the database it names")
        return
    raise UsageError(f"{path} and its database exist already; --force replaces the file, --dir DIR writes elsewhere")


@click.group("db", cls=Sections)
def db_group() -> None:
    """Upgrade, back up, restore and prune the database."""


@command("upgrade")
def upgrade(session: Session) -> None:
    """Bring the schema up to date (an SQLite file is copied first), or create the database."""
    from flightwatch.store import open_store

    with open_store(session.settings.database.url, create=True, migrate=True) as store:
        click.echo(f"schema {store.current_revision()}")


@command("current")
def current(session: Session) -> None:
    """Print the database's schema revision."""
    with session.store(readonly=True) as store:
        click.echo(store.current_revision())


@command("backup")
@click.argument("path", type=click.Path(path_type=Path))
def backup(session: Session, path: Path) -> None:
    """Write a consistent copy to PATH, even while the daemon runs."""
    with session.store(readonly=True) as store:
        store.backup(path)
    click.echo(path)


@command("restore")
@click.argument("path", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def restore(session: Session, path: Path) -> None:
    """Fill an empty database (SQLite or PostgreSQL) from a copy made by `db backup`."""
    with session.store(create=True) as store:
        rows = store.restore(path)
    click.echo(f"{sum(rows.values()):,} rows of {len(rows)} tables")


@command("prune")
@click.option("--dry-run", is_flag=True, help="Count; delete nothing.")
@json_option
def prune(session: Session, dry_run: bool, as_json: bool) -> None:
    """Delete what is older than the retention settings; whatever an alert rests on stays."""
    with session.store(visit=True) as store:
        counts = _pruned(store, session, dry_run=dry_run)
    if as_json:
        emit_json({"pruned": counts, "dry_run": dry_run})
        return
    for name, count in counts.items():
        click.echo(f"{count:>10,}  {name}")


class _Undo(Exception):
    """Ends a transaction whose changes were only counted."""


def _pruned(store: Store, session: Session, *, dry_run: bool) -> dict[str, int]:
    """The rows to be deleted, by table; a dry run deletes them too, and rolls the transaction back."""
    counts: dict[str, int] = {}
    try:
        with store.transaction():
            counts = store.prune(session.settings.retention, session.now())
            if dry_run:
                raise _Undo
    except _Undo:
        pass
    return counts


for _command in (upgrade, current, backup, restore, prune):
    db_group.add_command(_command)


COMMANDS = [init, config_group, db_group]
