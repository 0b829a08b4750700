"""Which model and field belong to a location of the raw configuration: for hints, variables and the reference."""

from __future__ import annotations

import difflib
from typing import Any, get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from flightwatch.config.base import Section
from flightwatch.config.channels import ChannelSettings
from flightwatch.config.feeds import SourceSettings
from flightwatch.config.settings import Settings
from flightwatch.config.watch import PlaceSettings, RouteSettings

Loc = tuple[str | int, ...]

CHANNEL_MODELS: dict[str, type[Section]] = {
    get_args(model.model_fields["kind"].annotation)[0]: model for model in get_args(ChannelSettings)
}
ITEM_MODELS: dict[str, type[Section]] = {"source": SourceSettings, "place": PlaceSettings, "route": RouteSettings}
LISTS = (*ITEM_MODELS, "channel")


def item_model(table: str, item: Any) -> type[Section] | None:
    """The model of one item of a list of tables; of a channel by its kind."""
    if table == "channel":
        return CHANNEL_MODELS.get(str(item.get("kind"))) if isinstance(item, dict) else None
    return ITEM_MODELS.get(table)


def model_at(raw: Any, loc: Loc) -> type[Section] | None:
    """The model whose keys are under `loc` of the raw configuration; None if there is none."""
    model: type[Section] | None = Settings
    for depth, part in enumerate(loc):
        raw = _step(raw, part)
        if isinstance(part, int):
            model = item_model(str(loc[depth - 1]), raw) if depth else None
        elif depth == 0 and part in LISTS:
            continue
        else:
            field = fields(model).get(part) if model else None
            model = section_of(field) if field else None
        if model is None:
            return None
    return model


def _step(raw: Any, part: str | int) -> Any:
    try:
        return raw[part]
    except (KeyError, IndexError, TypeError):
        return None


def fields(model: type[Section]) -> dict[str, FieldInfo]:
    """Key as written in the file -> field."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def section_of(field: FieldInfo) -> type[Section] | None:
    """The model of a field that is a table itself."""
    for kind in (field.annotation, *get_args(field.annotation)):
        if isinstance(kind, type) and issubclass(kind, Section):
            return kind
    return None


def is_secret(field: FieldInfo) -> bool:
    """Whether the field holds a secret."""
    return SecretStr in kinds(field.annotation)


def kinds(annotation: Any) -> set[Any]:
    """Every type that an annotation contains."""
    found = {annotation}
    for inner in get_args(annotation):
        found |= kinds(inner)
    return found


def near(word: str, known: list[str]) -> str:
    """A hint with the nearest known word; or the list of all, if none is near and there are few.

    >>> near("intervall_s", ["interval_s", "types"])
    '; did you mean interval_s?'
    """
    by_fold = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), list(by_fold), n=1, cutoff=0.55)
    if close:
        return f"; did you mean {by_fold[close[0]]}?"
    return f"; known: {', '.join(sorted(known))}" if len(known) <= 16 else ""  # fits on one line of a terminal
