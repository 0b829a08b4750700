"""Many rows a statement, as SQLite takes them fastest.

What all rows share (source, poll, mostly the kind of position and its doubts) is bound once a statement and not once a
row: of 15,000 fixes of 17 columns 35 ms instead of 49 with a statement a row, 40 if nothing were shared (medians of
twelve polls).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from itertools import chain, islice
from typing import Any

ROWS = 40  # a statement; ten take as long, a hundred a tenth longer


def insert(driver: sqlite3.Connection, into: str, columns: Mapping[str, Sequence[Any]], conflict: str) -> int:
    """The rows into `into` (table and names of the columns); how many were inserted or updated."""
    count = len(next(iter(columns.values())))
    if count < ROWS:
        marks = _rows(columns, [], 1)
        return driver.executemany(f"{into} VALUES {marks} {conflict}", zip(*columns.values(), strict=True)).rowcount
    shared = [name for name, values in columns.items() if values[0] == values[-1] and values.count(values[0]) == count]
    told = [columns[name][0] for name in shared]
    own = [values for name, values in columns.items() if name not in shared]
    flat = chain.from_iterable(zip(*own, strict=True))
    changed = 0
    for rows, statements in ((ROWS, count // ROWS), (count % ROWS, 1)):
        if rows:
            values = ((*told, *islice(flat, rows * len(own))) for _ in range(statements))
            statement = f"{into} VALUES {_rows(columns, shared, rows)} {conflict}"
            changed += driver.executemany(statement, values).rowcount
    return changed


def _rows(columns: Mapping[str, Any], shared: Sequence[str], rows: int) -> str:
    """The marks of so many rows; those of shared columns are numbered, the same in each. (Python 3.12.1 takes `?1` for
    a name and has a warning about it, which is shown to nobody: python/cpython#117995.)

    >>> _rows({"a": [], "b": []}, ["b"], 2)
    '(?2,?1),(?3,?1)'
    """
    own = len(columns) - len(shared)
    places = {name: n + 1 for n, name in enumerate(shared)}
    others = [name for name in columns if name not in places]
    out = []
    for row in range(rows):
        places |= {name: len(shared) + row * own + n + 1 for n, name in enumerate(others)}
        out.append(f"({','.join(f'?{places[name]}' for name in columns)})")
    return ",".join(out)
