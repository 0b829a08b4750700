"""Frames as CSV, JSON and Parquet, with instants as ISO 8601 `Z`, days as dates, dictionaries as JSON text."""

from __future__ import annotations

import io
import json
import math
from datetime import date, datetime
from typing import Any

import pandas as pd

from flightwatch.errors import UsageError
from flightwatch.units import iso

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""First characters of a cell that a spreadsheet would run (OWASP, CSV injection; the last four are the full-width
forms, which some spreadsheets convert)."""


def safe_cell(text: str) -> str:
    """Text that a spreadsheet shows and does not run, marked by a leading quote. Numbers are never changed.

    >>> safe_cell('=HYPERLINK("http://x")'), safe_cell("RFF7042")
    ('\\'=HYPERLINK("http://x")', 'RFF7042')
    """
    return "'" + text if text.startswith(FORMULA) else text


def csv(frame: pd.DataFrame) -> bytes:
    """RFC 4180, UTF-8, comma, one header line; string cells safe for spreadsheets, unknown numbers empty."""
    out = pd.DataFrame({safe_cell(str(name)): [_cell(v) for v in frame[name]] for name in frame.columns})
    return bytes(out.to_csv(index=False, lineterminator="\r\n").encode("utf-8", "replace"))


def _cell(value: Any) -> Any:
    plain = jsonable(value)
    if isinstance(plain, bool):
        return "true" if plain else "false"
    if isinstance(plain, dict | list):
        return safe_cell(json.dumps(plain, ensure_ascii=False))
    return safe_cell(plain) if isinstance(plain, str) else plain


def json_bytes(kind: str, frame: pd.DataFrame) -> bytes:
    """One object with the plural as its key: `{"flights": [{…}]}`; unknown numbers are null.

    >>> json_bytes("alerts", pd.DataFrame({"id": [1], "multiple": [float("inf")]}))
    b'{"alerts": [\\n{"id": 1, "multiple": null}\\n]}\\n'
    """
    rows = [{str(k): jsonable(v) for k, v in row.items()} for row in frame.to_dict("records")]
    body = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    return f"{{{json.dumps(kind.replace('-', '_'))}: [\n{body}\n]}}\n".encode("utf-8", "replace")


def parquet(frame: pd.DataFrame) -> bytes:
    """Parquet with the columns' own types; dictionaries and lists as JSON text. Needs pyarrow (extra `notebook`)."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise UsageError("Parquet needs pyarrow: pip install 'flightwatch[notebook]'; or choose csv") from None
    plain = {}
    for name in frame.columns:
        column = frame[name]
        if column.dtype == object or isinstance(column.dtype, pd.CategoricalDtype | pd.StringDtype):
            values = [jsonable(v) for v in column]
            texts = [json.dumps(v, ensure_ascii=False) if isinstance(v, dict | list) else v for v in values]
            plain[str(name)] = pa.array(
                texts if all(isinstance(t, str) or t is None for t in texts) else map(str, texts)
            )
        else:
            plain[str(name)] = pa.Array.from_pandas(column)
    out = io.BytesIO()
    pq.write_table(pa.table(plain), out)
    return out.getvalue()


def jsonable(value: Any) -> Any:
    """The value with JSON's types only.

    >>> jsonable(pd.Timestamp("2024-12-14T03:05", tz="UTC")), jsonable([pd.Timestamp("2024-12-14"), float("nan")])
    ('2024-12-14T03:05:00Z', ['2024-12-14', None])
    """
    if isinstance(value, dict):
        return {str(k): jsonable(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [jsonable(v) for v in value]
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, datetime):
        if value.tzinfo is None:
            return value.date().isoformat()
        text = iso(value)
        return text if not value.microsecond else f"{text[:-1]}.{value.microsecond // 1000:03d}Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, bool | int) else str(value)
