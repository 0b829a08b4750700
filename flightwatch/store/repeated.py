"""What a source says of its airframes again: a feed tells the same of the same ones every minute.

Whole columns are compared with those of the call before, which of 15,000 airframes takes a fifth of the time that
looking up each claim does; only the few that differ are looked up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Numbers = npt.NDArray[np.int64]
Texts = npt.NDArray[np.object_]

TEXTS = ("icao24", "registration", "typecode", "operator")
MOST = 100_000  # airframes of one call that are remembered, 20 MB; a feed's answer has a fifth of them, a register all


@dataclass(frozen=True)
class Said:
    """The claims of one call of one source by address, with when each was first and last made as it is stored (ms;
    nought where that is not known)."""

    source: str
    address: Numbers
    texts: tuple[Texts, ...]
    flags: Numbers
    first: Numbers
    last: Numbers

    def again(self, before: Said, moment: int, renew: int) -> npt.NDArray[np.bool_]:
        """Which claims are stored as they are made at that time: the source made them before, and they need not be
        written again before `renew` ms have gone by. Of these `first` and `last` are taken over."""
        at = np.searchsorted(before.address, self.address).clip(max=len(before.address) - 1)
        same: npt.NDArray[np.bool_] = (before.address[at] == self.address) & (before.flags[at] == self.flags)
        for mine, theirs in zip(self.texts, before.texts, strict=True):
            same &= mine == theirs[at]
        first, last = before.first[at], before.last[at]
        same &= (first <= moment) & (moment < last + renew)
        self.first[same], self.last[same] = first[same], last[same]
        return same


def said(aircraft: pd.DataFrame) -> Said | None:
    """An AIRCRAFT frame as it comes from a feed: one source, each airframe once, by address; None if it is another."""
    names = ("source", *TEXTS, "flags")
    if not 0 < len(aircraft) <= MOST or not all(
        name in aircraft and aircraft[name].dtype.kind == ("i" if name == "flags" else "O") for name in names
    ):
        return None
    columns = {name: aircraft[name].to_numpy() for name in names}
    source = columns["source"][0]
    address = _addresses(columns["icao24"].tolist())
    if address is None or (columns["source"] != source).any() or (address[1:] <= address[:-1]).any():
        return None
    first, last = np.zeros((2, len(address)), dtype=np.int64)
    return Said(source, address, tuple(columns[name] for name in TEXTS), columns["flags"], first, last)


def _addresses(icao24s: list[str]) -> Numbers | None:
    try:
        raw = np.frombuffer(bytes.fromhex("".join(icao24s)), dtype=np.uint8)
    except (TypeError, ValueError):
        return None
    if len(raw) != 3 * len(icao24s):
        return None
    parts = raw.reshape(-1, 3).astype(np.int64)  # only to find a claim's place: the text is compared as well
    address: Numbers = parts[:, 0] << 16 | parts[:, 1] << 8 | parts[:, 2]
    return address
