"""Packed fixes of legs that are still open where an archive ends, until its next day is read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import Connection, and_, func, select

from flightwatch.records import OBSERVATION, concat
from flightwatch.store import bulk, packed, schema
from flightwatch.store.base import Base, ms
from flightwatch.units import icao24_text, millis, parse_icao24

MS_BITS = 39  # 17 years; with the 24 bits of an address before them still positive

Order = npt.NDArray[np.intp] | slice


class KeptRows(Base):
    """kept."""

    def keep_tail(self, observations: pd.DataFrame) -> None:
        """Keep an archive's fixes of legs that may go on. They replace those of the same airframes from earlier
        pieces; fixes from live polls stay. `poll` names the piece of each fix."""
        if observations.empty:
            return
        rows = in_order(observations)
        address, first = np.unique(rows["address"].to_numpy(), return_index=True)
        icao24s = [icao24_text(a) for a in address.tolist()]
        start = millis(rows["time"])[first]
        with self.transaction() as connection:
            self._forget_loose(connection, icao24s, start.tolist())
            held = self.kept(icao24s)
            if len(held):
                later = millis(held["time"]) >= start[np.searchsorted(address, held["address"].to_numpy())]
                rows = in_order(concat([held[later], rows], OBSERVATION))
            made = list(packed.pack(rows))
            bulk.write(
                connection,
                schema.kept,
                {
                    "icao24": [icao24_text(p.address) for p in made],
                    "first": [p.first for p in made],
                    "last": [p.last for p in made],
                    "fixes": [p.fixes for p in made],
                    "content": [p.content for p in made],
                },
            )

    def kept(
        self, icao24s: Iterable[str] | None = None, since: datetime | None = None, until: datetime | None = None
    ) -> pd.DataFrame:
        """The packed fixes of these airframes (None: of all) with time in [since, until), by airframe and time."""
        t = schema.kept
        query = select(t.c.icao24, t.c.content).order_by(t.c.icao24)
        if icao24s is not None:
            query = query.where(self.among(t.c.icao24, icao24s))
        if since is not None:
            query = query.where(t.c.last >= ms(since))
        if until is not None:
            query = query.where(t.c.first < ms(until))
        rows = packed.unpack((parse_icao24(i) or 0, c) for i, c in self.rows(query))
        if rows.empty:
            return rows
        time = millis(rows["time"])
        inside = np.ones(len(rows), dtype=bool)
        if since is not None:
            inside &= time >= ms(since)
        if until is not None:
            inside &= time < ms(until)
        return rows if inside.all() else rows[inside].reset_index(drop=True)

    def _forget_loose(self, connection: Connection, icao24s: list[str], starts: list[int]) -> None:
        """Delete archive fixes that earlier releases kept as rows, if older than these legs."""
        o, p = schema.observation, schema.poll
        history = select(p.c.id).where(~p.c.planned)
        loose = (
            select(o.c.icao24, func.min(o.c.time).label("first"))
            .where(self.among(o.c.icao24, icao24s), o.c.poll.in_(history))
            .group_by(o.c.icao24)
        )
        since = dict(zip(icao24s, starts, strict=True))
        for icao24, first in connection.execute(loose).all():
            if first < since[icao24]:
                older = and_(o.c.icao24 == icao24, o.c.time < since[icao24], o.c.poll.in_(history))
                connection.execute(o.delete().where(older))


def in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """Sort by airframe and time; of duplicate fixes keep the first."""
    return arranged(rows, order_of(rows["address"].to_numpy(), millis(rows["time"])))


def arranged(rows: pd.DataFrame, order: Order) -> pd.DataFrame:
    """The rows in the order of `order_of`."""
    return rows if isinstance(order, slice) else rows.iloc[order].reset_index(drop=True)


def order_of(address: npt.NDArray[Any], time: npt.NDArray[Any]) -> Order:
    """The row indexes sorted by airframe and time, only the first of duplicate fixes; a slice if already sorted.

    >>> order_of(np.array([7, 1, 7]), np.array([10, 20, 10])).tolist()
    [1, 0]
    """
    if ((address[1:] > address[:-1]) | ((address[1:] == address[:-1]) & (time[1:] > time[:-1]))).all():
        return slice(None)
    since = time - time.min()
    if since.max() < 1 << MS_BITS:  # the usual case: sorting one combined key takes a third of the time
        order = np.argsort(address.astype(np.int64) << MS_BITS | since, kind="stable")
    else:
        order = np.lexsort((time, address))
    address, time = address[order], time[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (address[1:] != address[:-1]) | (time[1:] != time[:-1])
    return order[new]
