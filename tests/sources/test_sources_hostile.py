"""R14 in CI size: 20,000 mutated bodies of every format; what comes out is in range, or refused in our own words."""

from __future__ import annotations

import gzip
import io
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from flightwatch.errors import InputError, SourceError
from flightwatch.records import FLIGHT, OBSERVATION, conform
from flightwatch.sources import flightlist, heatmap, readsb, sbs, skyflights, snapshots, states, traces
from flightwatch.sources import rows as rows_of_trace

NOW = datetime.fromtimestamp(1763800000.5, UTC)
TOKENS = (
    *(b"null", b"NaN", b"1e999", b"-1e308", b"1e300", b'"\\ud800"', b'"\\u0000"', b"\xff\xfe", b"{}", b"[]"),
    *(b'"ground"', b"9" * 400, b"18446744073709551616", b"true", b"-0", b"0x10", b'""', b"\x00", b"1748719389000000"),
    *(b"\xf0\x9f\x92\xa9", b"0", b"-1", b"1e18", b"91.5", b"-181", b'"zzzzzz"', b'"~14a0b1"', b"12.5", b"7777"),
)


def mutate(body: bytes, rng: np.random.Generator) -> bytes:
    """One or two changes: mostly a value replaced by a nasty one, else a changed byte, a cut, a piece doubled."""
    data = bytearray(body)
    for _ in range(rng.integers(1, 3)):
        if not data:
            break
        at = int(rng.integers(0, len(data)))
        kind = rng.integers(0, 12)
        if kind == 0:
            data[at] = int(rng.integers(0, 256))
        elif kind == 1:
            del data[at : at + int(rng.integers(1, 30))]
        elif kind == 2:
            data[at:at] = data[at : at + int(rng.integers(1, 200))]
        else:
            start = max(data.rfind(b, 0, at) for b in (b":", b",", b"[")) + 1
            end = min(e for e in (*(data.find(b, at) for b in (b",", b"}", b"]")), len(data)) if e >= 0)
            data[start:end] = TOKENS[int(rng.integers(0, len(TOKENS)))]
    return bytes(data)


def in_range(rows: pd.DataFrame) -> None:
    assert list(rows.columns) == list(OBSERVATION)
    if not len(rows):
        return
    assert rows["latitude"].abs().max() < 90
    assert rows["longitude"].abs().max() <= 180
    assert rows["address"].between(1, 0xFFFFFE).all()
    assert rows["time"].notna().all()
    assert rows["time"].dt.year.between(1999, 2101).all()
    assert rows["nic"].between(-1, 11).all()
    for name in ("altitude", "geoaltitude", "groundspeed", "track", "vertical_rate"):
        assert not np.isinf(rows[name]).any()
    for name, length in (("callsign", 8), ("squawk", 4)):
        assert all(len(t) <= length and t.isprintable() for t in rows[name].cat.categories)
    assert rows["position_type"].isin(readsb.col.POSITION_TYPES).all()


def of_snapshot(body: bytes) -> None:
    in_range(readsb.parse(body, source="x", received=NOW).observations)


def of_opensky(body: bytes) -> None:
    in_range(states.parse(body, source="x", received=NOW).observations)


def of_flights(body: bytes) -> None:
    flights, _ = skyflights.parse_flights(body, "x", "piece")
    assert (conform(flights, FLIGHT)["firstseen"].dt.year >= 2000).all()


@pytest.mark.parametrize(
    ("names", "parse", "count"),
    [
        (("receiver_aircraft.json", "v2_point.json", "mutability_aircraft.json"), of_snapshot, 7000),
        (("opensky_states.json",), of_opensky, 2000),
        (("opensky_arrivals.json",), of_flights, 1000),
    ],
)
def test_mutated_answers(data: Path, names: tuple[str, ...], parse: Callable[[bytes], None], count: int) -> None:
    rng = np.random.default_rng(14)
    bodies = [(data / n).read_bytes() for n in names]
    read = 0
    refusals = []
    began = time.process_time()

    for i in range(count):
        try:
            parse(mutate(bodies[i % len(bodies)], rng))
            read += 1
        except SourceError as error:
            refusals.append(error)

    assert {e.outcome for e in refusals} == {"bad_schema"}
    assert max(len(str(e)) for e in refusals) < 400
    assert count * 0.1 < read < count
    assert (time.process_time() - began) / count < 0.005  # the bar is 1 ms; this machine may be shared by ten


def test_mutated_traces(data: Path) -> None:
    rng = np.random.default_rng(15)
    body = (data / "trace_full_778681.json").read_bytes()
    counted: Counter[str] = Counter()
    decoded = []

    for _ in range(4000):
        found = rows_of_trace.decode(mutate(body, rng), counted)
        if found is not None:
            decoded.append(found)
    rows, aircraft = rows_of_trace.tables(decoded, "x", counted)

    in_range(rows)
    assert len(decoded) > 1000
    assert counted["unreadable member"] > 200
    assert aircraft["icao24"].str.fullmatch("[0-9a-f]{6}").all()


def test_mutated_lines(data: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(16)
    lines = [x for n in ("lines.jsonl", "dialect.jsonl") for x in (data / n).read_bytes().splitlines()]
    mutated = [mutate(lines[i % len(lines)], rng).replace(b"\n", b"") or b"{" for i in range(4000)]
    (tmp_path / "x.jsonl").write_bytes(b"\n".join([lines[0], *mutated]))

    found = list(snapshots.read(tmp_path / "x.jsonl"))

    rows = pd.concat([f.observations for f in found], ignore_index=True)
    in_range(conform(rows, OBSERVATION))
    assert len(rows) + sum(f.rejected.total() for f in found) == sum(bool(m.strip()) for m in mutated) + 1


def test_mutated_flight_lists(data: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(17)
    header, *lines = (data / "flights.csv").read_bytes().splitlines()
    refusals = []
    rows = 0

    for i in range(100):  # files of ten lines
        body = [header if i % 10 else mutate(header, rng), *(mutate(lines[k % len(lines)], rng) for k in range(10))]
        (tmp_path / "x.csv").write_bytes(b"\n".join(body))
        try:
            flights, _ = flightlist.read(tmp_path / "x.csv")
        except InputError as error:
            refusals.append(str(error))
            continue
        rows += len(flights)
        assert flights["firstseen"].notna().all()
        assert flights["flight_id"].is_unique
        assert (flights["lastseen"] >= flights["firstseen"]).all()

    assert rows > 100
    assert refusals
    assert not any("\n" in r for r in refusals)


def test_mutated_basestation_lines(data: Path) -> None:
    rng = np.random.default_rng(18)
    lines = (data / "basestation.txt").read_bytes().splitlines()
    merger = sbs.Merger()
    fixes = []

    for i in range(1000):
        fix = merger.take(mutate(lines[i % len(lines)], rng).decode("ascii", "replace"), 1763800000.0 + 5 * i)
        if fix is not None:
            fixes.append(fix)
    rows, _ = sbs.tables(fixes, "x", Counter())

    in_range(rows)
    assert len(rows) > 50


def test_mutated_heatmaps() -> None:
    rng = np.random.default_rng(19)
    records = np.zeros(400, dtype=heatmap.RECORD)
    records["hex"], records["lat"], records["lon"] = 0x140A1F, 32_000_000, 20_000_000
    records[::50] = (
        heatmap.MAGIC,
        1763800000000 >> 32,
        np.int64(1763800000000 & 0xFFFFFFFF).astype(np.int32),
        10000,
        0,
    )
    body = records.tobytes()
    read = 0

    for _ in range(1000):
        damaged = mutate(body, rng)
        counted: Counter[str] = Counter()
        try:
            found = heatmap.decode(damaged[: len(damaged) // 16 * 16], counted)
        except ValueError:
            continue
        in_range(heatmap.observations([found], "x", counted))
        read += 1

    assert read > 100


NASTY = (
    b"[" * 100_000, b'{"a":' * 100_000, b"[1,]", b"{,}", b'{"ac":[}', b"nul", b"\xef\xbb\xbf[]", b"[\"\xed\xa0\x80\"]",
    b'{"now":1763800000,"ac":[{"hex":"\\ud83d"}]}', b'{"now":-Infinity,"ac":[]}', b'{"now":1763800000,"ac":[[]]}',
    b'{"now":"1763800000","ac":[]}', b'{"ac":[],"now":null}', b"\x00", b"{}" * 1000, b'{"now":1763800000,"ac":"no"}',
)  # fmt: skip


@pytest.mark.parametrize("body", NASTY, ids=range(len(NASTY)))
def test_bodies_known_to_break_parsers(body: bytes) -> None:
    counted: Counter[str] = Counter()

    outcomes = set()
    for parse in (of_snapshot, of_opensky, of_flights):
        try:
            parse(body)
        except SourceError as error:
            outcomes.add(error.outcome)
    assert outcomes <= {"bad_schema"}
    rows_of_trace.decode(body, counted)
    assert counted.total() == 1


HOSTILE_TEXTS = (
    "<script>alert(1)</script>", "=HYPERLINK(\"x\")", "\u202eRFF7031", "A\u0000B", "\ud7ff", "Ω≈ç√", "﷽", "👾" * 40,
    "'; DROP TABLE", "\r\nBcc: x", "%s%n", "../../etc", "\t", "\u200b", "ﬀ", "i̇" * 9,
)  # fmt: skip


def test_hostile_texts_stay_short_and_printable() -> None:
    import json

    rows = [
        {"hex": f"140a{i:02x}", "flight": t, "squawk": t, "type": t, "r": t, "t": t, "ownOp": t, "lat": 1.0, "lon": 1.0}
        for i, t in enumerate(HOSTILE_TEXTS)
    ]
    found = readsb.parse(json.dumps({"now": 1763800000.5, "ac": rows}).encode(), source="x")

    in_range(found.observations)
    assert len(found.observations) == len(HOSTILE_TEXTS)
    for name in ("registration", "typecode", "operator"):
        assert all(len(t) <= readsb.col.TEXT_LENGTH and t.isprintable() for t in found.aircraft[name])


def test_a_quine_like_nest_of_gzip_is_opened_once() -> None:
    inner = gzip.compress(gzip.compress(gzip.compress(b"{}")))
    counted: Counter[str] = Counter()

    assert rows_of_trace.decode(inner, counted) is None
    assert counted == {"unreadable member": 1}
    assert io.BytesIO(inner).read(2) == b"\x1f\x8b"


def test_dates_stay_dates() -> None:
    assert traces.day_of(traces.Member("x", data=b'{"timestamp": 1763769600.0}')) == date(2025, 11, 22)
    assert traces.day_of(traces.Member("x", data=b'{"timestamp": 9999999999999}')) is None
