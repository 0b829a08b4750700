"""Heatmap records give the same columns by sorting and by the compiled loop."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flightwatch.compiled import numba
from flightwatch.sources import sweep

START = 1_763_769_600_000
HOUR = 3_600_000
# where readsb's fields have a special meaning, and next to it
ALTITUDES = st.sampled_from([-124, -123, -122, 0, 1400, 32_767, -32_768])
SPEEDS = st.sampled_from([-1, 0, 4503, -2, 32_767])
DEGREES = st.integers(-200_000_000, 200_000_000)
ADDRESSES = st.sampled_from([0x140A1F, 0x140A20, 0xABCDEF, 1])
RECORDS = st.lists(st.tuples(ADDRESSES, st.integers(0, 31), DEGREES, DEGREES, ALTITUDES, SPEEDS), max_size=12)
INFOS = st.lists(
    st.tuples(ADDRESSES, st.sampled_from([0, 1000, 7700, 9999]), st.binary(min_size=8, max_size=8)), max_size=4
)
SLICES = st.lists(st.tuples(st.integers(0, 3 * HOUR), RECORDS, INFOS), max_size=6)


def _file(slices: list, at: int) -> tuple[sweep.Slices, int]:
    """A file of these slices, each so much later than the one before; and the time of the last."""
    rows, time, infos, told = [], [], [], []
    for later, records, said in slices:
        at += later
        for address, kind, lat, lon, altitude, speed in records:
            number = np.array([address | kind << 27], dtype=np.uint32).view(np.int32)[0]
            rows.append((number, lat, lon, altitude, speed))
            time.append(at)
        for address, squawk, sign in said:
            lon, altitude, speed = np.frombuffer(sign, dtype=[("a", "<i4"), ("b", "<i2"), ("c", "<i2")])[0].tolist()
            infos.append((address, sweep.INFO | squawk, lon, altitude, speed))
            told.append(at)
    found = sweep.Slices(
        np.array(rows, dtype=sweep.RECORD), np.array(time, dtype=np.int64),
        np.array(infos, dtype=sweep.RECORD), np.array(told, dtype=np.int64),
    )  # fmt: skip
    return found, at


@settings(deadline=None)
@given(st.lists(SLICES, min_size=1, max_size=3))
def test_both_ways_give_the_same_columns(days: list) -> None:
    at, found = START, []
    for slices in days:
        file, at = _file(slices, at)
        found.append(file)
    if not sum(len(f.rows) for f in found):
        return
    told = sweep.told_in(np.concatenate([f.infos for f in found]))

    a, b = sweep.ordered(found, told), sweep.placed(found, told)

    if b is None:  # two files with one instant are sorted
        assert any(later == 0 for slices in days[1:] for later, *_ in slices)
        return
    assert list(a) == list(b)
    for name, values in a.items():
        np.testing.assert_array_equal(values, b[name], err_msg=name)
        assert values.dtype == b[name].dtype


NUMBERS = st.sampled_from([sweep.MAGIC, 0, 1, 0x140A1F, 0xABCDEF, 0xFFFFFF, 0x140A1F | sweep.NOT_ICAO, -(2**31) + 7])
EDGES = [0, sweep.NOWHERE, sweep.POLE, 2 * sweep.POLE, sweep.INFO | 1000, 2**31 - 1]
PLACES = st.sampled_from([sign * edge + near for edge in EDGES for sign in (1, -1) for near in (-1, 0, 1)]).filter(
    lambda n: n < 2**31
)
SECONDS = START >> 32  # the upper half of a time in ms: a header's latitude


@settings(deadline=None)
@given(
    st.lists(st.tuples(NUMBERS, PLACES | st.just(SECONDS), PLACES, ALTITUDES, SPEEDS), max_size=40),
    st.booleans(),
    st.sampled_from([(0, 1), (0, 3), (1, 3)]),
)
def test_both_ways_put_the_same_records_apart(rows: list, begun: bool, part: tuple[int, int]) -> None:
    header = [(sweep.MAGIC, SECONDS, 12_345, 10_000, 0)] if begun else []
    later = [(sweep.MAGIC, SECONDS, *row[2:]) if row[0] == sweep.MAGIC and begun else row for row in rows]
    records = np.array(header + later, dtype=sweep.RECORD)

    said = []
    for way in (sweep._apart, sweep._apart_by_loop):
        try:
            found, refused = way(records, part)
            said.append([*(v.tolist() for v in (found.rows, found.time, found.infos, found.info_time)), refused])
        except ValueError as error:
            said.append([str(error)])

    assert said[0] == said[1]


def test_a_position_that_cannot_be_is_left_out_and_counted() -> None:
    fixes = [(0x140A1F, lat, lon, 1000, 4000) for lat, lon in ((90, 0), (0, 0), (-90, 5), (3, 181), (55, 180), (0, 1))]
    records = np.array([(sweep.MAGIC, SECONDS, 0, 0, 0), *fixes], dtype=sweep.RECORD)
    for name in ("lat", "lon"):
        records[name][1:] *= 1_000_000
    rejected: Counter[str] = Counter()

    found = sweep.apart(records, (0, 1), rejected)

    assert found.rows["lat"].tolist() == [55_000_000, 0]
    assert rejected == {"position out of range": 4}


def test_a_callsign_holds_for_two_hours_and_for_the_slice_it_is_told_in() -> None:
    fix = (0x140A1F, 0, 55_000_000, 37_000_000, 1000, 4000)
    said = (0x140A1F, 1000, b"RFF7031 ")
    found, _ = _file([(0, [fix], []), (10_000, [fix], [said]), (2 * HOUR, [fix], []), (10_000, [fix], [])], START)

    codes, texts = sweep.columns([found])["callsign"]

    assert [texts[c] for c in codes.tolist()] == ["", "RFF7031", "RFF7031", ""]


def test_records_out_of_the_order_of_time_are_sorted() -> None:
    fix = (0x140A1F, 0, 55_000_000, 37_000_000, 1000, 4000)
    early, _ = _file([(0, [fix], [])], START)
    late, _ = _file([(0, [fix], []), (10_000, [fix], [])], START + HOUR)
    told = sweep.told_in(early.infos)

    for files in ([late, early], [sweep.Slices(late.rows[::-1], late.time[::-1], late.infos, late.info_time)]):
        assert sweep.placed(files, told) is None
        assert (np.diff(sweep.columns(files)["time"]) > 0).all()


def test_the_loop_is_loaded_after_some_records(monkeypatch: pytest.MonkeyPatch) -> None:
    found, _ = _file([(0, [(0x140A1F, 0, 55_000_000, 37_000_000, 1000, 4000)], [])], START)
    used = itertools.count()
    monkeypatch.setattr(sweep, "_seen", [0])
    monkeypatch.setattr(sweep, "PATIENCE", 2)
    monkeypatch.setattr(sweep, "placed", lambda *_: next(used) and None)

    for _ in range(4):
        sweep.columns([found])

    assert next(used) == (2 if numba() else 0)
