"""The compiled loops read what the general decoder reads from an answer, or nothing."""

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
from flightwatch.errors import SourceError
from flightwatch.sources import frames, inflate, large, readsb

COMPILED = numba() is not None
MOST = 50
ROWS: list[dict[str, Any]] = [
    {"hex": "140a1f", "type": "adsb_icao", "flight": "RFF7031 ", "r": "RA-76445", "t": "IL76", "alt_baro": 31000,
     "alt_geom": 32825, "gs": 441.5, "track": 181.25, "baro_rate": -64, "squawk": "1000", "emergency": "none",
     "nav_modes": ["autopilot", "tcas"], "lat": 55.813402, "lon": 38.104218, "nic": 8, "seen_pos": 1.207, "mlat": [],
     "dbFlags": 1, "rssi": -21.4, "roll": -0.00},
    {"hex": "15152a", "flight": "RFF7031", "alt_baro": "ground", "gs": 4, "calc_track": 12.5, "geom_rate": 128,
     "lat": -0.5, "lon": 120, "ownOp": "UNITED STATES AIR FORCE", "acas_ra": {"ARA": "0000", "list": [1, 2]}},
    {"hex": "~2a0b1c", "lat": 1.5, "lon": 2.5}, {"hex": "000000", "lat": 1.5, "lon": 2.5}, {"lat": 1.5, "lon": 2.5},
    {"hex": "AE01CE", "alt_baro": "high", "lastPosition": {"lat": 50.1, "lon": 8.6, "nic": 6, "rc": 186,
     "seen_pos": 120.5}, "seen": 90.1, "flight": "@@@@@@@@", "squawk": "9999", "type": "new_kind"},
    {"hex": "3c6444", "lat": 91.5, "lon": 8.6}, {"hex": "3c6445", "lat": 50.5, "lon": 8.6, "seen_pos": 2000000},
    {"hex": "3c6446", "seen": 0.1}, {"hex": "3c644g"}, {},
    {"hex": "3c6447", "lat": 50.5, "lon": 8.6, "flight": None, "alt_baro": None, "gs": None, "lastPosition": None,
     "seen_pos": None, "r": None, "nic": None, "dbFlags": None},
    {"hex": "4ca1d3", "lat": 53.5, "lon": -6.25, "ownOp": "UNITED STATES AIR MARSHAL", "r": "", "desc": "a \"b\" \\ c"},
]  # fmt: skip


def body(rows: list[dict[str, Any]] = ROWS, name: str = "aircraft", **head: Any) -> bytes:
    return json.dumps({"now": 1763800000.5, "messages": 7, **head, name: rows, "total": 3}, ensure_ascii=False).encode()


def scanned(text: bytes) -> large.Scanned | None:
    whole = text + b"\0"
    return large.read(text, np.frombuffer(whole, dtype=np.uint8) if COMPILED else whole, MOST)


def tables(part: dict[str, Any], rejected: Counter[str]) -> list[pd.DataFrame]:
    return [*frames.arrange(part, 1763800000500.0, "x", rejected), pd.DataFrame({"n": rejected})]


def alike(text: bytes) -> bool:
    """Whether the loops read it; if they did, the general decoder must say the same."""
    found = scanned(text)
    if found is None:
        return False
    part, now, refused = found
    other, other_now, other_refused = readsb._decoded(text)
    assert not refused
    assert not other_refused
    np.testing.assert_equal(now, other_now)
    for mine, theirs in zip(tables(part, refused), tables(other, other_refused), strict=True):
        pd.testing.assert_frame_equal(mine.astype(object), theirs.astype(object))
    return True


def test_every_shape_of_row_reads_as_by_the_general_decoder() -> None:
    assert alike(body())
    assert alike(body(name="ac"))
    assert alike(body().replace(b", ", b" ,\n\t").replace(b": ", b"\r\n:"))


@pytest.mark.parametrize("owner", ["Société de l’Air", 'a "b" \\ c', "A/B", "x" * 300, "tab\tbed", "   "])
def test_texts_of_any_language_and_with_escapes_read_alike(owner: str) -> None:
    assert alike(body([{**ROWS[0], "ownOp": owner, "r": owner}, ROWS[1]]))


def test_texts_that_differ_only_in_the_middle_are_told_apart() -> None:
    rows = [{**ROWS[0], "hex": f"4000{n:02x}", "ownOp": f"SAME HEAD {n:02} SAME TAIL"} for n in range(40)]

    found = scanned(body(rows))

    assert found is not None
    assert len(set(found[0]["ownOp"].names)) == 40
    assert alike(body(rows))


@pytest.mark.parametrize("field", ["lat", "gs", "nic", "alt_baro", "dbFlags", "seen_pos"])
@pytest.mark.parametrize(
    "odd", ["1e3", "01", "1.", ".5", "-", "-0.0", "1234567890.1234567", "NaN", "nul", "truee", "true", "[1]", "{}", ""]
)
def test_numbers_that_are_not_plain_are_left_to_the_general_decoder(field: str, odd: str) -> None:
    assert scanned(body([{**ROWS[0], field: 123456}]).replace(b"123456", odd.encode())) is None


@pytest.mark.parametrize("field", ["flight", "hex", "squawk", "type"])
@pytest.mark.parametrize("odd", ["1", "true", "[]", "{}", '"\\u0041"', '"\\x"', '"a', '"\n"', ""])
def test_texts_that_are_not_plain_are_left_to_the_general_decoder(field: str, odd: str) -> None:
    assert scanned(body([{**ROWS[0], field: "PLACE"}]).replace(b'"PLACE"', odd.encode())) is None


@pytest.mark.parametrize(
    "text",
    [
        body([]),
        body()[:-40],
        body().replace(b"1763800000.5", b"null"),
        body().replace(b'"flight"', b'"fl\\u0069ght"'),
        body().replace(b"UNITED", b"UNITED\xff"),
        body().replace(b'"alt_baro"', b'"altitude"'),
        body([{**ROWS[0], "lastPosition": {"lat": 1.5, "lon": 2.5}}]),
        body([{**ROWS[0], "lastPosition": {"lat": 1.5, "lon": 2.5, "seen_pos": None}}]),
        body([{**ROWS[0], "deep": {"deeper": {"deepest": 1}}}]),
        body(ROWS[:1] * (MOST + 1)),
        body(ac=None),
        body(x={"ac": [ROWS[0]]}),
        body(x=[{"aircraft": [ROWS[0]]}]),
        b'{"x":{"aircraft":[{"alt_baro":1}]},"now":1763800000,"aircraft":[]}',
        b'{"now":1763800000,"aircraft":[{"alt_baro":1}],"aircraft":[]}',
        b'{"now":1763800000,"aircraft":[{"alt_baro":1}],"ai\\u0072craft":[]}',
        b'{"now":1763800000,"x\\"aircraft":[{"alt_baro":1}]}',
        b'{"now":1763800000,"aircraft":[{"alt_baro":1}]',
        b'{"now":1763800000,"aircraft":[{"alt_baro":1},[]]}',
        b'{"now":1763800000,"aircraft":[{"alt_baro":' + b"[" * 100_000,
        b"",
    ],
)
def test_anything_unusual_is_left_to_the_general_decoder(text: bytes) -> None:
    assert scanned(text) is None


TOKENS = [
    b"null", b"1e5", b'"ground"', b"{}", b"[]", b",", b"\\", b'"', b"-", b"0", b"12.5", b"\x00", b"\xff", b"true", b" ",
    b'"lat":', b'"alt_baro":', b'"lastPosition":{"lat":1,"lon":2,"seen_pos":3},', "é".encode(), b"\\n", b'"aircraft"',
]  # fmt: skip
EDITS = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 6), st.sampled_from(TOKENS)), min_size=1, max_size=4)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(EDITS)
def test_whatever_is_done_to_an_answer_both_say_the_same_or_the_loops_nothing(
    edits: list[tuple[int, int, bytes]],
) -> None:
    text = body()
    for place, length, token in edits:
        at = place % len(text)
        text = text[:at] + token + text[at + length :]

    found = scanned(text)
    if found is None:
        return
    part, now, refused = found
    other, other_now, other_refused = readsb._decoded(text)

    np.testing.assert_equal(now, other_now)
    assert len(part["hex"]) == len(other["hex"])
    for mine, theirs in zip(tables(part, refused), tables(other, other_refused), strict=True):
        pd.testing.assert_frame_equal(mine.astype(object), theirs.astype(object))


def test_composed_answers_of_every_provider_read_alike_or_are_left(data: Path) -> None:
    texts = {file.name: file.read_bytes() for file in sorted(data.glob("*.json"))}

    read = {name for name, text in texts.items() if alike(text)}

    assert {"receiver_aircraft.json", "v2_point.json"} <= read


def test_real_aircraft_objects_read_alike(real_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.MOST", readsb.MAX_ROWS)
    files = sorted(f for f in (real_data / "adsb_actions_readsb").rglob("*") if f.suffix in (".gz", ".json"))
    texts = [inflate.whole(f.read_bytes()) for f in files if not f.name.startswith("trace_full")]
    assert len(texts) >= 5

    assert all(alike(b'{"now":1693383000,"aircraft":[' + b",".join(text.splitlines()) + b"]}") for text in texts)


def test_the_loops_are_loaded_at_the_second_large_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large, "_NTH", itertools.count(1))
    monkeypatch.setattr(large, "LARGE", len(body()))

    found = [large.scan(body(), MOST) is not None for _ in range(3)]

    assert found == [False, COMPILED, COMPILED]
    assert large.scan(body()[:-1], MOST) is None


def test_a_large_answer_is_parsed_alike_from_the_first_to_the_second_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large, "_NTH", itertools.count(1))
    monkeypatch.setattr(large, "LARGE", 0)

    first, second = (readsb.parse(body(), source="x") for _ in range(2))

    for mine, theirs in zip(first[:2], second[:2], strict=True):
        pd.testing.assert_frame_equal(mine.astype(object), theirs.astype(object))
    assert first[2:] == second[2:]


def test_more_aircraft_than_an_answer_may_have_are_refused_before_anything_is_built(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(large, "_NTH", itertools.count(10))
    monkeypatch.setattr(large, "LARGE", 0)

    with pytest.raises(SourceError, match="more than 50,000 aircraft"):
        readsb.parse(b'{"now":1763800000,"aircraft":[' + b"{}," * 250_000 + b'{"alt_baro":1}]}', source="x")
