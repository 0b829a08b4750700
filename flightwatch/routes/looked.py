"""Did we look: the share of each day in which a source answered, or an archive was read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

ANSWERED = ("ok", "empty")
"""Outcomes after which we know what the source hears. `empty` is an answer: no aircraft of that type is aloft. If a
feed says so although aircraft are aloft, the traffic it does not hear gives it away."""

Floats = npt.NDArray[np.float64]
Days = npt.NDArray[np.int64]

HOUR_MS = 3_600_000


def looked(heard: pd.DataFrame, polls: pd.DataFrame, days: Days, read: Iterable[date] = ()) -> Floats:
    """Share 0-1 of each day (days since 1970) that was watched.

    A live day is watched hour by hour, by the source that answered the largest share of its planned polls. For an
    archive, the hours that its pieces cover are watched (`started` to `finished` of polls that were not planned). An
    hour in which something was heard was watched. If all that is known of a day is that something was heard, it is a
    day of an archive whose pieces are forgotten; it counts as complete, as do the days in `read`. So a quiet night is
    watched; an hour in which the daemon was down is not, nor are the hours of today that are still to come.
    """
    hours = np.zeros((len(days), 24))
    answers, pieces = _answered(polls), _covered(polls)
    heard_hours = np.unique(hours_of(heard["hour"])) if len(heard) else np.empty(0, dtype=np.int64)
    _put(hours, days, answers.index.to_numpy(dtype=np.int64), answers.to_numpy(dtype=np.float64))
    for watched in (pieces, heard_hours):
        _put(hours, days, watched, np.ones(len(watched)))
    told = np.isin(days, np.unique(np.concatenate([answers.index.to_numpy(dtype=np.int64), pieces]) // 24))
    known = [int(np.datetime64(day, "D").astype(int)) for day in read]
    whole = (~told & np.isin(days, np.unique(heard_hours // 24))) | np.isin(days, known)
    return np.where(whole, 1.0, hours.mean(axis=1))


def hours_of(instants: pd.Series) -> npt.NDArray[np.int64]:
    """Full hours since 1970."""
    milliseconds: npt.NDArray[np.int64] = instants.dt.as_unit("ms").astype("int64").to_numpy()
    return milliseconds // HOUR_MS


def _answered(polls: pd.DataFrame) -> pd.Series:
    """Hour -> share of planned polls answered, for the best source."""
    planned = polls[polls["planned"].astype(bool).to_numpy()] if len(polls) else polls
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


def _covered(polls: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Hours covered by pieces of archives, from their first moment to their last."""
    if polls.empty or "finished" not in polls:
        return np.empty(0, dtype=np.int64)
    pieces = polls[~polls["planned"].astype(bool).to_numpy() & polls["outcome"].isin(ANSWERED).to_numpy()]
    if pieces.empty:
        return np.empty(0, dtype=np.int64)
    first = hours_of(pd.to_datetime(pieces["started"], utc=True))
    last = hours_of(pd.to_datetime(pieces["finished"], utc=True) - pd.Timedelta(milliseconds=1))
    spans = np.unique(np.column_stack([first, np.maximum(last, first)]), axis=0)
    return np.unique(np.concatenate([np.arange(a, b + 1) for a, b in spans]))


def _put(hours: Floats, days: Days, when: npt.NDArray[np.int64], value: Floats) -> None:
    """Raise the shares of these hours (since 1970) in the days × 24 table. Days ascend without gaps."""
    row = when // 24 - (days[0] if len(days) else 0)
    inside = (row >= 0) & (row < len(days))
    np.maximum.at(hours, (row[inside], when[inside] % 24), value[inside])
