"""What feeds said: polls with their outcomes, fixes, airframes heard by place, and raw bodies as received."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import Column, Connection, Select, and_, func, select

from flightwatch.records import HEARD, OBSERVATION, Poll, concat
from flightwatch.store import bulk, schema
from flightwatch.store.aircraft import AircraftRows
from flightwatch.store.base import dumped, frame, loose, ms
from flightwatch.store.copybody import Coded
from flightwatch.store.kept import KeptRows, arranged, in_order, order_of
from flightwatch.store.touch import TouchRows, places, spans_of
from flightwatch.units import INSTANT, icao24_texts, instant, millis, parse_icao24

HEARD_KEY = ("hour", "source", "cell")
HOUR_MS = 3_600_000

Texts = npt.NDArray[np.object_]
Numbers = npt.NDArray[np.int64]


class PollRows(AircraftRows, KeptRows, TouchRows):
    """poll, body, observation and heard."""

    def save_fetched(
        self,
        poll: Poll,
        observations: pd.DataFrame,
        aircraft: pd.DataFrame,
        heard: pd.DataFrame,
        body: bytes | None = None,
        *,
        add_heard: bool = False,
    ) -> int:
        """Store one answer of a feed with everything in it, in one transaction; returns its poll id.

        Saving is idempotent: a poll's key is (source, query, started), a fix's (airframe, time). The count heard in
        a cell and hour is the maximum over that hour's polls, because polls see the same airframes again.
        `add_heard` adds counts instead, for pieces with different airframes.
        """
        with self.transaction() as connection:
            number = self.save_polls([poll])[0]
            if len(observations):
                self._save_observations(connection, observations, number)
            if len(aircraft):
                self.save_aircraft(aircraft, at=poll.finished if poll.planned else poll.started)
            if not add_heard or number in self._local.fresh:
                self._save_heard(connection, [heard], add=add_heard)
            if body is not None and poll.sha256:
                _save_body(connection, poll, body)
        return number

    def save_cycle(
        self,
        polls: Sequence[Poll],
        observations: pd.DataFrame,
        aircraft: pd.DataFrame,
        heard: pd.DataFrame,
        bodies: Sequence[bytes | None] = (),
    ) -> list[int]:
        """Store all answers of a source to one round of requests, in one transaction; returns their poll ids.

        `observations.poll` is the index of each fix's poll in `polls`. `heard` is of the whole round, so that
        airframes in overlapping circles count once.
        """
        with self.transaction() as connection:
            ids = self.save_polls(polls)
            place = observations["poll"].to_numpy()
            for n in np.unique(place).tolist():
                own = observations if len(polls) == 1 else observations[place == n].reset_index(drop=True)
                self._save_observations(connection, own, ids[n])
            if len(aircraft):
                self.save_aircraft(aircraft, at=polls[-1].finished)
            self._save_heard(connection, [heard], add=False)
            for poll, body in zip(polls, bodies, strict=False):
                if body is not None and poll.sha256:
                    _save_body(connection, poll, body)
        return ids

    def save_pieces(
        self,
        polls: Sequence[Poll],
        aircraft: Sequence[pd.DataFrame],
        heard: Sequence[pd.DataFrame],
        listed: Sequence[bytes | None] = (),
    ) -> list[int]:
        """Store pieces of an archive with their airframes and counts heard, in one transaction; returns their poll ids.

        Pieces hold different airframes, so their counts add up, once per piece however often it is read.
        `listed` are the lists of members read. Retention never removes them: the archive itself is not kept, and an
        alert may rest on it later.
        """
        with self.transaction() as connection:
            ids = self.save_polls(polls)
            for started in sorted({p.started for p in polls}):
                same = [a for p, a in zip(polls, aircraft, strict=True) if p.started == started and len(a)]
                if same:
                    self.save_aircraft(pd.concat(same, ignore_index=True), at=started)
            for poll, names in zip(polls, listed, strict=False):
                if names is not None and poll.sha256:
                    _save_body(connection, poll, names, pinned=True)
            new = [h for i, h in zip(ids, heard, strict=True) if i in self._local.fresh]
            self._save_heard(connection, new, add=True)
        return ids

    def _save_observations(self, connection: Connection, rows: pd.DataFrame, poll: int) -> None:
        """Store new fixes, and note which airframes they concern."""
        addresses, times = rows["address"].to_numpy(), millis(rows["time"])
        order = order_of(addresses, times)
        addresses, times = addresses[order], times[order]
        spans = spans_of(addresses, times)
        self._touch(connection, poll, spans)
        texts, codes = icao24_texts(spans["address"]), places(addresses)
        if self.dialect == "postgresql" and len(times) >= bulk.COPY_FROM_ROWS:
            known = {"icao24": Coded(codes, texts.tolist()), "time": times, "poll": np.full(len(times), poll)}
            named = bulk.arrays_of(rows, schema.observation, order, known)
            # we are the only writer: keys that do not exist now cannot exist when the rows arrive
            bulk.write(
                connection, schema.observation, named, update={}, new=not self._has_fixes(connection, texts, times)
            )
            return
        columns = bulk.columns_of(arranged(rows, order), schema.observation, dialect=self.dialect)
        columns |= {"icao24": texts[codes].tolist(), "poll": [poll] * len(times)}
        bulk.write(connection, schema.observation, columns, update={})

    def _has_fixes(self, connection: Connection, icao24s: Texts, times: Numbers) -> bool:
        """Whether any fix of these airframes between the first and last of these times is stored."""
        t = schema.observation
        some = and_(self.among(t.c.icao24, icao24s.tolist()), t.c.time.between(int(times.min()), int(times.max())))
        return connection.execute(select(t.c.time).where(some).limit(1)).first() is not None

    def _save_heard(self, connection: Connection, heard: Sequence[pd.DataFrame], *, add: bool) -> None:
        counts: dict[tuple[Any, ...], int] = {}
        for rows in heard:
            lists = bulk.columns_of(rows, schema.heard, dialect=self.dialect)
            told = dict(zip(zip(*(lists[name] for name in HEARD_KEY), strict=True), lists["aircraft"], strict=True))
            for key in told.keys() & counts.keys() if counts else ():
                told[key] += counts[key]
            counts = counts | told if counts else told
        if not add:
            counts = {key: number for key, number in counts.items() if number > self._heard.get(key, 0)}
            self.after_commit(lambda: self._note_heard(counts))
        if not counts:
            return
        columns = dict(zip(HEARD_KEY, zip(*counts, strict=True), strict=True)) | {"aircraft": list(counts.values())}
        most = "CASE WHEN new.aircraft > old.aircraft THEN new.aircraft ELSE old.aircraft END"
        bulk.write(
            connection, schema.heard, columns, update={"aircraft": "old.aircraft + new.aircraft" if add else most}
        )

    def _note_heard(self, counts: Mapping[tuple[Any, ...], int]) -> None:
        """Remember stored counts: polls of one hour hear the same airframes, and then nothing is written. Only the
        newest two hours are remembered: the whole world is 16,200 cells per hour, 5 MB."""
        if not counts:
            return
        before, newest = (max((hour for hour, *_ in held), default=0) for held in (self._heard, counts))
        if newest > before:
            self._heard = {key: number for key, number in self._heard.items() if key[0] >= newest - HOUR_MS}
        self._heard.update(counts)

    def save_polls(self, polls: Sequence[Poll]) -> list[int]:
        """Store polls without rows (failed or empty); returns their ids. A failure never overwrites a success: an
        archive piece read once stays read."""
        t = schema.poll
        same = ["source", "query", "started"]
        rows = {_poll_key(p): _poll_row(p) for p in polls}
        if not rows:
            return []
        queries, starts = sorted({k[1] for k in rows}), sorted({k[2] for k in rows})
        stored = select(t.c.source, t.c.query, t.c.started, t.c.id, t.c.outcome).where(
            self.among(t.c.query, queries), self.among(t.c.started, starts)
        )
        with self.transaction() as connection:
            worked = {tuple(r[:3]) for r in connection.execute(stored) if r.outcome == "ok"}
            columns = {name: [row[name] for row in rows.values()] for name in next(iter(rows.values()))}
            bulk.write(connection, t, columns, key=same, unless="old.outcome = 'ok' AND new.outcome <> 'ok'")
            ids = {tuple(r[:3]): int(r.id) for r in connection.execute(stored)}
            self._local.fresh |= {ids[key] for key in rows if key not in worked}
        return [ids[_poll_key(p)] for p in polls]

    def polls(
        self, since: datetime | None = None, until: datetime | None = None, source: str | None = None
    ) -> pd.DataFrame:
        """Polls that started in [since, until), oldest first, with `id`; `rejected` as dictionaries."""
        t = schema.poll
        query = _between(select(t), t.c.started, since, until)
        if source is not None:
            query = query.where(t.c.source == source)
        got = self.columns(query.order_by(t.c.started, t.c.id))
        got["rejected"] = [json.loads(text) for text in got["rejected"]]
        kinds = {"id": "int64", "kept": "int64", "bytes": "int64", "planned": "bool"}
        return loose(got, started=INSTANT, finished=INSTANT, **kinds)

    def poll_ids(self, source: str, query: str) -> dict[datetime, tuple[int, str]]:
        """Started → (id, outcome) of one query's polls: which pieces of an archive are done."""
        t = schema.poll
        found = self.rows(
            select(t.c.started, t.c.id, t.c.outcome).where(and_(t.c.source == source, t.c.query == query))
        )
        return {instant(s): (i, o) for s, i, o in found}

    def heard(self, since: datetime | None = None, until: datetime | None = None) -> pd.DataFrame:
        """Airframes heard per cell, hour and source, for the hours in [since, until)."""
        t = schema.heard
        query = _between(select(t), t.c.hour, since, until).order_by(t.c.hour, t.c.source, t.c.cell)
        return frame(self.columns(query), HEARD)

    def observations(
        self,
        icao24s: Iterable[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> pd.DataFrame:
        """Fixes of these airframes (None: of all) with time in [since, until), by airframe and time.

        Includes archive fixes that are kept for legs that may go on.
        """
        wanted = None if icao24s is None else list(icao24s)
        with self.reading():
            rows, kept = self._polled(wanted, since, until), self.kept(wanted, since, until)
        return in_order(concat([rows, kept], OBSERVATION)) if len(kept) else rows

    def _polled(self, icao24s: list[str] | None, since: datetime | None, until: datetime | None) -> pd.DataFrame:
        t = schema.observation
        query = _between(select(t), t.c.time, since, until)
        if icao24s is not None:
            query = query.where(self.among(t.c.icao24, icao24s))
        return _observed(self.pieces(query.order_by(t.c.icao24, t.c.time)))

    def observations_from(self, starts: Mapping[str, datetime]) -> pd.DataFrame:
        """The fixes of each airframe from its own start time on, as from `observations`."""
        t = schema.observation
        wanted = self._pairs({icao24: ms(start) for icao24, start in starts.items()}.items())
        with self.reading():
            query = select(t).join(wanted, and_(t.c.icao24 == wanted.c.icao24, t.c.time >= wanted.c.time))
            rows = _observed(self.pieces(query.order_by(t.c.icao24, t.c.time)))
            kept = self.kept(list(starts))
        if kept.empty:
            return rows
        first = pd.Series({parse_icao24(i): ms(start) for i, start in starts.items()}, dtype="int64")
        kept = kept[millis(kept["time"]) >= first.reindex(kept["address"]).to_numpy()]
        return in_order(concat([rows, kept], OBSERVATION))

    def has_fixes(self, icao24s: Sequence[str], times: Sequence[int]) -> npt.NDArray[np.bool_]:
        """For each airframe and time (ms), whether the fix is stored."""
        t = schema.observation
        pairs = list(zip(icao24s, times, strict=True))
        wanted = self._pairs(pairs)
        with self.reading():
            query = select(t.c.icao24, t.c.time)
            found = set(
                map(
                    tuple,
                    self.rows(query.join(wanted, and_(t.c.icao24 == wanted.c.icao24, t.c.time == wanted.c.time))),
                )
            )
            kept = self.kept(sorted(set(icao24s)))
        found |= set(zip(icao24_texts(kept["address"].to_numpy()).tolist(), millis(kept["time"]).tolist(), strict=True))
        return np.array([pair in found for pair in pairs], dtype=bool)

    def last_poll_id(self) -> int:
        """The newest poll's id, -1 if there is none: the watermark for `touched`."""
        return int(self.rows(select(func.coalesce(func.max(schema.poll.c.id), -1)))[0][0])

    def body(self, sha256: str) -> bytes | None:
        """A raw body as received; None if it was not kept."""
        t = schema.body
        found = self.rows(select(t.c.content).where(t.c.sha256 == sha256))
        return zlib.decompress(found[0][0]) if found else None


def _observed(pieces: Iterable[dict[str, Sequence[Any]]]) -> pd.DataFrame:
    frames = []
    for got in pieces:
        known = {text: parse_icao24(text) for text in set(got["icao24"])}
        frames.append(frame(got | {"address": [known[text] for text in got["icao24"]]}, OBSERVATION))
    return concat(frames, OBSERVATION)


def _poll_key(poll: Poll) -> tuple[str, str, int]:
    return bulk.clean(poll.source), bulk.clean(poll.query), ms(poll.started)


def _poll_row(poll: Poll) -> dict[str, Any]:
    source, query, started = _poll_key(poll)
    return {
        "source": source,
        "query": query,
        "started": started,
        "finished": ms(poll.finished),
        "outcome": poll.outcome,
        "kept": poll.kept,
        "rejected": dumped(dict(poll.rejected)),
        "bytes": poll.bytes,
        "sha256": poll.sha256,
        "note": bulk.clean(poll.note),
        "planned": poll.planned,
    }


def _save_body(connection: Connection, poll: Poll, body: bytes, *, pinned: bool = False) -> None:
    columns: bulk.Columns = {
        "sha256": [poll.sha256],
        "received": [ms(poll.finished)],
        "size": [len(body)],
        "encoding": ["zlib"],
        "pinned": [pinned],
        "content": [zlib.compress(body, 6)],
    }
    bulk.write(connection, schema.body, columns, update={"received": "new.received"})


def _between(query: Select[Any], column: Column[int], since: datetime | None, until: datetime | None) -> Select[Any]:
    if since is not None:
        query = query.where(column >= ms(since))
    if until is not None:
        query = query.where(column < ms(until))
    return query
