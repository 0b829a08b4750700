"""The settings reference, made from the models: `python -m flightwatch.config.reference`."""

from __future__ import annotations

import inspect
import sys
import types
import typing
from datetime import time
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from flightwatch.config.base import Section
from flightwatch.config.settings import Settings
from flightwatch.config.walk import CHANNEL_MODELS, ITEM_MODELS, fields, section_of

_INTRO = """\
# Configuration

<!-- Made from the code by `python -m flightwatch.config.reference`; a test keeps it current. -->

One TOML file. It is looked for in this order: `--config FILE`, `$FLIGHTWATCH_CONFIG`, `./flightwatch.toml`,
`$XDG_CONFIG_HOME/flightwatch/flightwatch.toml` (by default under `~/.config`), `/etc/flightwatch/flightwatch.toml`.
Without a file, the defaults and the shipped watch list apply. `flightwatch init` writes a commented file,
`flightwatch config check` checks a file, and `flightwatch config show` shows where each value came from.

- **Unknown keys are refused**, with the file, the line and the nearest known key.
- **Paths** in the file are relative to the file; on the command line and in variables, to the working directory.
- **Variables** win over the file: `FLIGHTWATCH__DETECTION__SEED=7`. In lists of tables they find the item by name, or
  by kind if only one has it: `FLIGHTWATCH__CHANNEL__SLACK__WEBHOOK`. A variable may add a source or channel that is not
  in the file. Lists are separated by commas. A variable with this prefix that names no key is refused.
- **Secrets** come from variables or from the files that the `…_file` keys name (the last newline is removed). Such a
  path may begin with `$CREDENTIALS_DIRECTORY` (systemd) or `~`. A secret written in the file is refused.
- **The shipped watch list** (`flightwatch routes list`) is added to the file's places and routes. An item of the same
  name in the file replaces a shipped one; `enabled = false` switches off one route, `watchlist = false` the whole list.
"""


_WORDS = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    Path: "path",
    time: "time of day",
    SecretStr: "secret",
}


def markdown() -> str:
    """The whole page."""
    top = {key: field for key, field in fields(Settings).items() if _is_value(field)}
    parts = [_INTRO, "## Top of the file\n", _table(top)]
    for key, field in fields(Settings).items():
        section = section_of(field)
        if key in ITEM_MODELS:
            parts += _section(f"[[{key}]]", key, ITEM_MODELS[key])
        elif key == "channel":
            for kind, model in CHANNEL_MODELS.items():
                parts += _section(f'[[channel]] kind = "{kind}"', key, model)
        elif section is not None:
            parts += _section(f"[{key}]", key, section)
    return "\n".join(parts).rstrip() + "\n"


def _section(heading: str, path: str, model: type[Section]) -> list[str]:
    parts = [f"## `{heading}`\n", f"{inspect.cleandoc(model.__doc__ or '')}\n", _table(fields(model))]
    if path == "channel" and model is not next(iter(CHANNEL_MODELS.values())):
        return parts  # the tables inside a channel are the same for every kind
    for key, field in fields(model).items():
        inner = section_of(field)
        if inner is not None:
            parts += [f"### `[{path}.{key}]`\n", f"{inspect.cleandoc(inner.__doc__ or '')}\n", _table(fields(inner))]
    return parts


def _is_value(field: FieldInfo) -> bool:
    return section_of(field) is None and not (field.alias and get_origin(field.annotation) is tuple)


def _table(rows: dict[str, FieldInfo]) -> str:
    lines = ["| Key | Kind | Default | Meaning |", "| --- | --- | --- | --- |"]
    for key, field in rows.items():
        meaning = (field.description or "").replace("|", "\\|")
        lines.append(f"| `{key}` | {kind(field.annotation)} | {_default(field)} | {meaning} |")
    return "\n".join(lines) + "\n"


def kind(annotation: Any) -> str:
    """A type in the words of the reference.

    >>> kind(int | None), kind(Literal["a", "b"]), kind(tuple[str, ...])
    ('whole number', '`"a"`, `"b"`', 'list of texts')
    """
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return kind(next(part for part in inner if part is not type(None)))
    if origin is typing.Annotated:
        return kind(inner[0])
    if origin is Literal:
        return ", ".join(f'`"{value}"`' for value in inner)
    if origin is tuple:
        number = "" if inner[-1] is Ellipsis else f"{len(inner)} "
        return f"list of {number}{_many(kind(inner[0]))}"
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return "table"
    return _WORDS[annotation]


def _many(words: str) -> str:
    return words.replace("list", "lists", 1) if words.startswith("list") else f"{words}s"


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is PydanticUndefined:
        return "must be given"
    if value is None or value in ("", ()) or isinstance(value, Section):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return "`[" + ", ".join(f'"{item}"' for item in value) + "]`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


if __name__ == "__main__":
    sys.stdout.write(markdown())
