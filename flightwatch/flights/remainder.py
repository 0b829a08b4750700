"""Which rows must be kept, so that together with later ones they give the same flights as all rows would."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from flightwatch import motion, records, units
from flightwatch.flights.ends import JOIN_MS
from flightwatch.flights.fixes import addresses

NEVER = np.iinfo(np.int64).min  # ms: before every possible time

Ints = npt.NDArray[np.int64]


def tail(observations: pd.DataFrame, flights: pd.DataFrame) -> pd.DataFrame:
    """The rows still needed: together with later ones they give the same flights as all rows would.

    Per airframe, that is everything since its last flight whose departure does not depend on what came before. A
    departure qualifies if it was seen on the ground and, since `motion` remembers for an hour, nothing within an hour
    before or after it could be judged differently; or if it follows a silence too long to be joined. Flights that began
    earlier are final. An airframe without such a flight keeps all its rows.
    """
    owner = observations["address"].to_numpy() if "address" in observations else addresses(observations["icao24"])
    codes, owners = pd.factorize(owner)
    sure, likely = _settled(flights, owners)
    time = units.millis(observations["time"])
    late = np.flatnonzero(likely > sure)
    if len(late):
        disturbed = _disturbed(observations, owner, time - np.where(likely > sure, likely, NEVER // 2)[codes])
        calm = late[~np.isin(owners[late], disturbed)]
        sure[calm] = likely[calm]
    return observations[time >= sure[codes]]


def _settled(flights: pd.DataFrame, owners: npt.NDArray[Any]) -> tuple[Ints, Ints]:
    """Since when the flights of these airframes may still change: for certain, and if nothing nearby is in doubt.

    The second time also accepts a departure from the ground soon after an arrival, once an hour of later rows is known.
    """
    number = addresses(flights["icao24"]) if len(flights) else np.zeros(0, dtype=np.uint32)
    first, last = units.millis(flights["firstseen"]), units.millis(flights["lastseen"])
    order = np.lexsort((first, number))
    number, first, last = number[order], first[order], last[order]
    seen = (flights["departure_method"] == "observed").to_numpy(dtype=bool)[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = number[1:] != number[:-1]
    airframe = np.cumsum(new) - 1
    before = _latest(last, new)
    silence = np.where(new, 0, first - np.concatenate([[0], before[:-1]])) if len(order) else first
    gone = np.zeros(int(new.sum()), dtype=np.int64)
    np.maximum.at(gone, airframe, last)
    alone = new | (silence > motion.FORGET_MS)
    sure = (~new & (silence > JOIN_MS)) | (seen & alone)
    likely = seen & (silence > 0) & (first + motion.FORGET_MS <= gone[airframe])
    out = []
    for free in (sure, likely):
        since = np.full(len(gone), NEVER)
        np.maximum.at(since, airframe[free], first[free])
        at = np.searchsorted(number[new], owners)
        known = np.isin(owners, number[new])
        out.append(np.where(known, since[np.where(known, at, 0)], NEVER) if len(since) else np.full(len(owners), NEVER))
    return out[0], out[1]


def _latest(last: Ints, new: npt.NDArray[np.bool_]) -> Ints:
    """The latest time so far within each airframe."""
    if not len(last):
        return last
    span = int(last.max() - last.min()) + 1
    stretch = np.cumsum(new) * span
    out: Ints = np.maximum.accumulate(last - last.min() + stretch) - stretch + last.min()
    return out


def _disturbed(observations: pd.DataFrame, owner: npt.NDArray[Any], since: Ints) -> npt.NDArray[Any]:
    """The airframes with a jump in the hour before or after an instant; `since` is each row's time relative to it (ms).

    It reads rows from two hours before, so that the first row of the last hour has the one it jumped from.
    """
    rows = np.flatnonzero((since >= -2 * motion.FORGET_MS) & (since <= motion.FORGET_MS))
    part = records.conform(observations.iloc[rows].assign(address=owner[rows]), records.OBSERVATION)
    part = part[np.isfinite(part["latitude"].to_numpy()) & np.isfinite(part["longitude"].to_numpy())]
    columns = {k: part[k].to_numpy() for k in ("address", "latitude", "longitude", "groundspeed", "onground")}
    columns["time"] = units.millis(part["time"])
    columns["mlat"] = (part["position_type"] == "mlat").to_numpy()
    order = np.lexsort((columns["time"], columns["address"]))
    columns = {k: v[order] for k, v in columns.items()}
    _, far = motion.scan(columns)
    return np.unique(columns["address"][far])
