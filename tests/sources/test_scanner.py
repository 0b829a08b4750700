"""The compiled scanner gives what the general decoder gives, or nothing."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flightwatch.compiled import numba
from flightwatch.sources import inflate, rows, scanner

DETAIL = {"type": "adsb_icao", "flight": "RFF7031 ", "nav_modes": ["althold", "tcas"], "squawk": "1000", "nic": 8}
ROWS: list[list[Any]] = [
    [0.0, 55.5, 37.25, "ground", 4.5, None, 2, None, DETAIL, "adsb_icao", None, None, None, None],
    [9.31, 55.500001, -37.25, 1225, 160.2, 359.9, 0, 1984, None, "adsb_icao", 1400, 2048, 181, -0.2],
    [30.0, -0.5, 0.1, -25, 400, 0, 8, -64, {"nic": None, "flight": None}, "mlat", 3.25, None, None, None],
    [41.5, 12, 20.000001, None, None, 12.5, 1, 0, {"squawk": "7700"}, None, None, None, None, None],
    [5000, 12, 20],
    [5001, 12, 20, 100, 1, 2, 3, 4, {}, "tisb_other"],
]


def body(trace: list[list[Any]], **head: Any) -> bytes:
    given = {"icao": "15152a", "r": "RA-76445", "t": "IL76", "dbFlags": 1, "timestamp": 1734134400.5, **head}
    return json.dumps({**given, "trace": trace}).encode()


def scanned(text: bytes) -> scanner.Scanned | None:
    whole = text + b"\0"
    return scanner.read(text, np.frombuffer(whole, dtype=np.uint8) if numba() else whole)


def tables(trace: Any) -> list[pd.DataFrame]:
    rejected: Counter[str] = Counter()
    stack = rows.Stack()
    stack.add(trace, rejected)
    return [*stack.tables("x", rejected), pd.DataFrame({"n": rejected})]


def alike(text: bytes) -> bool:
    """Whether the scanner read it; if it did, the general decoder must say the same."""
    found = scanned(text)
    if found is None:
        return False
    refused: Counter[str] = Counter()
    other = rows._decoded(text, refused)
    assert other is not None
    assert not refused
    assert len(found) == rows.size(other)
    for mine, theirs in zip(tables(found), tables(other), strict=True):
        pd.testing.assert_frame_equal(mine.astype(object), theirs.astype(object))
    return True


def test_every_shape_of_row_reads_as_by_the_general_decoder() -> None:
    assert alike(body(ROWS))
    assert alike(body(ROWS).replace(b", ", b" ,\n\t"))


def test_what_comes_before_and_after_the_rows_is_read_too() -> None:
    text = b'{"trace":[[1,2,3]],"timestamp": 1734134400,"icao":"15152a","ownOp":"trace"}'

    found = scanned(text)

    assert found is not None
    assert (found.icao, found.timestamp, found.ownOp) == ("15152a", 1734134400.0, "trace")
    assert alike(text)


@pytest.mark.parametrize(
    "odd",
    [
        "1e3",
        "01",
        "1.",
        ".5",
        "-",
        "-0.0",
        "1234567890.1234567",
        "NaN",
        "nul",
        "truee",
        '"a"',
        "[1]",
        '{"a":1}',
        "",
        "1 2",
    ],
)
def test_numbers_that_are_not_plain_are_left_to_the_general_decoder(odd: str) -> None:
    assert not alike(body([[1, 2, 3, 4, 123456]]).replace(b"123456", odd.encode()))


@pytest.mark.parametrize(
    "text",
    [
        body([]),
        body(ROWS).replace(b"RFF7031", b"RFF\\u0037"),
        body(ROWS).replace(b"RFF7031", "RFF703é".encode()),
        body(ROWS).replace(b'"mlat"', b'"new_kind"'),
        body(ROWS)[:-40],
        b'{"icao":"15152a","timestamp":1,"x":{"trace":[[1,2,3]]},"trace":[[4,5,6]]}',
        b'{"icao":"15152a","timestamp":1,"trace":[[1,2,3]],"trace":[[4,5,6]]}',
        b'{"icao":"15152a","timestamp":1,"trace":[[1,2,3]]',
        b'{"icao":"15152a","timestamp":1,"trace":' + b"[" * 100_000,
        b'{"icao":"15152a"}',
        b"",
    ],
)
def test_anything_unusual_is_left_to_the_general_decoder(text: bytes) -> None:
    assert scanned(text) is None


TOKENS = [
    b"null",
    b"1e5",
    b'"ground"',
    b"{}",
    b"[]",
    b",",
    b"\\",
    b'"',
    b"-",
    b"0",
    b"12.5",
    b"\x00",
    b"\xff",
    b"true",
    b" ",
]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 6), st.sampled_from(TOKENS)), min_size=1, max_size=4))
def test_whatever_is_done_to_a_trace_both_say_the_same_or_the_scanner_nothing(
    edits: list[tuple[int, int, bytes]],
) -> None:
    text = body(ROWS)
    for place, length, token in edits:
        at = place % len(text)
        text = text[:at] + token + text[at + length :]

    alike(text)


def test_real_traces_read_alike(real_data: Path) -> None:
    files = sorted(real_data.rglob("trace_full_*.json*"))
    assert files

    assert all(alike(inflate.whole(file.read_bytes())) for file in files)


def test_it_waits_until_it_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanner, "_NTH", itertools.count(1))
    monkeypatch.setattr(scanner, "PATIENCE", 2)

    found = [scanner.scan(body(ROWS)) is not None for _ in range(3)]

    assert found == [False, False, numba() is not None]
