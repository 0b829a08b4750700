"""Settings from environment variables: FLIGHTWATCH__SECTION__KEY, FLIGHTWATCH__CHANNEL__<name or kind>__KEY."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import SecretStr

from flightwatch.config.base import Trusted
from flightwatch.config.feeds import SourceKind
from flightwatch.config.problems import slug
from flightwatch.config.walk import CHANNEL_MODELS, LISTS, Loc, fields, is_secret, kinds, model_at, near
from flightwatch.errors import ConfigError

PREFIX = "FLIGHTWATCH__"


def apply(raw: dict[str, Any], where: dict[Loc, str], environ: Mapping[str, str]) -> None:
    """Puts every variable with our prefix into the raw configuration. A variable that names no key is refused."""
    problems = []
    for name in sorted(environ):
        if name.startswith(PREFIX) and environ[name] != "":  # compose files pass unset variables as empty ones
            try:
                _put(raw, where, name, environ[name])
            except ConfigError as error:
                problems.append(f"{name}: {error}")
    if problems:
        raise ConfigError("\n".join(problems))


def _put(raw: dict[str, Any], where: dict[Loc, str], name: str, text: str) -> None:
    parts: list[str] = name.removeprefix(PREFIX).lower().split("__")
    loc: Loc = _item(raw, where, parts, name) if parts[0] in LISTS else ()
    keys = parts[len(loc) :]
    for key in keys[:-1]:
        loc = (*loc, _key(raw, loc, key))
    target: Any = raw
    for part in loc:
        target = target[part] if isinstance(part, int) else target.setdefault(part, {})
    if not keys:
        raise ConfigError("a key is missing after the name")
    last = _key(raw, loc, keys[-1])
    target[last] = _value(raw, loc, last, text)
    where[*loc, last] = f"variable {name}"


def _item(raw: dict[str, Any], where: dict[Loc, str], parts: list[str], name: str) -> Loc:
    """The list item that a variable means: by name, by kind if only one item has it, or else a new item of that
    kind."""
    table = parts[0]
    items = raw.setdefault(table, [])
    wanted = parts[1] if len(parts) > 1 else ""
    if not isinstance(items, list):
        raise ConfigError(f"[[{table}]] is not a list of tables")
    for key in ("name", "kind"):
        hits = [i for i, item in enumerate(items) if isinstance(item, dict) and slug(str(item.get(key, ""))) == wanted]
        if len(hits) == 1:
            return (table, hits[0])
        if hits:
            raise ConfigError(f"{len(hits)} items of [[{table}]] are called {wanted}: use their names")
    kinds = {slug(kind): kind for kind in _kinds(table)}
    if wanted in kinds:
        items.append({"kind": kinds[wanted]})
        where[table, len(items) - 1] = f"variable {name}"
        return (table, len(items) - 1)
    known = [slug(str(item.get("name") or item.get("kind"))) for item in items if isinstance(item, dict)]
    raise ConfigError(f"no [[{table}]] is called {wanted}{near(wanted, [*known, *kinds])}")


def _kinds(table: str) -> list[str]:
    return {"channel": list(CHANNEL_MODELS), "source": list(get_args(SourceKind))}.get(table, [])


def _key(raw: dict[str, Any], loc: Loc, key: str) -> str:
    model = model_at(raw, loc)
    known = list(fields(model)) if model else []
    if key not in known:
        raise ConfigError(f"unknown key {key}{near(key, known)}")
    return key


def _value(raw: dict[str, Any], loc: Loc, key: str, text: str) -> Any:
    """The text as the field's type: secrets wrapped, paths relative to the working directory, lists split at commas."""
    model = model_at(raw, loc)
    field = fields(model)[key] if model else None
    if field is None or is_secret(field):
        return SecretStr(text)
    if field.annotation is str:
        return Trusted(text)
    if Path in kinds(field.annotation):
        return Path.cwd() / text
    if "tuple" in str(field.annotation) and not text.lstrip().startswith("["):
        return [part.strip() for part in text.split(",") if part.strip()]
    try:
        return tomllib.loads(f"v = {text}")["v"]
    except tomllib.TOMLDecodeError:
        return text
