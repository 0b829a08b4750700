"""Did we look: the share of each day in which a source answered, or an archive was read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

ANSWERED = ("ok", "empty")
"""Outcomes after which we know what the source hears. `empty` is an answer: no aircraft of that type is aloft; a feed
that says so although aircraft are aloft is caught by the traffic it does not hear."""

Floats = npt.NDArray[np.float64]
Days = npt.NDArray[np.int64]

HOUR_MS = 3_600_000


def looked(heard: pd.DataFrame, polls: pd.DataFrame, days: Days, read: Iterable[date] = ()) -> Floats:
    """Share 0-1 of each day (days since 1970) that was watched.

    A live day is watched hour by hour, by the source that answered the largest share of its planned polls; an hour
    without any poll was not watched, unless something was heard in it. A day without planned polls is a day of an
    archive, which holds whole days: watched when anything was heard in it, or when it is among `read`. So a quiet night
    is watched, an hour in which the daemon was down is not, nor are the hours of today that are still to come.
    """
    hours = np.zeros((len(days), 24))
    planned = polls[polls["planned"].to_numpy(dtype=bool)] if len(polls) else polls
    shares = _answered(planned)
    _put(hours, days, shares.index.to_numpy(dtype=np.int64), shares.to_numpy(dtype=np.float64))
    heard_hours = np.unique(hours_of(heard["hour"])) if len(heard) else np.empty(0, dtype=np.int64)
    live = np.isin(days, np.unique(shares.index.to_numpy(dtype=np.int64) // 24))
    _put(hours, days, heard_hours, np.ones(len(heard_hours)))
    known = {(np.datetime64(day, "D")).astype(int) for day in read}
    archived = ~live & (np.isin(days, np.unique(heard_hours // 24)) | np.isin(days, sorted(known)))
    return np.where(archived, 1.0, hours.mean(axis=1))


def hours_of(instants: pd.Series) -> npt.NDArray[np.int64]:
    """Full hours since 1970."""
    milliseconds: npt.NDArray[np.int64] = instants.dt.as_unit("ms").astype("int64").to_numpy()
    return milliseconds // HOUR_MS


def _answered(planned: pd.DataFrame) -> pd.Series:
    """Hour -> share of planned polls answered, of the best source."""
    if planned.empty:
        return pd.Series(dtype=np.float64)
    table = pd.DataFrame(
        {
            "hour": hours_of(pd.to_datetime(planned["started"], utc=True)),
            "source": planned["source"].to_numpy(dtype=object),
            "ok": planned["outcome"].isin(ANSWERED).to_numpy(dtype=np.float64),
        }
    )
    return table.groupby(["hour", "source"])["ok"].mean().groupby("hour").max()


def _put(hours: Floats, days: Days, when: npt.NDArray[np.int64], value: Floats) -> None:
    """Raise the shares of these hours (since 1970) in the days × 24 table. Days ascend without gaps."""
    row = when // 24 - (days[0] if len(days) else 0)
    inside = (row >= 0) & (row < len(days))
    np.maximum.at(hours, (row[inside], when[inside] % 24), value[inside])
