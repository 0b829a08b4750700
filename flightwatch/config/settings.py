"""The whole configuration as one frozen record."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

from pydantic import Field, PrivateAttr, SecretStr, field_validator, model_validator

from flightwatch.config.base import Section
from flightwatch.config.channels import AnyChannel
from flightwatch.config.feeds import HttpSettings, SourceSettings
from flightwatch.config.watch import DiscoverSettings, PlaceSettings, RouteSettings
from flightwatch.config.work import (
    AlertsSettings,
    DaemonSettings,
    DatabaseSettings,
    DetectionSettings,
    RetentionSettings,
)
from flightwatch.errors import ConfigError

MASK = "********"


class Settings(Section):
    """All settings of a run. `path` is the file they were read from, None if there was none."""

    contact: str = Field(default="", description="address sent to the feeds; live polling refuses to start without it")
    watchlist: bool = Field(default=True, description="false: leave out the shipped places and routes")
    database: DatabaseSettings = Field(default=DatabaseSettings(), description="where everything is stored")
    sources: tuple[SourceSettings, ...] = Field(default=(), alias="source", description="feeds")
    places: tuple[PlaceSettings, ...] = Field(default=(), alias="place", description="named places")
    routes: tuple[RouteSettings, ...] = Field(default=(), alias="route", description="watched routes")
    discover: DiscoverSettings = Field(default=DiscoverSettings(), description="routes nobody named")
    detection: DetectionSettings = Field(default=DetectionSettings(), description="when a day counts as unusual")
    alerts: AlertsSettings = Field(default=AlertsSettings(), description="when messages are repeated")
    channels: tuple[AnyChannel, ...] = Field(default=(), alias="channel", description="who gets messages")
    http: HttpSettings = Field(default=HttpSettings(), description="limits on what is read")
    retention: RetentionSettings = Field(default=RetentionSettings(), description="how long data are kept")
    daemon: DaemonSettings = Field(default=DaemonSettings(), description="the daemon's schedule")

    _origins: dict[str, str] = PrivateAttr(default_factory=dict)
    _path: Path | None = PrivateAttr(default=None)

    @field_validator("contact")
    @classmethod
    def _reachable(cls, value: str) -> str:
        value = value.strip()
        if value and "@" not in value and not value.startswith(("https://", "http://")):
            raise ValueError("the contact is a mail address or a web address at which the feeds can reach you")
        return value

    @model_validator(mode="after")
    def _names_are_unique(self) -> Settings:
        for table in ("sources", "places", "routes", "channels"):
            counts = Counter(item.name for item in getattr(self, table))
            for name, count in counts.items():
                if count > 1:
                    raise ValueError(f"{count} {table} are called {name!r}: give each its own name")
        return self

    @property
    def origins(self) -> dict[str, str]:
        """Key path -> where its value came from: `default`, file and line, variable, command line, watch list."""
        return self._origins

    @property
    def path(self) -> Path | None:
        """The file the settings were read from."""
        return self._path

    def require_contact(self) -> str:
        """The contact, or a ConfigError that says why it is needed."""
        if not self.contact:
            raise ConfigError(
                "contact is not set: volunteer feeds ask to know who calls them. Put `contact = "
                '"you@your.org"` at the top of the configuration or set FLIGHTWATCH__CONTACT'
            )
        return self.contact

    def secret_values(self) -> list[str]:
        """Every secret in memory, for the log filter, including a database's password. Reads no files."""
        found = {value.get_secret_value() for value in _leaves(self) if isinstance(value, SecretStr)}
        password = re.search(r"://[^:@/]*:([^@]+)@", self.database.url)
        return sorted(found | ({password.group(1)} if password else set()))

    def check_secrets(self) -> list[str]:
        """One line for each secret file that cannot be read; empty if all can."""
        problems = []
        for key, section in self.sections():
            for name in type(section).model_fields:
                if name.endswith("_file") and getattr(section, name) is not None:
                    try:
                        section.secret(name.removesuffix("_file"))
                    except ConfigError as error:
                        problems.append(f"{key}.{error}" if key else str(error))
        return problems

    def sections(self) -> list[tuple[str, Section]]:
        """Every table with its key path; items of lists are listed under their names."""
        found: list[tuple[str, Section]] = [("", self)]
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            key = field.alias or name
            if isinstance(value, Section):
                found.append((key, value))
            elif isinstance(value, tuple):
                found += [(f"{key}.{quoted(item.name)}", item) for item in value]
        return found

    def to_public_dict(self) -> dict[str, Any]:
        """The settings as plain values under the keys of the file, secrets masked."""
        public: dict[str, Any] = _public(self)
        return public


def quoted(name: str) -> str:
    """A name as part of a key path: quoted as in TOML, unless it is a bare key.

    >>> quoted("slack"), quoted("Minsk to Benghazi")
    ('slack', '"Minsk to Benghazi"')
    """
    bare = name and all(c.isalnum() or c in "-_" for c in name)
    return name if bare else '"' + name.replace('"', '\\"') + '"'


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, Section):
        return [leaf for name in type(value).model_fields for leaf in _leaves(getattr(value, name))]
    if isinstance(value, tuple):
        return [leaf for item in value for leaf in _leaves(item)]
    return [value]


def _public(value: Any) -> Any:
    if isinstance(value, Section):
        fields = type(value).model_fields
        return {field.alias or name: _public(getattr(value, name)) for name, field in fields.items()}
    if isinstance(value, tuple):
        return [_public(item) for item in value]
    if isinstance(value, SecretStr):
        return MASK
    if value is None or isinstance(value, bool | int | float):
        return value
    return masked(str(value))


def masked(text: str) -> str:
    """An address without its password.

    >>> masked("postgresql+psycopg://fw:hush@db/fw")
    'postgresql+psycopg://fw:********@db/fw'
    """
    head, separator, rest = text.partition("://")
    credentials, at, host = rest.rpartition("@")
    user, colon, _ = credentials.partition(":")
    return f"{head}{separator}{user}:{MASK}{at}{host}" if separator and at and colon else text
