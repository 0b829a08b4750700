"""What people receive: alerts and their states, silences, notices, and the messages that carry them.

Single things with a natural key, as in `records`. Instants are aware UTC, days UTC dates.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any


@dataclass(frozen=True)
class Alert:
    """One episode of one or more routes that rest on the same flights.

    `status` is open, acknowledged, dismissed or closed; `severity` info, watch or high. `evidence` is the
    JSON-serialisable record of what was counted against what (see `alerts.evidence`).
    """

    id: int
    route: str
    routes: tuple[str, ...]
    opened: datetime
    first_day: date
    last_day: date
    status: str
    severity: str
    headline: str
    evidence: dict[str, Any]
    updated: datetime
    by: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Episode:
    """An alert with the ids of the flights it rests on: the alert row and its alert_flight rows."""

    alert: Alert
    flights: tuple[str, ...] = ()


@dataclass(frozen=True)
class Telling:
    """That an alert is to be announced, why (`kind` as in Delivery), and what is new in it, one sentence each."""

    alert: int
    kind: str
    news: tuple[str, ...] = ()


@dataclass(frozen=True)
class Changes:
    """What one run of `alerts.update` did to the alerts. All three tuples are whole rows to insert or replace.

    Ids are already assigned (the leader is the only writer of alerts, so the next one is known), because the message
    stored in the same transaction names it. `tell` is what people will receive; a silenced or muted alert changes
    without a message.
    """

    opened: tuple[Episode, ...] = ()
    updated: tuple[Episode, ...] = ()
    closed: tuple[Episode, ...] = ()
    tell: tuple[Telling, ...] = ()


@dataclass(frozen=True)
class Silence:
    """Alerts of routes whose name matches `route` (a glob, any case) are kept but not sent before `expires`."""

    id: int
    route: str
    reason: str
    by: str
    created: datetime
    expires: datetime


@dataclass(frozen=True)
class Notice:
    """A problem with our own data or channels: a source down, a new receiver, spoofing, a broken channel.

    `cause` is its natural key (a running cause is announced once). `routes` are the routes whose counts cannot be
    trusted on the days `first_day` to `last_day`; empty for notices about channels.
    """

    cause: str
    text: str
    started: datetime
    routes: tuple[str, ...] = ()
    first_day: date | None = None
    last_day: date | None = None
    ended: datetime | None = None


@dataclass(frozen=True)
class Delivery:
    """One message for one channel: the outbox row. `kind` is opened, updated, closed, notice or test.

    `message` is the rendered `Message` as JSON, so that a retry sends the same text. `state` is pending, sending, sent
    or dead; `doubtful` marks a send whose answer nobody saw.
    """

    id: int
    alert: int | None
    channel: str
    kind: str
    message: dict[str, Any]
    state: str
    attempts: int
    next_try: datetime
    created: datetime
    sent: datetime | None = None
    answer: str = ""
    doubtful: bool = False


PLAIN_TEXTS = ("uid", "thread", "title", "summary", "severity", "footer", "link")
"""The fields of a message that hold a single text."""


@dataclass(frozen=True)
class Message:
    """What people read, rendered once, before any channel: the plain text is complete without the rest.

    `uid` is stable per episode and kind, so a repeat is recognisable; `thread` is stable per episode. `facts` are
    (label, value) pairs; `flights` are rows of plain strings; `picture` is a PNG; `link` is a page about it, or empty.
    """

    uid: str
    thread: str
    title: str
    summary: str
    severity: str
    facts: tuple[tuple[str, str], ...] = ()
    flights: tuple[dict[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    footer: str = ""
    picture: bytes | None = None
    link: str = ""

    def record(self) -> dict[str, Any]:
        """JSON-serialisable, as stored in the outbox.

        >>> m = Message("u", "t", "T", "s", "high", facts=(("a", "b"),), picture=b"png")
        >>> Message.of(m.record()) == m
        True
        """
        out: dict[str, Any] = {k: getattr(self, k) for k in PLAIN_TEXTS}
        out |= {"facts": [list(pair) for pair in self.facts], "flights": [dict(f) for f in self.flights]}
        out |= {"notes": list(self.notes), "picture": base64.b64encode(self.picture).decode() if self.picture else None}
        return out

    @classmethod
    def of(cls, record: dict[str, Any]) -> Message:
        """The message stored in the outbox."""
        picture = record.get("picture")
        return cls(
            **{k: str(record.get(k, "")) for k in PLAIN_TEXTS},
            facts=tuple((str(label), str(value)) for label, value in record.get("facts", ())),
            flights=tuple({str(k): str(v) for k, v in row.items()} for row in record.get("flights", ())),
            notes=tuple(str(note) for note in record.get("notes", ())),
            picture=base64.b64decode(picture) if picture else None,
        )
