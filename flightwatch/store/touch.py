"""Which airframes have new fixes: what the next building of flights looks at again, and then forgets.

One value a poll instead of a row an airframe: it is read once, minutes later, as a whole (a poll of 15,000 spends 2 ms
on it, and as rows it spent 20).
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
"""An airframe and its first and last new fix (ms since 1970); `content` holds these one after the other."""

Spans = npt.NDArray[Any]


class TouchRows(Base):
    """touch."""

    def _touch(self, connection: Connection, poll: int, spans: Spans) -> None:
        """Note the airframes of a poll, beside those it noted before."""
        t = schema.touch
        held = connection.execute(select(t.c.content).where(t.c.poll == poll)).scalar()
        if held is not None:
            spans = joined([np.frombuffer(held, SPAN), spans])
        bulk.put(connection, t, poll=poll, content=spans.tobytes())

    def touched(self, since: int = -1) -> pd.DataFrame:
        """Airframes with fixes from polls after that poll id: icao24, first and last of those fixes."""
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
        """Let go of what polls up to that one noted: flights were built from it."""
        with self.transaction() as connection:
            connection.execute(schema.touch.delete().where(schema.touch.c.poll <= until))


def spans_of(addresses: npt.NDArray[Any], times: npt.NDArray[Any]) -> Spans:
    """The spans of fixes that lie by airframe and time.

    >>> spans_of(np.array([1, 1, 7]), np.array([10, 30, 20])).tolist()
    [(1, 10, 30), (7, 20, 20)]
    """
    starts = np.flatnonzero(np.concatenate([[True], addresses[1:] != addresses[:-1]]))
    spans = np.empty(len(starts), SPAN)
    spans["address"], spans["first"] = addresses[starts], times[starts]
    spans["last"] = times[np.append(starts[1:], len(times)) - 1]
    return spans


def places(addresses: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """For each of the fixes, which lie by airframe, the place of its span among `spans_of` them.

    >>> places(np.array([1, 1, 7])).tolist()
    [0, 0, 1]
    """
    out = np.zeros(len(addresses), dtype=np.intp)
    np.cumsum(addresses[1:] != addresses[:-1], out=out[1:])
    return out


def joined(parts: Sequence[Spans]) -> Spans:
    """One span for each airframe of several lists, by address.

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
