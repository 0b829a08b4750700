"""The base of all parts of the store: transactions, and rows in and out."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    FromClause,
    Select,
    Text,
    any_,
    bindparam,
    column,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import URL
from sqlalchemy.sql import ColumnElement

from flightwatch.errors import NotLeaderError
from flightwatch.records import Schema
from flightwatch.store import engine as engines
from flightwatch.store import schema
from flightwatch.units import INSTANT, instant, millis

WRITER_LOCK = 0x666C696768747761  # "flightwa": the advisory lock that all our writers on a PostgreSQL database share
PIECE = 2_000  # rows: reading 130,000 fixes takes at most 22 MB, all at once 123, in the same time

Names = str | Iterable[str] | None


class Base:
    """An open database. Safe to use from several threads, not across a fork."""

    def __init__(self, url: URL, write: Engine | None, read: Engine) -> None:
        self.url = url
        self.dialect = url.get_backend_name()
        self._writer = write
        self._reader = read
        self._local = threading.local()
        self._pid = os.getpid()
        self._fence: tuple[str, str, int] | None = None
        self._memory = threading.RLock() if write is read else None
        self._claimed: dict[Any, tuple[int, int]] = {}  # claims known to be stored (see `aircraft`)
        self._said: dict[str, Any] = {}  # each source's last claims (see `repeated`)
        self._heard: dict[tuple[Any, ...], int] = {}  # counts known to be stored (see `polls`)

    def __repr__(self) -> str:
        return f"Store({engines.shown(self.url)!r})"

    @property
    def file(self) -> Path | None:
        """The SQLite file; None in memory and on PostgreSQL."""
        return engines.sqlite_file(self.url)

    def close(self) -> None:
        """Close every connection; the writer last, because only it can checkpoint SQLite's WAL."""
        self._reader.dispose()
        if self._writer is not None:
            self._writer.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """All or nothing: what this thread writes and reads inside is one transaction.

        Every method that writes opens its own; one opened around several methods makes them one.
        """
        current: Connection | None = getattr(self._local, "connection", None)
        if current is not None:
            yield current
            return
        assert self._writer is not None, "this store was opened read-only"
        assert self._pid == os.getpid(), "a store must be opened in the process that uses it"
        self._local.after = []
        with self._guarded(), self._writer.begin() as connection:
            self._enter(connection)
            self._local.connection = connection
            self._local.fresh = set()  # ids of polls not stored as `ok` before
            try:
                yield connection
            finally:
                self._local.connection = None
        for done in self._local.after:
            done()

    def after_commit(self, done: Callable[[], None]) -> None:
        """Call this when the current transaction is committed, never if it fails."""
        self._local.after.append(done)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent state for all reads of this thread inside; in a transaction, that transaction's."""
        current: Connection | None = getattr(self._local, "connection", None) or getattr(self._local, "reader", None)
        if current is not None:
            yield current
            return
        if self._memory is not None:  # one connection for both
            with self.transaction() as connection:
                yield connection
            return
        with self._guarded(), self._reader.begin() as connection:
            self._local.reader = connection
            try:
                yield connection
            finally:
                self._local.reader = None

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        if self._memory:
            self._memory.acquire()
        try:
            yield
        except Exception as e:
            if engines.is_database_error(e):
                raise engines.explain(e, self.url) from e
            raise
        finally:
            if self._memory:
                self._memory.release()

    def _enter(self, connection: Connection) -> None:
        """Allow one writer at a time on PostgreSQL too, so that read-then-write is safe; then check the fence."""
        if self.dialect == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER_LOCK})")
        if self._fence is not None:
            name, holder, epoch = self._fence
            row = connection.execute(
                select(schema.lease.c.holder, schema.lease.c.epoch).where(schema.lease.c.name == name)
            ).first()
            if row is None or (row.holder, row.epoch) != (holder, epoch):
                raise NotLeaderError(f"{holder} no longer leads this database: nothing was written")

    def among(self, column: Column[Any], values: Iterable[Any]) -> ColumnElement[bool]:
        """`column IN values` for any number of values, as one parameter: the statement stays the same."""
        wanted = list(values)
        if self.dialect == "sqlite":
            each = func.json_each(bindparam(None, json.dumps(wanted), unique=True)).table_valued("value")
            return column.in_(select(each.c.value))
        return column == any_(bindparam(None, wanted, type_=ARRAY(column.type), unique=True))

    def _pairs(self, pairs: Iterable[tuple[str, int]]) -> FromClause:
        """Airframes and times (ms) as a table `icao24`, `time` to join, any number of them in one parameter."""
        if self.dialect == "sqlite":
            text = json.dumps([list(pair) for pair in pairs])
            each = func.json_each(bindparam(None, text, unique=True)).table_valued("value")
            parts = (
                func.json_extract(each.c.value, f"$[{n}]").label(name) for n, name in enumerate(("icao24", "time"))
            )
            return select(*parts).select_from(each).subquery()
        icao24s, times = [list(part) for part in zip(*pairs, strict=True)] or ([], [])
        return (
            func.unnest(
                bindparam(None, icao24s, type_=ARRAY(Text), unique=True),
                bindparam(None, times, type_=ARRAY(BigInteger), unique=True),
            )
            .table_valued(column("icao24", Text), column("time", BigInteger))
            .render_derived()
        )

    def rows(self, statement: Select[Any]) -> list[Any]:
        """The rows of a query."""
        with self.reading() as connection:
            return list(connection.execute(statement).all())

    def columns(self, statement: Select[Any]) -> dict[str, list[Any]]:
        """The result of a query, by column."""
        with self.reading() as connection:
            result = connection.execute(statement)
            names = list(result.keys())
            rows = result.all()
        return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)) if rows else {n: [] for n in names}

    def pieces(self, statement: Select[Any]) -> Iterator[dict[str, Sequence[Any]]]:
        """The result of a query by column, `PIECE` rows at a time: Python objects take ten times the memory of a
        frame."""
        with self.reading() as connection:
            result = connection.execute(statement)
            names = list(result.keys())
            for rows in result.partitions(PIECE):
                yield dict(zip(names, zip(*rows, strict=True), strict=True))


def names(values: Names) -> list[str] | None:
    """One or more names as a list; None stays None (no restriction)."""
    if values is None:
        return None
    return [values] if isinstance(values, str) else list(values)


def frame(columns: Mapping[str, Sequence[Any]], shape: Schema) -> pd.DataFrame:
    """A frame of this schema from all columns of a query: as `records.conform`, in a seventh of the time. Otherwise the
    frame of one flight would cost more than finding it among millions."""
    index = pd.RangeIndex(len(columns[next(iter(shape))]))
    made = {name: _series(columns[name], c.dtype, index) for name, c in shape.items()}
    return pd.DataFrame(made, index=index, copy=False)


def loose(columns: Mapping[str, Sequence[Any]], **kinds: str) -> pd.DataFrame:
    """A frame of a query's columns without a schema: objects, except the columns named in `kinds`."""
    index = pd.RangeIndex(len(next(iter(columns.values()))))
    made = {name: _series(values, kinds.get(name, "object"), index) for name, values in columns.items()}
    return pd.DataFrame(made, index=index, copy=False)


def _series(values: Sequence[Any], kind: str, index: pd.Index) -> pd.Series:
    """One column; milliseconds become instants, ISO dates days. A shared index saves pandas comparing them."""
    if kind in ("str", "object"):
        return pd.Series(_objects(values), index=index, dtype=object, copy=False)
    return pd.Series(_typed(values, kind), index=index, copy=False)


def _typed(values: Sequence[Any], kind: str) -> Any:
    if kind == INSTANT:
        return pd.DatetimeIndex(np.asarray(values, dtype="int64").view("datetime64[ms]")).tz_localize("UTC").array
    if kind.startswith("datetime64"):
        return np.asarray(values, dtype="datetime64[D]").astype(kind)
    if kind == "category":
        codes, texts = pd.factorize(_objects(values), sort=True)
        return pd.Categorical.from_codes(codes, pd.Index(texts, dtype=object))
    return np.array(values, dtype=kind)  # None becomes NaN in a column of floats


def _objects(values: Sequence[Any]) -> Any:
    made = np.empty(len(values), dtype=object)  # filled afterwards, so that lists stay cells, not an axis
    made[:] = values
    return made


def ms(when: datetime) -> int:
    return int(millis(when))


def when(value: int | None) -> datetime | None:
    return None if value is None else instant(value)


def day_text(day: date | str | pd.Timestamp) -> str:
    """An ISO date.

    >>> day_text(date(2024, 12, 14)), day_text("2024-12-14")
    ('2024-12-14', '2024-12-14')
    """
    return str(pd.Timestamp(day).strftime("%Y-%m-%d"))


def dumped(value: Any) -> str:
    """JSON text that reads back as the same value, including NumPy numbers."""
    return json.dumps(value, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    if hasattr(value, "item"):
        return value.item()
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, (set, frozenset, tuple)):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} cannot be stored")
