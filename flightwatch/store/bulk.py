"""Bulk writes: forty rows per statement on SQLite, binary COPY on PostgreSQL. Writing is idempotent.

The ORM's `add_all` takes 38 times as long as raw `executemany`, SQLAlchemy's `insert` with dictionaries 4.5 times;
this takes less than `executemany` (benchmarks/store).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import BigInteger, Boolean, Connection, Float, Integer, LargeBinary, SmallInteger, Table
from sqlalchemy.types import TypeEngine

from flightwatch.store import batches, copybody
from flightwatch.store.copybody import Coded
from flightwatch.units import millis

Columns = Mapping[str, Any]
"""Values of each column: lists, or for many PostgreSQL rows all arrays and `Coded` texts."""

COPY_FROM_ROWS = 200
"""From this size on, COPY into a staging table beats one statement per row on PostgreSQL. They are equal at 100 rows
(2 ms); staging takes 0.6 of the time at 200, a third at 800 (medians of nine, rows of the observation table)."""


def write(
    connection: Connection,
    table: Table,
    columns: Columns,
    *,
    update: Mapping[str, str] | None = None,
    key: Sequence[str] | None = None,
    unless: str = "",
    new: bool = False,
) -> int:
    """Insert rows; if a key exists, update its row by `update` (column to SQL expression).

    In an expression `new.x` is the new row's value and `old.x` the stored one. `update={}` leaves stored rows alone;
    `update=None` takes every non-key column from the new row. Where the condition `unless` holds, the stored row stays
    as it is. `key` names a unique key other than the primary one. Rows of one call must differ in their key. `new` says
    that none of the keys exists yet, which saves PostgreSQL the staging. Returns how many rows were inserted or
    updated.
    """
    names = list(columns)
    count = len(columns[names[0]])
    if not count:
        return 0
    quote = connection.dialect.identifier_preparer.quote
    key = key or [c.name for c in table.primary_key.columns]
    if update is None:
        update = {n: f"new.{quote(n)}" for n in names if n not in key}
    listed = ", ".join(map(quote, names))
    target = f"{quote(table.name)} ({listed})"
    conflict = _conflict(table, key, update, unless, quote)
    if connection.dialect.name == "postgresql" and count >= COPY_FROM_ROWS:
        if new:
            _copy(connection, quote(table.name), table, columns)
            return count
        stage = _stage(connection, table, columns)
        parts = ("INSERT INTO", target, "SELECT", listed, "FROM", stage, conflict)
        return int(connection.exec_driver_sql(" ".join(parts)).rowcount)
    if connection.dialect.name == "sqlite":
        driver: Any = connection.connection.driver_connection
        return batches.insert(driver, f"INSERT INTO {target}", columns, conflict)
    values = f"VALUES ({', '.join(['%s'] * len(names))})"
    statement = " ".join(("INSERT INTO", target, values, conflict))
    return int(connection.exec_driver_sql(statement, list(zip(*columns.values(), strict=True))).rowcount)


def put(connection: Connection, table: Table, **values: Any) -> int:
    """Insert or replace one row."""
    return write(connection, table, {name: [value] for name, value in values.items()})


def columns_of(frame: pd.DataFrame, table: Table, *, dialect: str) -> dict[str, list[Any]]:
    """The frame's columns that the table has, as plain values the driver binds fastest."""
    return {c.name: plain(frame[c.name], dialect) for c in table.columns if c.name in frame}


def arrays_of(frame: pd.DataFrame, table: Table, order: Any, known: Columns) -> dict[str, Any]:
    """The `known` columns and the frame's other columns of the table, as arrays for a bulk write into PostgreSQL.
    `order` selects the rows: faster from arrays than from a frame."""
    wanted = {c.name for c in table.columns} - known.keys()
    return {**known, **{name: _array(column, order) for name, column in frame.items() if name in wanted}}


def _array(series: pd.Series, order: Any) -> Any:
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        return millis(series)[order]
    values = series.array
    if isinstance(values, pd.Categorical):
        return Coded(values.codes[order], [*cleaned(values.categories.tolist()), ""])
    return series.to_numpy()[order]


def plain(series: pd.Series, dialect: str) -> list[Any]:
    """Plain Python values: instants as milliseconds, days as ISO dates, text without what a database refuses.

    SQLite stores NaN as NULL; PostgreSQL would keep it, so there it becomes None.
    """
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        return list(millis(series).tolist())
    if isinstance(series.dtype, pd.CategoricalDtype):
        known = np.array([*cleaned(series.cat.categories.tolist()), ""], dtype=object)
        return list(known[series.cat.codes.to_numpy()].tolist())
    if series.dtype.kind == "M":
        return list(np.datetime_as_string(series.to_numpy().astype("datetime64[D]")).tolist())
    if series.dtype.kind == "f":
        values = series.to_numpy()
        told = list(values.tolist())
        if dialect == "postgresql":
            for row in np.flatnonzero(np.isnan(values)).tolist():
                told[row] = None
        return told
    if series.dtype.kind == "b" and dialect == "sqlite":  # it stores numbers, and binds them in half the time
        return list(series.to_numpy().view(np.int8).tolist())
    if series.dtype.kind in "iub":
        return list(series.to_numpy().tolist())
    return cleaned(series.tolist())


def cleaned(values: list[Any]) -> list[Any]:
    """The values, with `clean` applied to texts. A first check covers all at once: almost always all can be stored."""
    with suppress(TypeError):
        if "".join(values).isprintable():
            return values
    return [clean(v) if isinstance(v, str) else v for v in values]


def clean(text: str) -> str:
    """Text that can be stored: PostgreSQL refuses NUL, both databases refuse half a surrogate pair.

    >>> clean("RSD123"), clean("a\\x00b"), clean("\\ud800")
    ('RSD123', 'ab', '?')
    """
    if text.isprintable():
        return text
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def _conflict(table: Table, key: Sequence[str], update: Mapping[str, str], unless: str, quote: Any) -> str:
    on = f"ON CONFLICT ({', '.join(map(quote, key))})"
    if not update:
        return f"{on} DO NOTHING"
    words = ", ".join(f"{quote(name)} = {expression}" for name, expression in update.items())
    condition = f" WHERE NOT ({unless})" if unless else ""
    done = f"{on} DO UPDATE SET {words}{condition}"
    return done.replace("new.", "excluded.").replace("old.", f"{quote(table.name)}.")


def _stage(connection: Connection, table: Table, columns: Columns) -> str:
    """Put the rows into a temporary staging table, which COMMIT drops; returns its quoted name."""
    quote = connection.dialect.identifier_preparer.quote
    stage = quote(f"stage_{table.name}")
    body = ", ".join(f"{quote(n)} {copied_as(table.c[n].type)}" for n in columns)
    connection.exec_driver_sql(f"DROP TABLE IF EXISTS pg_temp.{stage}")
    connection.exec_driver_sql(f"CREATE TEMP TABLE {stage} ({body}) ON COMMIT DROP")
    _copy(connection, stage, table, columns)
    return stage


def _copy(connection: Connection, target: str, table: Table, columns: Columns) -> None:
    """Binary COPY: `copybody` encodes arrays; psycopg packs other values row by row, in C."""
    driver: Any = connection.connection.driver_connection
    quote = connection.dialect.identifier_preparer.quote
    laid: Any = columns
    if arrays := all(isinstance(values, (np.ndarray, Coded)) for values in columns.values()):
        laid = copybody.fields({n: (copied_as(table.c[n].type), v) for n, v in columns.items()})
    statement = f"COPY {target} ({', '.join(map(quote, laid))}) FROM STDIN (FORMAT BINARY)"
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        if arrays:
            for part in copybody.parts(laid, len(next(iter(columns.values())))):
                copy.write(part)
            return
        copy.set_types([copied_as(table.c[n].type) for n in columns])
        for row in zip(*columns.values(), strict=True):
            copy.write_row(row)


def copied_as(column: TypeEngine[Any]) -> str:
    """The PostgreSQL type of a column in COPY."""
    if isinstance(column, SmallInteger):
        return "int2"
    if isinstance(column, (BigInteger, Integer)):
        return "int8" if isinstance(column, BigInteger) else "int4"
    if isinstance(column, Float):
        return "float4" if column.precision == 24 else "float8"
    if isinstance(column, Boolean):
        return "bool"
    return "bytea" if isinstance(column, LargeBinary) else "text"
