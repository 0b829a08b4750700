"""Many rows per statement, columns encoded for COPY, repeated claims of a feed: the same as one by one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flightwatch import records
from flightwatch.store import Store, batches, copybody, open_store, repeated
from flightwatch.store.kept import MS_BITS, in_order
from flightwatch.units import instants, millis

AT = datetime(2024, 12, 14, tzinfo=UTC)


@pytest.mark.parametrize("count", [1, 39, 40, 41, 80, 95])
@pytest.mark.parametrize("shared", [True, False])
def test_many_rows_a_statement_store_what_a_statement_a_row_does(count: int, shared: bool) -> None:
    columns: dict[str, list[Any]] = {
        "number": list(range(count)),
        "told": ["x"] * count if shared else [f"x{n}" for n in range(count)],
        "level": [float("nan") if n % 3 == 0 else n / 2 for n in range(count)],
    }

    with closing(sqlite3.connect(":memory:")) as driver:
        driver.execute("CREATE TABLE t (number INTEGER PRIMARY KEY, told TEXT, level REAL)")
        driver.execute("INSERT INTO t VALUES (0, 'old', 1.0)")
        changed = batches.insert(driver, "INSERT INTO t (number, told, level)", columns, "ON CONFLICT DO NOTHING")
        found = driver.execute("SELECT number, told, level FROM t ORDER BY number").fetchall()

    assert changed == count - 1
    assert found[0] == (0, "old", 1.0)
    expected = [tuple(None if v != v else v for v in row) for row in zip(*columns.values(), strict=True)]
    assert found[1:] == expected[1:]


def fields(body: bytes) -> Iterator[tuple[bytes | None, ...]]:
    """The rows of a COPY, decoded as in PostgreSQL's documentation."""
    at = len(copybody.HEAD)
    while body[at : at + 2] != copybody.TAIL:
        row: list[bytes | None] = []
        count, at = int.from_bytes(body[at : at + 2], "big"), at + 2
        for _ in range(count):
            size, at = int.from_bytes(body[at : at + 4], "big", signed=True), at + 4
            row.append(None if size < 0 else body[at : at + size])
            at += max(size, 0)
        yield tuple(row)
    assert at + 2 == len(body)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(-(2**31), 2**31 - 1), st.one_of(st.just(float("nan")), st.floats(width=32)),
                  st.booleans(), st.integers(-1, 3)),
        min_size=1, max_size=30,
    ),
    st.sampled_from([1, 3, 1_100]),
    st.sampled_from(["a longer text", "one that is longer than what the next row begins with"]),
)  # fmt: skip
def test_every_field_of_a_copy_reads_back_as_it_was(rows: list[tuple[Any, ...]], times: int, longest: str) -> None:
    texts = ["", "é", "1000", longest]
    whole, real, yes, codes = (np.array(list(c) * times) for c in zip(*rows, strict=True))
    columns = {
        "text": ("text", copybody.Coded(codes, texts)),
        "whole": ("int4", whole),
        "real": ("float8", real),
        "yes": ("bool", yes),
        "same": ("text", copybody.Coded(np.zeros(len(codes), dtype=int), ["source"])),
        "more": ("text", copybody.Coded(codes[::-1], texts)),
    }

    laid = copybody.fields(columns)
    found = [dict(zip(laid, row, strict=True)) for row in fields(b"".join(copybody.parts(laid, len(codes))))]

    assert found == [
        {
            "text": texts[c].encode(),
            "whole": int(w).to_bytes(4, "big", signed=True),
            "real": None if np.isnan(r) else np.array(r, ">f8").tobytes(),
            "yes": bytes([int(y)]),
            "same": b"source",
            "more": texts[m].encode(),
        }
        for w, r, y, c, m in zip(whole, real, yes, codes, codes[::-1], strict=True)
    ]


@pytest.mark.parametrize("span_ms", [1_000, 1 << MS_BITS])
def test_fixes_are_ordered_by_airframe_and_time_however_far_apart(span_ms: int) -> None:
    address = np.array([0xFFFFFE, 1, 0xFFFFFE, 1, 1], dtype=np.uint32)
    time = np.array([span_ms, 500, 0, span_ms, 500])
    rows = pd.DataFrame({"address": address, "time": instants(time), "told": list("abcde")})

    ordered = in_order(rows)

    assert ordered["told"].tolist() == ["b", "d", "c", "a"]
    assert millis(ordered["time"]).tolist() == [500, span_ms, 0, span_ms]


def told(**changes: Any) -> pd.DataFrame:
    frame = {"icao24": ["140a1f", "15152a"], "registration": ["RA-1", "RA-2"], "typecode": ["IL76", "A124"]}
    return records.conform(pd.DataFrame(frame | {"source": "feed", "flags": [1, 0]} | changes), records.AIRCRAFT)


@pytest.fixture
def store() -> Store:
    return open_store("sqlite://", create=True)


def test_what_a_feed_repeats_is_not_looked_up_and_what_it_says_anew_is_stored(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []
    real = type(store)._claims_of
    monkeypatch.setattr(type(store), "_claims_of", lambda self, rows: (looked.append(len(rows)), real(self, rows))[1])

    changed = [
        store.save_aircraft(told(), at=AT),
        store.save_aircraft(told(), at=AT + timedelta(minutes=1)),
        store.save_aircraft(told(registration=["RA-1", "RA-3"]), at=AT + timedelta(minutes=2)),
        store.save_aircraft(told(registration=["RA-1", "RA-3"]), at=AT + timedelta(minutes=3)),
        store.save_aircraft(told(flags=[1, 8]), at=AT + timedelta(minutes=4)),
        store.save_aircraft(told(source="other"), at=AT + timedelta(minutes=5)),
        store.save_aircraft(told(flags=[1, 8]), at=AT + timedelta(hours=7)),
    ]

    assert changed == [2, 0, 1, 0, 1, 2, 2]
    assert looked == [2, 1, 1, 2, 2]
    assert len(store.claims()) == 6


@pytest.mark.parametrize(
    "changes",
    [
        {"source": ["feed", "other"]},
        {"icao24": ["15152a", "140a1f"]},
        {"icao24": ["140a1f", "140a1f"]},
        {"icao24": ["140a1f", "2a"]},
        {"icao24": ["140a1f", "ghijkl"]},
    ],
)
def test_only_a_list_as_feeds_give_it_is_compared_as_a_whole(changes: dict[str, Any]) -> None:
    assert repeated.said(told()) is not None
    assert repeated.said(told(**changes)) is None
    assert repeated.said(told().iloc[:0]) is None
