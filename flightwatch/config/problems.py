"""Explains what is wrong with a configuration: where, what, and what was probably meant; never the input itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from flightwatch.config.settings import quoted
from flightwatch.config.walk import CHANNEL_MODELS, LISTS, Loc, fields, model_at, near
from flightwatch.errors import ConfigError


def explain(error: ValidationError, raw: dict[str, Any], where: Mapping[Loc, str], file: str) -> ConfigError:
    """All problems of one configuration at once."""
    found = []
    problems = [(written(problem["loc"]), problem) for problem in error.errors(include_url=False)]
    for loc, problem in sorted(problems, key=lambda p: _line_number(_place(p[0], where, file))):
        found.append(f"{_place(loc, where, file)}{key_path(loc, raw)}: {_what(problem, loc, raw)}")
    if len(found) == 1:
        return ConfigError(found[0])
    return ConfigError(f"{len(found)} problems in the configuration:\n" + "\n".join(f"  {line}" for line in found))


def written(loc: tuple[Any, ...]) -> Loc:
    """A location as in the file: without the tag that pydantic adds for the channel's kind."""
    tagged = len(loc) > 2 and loc[0] == "channel" and loc[2] in CHANNEL_MODELS
    return (*loc[:2], *loc[3:]) if tagged else loc


def key_path(loc: Loc, raw: Any) -> str:
    """A location as people write it, with list items under their names.

    >>> key_path(("channel", 0, "webhok"), {"channel": [{"kind": "slack"}]})
    'channel.slack.webhok'
    """
    parts: list[str] = []
    for depth, part in enumerate(loc):
        if isinstance(part, int):
            item = raw[str(loc[0])][part] if depth == 1 and loc[0] in LISTS else None
            name = (item.get("name") or item.get("kind")) if isinstance(item, dict) else None
            parts.append(quoted(name) if isinstance(name, str) and name else f"#{part + 1}")
        else:
            parts.append(str(part))
    return ".".join(parts) or "configuration"


def _place(loc: Loc, where: Mapping[Loc, str], file: str) -> str:
    for end in range(len(loc), 0, -1):
        if loc[:end] in where:
            return f"{where[loc[:end]]}: "
    return f"{file}: " if file else ""


def _line_number(place: str) -> int:
    number = place.removesuffix(": ").rpartition(":")[2]
    return int(number) if number.isdigit() else 0


def _what(problem: Any, loc: Loc, raw: dict[str, Any]) -> str:
    kind, message = problem["type"], str(problem["msg"]).removeprefix("Value error, ")
    if kind == "extra_forbidden":
        model = model_at(raw, loc[:-1])
        return "unknown key" + (near(str(loc[-1]), list(fields(model))) if model else "")
    if kind == "secret_in_file":
        return f"{message}; {_advice(loc, raw)}"
    if kind == "union_tag_invalid":
        given = problem["input"].get("kind") if isinstance(problem["input"], dict) else None
        return "unknown kind" + near(str(given), list(CHANNEL_MODELS))
    if kind == "union_tag_not_found":
        return "kind is missing" + f"; one of {', '.join(sorted(CHANNEL_MODELS))}"
    if kind == "literal_error":
        known = problem["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        guess = near(str(problem["input"]), known).removeprefix("; ") if loc[-1] == "kind" else ""
        return f"should be one of {', '.join(known)}" + (f"; {guess}" if guess.startswith("did") else "")
    return message


def _advice(loc: Loc, raw: dict[str, Any]) -> str:
    return f'use {loc[-1]}_file = "/path/to/file" or the variable {variable(loc, raw)}'


def variable(loc: Loc, raw: dict[str, Any]) -> str:
    """The environment variable for a key.

    >>> variable(("channel", 0, "webhook"), {"channel": [{"kind": "slack", "name": "news desk"}]})
    'FLIGHTWATCH__CHANNEL__NEWS_DESK__WEBHOOK'
    """
    parts = []
    for depth, part in enumerate(loc):
        if isinstance(part, int):
            item = raw[str(loc[depth - 1])][part]
            parts.append(slug(str(item.get("name") or item.get("kind"))))
        else:
            parts.append(str(part))
    return "__".join(["FLIGHTWATCH", *parts]).upper()


def slug(name: str) -> str:
    """A name in the form used in a variable: letters and digits, everything else an underscore."""
    return "".join(c if c.isalnum() else "_" for c in name).lower()
