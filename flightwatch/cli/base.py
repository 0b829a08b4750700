"""What every command shares: `--config` and `--db`, the settings and the store behind them, tables and JSON."""

from __future__ import annotations

import functools
import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from flightwatch.errors import UsageError

if TYPE_CHECKING:
    from flightwatch.config import Settings
    from flightwatch.store import Store

F = TypeVar("F", bound=Callable[..., Any])


class Sections(click.Group):
    """A group whose help lists its commands under headings, in the order people meet them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sections: list[tuple[str, list[str]]] = []

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for _, names in self.sections for name in names] or super().list_commands(ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, names in self.sections or [("Commands", self.list_commands(ctx))]:
            rows = [(name, c.get_short_help_str(200)) for name in names if (c := self.get_command(ctx, name))]
            with formatter.section(title):
                formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from difflib import get_close_matches

        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as e:
            near = get_close_matches(args[0], self.list_commands(ctx), n=1)
            if not near and "show" in self.list_commands(ctx):  # `alerts 3`, `aircraft 152c92`
                near = [f"show {args[0]}"]
            if not near or "Did you mean" in e.message:
                raise
            raise click.UsageError(f"{e.message} Did you mean {near[0]!r}?", ctx) from None


class Session:
    """The context of one command: where the settings come from, which database, and what time it is."""

    def __init__(self, config: Path | None, db: str | None) -> None:
        self._config = config
        self.db = _database(db)

    @cached_property
    def settings(self) -> Settings:
        return self.read()

    def read(self) -> Settings:
        """The settings according to the file and the environment now."""
        from flightwatch import config

        overrides = {"database.url": self.db} if self.db else None
        return config.load(self._config, environ=os.environ, overrides=overrides)

    def store(self, *, readonly: bool = False, create: bool = False, visit: bool = False) -> Store:
        """The store that the settings name. `create` makes a missing one and upgrades an older SQLite schema; `visit`
        is for a short write beside a running daemon."""
        from flightwatch.store import open_store

        url = self.settings.database.url
        return open_store(url, create=create, migrate=create, readonly=readonly, checkpoint=not visit)

    @staticmethod
    def now() -> datetime:
        return datetime.now(tz=UTC)


def command(name: str, **attrs: Any) -> Callable[[F], click.Command]:
    """A command that takes `--config` and `--db` and receives a `Session` as its first argument."""

    def wrap(function: F) -> click.Command:
        @functools.wraps(function)
        def run(*args: Any, config_path: Path | None, db: str | None, **kwargs: Any) -> Any:
            since, until = kwargs.get("since"), kwargs.get("until")
            if isinstance(since, date) and isinstance(until, date) and until < since:
                raise UsageError(f"--from {since} is after --to {until}")
            return function(Session(config_path, db), *args, **kwargs)

        run = click.option("--db", metavar="URL", help="Database to use instead of the configured one.")(run)
        run = click.option(
            "--config",
            "config_path",
            metavar="FILE",
            type=click.Path(path_type=Path),
            help="Configuration file. Default: $FLIGHTWATCH_CONFIG, ./flightwatch.toml, then the system's.",
        )(run)
        as_command: Callable[[Callable[..., Any]], click.Command] = click.command(name, **attrs)
        return as_command(run)

    return wrap


def _database(url: str | None) -> str | None:
    """`--db` also accepts a plain path; a relative one is relative to the working directory, not to the
    configuration."""
    if url is None or ("://" in url and not url.startswith("sqlite:///")):
        return url
    path = Path(url.removeprefix("sqlite:///"))
    return f"sqlite:///{path.absolute()}"


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")


EPOCH, LAST_DAY = date(1970, 1, 1), date(9998, 12, 31)  # instants count from the first; a day after the last must exist


class Day(click.ParamType[date]):
    """A UTC date on the command line."""

    name = "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        if isinstance(value, date):
            return value
        try:
            found = date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a date; write it as 2024-12-14", param, ctx)
        if not EPOCH <= found <= LAST_DAY:
            self.fail(f"{value!r} is not between {EPOCH} and {LAST_DAY}", param, ctx)
        return found


class Airframe(click.ParamType[str]):
    """An ICAO 24-bit address on the command line."""

    name = "ICAO24"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from flightwatch.units import parse_icao24

        if parse_icao24(str(value)) is None:
            self.fail(f"{value!r} is not an airframe's address: six hex digits", param, ctx)
        return str(value).lower()


class Typecode(click.ParamType[str]):
    """An ICAO type designator on the command line: two to four letters and digits (ICAO Doc 8643)."""

    name = "TYPE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        bare = "".join(c for c in str(value).upper() if c.isalnum())
        if bare != str(value).strip().upper() or not 2 <= len(bare) <= 4:
            hint = f"; did you mean {bare}?" if 2 <= len(bare) <= 4 else ""
            self.fail(f"{value!r} is not an ICAO type designator such as IL76{hint}", param, ctx)
        return bare


class Number(click.IntRange):
    """The number of an alert, a silence or a delivery: a 32-bit key."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            int(value)
        except ValueError:
            self.fail(f"{value!r} is not a number; the list shows them under id", param, ctx)
        return super().convert(value, param, ctx)


class Words(click.ParamType[str]):
    """A text that is not blank."""

    name = "TEXT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not str(value).strip():
            self.fail("say why in a few words: it is kept for those who come later", param, ctx)
        return str(value).strip()


NUMBER = Number(1, 2**31 - 1)


def emit_json(value: Any) -> None:
    click.echo(json.dumps(plain(value), ensure_ascii=False, indent=2))


def plain(value: Any) -> Any:
    """The value with JSON's types only: instants as ISO 8601 with `Z`, NaN and infinity as null.

    >>> plain({"at": datetime(2024, 12, 14, tzinfo=UTC), "multiple": float("inf"), "days": {date(2024, 12, 14)}})
    {'at': '2024-12-14T00:00:00Z', 'multiple': None, 'days': ['2024-12-14']}
    """
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v) for v in value]
    if isinstance(value, datetime):
        from flightwatch.units import iso

        if str(value) == "NaT":
            return None
        return iso(value) if value.tzinfo else value.date().isoformat()  # without a zone it is a day from a frame
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return None
    if hasattr(value, "item"):  # NumPy scalars
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


PIPE_WIDTH = 200  # columns when there is no terminal: wide enough for a flight on one line


def table(rows: Iterable[Sequence[Any]], columns: Sequence[str], *, title: str = "", right: Sequence[str] = ()) -> None:
    """A table for people on stdout; cells are data, never markup."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from flightwatch.notify import clean

    console = Console()
    if not console.is_terminal:
        console = Console(width=PIPE_WIDTH)
    out = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for number, name in enumerate(columns):
        last = number == len(columns) - 1
        out.add_column(name, justify="right" if name in right else "left", overflow="fold", no_wrap=not last)
    for row in rows:
        out.add_row(*[Text(clean(str(cell), limit=300)) for cell in row])
    console.print(out)


@contextmanager
def bar(what: str) -> Iterator[Callable[[float], None]]:
    """A progress bar on a terminal, nothing in a pipe; call it with the share that is done."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=1.0)
        yield lambda share: progress.update(task, completed=share)


def say(text: str) -> None:
    """Prints a message for people on stderr, so that stdout stays data."""
    click.echo(text, err=True)


def stamp(when: datetime | None) -> str:
    """An instant as shown in a table.

    >>> stamp(datetime(2024, 12, 14, 3, 5, tzinfo=UTC)), stamp(None)
    ('2024-12-14 03:05', '')
    """
    return "" if when is None or str(when) == "NaT" else f"{when:%Y-%m-%d %H:%M}"
