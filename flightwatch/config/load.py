"""From file, variables and command line to Settings; each value remembers where it came from."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from flightwatch.config import environment
from flightwatch.config.base import Section, Trusted, read_secret
from flightwatch.config.lines import locate
from flightwatch.config.problems import explain
from flightwatch.config.settings import Settings, quoted
from flightwatch.config.walk import LISTS, Loc, fields, near
from flightwatch.errors import ConfigError

FILE_NAME = "flightwatch.toml"
SYSTEM = Path("/etc/flightwatch")
SHIPPED = "shipped watch list"
Where = dict[Loc, str]


def load(
    path: Path | None = None, environ: Mapping[str, str] | None = None, overrides: Mapping[str, Any] | None = None
) -> Settings:
    """The settings of this run.

    `path` is the file that `--config` names; without it the file is searched for (`find`). `overrides` are values from
    the command line under dotted keys, such as `{"database.url": "sqlite:///x.db"}`. Raises ConfigError listing every
    problem.
    """
    environ = os.environ if environ is None else environ
    file = find(path, environ)
    raw, where = _read(file, environ) if file else ({}, {})
    base = file.resolve().parent if file else Path.cwd()
    _anchor_database(raw, base, data_folder(file, environ) or base)
    environment.apply(raw, where, environ)
    _override(raw, where, overrides or {})
    if raw.get("watchlist", True) in (True, "true"):
        _add_watchlist(raw, where)
    try:
        settings = Settings.model_validate(raw, context={"base": base})
    except ValidationError as error:
        raise explain(error, raw, where, str(file) if file else "") from None
    return _finished(settings, file, where)


def find(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The configuration file: the one named, $FLIGHTWATCH_CONFIG, ./, the XDG folder, /etc/flightwatch; or none."""
    for named, by in ((path, "--config"), (environ.get("FLIGHTWATCH_CONFIG"), "FLIGHTWATCH_CONFIG")):
        if named:
            if not Path(named).is_file():
                raise ConfigError(f"there is no configuration file {named} ({by})")
            return Path(named)
    for folder in (Path(), user_folder(environ), SYSTEM):
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    return None


def user_folder(environ: Mapping[str, str]) -> Path:
    """$XDG_CONFIG_HOME/flightwatch, by default ~/.config/flightwatch."""
    return _xdg(environ, "XDG_CONFIG_HOME", ".config")


def data_folder(file: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The folder for a database that the file does not name: $STATE_DIRECTORY (systemd), the XDG data folder for a
    user's file, /var/lib/flightwatch for the system's; None means beside the file."""
    if environ.get("STATE_DIRECTORY"):
        return Path(environ["STATE_DIRECTORY"].split(":")[0])
    if file is not None and file.parent == user_folder(environ):
        return _xdg(environ, "XDG_DATA_HOME", ".local/share")
    return Path("/var/lib/flightwatch") if file is not None and file.parent == SYSTEM else None


def _xdg(environ: Mapping[str, str], variable: str, otherwise: str) -> Path:
    home = Path(environ.get("HOME") or Path.home())
    return Path(environ.get(variable) or home / otherwise) / "flightwatch"


def _read(file: Path, environ: Mapping[str, str]) -> tuple[dict[str, Any], Where]:
    try:
        text = file.read_text(encoding="utf-8")
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: not valid TOML: {error}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{file}: not UTF-8 text") from None
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror or 'I/O error'})") from None
    where: Where = {loc: f"{file}:{line}" for loc, line in locate(text).items()}
    _refuse_wrong_tables(raw, where, file)
    _expand(raw, environ)
    return raw, where


def _refuse_wrong_tables(raw: dict[str, Any], where: Where, file: Path) -> None:
    """Refuses what pydantic would accept or explain badly: `[[sources]]`, which is the field's name in Python, and
    `[source]`."""
    for key, value in raw.items():
        place = where.get((key,)) or where.get((key, 0)) or str(file)
        if key in Settings.model_fields and key not in fields(Settings):
            raise ConfigError(f"{place}: {key}: unknown key{near(key, list(fields(Settings)))}")
        if key in LISTS and not (isinstance(value, list) and all(isinstance(item, dict) for item in value)):
            raise ConfigError(f"{place}: {key}: should be a list of tables; write [[{key}]], not [{key}]")


def _expand(value: Any, environ: Mapping[str, str]) -> None:
    """Expands `$CREDENTIALS_DIRECTORY/…` (systemd) and `~` at the start of `*_file` values."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(inner, dict | list):
            _expand(inner, environ)
        elif isinstance(key, str) and key.endswith("_file") and isinstance(inner, str):
            head, slash, rest = inner.partition("/")
            if head.startswith("$") and head.strip("${}") in environ:
                value[key] = f"{environ[head.strip('${}')]}{slash}{rest}"
            elif head == "~":
                value[key] = f"{environ.get('HOME') or Path.home()}{slash}{rest}"


def _anchor_database(raw: dict[str, Any], base: Path, home: Path) -> None:
    """A relative SQLite path is relative to the configuration, not to the folder a command is called in."""
    table = raw.setdefault("database", {})
    if not isinstance(table, dict) or "url_file" in table:
        return
    url = table.get("url")
    if url is None:
        if home != Path.cwd():
            table["url"] = f"sqlite:///{home / 'flightwatch.db'}"
    elif isinstance(url, str) and url.startswith("sqlite:///") and url != "sqlite:///:memory:":
        rest = url.removeprefix("sqlite:///")
        if rest and not rest.startswith(("/", "file:")):
            table["url"] = f"sqlite:///{base / rest}"


def _override(raw: dict[str, Any], where: Where, overrides: Mapping[str, Any], loc: Loc = ()) -> None:
    """Applies values from the command line, as nested tables or under dotted keys."""
    for dotted, value in overrides.items():
        here: Loc = (*loc, *dotted.split("."))
        if isinstance(value, Mapping):
            _override(raw, where, value, here)
            continue
        target: Any = raw
        for part in here[:-1]:
            target = target.setdefault(part, {})
        target[here[-1]] = Trusted(value) if isinstance(value, str) else value
        target.pop(f"{here[-1]}_file", None)  # `--db` wins over a url_file
        where[here] = "command line"


def watchlist() -> dict[str, Any]:
    """The shipped places and routes, as raw tables."""
    return tomllib.loads(resources.files("flightwatch").joinpath("data/watchlist.toml").read_text(encoding="utf-8"))


def _add_watchlist(raw: dict[str, Any], where: Where) -> None:
    """Shipped items come first, without those for which the user's file has the same name."""
    shipped = watchlist()
    for table in ("place", "route"):
        own = raw.get(table, [])
        taken = {item.get("name") for item in own}
        added = [item for item in shipped[table] if item["name"] not in taken]
        shifted = {loc: text for loc, text in where.items() if loc[0] == table and len(loc) > 1}
        for loc in shifted:
            del where[loc]
        for loc, text in shifted.items():
            where[table, int(loc[1]) + len(added), *loc[2:]] = text
        where.update({(table, i): SHIPPED for i in range(len(added))})
        raw[table] = [*added, *own]


def _finished(settings: Settings, file: Path | None, where: Where) -> Settings:
    database = settings.database
    if database.url_file is not None:
        url = read_secret(database.url_file, "database.url_file").strip()
        settings = settings.model_copy(update={"database": database.model_copy(update={"url": url})})
    settings._path = file
    settings._origins = origins(settings, where)
    return settings


def origins(settings: Settings, where: Where) -> dict[str, str]:
    """Key path -> where its value came from. The keys of an inline table have the table's origin."""
    found: dict[str, str] = {}
    for name, field in Settings.model_fields.items():
        key, value = field.alias or name, getattr(settings, name)
        if isinstance(value, tuple):
            for index, item in enumerate(value):
                _collect(item, f"{key}.{quoted(item.name)}", (key, index), where, found)
        elif isinstance(value, Section):
            _collect(value, key, (key,), where, found)
        else:
            found[key] = where.get((key,), "default")
    return found


def _collect(section: Section, path: str, loc: Loc, where: Where, found: dict[str, str]) -> None:
    for name, field in type(section).model_fields.items():
        key, value = field.alias or name, getattr(section, name)
        here: Loc = (*loc, key)
        if isinstance(value, Section):
            if here in where:
                where = {(*here, k): where[here] for k in fields(type(value)) if (*here, k) not in where} | where
            _collect(value, f"{path}.{key}", here, where, found)
        elif name in section.model_fields_set and (here in where or where.get(loc) == SHIPPED):
            found[f"{path}.{key}"] = where.get(here, SHIPPED)
        else:
            found[f"{path}.{key}"] = where.get(here, "default")
