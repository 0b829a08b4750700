"""From changes to outbox rows: one delivery per telling and channel that takes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from flightwatch.alerts.rules import rank
from flightwatch.alerts.silences import matches
from flightwatch.telling import Changes, Delivery, Episode, Message, Telling


@dataclass(frozen=True)
class Audience:
    """One channel as seen here: its lowest severity, its routes (globs; none = all), whose local time it shows beside
    UTC, and whether it can show a map."""

    channel: str
    severity: str = "info"
    routes: tuple[str, ...] = ()
    zone: str = "UTC"
    pictures: bool = True

    def wants(self, episode: Episode) -> bool:
        if rank(episode.alert.severity) < rank(self.severity):
            return False
        return not self.routes or any(matches(g, name) for g in self.routes for name in episode.alert.routes)


def announce(
    changes: Changes,
    audiences: Iterable[Audience],
    *,
    now: datetime,
    render: Callable[[Episode, Telling, str, bool], Message],
) -> list[Delivery]:
    """The deliveries to store in the same transaction as the changes; each message is rendered once a time zone, with
    and without its map.

    `render` makes the message for an episode, a telling, a zone, with or without a map (`message` with the flights, the
    picture and the names already given). Ids are 0 until the store assigns them.
    """
    episodes = {e.alert.id: e for e in (*changes.opened, *changes.updated, *changes.closed)}
    channels = list(audiences)
    out = []
    for telling in changes.tell:
        episode = episodes[telling.alert]
        wanting = [audience for audience in channels if audience.wants(episode)]
        ways = dict.fromkeys((a.zone, a.pictures) for a in wanting)
        records = {way: render(episode, telling, *way).record() for way in ways}
        out += [
            Delivery(
                id=0,
                alert=telling.alert,
                channel=audience.channel,
                kind=telling.kind,
                message=records[audience.zone, audience.pictures],
                state="pending",
                attempts=0,
                next_try=now,
                created=now,
            )
            for audience in wanting
        ]
    return out
