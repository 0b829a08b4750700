"""Who the airframes are: every source's claims with their times, and the values in use, which come from them.

Sources contradict each other and themselves over the years (an airframe is sold, re-registered, mistyped). Each
distinct claim is kept with when it was first and last made. Shown is the newest value of each field, and its source.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import select

from flightwatch.records import AIRCRAFT, conform
from flightwatch.store import bulk, repeated, schema
from flightwatch.store.base import Base, frame, ms
from flightwatch.store.repeated import Said
from flightwatch.units import instants

FIELDS = ("registration", "typecode", "operator")

RENEW_MS = 6 * 3_600_000
"""A claim repeated every minute is written again only after this time: "last made" to a quarter of a day is enough, and
a poll of 2,000 airframes then writes none of them."""

MOST_NOTED = 500_000
"""How many claims are remembered as stored (150 MB); a day of the world has 60,000 airframes, a few sources each."""

Claim = tuple[str, str, str, str, str, int]  # icao24, source, registration, typecode, operator, flags


class AircraftRows(Base):
    """aircraft and claim."""

    def save_aircraft(self, aircraft: pd.DataFrame, *, at: datetime) -> int:
        """Store what sources say about airframes at that time; returns how many airframes it changed."""
        moment = ms(at)
        said = repeated.said(aircraft)
        if said is None:
            return self._save_claims(self._claims_of(aircraft), moment)
        before = self._said.get(said.source)
        new = ~said.again(before, moment, RENEW_MS) if before else np.ones(len(aircraft), dtype=bool)
        if not new.any():
            return 0
        claims = self._claims_of(aircraft[new])
        with self.transaction():
            changed = self._save_claims(claims, moment)
            self.after_commit(lambda: self._remember(said, new, claims))
        return changed

    def _claims_of(self, aircraft: pd.DataFrame) -> list[Any]:
        rows = conform(aircraft, AIRCRAFT)
        columns = [bulk.plain(rows[name], self.dialect) for name in ("icao24", "source", *FIELDS, "flags")]
        return list(zip(*columns, strict=True))

    def _save_claims(self, claims: Sequence[Any], moment: int) -> int:
        told = list(dict.fromkeys(self._not_noted(claims, moment)))
        if not told:
            return 0
        with self.transaction() as connection:
            known = self._claims({row[0] for row in told})
            fresh: dict[Any, tuple[int, int]] = {}
            for claim in told:
                first, last = known.get(claim, (moment, moment))
                held = (min(first, moment), max(last, moment))
                if claim not in known or held[0] < first or held[1] >= last + RENEW_MS:
                    fresh[claim] = held
            self.after_commit(lambda: self._note({claim: fresh.get(claim, known.get(claim)) for claim in told}))
            if not fresh:
                return 0
            bulk.write(connection, schema.claim, _columns(fresh))
            changed = {claim[0] for claim in fresh}
            held_now = [(*c, *t) for c, t in {**known, **fresh}.items() if c[0] in changed]
            merged = [_merge(claims) for claims in _by_airframe(held_now)]
            bulk.write(connection, schema.aircraft, {name: [m[name] for m in merged] for name in merged[0]})
            return len(changed)

    def _not_noted(self, claims: Sequence[Any], moment: int) -> Iterator[Any]:
        """The claims that change something if made at that time: most are the same in every poll."""
        for claim, held in zip(claims, map(self._claimed.get, claims), strict=True):
            if held is None or not held[0] <= moment < held[1] + RENEW_MS:
                yield claim

    def _note(self, claims: Mapping[Any, tuple[int, int] | None]) -> None:
        if len(self._claimed) > MOST_NOTED:
            self._claimed.clear()
        self._claimed.update((claim, held) for claim, held in claims.items() if held is not None)

    def _remember(self, said: Said, new: npt.NDArray[np.bool_], claims: Sequence[Any]) -> None:
        """Remember what the source said, to compare with its next call; `claims` are those that were looked up."""
        held = np.array([self._claimed.get(claim, (0, 0)) for claim in claims], dtype=np.int64)
        said.first[new], said.last[new] = held.T
        self._said[said.source] = said

    def aircraft(self, icao24s: Iterable[str] | None = None) -> pd.DataFrame:
        """The values in use, by icao24: AIRCRAFT with `firstseen`, `lastseen` and `provenance` (field to source)."""
        t = schema.aircraft
        query = select(t).order_by(t.c.icao24)
        if icao24s is not None:
            query = query.where(self.among(t.c.icao24, icao24s))
        got = self.columns(query)
        return frame(got, AIRCRAFT).assign(
            firstseen=instants(got["firstseen"]),
            lastseen=instants(got["lastseen"]),
            provenance=pd.Series([json.loads(p) for p in got["provenance"]], dtype=object),
        )

    def claims(self, icao24s: Iterable[str] | None = None) -> pd.DataFrame:
        """Every source's claims, oldest first: AIRCRAFT with `firstseen` and `lastseen` (when it was claimed)."""
        t = schema.claim
        query = select(t).order_by(t.c.icao24, t.c.firstseen, t.c.source, t.c.registration, t.c.typecode)
        if icao24s is not None:
            query = query.where(self.among(t.c.icao24, icao24s))
        got = self.columns(query)
        return frame(got, AIRCRAFT).assign(firstseen=instants(got["firstseen"]), lastseen=instants(got["lastseen"]))

    def _claims(self, icao24s: Iterable[str]) -> dict[Any, tuple[int, int]]:
        t = schema.claim
        found = self.rows(select(t).where(self.among(t.c.icao24, sorted(icao24s))))
        return {tuple(row[:6]): (row[6], row[7]) for row in found}


def _columns(claims: dict[Any, tuple[int, int]]) -> dict[str, Sequence[Any]]:
    names = [c.name for c in schema.claim.columns]
    rows = [(*claim, *held) for claim, held in claims.items()]
    return dict(zip(names, zip(*rows, strict=True), strict=True))


def _by_airframe(claims: list[tuple[Any, ...]]) -> Iterable[list[tuple[Any, ...]]]:
    groups: dict[str, list[tuple[Any, ...]]] = {}
    for claim in claims:
        groups.setdefault(claim[0], []).append(claim)
    return groups.values()


def _merge(claims: list[tuple[Any, ...]]) -> dict[str, Any]:
    """The newest value of each field that any source filled in. Flags are the union over every source's newest claim:
    one source is enough to leave out a private airframe or to call one military.

    >>> old, new = ("140a1f", "db", "RA-1", "IL76", "", 1, 0, 10), ("140a1f", "live", "RA-2", "", "", 0, 5, 20)
    >>> m = _merge([new, old])
    >>> m["registration"], m["typecode"], m["flags"], m["provenance"]
    ('RA-2', 'IL76', 1, '{"registration": "live", "typecode": "db", "flags": "db"}')
    """
    ordered = sorted(claims, key=lambda c: (c[7], c[1]))
    merged: dict[str, Any] = {"icao24": ordered[0][0]}
    said: dict[str, str] = {}
    for position, name in enumerate(FIELDS, start=2):
        filled = [c for c in ordered if c[position]]
        merged[name] = filled[-1][position] if filled else ""
        if filled:
            said[name] = filled[-1][1]
    newest = {c[1]: c[5] for c in ordered}
    merged["flags"] = 0
    for value in newest.values():
        merged["flags"] |= value
    if merged["flags"]:
        said["flags"] = " ".join(source for source, value in newest.items() if value)
    merged["source"] = ordered[-1][1]
    merged["firstseen"] = min(c[6] for c in claims)
    merged["lastseen"] = max(c[7] for c in claims)
    merged["provenance"] = json.dumps(said)
    return merged
