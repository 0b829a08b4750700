"""The outbox: one row per message and channel, from pending over sending to sent or dead."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, func, select

from flightwatch.errors import UsageError
from flightwatch.store import bulk, schema
from flightwatch.store.base import Base, Names, dumped, ms, names, when
from flightwatch.telling import Delivery
from flightwatch.units import instant


class OutboxRows(Base):
    """delivery."""

    def add_deliveries(self, deliveries: Iterable[Delivery]) -> list[Delivery]:
        """Put messages into the outbox; returns those that were not there yet, with their ids.

        One `opened` per alert and channel, one of each other kind per change of the alert. Notices are distinguished by
        their message's `uid`.
        """
        t = schema.delivery
        added = []
        with self.transaction() as connection:
            for d in deliveries:
                sequence = _sequence(connection, d)
                uid = bulk.clean(str(d.message.get("uid", "")))
                same = and_(t.c.channel == d.channel, t.c.kind == d.kind)
                if d.alert is None:
                    same = and_(same, t.c.alert.is_(None), t.c.uid == uid, t.c.uid != "")
                else:
                    same = and_(same, t.c.alert == d.alert, t.c.sequence == sequence)
                if connection.execute(select(t.c.id).where(same)).first() is not None:
                    continue
                done = connection.execute(
                    t.insert().values(
                        alert=d.alert,
                        channel=d.channel,
                        kind=d.kind,
                        sequence=sequence,
                        uid=uid,
                        message=dumped(d.message),
                        state=d.state,
                        attempts=d.attempts,
                        next_try=ms(d.next_try),
                        created=ms(d.created),
                        sent=d.sent and ms(d.sent),
                        answer=bulk.clean(d.answer),
                        doubtful=d.doubtful,
                    )
                )
                key = done.inserted_primary_key
                assert key is not None
                added.append(_delivery(connection.execute(select(t).where(t.c.id == key[0])).one()))
        return added

    def deliveries(
        self, *, id: int | None = None, alert: int | None = None, state: Names = None, channel: str | None = None
    ) -> list[Delivery]:
        """The outbox, oldest first."""
        t = schema.delivery
        query = select(t).order_by(t.c.id)
        if id is not None:
            query = query.where(t.c.id == id)
        if alert is not None:
            query = query.where(t.c.alert == alert)
        if state is not None:
            query = query.where(self.among(t.c.state, names(state) or []))
        if channel is not None:
            query = query.where(t.c.channel == channel)
        return [_delivery(row) for row in self.rows(query)]

    def due_deliveries(self, now: datetime, channel: str | None = None) -> list[Delivery]:
        """Pending deliveries that are due, oldest first."""
        t = schema.delivery
        query = select(t).where(and_(t.c.state == "pending", t.c.next_try <= ms(now))).order_by(t.c.id)
        if channel is not None:
            query = query.where(t.c.channel == channel)
        return [_delivery(row) for row in self.rows(query)]

    def claim_delivery(self, id: int, now: datetime) -> Delivery | None:
        """Take a pending delivery to send it; None if somebody else has taken it or it is not due."""
        t = schema.delivery
        with self.transaction() as connection:
            free = and_(t.c.id == id, t.c.state == "pending", t.c.next_try <= ms(now))
            taken = t.update().where(free).values(state="sending", attempts=t.c.attempts + 1)
            if not connection.execute(taken).rowcount:
                return None
            return _delivery(connection.execute(select(t).where(t.c.id == id)).one())

    def finish_delivery(
        self,
        id: int,
        state: str,
        *,
        answer: str = "",
        next_try: datetime | None = None,
        sent: datetime | None = None,
        doubtful: bool | None = None,
    ) -> None:
        """Store the result of sending: `sent`, `dead`, or `pending` again with the time of the next try.

        A sent message keeps its text but not its map, because maps would make up most of the file. Pages and evidence
        draw them from the flights.
        """
        values: dict[str, Any] = {"state": state, "answer": bulk.clean(answer)}
        if next_try is not None:
            values["next_try"] = ms(next_try)
        if sent is not None:
            values["sent"] = ms(sent)
        if doubtful is not None:
            values["doubtful"] = doubtful
        t = schema.delivery
        with self.transaction() as connection:
            if state == "sent":
                message = json.loads(connection.execute(select(t.c.message).where(t.c.id == id)).scalar_one())
                if message.get("picture"):
                    values["message"] = dumped(message | {"picture": None})
            connection.execute(t.update().where(t.c.id == id).values(**values))

    def recover_deliveries(self, channel: str | None = None) -> list[Delivery]:
        """After a crash, what was being sent is in doubt: makes it pending again. Called when a leader starts."""
        t = schema.delivery
        stuck = t.c.state == "sending" if channel is None else and_(t.c.state == "sending", t.c.channel == channel)
        with self.transaction() as connection:
            ids = [r.id for r in connection.execute(select(t.c.id).where(stuck).order_by(t.c.id))]
            if ids:
                again = t.update().where(self.among(t.c.id, ids)).values(state="pending", doubtful=True)
                connection.execute(again)
            return [_delivery(r) for r in connection.execute(select(t).where(self.among(t.c.id, ids)).order_by(t.c.id))]

    def retry_delivery(self, id: int, now: datetime) -> Delivery:
        """Try again now, because a person asked for it; UsageError if it was sent or does not exist."""
        t = schema.delivery
        with self.transaction() as connection:
            again = and_(t.c.id == id, t.c.state.in_(("pending", "dead")))
            if not connection.execute(t.update().where(again).values(state="pending", next_try=ms(now))).rowcount:
                raise UsageError(f"delivery {id} cannot be tried again: see `flightwatch deliveries list`")
            return _delivery(connection.execute(select(t).where(t.c.id == id)).one())

    def delivery_counts(self) -> dict[tuple[str, str], int]:
        """The number of deliveries by channel and state."""
        t = schema.delivery
        query = select(t.c.channel, t.c.state, func.count()).group_by(t.c.channel, t.c.state)
        return {(channel, state): int(n) for channel, state, n in self.rows(query)}


def _sequence(connection: Connection, delivery: Delivery) -> int:
    """The number of a message among those of its kind: each change of an alert is told once, so it is its revision."""
    if delivery.alert is None or delivery.kind == "opened":
        return 0
    t = schema.alert
    return int(connection.execute(select(t.c.revision).where(t.c.id == delivery.alert)).scalar() or 0)


def _delivery(row: Any) -> Delivery:
    return Delivery(
        id=row.id,
        alert=row.alert,
        channel=row.channel,
        kind=row.kind,
        message=json.loads(row.message),
        state=row.state,
        attempts=row.attempts,
        next_try=instant(row.next_try),
        created=instant(row.created),
        sent=when(row.sent),
        answer=row.answer,
        doubtful=row.doubtful,
    )
