"""Builds the flights of a pack again from its raw bodies, and compares them with the database."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pandas as pd

from flightwatch import flights as rules
from flightwatch import ingest
from flightwatch.errors import SourceError
from flightwatch.explore import Explorer
from flightwatch.explore.tables import FLIGHT_COLUMNS
from flightwatch.export.tables import csv as as_csv
from flightwatch.sources import readsb
from flightwatch.units import parse_icao24

SEEN_FIELDS = (
    "icao24", "callsign", "firstseen", "lastseen", "points", "first_latitude", "first_longitude", "last_latitude",
    "last_longitude", "distance_nm", "longest_gap_s",
)  # fmt: skip
"""The fields that follow from the fixes alone. Inferred ends also depend on other flights, which are not in the
pack."""

SEEN_ENDS = ("observed", "approach")
CLOSE = 1e-4  # numbers in CSV are exact; distances are sums whose order may differ


def recompute(files: dict[str, bytes]) -> tuple[int, list[str], list[str]]:
    """How many flights were rebuilt with the same result; the differences; what could not be done and why."""
    listed = _rows(files, "flights.csv")
    polls = {int(p["id"]): p for p in _rows(files, "polls.csv")}
    rows = {f["flight_id"]: f for f in listed}
    complete = [f for f in listed if _complete(f, polls)]
    notes: list[str] = []
    problems: list[str] = []
    if len(complete) < len(listed):
        rest = len(listed) - len(complete)
        notes.append(f"{rest} of {len(listed)} flights cannot be built again: not all their raw bodies are in the pack")
    if not complete:
        return 0, problems, notes
    if any(f["rules_version"] != rules.RULES_VERSION for f in complete):
        notes.append(f"built by other rules than this program's ({rules.RULES_VERSION}), so not compared")
        return 0, problems, notes
    wanted = {int(p) for f in complete for p in json.loads(f["provenance"])}
    observations, aircraft, unread = _fixes(files, [polls[n] for n in sorted(wanted)], complete)
    notes += unread
    built = rules.build(observations, aircraft=aircraft)
    again = {f["flight_id"]: f for f in csv.DictReader(io.StringIO(as_csv(built[list(FLIGHT_COLUMNS)]).decode()))}
    done = 0
    for flight in complete:
        name = flight["flight_id"]
        if name not in again:
            problems.append(f"flights.csv: {name} does not follow from the raw bodies")
            continue
        wrong = list(_differences(rows[name], again[name]))
        problems += [f"flights.csv: {name}: {text}" for text in wrong]
        done += not wrong
    return done, problems, notes


def _complete(flight: dict[str, str], polls: dict[int, dict[str, str]]) -> bool:
    named = json.loads(flight["provenance"] or "[]")
    numbers = [int(p) for p in named if str(p).isdigit()]
    return bool(named) and len(numbers) == len(named) and all(polls.get(n, {}).get("body") for n in numbers)


def _fixes(
    files: dict[str, bytes], polls: list[dict[str, str]], flights: list[dict[str, str]]
) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """The airframes' clean fixes from the bodies, each body at the time it was fetched."""
    airframes = {parse_icao24(f["icao24"]) for f in flights}
    fixes, known, notes = [], [], []
    for poll in polls:
        received = datetime.fromisoformat(poll["finished"])
        try:
            parsed = readsb.parse(files[poll["body"]], source=poll["source"], received=received)
        except SourceError as e:
            notes.append(f"{poll['body']}: {e}")
            continue
        rows, _ = ingest.clean(parsed.observations, received=received)
        fixes.append(rows[rows["address"].isin(airframes)].astype({"source": object, "callsign": object}))
        known.append(parsed.aircraft)
    return (
        pd.concat(fixes, ignore_index=True),
        pd.concat(known, ignore_index=True).drop_duplicates("icao24", keep="last"),
        notes,
    )


def _differences(packed: dict[str, str], again: dict[str, str]) -> Iterator[str]:
    fields = list(SEEN_FIELDS)
    for end in ("departure", "arrival"):
        if packed[f"{end}_method"] in SEEN_ENDS:
            fields.append(f"est{end}airport")
    for name in fields:
        if not _same(packed[name], again[name]):
            yield f"{name} is {packed[name]!r}, from the raw bodies it is {again[name]!r}"


def _same(a: str, b: str) -> bool:
    if a == b:
        return True
    try:
        return abs(float(a) - float(b)) <= CLOSE * max(1.0, abs(float(a)))
    except ValueError:
        return False


def against_database(files: dict[str, bytes], db: Explorer) -> tuple[list[str], list[str]]:
    """Where the database differs about the alert's flights. Later corrections are notes, not problems."""
    packed = {f["flight_id"]: f for f in _rows(files, "flights.csv")}
    held = db.store.flights(ids=sorted(packed))
    now = {f["flight_id"]: f for f in csv.DictReader(io.StringIO(as_csv(held[list(FLIGHT_COLUMNS)]).decode()))}
    problems: list[str] = []
    notes: list[str] = []
    changed = db.store.flight_updates()
    corrected = set(changed["flight_id"]) if len(changed) else set()
    for name, flight in packed.items():
        if name not in now:
            notes.append(f"{name}: the database no longer holds this flight")
            continue
        for column in FLIGHT_COLUMNS:
            if not _same(flight[column], now[name][column]):
                text = f"{name}: {column} is {flight[column]!r}, the database says {now[name][column]!r}"
                (notes if name in corrected else problems).append(text)
    return problems, notes


def _rows(files: dict[str, bytes], name: str) -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO(files[name].decode("utf-8"), newline="")))
