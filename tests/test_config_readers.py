"""A setting that nothing reads is a broken promise: every key has a reader outside the configuration."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import flightwatch
from flightwatch.config.base import Section
from flightwatch.config.settings import Settings
from flightwatch.config.walk import CHANNEL_MODELS, ITEM_MODELS, section_of

PACKAGE = Path(flightwatch.__file__).parent

SHARED = {
    ("AlertsSettings", "min_severity"): ("jobs/deliver.py", "ctx.settings.alerts.min_severity"),
    ("AlertsSettings", "zone"): ("jobs/deliver.py", "ctx.settings.alerts.zone"),
    ("QuietHours", "zone"): ("notify/quiet.py", "settings.zone"),
    ("channel", "min_severity"): ("jobs/deliver.py", "c.min_severity"),
    ("channel", "zone"): ("jobs/deliver.py", "c.zone"),
    ("channel", "enabled"): ("jobs/setup.py", "c.enabled"),
    ("channel", "name"): ("notify/email.py", "settings.name"),
    ("channel", "kind"): ("notify/__init__.py", "settings.kind"),
    ("EmailSettings", "host"): ("notify/email.py", "settings.host"),
    ("EmailSettings", "port"): ("notify/email.py", "settings.port"),
    ("WebhookSettings", "url"): ("notify/webhook.py", "'url'"),
    ("WebhookSettings", "allow_private"): ("notify/webhook.py", "'allow_private'"),
    ("DetectionSettings", "false_alerts_per_route_year"): ("jobs/learn.py", "s.false_alerts_per_route_year"),
    ("DiscoverSettings", "false_alerts_per_route_year"): (
        "jobs/learn.py",
        "ctx.settings.discover.false_alerts_per_route_year",
    ),
    ("DatabaseSettings", "url"): ("jobs/status.py", "settings.database.url"),
    ("SourceSettings", "url"): ("sources/v2.py", "settings.url"),
    ("SourceSettings", "host"): ("sources/sbs.py", "settings.host"),
    ("SourceSettings", "port"): ("sources/sbs.py", "settings.port"),
    ("SourceSettings", "name"): ("sources/v2.py", "settings.name"),
    ("SourceSettings", "kind"): ("sources/__init__.py", "settings.kind"),
    ("SourceSettings", "enabled"): ("jobs/setup.py", "s.enabled"),
    ("SourceSettings", "types"): ("sources/v2.py", "settings.types"),
    ("SourceSettings", "military"): ("sources/v2.py", "settings.military"),
    ("SourceSettings", "icao24"): ("sources/v2.py", "settings.icao24"),
    ("SourceSettings", "allow_private"): ("sources/v2.py", "settings.allow_private"),
    ("HttpSettings", "allow_private"): ("sources/v2.py", "http.allow_private"),
    ("AircraftSettings", "types"): ("routes/resolve.py", "aircraft.types"),
    ("AircraftSettings", "military"): ("routes/resolve.py", "aircraft.military"),
    ("AircraftSettings", "icao24"): ("routes/resolve.py", "aircraft.icao24"),
    ("PlaceSettings", "name"): ("places.py", "place.name"),
    ("RouteSettings", "name"): ("routes/resolve.py", "route.name"),
    ("RouteSettings", "enabled"): ("routes/resolve.py", "route.enabled"),
}
"""Where a key is read if several tables share its name, so that the reader of one is not taken for another's."""


def models() -> Iterator[type[Section]]:
    seen: set[type[Section]] = set()
    waiting: list[type[Section]] = [Settings, *ITEM_MODELS.values(), *CHANNEL_MODELS.values()]
    while waiting:
        model = waiting.pop()
        if model in seen:
            continue
        seen.add(model)
        yield model
        waiting += [inner for field in model.model_fields.values() if (inner := section_of(field))]


def keys() -> dict[str, set[str]]:
    """Each key with its tables; what all channels share counts as one table."""
    found: dict[str, set[str]] = defaultdict(set)
    channels = list(CHANNEL_MODELS.values())
    common = set.intersection(*(set(m.model_fields) for m in channels))
    for model in models():
        for name in model.model_fields:
            found[name].add("channel" if model in channels and name in common else model.__name__)
    return found


@cache
def read() -> dict[str, set[str]]:
    """Attributes and texts in the source of each module outside the configuration."""
    found: dict[str, set[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        if "config" in path.relative_to(PACKAGE).parts:
            continue
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        names = {ast.unparse(n) for n in nodes if isinstance(n, ast.Attribute)}
        found[str(path.relative_to(PACKAGE))] = names | {repr(n.value) for n in nodes if isinstance(n, ast.Constant)}
    return found


def has_reader(key: str) -> bool:
    """Whether something reads the attribute, or names it for `secret` or `getattr`."""
    return any(
        text == repr(key) or (text.rpartition(".")[2] == key and "." in text)
        for texts in read().values()
        for text in texts
    )


@pytest.mark.parametrize("key", sorted(keys()))
def test_every_setting_is_read_by_the_program(key: str) -> None:
    if key == "watchlist":
        return  # the configuration itself acts on it: test_config.py
    wanted = key.removesuffix("_file")  # `secret` reads both, under the name without the ending
    assert has_reader(wanted), f"{key} of {', '.join(sorted(keys()[key]))} has no effect"


def test_a_key_that_several_tables_share_is_read_from_each_of_them() -> None:
    shared = {(table, key) for key, tables in keys().items() if len(tables) > 1 for table in tables}
    shared = {(table, key) for table, key in shared if not key.endswith("_file")}

    assert shared == set(SHARED), "say in SHARED where each of them is read"
    for (table, key), (module, text) in SHARED.items():
        assert any(t == text or t.endswith(f".{text}") for t in read()[module]), (
            f"{table}.{key}: {text} is not in {module}"
        )


def test_a_setting_without_a_reader_would_be_found() -> None:
    assert not has_reader("hours_nobody_reads")
    assert has_reader("hung_after_s")
