"""Channels: each turns a `Message` into its provider's form, sends it once, and reports the result."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Protocol

from flightwatch.errors import ConfigError
from flightwatch.notify.clean import clean
from flightwatch.telling import Message


class Channel(Protocol):
    """`send` returns the provider's answer or raises DeliveryError; it never retries by itself.

    `doubtful` marks the message as a possible repeat. `spacing_s` is the least time between two sends.
    """

    name: str
    spacing_s: float

    def send(self, message: Message, *, doubtful: bool = False) -> str: ...


CHANNELS = {
    "email": "flightwatch.notify.email:Email",
    "slack": "flightwatch.notify.slack:Slack",
    "slack-bot": "flightwatch.notify.slackbot:SlackBot",
    "webhook": "flightwatch.notify.webhook:Webhook",
    "apprise": "flightwatch.notify.anywhere:Anywhere",
}
"""Kind to class, as text so that starting the program does not load what it will not use."""

WITH_PICTURES = frozenset({"email", "slack-bot", "webhook"})
"""Kinds that show a message's map or pass it on; messages of the others are stored without it."""


def build(settings: Any) -> Channel:
    """The channel of one `[[channel]]` section."""
    where = CHANNELS.get(settings.kind)
    if where is None:
        raise ConfigError(f"channel kind {settings.kind!r} is not one of {', '.join(CHANNELS)}")
    module, _, name = where.partition(":")
    channel: Channel = getattr(import_module(module), name)(settings)
    return channel


__all__ = ["CHANNELS", "WITH_PICTURES", "Channel", "build", "clean"]
