"""Housekeeping: copies of the database, what may be deleted, and what an operator should know about it."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import and_, func, select, text
from sqlalchemy.sql import ColumnElement

from flightwatch.store import engine as engines
from flightwatch.store import schema
from flightwatch.store.base import Base, ms

STALE_DAYS = 14  # for touched airframes and taken cycles: the jobs that read them follow within minutes

AIRFRAMES_AT_ONCE = 500
"""Airframes per transaction when fixes are deleted: it reads their part of the primary key, needs no index on time
alone, and holds the writer for milliseconds."""


class Retention(Protocol):
    """How long data that may be deleted is kept."""

    @property
    def observations_days(self) -> float: ...
    @property
    def bodies_days(self) -> float: ...
    @property
    def polls_days(self) -> float: ...
    @property
    def heard_days(self) -> float: ...
    @property
    def tracks_days(self) -> float: ...
    @property
    def deliveries_days(self) -> float: ...


class Upkeep(Base):
    """Retention and facts."""

    def prune(self, retention: Retention, now: datetime) -> dict[str, int]:
        """Delete what is older than the retention; returns how many rows of each table were deleted.

        What an alert rests on stays: the fixes of its flights, the polls they came from and their bodies.
        """

        def before(days: float) -> int:
            return ms(now - timedelta(days=days))

        gone = {"observation": self.prune_observations(now - timedelta(days=retention.observations_days))}
        b, p, h, d = schema.body, schema.poll, schema.heard, schema.delivery
        touch, track, cycle, flight = schema.touch, schema.track, schema.cycle, schema.flight
        with self.transaction() as connection:
            kept = self._evidence_polls()
            hashes = select(p.c.sha256).where(self.among(p.c.id, kept))
            stale = select(func.max(p.c.id)).where(p.c.started < before(STALE_DAYS)).scalar_subquery()
            flown = select(flight.c.flight_id).where(flight.c.firstseen < before(retention.tracks_days))
            told = select(schema.alert_flight.c.flight_id)
            for table, condition in (
                (b, and_(b.c.received < before(retention.bodies_days), ~b.c.pinned, b.c.sha256.not_in(hashes))),
                (touch, touch.c.poll <= stale),
                (p, and_(p.c.planned, p.c.started < before(retention.polls_days), ~self.among(p.c.id, kept))),
                (h, h.c.hour < before(retention.heard_days)),
                (track, and_(track.c.flight_id.in_(flown), track.c.flight_id.not_in(told))),
                (d, and_(d.c.state == "sent", d.c.created < before(retention.deliveries_days), d.c.alert.is_(None))),
                (cycle, cycle.c.start < before(STALE_DAYS)),
            ):
                gone[table.name] = int(connection.execute(table.delete().where(condition)).rowcount)
            self.after_commit(self._heard.clear)
        return gone

    def prune_observations(self, before: datetime) -> int:
        """Delete fixes older than that, except those of flights an alert rests on; returns how many.

        Packed fixes of an airframe are deleted once the last is that old and none is of such a flight.
        """
        t, k = schema.observation, schema.kept
        spans = self._evidence_spans()
        known = [row.icao24 for row in self.rows(select(t.c.icao24).distinct())]
        plain = [i for i in known if i not in spans]
        steps: list[ColumnElement[bool]] = [
            self.among(t.c.icao24, plain[n : n + AIRFRAMES_AT_ONCE]) for n in range(0, len(plain), AIRFRAMES_AT_ONCE)
        ]
        for icao24, held in spans.items():
            steps.append(and_(t.c.icao24 == icao24, *(~t.c.time.between(first, last) for first, last in held)))
        gone = 0
        for condition in steps:
            with self.transaction() as connection:
                gone += int(connection.execute(t.delete().where(and_(condition, t.c.time < ms(before)))).rowcount)
        with self.transaction() as connection:
            old = connection.execute(select(k.c.icao24, k.c.first, k.c.last, k.c.fixes).where(k.c.last < ms(before)))
            free = {
                r.icao24: int(r.fixes)
                for r in old
                if not any(a <= r.last and r.first <= b for a, b in spans.get(r.icao24, ()))
            }
            connection.execute(k.delete().where(self.among(k.c.icao24, free)))
        return gone + sum(free.values())

    def checkpoint(self) -> None:
        """Checkpoint SQLite's write-ahead log and truncate it, so that it does not grow for ever."""
        if self.dialect == "sqlite" and self._writer is not None:
            with self._guarded(), self._writer.connect() as connection:
                driver: Any = connection.connection.driver_connection
                driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def release_memory(self) -> None:
        """Free the pages that SQLite's writer caches: they fill their 16 MB in a day, and the kernel has them too."""
        if self.dialect == "sqlite" and self._writer is not None:
            with self._guarded(), self._writer.connect() as connection:
                driver: Any = connection.connection.driver_connection
                driver.execute("PRAGMA shrink_memory")

    def facts(self) -> dict[str, Any]:
        """What `doctor` and `status` say about the database: kind, version, revision, size, SQLite's weak spots."""
        found: dict[str, Any] = {"url": engines.shown(self.url), "kind": self.dialect}
        with self.reading() as connection:
            found["revision"] = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
            if self.dialect == "postgresql":
                found["version"] = connection.execute(text("SHOW server_version")).scalar()
                found["bytes"] = connection.execute(text("SELECT pg_database_size(current_database())")).scalar()
                return found
            found["journal"] = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
        found["version"] = sqlite3.sqlite_version
        found["wal_reset_bug"] = wal_reset_bug(sqlite3.sqlite_version_info)
        path = engines.sqlite_file(self.url)
        if path is not None:
            wal, disk = Path(f"{path}-wal"), os.statvfs(path.parent)
            found["bytes"] = path.stat().st_size
            found["wal_bytes"] = wal.stat().st_size if wal.exists() else 0
            found["free_bytes"] = disk.f_bavail * disk.f_frsize
            found["mode"] = oct(path.stat().st_mode & 0o777)
            found["filesystem"] = engines.filesystem(path)
        return found

    def counts(self, tables: Iterable[str] | None = None) -> dict[str, int]:
        """Rows by table."""
        wanted = [t for t in schema.metadata.sorted_tables if tables is None or t.name in set(tables)]
        with self.reading() as connection:
            return {t.name: int(connection.execute(select(func.count()).select_from(t)).scalar_one()) for t in wanted}

    def _evidence_spans(self) -> dict[str, list[tuple[int, int]]]:
        """For each airframe, the times of flights that alerts rest on."""
        f, a = schema.flight, schema.alert_flight
        spans: dict[str, list[tuple[int, int]]] = {}
        joined = select(f.c.icao24, f.c.firstseen, f.c.lastseen).join(a, a.c.flight_id == f.c.flight_id)
        for icao24, first, last in self.rows(joined):
            spans.setdefault(icao24, []).append((first, last))
        return spans

    def _evidence_polls(self) -> list[int]:
        """Ids of the polls that the flights of alerts came from."""
        f, a = schema.flight, schema.alert_flight
        rows = self.rows(select(f.c.provenance).join(a, a.c.flight_id == f.c.flight_id))
        return sorted({n for row in rows for n in json.loads(row.provenance) if isinstance(n, int)})


def wal_reset_bug(version: tuple[int, ...]) -> bool:
    """Whether this SQLite can corrupt a WAL database when two connections checkpoint it (sqlite.org/wal.html: 3.7.0 to
    3.51.2; fixed in 3.51.3 and in the back-ports 3.44.6 and 3.50.7).

    >>> wal_reset_bug((3, 40, 1)), wal_reset_bug((3, 50, 7)), wal_reset_bug((3, 51, 3))
    (True, False, False)
    """
    ported = {(3, 44): 6, (3, 50): 7}
    if version[:2] in ported:
        return version[2] < ported[version[0], version[1]]
    return (3, 7, 0) <= tuple(version) < (3, 51, 3)
