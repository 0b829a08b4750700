"""Which airframes have new fixes: the next building of flights reads this, and then deletes it.

It is one value per poll, not one row per airframe, because it is read once, minutes later, as a whole. A poll of
15,000 airframes spends 2 ms on it; rows took 20.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import Connection, select

from flightwatch.store import bulk, schema
from flightwatch.store.base import Base, loose
from flightwatch.units import INSTANT, icao24_texts

SPAN = np.dtype([("address", "<u4"), ("first", "<i8"), ("last", "<i8")])
"""An airframe and its first and last new fix (ms since 1970); `content` is an array of these."""

Spans = npt.NDArray[Any]


class TouchRows(Base):
    """touch."""

    def _touch(self, connection: Connection, poll: int, spans: Spans) -> None:
        """Add a poll's airframes to those it noted before."""
        t = schema.touch
        held = connection.execute(select(t.c.content).where(t.c.poll == poll)).scalar()
        if held is not None:
            spans = joined([np.frombuffer(held, SPAN), spans])
        bulk.put(connection, t, poll=poll, content=spans.tobytes())

    def touched(self, since: int = -1) -> pd.DataFrame:
        """Airframes with fixes from polls after this poll id: icao24, first and last of these fixes."""
        t = schema.touch
        held = self.rows(select(t.c.content).where(t.c.poll > since))
        spans = joined([np.frombuffer(content, SPAN) for (content,) in held])
        texts = icao24_texts(spans["address"])
        return loose(
            {"icao24": texts.tolist(), "first": spans["first"].tolist(), "last": spans["last"].tolist()},
            first=INSTANT,
            last=INSTANT,
        )

    def forget_touched(self, until: int) -> None:
        """Delete what polls up to this one noted: flights were built from it."""
        with self.transaction() as connection:
            connection.execute(schema.touch.delete().where(schema.touch.c.poll <= until))


def spans_of(addresses: npt.NDArray[Any], times: npt.NDArray[Any]) -> Spans:
    """The spans of fixes sorted by airframe and time.

    >>> spans_of(np.array([1, 1, 7]), np.array([10, 30, 20])).tolist()
    [(1, 10, 30), (7, 20, 20)]
    """
    starts = np.flatnonzero(np.concatenate([[True], addresses[1:] != addresses[:-1]]))
    spans = np.empty(len(starts), SPAN)
    spans["address"], spans["first"] = addresses[starts], times[starts]
    spans["last"] = times[np.append(starts[1:], len(times)) - 1]
    return spans


def places(addresses: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """For each fix (sorted by airframe), the index of its span in `spans_of`.

    >>> places(np.array([1, 1, 7])).tolist()
    [0, 0, 1]
    """
    out = np.zeros(len(addresses), dtype=np.intp)
    np.cumsum(addresses[1:] != addresses[:-1], out=out[1:])
    return out


def joined(parts: Sequence[Spans]) -> Spans:
    """Several lists merged to one span per airframe, by address.

    >>> joined([np.array([(7, 5, 6), (9, 1, 1)], SPAN), np.array([(7, 2, 3)], SPAN)]).tolist()
    [(7, 2, 6), (9, 1, 1)]
    """
    every = np.concatenate(parts) if parts else np.empty(0, SPAN)
    if not len(every):
        return every
    every = every[np.argsort(every["address"], kind="stable")]
    starts = np.flatnonzero(np.concatenate([[True], every["address"][1:] != every["address"][:-1]]))
    out = np.empty(len(starts), SPAN)
    out["address"] = every["address"][starts]
    out["first"] = np.minimum.reduceat(every["first"], starts)
    out["last"] = np.maximum.reduceat(every["last"], starts)
    return out
