"""`python -m flightwatch.cli.reference` writes docs/reference/commands.md from the commands themselves."""

from __future__ import annotations

from collections.abc import Iterator

import click

from flightwatch.cli import app

SHARED = {"config_path", "db"}
HEAD = """# Commands

Made from the code by `python -m flightwatch.cli.reference > docs/reference/commands.md`; a test keeps it current.

`--config FILE` and `--db URL` stand behind every command. `--json` prints one object with the plural as its key; data
goes to stdout, talk to stderr. Exit codes: 0 fine, 1 found problems, 2 wrong usage, 69 no source answered, 74 a file or
the database cannot be read or written, 75 another daemon leads, 78 configuration.
"""


def commands(group: click.Group, path: str = "flightwatch") -> Iterator[tuple[str, click.Command]]:
    """Every command with its full name, each group before its commands."""
    for name in group.commands:
        one = group.commands[name]
        yield f"{path} {name}", one
        if isinstance(one, click.Group):
            yield from commands(one, f"{path} {name}")


def page() -> str:
    """The reference as Markdown."""
    parts = [HEAD]
    for title, names in app.sections:
        parts.append(f"## {title}\n")
        for name in names:
            one = app.commands[name]
            parts.append(_told(f"flightwatch {name}", one))
            if isinstance(one, click.Group):
                parts += [_told(path, inner) for path, inner in commands(one, f"flightwatch {name}")]
    return "\n".join(parts)


def _told(path: str, one: click.Command) -> str:
    own = [p for p in one.params if p.name not in SHARED]
    arguments = "".join(f" {p.make_metavar(click.Context(one))}" for p in own if isinstance(p, click.Argument))
    lines = [f"### `{path}{arguments}`\n", " ".join((one.help or "").split()) + "\n"]
    for p in own:
        if isinstance(p, click.Option) and p.help:
            lines.append(f"- `{', '.join(p.opts)}` {p.help}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    click.echo(page(), nl=False)
