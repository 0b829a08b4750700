"""What a database holds, as plain rows, for tests that compare two of them or one before and after."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from pathlib import Path
from typing import Any

EVERY = (
    "poll", "observation", "kept", "touch", "heard", "aircraft", "claim", "flight", "track", "candidate",
    "flight_update", "route", "route_day", "match", "finding", "alert", "alert_flight", "delivery",
)  # fmt: skip


def dump(path: Path, tables: Collection[str] = EVERY, *, without: Collection[str] = ()) -> dict[str, list[Any]]:
    """The rows of each table in a fixed order, without the named columns."""
    out: dict[str, list[Any]] = {}
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        for table in tables:
            found = connection.execute(f"SELECT * FROM {table}")
            keep = [n for n, column in enumerate(found.description) if column[0] not in without]
            out[table] = sorted((tuple(row[n] for n in keep) for row in found), key=repr)
    connection.close()
    return out


def count(path: Path, table: str, where: str = "1") -> int:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        found = connection.execute(f"SELECT COUNT(*) FROM {table} WHERE {where}").fetchone()
    connection.close()
    return int(found[0])
