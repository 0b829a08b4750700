"""Who gets messages, how, and when not."""

from __future__ import annotations

from datetime import time
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, model_validator

from flightwatch.config.base import AnchoredPath, Names, PlainUrl, Secret, Section

Severity = Literal["info", "watch", "high"]


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("not a time zone of the IANA database, such as UTC or Europe/Kyiv") from None
    return name


Zone = Annotated[str, AfterValidator(_zone)]


class QuietHours(Section):
    """Messages are held from one time of day to another and sent together afterwards; none is dropped."""

    begin: time = Field(alias="from", description="local time at which the quiet hours begin, such as 22:00")
    end: time = Field(alias="to", description="local time at which they end; may be past midnight")
    zone: Zone = Field(default="UTC", description="time zone of these times")
    unless: Severity | None = Field(default="high", description="messages of at least this severity are sent anyway")


class _Channel(Section):
    name: str = Field(default="", description="name used in deliveries and messages; default: the kind")
    enabled: bool = Field(default=True, description="false: kept in the file, not used")
    min_severity: Severity = Field(default="info", description="messages below it are not sent here")
    quiet_hours: QuietHours | None = Field(default=None, description="see `[channel.quiet_hours]`")
    delivery: Literal["at-least-once", "at-most-once"] = Field(
        default="at-least-once", description="what happens to a message whose answer nobody saw: repeat it, or drop it"
    )
    zone: Zone | None = Field(
        default=None, description="local time this channel's messages show beside UTC; default: that of `[alerts]`"
    )

    @model_validator(mode="before")
    @classmethod
    def _named_by_kind(cls, data: object) -> object:
        if isinstance(data, dict) and not data.get("name") and isinstance(data.get("kind"), str):
            return {**data, "name": data["kind"]}
        return data

    def _needs(self, *keys: str) -> None:
        for key in keys:
            if not getattr(self, key) and not getattr(self, f"{key}_file", None):
                raise ValueError(f"{_a(self.kind)} channel needs {key}")

    kind: Any


def _a(kind: str) -> str:
    return f"an {kind}" if kind[0] in "ae" else f"a {kind}"


class EmailSettings(_Channel):
    """Mail over SMTP: text, HTML and the map inline."""

    kind: Literal["email"]
    host: str = Field(default="localhost", description="SMTP server")
    port: int | None = Field(
        default=None, ge=1, le=65535, description="default: 587 for starttls, 465 for tls, 25 for none"
    )
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="how the connection is protected"
    )
    username: str = Field(default="", description="log-in; empty: none")
    password: Secret | None = Field(default=None, description="its password")
    password_file: AnchoredPath | None = Field(default=None, description="file that holds it")
    sender: str = Field(default="", description="From address")
    recipients: Names = Field(default=(), description="To addresses")

    @model_validator(mode="after")
    def _complete(self) -> EmailSettings:
        self._needs("sender", "recipients")
        if self.username:
            self._needs("password")
        return self


class SlackSettings(_Channel):
    """A Slack incoming webhook."""

    kind: Literal["slack"]
    webhook: Secret | None = Field(default=None, description="its address")
    webhook_file: AnchoredPath | None = Field(default=None, description="file that holds it")

    @model_validator(mode="after")
    def _complete(self) -> SlackSettings:
        self._needs("webhook")
        return self


class SlackBotSettings(_Channel):
    """A Slack app with a bot token: one thread per episode, updates, the map as a file."""

    kind: Literal["slack-bot"]
    token: Secret | None = Field(default=None, description="bot token, xoxb-…")
    token_file: AnchoredPath | None = Field(default=None, description="file that holds it")
    channel: str = Field(default="", description="channel id to post to")

    @model_validator(mode="after")
    def _complete(self) -> SlackBotSettings:
        self._needs("token", "channel")
        return self


class WebhookSettings(_Channel):
    """Any other program: JSON by POST, signed with HMAC-SHA256 when a secret is given."""

    kind: Literal["webhook"]
    url: PlainUrl = Field(default="", description="where to post; put an address with credentials in url_file")
    url_file: AnchoredPath | None = Field(default=None, description="file that holds the address")
    key: Secret | None = Field(default=None, description="HMAC key")
    key_file: AnchoredPath | None = Field(default=None, description="file that holds it")
    allow_private: bool = Field(default=False, description="may be on a private network")

    @model_validator(mode="after")
    def _complete(self) -> WebhookSettings:
        self._needs("url")
        return self


class AppriseSettings(_Channel):
    """Everything Apprise knows (needs the `apprise` extra)."""

    kind: Literal["apprise"]
    urls: Secret | None = Field(default=None, description="Apprise addresses, one per line")
    urls_file: AnchoredPath | None = Field(default=None, description="file that holds them")

    @model_validator(mode="after")
    def _complete(self) -> AppriseSettings:
        self._needs("urls")
        return self


ChannelSettings = EmailSettings | SlackSettings | SlackBotSettings | WebhookSettings | AppriseSettings
AnyChannel = Annotated[ChannelSettings, Field(discriminator="kind")]
