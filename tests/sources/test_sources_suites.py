"""R14: every class of document and text that breaks programs, at every place of every format, and through the store."""

# ruff: noqa: E501  # rows of the formats as they are

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from flightwatch.errors import InputError, SourceError
from flightwatch.records import AIRCRAFT, FLIGHT, HEARD, Poll, conform, empty
from flightwatch.sources import flightlist, readsb, sbs
from flightwatch.sources import rows as rows_of_trace
from flightwatch.store import open_store
from tests.fakes.suites import FORBIDDEN, NAUGHTY, OPEN, SURROGATES, VALID, quoted
from tests.sources.test_sources_hostile import NOW, in_range, of_flights, of_opensky, of_snapshot

pytestmark = pytest.mark.slow

PLANE: dict[str, Any] = {
    "hex": "152049", "type": "adsb_icao", "flight": "RFF7031 ", "r": "RF-76540", "t": "IL76", "desc": "ILYUSHIN", "ownOp": "Aviacon",
    "year": "1986", "dbFlags": 1, "alt_baro": 31000, "alt_geom": 31500, "gs": 430.5, "track": 180.5, "calc_track": 181,
    "baro_rate": 64, "geom_rate": 64, "squawk": "2304", "emergency": "none", "category": "A5", "nav_qnh": 1013.2,
    "lat": 40.5, "lon": 20.25, "nic": 8, "rc": 186, "seen_pos": 0.5, "version": 2, "mlat": [], "tisb": [], "messages": 9,
    "seen": 0.5, "rssi": -20.5, "lastPosition": {"lat": 1.0, "lon": 2.0, "seen_pos": 70.0}, "unknown": 0,
}  # fmt: skip
GOOD = {**PLANE, "hex": "152050"}
HOLE = "@@@"
Parser = Callable[[bytes], None]


def with_hole(document: Any) -> tuple[bytes, bytes]:
    """A document, split at HOLE."""
    before, after = json.dumps(document).encode().split(json.dumps(HOLE).encode())
    return before, after


def snapshots() -> Iterator[tuple[str, tuple[bytes, bytes]]]:
    for key in PLANE:
        yield f"ac.{key}", with_hole({"now": 1763800000.5, "ac": [GOOD, {**PLANE, key: HOLE}]})
    for key in ("now", "msg", "total"):
        yield key, with_hole({"now": 1763800000.5, "ac": [GOOD]} | {key: HOLE})


def vectors() -> Iterator[tuple[str, tuple[bytes, bytes]]]:
    good: list[Any] = ["152050", "RFF1    ", "Russia", 1763799999, 1763800000, 27.58, 53.77, 900.0, False, 200.0, 291.0, None, None,
                       900.0, "2304", False, 0]  # fmt: skip
    for place in range(len(good)):
        row = list(good)
        row[place] = HOLE
        yield f"states.{place}", with_hole({"time": 1763800000, "states": [good, row]})


def reported() -> Iterator[tuple[str, tuple[bytes, bytes]]]:
    good = {"icao24": "140a1f", "firstSeen": 1734142530, "lastSeen": 1734163260, "callsign": "RFF7031 ",
            "estDepartureAirport": "UUWW", "estArrivalAirport": "HLLB", "estArrivalAirportHorizDistance": 3704}  # fmt: skip
    for key in good:
        yield f"flights.{key}", with_hole([good, {**good, key: HOLE}])


def traced() -> Iterator[tuple[str, tuple[bytes, bytes]]]:
    details = {"type": "adsb_icao", "flight": "SYR9624 ", "squawk": "2304", "nic": 8}
    row: list[Any] = [4012.1, 53.7741, 27.5812, 1000, 120.0, 292.5, 0, 64, details, "adsb_icao", 1200, 64, 120, 0.4]
    head = {"icao": "152049", "r": "RA-1", "t": "IL76", "dbFlags": 1, "desc": "x", "timestamp": 1763769600.0}
    for key in head:
        yield f"trace.{key}", with_hole({**head, key: HOLE, "trace": [row]})
    for place in range(len(row)):
        yield f"trace row.{place}", with_hole({**head, "trace": [row, [*row[:place], HOLE, *row[place + 1 :]]]})
    for key in details:
        yield f"trace details.{key}", with_hole({**head, "trace": [[*row[:8], {**details, key: HOLE}, *row[9:]]]})


def of_trace(body: bytes) -> None:
    counted: Counter[str] = Counter()
    found = rows_of_trace.decode(body, counted)
    if found is None:
        assert counted.total() == 1
        raise SourceError("refused", outcome="bad_schema")
    in_range(rows_of_trace.tables([found], "x", counted)[0])


FORMATS: dict[str, tuple[Callable[[], Iterator[tuple[str, tuple[bytes, bytes]]]], Parser]] = {
    "snapshot": (snapshots, of_snapshot),
    "opensky": (vectors, of_opensky),
    "flights": (reported, of_flights),
    "trace": (traced, of_trace),
}


def refused(parse: Parser, body: bytes) -> bool:
    """Whether it was refused in our own words; any other exception is a failure."""
    said = None
    try:
        parse(body)
    except SourceError as error:
        said = (error.outcome, str(error))
    if said is None:
        return False
    assert said[0] == "bad_schema", said
    assert len(said[1]) < 400
    return True


@pytest.mark.parametrize("name", FORMATS)
def test_no_forbidden_document_is_taken_for_whole_wherever_it_stands(name: str) -> None:
    places, parse = FORMATS[name]
    for what, bad in FORBIDDEN.items():
        assert refused(parse, bad), what
        if len(bad) > 1000 and name != "snapshot":
            continue  # a hundred thousand brackets are the same everywhere, and slow
        for place, (before, after) in places():
            assert refused(parse, before + bad + after), f"{what} in {place}"


@pytest.mark.parametrize("name", FORMATS)
def test_what_json_allows_or_leaves_open_breaks_nothing_wherever_it_stands(name: str) -> None:
    places, parse = FORMATS[name]
    for good in (VALID | OPEN).values():
        refused(parse, good)
        for _, (before, after) in places():
            refused(parse, before + good + after)


def test_a_value_that_json_allows_costs_at_most_its_own_row() -> None:
    for what, value in VALID.items():
        for place, (before, after) in snapshots():
            if place.startswith("ac."):
                found = readsb.parse(before + value + after, source="x", received=NOW)

                assert 0x152050 in set(found.observations["address"]), f"{what} in {place}"
                if place == "ac.unknown":
                    assert len(found.observations) == 2, what


def test_naughty_texts_in_every_place_of_a_snapshot_cost_at_most_their_own_row() -> None:
    texts = [t for t in NAUGHTY if "\x00" not in t]
    for key in PLANE:
        rows = [{**PLANE, "hex": f"{0x140000 + n:06x}", key: text} for n, text in enumerate(texts)]
        found = readsb.parse(json.dumps({"now": 1763800000.5, "ac": rows}).encode(), source="x", received=NOW)

        in_range(found.observations)
        assert len(found.observations) + found.rejected.total() >= len(texts), key
        if key in ("flight", "r", "t", "desc", "ownOp", "unknown", "year"):
            assert len(found.observations) == len(texts), key


@pytest.mark.parametrize("name", FORMATS)
def test_naughty_texts_alone_in_every_place_are_read_or_refused(name: str) -> None:
    places, parse = FORMATS[name]
    for number, text in enumerate((*NAUGHTY, *SURROGATES)):
        value = quoted(text)
        for place, (_, (before, after)) in enumerate(places()):
            if text in SURROGATES or (number + place) % 8 == 0:  # each text in an eighth of the places, in turn
                refused(parse, before + value + after)


def test_naughty_texts_in_lines_and_lists(tmp_path: Path) -> None:
    texts = [t for t in NAUGHTY if t.isprintable() or "\t" in t]
    merger = sbs.Merger()
    line = ["MSG", "3", "1", "1", "778681", "1", "2026/11/22", "10:00:01.250", "2026/11/22", "10:00:01.310", "SYR9624", "33000", "431.2",
            "205.1", "36.12", "28.455", "0", "2304", "0", "0", "0", "0"]  # fmt: skip
    fixes = []
    for n, text in enumerate(NAUGHTY):
        for place in range(len(line)):
            fix = merger.take(",".join([*line[:place], text, *line[place + 1 :]]), 1763800000.0 + n)
            fixes += [fix] if fix is not None else []
    in_range(sbs.tables(fixes, "x", Counter())[0])

    head = ["callsign", "icao24", "registration", "typecode", "origin", "destination", "firstseen", "lastseen"]
    row = [
        "RFF7031",
        "140a1f",
        "RF-76540",
        "IL76",
        "UUMU",
        "HLLB",
        "2024-12-14 02:15:30+00:00",
        "2024-12-14 08:01:00+00:00",
    ]
    told: list[str] = []
    for place in range(len(head)):
        out = io.StringIO()
        write = csv.writer(out)
        write.writerow(head)
        for n, text in enumerate(texts):
            own = [*row[:1], f"{0x140000 + n:06x}", *row[2:]]
            own[place] = text
            write.writerow(own)
        (tmp_path / "x.csv").write_text(out.getvalue())
        try:
            flights, counted = flightlist.read(tmp_path / "x.csv")
        except InputError as error:
            told.append(str(error))
            continue
        assert flights["icao24"].str.fullmatch("([0-9a-f]{6})?").all()  # without one, a flight is known by its callsign
        assert len(flights) + counted.total() >= len(texts) - sum(not t.strip() for t in texts)
    assert not any("\n" in text for text in told)


def test_naughty_texts_come_back_from_the_store_as_they_went_in(database_url: str) -> None:
    """What a parser lets through, both databases give back unchanged, in rows, notes and marks."""
    rows = [{**PLANE, "hex": f"{0x140000 + n:06x}", **dict.fromkeys(("flight", "r", "t", "ownOp", "squawk"), text)}
            for n, text in enumerate(t for t in NAUGHTY if "\ud800" not in t)]  # fmt: skip
    found = readsb.parse(json.dumps({"now": 1763800000.5, "ac": rows}).encode(), source="x", received=NOW)
    poll = Poll("x", "q", NOW, NOW, "ok", note="\x00".join(NAUGHTY)[:5000])
    signs = found.observations["callsign"].astype(object).tolist()
    flights = conform(
        pd.DataFrame(
            {
                "flight_id": [f"{n}" for n in range(len(rows))], "icao24": [row["hex"] for row in rows], "callsign": signs,
                "firstseen": NOW, "lastseen": NOW, "estdepartureairport": "", "estarrivalairport": "", "rules_version": "1",
                "provenance": [[] for _ in rows],
            }
        ),
        FLIGHT,
    )  # fmt: skip

    with open_store(database_url, create=True) as store:
        store.save_fetched(poll, found.observations, conform(found.aircraft, AIRCRAFT), empty(HEARD))
        store.upsert_flights(flights)
        for n, text in enumerate(NAUGHTY):
            store.set_mark(f"n{n}", text.replace("\x00", ""))
        kept = store.observations(None, since=datetime(2020, 1, 1, tzinfo=UTC))
        known = store.aircraft().set_index("icao24")
        again = store.flights().set_index("flight_id")["callsign"]
        marks = [store.get_mark(f"n{n}") for n in range(len(NAUGHTY))]

    assert len(kept) == len(rows)
    assert sorted(kept["callsign"].astype(object)) == sorted(signs)
    wanted = found.aircraft.set_index("icao24")
    for name in ("registration", "typecode", "operator"):
        assert known[name].to_dict() == wanted[name].to_dict()
    assert again.loc[[f"{n}" for n in range(len(rows))]].tolist() == signs
    assert marks == [text.replace("\x00", "") for text in NAUGHTY]


def test_the_suites_are_as_large_as_they_say() -> None:
    places = sum(len(list(make())) for make, _ in FORMATS.values())

    assert len(FORBIDDEN) > 130
    assert len(NAUGHTY) + len(SURROGATES) > 200
    assert (len(FORBIDDEN) + len(VALID) + len(OPEN) + len(NAUGHTY)) * places > 20_000
