"""Episodes, what happened to them, who is told, and what is silenced.

An alert, its flights and one delivery per channel are written in one transaction. A process killed at any moment has
either stored nothing and will do it again, or has stored that somebody is to be told.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection, and_, func, or_, select

from flightwatch.errors import UsageError
from flightwatch.store import bulk, schema
from flightwatch.store.base import Names, dumped, loose, ms, names, when
from flightwatch.store.outbox import OutboxRows
from flightwatch.telling import Alert, Changes, Delivery, Episode, Notice, Silence
from flightwatch.units import INSTANT


class AlertRows(OutboxRows):
    """alert, alert_flight, alert_event, silence and notice."""

    def next_alert_id(self) -> int:
        """The id of the next alert. Only the leader makes alerts, so nobody else takes it."""
        return int(self.rows(select(func.coalesce(func.max(schema.alert.c.id), 0)))[0][0]) + 1

    def save_alerts(self, changes: Changes, deliveries: Iterable[Delivery] = (), *, now: datetime) -> list[Delivery]:
        """Store what `alerts.update` did and what is to be sent, in one transaction; returns the deliveries as stored.

        The raw bodies that the alerts' flights came from are pinned, so that housekeeping never removes the evidence.
        """
        with self.transaction() as connection:
            for episode in (*changes.opened, *changes.updated, *changes.closed):
                self._save_episode(connection, episode, now)
            return self.add_deliveries(deliveries)

    def alerts(self, status: Names = None, id: int | None = None, *, route: str | None = None) -> list[Alert]:
        """Alerts, newest first; only of these statuses, only those that name this route."""
        t = schema.alert
        query = select(t).order_by(t.c.id.desc())
        if status is not None:
            query = query.where(self.among(t.c.status, names(status) or []))
        if id is not None:
            query = query.where(t.c.id == id)
        found = [_alert(row) for row in self.rows(query)]
        return [a for a in found if route is None or route in a.routes]

    def alert(self, id: int) -> Alert:
        """One alert; UsageError if there is none with that number."""
        found = self.alerts(id=id)
        if not found:
            held = [f"{a.id} ({a.route})" for a in self.alerts()[:5]]
            there = f"the newest are {', '.join(held)}" if held else "none has been raised yet"
            raise UsageError(f"there is no alert {id}: {there}; see `flightwatch alerts list`")
        return found[0]

    def episodes(self, status: Names = None) -> list[Episode]:
        """Alerts with the ids of their flights, oldest first."""
        t = schema.alert_flight
        with self.reading():
            found = self.alerts(status)
            rows = self.rows(select(t.c.alert, t.c.flight_id).order_by(t.c.alert, t.c.added, t.c.flight_id))
        flights: dict[int, list[str]] = {}
        for row in rows:
            flights.setdefault(row.alert, []).append(row.flight_id)
        return [Episode(a, tuple(flights.get(a.id, ()))) for a in reversed(found)]

    def alert_flights(self, alert: int) -> list[str]:
        """Ids of the flights an alert rests on, in the order they were added."""
        t = schema.alert_flight
        query = select(t.c.flight_id).where(t.c.alert == alert).order_by(t.c.added, t.c.flight_id)
        return [row.flight_id for row in self.rows(query)]

    def alert_events(self, alert: int) -> pd.DataFrame:
        """The history of an alert, oldest first: at, status, severity, by, reason, headline."""
        t = schema.alert_event
        got = self.columns(
            select(t.c.at, t.c.status, t.c.severity, t.c.by, t.c.reason, t.c.headline)
            .where(t.c.alert == alert)
            .order_by(t.c.id)
        )
        return loose(got, at=INSTANT)

    def set_alert(self, id: int, status: str, *, by: str, reason: str = "", now: datetime) -> Alert:
        """A person's decision on an alert: acknowledged, dismissed, closed or reopened; returns the changed alert."""
        t = schema.alert
        with self.transaction() as connection:
            old = self.alert(id)
            connection.execute(
                t.update().where(t.c.id == id).values(status=status, by=by, reason=bulk.clean(reason), updated=ms(now))
            )
            new = self.alert(id)
            if (old.status, old.by, old.reason) != (new.status, new.by, new.reason):
                _note(connection, new, now)
        return new

    def add_silence(self, silence: Silence) -> Silence:
        """Silence routes for a while; returns the silence with its number."""
        t = schema.silence
        with self.transaction() as connection:
            number = 1 + int(connection.execute(select(func.coalesce(func.max(t.c.id), 0))).scalar_one())
            connection.execute(
                t.insert().values(
                    id=number,
                    route=bulk.clean(silence.route),
                    reason=bulk.clean(silence.reason),
                    by=bulk.clean(silence.by),
                    created=ms(silence.created),
                    expires=ms(silence.expires),
                )
            )
        return Silence(number, silence.route, silence.reason, silence.by, silence.created, silence.expires)

    def silences(self, now: datetime | None = None) -> list[Silence]:
        """Silences in force at that time; without a time, all ever made."""
        t = schema.silence
        query = select(t).order_by(t.c.id)
        if now is not None:
            query = query.where(and_(t.c.created <= ms(now), t.c.expires > ms(now)))
        return [Silence(r.id, r.route, r.reason, r.by, _at(r.created), _at(r.expires)) for r in self.rows(query)]

    def expire_silence(self, id: int, now: datetime) -> None:
        """End a silence now; UsageError if there is none with that number or it is over."""
        t = schema.silence
        with self.transaction() as connection:
            held = t.update().where(and_(t.c.id == id, t.c.expires > ms(now))).values(expires=ms(now))
            if not connection.execute(held).rowcount:
                raise UsageError(f"there is no running silence {id}: see `flightwatch silence list`")

    def save_notices(self, notices: Iterable[Notice]) -> list[Notice]:
        """Store notices as they are now; returns the new ones (a running cause is one notice, told once)."""
        t = schema.notice
        new = []
        with self.transaction() as connection:
            for n in notices:
                running = and_(t.c.cause == n.cause, or_(t.c.ended.is_(None), t.c.started == ms(n.started)))
                held = connection.execute(select(t.c.started).where(running).order_by(t.c.started.desc())).first()
                if held is None:
                    new.append(n)
                bulk.put(
                    connection,
                    t,
                    cause=bulk.clean(n.cause),
                    started=ms(n.started) if held is None else held.started,
                    text=bulk.clean(n.text),
                    routes=dumped(list(n.routes)),
                    first_day=n.first_day and n.first_day.isoformat(),
                    last_day=n.last_day and n.last_day.isoformat(),
                    ended=n.ended and ms(n.ended),
                )
        return new

    def notices(self, *, running: bool | None = None, since: datetime | None = None) -> list[Notice]:
        """Notices, oldest first: running ones, or those that ran after `since`."""
        t = schema.notice
        query = select(t).order_by(t.c.started, t.c.cause)
        if running is not None:
            query = query.where(t.c.ended.is_(None) if running else t.c.ended.is_not(None))
        if since is not None:
            query = query.where(or_(t.c.ended.is_(None), t.c.ended >= ms(since)))
        return [
            Notice(
                cause=r.cause,
                text=r.text,
                started=_at(r.started),
                routes=tuple(json.loads(r.routes)),
                first_day=r.first_day and date.fromisoformat(r.first_day),
                last_day=r.last_day and date.fromisoformat(r.last_day),
                ended=when(r.ended),
            )
            for r in self.rows(query)
        ]

    def _save_episode(self, connection: Connection, episode: Episode, now: datetime) -> None:
        t, a = schema.alert, episode.alert
        held = connection.execute(select(t).where(t.c.id == a.id)).first()
        values = {
            "route": bulk.clean(a.route),
            "routes": dumped(list(a.routes)),
            "opened": ms(a.opened),
            "first_day": a.first_day.isoformat(),
            "last_day": a.last_day.isoformat(),
            "status": a.status,
            "severity": a.severity,
            "headline": bulk.clean(a.headline),
            "evidence": dumped(a.evidence),
            "updated": ms(a.updated),
            "by": bulk.clean(a.by),
            "reason": bulk.clean(a.reason),
        }
        if held is None:
            connection.execute(t.insert().values(id=a.id, episode=values["first_day"], revision=0, **values))
        else:
            connection.execute(t.update().where(t.c.id == a.id).values(revision=held.revision + 1, **values))
        if held is None or (held.status, held.severity, held.headline) != (a.status, a.severity, values["headline"]):
            _note(connection, a, now)
        self._set_flights(connection, a.id, episode.flights, now)

    def _set_flights(self, connection: Connection, alert: int, flights: Sequence[str], now: datetime) -> None:
        t = schema.alert_flight
        there = {r.flight_id for r in connection.execute(select(t.c.flight_id).where(t.c.alert == alert))}
        gone, new = there - set(flights), [f for f in dict.fromkeys(flights) if f not in there]
        if gone:
            connection.execute(t.delete().where(and_(t.c.alert == alert, self.among(t.c.flight_id, sorted(gone)))))
        columns: bulk.Columns = {"alert": [alert] * len(new), "flight_id": new, "added": [ms(now)] * len(new)}
        bulk.write(connection, t, columns, update={})
        self._pin_bodies(connection, new)

    def _pin_bodies(self, connection: Connection, flights: Sequence[str]) -> None:
        """Keep the bodies that the flights were read from for ever."""
        f, p, b = schema.flight, schema.poll, schema.body
        rows = connection.execute(select(f.c.provenance).where(self.among(f.c.flight_id, flights)))
        polls = sorted({int(n) for row in rows for n in json.loads(row.provenance) if str(n).lstrip("-").isdigit()})
        if polls:
            hashes = select(p.c.sha256).where(self.among(p.c.id, polls))
            connection.execute(b.update().where(b.c.sha256.in_(hashes)).values(pinned=True))


def _note(connection: Connection, alert: Alert, now: datetime) -> None:
    connection.execute(
        schema.alert_event.insert().values(
            alert=alert.id,
            at=ms(now),
            status=alert.status,
            severity=alert.severity,
            by=bulk.clean(alert.by),
            reason=bulk.clean(alert.reason),
            headline=bulk.clean(alert.headline),
        )
    )


def _alert(row: Any) -> Alert:
    return Alert(
        id=row.id,
        route=row.route,
        routes=tuple(json.loads(row.routes)),
        opened=_at(row.opened),
        first_day=date.fromisoformat(row.first_day),
        last_day=date.fromisoformat(row.last_day),
        status=row.status,
        severity=row.severity,
        headline=row.headline,
        evidence=json.loads(row.evidence),
        updated=_at(row.updated),
        by=row.by,
        reason=row.reason,
    )


def _at(value: int) -> datetime:
    found = when(value)
    assert found is not None
    return found
