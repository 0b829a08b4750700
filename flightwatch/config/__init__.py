"""The settings of a run: a TOML file, variables and the command line, checked once and passed down as frozen values."""

from __future__ import annotations

from flightwatch.config.base import ANYWHERE, Section
from flightwatch.config.channels import (
    AppriseSettings,
    ChannelSettings,
    EmailSettings,
    QuietHours,
    SlackBotSettings,
    SlackSettings,
    WebhookSettings,
)
from flightwatch.config.feeds import HttpSettings, SourceSettings
from flightwatch.config.load import find, load, watchlist
from flightwatch.config.settings import MASK, Settings
from flightwatch.config.template import DEFAULT_TOML, initial
from flightwatch.config.watch import AircraftSettings, DiscoverSettings, PlaceSettings, RouteSettings
from flightwatch.config.work import (
    AlertsSettings,
    DaemonSettings,
    DatabaseSettings,
    DetectionSettings,
    RetentionSettings,
)

__all__ = [
    "ANYWHERE",
    "DEFAULT_TOML",
    "MASK",
    "AircraftSettings",
    "AlertsSettings",
    "AppriseSettings",
    "ChannelSettings",
    "DaemonSettings",
    "DatabaseSettings",
    "DetectionSettings",
    "DiscoverSettings",
    "EmailSettings",
    "HttpSettings",
    "PlaceSettings",
    "QuietHours",
    "RetentionSettings",
    "RouteSettings",
    "Section",
    "Settings",
    "SlackBotSettings",
    "SlackSettings",
    "SourceSettings",
    "WebhookSettings",
    "find",
    "initial",
    "load",
    "watchlist",
]
